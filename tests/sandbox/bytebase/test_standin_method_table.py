"""Which methods are served: all that the reference lists, by route; the others say that they are not."""

from __future__ import annotations

import pytest

from reconciler.sandbox.bytebase.wire.shapes import shapes

LISTED = {
    "SettingService": "ListSettings GetSetting UpdateSetting",
    "OrgPolicyService": "GetPolicy ListPolicies CreatePolicy UpdatePolicy DeletePolicy",
    "IssueService": (
        "GetIssue ListIssues SearchIssues CreateIssue UpdateIssue BatchUpdateIssuesStatus ListIssueComments"
        " CreateIssueComment UpdateIssueComment ApproveIssue RejectIssue RequestIssue RetryIssueApproval"
    ),
    "PlanService": "GetPlan ListPlans CreatePlan UpdatePlan GetPlanCheckRun RunPlanChecks CancelPlanCheckRun",
    "RolloutService": (
        "GetRollout ListRollouts CreateRollout ListTaskRuns GetTaskRun GetTaskRunLog GetTaskRunSession"
        " PreviewTaskRunRollback BatchRunTasks BatchSkipTasks BatchCancelTaskRuns"
    ),
    "SheetService": "CreateSheet BatchCreateSheets GetSheet",
    "ReleaseService": "GetRelease",
    "ProjectService": (
        "ListProjects GetProject BatchGetProjects SearchProjects CreateProject UpdateProject GetIamPolicy SetIamPolicy"
        " AddWebhook UpdateWebhook RemoveWebhook TestWebhook"
    ),
    "WorkspaceService": "GetIamPolicy SetIamPolicy GetWorkspace",
    "UserService": "ListUsers GetUser BatchGetUsers GetCurrentUser CreateUser",
    "GroupService": "ListGroups GetGroup BatchGetGroups CreateGroup",
    "RoleService": "ListRoles GetRole CreateRole",
    "AuditLogService": "SearchAuditLogs",
    "ActuatorService": "GetActuatorInfo",
    "SubscriptionService": "GetSubscription UploadLicense",
    "AuthService": "Login Logout Signup Refresh ExchangeToken",
    "ServiceAccountService": (
        "CreateServiceAccount GetServiceAccount ListServiceAccounts UpdateServiceAccount DeleteServiceAccount"
        " UndeleteServiceAccount"
    ),
    "WorkloadIdentityService": "CreateWorkloadIdentity GetWorkloadIdentity",
    "InstanceService": "GetInstance ListInstances CreateInstance",
    "DatabaseService": "GetDatabase ListDatabases",
}
METHODS = [f"{service}/{name}" for service, names in LISTED.items() for name in names.split()]


@pytest.mark.parametrize("method", METHODS)
async def test_a_listed_method_is_served_on_both_faces(bytebase, method):
    assert shapes().methods[method].bindings
    assert (await bytebase.connect(method, {})).status != 501


async def test_every_described_method_answers_in_the_server_s_form(bytebase):
    """Empty requests of an administrator: an answer or a refusal, never a panic (those carry a stack of frames)."""
    for method in shapes().methods:
        reply = await bytebase.connect(method, {})

        assert reply.status == 200 or {"code", "message"} <= set(reply.body), method
        assert "gateway.py" not in reply.body.get("message", ""), method
