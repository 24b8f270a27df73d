"""What a plan changes: its targets with their environments and their SQL (facts §9.1, §10.1)."""

from __future__ import annotations

from reconciler.sandbox.bytebase.call import Message
from reconciler.sandbox.bytebase.world import Plan, World


def sheet_text(world: World, name: str) -> str:
    """The SQL of a sheet by any project's name for it."""
    sheet = world.sheets.get(name.rsplit("/", 1)[-1])
    return sheet.content.decode("utf-8", "replace") if sheet is not None else ""


def environment_of(world: World, target: str) -> str:
    """The environment id of a database: its own, or its instance's."""
    database = world.databases.get(target)
    if database is not None and database.environment:
        return database.environment
    instance = world.instances.get(target.split("/")[1]) if target.startswith("instances/") else None
    return instance.environment if instance is not None else ""


def targets_of(plan: Plan) -> list[tuple[Message, str, str]]:
    """(spec, target, sheet or release) of every target of a change plan."""
    found = []
    for spec in plan.specs:
        config = spec.get("changeDatabaseConfig")
        if config is not None:
            found += [(spec, t, config.get("sheet") or config.get("release", "")) for t in config.get("targets", [])]
        elif (create := spec.get("createDatabaseConfig")) is not None:
            found.append((spec, create.get("target", ""), ""))
    return found


def is_release_based(plan: Plan) -> bool:
    """Whether the plan's SQL comes from a release."""
    return any(spec.get("changeDatabaseConfig", {}).get("release") for spec in plan.specs)


def is_change(plan: Plan) -> bool:
    """Whether every spec changes databases."""
    return all("changeDatabaseConfig" in spec for spec in plan.specs)
