"""JSON inside text members: forms, comments and cards arrive as strings that may hold anything."""

from __future__ import annotations

import json
from typing import Any


def parse(text: str) -> Any:
    """The value; raises `ValueError` for anything that is not JSON, bottomless nesting too."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
