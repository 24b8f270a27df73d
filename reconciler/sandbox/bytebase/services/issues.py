"""Issues: create, read, list, search, edit, cancel (facts §8.1-8.3)."""

from __future__ import annotations

from reconciler.sandbox.bytebase.access import project_of_resource, projects_with, roles_of
from reconciler.sandbox.bytebase.call import (
    EXISTS,
    INTERNAL,
    INVALID,
    NOT_FOUND,
    PRECONDITION,
    Call,
    Handlers,
    Message,
    RpcError,
)
from reconciler.sandbox.bytebase.changes import add_comment, approval_status
from reconciler.sandbox.bytebase.progress import Progress
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.filter_values import (
    check_operator,
    check_principal,
    check_words,
    values_of,
)
from reconciler.sandbox.bytebase.services.filters import Term, terms
from reconciler.sandbox.bytebase.services.licence import need
from reconciler.sandbox.bytebase.services.numbered import numbered
from reconciler.sandbox.bytebase.services.paging import page
from reconciler.sandbox.bytebase.services.plans import plan_named
from reconciler.sandbox.bytebase.services.projects import project_named
from reconciler.sandbox.bytebase.times import parse, stamp, stamp_exact
from reconciler.sandbox.bytebase.world import Issue, World

_FILTERS = {
    "status", "type", "labels", "risk_level", "create_time", "creator", "approval_status", "current_approver", "labels.contains",
}  # fmt: skip
_AFTER_THE_PAGE = {"approval_status", "current_approver"}
_LISTED = {"status", "type", "labels", "risk_level"}
_WORDS = {
    "status": {"OPEN", "DONE", "CANCELED"},
    "approval_status": {"CHECKING", "PENDING", "APPROVED", "REJECTED", "SKIPPED"},
    "type": {"DATABASE_CHANGE", "ROLE_GRANT", "DATABASE_EXPORT", "ACCESS_GRANT"},
    "risk_level": {"LOW", "MODERATE", "HIGH"},
}


def handlers(deps: Deps) -> Handlers:
    """Everything but the review."""
    progress = deps.progress
    return {
        "IssueService/CreateIssue": lambda call: create(call, progress),
        "IssueService/GetIssue": lambda call: issue_message(call.world, issue_named(call, call.text("name"))),
        "IssueService/ListIssues": list_issues,
        "IssueService/SearchIssues": search,
        "IssueService/UpdateIssue": lambda call: update(call, progress),
        "IssueService/BatchUpdateIssuesStatus": batch_status,
    }


def issue_named(call: Call, name: str) -> Issue:
    """The issue of a name. NOT_FOUND or INVALID otherwise."""
    return numbered(call, name, call.world.issues, "issue")


def issue_message(world: World, issue: Issue) -> Message:
    """An issue in API shape."""
    plan = world.plan_of(issue)
    message: Message = {
        "name": issue.name,
        "title": issue.title,
        "description": issue.description,
        "type": issue.type,
        "status": issue.status,
        "approvers": [{"status": a.status, "principal": f"users/{a.email}"} for a in issue.approvers],
        "creator": f"users/{issue.creator}",
        "createTime": stamp(issue.created),
        "updateTime": stamp(issue.updated),
        "plan": plan.name if plan is not None else "",
        "labels": issue.labels,
        "draft": issue.is_draft,
        "approvalStatus": approval_status(issue),
        **issue.extra,
    }
    if issue.template is not None:
        message["approvalTemplate"] = issue.template
    if issue.is_found and issue.risk:
        message["riskLevel"] = issue.risk
    return message


