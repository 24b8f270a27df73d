"""Instances and databases (facts §17.2)."""

from __future__ import annotations

import re

from reconciler.sandbox.bytebase.access import may, require
from reconciler.sandbox.bytebase.call import (
    EXHAUSTED,
    EXISTS,
    INTERNAL,
    INVALID,
    NOT_FOUND,
    Call,
    Handlers,
    Message,
    RpcError,
)
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.paging import page
from reconciler.sandbox.bytebase.targets import environment_of
from reconciler.sandbox.bytebase.times import stamp_exact
from reconciler.sandbox.bytebase.world import Database, Instance

ENGINE_VERSION = "15.0.18"


def handlers(_: Deps) -> Handlers:
    """Read, create, move."""
    return {
        "InstanceService/GetInstance": lambda call: instance_message(instance_named(call, call.text("name"))),
        "InstanceService/ListInstances": list_instances,
        "InstanceService/CreateInstance": create,
        "DatabaseService/GetDatabase": lambda call: database_message(call, database_named(call, call.text("name"))),
        "DatabaseService/BatchGetDatabases": batch_get,
        "DatabaseService/ListDatabases": list_databases,
        "DatabaseService/UpdateDatabase": update_database,
    }


def instance_message(instance: Instance) -> Message:
    """An instance in API shape; passwords are never shown."""
    return {
        "name": f"instances/{instance.id}",
        "state": "ACTIVE",
        **_what_it_is(instance),
        **instance.extra,
    }


def _what_it_is(instance: Instance) -> Message:
    hidden = ("password", "sslKey")
    sources = [
        {"authenticationType": "PASSWORD", **{key: value for key, value in source.items() if key not in hidden}}
        for source in instance.data_sources
    ]
    shown: Message = {
        "title": instance.title,
        "engine": instance.engine,
        "engineVersion": ENGINE_VERSION,
        "activation": instance.activation,
        "dataSources": sources,
    }
    if instance.environment:
        shown["environment"] = f"environments/{instance.environment}"
    return shown


def instance_named(call: Call, name: str) -> Instance:
    """The instance of a name."""
    instance = call.world.instances.get(name.removeprefix("instances/").partition("/")[0])
    if instance is None:
        raise RpcError(NOT_FOUND, f'instance "{name}" not found')
    return instance


def list_instances(call: Call) -> Message:
    """All instances."""
    shown, token = page(call, sorted(call.world.instances.values(), key=lambda i: i.id))
    return {"instances": [instance_message(instance) for instance in shown], "nextPageToken": token}


def create(call: Call) -> Message:
    """A new instance; FREE activates none (facts §6)."""
    given = call.part("instance")
    instance_id = call.text("instanceId")
    if given.get("activation") and call.world.licence == "FREE":
        raise RpcError(EXHAUSTED, "activation instance count has reached the limit (0)")
    if instance_id in call.world.instances:
        raise RpcError(EXISTS, f'instance "{instance_id}" already exists')
    instance = Instance(
        instance_id,
        given.get("title", ""),
        given.get("environment", "").removeprefix("environments/"),
        bool(given.get("activation")),
        list(given.get("dataSources", [])),
        engine=given.get("engine", "POSTGRES"),
    )
    if not call.message.get("validateOnly"):
        call.world.instances[instance_id] = instance
    return instance_message(instance)


def database_named(call: Call, name: str) -> Database:
    """The database of a name; a missing one is an INTERNAL error (facts §2.3)."""
    database = call.world.databases.get(name)
    if database is None:
        raise RpcError(INTERNAL, f'database "{name}" not found')
    return database


def database_message(call: Call, database: Database) -> Message:
    """A database in API shape."""
    environment = environment_of(call.world, database.full_name)
    instance = call.world.instances[database.instance]
    places = {
        key: f"environments/{place}"
        for key, place in (("environment", database.environment), ("effectiveEnvironment", environment))
        if place
    }
    return {
        "name": database.full_name,
        "state": "ACTIVE",
        "project": f"projects/{database.project}",
        "successfulSyncTime": stamp_exact(call.world.created),
        **places,
        "syncStatus": "OK",
        "instanceResource": {"name": f"instances/{instance.id}", **_what_it_is(instance)},
        **database.extra,
    }


def batch_get(call: Call) -> Message:
    """Several by name."""
    found = [database_named(call, name) for name in call.message.get("names", [])]
    for database in found:
        require(call, "bb.databases.get", database.project)
    return {"databases": [database_message(call, database) for database in found]}


def list_databases(call: Call) -> Message:
    """Those of a project, an instance or the workspace."""
    kind, _, owner = call.text("parent").partition("/")
    databases = list(call.world.databases.values())
    if kind == "projects" and owner != "-":
        require(call, "bb.databases.list", owner)
        databases = [database for database in databases if database.project == owner]
    elif kind == "instances" and owner != "-":
        require(call, "bb.databases.list")
        databases = [database for database in databases if database.instance == owner]
    elif kind == "workspaces" and not may(call, "bb.databases.list"):
        databases = []
    if found := re.search(r'project == "projects/([^"]+)"', call.text("filter")):
        databases = [database for database in databases if database.project == found[1]]
    shown, token = page(call, sorted(databases, key=lambda d: d.full_name))
    return {"databases": [database_message(call, database) for database in shown], "nextPageToken": token}


def update_database(call: Call) -> Message:
    """Move to another project or environment."""
    given = call.part("database")
    database = database_named(call, given.get("name", ""))
    for path in call.mask or ():
        match path:
            case "project":
                project = given.get("project", "").removeprefix("projects/")
                if project not in call.world.projects:
                    raise RpcError(NOT_FOUND, f'project "{project}" not found')
                database.project = project
            case "environment":
                database.environment = given.get("environment", "").removeprefix("environments/")
            case "labels":
                database.extra["labels"] = given.get("labels", {})
            case _:
                raise RpcError(INVALID, f'unsupported update_mask "{path}"')
    return database_message(call, database)
