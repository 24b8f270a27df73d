"""Our calls against the documented shape of Feishu's: paths, limits, scopes, field names, required fields, enumerations.

`data/documented_calls.json` holds the public reference's description of the calls we make (state of May 2026).
"""

from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from reconciler.providers.feishu import endpoints
from reconciler.providers.feishu.codes import known_codes
from reconciler.providers.feishu.endpoints import ALL, Endpoint
from reconciler.providers.feishu.limits import SPECIAL, UNSTATED
from reconciler.providers.feishu.wire import application, definitions, instances, messages, people
from reconciler.providers.feishu.wire.base import Body

DOCUMENTED = {
    (call["method"], call["path"]): call
    for call in json.loads((Path(__file__).parent / "data" / "documented_calls.json").read_text(encoding="utf-8"))
}
UNDOCUMENTED = {
    endpoints.OPEN_CONNECTION,
    endpoints.REGISTER_APP,
    endpoints.OUTBOUND_ADDRESSES,
    endpoints.COUNT_CONNECTIONS,
}
SEEN_IN_PRACTICE = {
    # Feishu's own comment pages end without these; both are read when they come.
    (endpoints.LIST_COMMENTS, "data.page_token"),
    (endpoints.LIST_COMMENTS, "data.has_more"),
}
MODELS: list[tuple[Endpoint, type[BaseModel] | None, type[BaseModel] | None]] = [
    (endpoints.BOT, None, application.BotAnswer),
    (endpoints.PUT_DEFINITION, definitions.DefinitionBody, definitions.PutDefinitionAnswer),
    (endpoints.GET_DEFINITION, None, definitions.ReadDefinition),
    (endpoints.CREATE_INSTANCE, instances.CreateInstanceBody, instances.CreateInstanceAnswer),
    (endpoints.GET_INSTANCE, None, instances.ReadInstance),
    (endpoints.LIST_INSTANCES, None, instances.InstanceCodes),
    (endpoints.CANCEL_INSTANCE, instances.CancelBody, None),
    (endpoints.APPROVE_TASK, instances.TaskBody, None),
    (endpoints.CREATE_COMMENT, instances.CommentBody, instances.CreateCommentAnswer),
    (endpoints.LIST_COMMENTS, None, instances.Comments),
    (endpoints.FIND_USERS, people.FindUsersBody, people.FoundUsers),
    (endpoints.GET_USER, None, people.UserAnswer),
    (endpoints.GET_APP, None, application.AppAnswer),
    (endpoints.GET_APP_VERSION, None, application.AppVersionAnswer),
    (endpoints.LIST_SCOPES, None, application.Scopes),
    (endpoints.GET_CONTACTS_RANGE, None, application.ContactsRangeAnswer),
    (endpoints.CHECK_AVAILABILITY, application.CheckAvailabilityBody, application.AvailabilityAnswer),
    (endpoints.CONFIGURE_APP, application.ConfigBody, None),
    (endpoints.CONFIGURE_ABILITY, application.AbilityBody, None),
    (endpoints.CONFIGURE_BASE, application.BaseBody, None),
    (endpoints.PUBLISH_APP, application.PublishBody, application.PublishAnswer),
    (endpoints.SEND_MESSAGE, messages.SendMessageBody, messages.SentMessage),
    (endpoints.UPDATE_MESSAGE, messages.UpdateMessageBody, None),
    (endpoints.URGE_MESSAGE, messages.UrgeBody, messages.UrgeAnswer),
]
BODIES = [(endpoint, body) for endpoint, body, _ in MODELS if body is not None]
ANSWERS = [(endpoint, answer) for endpoint, _, answer in MODELS if answer is not None]


def documented(endpoint: Endpoint) -> dict[str, typing.Any]:
    path = re.sub(r"\{(\w+)\}", r":\1", endpoint.path)
    call = DOCUMENTED[endpoint.method, path]
    assert isinstance(call, dict)
    return call