def create(call: Call, progress: Progress) -> Message:
    """A new issue; its review is looked for once the plan's checks are done."""
    project = project_named(call, call.text("parent"))
    given = call.part("issue")
    kind = given.get("type", "")
    if kind not in ("DATABASE_CHANGE", "ROLE_GRANT", "ACCESS_GRANT"):
        raise RpcError(INVALID, f"unknown issue type {kind}")
    if kind == "ROLE_GRANT":
        need(call, "REQUEST_ROLE_WORKFLOW", "ENTERPRISE")
        if not given.get("roleGrant", {}).get("role") or not given["roleGrant"].get("user"):
            raise RpcError(INVALID, "role grant requires a role and a user")
    labels = given.get("labels", [])
    if project.flags.get("forceIssueLabels") and not labels:
        raise RpcError(INVALID, "require issue labels")
    plan = None
    if kind == "DATABASE_CHANGE":
        if not given.get("plan"):
            raise RpcError(INVALID, "plan is required")
        plan = plan_named(call, given["plan"])
        known = call.world.issue_of(plan)
        if known is not None:
            if known.is_draft:
                raise RpcError(PRECONDITION, f"a draft issue already exists for plan {plan.number}")
            raise RpcError(EXISTS, f"an issue already exists for plan {plan.number}")
    is_draft = bool(given.get("draft"))
    title = given.get("title") or (plan.title if plan is not None else "")
    issue = Issue(
        number=project.number("issue"),
        project=project.id,
        title=plan.title if is_draft and plan is not None else title,
        description=given.get("description") or (plan.description if plan is not None else ""),
        type=kind,
        creator=call.who.email,
        created=call.now,
        updated=call.now,
        plan=plan.number if plan is not None else None,
        labels=list(labels),
        is_draft=is_draft,
        extra={key: given[key] for key in ("roleGrant", "accessGrant") if key in given},
    )
    call.world.issues[project.id, issue.number] = issue
    if plan is not None:
        plan.issue = issue.number
    if not is_draft:
        submit(call, issue, progress)
    return issue_message(call.world, issue)


def submit(call: Call, issue: Issue, progress: Progress) -> None:
    """The issue is there for review: the comment that says so, and the search for its approvers."""
    add_comment(issue, call.who.email, call.now, reviewSubmission={})
    plan = call.world.plan_of(issue)
    if plan is not None:
        progress.find(plan)
    else:
        progress.find_for_issue(issue)


def list_issues(call: Call) -> Message:
    """The issues of one project; `projects/-` is an empty list here."""
    return _listed(call, [call.text("parent").removeprefix("projects/")])


def search(call: Call) -> Message:
    """Issues of one project without a check of rights, or with `-` of all that the caller may read (facts §8.2)."""
    project = call.text("parent").removeprefix("projects/")
    if project == "-":
        return _listed(call, projects_with(call.world, call.who, "bb.issues.get", call.now))
    if project not in call.world.projects:
        raise RpcError(NOT_FOUND, f"project {project} not found")
    return _listed(call, [project])


def _listed(call: Call, projects: list[str]) -> Message:
    wanted = terms(call.text("filter"), _FILTERS)
    _check_values(call.world, wanted)
    issues = [i for (project, _), i in call.world.issues.items() if project in projects and not i.is_draft]
    if query := call.text("query").lower():
        issues = [i for i in issues if query in f"{i.title} {i.description}".lower()]
    before = [term for term in wanted if term.name not in _AFTER_THE_PAGE]
    issues = [i for i in issues if all(_fits(i, term) for term in before)]
    _sort(issues, call.text("orderBy"))
    shown, token = page(call, issues)
    after = [term for term in wanted if term.name in _AFTER_THE_PAGE]
    shown = [i for i in shown if all(_fits_after(call, i, term) for term in after)]
    return {"issues": [issue_message(call.world, i) for i in shown], "nextPageToken": token}


def _sort(issues: list[Issue], order_by: str) -> None:
    issues.sort(key=lambda i: (i.created, i.number), reverse=True)
    for part in reversed([part.strip() for part in order_by.split(",") if part.strip()]):
        field, _, direction = part.partition(" ")
        if field not in ("create_time", "update_time") or direction.strip() not in ("", "asc", "desc"):
            raise RpcError(INVALID, f'invalid order_by "{part}"')
        moved = (lambda i: i.created) if field == "create_time" else (lambda i: i.updated)
        issues.sort(key=moved, reverse=direction.strip() == "desc")


def _check_values(world: World, wanted: list[Term]) -> None:
    for term in wanted:
        check_operator(term, _LISTED)
        if term.name in _WORDS:
            check_words(term, _WORDS[term.name])
        elif term.name in ("creator", "current_approver"):
            check_principal(world, term)


