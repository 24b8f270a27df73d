"""Sheets: SQL by its hash, stored once for the workspace and seen through any project (facts §9.2)."""

from __future__ import annotations

import base64
import hashlib
import re

from reconciler.sandbox.bytebase.access import project_of_resource
from reconciler.sandbox.bytebase.call import INTERNAL, NOT_FOUND, Call, Handlers, Message, RpcError
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.world import Sheet

SHOWN = 2 * 1024 * 1024
"""Bytes of content that a read without `raw` gives."""


def handlers(_: Deps) -> Handlers:
    """Create and read."""
    return {
        "SheetService/CreateSheet": create,
        "SheetService/BatchCreateSheets": batch_create,
        "SheetService/GetSheet": get,
    }


def create(call: Call) -> Message:
    """Store the content under its hash; the same content is the same sheet."""
    return _store(call, call.part("sheet"), call.text("parent"))


def batch_create(call: Call) -> Message:
    """Store several."""
    requests = call.message.get("requests", [])
    return {"sheets": [_store(call, r.get("sheet", {}), call.text("parent")) for r in requests]}


def get(call: Call) -> Message:
    """The sheet, its content cut to 2 MiB unless `raw`."""
    name = call.text("name")
    sha = name.rsplit("/", 1)[-1]
    if not re.fullmatch(r"[0-9a-f]{64}", sha):
        raise RpcError(INTERNAL, f'failed to decode sheet hash "{sha}"')
    sheet = call.world.sheets.get(sha)
    if sheet is None:
        raise RpcError(NOT_FOUND, "cannot find the sheet")
    content = sheet.content if call.message.get("raw") else sheet.content[:SHOWN]
    return _shown(f"projects/{project_of_resource(name)}/sheets/{sha}", content, len(sheet.content))


def _store(call: Call, sheet: Message, parent: str) -> Message:
    content = base64.b64decode(sheet.get("content", ""))
    sha = hashlib.sha256(content).hexdigest()
    call.world.sheets.setdefault(sha, Sheet(sha, content))
    return _shown(f"{parent}/sheets/{sha}", content, len(content))


def _shown(name: str, content: bytes, size: int) -> Message:
    return {"name": name, "content": base64.b64encode(content).decode(), "contentSize": size}
