"""What is live in one Bytebase as the section of a spec, with the connection of the spec that led there."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reconciler.operations.export.exported import Found, is_writable, written
from reconciler.operations.export.im import exported_im
from reconciler.resources.approval_rules import ApprovalRules
from reconciler.resources.base import Json
from reconciler.resources.binding import Binding
from reconciler.resources.project import Project
from reconciler.resources.role import Role
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.resources.webhook import Webhook
from reconciler.spec.models import bytebase as spec

_CONNECTION = ("url", "identity", "credentials", "reviewers", "tls", "poll")


def exported_bytebase(found: Found) -> Mapping[str, Json]:
    """The section `spec.bytebase`; parts without any content are left out."""
    given = written(found.target.spec.bytebase)
    section: dict[str, Json] = {name: given[name] for name in _CONNECTION if name in given}
    parts: Mapping[str, Json] = {
        "im": exported_im(found),
        "environments": _environments(found) or None,
        "projects": _projects(found) or None,
        "approvalRules": _rules(found),
        "roles": _roles(found) or None,
        "bindings": _bindings(found) or None,
    }
    return section | {name: part for name, part in parts.items() if part is not None}


def _environments(found: Found) -> list[Json]:
    entries: list[Json] = []
    for policy in found.of(RolloutPolicy):
        entry: dict[str, Json] = {"name": policy.environment, "rolloutPolicy": dict(policy.fields())}
        if is_writable(spec.Environment, entry):
            entries.append(entry)
        else:
            found.left_out.append(f"the rollout policy of {policy.environment}: it names roles that no spec can name")
    return entries


def _projects(found: Found) -> list[Json]:
    hooks = found.of(Webhook)
    entries: list[Json] = []
    for project in found.of(Project):
        webhooks = [_webhook(found, each) for each in hooks if each.project == project.project]
        entry: dict[str, Json] = {"name": project.project, **project.fields()}
        known: list[Json] = [each for each in webhooks if each is not None]
        entries.append(entry | ({"webhooks": known} if known else {}))
    return entries


def _webhook(found: Found, webhook: Webhook) -> Json:
    """The live webhook; its URL as the given spec refers to it, with the version that was last sent."""
    entry: dict[str, Json] = {"title": webhook.title, "type": webhook.type, **webhook.fields()}
    entry.pop("url", None)
    declared = next(
        (
            each
            for project in found.target.spec.bytebase.projects
            for each in project.webhooks or ()
            if (project.name, each.title, each.type) == (webhook.project, webhook.title, webhook.type)
        ),
        None,
    )
    if declared is not None and declared.url is not None:
        sent = re.fullmatch(r"version ([0-9]+)", found.token(webhook.key, "url"))
        version = int(sent[1]) if sent is not None else declared.version
        entry |= {"url": written(declared)["url"]} | ({"version": version} if version != 1 else {})
    if not is_writable(spec.Webhook, entry):
        found.left_out.append(f"the webhook {webhook.name}: it holds what no spec can say")
        return None
    return entry


def _rules(found: Found) -> Json:
    live = found.of(ApprovalRules)
    if not live:
        return [] if found.target.spec.bytebase.approval_rules is not None else None
    entries: list[Mapping[str, Json]] = [
        {key: value for key, value in rule.plain().items() if value != ""} for rule in live[0].rules
    ]
    if all(is_writable(spec.ApprovalRule, entry) for entry in entries):
        return entries
    found.left_out.append("the approval rules: one of them holds what no spec can say")
    return None


def _roles(found: Found) -> list[Json]:
    entries: list[Json] = []
    for role in found.of(Role):
        entry = {"id": role.id, **{name: value for name, value in role.fields().items() if value != ""}}
        if is_writable(spec.CustomRole, entry):
            entries.append(entry)
        else:
            found.left_out.append(f"the role {role.id}: it holds what no spec can say")
    return entries


def _bindings(found: Found) -> list[Json]:
    """Those of the given spec that are live: nobody else's bindings are declared for them."""
    live = {each.key for each in found.of(Binding)}
    entries: list[Json] = []
    for binding in found.target.spec.bytebase.bindings:
        if Binding(binding.role, binding.member, binding.project).key in live:
            entries.append(written(binding))
        else:
            found.left_out.append(
                f"the binding of {binding.member} to {binding.role} in {binding.project or 'the workspace'}: it is not live"
            )
    return entries
