"""Projects and their flags (facts §13.1)."""

from __future__ import annotations

import re
from functools import partial

from reconciler.sandbox.bytebase.access import may, projects_with
from reconciler.sandbox.bytebase.call import EXISTS, INVALID, NOT_FOUND, Call, Handlers, Message, RpcError
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.filters import Term, fits, unknown
from reconciler.sandbox.bytebase.services.paging import page
from reconciler.sandbox.bytebase.wire.shapes import camel
from reconciler.sandbox.bytebase.world import Binding, IamPolicy, Project, World

_FLAGS = frozenset(
    {
        "title", "issue_labels", "force_issue_labels", "enforce_issue_title", "enforce_sql_review", "allow_self_approval",
        "require_issue_approval", "require_plan_check_no_error", "parallel_tasks_per_rollout", "execution_retry_policy",
        "ci_sampling_size", "labels", "allow_request_role", "allow_just_in_time_access", "postgres_database_tenant_mode",
        "data_classification_config_id",
    }
)  # fmt: skip
_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?\Z")


def handlers(_: Deps) -> Handlers:
    """Without webhooks and bindings."""
    return {
        "ProjectService/GetProject": lambda call: project_message(project_named(call, call.text("name"))),
        "ProjectService/ListProjects": list_projects,
        "ProjectService/SearchProjects": search,
        "ProjectService/BatchGetProjects": batch_get,
        "ProjectService/CreateProject": create,
        "ProjectService/UpdateProject": update,
        "ProjectService/DeleteProject": delete,
        "ProjectService/UndeleteProject": undelete,
    }


def project_named(call: Call, name: str) -> Project:
    """The project of a name, or of anything below it. NOT_FOUND or INVALID otherwise."""
    if not name.startswith("projects/"):
        raise RpcError(INVALID, f'invalid project name "{name}"')
    project = call.world.projects.get(name.removeprefix("projects/").partition("/")[0])
    if project is None:
        raise RpcError(NOT_FOUND, f'project "{name.removeprefix("projects/")}" not found')
    return project


def project_message(project: Project) -> Message:
    """A project in API shape, with its webhooks."""
    return {
        "name": project.name,
        "state": "ACTIVE" if project.is_active else "DELETED",
        "title": project.title,
        "webhooks": project.webhooks,
        "executionRetryPolicy": {},
        **project.flags,
    }


def list_projects(call: Call) -> Message:
    """All projects, for whoever may list them."""
    return _listed(call, list(call.world.projects.values()))


def search(call: Call) -> Message:
    """The projects that the caller can see."""
    if may(call, "bb.projects.get"):
        return _listed(call, list(call.world.projects.values()))
    visible = projects_with(call.world, call.who, "bb.projects.get", call.now)
    return _listed(call, [call.world.projects[project] for project in visible])


def _listed(call: Call, projects: list[Project]) -> Message:
    text = call.text("filter")
    if text:
        projects = [p for p in projects if fits(text, partial(_fits, call.world, p))]
    if "state" in text:
        shown, token = page(call, sorted(projects, key=lambda project: project.id))
        return {"projects": [project_message(project) for project in shown], "nextPageToken": token}
    projects = [project for project in projects if project.is_active or call.message.get("showDeleted")]
    shown, token = page(call, sorted(projects, key=lambda project: project.id))
    return {"projects": [project_message(project) for project in shown], "nextPageToken": token}


def _fits(world: World, project: Project, term: Term) -> bool:
    match term.name, term.operator:
        case "name" | "resource_id", "==":
            return (project.title if term.name == "name" else project.id) == term.value
        case "name" | "resource_id", "matches" | "contains":
            return str(term.value).lower() in (project.title if term.name == "name" else project.id).lower()
        case "state", "==":
            return ("ACTIVE" if project.is_active else "DELETED") == term.value
        case "exclude_default", "==":
            return term.value is not True or project.id != world.default_project
        case name, "==" | "in" if name.startswith("labels."):
            values = term.value if isinstance(term.value, list) else [term.value]
            return project.flags.get("labels", {}).get(name.removeprefix("labels.")) in values
        case _:
            raise unknown(term)


def batch_get(call: Call) -> Message:
    """Several by name."""
    found = [project_named(call, name) for name in call.message.get("names", [])]
    return {"projects": [project_message(project) for project in found]}


def create(call: Call) -> Message:
    """A new project; its creator is bound as a user, whatever it is (facts §13.1)."""
    project_id = call.text("projectId")
    if not _ID.match(project_id):
        raise RpcError(INVALID, f'invalid project ID "{project_id}"')
    if project_id.startswith("default"):
        raise RpcError(INVALID, f'project ID "{project_id}" is reserved')
    if project_id in call.world.projects:
        raise RpcError(EXISTS, f'project ID "{project_id}" already exists')
    given = dict(call.part("project"))
    title = given.pop("title", "")
    for key in ("name", "state", "webhooks"):
        given.pop(key, None)
    binding = Binding("roles/projectOwner", [f"user:{call.who.email}"])
    project = Project(project_id, title, given, IamPolicy([binding], call.now))
    call.world.projects[project_id] = project
    return project_message(project)


def update(call: Call) -> Message:
    """The flags that the mask names."""
    given = call.part("project")
    project = project_named(call, given.get("name", ""))
    if not call.mask:
        raise RpcError(INVALID, "update_mask must be set")
    if project.id == call.world.default_project:
        raise RpcError(INVALID, "default project cannot be updated")
    for path in call.mask:
        if path.partition(".")[0] not in _FLAGS:
            raise RpcError(INVALID, f'unsupport update_mask "{path}"')
    for path in call.mask:
        name = camel(path.partition(".")[0])
        if name == "title":
            project.title = given.get("title", "")
        elif name in given:
            project.flags[name] = given[name]
        else:
            project.flags.pop(name, None)
    return project_message(project)


def delete(call: Call) -> Message:
    """Archived: listed no more, still readable."""
    project = project_named(call, call.text("name"))
    if project.id == call.world.default_project:
        raise RpcError(INVALID, "default project cannot be deleted")
    project.is_active = False
    return {}


def undelete(call: Call) -> Message:
    """Active again."""
    project = project_named(call, call.text("name"))
    if project.is_active:
        raise RpcError(INVALID, f"project {project.name} is active")
    project.is_active = True
    return project_message(project)
