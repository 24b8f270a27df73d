"""What a spec declares in Bytebase, as resources with their origins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.desired.declared import Declared
from reconciler.desired.im import declared_im
from reconciler.resources.approval_rules import ApprovalRule, ApprovalRules
from reconciler.resources.base import Origin
from reconciler.resources.binding import Binding
from reconciler.resources.project import Project
from reconciler.resources.role import Role
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.resources.webhook import Webhook
from reconciler.spec.models.references import SecretRef
from reconciler.spec.target import Target


def declared_in_bytebase(target: Target) -> Iterator[Declared]:
    """Every resource under `spec.bytebase`, in no particular order."""
    yield from declared_im(target)
    yield from _policies(target)
    yield from _projects(target)
    yield from _rules(target)
    yield from _roles(target)
    yield from _bindings(target)


def origin(target: Target, *path: str | int) -> Origin:
    """The line that declares a field."""
    position = target.origin(*path)
    return Origin(position.file, position.line)


def _policies(target: Target) -> Iterator[Declared]:
    for index, environment in enumerate(target.spec.bytebase.environments):
        policy = environment.rollout_policy
        if policy is not None:
            at = origin(target, "spec", "bytebase", "environments", index, "rolloutPolicy")
            yield Declared(RolloutPolicy(environment.name, automatic=policy.automatic, roles=policy.roles), at)


def _projects(target: Target) -> Iterator[Declared]:
    for index, project in enumerate(target.spec.bytebase.projects):
        path = ("spec", "bytebase", "projects", index)
        flags = Project(
            project.name,
            require_issue_approval=project.require_issue_approval,
            allow_self_approval=project.allow_self_approval,
        )
        if flags.fields():
            yield Declared(flags, origin(target, *path))
        for place, webhook in enumerate(project.webhooks or ()):
            resource = Webhook(
                project.name,
                webhook.title,
                webhook.type,
                direct_message=webhook.direct_message,
                events=webhook.events,
                url_token=f"version {webhook.version}" if webhook.url is not None else None,
            )
            secrets: Mapping[str, SecretRef] = {"url": webhook.url} if webhook.url is not None else {}
            yield Declared(resource, origin(target, *path, "webhooks", place), secrets)


def _rules(target: Target) -> Iterator[Declared]:
    rules = target.spec.bytebase.approval_rules
    if rules is None:
        return
    resource = ApprovalRules(
        tuple(
            ApprovalRule(
                source=rule.source or "",
                condition=rule.condition,
                title=rule.title,
                description=rule.description,
                roles=rule.roles,
            )
            for rule in rules
        )
    )
    yield Declared(resource, origin(target, "spec", "bytebase", "approvalRules"))


def _roles(target: Target) -> Iterator[Declared]:
    for index, role in enumerate(target.spec.bytebase.roles):
        resource = Role(role.id, title=role.title, description=role.description, permissions=role.permissions)
        yield Declared(resource, origin(target, "spec", "bytebase", "roles", index))


def _bindings(target: Target) -> Iterator[Declared]:
    for index, binding in enumerate(target.spec.bytebase.bindings):
        resource = Binding(binding.role, binding.member, binding.project)
        yield Declared(resource, origin(target, "spec", "bytebase", "bindings", index))
