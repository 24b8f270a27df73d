"""What lists say to values, operators, tokens and names that do not fit."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "filter_text",
    [
        'status in "OPEN"',
        'status == "NOPE"',
        'status in ["OPEN", "NOPE"]',
        'approval_status in ["PENDING"]',
        'creator in ["users/bob@example.com"]',
        'creator == "users/nobody@example.com"',
        'risk_level in ["VAST"]',
    ],
)
async def test_an_issue_filter_with_a_value_that_does_not_fit_is_refused(bytebase, filter_text):
    assert (await bytebase.get("projects/demo/issues", filter=filter_text)).code == 3


@pytest.mark.parametrize(
    "filter_text",
    [
        'has_rollout == "true"',
        "has_rollout in [true]",
        'state == "NOPE"',
        'spec_type == "NOPE"',
        'creator == "users/nobody@example.com"',
    ],
)
async def test_a_plan_filter_with_a_value_that_does_not_fit_is_refused(bytebase, filter_text):
    assert (await bytebase.get("projects/demo/plans", filter=filter_text)).code == 3


async def test_a_rollout_filter_knows_only_types_of_tasks(bytebase):
    assert (await bytebase.get("projects/demo/rollouts", filter='task_type in ["NOPE"]')).code == 3


@pytest.mark.parametrize("token", ["***", "abcd"])
async def test_a_token_that_no_list_gave_out_is_refused(bytebase, token):
    assert (await bytebase.get("projects/demo/issues", page_token=token)).code == 3


async def test_a_mask_in_camel_case_names_nothing_in_the_profile(bytebase):
    body = {"name": "settings/WORKSPACE_PROFILE", "value": {"workspaceProfile": {"enableDebug": True}}}
    path = "settings/WORKSPACE_PROFILE"

    assert (await bytebase.patch(path, body, update_mask="value.workspace_profile.enableDebug")).code == 3
    assert (await bytebase.patch(path, body, update_mask="value.workspace_profile.enable_debug")).status == 200


@pytest.mark.parametrize(
    "method", ["RolloutService/GetRollout", "PlanService/GetPlan", "IssueService/GetIssue", "ProjectService/GetProject"]
)
async def test_a_name_of_another_shape_is_refused(bytebase, method):
    assert (await bytebase.connect(method, {"name": "demo"})).code == "invalid_argument"


async def test_whoever_holds_the_role_of_a_rejected_step_still_counts_as_its_approver(bytebase):
    issue, _ = await bytebase.issue("CREATE TABLE t (id INT);")
    await bytebase.post(f"{issue}:reject", {}, who="alice")

    found = await bytebase.get("projects/demo/issues", filter='current_approver == "users/alice@example.com"')

    assert [each["name"] for each in found.body["issues"]] == [issue]


async def test_the_audit_log_shows_masks_in_camel_case(bytebase):
    body = {"name": "settings/WORKSPACE_PROFILE", "value": {"workspaceProfile": {"enableDebug": True}}}
    await bytebase.patch("settings/WORKSPACE_PROFILE", body, update_mask="value.workspace_profile.enable_debug")

    entries = (await bytebase.post("auditLogs:search", {"filter": 'resource == "settings/WORKSPACE_PROFILE"'})).body

    assert '"updateMask":"value.workspaceProfile.enableDebug"' in entries["auditLogs"][0]["request"]
