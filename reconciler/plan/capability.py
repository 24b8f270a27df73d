"""Whether our own accounts can do what the declared gates need, and who can go past a gate. Pure, read-only, warns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.plan.people import ANY_PROJECT
from reconciler.resources.access import RUN, Access
from reconciler.resources.approval_rules import ApprovalRules
from reconciler.resources.base import Origin, Resource
from reconciler.resources.finding import Finding
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.spec.models.bytebase import ServiceAccountCredential, WorkloadIdentityCredential
from reconciler.spec.target import Target

KIND = "capability"
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
    sync: str


def capability_warnings(target: Target, access: Access, resources: Sequence[Resource]) -> Iterator[Finding]:
    """Everything about rights that a reviewer should know before trusting the gates."""
    credential = target.spec.bytebase.credential("sync")
    if credential is None or not target.spec.gates:
        return
    world = _World(target, access, resources, member_of(credential))
    yield from _cannot_run(world)
    yield from _can_bypass(world)
    yield from _reviewers(world)
    yield from _two_steps(world)


def member_of(credential: ServiceAccountCredential | WorkloadIdentityCredential) -> str:
    """An account as IAM policies write it."""
    if isinstance(credential, ServiceAccountCredential):
        return f"serviceAccount:{credential.service_account.lower()}"
    return f"workloadIdentity:{credential.workload_identity.lower()}"


def _scopes(world: _World, projects: Sequence[str]) -> Sequence[str | None]:
    if not projects or ANY_PROJECT in projects:
        return [*world.access.projects] or [None]
    return [project for project in projects if project in world.access.projects]


def _cannot_run(world: _World) -> Iterator[Finding]:
    policy_roles = {
        each.environment: frozenset(each.roles or ()) for each in world.resources if isinstance(each, RolloutPolicy)
    }
    for index, gate in enumerate(world.target.spec.gates):
        if gate.at != "stage":
            continue
        for project in _scopes(world, gate.match.projects):
            held = world.access.permissions_of(world.sync, project)
            roles = world.access.roles_of(world.sync, project)
            by_policy = any(roles & policy_roles.get(env, frozenset()) for env in gate.match.environments)
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
    policies = {each.environment: each for each in world.resources if isinstance(each, RolloutPolicy)}
    for index, gate in enumerate(world.target.spec.gates):
        if gate.at != "stage":
            continue
        roles = runners.union(*(policies[e].roles or () for e in gate.match.environments if e in policies))
        people: set[str] = set()
        for project in _scopes(world, gate.match.projects):
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
    """One account in two roles of one rule could answer the next step by a call meant for this one."""
    bound: dict[str, set[str]] = defaultdict(set)
    for reviewer in world.target.spec.bytebase.reviewers:
        member = member_of(reviewer)
        for project in [None, *world.access.projects]:
            bound[member] |= world.access.roles_of(member, project)
    for each in world.resources:
        if not isinstance(each, ApprovalRules):
            continue
        for rule in each.rules:
            for member, roles in sorted(bound.items()):
                steps = [role for role in rule.roles or () if role in roles]
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