def _fits(issue: Issue, term: Term) -> bool:
    match term.name:
        case "status":
            return issue.status in values_of(term)
        case "type":
            return issue.type in values_of(term)
        case "labels" | "labels.contains":
            return set(values_of(term)) <= set(issue.labels)
        case "risk_level":
            return issue.is_found and issue.risk in values_of(term)
        case "create_time":
            limit = parse(str(term.value))
            return issue.created > limit if term.operator == ">=" else issue.created < limit
        case _:
            return f"users/{issue.creator}" == term.value


def _fits_after(call: Call, issue: Issue, term: Term) -> bool:
    if term.name == "approval_status":
        return approval_status(issue) == term.value
    roles = issue.template.get("flow", {}).get("roles", []) if issue.template is not None else []
    # A rejected step is still the pending one here: the flow stopped at it (facts §8.2).
    answered = sum(approver.status == "APPROVED" for approver in issue.approvers)
    if not issue.is_found or answered >= len(roles):
        return False
    email = str(term.value).removeprefix("users/")
    kind = "serviceAccount" if email in call.world.accounts else "user"
    return roles[answered] in roles_of(call.world, f"{kind}:{email}", issue.project, call.now)


def update(call: Call, progress: Progress) -> Message:
    """Title, description, labels, draft; other paths are ignored without a word (facts §8.3)."""
    given = call.part("issue")
    issue = issue_named(call, given.get("name", ""))
    changed: Message = {}
    mask = call.mask or ()
    if "title" in mask:
        if not given.get("title"):
            raise RpcError(INVALID, "title cannot be empty")
        changed |= {"fromTitle": issue.title, "toTitle": given["title"]}
        issue.title = given["title"]
    if "description" in mask:
        changed |= {"fromDescription": issue.description, "toDescription": given.get("description", "")}
        issue.description = given.get("description", "")
    if "labels" in mask and given.get("labels", []) != issue.labels:
        changed |= {"fromLabels": issue.labels, "toLabels": given.get("labels", [])}
        _relabel(call, issue, list(given.get("labels", [])), progress)
    if "draft" in mask and issue.is_draft and not given.get("draft"):
        issue.is_draft = False
        submit(call, issue, progress)
        issue.updated = call.now
    if not changed:
        return issue_message(call.world, issue)
    add_comment(issue, call.who.email, call.now, issueUpdate=changed)
    issue.updated = call.now
    return {**issue_message(call.world, issue), "updateTime": stamp_exact(call.now)}


def _relabel(call: Call, issue: Issue, labels: list[str], progress: Progress) -> None:
    issue.labels = labels
    plan = call.world.plan_of(issue)
    if plan is not None and not plan.has_rollout and issue.type == "DATABASE_CHANGE":
        issue.template, issue.approvers, issue.is_found = None, [], False
        progress.find(plan)


def batch_status(call: Call) -> Message:
    """Cancel, reopen, finish: all or nothing (facts §8.3)."""
    names = call.message.get("issues", [])
    if not names:
        text = f'failed to check permission for method "/bytebase.v1.{call.method}", extra [], err: '
        raise RpcError(INTERNAL, f"{text}no resource found for IAM auth method")
    parent = call.text("parent")
    status = call.text("status")
    found = []
    if status not in ("OPEN", "DONE", "CANCELED"):
        raise RpcError(INVALID, "failed to convert to issue status, err: invalid issue status ISSUE_STATUS_UNSPECIFIED")
    for name in names:
        if not str(name).startswith(f"{parent}/"):
            raise RpcError(INVALID, "all issues should be in the same project")
        try:
            issue = issue_named(call, name)
        except RpcError as error:
            if error.code != NOT_FOUND:
                raise
            continue
        if not issue.is_draft:
            found.append(issue)
    if len(found) < len(set(names)):
        text = f"expected {len(set(names))} issues in project {project_of_resource(parent)}, found {len(found)}"
        raise RpcError(PRECONDITION, text)
    for issue in found:
        if issue.status == "DONE" and status != "DONE":
            raise RpcError(PRECONDITION, f"cannot change status from DONE to {status} for issue {issue.number}")
    for issue in found:
        was, issue.status = issue.status, status
        event = {"fromStatus": was, "toStatus": status}
        add_comment(issue, call.who.email, call.now, text=call.text("reason"), issueUpdate=event)
    return {}
