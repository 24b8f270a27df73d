"""The account that applies never takes from itself a right it applies with, however the loss is spread over a plan."""

from __future__ import annotations

import pytest

from reconciler.desired.declared import Declared
from reconciler.plan.build import Live, Wishes, build_plan
from reconciler.plan.change import BytebaseTarget, Target
from reconciler.plan.lockout import NEEDED, lockouts
from reconciler.resources.access import Access, Grant
from reconciler.resources.base import Origin
from reconciler.resources.finding import Finding
from reconciler.resources.role import Role

OURS = "serviceAccount:gitops@x"
TARGET = Target("acme", BytebaseTarget("https://b.example", "acme-prod", "workspaces/w"))
SET, UPDATE = "bb.settings.set", "bb.policies.update"


def role(id_: str, *permissions: str) -> Role:
    return Role(id_, title="", description="", permissions=permissions)


def access(*live: Role, member: str = OURS) -> Access:
    return Access(
        roles={f"roles/{each.id}": frozenset(each.permissions or ()) for each in live},
        workspace=[Grant(f"roles/{each.id}", (member,)) for each in live],
    )


def judge(
    *desired: Role, live: tuple[Role, ...], others: tuple[Role, ...] = (), rights: Access | None = None
) -> list[Finding]:
    plan = build_plan(
        target=TARGET,
        declared=[Declared(each, Origin("specs/a.yaml", 7)) for each in desired],
        live=Live({each.key: each for each in live}, others),
        wishes=Wishes(prune=frozenset({"bytebase/role"})),
    )
    return list(lockouts(plan, rights or access(*live, *others), OURS))


def test_a_right_that_two_roles_give_is_not_lost_with_one_of_them() -> None:
    live = (role("a", SET), role("b", SET, UPDATE))
    assert judge(role("a"), live=live) == []


def test_a_right_that_two_roles_give_is_lost_with_both() -> None:
    live = (role("a", SET), role("b", SET, UPDATE))
    found = judge(role("a"), role("b", UPDATE), live=live)
    assert [each.name for each in found] == ["a", "b"]
    assert all(SET in each.message and UPDATE not in each.message for each in found)


def test_a_right_that_is_lost_here_and_pruned_there_is_lost() -> None:
    found = judge(role("a"), live=(role("a", SET),), others=(role("b", SET),))
    assert [each.name for each in found] == ["a", "b"]


def test_a_right_that_moves_from_one_role_of_ours_to_another_is_not_lost() -> None:
    live = (role("a", SET), role("b"))
    assert judge(role("a"), role("b", SET), live=live) == []


def test_a_pruned_role_that_we_live_on_is_refused() -> None:
    (found,) = judge(live=(), others=(role("a", SET, UPDATE),))
    assert (found.code, found.name) == ("locksOut", "a")
    assert SET in found.message


def test_what_we_do_not_live_on_may_go() -> None:
    assert "bb.projects.delete" not in NEEDED
    assert judge(role("a", SET), live=(role("a", SET, "bb.projects.delete"),)) == []


@pytest.mark.parametrize(
    "rights",
    [access(role("a", SET), member="user:alice@x"), Access(roles={"roles/a": frozenset({SET})})],
    ids=["of somebody else", "of nobody"],
)
def test_a_role_that_is_not_ours_may_lose_anything(rights: Access) -> None:
    assert judge(role("a"), live=(role("a", SET),), rights=rights) == []


def test_a_role_that_we_hold_under_a_condition_does_not_keep_a_right() -> None:
    live = (role("a", SET),)
    rights = Access(
        roles={"roles/a": frozenset({SET}), "roles/b": frozenset({SET})},
        workspace=[Grant("roles/a", (OURS,)), Grant("roles/b", (OURS,), conditional=True)],
    )
    assert [each.name for each in judge(role("a"), live=live, rights=rights)] == ["a"]
