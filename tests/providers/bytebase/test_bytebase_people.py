"""Who may decide: bindings, groups, conditions and accounts, where everything unclear counts for nobody and is said."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.providers.bytebase.conditions import Moment, NotUnderstoodError, holds
from reconciler.providers.bytebase.people import (
    Directory,
    capable_roles,
    group_members,
    holders,
    is_account,
    named_people,
)
from reconciler.providers.bytebase.wire import email_of
from reconciler.providers.bytebase.wire_people import WireGroup, WireIamPolicy, WireRole

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MOMENT = Moment(NOW)
ACTIVE = frozenset(f"{name}@x.example" for name in ("alice", "bob", "carol", "dave"))
OWNER, RELEASER = "roles/projectOwner", "roles/projectReleaser"


def binding(role: str, *members: str, condition: str = "") -> dict[str, Any]:
    return {"role": role, "members": list(members), "condition": {"expression": condition} if condition else {}}


def directory(*project: dict[str, Any], workspace: tuple[dict[str, Any], ...] = (), **groups: list[str]) -> Directory:
    policies = [WireIamPolicy.model_validate({"bindings": list(bindings)}) for bindings in (project, workspace)]
    known = {
        f"{name}@x.example": WireGroup.model_validate(
            {"name": f"groups/{name}@x.example", "members": [{"member": member} for member in members]}
        )
        for name, members in groups.items()
    }
    return Directory(tuple(policies), known, ACTIVE)


def who(found: Any) -> list[str]:
    return sorted(email.partition("@")[0] for email in found.people)


def test_holders_come_from_project_and_workspace_once_each_in_lower_case() -> None:
    known = directory(
        binding(OWNER, "user:Alice@X.example", "user:bob@x.example"),
        binding(OWNER, "user:alice@x.example"),
        binding(RELEASER, "user:dave@x.example"),
        workspace=(binding(OWNER, "user:carol@x.example"),),
    )
    assert who(holders(known, [OWNER], MOMENT, limit=20)) == ["alice", "bob", "carol"]
    assert who(holders(known, ["projectReleaser"], MOMENT, limit=20)) == ["dave"]
    assert who(holders(known, [OWNER, RELEASER], MOMENT, limit=20)) == ["alice", "bob", "carol", "dave"]
    assert who(holders(known, [], MOMENT, limit=20)) == []


def test_groups_are_opened_also_inside_each_other_and_in_circles() -> None:
    known = directory(
        binding(OWNER, "group:dba@x.example"),
        dba=["users/alice@x.example", "groups/Ops@x.example"],
        ops=["user:bob@x.example", "groups/dba@x.example"],
    )
    found = holders(known, [OWNER], MOMENT, limit=20)
    assert (who(found), found.notes) == (["alice", "bob"], ())


def test_an_unknown_group_counts_for_nobody_and_is_said() -> None:
    found = holders(directory(binding(OWNER, "group:gone@x.example", "user:bob@x.example")), [OWNER], MOMENT, limit=20)
    assert who(found) == ["bob"]
    assert found.notes == ("the group gone@x.example does not count: there is no such group",)


def test_accounts_never_decide_for_people_however_they_are_bound() -> None:
    known = directory(
        binding(
            OWNER,
            "serviceAccount:sync@service.bytebase.com",
            "workloadIdentity:deploy@demo.workload.bytebase.com",
            "user:sync@service.bytebase.com",
            "user:x@demo.service.bytebase.com",
            "group:mixed@x.example",
        ),
        mixed=["users/sync@service.bytebase.com", "users/alice@x.example"],
    )
    found = holders(known, [OWNER], MOMENT, limit=20)
    assert (who(found), found.notes) == (["alice"], ())


def test_someone_who_is_not_active_counts_no_more_and_is_said() -> None:
    found = holders(directory(binding(OWNER, "user:left@x.example")), [OWNER], MOMENT, limit=20)
    assert who(found) == []
    assert found.notes == ("left@x.example does not count: not an active user of Bytebase",)


def test_all_users_are_the_active_people_within_the_limit() -> None:
    known = directory(binding(OWNER, "allUsers"))
    assert who(holders(known, [OWNER], MOMENT, limit=4)) == ["alice", "bob", "carol", "dave"]
    assert not holders(known, [OWNER], MOMENT, limit=4).too_many
    assert holders(known, [OWNER], MOMENT, limit=3).too_many


def test_a_kind_of_member_not_heard_of_counts_for_nobody_and_is_said() -> None:
    found = holders(directory(binding(OWNER, "robot:r2@x.example", "alice@x.example")), [OWNER], MOMENT, limit=20)
    assert who(found) == []
    assert len(found.notes) == 2


def test_bindings_whose_time_is_over_count_no_more() -> None:
    known = directory(
        binding(OWNER, "user:alice@x.example", condition='request.time < timestamp("2026-12-31T00:00:00Z")'),
        binding(OWNER, "user:bob@x.example", condition='request.time < timestamp("2020-01-01T00:00:00Z")'),
    )
    found = holders(known, [OWNER], MOMENT, limit=20)
    assert (who(found), found.notes) == (["alice"], ())


def test_a_condition_that_is_not_understood_counts_for_nobody_and_is_said() -> None:
    known = directory(
        binding(OWNER, "user:alice@x.example", condition='resource.environment_id == "prod"'),
        binding(OWNER, "user:bob@x.example"),
        binding(RELEASER, "user:dave@x.example", condition="nonsense("),
    )
    found = holders(known, [OWNER], MOMENT, limit=20)
    assert who(found) == ["bob"]
    assert found.notes == (f"a binding of {OWNER} does not count: its condition is not understood",)


def test_named_people_and_groups_follow_the_same_rules() -> None:
    known = directory(dba=["users/alice@x.example", "users/left@x.example"])
    assert who(named_people(known, ["BOB@x.example", "left@x.example"], limit=20)) == ["bob"]
    found = group_members(known, ["groups/dba@x.example", "none@x.example"], limit=20)
    assert who(found) == ["alice"]
    assert len(found.notes) == 2


def test_capable_roles_are_those_with_the_permission_to_run() -> None:
    roles = [
        WireRole(name="roles/b", permissions=("bb.taskRuns.create",)),
        WireRole(name="roles/a", permissions=("bb.taskRuns.list", "bb.taskRuns.create")),
        WireRole(name="roles/c", permissions=("bb.taskRuns.list",)),
    ]
    assert capable_roles(roles) == ("roles/a", "roles/b")


@pytest.mark.parametrize(
    ("name", "email"),
    [
        ("users/A@X.example", "a@x.example"),
        ("user:a@x.example", "a@x.example"),
        ("groups/dba@x.example", "dba@x.example"),
        ("users/", ""),
        ("", ""),
        ("user:a/b@x.example", "a/b@x.example"),
        ("a@x.example", "a@x.example"),
    ],
)
def test_the_e_mail_in_a_name(name: str, email: str) -> None:
    assert email_of(name) == email


def test_accounts_are_told_by_their_domain_and_not_by_a_likeness() -> None:
    assert is_account("x@service.bytebase.com")
    assert is_account("x@demo.SERVICE.bytebase.com")
    assert is_account("x@workload.bytebase.com")
    assert not is_account("x@myservice.bytebase.com")
    assert not is_account("service.bytebase.com@x.example")


YES = [
    "",
    "  ",
    "true",
    'request.time < timestamp("2027-01-01T00:00:00Z")',
    "request.time<timestamp('2027-01-01T00:00:00+08:00')",
    'timestamp("2020-01-01T00:00:00Z") <= request.time',
    'request.time > timestamp("2020-01-01T00:00:00Z") && request.time < timestamp("2027-01-01T00:00:00.123456Z")',
    '(request.time != timestamp("2020-01-01T00:00:00Z")) && (true && true)',
    'request.time == timestamp("2026-11-25T12:00:00Z")',
]
NO = [
    "false",
    'request.time >= timestamp("2027-01-01T00:00:00Z")',
    'request.time < timestamp("2027-01-01T00:00:00Z") && false',
    'true && request.time < timestamp("2020-01-01T00:00:00Z")',
]
UNCLEAR = [
    'resource.environment_id == "prod"',
    'request.time < timestamp("2027-01-01T00:00:00Z") || true',
    '!(request.time < timestamp("2020-01-01T00:00:00Z"))',
    'request.time < timestamp("2027-01-01T00:00:00Z") && resource.x == "y"',
    'false && resource.x == "y"',
    'request.time < timestamp("tomorrow")',
    'request.time < timestamp("2027-01-01T00:00:00")',
    "request.time",
    "request.time <",
    "request.times < request.time",
    'request.time < timestamp("2027-01-01T00:00:00Z"',
    'request.time < timestamp("2027-01-01T00:00:00Z"))',
    "(" * 500 + "true" + ")" * 500,
    "true true",
    "&& true",
    "truest",
    "1 == 1",
]


@pytest.mark.parametrize("expression", YES)
def test_a_condition_of_time_that_holds(expression: str) -> None:
    assert holds(expression, MOMENT)


@pytest.mark.parametrize("expression", NO)
def test_a_condition_of_time_that_does_not_hold(expression: str) -> None:
    assert not holds(expression, MOMENT)


@pytest.mark.parametrize("expression", UNCLEAR, ids=lambda text: text[:40])
def test_anything_else_is_not_understood(expression: str) -> None:
    with pytest.raises(NotUnderstoodError):
        holds(expression, MOMENT)


@given(st.text(max_size=40) | st.text("()&<>=!. \"'truefalsqimp", max_size=40))
def test_no_text_breaks_the_reader(expression: str) -> None:
    with contextlib.suppress(NotUnderstoodError):
        holds(expression, MOMENT)


@given(seconds=st.integers(-600, 600), skew=st.integers(0, 300))
def test_while_clocks_disagree_a_condition_counts_only_if_it_holds_by_either(seconds: int, skew: int) -> None:
    """Nobody gains or keeps a right because our clock is wrong."""
    edge = NOW + timedelta(seconds=seconds)
    expression = f'request.time < timestamp("{edge.isoformat()}")'
    assert holds(expression, Moment(NOW, skew)) == (NOW + timedelta(seconds=skew) < edge)
