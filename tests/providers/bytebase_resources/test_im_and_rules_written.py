"""The two lists that Bytebase replaces whole: the IM settings and the approval rules."""

from __future__ import annotations

import pytest
from providers.bytebase_resources.written_workspace import Sent, WrittenWorkspace

from reconciler.diff import diff
from reconciler.errors import BugError, ForbiddenError, SpecError
from reconciler.ports.declarative import Write
from reconciler.providers.bytebase_resources.approval_rules import ApprovalRulesReader, ApprovalRulesWriter
from reconciler.providers.bytebase_resources.im import ImReader, ImWriter
from reconciler.resources.approval_rules import ApprovalRule, ApprovalRules
from reconciler.resources.im import Im, ImSetting
from reconciler.secret import Secret

FEISHU = ImSetting("FEISHU", "v1", (("appId", "cli_a"),))
LARK = ImSetting("LARK", "v1", (("appId", "cli_l"),))
SECRETS = {"FEISHU.appSecret": Secret("good canary"), "LARK.appSecret": Secret("good other")}
OWNER = "roles/projectOwner"


async def rules_of(workspace: WrittenWorkspace) -> ApprovalRules:
    (live,) = (await ApprovalRulesReader(workspace.client).observe([ApprovalRules(())], inventory=False)).live
    assert isinstance(live, ApprovalRules)
    return live


async def test_a_verified_list_is_patched_with_a_mask_per_type_and_each_entry_gets_its_own_secret(
    workspace: WrittenWorkspace,
) -> None:
    before = await workspace.everything()
    await ImWriter(workspace.client).write(Write(Im((LARK, FEISHU)), None, frozenset({"types"}), SECRETS))
    assert workspace.sent == [
        Sent(
            "PATCH",
            "/v1/settings/APP_IM",
            {"update_mask": "value.app_im.feishu,value.app_im.lark"},
            {
                "name": "settings/APP_IM",
                "value": {
                    "appIm": {
                        "settings": [
                            {"type": "FEISHU", "feishu": {"appId": "cli_a", "appSecret": "good canary"}},
                            {"type": "LARK", "lark": {"appId": "cli_l", "appSecret": "good other"}},
                        ]
                    }
                },
            },
        )
    ]
    assert list(await workspace.changed(before)) == ["settings/APP_IM"]
    assert await workspace.client.settings.im_types() == ("FEISHU", "LARK")


async def test_an_unverified_list_goes_by_connect_without_a_mask_and_replaces_what_was_there(
    workspace: WrittenWorkspace,
) -> None:
    writer = ImWriter(workspace.client)
    await writer.write(Write(Im((LARK,)), None, frozenset({"types"}), SECRETS))
    before = await workspace.everything()
    await writer.write(Write(Im((FEISHU,), verify=False), Im((LARK,)), frozenset({"types"}), SECRETS))
    sent = workspace.sent[-1]
    assert (sent.method, sent.path, sent.query) == ("POST", "/bytebase.v1.SettingService/UpdateSetting", {})
    assert sent.body == {
        "setting": {
            "name": "settings/APP_IM",
            "value": {
                "appIm": {"settings": [{"type": "FEISHU", "feishu": {"appId": "cli_a", "appSecret": "good canary"}}]}
            },
        }
    }
    assert list(await workspace.changed(before)) == ["settings/APP_IM"]
    assert await workspace.client.settings.im_types() == ("FEISHU",)


async def test_credentials_that_the_im_refuses_change_nothing_and_appear_in_no_message(
    workspace: WrittenWorkspace,
) -> None:
    before = await workspace.everything()
    wrong = {"FEISHU.appSecret": Secret("wrong canary")}
    with pytest.raises(SpecError) as caught:
        await ImWriter(workspace.client).write(Write(Im((FEISHU,)), None, frozenset({"types"}), wrong))
    assert "canary" not in str(caught.value) + repr(caught.value)
    assert await workspace.changed(before) == {}


