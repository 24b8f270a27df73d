"""The API services: each module answers the methods of one area with a function `handlers(deps)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from reconciler.sandbox.bytebase.call import Handler, Handlers
from reconciler.sandbox.bytebase.progress import Progress
from reconciler.sandbox.bytebase.tokens import Tokens
from reconciler.sandbox.bytebase.world import World

AREAS = (
    "accounts", "actuator", "auditing", "auth", "groups", "iam", "instances", "issue_comments", "issues", "people",
    "plans", "policies", "projects", "releases", "reviews", "roles", "rollouts", "settings", "sheets", "task_runs",
    "webhooks",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Deps:
    """What services share. `im_credentials` None: the IM hosts cannot be reached."""

    world: World
    tokens: Tokens
    progress: Progress
    im_credentials: Callable[[str, str, str], bool] | None


def collect(deps: Deps) -> Handlers:
    """Every handler of every area, by method."""
    found: dict[str, Handler] = {}
    for area in AREAS:
        found.update(import_module(f"reconciler.sandbox.bytebase.services.{area}").handlers(deps))
    return found
