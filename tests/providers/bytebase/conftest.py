"""Recordings of a real Bytebase 3.21.1 played to our client, with the network blocked; and clients over scripted answers."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import vcr
import yaml
from providers.bytebase.bytebase_areas import URL, Areas, Handler, no_sleep, open_areas, open_areas_over

from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.connection import BytebaseConnection, ServiceAccount
from reconciler.providers.http import HttpSettings
from reconciler.providers.http_retry import RetryPolicy
from reconciler.secret import Secret

RECORDINGS = Path(__file__).parents[2] / "recordings" / "bytebase"
SYNC = "sync@service.bytebase.com"
_SECRETS = {"password", "appSecret", "token", "secret", "clientSecret"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = f"{Path(__file__).parent}/"
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.block_network)


def _scrubbed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: "REDACTED" if key in _SECRETS else _scrubbed(entry) for key, entry in value.items()}
    return [_scrubbed(entry) for entry in value] if isinstance(value, list) else value


def _json(body: Any) -> Any:
    if not body:
        return None
    try:
        return _scrubbed(json.loads(body))
    except (ValueError, UnicodeDecodeError):
        return body


def _same_body(left: Any, right: Any) -> None:
    assert _json(left.body) == _json(right.body)


@contextlib.contextmanager
def _played(name: str) -> Iterator[Any]:
    player = vcr.VCR(record_mode="none")
    player.register_matcher("json", _same_body)
    with player.use_cassette(
        str(RECORDINGS / f"{name}.yaml"), match_on=["method", "path", "query", "json"]
    ) as cassette:
        yield cassette


@dataclass(frozen=True)
class Recorded:
    """One recorded exchange."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: Any
    status: int
    text: str

    def __str__(self) -> str:
        return f"{self.method} {self.path} {dict(self.query)} {self.body} -> {self.status}"


@functools.cache
def read_recording(name: str) -> list[Recorded]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = yaml.load((RECORDINGS / f"{name}.yaml").read_text("utf-8"), Loader=loader)
    exchanges = []
    for interaction in document["interactions"]:
        request, response = interaction["request"], interaction["response"]
        url = httpx.URL(request["uri"])
        body = response["body"]["string"]
        exchanges.append(
            Recorded(
                request["method"],
                url.path,
                tuple(url.params.multi_items()),
                _json(request["body"]),
                response["status"]["code"],
                body.decode() if isinstance(body, bytes) else body,
            )
        )
    return exchanges


@pytest.fixture
def played() -> Callable[[str], contextlib.AbstractContextManager[Any]]:
    """Play a recording by name."""
    return _played


@pytest.fixture
def recorded() -> Callable[[str], list[Recorded]]:
    """The exchanges of a recording by name."""
    return read_recording


@pytest.fixture
def areas() -> Areas:
    """The client's areas on the (blocked or played) network."""
    return open_areas()


@pytest.fixture
def areas_over() -> Callable[[Handler], Areas]:
    """The client's areas over a function that answers."""
    return open_areas_over


@pytest.fixture
def client_over() -> Callable[[Handler], BytebaseClient]:
    """A whole client, log-in included, over a function that answers."""

    def build(handler: Handler) -> BytebaseClient:
        settings = HttpSettings(transport=httpx.MockTransport(handler), retry=RetryPolicy(sleep=no_sleep))
        connection = BytebaseConnection(URL, ServiceAccount(SYNC, Secret("bbs_canary")))
        return BytebaseClient(connection, http=settings)

    return build
