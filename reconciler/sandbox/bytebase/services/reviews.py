"""The review of an issue: approve, reject, request again (facts §8.4)."""

from __future__ import annotations

from reconciler.sandbox.bytebase.access import has_role
from reconciler.sandbox.bytebase.call import (
    DENIED,
    INTERNAL,
    INVALID,
    PRECONDITION,
    Call,
    Handlers,
    Message,
    RpcError,
)
from reconciler.sandbox.bytebase.changes import add_comment, approval_status, is_passed
from reconciler.sandbox.bytebase.progress import Progress
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.issues import issue_message, issue_named
from reconciler.sandbox.bytebase.world import Approver, Issue


def handlers(deps: Deps) -> Handlers:
    """Decide a step; positional, without a precondition."""
    progress = deps.progress
    return {
        "IssueService/ApproveIssue": lambda call: approve(call, progress),
        "IssueService/RejectIssue": reject,
        "IssueService/RequestIssue": request,
        "IssueService/RetryIssueApproval": lambda call: retry(call, progress),
    }


def approve(call: Call, progress: Progress) -> Message:
    """Answer the pending step; after the last one the rollout follows by itself."""
    issue = _pending(call, "approve")
    issue.approvers.append(Approver("APPROVED", call.who.email))
    issue.updated = call.now
    add_comment(issue, call.who.email, call.now, text=call.text("comment"), approval={"status": "APPROVED"})
    plan = call.world.plan_of(issue)
    if is_passed(issue) and plan is not None:
        progress.passed(plan)
    elif is_passed(issue):
        progress.granted(issue)
    return issue_message(call.world, issue)


def reject(call: Call) -> Message:
    """Answer the pending step with no; the flow is stuck until its creator requests again."""
    issue = _pending(call, "reject")
    issue.approvers.append(Approver("REJECTED", call.who.email))
    issue.updated = call.now
    add_comment(issue, call.who.email, call.now, text=call.text("comment"), approval={"status": "REJECTED"})
    return issue_message(call.world, issue)


def request(call: Call) -> Message:
    """The creator asks again after a rejection; earlier approvals stay."""
    issue = _undrafted(call)
    if call.who.email != issue.creator:
        raise RpcError(DENIED, "cannot request issues because you are not the issue creator")
    if approval_status(issue) != "REJECTED":
        raise RpcError(INVALID, "cannot request issues because the issue is not rejected")
    issue.approvers = [approver for approver in issue.approvers if approver.status != "REJECTED"]
    issue.updated = call.now
    add_comment(issue, call.who.email, call.now, text=call.text("comment"), approval={"status": "PENDING"})
    return issue_message(call.world, issue)


def retry(call: Call, progress: Progress) -> Message:
    """The creator restarts a finding that is stuck; otherwise nothing happens."""
    issue = _undrafted(call)
    if call.who.email != issue.creator:
        raise RpcError(DENIED, "only the issue creator can retry approval finding")
    plan = call.world.plan_of(issue)
    if not issue.is_found and plan is not None:
        progress.find(plan)
    return issue_message(call.world, issue)


def _undrafted(call: Call) -> Issue:
    issue = issue_named(call, call.text("name"))
    if issue.is_draft:
        raise RpcError(PRECONDITION, "the issue is a draft")
    return issue


def _pending(call: Call, verb: str) -> Issue:
    issue = _undrafted(call)
    if not issue.is_found:
        raise RpcError(PRECONDITION, "approval template finding is not done")
    plan = call.world.plan_of(issue)
    if plan is not None and issue.found_version != plan.specs_version:
        raise RpcError(PRECONDITION, "approval template finding is stale")
    if issue.template is None:
        raise RpcError(INTERNAL, "approval template is required")
    roles = issue.template.get("flow", {}).get("roles", [])
    if approval_status(issue) == "REJECTED":
        raise RpcError(INVALID, f"cannot {verb} because the issue has been rejected")
    if len(issue.approvers) >= len(roles):
        raise RpcError(INVALID, "the issue has been approved")
    if not has_role(call.world, call.who, [roles[len(issue.approvers)]], issue.project, call.now):
        raise RpcError(DENIED, f"cannot {verb} because the user does not have the required permission")
    allows_self = call.world.projects[issue.project].flags.get("allowSelfApproval")
    if call.who.email == issue.creator and not allows_self:
        raise RpcError(DENIED, f"cannot {verb} because self-approval is not allowed for this project")
    return issue
