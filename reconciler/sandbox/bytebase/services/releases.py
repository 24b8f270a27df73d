"""Releases: what a GitOps pipeline left behind, to be read (facts §9.3)."""

from __future__ import annotations

from reconciler.sandbox.bytebase.call import NOT_FOUND, Call, Handlers, Message, RpcError
from reconciler.sandbox.bytebase.services import Deps


def handlers(_: Deps) -> Handlers:
    """Read one."""
    return {"ReleaseService/GetRelease": get}


def get(call: Call) -> Message:
    """The release with its files."""
    name = call.text("name")
    release = call.world.releases.get(name)
    if release is None:
        raise RpcError(NOT_FOUND, f'release "{name}" not found')
    return release
