"""What each call of the open API does; the gateway hands over authorised, validated visits."""

from __future__ import annotations

from reconciler.sandbox.feishu.calls import (
    applications,
    comments,
    configuration,
    contacts,
    definitions,
    instances,
    messages,
    searches,
    tasks,
    tenancy,
)
from reconciler.sandbox.feishu.visit import Handlers

HANDLERS: Handlers = {
    **tenancy.HANDLERS,
    **definitions.HANDLERS,
    **instances.HANDLERS,
    **searches.HANDLERS,
    **tasks.HANDLERS,
    **comments.HANDLERS,
    **contacts.HANDLERS,
    **applications.HANDLERS,
    **configuration.HANDLERS,
    **messages.HANDLERS,
}
"""Handlers by method and path template."""

__all__ = ["HANDLERS"]
