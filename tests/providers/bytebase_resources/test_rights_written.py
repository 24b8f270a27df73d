"""Custom roles, and bindings: one member more, and everybody else's left alone."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from providers.bytebase_resources.written_workspace import Sent, WrittenWorkspace

from reconciler.diff import diff
from reconciler.errors import BugError, ConflictError, ForbiddenError, SpecError, UnavailableError
from reconciler.ports.declarative import Write
from reconciler.providers.bytebase_resources.binding import BindingReader, BindingWriter
from reconciler.providers.bytebase_resources.reads import SharedReads
from reconciler.providers.bytebase_resources.role import RoleReader, RoleWriter
from reconciler.resources.binding import Binding
from reconciler.resources.role import Role

MEMBER = "serviceAccount:bare@service.bytebase.com"
WANTED = Binding("roles/projectReleaser", MEMBER, "demo")
ALICE = {"role": "roles/projectOwner", "members": ["user:alice@example.com"], "condition": {}}
UNTIL = {"expression": 'request.time < timestamp("2031-01-01T00:00:00Z")', "title": "until"}


async def role(workspace: WrittenWorkspace, wanted: Role) -> Role:
    (live,) = (await RoleReader(SharedReads(workspace.client)).observe([wanted], inventory=False)).live
    assert isinstance(live, Role)
    return live


async def holds(workspace: WrittenWorkspace, wanted: Binding) -> bool:
    return bool((await BindingReader(SharedReads(workspace.client)).observe([wanted], inventory=False)).live)


async def bindings(workspace: WrittenWorkspace, scope: str = "projects/demo") -> list[dict[str, Any]]:
    found = (await workspace.ask("GET", f"{scope}:getIamPolicy")).json()["bindings"]
    return [{key: each[key] for key in ("role", "members", "condition") if key in each} for each in found]


async def bind(workspace: WrittenWorkspace, *more: dict[str, Any]) -> None:
    """Somebody else edits the policy of the project."""
    body = {"policy": {"bindings": [*await bindings(workspace), *more]}}
    assert (await workspace.ask("POST", "projects/demo:setIamPolicy", body)).status_code == 200


async def test_a_role_is_created_under_its_id_with_an_empty_description(workspace: WrittenWorkspace) -> None:
    before = await workspace.everything()
    desired = Role("new", permissions=("bb.issues.list", "bb.issues.get"))
    await RoleWriter(workspace.client).write(Write(desired, None))
    assert workspace.sent == [
        Sent(
            "POST",
            "/v1/roles",
            {"roleId": "new"},
            {"title": "new", "description": "", "permissions": ["bb.issues.get", "bb.issues.list"]},
        )
    ]
    assert list(await workspace.changed(before)) == ["roles/new"]
    assert diff(await role(workspace, desired), desired).fields == ()


async def test_a_changed_role_is_written_with_what_the_spec_leaves_out_as_it_was(workspace: WrittenWorkspace) -> None:
    before = await workspace.everything()
    desired = Role("oa", description="decided elsewhere")
    await RoleWriter(workspace.client).write(Write(desired, await role(workspace, desired), frozenset({"description"})))
    assert workspace.sent == [
        Sent(
            "PATCH",
            "/v1/roles/oa",
            {"update_mask": "title,description,permissions"},
            {
                "name": "roles/oa",
                "title": "OA",
                "description": "decided elsewhere",
                "permissions": ["bb.issues.get"],
            },
        )
    ]
    assert list(await workspace.changed(before)) == ["roles/oa"]


async def test_a_pruned_role_is_deleted_and_a_second_time_is_no_error(workspace: WrittenWorkspace) -> None:
    before = await workspace.everything()
    live = await role(workspace, Role("oa"))
    for _ in range(2):
        await RoleWriter(workspace.client).write(Write(None, live))
    assert [(sent.method, sent.path) for sent in workspace.sent] == [("DELETE", "/v1/roles/oa")] * 2
    assert list(await workspace.changed(before)) == ["roles/oa"]


async def test_a_built_in_role_is_refused_and_never_listed_as_ours(workspace: WrittenWorkspace) -> None:
    reader = RoleReader(SharedReads(workspace.client))
    seen = await reader.observe([Role("projectOwner", title="x")], inventory=True)
    assert seen.live == ()
    assert [each.code for each in seen.refusals] == ["builtInRole"]
    assert [each.name for each in seen.others] == ["oa"]


async def test_a_role_below_enterprise_is_refused_with_the_plan_it_needs(free: WrittenWorkspace) -> None:
    with pytest.raises(ForbiddenError) as caught:
        await RoleWriter(free.client).write(Write(Role("new"), None))
    assert "ENTERPRISE" in caught.value.next_step


async def test_a_member_is_added_under_the_etag_that_was_read_and_everybody_else_stays(
    workspace: WrittenWorkspace,
) -> None:
    before = await workspace.everything()
    etag = (await workspace.ask("GET", "projects/demo:getIamPolicy")).json()["etag"]
    await BindingWriter(workspace.client).write(Write(WANTED, None))
    added = {"role": WANTED.role, "members": [MEMBER], "condition": {}}
    assert workspace.sent == [
        Sent("POST", "/v1/projects/demo:setIamPolicy", {}, {"policy": {"bindings": [ALICE, added]}, "etag": etag})
    ]
    assert list(await workspace.changed(before)) == ["projects/demo:getIamPolicy"]
    assert await holds(workspace, WANTED)


async def test_a_member_joins_the_plain_binding_of_its_role_and_leaves_the_conditional_one_alone(
    workspace: WrittenWorkspace,
) -> None:
    plain = {"role": WANTED.role, "members": ["user:alice@example.com"], "condition": {}}
    limited = {"role": WANTED.role, "members": [MEMBER], "condition": UNTIL}
    await bind(workspace, limited, plain)
    assert not await holds(workspace, WANTED)
    await BindingWriter(workspace.client).write(Write(WANTED, None))
    joined = {**plain, "members": ["user:alice@example.com", MEMBER]}
    assert workspace.sent[-1].body["policy"]["bindings"] == [ALICE, limited, joined]
    assert await holds(workspace, WANTED)


async def test_a_binding_of_the_workspace_goes_to_its_real_name(workspace: WrittenWorkspace) -> None:
    before = await workspace.everything()
    wanted = Binding("roles/workspaceDBA", MEMBER)
    await BindingWriter(workspace.client).write(Write(wanted, None))
    name = (await workspace.client.server()).workspace
    assert workspace.sent[0].path == f"/v1/{name}:setIamPolicy"
    assert list(await workspace.changed(before)) == ["WORKSPACE:getIamPolicy"]
    assert await holds(workspace, wanted)


async def test_a_binding_that_is_there_already_is_not_written_again(workspace: WrittenWorkspace) -> None:
    for _ in range(2):
        await BindingWriter(workspace.client).write(Write(WANTED, None))
    assert len(workspace.sent) == 1


async def test_somebody_elses_edit_in_between_is_read_again_and_kept(workspace: WrittenWorkspace) -> None:
    reads = 0
    theirs = {"role": "roles/projectDeveloper", "members": ["user:admin@example.com"], "condition": {}}

    def meanwhile(sent: Sent) -> httpx.Response | None:
        nonlocal reads
        if sent.path.endswith(":getIamPolicy"):
            reads += 1
            if reads == 1:
                return httpx.Response(200, json={"bindings": [ALICE], "etag": "an older one"})
        return None

    await bind(workspace, theirs)
    workspace.answer(meanwhile)
    await BindingWriter(workspace.client).write(Write(WANTED, None))
    assert (reads, len(workspace.sent)) == (2, 2)
    assert await bindings(workspace) == [ALICE, theirs, {"role": WANTED.role, "members": [MEMBER], "condition": {}}]


async def test_an_edit_that_was_the_same_as_ours_leaves_nothing_to_write(workspace: WrittenWorkspace) -> None:
    first = True

    def meanwhile(sent: Sent) -> httpx.Response | None:
        nonlocal first
        if sent.path.endswith(":getIamPolicy") and first:
            first = False
            return httpx.Response(200, json={"bindings": [ALICE], "etag": "an older one"})
        return None

    await bind(workspace, {"role": WANTED.role, "members": [MEMBER], "condition": {}})
    workspace.answer(meanwhile)
    await BindingWriter(workspace.client).write(Write(WANTED, None))
    assert len(workspace.sent) == 1
    assert (await bindings(workspace))[-1]["members"] == [MEMBER]


async def test_a_policy_that_others_keep_editing_is_a_conflict_after_three_attempts(
    workspace: WrittenWorkspace,
) -> None:
    before = await workspace.everything()
    old = httpx.Response(200, json={"bindings": [ALICE], "etag": "an older one"})
    workspace.answer(lambda sent: old if sent.path.endswith(":getIamPolicy") else None)
    with pytest.raises(ConflictError):
        await BindingWriter(workspace.client).write(Write(WANTED, None))
    assert len(workspace.sent) == 3
    workspace.answer(lambda sent: None)
    assert await workspace.changed(before) == {}


async def test_a_policy_whose_answer_was_lost_is_not_written_again(workspace: WrittenWorkspace) -> None:
    lost = httpx.ReadError("gone")
    workspace.answer(lambda sent: lost if sent.path.endswith(":setIamPolicy") else None)
    with pytest.raises(UnavailableError) as caught:
        await BindingWriter(workspace.client).write(Write(WANTED, None))
    assert caught.value.ambiguous
    assert len(workspace.sent) == 1


async def test_a_role_that_does_not_exist_cannot_be_bound_and_nothing_changes(workspace: WrittenWorkspace) -> None:
    before = await workspace.everything()
    with pytest.raises(SpecError, match="roles/nope"):
        await BindingWriter(workspace.client).write(Write(Binding("roles/nope", MEMBER, "demo"), None))
    assert await workspace.changed(before) == {}


async def test_others_bindings_are_never_removed(workspace: WrittenWorkspace) -> None:
    with pytest.raises(BugError):
        await BindingWriter(workspace.client).write(Write(None, WANTED))
    with pytest.raises(BugError):
        await RoleWriter(workspace.client).write(Write(WANTED, None))
    assert workspace.sent == []


async def test_a_binding_in_a_project_that_does_not_exist_is_refused(workspace: WrittenWorkspace) -> None:
    wanted = Binding(WANTED.role, MEMBER, "none")
    seen = await BindingReader(SharedReads(workspace.client)).observe([wanted], inventory=False)
    assert (seen.live, [each.code for each in seen.refusals]) == ((), ["noSuchProject"])
