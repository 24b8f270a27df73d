"""Questions about rights: what is not understood counts against us where we ask for a right, and for others where they hold one."""

from __future__ import annotations

import pytest

from reconciler.resources.access import RUN, Access, Grant, matching
from reconciler.resources.facts import UpstreamFacts

OWNER, RELEASER, OA = "roles/projectOwner", "roles/projectReleaser", "roles/oa"
ACCESS = Access(
    roles={OWNER: frozenset({RUN, "bb.plans.get"}), RELEASER: frozenset({RUN}), OA: frozenset()},
    workspace=(Grant(OWNER, ("user:root@x",)),),
    projects={
        "demo": (
            Grant(RELEASER, ("group:dba@x", "user:a@x", "allUsers")),
            Grant(OWNER, ("user:b@x",), conditional=True),
        ),
        "shop-eu": (Grant(OA, ("serviceAccount:oa@x",)),),
        "shop-us": (),
    },
    groups={"dba@x": ("c@x", "d@x")},
    unread=("shop-cn", "zoo"),
)


def test_grants_of_the_workspace_count_in_every_project_and_not_the_other_way() -> None:
    assert ACCESS.roles_of("user:root@x", "demo") == {OWNER}
    assert ACCESS.roles_of("user:a@x", "demo") == {RELEASER}
    assert ACCESS.roles_of("user:a@x", "shop-eu") == frozenset()
    assert ACCESS.roles_of("user:a@x") == frozenset()
    assert ACCESS.roles_of("user:root@x", "no such project") == {OWNER}


def test_a_conditional_grant_is_held_when_others_are_asked_about_and_not_when_we_are() -> None:
    assert ACCESS.roles_of("user:b@x", "demo") == frozenset()
    assert ACCESS.permissions_of("user:b@x", "demo") == frozenset()
    assert "user:b@x" in ACCESS.holders(frozenset({OWNER}), "demo")


def test_groups_are_replaced_by_their_people_and_what_is_unknown_stays() -> None:
    assert ACCESS.holders(frozenset({RELEASER}), "demo") == ("allUsers", "user:a@x", "user:c@x", "user:d@x")
    assert ACCESS.roles_of("user:c@x", "demo") == {RELEASER}
    assert ACCESS.expanded(("group:gone@x", "user:dba@x")) == {"group:gone@x", "user:dba@x"}


def test_permissions_come_from_the_roles_that_are_held() -> None:
    assert ACCESS.permissions_of("user:root@x") == {RUN, "bb.plans.get"}
    assert ACCESS.permissions_of("serviceAccount:oa@x", "shop-eu") == frozenset()
    assert ACCESS.roles_with(RUN) == {OWNER, RELEASER}
    assert Access(workspace=(Grant("roles/gone", ("user:a@x",)),)).permissions_of("user:a@x") == frozenset()


@pytest.mark.parametrize(
    ("patterns", "read", "unread"),
    [
        ((), ("demo", "shop-eu", "shop-us"), ("shop-cn", "zoo")),
        (("*",), ("demo", "shop-eu", "shop-us"), ("shop-cn", "zoo")),
        (("shop-*",), ("shop-eu", "shop-us"), ("shop-cn",)),
        (("demo", "*-us"), ("demo", "shop-us"), ()),
        (("SHOP-*",), (), ()),
    ],
)
def test_a_gates_names_mean_the_projects_that_match(
    patterns: tuple[str, ...], read: tuple[str, ...], unread: tuple[str, ...]
) -> None:
    assert ACCESS.projects_of(patterns) == read
    assert ACCESS.unread_of(patterns) == unread


def test_matching_projects_come_sorted_and_once() -> None:
    assert matching(("b", "a"), ("*", "a")) == ("a", "b")


@pytest.mark.parametrize(
    ("version", "release"),
    [("3.21.1", (3, 21)), ("v3.17.0", (3, 17)), ("4.0", (4, 0)), ("development", None), ("3", None), ("3.x.1", None)],
)
def test_a_version_has_a_release_unless_it_is_a_development_build(
    version: str, release: tuple[int, int] | None
) -> None:
    assert UpstreamFacts(version, "FREE", "", "").release == release


@pytest.mark.parametrize(("licence", "has"), [("ENTERPRISE", True), ("TEAM", False), ("FREE", False), ("", False)])
def test_rules_and_roles_are_written_only_with_an_enterprise_licence(licence: str, has: bool) -> None:
    assert UpstreamFacts("3.21.1", licence, "", "").has_custom_approval is has
