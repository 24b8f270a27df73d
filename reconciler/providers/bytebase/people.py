"""Who holds a role: bindings, groups and conditions turned into e-mails of active people. Pure; what is unclear fails closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.providers.bytebase.conditions import Moment, NotUnderstoodError, holds
from reconciler.providers.bytebase.wire import email_of
from reconciler.providers.bytebase.wire_people import WireBinding, WireGroup, WireIamPolicy, WireRole
from reconciler.subjects.change import Entitlement

RUN_TASKS = "bb.taskRuns.create"
"""The permission that lets a role's holders run any task (facts §14.4)."""
_ACCOUNT_DOMAINS = ("service.bytebase.com", "workload.bytebase.com")


@dataclass(frozen=True, slots=True)
class Directory:
    """What is known of people at one moment: the policies that count, groups by e-mail, and the active people's e-mails."""

    policies: tuple[WireIamPolicy, ...]
    groups: Mapping[str, WireGroup]
    active: frozenset[str]


def is_account(email: str) -> bool:
    """Whether an e-mail belongs to a service account or workload identity, which never decides for a person."""
    domain = email.rpartition("@")[2].lower()
    return any(domain == own or domain.endswith(f".{own}") for own in _ACCOUNT_DOMAINS)


def role_name(name: str) -> str:
    """`roles/x` of a role written with or without its prefix."""
    return name if name.startswith("roles/") else f"roles/{name}"


def capable_roles(roles: Iterable[WireRole]) -> tuple[str, ...]:
    """Names of the roles whose holders may run any task, sorted."""
    return tuple(sorted(role.name for role in roles if RUN_TASKS in role.permissions))


def holders(directory: Directory, roles: Iterable[str], moment: Moment, *, limit: int) -> Entitlement:
    """The people bound to any of the roles now, in project or workspace.

    Left out and noted: conditions not understood, unknown groups, unknown kinds of member, people who are not active.
    Left out in silence: service accounts, workload identities, bindings whose time is over.
    """
    wanted = {role_name(role) for role in roles}
    search = _Search(directory)
    for policy in directory.policies:
        for binding in policy.bindings:
            if binding.role in wanted and search.counts(binding, moment):
                search.add_members(binding.members)
    return search.result(limit)


def named_people(directory: Directory, emails: Sequence[str], *, limit: int) -> Entitlement:
    """Those of the named people who are active in Bytebase."""
    search = _Search(directory)
    search.add_members([f"user:{email}" for email in emails])
    return search.result(limit)


def group_members(directory: Directory, groups: Sequence[str], *, limit: int) -> Entitlement:
    """The active people of the named groups, members of nested groups included."""
    search = _Search(directory)
    search.add_members([f"group:{email_of(group)}" for group in groups])
    return search.result(limit)


def is_bound(directory: Directory, role: str, account: str, moment: Moment) -> bool:
    """Whether an account of ours is bound to the role by name now: only a binding of its own counts (facts §8.4)."""
    wanted = role_name(role)
    for binding in (each for policy in directory.policies for each in policy.bindings if each.role == wanted):
        if account in {email_of(member) for member in binding.members}:
            try:
                if holds(binding.condition.expression, moment):
                    return True
            except NotUnderstoodError:
                continue
    return False


class _Search:
    """Collects people and what could not be understood on the way."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._people: set[str] = set()
        self._notes: set[str] = set()
        self._groups: set[str] = set()

    def counts(self, binding: WireBinding, moment: Moment) -> bool:
        try:
            return holds(binding.condition.expression, moment)
        except NotUnderstoodError:
            self._notes.add(f"a binding of {binding.role} does not count: its condition is not understood")
            return False

    def add_members(self, members: Iterable[str]) -> None:
        for member in members:
            self._add(member)

    def result(self, limit: int) -> Entitlement:
        return Entitlement(frozenset(self._people), tuple(sorted(self._notes)), too_many=len(self._people) > limit)

    def _add(self, member: str) -> None:
        kind = member.replace("/", ":", 1).partition(":")[0].strip()
        match kind:
            case "allUsers":
                self._people |= self._directory.active
            case "user" | "users":
                self._add_person(email_of(member))
            case "group" | "groups":
                self._add_group(email_of(member))
            case "serviceAccount" | "serviceAccounts" | "workloadIdentity" | "workloadIdentities":
                return
            case _:
                self._notes.add(f"a member of an unknown kind does not count: {kind[:40]!r}")

    def _add_person(self, email: str) -> None:
        if is_account(email):
            return
        if email in self._directory.active:
            self._people.add(email)
        else:
            self._notes.add(f"{email} does not count: not an active user of Bytebase")

    def _add_group(self, email: str) -> None:
        if email in self._groups:
            return
        self._groups.add(email)
        group = self._directory.groups.get(email)
        if group is None:
            self._notes.add(f"the group {email} does not count: there is no such group")
            return
        for member in group.members:
            self._add(member.member)
