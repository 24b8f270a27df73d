"""Searching the audit log; absent on FREE (facts §13.3)."""

from __future__ import annotations

from functools import partial

from reconciler.sandbox.bytebase.call import INVALID, Call, Handlers, Message, RpcError
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.filters import Term, fits, unknown
from reconciler.sandbox.bytebase.services.licence import need
from reconciler.sandbox.bytebase.services.paging import page
from reconciler.sandbox.bytebase.times import parse as parse_time

LARGEST = 5000


def handlers(_: Deps) -> Handlers:
    """Search."""
    return {"AuditLogService/SearchAuditLogs": search}


def search(call: Call) -> Message:
    """Entries of the workspace, or of one project; newest first unless asked otherwise."""
    need(call, "AUDIT_LOG", "TEAM")
    entries = list(call.world.audit)
    parent = call.text("parent")
    if parent.startswith("projects/"):
        entries = [entry for entry in entries if entry["name"].startswith(f"{parent}/")]
    if text := call.text("filter"):
        entries = [entry for entry in entries if fits(text, partial(_fits, entry))]
    field, _, direction = call.text("orderBy").strip().partition(" ")
    if field not in ("", "create_time") or direction not in ("", "asc", "desc"):
        raise RpcError(INVALID, 'only support order by "create_time"')
    if not (field and direction != "desc"):
        entries.reverse()
    shown, token = page(call, entries, largest=LARGEST)
    return {"auditLogs": shown, "nextPageToken": token}


def _fits(entry: Message, term: Term) -> bool:
    if term.name == "create_time" and term.operator in (">=", "<="):
        at, limit = parse_time(entry["createTime"]), parse_time(str(term.value))
        return at >= limit if term.operator == ">=" else at <= limit
    if term.name not in ("method", "severity", "user", "resource") or term.operator != "==":
        raise unknown(term)
    return bool(entry.get(term.name, "") == term.value)
