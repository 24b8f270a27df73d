"""All checks of one target in the order in which they are told: the guide's eight steps, then what the guide forgot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.setup.app import app_steps, without_access, without_app
from reconciler.setup.bytebase import bytebase_checks
from reconciler.setup.check import Check, Item, Status, cause_of
from reconciler.setup.definitions import definition_checks, definition_items
from reconciler.setup.events import event_checks, event_items, shared_app_check
from reconciler.setup.facts import BytebaseFacts, Console, NoAccess, SetupFacts
from reconciler.setup.people import people_checks, people_items
from reconciler.setup.scopes import optional_scope_items, optional_scopes
from reconciler.spec.models.feishu import Feishu
from reconciler.spec.target import Target

CLOCK = Item("clock", "Clocks")
STORE = Item("store", "Store")
WITHDRAWAL = Item("withdrawal", "Requests can be withdrawn")
MOST_SKEW = 60.0
"""Seconds; beyond it nothing expires and nothing newly counts."""


def checks_of(target: Target, facts: SetupFacts, console: Console, *, siblings: frozenset[str]) -> tuple[Check, ...]:
    """Every line about one target. `siblings` are the integrations of the same spec that use the same app, this one too."""
    side, *bytebase = bytebase_checks(target, facts.bytebase, facts.accounts)
    steps = [*_app(target, facts, console), side]
    rest = [*bytebase, *_feishu(target, facts, console, siblings, steps), _clock(target, facts.skews, console)]
    if facts.store is not None:
        fix = facts.store.error.next_step or "name the store with --store or RECONCILER_STORE"
        rest.append(STORE.failed(cause_of(facts.store.error), fix=fix, link=target.spec.bytebase.url))
    return (*steps, *rest)


def _app(target: Target, facts: SetupFacts, console: Console) -> list[Check]:
    app = target.spec.feishu.app if target.spec.feishu is not None else None
    if app is None or facts.feishu is None:
        return without_app(target.spec.bytebase.url)
    if isinstance(facts.feishu, NoAccess):
        return without_access(facts.feishu, app.id, console)
    return app_steps(facts.feishu, app.id, console)


def _feishu(
    target: Target, facts: SetupFacts, console: Console, siblings: frozenset[str], steps: Sequence[Check]
) -> Iterator[Check]:
    feishu = target.spec.feishu
    if feishu is None or feishu.app is None or facts.feishu is None:
        return
    if isinstance(facts.feishu, NoAccess):
        first = next(check for check in steps if check.status is Status.FAILED)
        yield from (item.after(first) for item in _items(target, feishu))
        return
    yield from optional_scopes(target.spec, facts.feishu.scopes, console)
    if isinstance(facts.bytebase, BytebaseFacts):
        yield from people_checks(target, facts.bytebase, facts.feishu, console)
    else:
        yield from (item.after(steps[-1]) for item in people_items(target))
    yield from definition_checks(feishu, facts, facts.feishu.definitions, console)
    yield from event_checks(feishu, facts, facts.feishu, console)
    if feishu.definitions:
        yield shared_app_check(feishu, facts.feishu, siblings=siblings, console=console)
        yield _withdrawal(feishu, console)


def _items(target: Target, feishu: Feishu) -> Iterator[Item]:
    yield from optional_scope_items(target.spec)
    yield from people_items(target)
    yield from definition_items(feishu)
    yield from event_items(feishu)
    if feishu.definitions:
        yield WITHDRAWAL


def _withdrawal(feishu: Feishu, console: Console) -> Check:
    return WITHDRAWAL.unverifiable(
        "whether the tenant lets submitters withdraw requests cannot be read",
        fix=f"see that withdrawal is allowed in the approval console, or run doctor --probe {feishu.definitions[0].name}",
        link=console.approvals(),
    )


def _clock(target: Target, skews: Mapping[str, float], console: Console) -> Check:
    has_app = target.spec.feishu is not None and target.spec.feishu.app is not None
    link = console.page("baseinfo") if has_app else target.spec.bytebase.url
    if not skews:
        return CLOCK.unverifiable("no upstream told its time", fix="make the upstreams answer", link=link)
    wrong = {name: skew for name, skew in sorted(skews.items()) if abs(skew) > MOST_SKEW}
    if wrong:
        said = "; ".join(f"{name}'s clock is {_apart(skew)}" for name, skew in wrong.items())
        return CLOCK.failed(
            f"{said}: nothing expires, nothing is reminded, and no condition newly counts",
            fix="let this machine, and any server of your own, keep time by NTP",
            link=link,
        )
    most = max(abs(skew) for skew in skews.values())
    return CLOCK.ok(f"within {max(1, round(most))} s of {' and '.join(sorted(skews))}")


def _apart(skew: float) -> str:
    """`skew` is our time less theirs."""
    return f"{abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} ours"
