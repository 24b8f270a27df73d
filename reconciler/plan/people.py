"""Whom the declared gates would ask, and whether Feishu knows them: read-only findings about `users`. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.resources.access import ALL_USERS, RUN, Access
from reconciler.resources.approval_rules import ApprovalRules
from reconciler.resources.base import Origin, Resource
from reconciler.resources.finding import Finding
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.spec.models.gates import DecideByDefinition, Gate
from reconciler.spec.target import Target
from reconciler.subjects.instance import Resolution

KIND = "users"
ANY_PROJECT = "*"


def gated_environments(target: Target, existing: Sequence[str]) -> frozenset[str]:
    """Environments that stage gates name; a gate that names none is for all `existing` ones."""
    gates = [gate for gate in target.spec.gates if gate.at == "stage"]
    return frozenset(env for gate in gates for env in gate.match.environments or existing)


def gated_projects(target: Target) -> tuple[str, ...]:
    """Projects whose bindings the gates depend on: the declared ones and those that gates name, in which `*` is anything."""
    named = {project for gate in target.spec.gates for project in (gate.match.projects or (ANY_PROJECT,))}
    declared = {project.name for project in target.spec.bytebase.projects} if target.spec.gates else set()
    return tuple(sorted(named | declared))


def asked_people(target: Target, access: Access, resources: Sequence[Resource]) -> Mapping[str, str]:
    """The e-mails that the gates would ask today, each with the first gate that does; `resources` is desired over live."""
    found: dict[str, str] = {}
    for gate in target.spec.gates:
        for email in _emails(gate, access, resources):
            found.setdefault(email, gate.name)
    return dict(sorted(found.items()))


def _emails(gate: Gate, access: Access, resources: Sequence[Resource]) -> Iterator[str]:
    kind, values = gate.approver_source()
    projects = [None, *access.projects_of(gate.match.projects)]
    if kind == "users":
        yield from (value.lower() for value in values)
    elif kind == "groups":
        yield from (email for group in values for email in access.groups.get(group, ()))
    else:
        roles = _roles(gate, kind, values, access, resources)
        for project in projects:
            for member in access.holders(roles, project):
                if member.startswith("user:"):
                    yield member.removeprefix("user:").lower()
    if gate.approvers.fallback is not None:
        yield from (email.lower() for email in gate.approvers.fallback.users)


def _roles(
    gate: Gate, kind: str, values: Sequence[str], access: Access, resources: Sequence[Resource]
) -> frozenset[str]:
    if kind == "roles":
        return frozenset(values)
    if kind == "flow":
        if gate.match.roles:
            return frozenset(gate.match.roles)
        return frozenset(
            role
            for each in resources
            if isinstance(each, ApprovalRules)
            for rule in each.rules
            for role in rule.roles or ()
        )
    policies = [
        each
        for each in resources
        if isinstance(each, RolloutPolicy)
        and (not gate.match.environments or each.environment in gate.match.environments)
    ]
    roles: set[str] = set()
    for policy in policies:
        roles.update(policy.roles or access.roles_with(RUN))
    return frozenset(roles)


def people_findings(target: Target, asked: Mapping[str, str], resolution: Resolution) -> Iterator[Finding]:
    """One finding for each person asked, and for each override: resolves, does not, is ambiguous, is overridden."""
    overrides = {override.bytebase.lower(): index for index, override in enumerate(target.spec.users.overrides)}
    gates = {gate.name: index for index, gate in enumerate(target.spec.gates)}
    for email in sorted(asked.keys() | overrides.keys()):
        if email in overrides:
            at = _line(target, "spec", "users", "overrides", overrides[email])
        else:
            at = _line(target, "spec", "gates", gates[asked[email]])
        if email in resolution.found:
            code, text = (
                ("userOverridden", "is mapped by an override")
                if email in overrides
                else ("userResolves", "is found in Feishu")
            )
            yield Finding(code, KIND, email, text, "", at)
        else:
            why = resolution.missing.get(email, "Feishu did not answer for this address")
            code = "userAmbiguous" if why.startswith("more than one") else "userUnresolved"
            yield Finding(
                code,
                KIND,
                email,
                why,
                "correct the address, add a users.override, or let the app see the person",
                at,
            )


def _line(target: Target, *path: str | int) -> Origin:
    position = target.origin(*path)
    return Origin(position.file, position.line)


def nobody_warning(target: Target, access: Access, resources: Sequence[Resource]) -> Iterator[Finding]:
    """A gate that would ask nobody today: whatever it matches is held."""
    for index, gate in enumerate(target.spec.gates):
        is_asked_here = isinstance(gate.decide, DecideByDefinition)
        if not is_asked_here or access.unread_of(gate.match.projects) or _asks_somebody(gate, access, resources):
            continue
        yield Finding(
            "nobodyToAsk",
            KIND,
            gate.name,
            f"gate {gate.name} would ask nobody: no person holds what its approvers are taken from",
            "bind people to those roles in Bytebase, or name users or a fallback in its approvers",
            _line(target, "spec", "gates", index),
        )


def _asks_somebody(gate: Gate, access: Access, resources: Sequence[Resource]) -> bool:
    if next(_emails(gate, access, resources), None) is not None:
        return True
    kind, values = gate.approver_source()
    if kind in ("users", "groups"):
        return False
    roles = _roles(gate, kind, values, access, resources)
    projects = [None, *access.projects_of(gate.match.projects)]
    return any(ALL_USERS in access.holders(roles, project) for project in projects)


def everybody_warning(target: Target, access: Access) -> Iterator[Finding]:
    """A gate whose people are `allUsers` asks nobody in particular."""
    for index, gate in enumerate(target.spec.gates):
        kind, values = gate.approver_source()
        if kind == "roles" and any(
            ALL_USERS in access.holders(frozenset(values), project) for project in [None, *access.projects]
        ):
            yield Finding(
                "everybodyMayDecide",
                KIND,
                gate.name,
                f"gate {gate.name}: everybody (allUsers) holds one of its roles",
                "bind the role to the people who shall decide",
                _line(target, "spec", "gates", index),
            )
