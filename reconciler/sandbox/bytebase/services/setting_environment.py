"""ENVIRONMENT: one ordered list, replaced whole; its order is the order of stages (facts §7.4)."""

from __future__ import annotations

import re

from reconciler.sandbox.bytebase.call import INVALID, Call, Message, RpcError
from reconciler.sandbox.bytebase.services.licence import need

_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?\Z")


def checked_environments(call: Call, given: Message) -> Message:
    """The list as it is stored; what disappears is unset on instances and databases."""
    stored: list[Message] = []
    for each in given.get("environments", []):
        environment_id = each.get("id", "")
        if not _ID.match(environment_id):
            raise RpcError(INVALID, f"invalid environment ID {environment_id}")
        if not each.get("title"):
            raise RpcError(INVALID, "environment title cannot be empty")
        if each.get("tags", {}).get("protected"):
            need(call, "ENVIRONMENT_TIERS", "ENTERPRISE")
        if any(known["id"] == environment_id for known in stored):
            raise RpcError(INVALID, f"duplicate environment ID {environment_id}")
        stored.append({**each, "name": f"environments/{environment_id}"})
    if not call.message.get("validateOnly"):
        _unset(call, {each["id"] for each in stored})
    return {"environments": stored}


def _unset(call: Call, remaining: set[str]) -> None:
    for instance in call.world.instances.values():
        if instance.environment not in remaining:
            instance.environment = ""
    for database in call.world.databases.values():
        if database.environment not in remaining:
            database.environment = ""
