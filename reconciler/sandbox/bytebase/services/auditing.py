"""Searching the audit log; absent on FREE (facts §13.3)."""

from __future__ import annotations

from reconciler.sandbox.bytebase.call import INVALID, Call, Handlers, Message, RpcError
from reconciler.sandbox.bytebase.cel import CelError, Node, parse
from reconciler.sandbox.bytebase.services import Deps
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
        try:
            tree = parse(text)
            entries = [entry for entry in entries if _fits(entry, tree)]
        except CelError as error:
            raise RpcError(INVALID, f'failed to parse filter "{text}": {error}') from None
    field, _, direction = call.text("orderBy").strip().partition(" ")
    if field not in ("", "create_time") or direction not in ("", "asc", "desc"):
        raise RpcError(INVALID, 'only support order by "create_time"')
    if not (field and direction != "desc"):
        entries.reverse()
    shown, token = page(call, entries, largest=LARGEST)
    return {"auditLogs": shown, "nextPageToken": token}


def _fits(entry: Message, node: Node) -> bool:
    if node.kind != "call" or len(node.parts) != 2:
        raise CelError("unexpected expression")
    if node.value in ("&&", "||"):
        both = [_fits(entry, part) for part in node.parts]
        return all(both) if node.value == "&&" else any(both)
    name, wanted = node.parts[0].value, node.parts[1].value
    if name == "create_time" and node.value in (">=", "<="):
        at, limit = parse_time(entry["createTime"]), parse_time(str(wanted))
        return at >= limit if node.value == ">=" else at <= limit
    if name not in ("method", "severity", "user", "resource") or node.value != "==":
        raise CelError(f"unsupported term {name} {node.value}")
    return bool(entry.get(str(name), "") == wanted)
