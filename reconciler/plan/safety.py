"""What a plan is refused for, and what it warns of, before anything is written. Each refusal names what permits it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from reconciler.desired.declared import Declared
from reconciler.plan.build import Live
from reconciler.plan.change import Action, Change, Plan
from reconciler.plan.lockout import lockouts
from reconciler.plan.ownership import OwnershipFacts, foreign_definitions, other_codes
from reconciler.plan.select import Selection
from reconciler.resources.access import Access
from reconciler.resources.approval_rules import ApprovalRules
from reconciler.resources.base import Key, Origin, Resource
from reconciler.resources.binding import Binding
from reconciler.resources.facts import UpstreamFacts
from reconciler.resources.finding import Finding, order
from reconciler.resources.im import Im
from reconciler.resources.record import AppliedRecord
from reconciler.resources.role import Role
from reconciler.resources.rollout_policy import RolloutPolicy

OLDEST = (3, 14)
SUPPORTED = (3, 17)


@dataclass(frozen=True, slots=True)
class SafetyPolicy:
    """The limits a spec and its command set. `remembered_workspace` is the one first met under this identity.

    `rewrite` names the definitions that may be taken from another integration.
    """

    undeclared_im: Literal["refuse", "erase"] = "refuse"
    max_deletes: int = 3
    delete_share: float = 0.3
    gated_environments: frozenset[str] = frozenset()
    remembered_workspace: str = ""
    accept_identity: bool = False
    rewrite: Selection | None = None


@dataclass(frozen=True, slots=True)
class SafetyFacts:
    """What safety is judged by."""

    upstream: UpstreamFacts
    declared: Sequence[Declared] = ()
    live: Live = field(default_factory=Live)
    access: Access | None = None
    records: Mapping[Key, AppliedRecord] = field(default_factory=dict)


def judged(plan: Plan, facts: SafetyFacts, policy: SafetyPolicy) -> Plan:
    """The plan with the refusals and warnings of safety added."""
    ownership = OwnershipFacts(facts.declared, facts.live, facts.records, policy.rewrite)
    foreign, taken_over = foreign_definitions(plan, ownership)
    refusals = [
        *foreign,
        *_wrong_target(plan, facts.upstream, policy),
        *_undeclared_im(plan, policy),
        *_licence(plan, facts.upstream),
        *_deletes(plan, facts.live, policy),
        *_webhooks_without_url(plan),
        *_webhooks_without_events(plan),
        *(lockouts(plan, facts.access, facts.upstream.account) if facts.access is not None else ()),
    ]
    warnings = [
        *taken_over,
        *other_codes(plan, ownership),
        *_version(plan, facts.upstream),
        *_unmatched_issues(plan, facts),
        *_unknown_roles(facts),
        *_no_external_url(plan, facts.upstream),
        *_automatic_behind_gate(plan, facts, policy),
        *_audit_log_keeps_secret(plan, facts.upstream),
        *_im_not_tried(plan, facts),
    ]
    return replace(
        plan,
        refusals=tuple(sorted({*plan.refusals, *refusals}, key=order)),
        warnings=tuple(sorted({*plan.warnings, *warnings}, key=order)),
    )


def _wrong_target(plan: Plan, upstream: UpstreamFacts, policy: SafetyPolicy) -> list[Finding]:
    remembered = policy.remembered_workspace
    if policy.accept_identity or not remembered or remembered == upstream.workspace:
        return []
    return [
        Finding(
            "otherWorkspace",
            "target",
            plan.target.name,
            f"{plan.target.bytebase.identity} was {remembered} until now, and {plan.target.bytebase.url} "
            f"is {upstream.workspace or 'a server without a workspace id'}",
            "correct spec.bytebase.url, or pass --accept-identity if the workspace was replaced on purpose",
        )
    ]


def _undeclared_im(plan: Plan, policy: SafetyPolicy) -> list[Finding]:
    if policy.undeclared_im == "erase":
        return []
    return [
        Finding(
            "undeclaredIm",
            change.kind,
            change.name,
            f"Bytebase replaces the whole list: writing it would erase {', '.join(change.erases)}",
            "declare them in spec.bytebase.im.settings, or set spec.bytebase.im.undeclared: erase",
            change.origin,
        )
        for change in plan.pending
        if change.kind == "bytebase/im" and change.erases
    ]


def _licence(plan: Plan, upstream: UpstreamFacts) -> list[Finding]:
    if upstream.has_custom_approval:
        return []
    return [
        Finding(
            "licence",
            change.kind,
            change.name,
            f"this needs the ENTERPRISE licence of Bytebase, and the workspace has {upstream.licence or 'none'}",
            f"take it out of the spec, or leave it out with --except {change.kind}",
            change.origin,
        )
        for change in plan.pending
        if change.kind in {"bytebase/approvalRules", "bytebase/role"}
    ]


def _deletes(plan: Plan, live: Live, policy: SafetyPolicy) -> list[Finding]:
    deleted = [change for change in plan.changes if change.action is Action.DELETE]
    found = []
    if len(deleted) > policy.max_deletes:
        found.append(
            Finding(
                "tooManyDeletes",
                "target",
                plan.target.name,
                f"{len(deleted)} resources would be deleted and at most {policy.max_deletes} may be",
                "raise spec.protect.deletes.max, or declare what is to stay",
            )
        )
    totals = Counter(resource.kind for resource in (*live.resources.values(), *live.others))
    for kind, count in sorted(Counter(change.kind for change in deleted).items()):
        # One deletion is never a landslide, however few resources there are.
        if count > 1 and count > policy.delete_share * totals[kind]:
            found.append(
                Finding(
                    "tooManyDeletes",
                    kind,
                    "",
                    f"{count} of {totals[kind]} live resources would be deleted, "
                    f"more than the permitted share of {policy.delete_share:.0%}",
                    "raise spec.protect.deletes.share, or declare what is to stay",
                )
            )
    return found


def _webhooks_without_url(plan: Plan) -> list[Finding]:
    return [
        Finding(
            "webhookWithoutUrl",
            change.kind,
            change.name,
            "it does not exist yet, and cannot be created without a URL",
            "declare its url, such as url: {env: NAME}",
            change.origin,
        )
        for change in plan.pending
        if change.kind == "bytebase/webhook"
        and change.action is Action.CREATE
        and not any(row.path == "url" for row in change.fields)
    ]


def _webhooks_without_events(plan: Plan) -> list[Finding]:
    """Bytebase adds a webhook without events and refuses to take the last one away (facts §13.2)."""
    return [
        Finding(
            "webhookWithoutEvents",
            change.kind,
            change.name,
            "Bytebase refuses to take the last event from a webhook, which would never fire any more",
            "name at least one event, or take the webhook out of the spec and remove it in Bytebase",
            change.origin,
        )
        for change in plan.pending
        if change.kind == "bytebase/webhook"
        and change.action is Action.UPDATE
        and any(row.path == "events" and not row.after for row in change.fields)
    ]


def _no_external_url(plan: Plan, upstream: UpstreamFacts) -> list[Finding]:
    """Bytebase takes webhooks only once it knows its own address (facts §13.2)."""
    if upstream.external_url:
        return []
    return [
        Finding(
            "noExternalUrl",
            change.kind,
            change.name,
            "Bytebase refuses webhooks while its external URL is not set",
            "set the external URL in Bytebase's settings",
            change.origin,
        )
        for change in plan.pending
        if change.kind == "bytebase/webhook" and change.action is not Action.DELETE
    ]


def _version(plan: Plan, upstream: UpstreamFacts) -> list[Finding]:
    release = upstream.release
    if release is None or release >= SUPPORTED:
        return []
    return [
        Finding(
            "oldVersion",
            "target",
            plan.target.name,
            f"Bytebase {upstream.version} is older than {SUPPORTED[0]}.{SUPPORTED[1]} and supported as far as it goes",
            "upgrade Bytebase",
        )
    ]


def _unmatched_issues(plan: Plan, facts: SafetyFacts) -> list[Finding]:
    origins = _origins(plan)
    return [
        Finding(
            "noCatchAllRule",
            one.resource.kind,
            one.resource.name,
            "no rule matches every issue: an issue that matches none passes its review by itself",
            "end spec.bytebase.approvalRules with a rule without source whose condition is 'true'",
            origins.get(one.resource.name, one.origin),
        )
        for one in facts.declared
        if isinstance(one.resource, ApprovalRules) and not one.resource.has_catch_all
    ]


def _origins(plan: Plan) -> Mapping[str, Origin]:
    return {change.name: change.origin for change in plan.changes if change.origin is not None}


def _unknown_roles(facts: SafetyFacts) -> list[Finding]:
    """Bytebase takes any role name in rules and policies; a misspelt one is a step that nobody can ever answer."""
    if facts.access is None:
        return []
    known = set(facts.access.roles)
    known |= {f"roles/{one.resource.name}" for one in facts.declared if isinstance(one.resource, Role)}
    return [
        Finding(
            "unknownRole",
            one.resource.kind,
            one.resource.name,
            f"Bytebase has no role {role}: nobody could act as it, and Bytebase does not object",
            "correct the name, or declare the role in spec.bytebase.roles",
            one.origin,
        )
        for one in facts.declared
        for role in _roles_named(one.resource)
        if role not in known
    ]


def _roles_named(resource: Resource) -> list[str]:
    match resource:
        case RolloutPolicy():
            return list(resource.roles or ())
        case ApprovalRules():
            return sorted({role for rule in resource.rules for role in rule.roles or ()})
        case Binding():
            return [resource.role]
        case _:
            return []


def _automatic_behind_gate(plan: Plan, facts: SafetyFacts, policy: SafetyPolicy) -> list[Finding]:
    if not policy.gated_environments:
        return []
    return [
        Finding(
            "automaticGated",
            change.kind,
            change.name,
            "this environment is automatic: its tasks start with the rollout, before any approval of a gate",
            f"set rolloutPolicy.automatic: false for {change.name}",
            change.origin,
        )
        for change in plan.changes
        if change.kind == "bytebase/rolloutPolicy"
        and change.name in policy.gated_environments
        and _will_be_automatic(change, facts)
    ]


def _will_be_automatic(change: Change, facts: SafetyFacts) -> bool:
    for one in facts.declared:
        if one.key == change.key:
            wanted = one.resource.fields().get("automatic")
            if wanted is not None:
                return bool(wanted)
    live = facts.live.get(change.key)
    return live is not None and bool(live.fields().get("automatic"))


def _audit_log_keeps_secret(plan: Plan, upstream: UpstreamFacts) -> list[Finding]:
    release = upstream.release
    if release is not None and release > (3, 21):
        return []
    return [
        Finding(
            "secretInAuditLog",
            change.kind,
            change.name,
            f"Bytebase {upstream.version} writes the app secret into its audit log when this is applied",
            "restrict who may read the audit log, or rotate the secret after an upgrade",
            change.origin,
        )
        for change in plan.pending
        if change.kind == "bytebase/im"
    ]


def _im_not_tried(plan: Plan, facts: SafetyFacts) -> list[Finding]:
    """Bytebase stores what it is told not to try (facts §7.1): a typing error shows only when a message is missed."""
    untried = {one.key for one in facts.declared if isinstance(one.resource, Im) and not one.resource.verify}
    return [
        Finding(
            "imNotTried",
            change.kind,
            change.name,
            "it is written without Bytebase trying the credentials at the messaging services (im.verify: false): wrong "
            "ones are noticed only when a message is missed",
            "check them by hand, or set spec.bytebase.im.verify: true where Bytebase reaches these services",
            change.origin,
        )
        for change in plan.pending
        if change.key in untried
    ]
