"""The API services: each module answers the methods of one area and lists them in HANDLERS."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from reconciler.sandbox.bytebase.call import Handler, Handlers
from reconciler.sandbox.bytebase.progress import Progress
from reconciler.sandbox.bytebase.tokens import Tokens
from reconciler.sandbox.bytebase.world import World
