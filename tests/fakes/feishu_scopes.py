"""The scopes and events of the apps that tests give a tenant."""

from __future__ import annotations

SCOPES = [
    "approval:approval",
    "approval:approval:readonly",
    "approval:approval.list:readonly",
    "contact:user.id:readonly",
    "contact:contact.base:readonly",
    "contact:user.basic_profile:readonly",
    "im:message",
    "im:message.urgent",
    "application:application:self_manage",
    "application:application:patch",
    "admin:app.info:readonly",
    "event:ip_list",
]
"""Everything that the product and the SDK's own tests call."""

ADMIN_SCOPES = [
    "application:application.app_version",
    "application:application.contacts_range:write",
    "admin:app.visibility",
    "admin:app.enable:write",
]
"""What the tenant's administration takes besides."""

EVENTS = ["approval_instance", "approval_task", "approval_cc", "approval.approval.updated_v4"]
"""The events about approvals."""
