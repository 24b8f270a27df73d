"""Step 8 and what the guide forgot on Bytebase's side: external URL, licence, rights for the declared gates, accounts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.resources.facts import UpstreamFacts
from reconciler.resources.finding import Finding
from reconciler.setup.check import Check, Item, cause_of
from reconciler.setup.facts import AccountFacts, BytebaseFacts, NoAccess, Unread
from reconciler.setup.people import NOBODY
from reconciler.spec.target import Target

BYTEBASE = Item("bytebase", "Bytebase side", 8)
EXTERNAL_URL = Item("externalUrl", "External URL")
LICENCE = Item("licence", "Licence")
RIGHTS = Item("rights", "Rights for the gates")

_BREAKS_A_GATE = frozenset(
    {
        "cannotRunStage",
        "noReviewer",
        "reviewerNotBound",
        "unknownProject",
        "unknownEnvironment",
        "automaticGated",
        "twoStepsOneAccount",
    }
)
_SHOWN = 3


def bytebase_checks(target: Target, facts: BytebaseFacts | NoAccess, accounts: Sequence[AccountFacts]) -> list[Check]:
    """Everything about Bytebase, step 8 first."""
    url = target.spec.bytebase.url
    if isinstance(facts, NoAccess):
        fix = facts.why.error.next_step or "check spec.bytebase.url and its credentials"
        first = BYTEBASE.failed(cause_of(facts.why.error), fix=fix, link=url)
        return [first, EXTERNAL_URL.after(first), LICENCE.after(first), RIGHTS.after(first), *_accounts(accounts, url)]
    return [
        _side(target, facts),
        _external_url(facts.upstream, url),
        _licence(target, facts.upstream),
        *_rights(target, facts, url),
        *_accounts(accounts, url),
    ]


def _side(target: Target, facts: BytebaseFacts) -> Check:
    bytebase = target.spec.bytebase
    upstream = facts.upstream
    seen = f"Bytebase {upstream.version} ({upstream.licence}) accepts {upstream.account.partition(':')[2]}"
    release = upstream.release
    if release is not None and release < (3, 17):
        seen += "; before 3.17 it is supported as well as it goes"
    if bytebase.im is None:
        return BYTEBASE.ok(seen)
    declared = [setting.type for setting in bytebase.im.settings]
    types = facts.im_types
    if isinstance(types, Unread):
        return BYTEBASE.unread(types, link=bytebase.url)
    missing = [each for each in declared if each not in types]
    if missing:
        return BYTEBASE.failed(
            f"its IM list does not hold {', '.join(missing)}, which the spec declares",
            fix="run reconciler apply --only bytebase/im, or reconciler bootstrap",
            link=bytebase.url,
        )
    return BYTEBASE.ok(f"{seen}; its IM list holds {', '.join(declared)} (credentials cannot be read back)")


def _external_url(upstream: UpstreamFacts, url: str) -> Check:
    if upstream.external_url:
        return EXTERNAL_URL.ok(upstream.external_url)
    return EXTERNAL_URL.failed(
        "Bytebase has no external URL: it sends no webhook, and links in requests lead to the address in the spec",
        fix="set it under Settings > General > Network, or start the server with --external-url",
        link=f"{url}/setting/general",
    )


def _licence(target: Target, upstream: UpstreamFacts) -> Check:
    bytebase = target.spec.bytebase
    needs = [
        name
        for name, is_declared in (
            ("review gates", any(gate.at == "review" for gate in target.spec.gates)),
            ("spec.bytebase.approvalRules", bytebase.approval_rules is not None),
            ("spec.bytebase.roles", bool(bytebase.roles)),
        )
        if is_declared
    ]
    if needs and not upstream.has_custom_approval:
        return LICENCE.failed(
            f"the licence is {upstream.licence}, and {', '.join(needs)} need ENTERPRISE",
            fix="upload an ENTERPRISE licence, or take them out of the spec: stage gates work with every licence",
            link=f"{target.spec.bytebase.url}/setting/subscription",
        )
    return LICENCE.ok(f"{upstream.licence}, which is enough for what the spec declares")


def _rights(target: Target, facts: BytebaseFacts, url: str) -> Iterator[Check]:
    if not target.spec.gates:
        return
    if isinstance(facts.rights, Unread):
        yield RIGHTS.unread(facts.rights, link=url)
        return
    lines = {target.origin("spec", "gates", index).line: gate.name for index, gate in enumerate(target.spec.gates)}
    by_name: dict[str, list[Finding]] = {gate.name: [] for gate in target.spec.gates}
    for finding in facts.rights:
        if finding.code == NOBODY:
            continue  # the line about approvers says so
        at = finding.origin.line if finding.origin is not None else 0
        by_name.setdefault(lines.get(at, finding.name), []).append(finding)
    for name, findings in by_name.items():
        yield _gate(name, findings, url)


def _gate(name: str, findings: Sequence[Finding], url: str) -> Check:
    item = Item(f"rights/{name}", f"Rights for gate {name}")
    broken = [each for each in findings if each.code in _BREAKS_A_GATE]
    if broken:
        causes = [each.message for each in broken]
        fixes = list(dict.fromkeys(each.next for each in broken if each.next))
        return item.failed(_joined(causes), fix=_joined(fixes), link=url)
    notes = _joined([each.message for each in findings])
    return item.ok(f"our accounts hold what it needs{f'; worth knowing: {notes}' if notes else ''}")


def _joined(sentences: Sequence[str]) -> str:
    shown = "; ".join(sentences[:_SHOWN])
    return shown if len(sentences) <= _SHOWN else f"{shown}; and {len(sentences) - _SHOWN} more"


def _accounts(accounts: Sequence[AccountFacts], url: str) -> Iterator[Check]:
    for account in accounts:
        item = Item(f"account/{account.purpose}", f"Account for {account.purpose}")
        signs_in = account.signs_in
        if not isinstance(signs_in, Unread):
            yield item.ok(f"Bytebase accepts {account.email}")
        elif account.has_secret:
            fix = signs_in.error.next_step or "check its key"
            yield item.failed(f"{account.email}: {cause_of(signs_in.error)}", fix=fix, link=url)
        else:
            yield item.unverifiable(
                f"{account.email}: its secret is not to be had here: {cause_of(signs_in.error)}",
                fix=f"run doctor where this account's secret is: {signs_in.error.next_step}",
                link=url,
            )
