"""Whether our own accounts can do what the declared gates need, and who can go past a gate. Pure, read-only, warns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.resources.access import RUN, Access
from reconciler.resources.approval_rules import ApprovalRules
from reconciler.resources.base import Origin, Resource
from reconciler.resources.finding import Finding
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.spec.models.bytebase import ServiceAccountCredential, WorkloadIdentityCredential
from reconciler.spec.models.gates import Gate
from reconciler.spec.target import Target

KIND = "capability"
MOST_UNNAMED = 10
"""How many projects that only a pattern means are looked at by a plan of everything: a plan is not an audit."""
_SHOWN = 10
_NEEDED_BY_SYNC = (
    "bb.issues.get",
    "bb.plans.get",
    "bb.rollouts.get",
    "bb.taskRuns.list",
    "bb.sheets.get",
    "bb.issueComments.create",
)


@dataclass(frozen=True, slots=True)
class _World:
    target: Target
    access: Access
    resources: Sequence[Resource]
    environments: Sequence[str]
    sync: str

    def stage_gates(self) -> Iterator[tuple[int, Gate]]:
        return ((index, gate) for index, gate in enumerate(self.target.spec.gates) if gate.at == "stage")

    def policies(self, gate: Gate) -> Sequence[RolloutPolicy]:
        """The rollout policies of the environments that a gate means."""
        meant = gate.match.environments or self.environments
        return [each for each in self.resources if isinstance(each, RolloutPolicy) and each.environment in meant]


def capability_warnings(
    target: Target, access: Access, resources: Sequence[Resource], environments: Sequence[str]
) -> Iterator[Finding]:
    """Everything about rights that a reviewer should know before trusting the gates.

    `resources` are policies and rules as they will be, `environments` those that exist.
    """
    credential = target.spec.bytebase.credential("sync")
    if credential is None or not target.spec.gates:
        return
    world = _World(target, access, resources, environments, member_of(credential))
    yield from _holds_nothing(world)
    yield from _sampled(world)
    yield from _starts_alone(world)
    yield from _cannot_run(world)
    yield from _can_bypass(world)
    yield from _reviewers(world)
    yield from _two_steps(world)


def member_of(credential: ServiceAccountCredential | WorkloadIdentityCredential) -> str:
    """An account as IAM policies write it."""
    if isinstance(credential, ServiceAccountCredential):
        return f"serviceAccount:{credential.service_account.lower()}"
    return f"workloadIdentity:{credential.workload_identity.lower()}"


def _holds_nothing(world: _World) -> Iterator[Finding]:
    """A misspelt project or environment is a gate that holds nothing, and nobody would notice."""
    access = world.access
    for index, gate in enumerate(world.target.spec.gates):
        for project in gate.match.projects:
            if not access.projects_of([project]) and not access.unread_of([project]):
                yield Finding(
                    "unknownProject",
                    KIND,
                    gate.name,
                    f"Bytebase has no project {project}, or does not show it to us: this part of the gate holds nothing",
                    "correct spec.gates[].match.projects, or give our account roles/projectViewer there",
                    _line(world.target, index),
                )
        for environment in gate.match.environments:
            if environment not in world.environments:
                yield Finding(
                    "unknownEnvironment",
                    KIND,
                    gate.name,
                    f"Bytebase has no environment {environment}: this part of the gate holds nothing",
                    "correct spec.gates[].match.environments",
                    _line(world.target, index),
                )


def _sampled(world: _World) -> Iterator[Finding]:
    for index, gate in enumerate(world.target.spec.gates):
        unread = world.access.unread_of(gate.match.projects)
        if unread:
            read = len(world.access.projects_of(gate.match.projects))
            yield Finding(
                "rightsSampled",
                KIND,
                gate.name,
                f"rights were read in {read} of the {read + len(unread)} projects that it means",
                "`reconciler plan --only capability` reads all of them",
                _line(world.target, index),
            )


def _starts_alone(world: _World) -> Iterator[Finding]:
    """An environment that is automatic and whose policy is not declared: the plan itself says nothing about it."""
    declared = {each.name for each in world.target.spec.bytebase.environments if each.rollout_policy is not None}
    for index, gate in world.stage_gates():
        for policy in world.policies(gate):
            if policy.automatic and policy.environment not in declared:
                yield Finding(
                    "automaticGated",
                    KIND,
                    gate.name,
                    f"{policy.environment} is automatic: its tasks start with the rollout, before any approval of the gate",
                    f"declare rolloutPolicy: {{automatic: false}} for {policy.environment} in spec.bytebase.environments",
                    _line(world.target, index),
                )


def _scopes(world: _World, gate: Gate) -> Sequence[str | None]:
    return world.access.projects_of(gate.match.projects) or ([] if gate.match.projects else [None])


def _cannot_run(world: _World) -> Iterator[Finding]:
    """Whoever runs a stage holds the permission to, or in each environment one of its policy's roles."""
    for index, gate in world.stage_gates():
        policies = world.policies(gate)
        for project in _scopes(world, gate):
            held = world.access.permissions_of(world.sync, project)
            roles = world.access.roles_of(world.sync, project)
            by_policy = bool(policies) and all(roles & frozenset(each.roles or ()) for each in policies)
            lacking = [each for each in _NEEDED_BY_SYNC if each not in held]
            if RUN not in held and not by_policy:
                lacking.insert(0, RUN)
            if lacking:
                yield Finding(
                    "cannotRunStage",
                    KIND,
                    gate.name,
                    f"{world.sync} lacks {', '.join(lacking)} in {f'project {project}' if project else 'the workspace'}",
                    "bind it to roles/projectReleaser there (spec.bytebase.bindings can do that)",
                    _line(world.target, index),
                )