async def test_an_entry_whose_secret_was_not_resolved_is_not_sent_empty(workspace: WrittenWorkspace) -> None:
    with pytest.raises(SpecError, match="appSecret"):
        await ImWriter(workspace.client).write(Write(Im((FEISHU,), verify=False), None))
    assert workspace.sent == []


async def test_an_im_list_that_was_never_written_reads_as_empty_and_is_no_inventory(
    workspace: WrittenWorkspace,
) -> None:
    reader = ImReader(workspace.client)
    assert (await reader.observe([Im((FEISHU,))], inventory=False)).live == (Im(()),)
    assert (await reader.observe([], inventory=True)).others == ()


async def test_rules_are_sent_in_their_order_with_what_the_spec_leaves_out_as_it_was(
    workspace: WrittenWorkspace,
) -> None:
    writer = ApprovalRulesWriter(workspace.client)
    first = ApprovalRules(
        (
            ApprovalRule("CHANGE_DATABASE", 'resource.environment_id == "prod"', "Prod", "Owner decides", (OWNER,)),
            ApprovalRule("", "true", "Fallback", None, (OWNER,)),
        )
    )
    await writer.write(Write(first, await rules_of(workspace)))
    live = await rules_of(workspace)
    before = await workspace.everything()
    changed = ApprovalRules(
        (
            ApprovalRule("", "true", "Fallback", None, ("roles/oa",)),
            ApprovalRule("CHANGE_DATABASE", None, "Prod", None, (OWNER, "roles/oa")),
        )
    )
    await writer.write(Write(changed, live))
    assert workspace.sent[-1] == Sent(
        "PATCH",
        "/v1/settings/WORKSPACE_APPROVAL",
        {"update_mask": "value.workspace_approval"},
        {
            "name": "settings/WORKSPACE_APPROVAL",
            "value": {
                "workspaceApproval": {
                    "rules": [
                        {
                            "condition": {"expression": "true"},
                            "template": {"title": "Fallback", "flow": {"roles": ["roles/oa"]}},
                        },
                        {
                            "source": "CHANGE_DATABASE",
                            "condition": {"expression": 'resource.environment_id == "prod"'},
                            "template": {
                                "title": "Prod",
                                "description": "Owner decides",
                                "flow": {"roles": [OWNER, "roles/oa"]},
                            },
                        },
                    ]
                }
            },
        },
    )
    assert list(await workspace.changed(before)) == ["settings/WORKSPACE_APPROVAL"]
    assert diff(await rules_of(workspace), changed).fields == ()


async def test_a_condition_that_bytebase_refuses_is_the_authors_to_change(workspace: WrittenWorkspace) -> None:
    before = await workspace.everything()
    wrong = ApprovalRules((ApprovalRule("CHANGE_DATABASE", "nope ==", "T", None, (OWNER,)),))
    with pytest.raises(SpecError, match="expression") as caught:
        await ApprovalRulesWriter(workspace.client).write(Write(wrong, None))
    assert "\n" not in str(caught.value.why)
    assert await workspace.changed(before) == {}


async def test_rules_below_enterprise_are_refused_with_the_plan_they_need(free: WrittenWorkspace) -> None:
    rules = ApprovalRules((ApprovalRule("", "true", "F", None, (OWNER,)),))
    with pytest.raises(ForbiddenError) as caught:
        await ApprovalRulesWriter(free.client).write(Write(rules, None))
    assert "ENTERPRISE" in caught.value.next_step


async def test_neither_list_is_ever_deleted(workspace: WrittenWorkspace) -> None:
    with pytest.raises(BugError):
        await ImWriter(workspace.client).write(Write(None, Im((FEISHU,))))
    with pytest.raises(BugError):
        await ApprovalRulesWriter(workspace.client).write(Write(None, ApprovalRules(())))
    assert workspace.sent == []
