"""Reading the page as its visitor's browser does: its forms, and waiting for what comes by itself."""

from __future__ import annotations

import asyncio
import re


async def until(condition, seconds=10.0):
    """Wait until the awaited condition gives something true, and give that."""
    async with asyncio.timeout(seconds):
        while not (found := await condition()):
            await asyncio.sleep(0.02)
    return found


def forms(text, act):
    """The forms of a page that hold a button for `act`, as their hidden fields."""
    forms = re.findall(r"<form.*?</form>", text, re.DOTALL)
    return [
        re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form)
        for form in forms
        if f'value="{act}"' in form
    ]


def data(fields, **more):
    """The form data of those fields and some more."""
    found: dict[str, list[str]] = {}
    for name, value in fields:
        found.setdefault(name, []).append(value)
    return {**found, **more}
