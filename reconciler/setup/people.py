"""Whether the people whom the gates would ask can be asked: found in Feishu, and within the app's availability. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import ForbiddenError
from reconciler.resources.finding import Finding
from reconciler.setup.check import Check, Item, listed
from reconciler.setup.facts import BytebaseFacts, Console, FeishuFacts, Unread
from reconciler.setup.scopes import SELF_MANAGE
from reconciler.spec.models.gates import DecideByDefinition
from reconciler.spec.target import Target

APPROVERS = Item("approvers", "Approvers in Feishu")
AVAILABILITY = Item("availability", "Approvers within the app's availability")

NOBODY = "nobodyToAsk"
"""The finding about a gate that would ask nobody."""

_FOUND = frozenset({"userResolves", "userOverridden"})


def people_items(target: Target) -> list[Item]:
    """The lines about people, before anything is known."""
    asks = any(isinstance(gate.decide, DecideByDefinition) for gate in target.spec.gates)
    return [APPROVERS, AVAILABILITY] if asks else []


def people_checks(target: Target, bytebase: BytebaseFacts, feishu: FeishuFacts, console: Console) -> list[Check]:
    """The two lines about people; none where no gate asks anybody in Feishu."""
    if not people_items(target):
        return []
    if isinstance(bytebase.people, Unread):
        approvers = APPROVERS.unread(bytebase.people, link=_link(bytebase.people, console))
        return [approvers, AVAILABILITY.after(approvers)]
    unmanned = (
        () if isinstance(bytebase.rights, Unread) else tuple(each for each in bytebase.rights if each.code == NOBODY)
    )
    approvers = _approvers(bytebase.people, unmanned, console)
    return [approvers, _availability(feishu, approvers, console)]


def _approvers(findings: Sequence[Finding], unmanned: Sequence[Finding], console: Console) -> Check:
    if unmanned:
        return APPROVERS.failed(
            "; ".join(each.message for each in unmanned),
            fix="bind people to those roles in Bytebase, or name users or a fallback in spec.gates[].approvers",
            link=console.page("version"),
        )
    if not findings:
        return APPROVERS.ok("the gates ask whoever is there (allUsers)")
    lost = [each for each in findings if each.code not in _FOUND]
    if not lost:
        return APPROVERS.ok(f"all {len(findings)} are found" if len(findings) > 1 else f"{findings[0].name} is found")
    said = [f"{each.name}{_at(each)}: {each.message}" for each in lost]
    return APPROVERS.failed(
        f"{len(lost)} of {len(findings)} cannot be asked: " + "; ".join([*said[:5], *_rest(len(said) - 5)]),
        fix="correct the e-mail in Bytebase or Feishu, add a spec.users.overrides entry, "
        "or take the person into the app's availability and contacts range",
        link=console.page("version"),
    )


def _rest(more: int) -> list[str]:
    return [f"and {more} more"] if more > 0 else []


def _at(finding: Finding) -> str:
    return f" ({finding.origin})" if finding.origin is not None else ""


def _availability(feishu: FeishuFacts, approvers: Check, console: Console) -> Check:
    people, available = feishu.people, feishu.availability
    if isinstance(people, Unread):
        return AVAILABILITY.after(approvers)
    if not people.found:
        return AVAILABILITY.after(approvers)
    if isinstance(available, Unread):
        if isinstance(available.error, ForbiddenError):
            return AVAILABILITY.unverifiable(
                f"Feishu shows this only with the scope {SELF_MANAGE}, which the app does not have",
                fix=f"grant {SELF_MANAGE} and publish a version, or compare the version's availability with the approvers",
                link=console.scopes([SELF_MANAGE]),
            )
        return AVAILABILITY.unread(available, link=console.page("version"))
    outside = sorted(email for email, open_id in people.found.items() if not available.get(open_id, False))
    if outside:
        return AVAILABILITY.failed(
            f"the app is not available to {listed(outside)}: no card or reminder of the bot reaches them",
            fix="widen the availability in a new version of the app, and publish it",
            link=console.page("version"),
        )
    return AVAILABILITY.ok("the app is available to everybody who is asked and was found")


def _link(unread: Unread, console: Console) -> str:
    is_scope = isinstance(unread.error, ForbiddenError)
    return console.scopes(["contact:user.id:readonly"]) if is_scope else console.page("version")
