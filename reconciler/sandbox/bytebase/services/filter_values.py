"""Values of filter terms: enumeration words, principals and lists, each refused in the server's manner when it is none."""

from __future__ import annotations

from collections.abc import Collection

from reconciler.sandbox.bytebase.call import INVALID, RpcError
from reconciler.sandbox.bytebase.services.filters import Term, unknown
from reconciler.sandbox.bytebase.world import World


def values_of(term: Term) -> list[object]:
    """The values of a term: those of its list, or the one."""
    if term.operator != "in":
        return [term.value]
    if not isinstance(term.value, list):
        raise RpcError(INVALID, f'invalid list value {term.value!r} for "{term.name}"')
    return term.value


def check_operator(term: Term, listed: Collection[str]) -> None:
    """Refuse `in` for a variable that is only compared with one value."""
    if term.operator == "in" and term.name not in listed:
        raise RpcError(INVALID, f"failed to parse filter: {unknown(term)}")


def check_words(term: Term, words: Collection[str]) -> None:
    """Refuse a value that is no word of the enumeration behind the variable."""
    if not set(map(str, values_of(term))) <= set(words):
        raise RpcError(INVALID, f'invalid {term.name} filter "{term.value}"')


def check_principal(world: World, term: Term) -> None:
    """Refuse a person or account that does not exist."""
    email = str(term.value).removeprefix("users/")
    if email not in world.users and email not in world.accounts:
        raise RpcError(INVALID, f'user "{email}" not found')
