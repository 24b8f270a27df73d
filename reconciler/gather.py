"""Several reads at once, none left running behind: all end before the first failure is raised."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


async def all_of(reads: Sequence[Awaitable[T]]) -> list[T]:
    """The answers in order. Raises the first failure by order of the input, so equal failures give equal messages."""
    answers = await asyncio.gather(*reads, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if not isinstance(answer, BaseException)]


async def both(first: Awaitable[T], second: Awaitable[U]) -> tuple[T, U]:
    """Two answers of different kinds. Raises the first failure in this order, after both have ended."""
    one, other = await asyncio.gather(first, second, return_exceptions=True)
    if isinstance(one, BaseException):
        raise one
    if isinstance(other, BaseException):
        raise other
    return one, other
