"""A resolved secret: a value that shows nothing of itself until it is revealed on purpose."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """Holds a secret value; only an upstream client may call :meth:`reveal`.

    `repr`, `str`, formatting, comparison, hashing, pickling and JSON show or use nothing of the value.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the value itself, to be put on the wire and nowhere else."""
        return self.__value

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied")
