"""Recordings as exchanges: which requests were sent by whom, what was answered, and which of them say something new."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

RECORDINGS = Path(__file__).parents[1] / "recordings" / "bytebase"
REDACTED = "REDACTED"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_READING_VERB = re.compile(r":search$|:batchGet$|^/bytebase\.v1\.\w+/(?:BatchGet|Get|List|Search)\w*$")


@dataclass(frozen=True)
class Answer:
    """What a server said to one request."""

    status: int
    content_type: str
    text: str

    @property
    def kind(self) -> str:
        """`empty`, `json`, `html` or `text`."""
        if not self.text.strip():
            return "empty"
        if "json" in self.content_type and parse_json(self.text) is not None:
            return "json"
        return "html" if "html" in self.content_type else "text"


@dataclass(frozen=True)
class Exchange:
    """One recorded request and its answer. `caller`: an e-mail, `invalid` for a token that is none, None for no token."""

    number: int
    method: str
    target: str
    headers: Mapping[str, str]
    body: str | None
    caller: str | None
    answer: Answer

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def is_read(self) -> bool:
        """Whether the request changes nothing."""
        return self.method == "GET" or bool(_READING_VERB.search(self.path))


@dataclass(frozen=True)
class Cassette:
    """One recording: its file name, the host it was made at, its exchanges, and those that cannot be replayed."""

    file: str
    host: str
    exchanges: tuple[Exchange, ...]
    left_out: frozenset[int] = frozenset()

    @property
    def replayed(self) -> list[Exchange]:
        """What a replay sends and compares."""
        return [exchange for exchange in fold(self.exchanges) if exchange.number not in self.left_out]


def parse_json(text: str) -> Any:
    """The JSON value of a text, None where it is not JSON (or is `null`)."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object inside a value, itself first."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(child)


def read_order(path: Path = RECORDINGS / "order.txt") -> dict[str, frozenset[int]]:
    """The recordings in the order they were made, each with the exchanges that cannot be replayed."""
    lines = (line.partition("#")[0].split() for line in path.read_text(encoding="utf-8").splitlines())
    return {words[0]: frozenset(map(int, words[1:])) for words in lines if words}


def read_cassette(path: Path, left_out: frozenset[int] = frozenset()) -> Cassette:
    """A recording; `callers.yaml` beside it names the callers that it hides."""
    document = yaml.load(path.read_text(encoding="utf-8"), _LOADER)
    beside = path.parent / "callers.yaml"
    hidden = yaml.load(beside.read_text(encoding="utf-8"), _LOADER).get(path.name, []) if beside.exists() else []
    host, exchanges = "", []
    for number, item in enumerate(document["interactions"]):
        request, response = item["request"], item["response"]
        parts = urlsplit(request["uri"])
        host = host or parts.netloc
        headers = {name.title(): values[0] for name, values in (request["headers"] or {}).items()}
        sent_token = headers.pop("Authorization", None) is not None
        caller = hidden[number] if sent_token and number < len(hidden) else None
        kinds = (v[0] for k, v in (response["headers"] or {}).items() if k.lower() == "content-type")
        answer = Answer(response["status"]["code"], next(kinds, ""), response["body"]["string"])
        target = parts.path + ("?" + parts.query if parts.query else "")
        exchanges.append(Exchange(number, request["method"], target, headers, request["body"], caller, answer))
    return Cassette(path.name, host, tuple(exchanges), left_out)


def fold(exchanges: tuple[Exchange, ...]) -> list[Exchange]:
    """All but the earlier ones of identical reads between two writes: how often somebody polled says nothing about a server."""
    kept: list[Exchange] = []
    polls: dict[tuple[str | None, ...], Exchange] = {}
    for exchange in exchanges:
        if exchange.is_read:
            key = (exchange.caller, exchange.method, exchange.target, exchange.body)
            polls.pop(key, None)
            polls[key] = exchange
            continue
        kept += [*polls.values(), exchange]
        polls.clear()
    return kept + list(polls.values())