def _can_bypass(world: _World) -> Iterator[Finding]:
    runners = world.access.roles_with(RUN)
    for index, gate in world.stage_gates():
        roles = runners.union(*(each.roles or () for each in world.policies(gate)))
        people: set[str] = set()
        for project in _scopes(world, gate):
            people.update(world.access.holders(roles, project))
        others = sorted(people - {world.sync})
        if others:
            shown = ", ".join(others[:_SHOWN]) + (f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else "")
            yield Finding(
                "canBypassGate",
                KIND,
                gate.name,
                f"can run its stages in Bytebase without any approval: {shown}",
                f"take {RUN} from them, or accept that the gate informs and does not bind them",
                _line(world.target, index),
            )


def _reviewers(world: _World) -> Iterator[Finding]:
    """A review step is answered by an account bound to exactly its role: a permission does not suffice."""
    accounts = {each.role: member_of(each) for each in world.target.spec.bytebase.reviewers}
    wanted = _review_roles(world)
    for role, index in sorted(wanted.items()):
        member = accounts.get(role)
        if member is None:
            yield Finding(
                "noReviewer",
                KIND,
                role,
                f"no account of ours answers review steps of {role}",
                f"add an account for {role} to spec.bytebase.reviewers",
                _line(world.target, index),
            )
        elif not any(role in world.access.roles_of(member, project) for project in [None, *world.access.projects]):
            yield Finding(
                "reviewerNotBound",
                KIND,
                role,
                f"{member} is not bound to {role}: approving needs the binding itself, no permission replaces it",
                f"bind it (spec.bytebase.bindings: role {role}, member {member})",
                _line(world.target, index),
            )


def _review_roles(world: _World) -> Mapping[str, int]:
    rules = [rule for each in world.resources if isinstance(each, ApprovalRules) for rule in each.rules]
    found: dict[str, int] = {}
    for index, gate in enumerate(world.target.spec.gates):
        if gate.at == "review":
            for role in gate.match.roles or tuple(role for rule in rules for role in rule.roles or ()):
                found.setdefault(role, index)
    return found


def _two_steps(world: _World) -> Iterator[Finding]:
    """One account in two roles of one rule could answer the next step by a call meant for this one.

    A condition on a binding does not help: whether it is met is known only when it is too late.
    """
    members = sorted({member_of(reviewer) for reviewer in world.target.spec.bytebase.reviewers})
    scopes = [None, *world.access.projects]
    for each in world.resources:
        if not isinstance(each, ApprovalRules):
            continue
        for rule in each.rules:
            for member in members:
                steps = [
                    role
                    for role in rule.roles or ()
                    if any(member in world.access.holders(frozenset({role}), scope) for scope in scopes)
                ]
                if len(steps) > 1:
                    yield Finding(
                        "twoStepsOneAccount",
                        KIND,
                        rule.title or "(untitled rule)",
                        f"{member} could answer {len(steps)} steps of this rule: {', '.join(steps)}",
                        "use one account for each role, and take the other bindings away",
                    )


def _line(target: Target, gate: int) -> Origin:
    position = target.origin("spec", "gates", gate)
    return Origin(position.file, position.line)
