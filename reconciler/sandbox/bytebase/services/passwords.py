"""What a password must be like: the profile's restriction, at sign-up and wherever one is set (facts §3.5, §7.3)."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.sandbox.bytebase.call import INVALID, RpcError
from reconciler.sandbox.bytebase.world import World

_SHORTEST = 8
_NEEDED: dict[str, tuple[Callable[[str], bool], str]] = {
    "requireNumber": (str.isdigit, "number"),
    "requireLetter": (str.isalpha, "letter"),
    "requireUppercaseLetter": (str.isupper, "upper case letter"),
    "requireSpecialCharacter": (lambda each: each.isascii() and not each.isalnum(), "special character"),
}


def check_password(world: World, password: str) -> None:
    """Refuse a password that the workspace's restriction does not allow (code 3)."""
    restriction = world.settings["WORKSPACE_PROFILE"]["workspaceProfile"].get("passwordRestriction", {})
    shortest = restriction.get("minLength", _SHORTEST)
    if len(password) < shortest:
        raise RpcError(INVALID, f"password length should no less than {shortest} characters")
    for field, (is_kind, kind) in _NEEDED.items():
        if restriction.get(field) and not any(map(is_kind, password)):
            raise RpcError(INVALID, f"password must contains at least 1 {kind}")
