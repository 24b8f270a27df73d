"""How a seed becomes a workspace: everything that a person would have set up before the first call."""

from __future__ import annotations

from datetime import datetime

from reconciler.sandbox.bytebase.call import Message
from reconciler.sandbox.bytebase.roles import BUILT_IN_ROLES
from reconciler.sandbox.bytebase.world import (
    Account,
    Binding,
    Database,
    Group,
    IamPolicy,
    Instance,
    Project,
    Role,
    User,
    World,
    new_id,
    new_uuid,
)
from reconciler.sandbox.seed import BytebaseSeed


def world_from_seed(seed: BytebaseSeed, now: datetime) -> World:
    """The workspace as the seed describes it, untouched."""
    workspace_id = new_id()
    world = World(
        seed=seed,
        workspace_id=workspace_id,
        created=now,
        settings=_settings(seed),
        iam=IamPolicy([], now),
        licence=seed.licence,
        roles={role.id: role for role in _built_in_roles()},
    )
    world.users = {
        person.email.lower(): User(person.email.lower(), person.password, person.title) for person in seed.users
    }
    for account in seed.service_accounts:
        world.accounts[account.email] = Account(account.email, account.title, world.workspace, account.key)
    for group in seed.groups:
        members = [{"member": f"users/{m.email}", "role": m.role} for m in group.members]
        world.groups[group.email] = Group(group.email, group.title, members=members)
    for role in seed.roles:
        world.roles[role.id] = Role(role.id, role.title, role.description, tuple(role.permissions))
    world.iam.bindings = _workspace_bindings(seed)
    world.projects[world.default_project] = Project(world.default_project, "Default", {}, IamPolicy([], now))
    for each in seed.projects:
        flags = {"requireIssueApproval": each.require_issue_approval, "allowSelfApproval": each.allow_self_approval}
        bindings = [Binding(b.role, list(b.members)) for b in each.iam]
        world.projects[each.id] = Project(each.id, each.title, flags, IamPolicy(bindings, now))
    for server in seed.instances:
        world.instances[server.id] = Instance(
            server.id, server.title, server.environment, server.activation, [dict(s) for s in server.data_sources]
        )
        for base in server.databases:
            project = world.default_project if base.project == "default" else base.project
            database = Database(server.id, base.name, project)
            world.databases[database.full_name] = database
    for environment, policy in seed.rollout_policies.items():
        world.policies[f"environments/{environment}/policies/rollout_policy"] = {
            "automatic": policy.automatic,
            "roles": list(policy.roles),
        }
    return world


def _settings(seed: BytebaseSeed) -> dict[str, Message]:
    environments = [{"name": f"environments/{e.id}", "id": e.id, "title": e.title or e.id} for e in seed.environments]
    profile = {
        "enableMetricCollection": True,
        "directorySyncToken": new_uuid(),
        "passwordRestriction": {"minLength": 8},
    }
    return {
        "APP_IM": {"appIm": {"settings": []}},
        "DATA_CLASSIFICATION": {"dataClassification": {}},
        "WORKSPACE_APPROVAL": {"workspaceApproval": {"rules": [dict(rule) for rule in seed.approval_rules]}},
        "WORKSPACE_PROFILE": {"workspaceProfile": profile},
        "ENVIRONMENT": {"environment": {"environments": environments}},
    }


def _workspace_bindings(seed: BytebaseSeed) -> list[Binding]:
    bindings = [Binding(b.role, list(b.members)) for b in seed.workspace_iam]
    bound = {member for binding in bindings for member in binding.members}
    loose = [f"user:{p.email.lower()}" for p in seed.users if f"user:{p.email.lower()}" not in bound]
    if loose:
        member_binding = next((b for b in bindings if b.role == "roles/workspaceMember"), None)
        if member_binding is None:
            bindings.append(Binding("roles/workspaceMember", loose))
        else:
            member_binding.members += loose
    return bindings


def _built_in_roles() -> list[Role]:
    return [
        Role(role_id, title, description, permissions, is_built_in=True)
        for role_id, (title, description, permissions) in BUILT_IN_ROLES.items()
    ]