def nested(annotation: object) -> tuple[type[BaseModel] | None, bool]:
    """The model inside a field's type, and whether it is in a list."""
    if typing.get_origin(annotation) is list:
        return nested(typing.get_args(annotation)[0])[0], True
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        for part in typing.get_args(annotation):
            model, is_list = nested(part)
            if model is not None:
                return model, is_list
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    return None, False


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, typing.Any]]:
    for name, field in model.model_fields.items():
        sent = field.serialization_alias if issubclass(model, Body) else field.alias
        path = f"{prefix}{sent or name}"
        yield path, field
        inner, is_list = nested(field.annotation)
        if inner is not None:
            yield from fields(inner, f"{path}{'[]' if is_list else ''}.")


def literals(annotation: object) -> set[str]:
    if typing.get_origin(annotation) is typing.Literal:
        return {str(value) for value in typing.get_args(annotation)}
    return set().union(*(literals(part) for part in typing.get_args(annotation)), set())


def ids(pair: object) -> str:
    return pair.name if isinstance(pair, Endpoint) else getattr(pair, "__name__", "")


@pytest.mark.parametrize("endpoint", [each for each in ALL if each not in UNDOCUMENTED], ids=ids)
def test_path_limit_and_scopes_are_the_documented_ones(endpoint: Endpoint) -> None:
    call = documented(endpoint)
    assert set(endpoint.scopes) == set(call["scopes"])
    rate = call["rate"]
    if rate in (None, "special"):
        assert endpoint.rates in (UNSTATED, SPECIAL)
    else:
        units = {"min": 60.0, "s": 1.0}
        published = [(int(count), units[unit]) for count, unit in re.findall(r"(\d+)/(min|s)", rate)]
        assert [(limit.count, limit.seconds) for limit in endpoint.rates] == published


@pytest.mark.parametrize(("endpoint", "body"), BODIES, ids=ids)
def test_we_send_only_documented_fields_and_values(endpoint: Endpoint, body: type[BaseModel]) -> None:
    known = documented(endpoint)["body"]
    for path, field in fields(body):
        assert path in known, path
        allowed = known[path].get("enum")
        if allowed:
            assert literals(field.annotation) <= {str(value) for value in allowed}, path


@pytest.mark.parametrize(("endpoint", "body"), BODIES, ids=ids)
def test_we_send_every_field_that_is_required(endpoint: Endpoint, body: type[BaseModel]) -> None:
    ours = {path for path, _ in fields(body)}
    for path, about in documented(endpoint)["body"].items():
        parent = path.rpartition(".")[0].removesuffix("[]")
        if about.get("required") and (not parent or parent in ours):
            assert path in ours, path


@pytest.mark.parametrize(("endpoint", "answer"), ANSWERS, ids=ids)
def test_we_read_only_documented_fields(endpoint: Endpoint, answer: type[BaseModel]) -> None:
    known = set(documented(endpoint)["response"])
    if endpoint is endpoints.BOT:  # documented flat, seen under `bot`
        known |= {f"bot.{path}" for path in known}
    prefix = "" if endpoint.at_top else "data."
    for path, _ in fields(answer):
        full = prefix + path
        assert full in known or (endpoint, full) in SEEN_IN_PRACTICE, full


def test_every_call_is_checked() -> None:
    checked = {endpoint for endpoint, _, _ in MODELS}
    without_fields = {
        endpoints.TENANT_TOKEN,
        endpoints.SUBSCRIBE,
        endpoints.UNSUBSCRIBE,
        endpoints.APPLY_SCOPES,
    }
    assert checked | without_fields | UNDOCUMENTED == set(ALL)


@pytest.mark.parametrize("endpoint", [each for each in ALL if each not in UNDOCUMENTED], ids=ids)
def test_every_documented_error_has_a_meaning(endpoint: Endpoint) -> None:
    assert set(documented(endpoint)["errors"]) <= set(known_codes())
