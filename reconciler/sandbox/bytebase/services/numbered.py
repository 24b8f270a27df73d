"""Things that are numbered within their project, plans and issues: found by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from reconciler.sandbox.bytebase.call import INVALID, NOT_FOUND, Call, RpcError

Thing = TypeVar("Thing")


def numbered(call: Call, name: str, things: Mapping[tuple[str, int], Thing], word: str) -> Thing:
    """The plan or issue of a name, also of anything below it. NOT_FOUND or INVALID, by the server's word for it, otherwise."""
    parts = name.split("/")
    if len(parts) < 4 or not parts[3].isdecimal():
        raise RpcError(INVALID, f'invalid {word} ID "{parts[3] if len(parts) > 3 else ""}"')
    if parts[1] not in call.world.projects:
        raise RpcError(NOT_FOUND, f"project {parts[1]} not found")
    thing = things.get((parts[1], int(parts[3])))
    if thing is None:
        raise RpcError(NOT_FOUND, f"{word} {parts[3]} not found in project {parts[1]}")
    return thing
