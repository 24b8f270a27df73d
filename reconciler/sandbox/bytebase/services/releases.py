"""Releases: versioned files that a GitOps pipeline leaves behind (facts §9.3)."""

from __future__ import annotations

import base64
import hashlib

from reconciler.sandbox.bytebase.call import EXISTS, INVALID, NOT_FOUND, Call, Handlers, Message, RpcError
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.paging import page
from reconciler.sandbox.bytebase.times import stamp
from reconciler.sandbox.bytebase.world import Sheet

_TEMPLATE = "release_{date}-RC{iteration}"


def handlers(_: Deps) -> Handlers:
    """Make, read, archive."""
    return {
        "ReleaseService/GetRelease": get,
        "ReleaseService/ListReleases": list_releases,
        "ReleaseService/CreateRelease": create,
        "ReleaseService/DeleteRelease": delete,
        "ReleaseService/UndeleteRelease": undelete,
    }


def release_named(call: Call, name: str) -> Message:
    """The release of a name."""
    release: Message | None = call.world.releases.get(name)
    if release is None:
        raise RpcError(NOT_FOUND, f'release "{name.rsplit("/", 1)[-1]}" not found')
    return release


def get(call: Call) -> Message:
    """The release with its files."""
    return release_named(call, call.text("name"))


def list_releases(call: Call) -> Message:
    """Newest first."""
    found = [r for name, r in call.world.releases.items() if name.startswith(f"{call.text('parent')}/releases/")]
    found = [r for r in found if r["state"] == "ACTIVE" or call.message.get("showDeleted")]
    shown, token = page(call, found[::-1])
    return {"releases": shown, "nextPageToken": token}


def create(call: Call) -> Message:
    """A new release; the text of its files is stored as sheets. The id follows a template with date and count."""
    given, parent = call.part("release"), call.text("parent")
    files = [_stored(call, parent, file) for file in given.get("files", [])]
    if not files:
        raise RpcError(INVALID, "release files cannot be empty")
    kind = given.get("type", "TYPE_UNSPECIFIED")
    if kind not in ("VERSIONED", "DECLARATIVE"):
        raise RpcError(INVALID, f"invalid release type {kind}")
    name = f"{parent}/releases/{_new_id(call, parent)}"
    if name in call.world.releases:
        raise RpcError(EXISTS, f'release "{name}" already exists')
    release: Message = {
        "name": name,
        "category": given.get("category", ""),
        "files": files,
        "creator": call.who.name,
        "createTime": stamp(call.now),
        "state": "ACTIVE",
        "type": kind,
    }
    if "vcsSource" in given:
        release["vcsSource"] = given["vcsSource"]
    call.world.releases[name] = release
    return release


def _stored(call: Call, parent: str, file: Message) -> Message:
    if not file.get("path"):
        raise RpcError(INVALID, "release file path cannot be empty")
    sha = str(file.get("sheet", "")).rsplit("/", 1)[-1]
    if file.get("statement"):
        content = base64.b64decode(file["statement"])
        sha = hashlib.sha256(content).hexdigest()
        call.world.sheets.setdefault(sha, Sheet(sha, content))
    if sha not in call.world.sheets:
        raise RpcError(INVALID, f'release file "{file["path"]}" has neither a statement nor a known sheet')
    shown = {"path": file["path"], "version": file.get("version", "")}
    return {**shown, "sheet": f"{parent}/sheets/{sha}", "sheetSha256": sha}


def _new_id(call: Call, parent: str) -> str:
    template = call.text("releaseIdTemplate") or _TEMPLATE
    made = sum(name.startswith(f"{parent}/releases/") for name in call.world.releases)
    return template.replace("{date}", call.now.strftime("%Y%m%d")).replace("{iteration}", f"{made:02d}")


def delete(call: Call) -> Message:
    """Archived; plans that name it still do."""
    release_named(call, call.text("name"))["state"] = "DELETED"
    return {}


def undelete(call: Call) -> Message:
    """Active again."""
    release = release_named(call, call.text("name"))
    release["state"] = "ACTIVE"
    return release
