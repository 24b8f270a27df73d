"""Compares a recorded answer with a live one: what may differ (the tables), what is paired (identities), what is a difference."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fidelity.cassettes import REDACTED, Answer, parse_json
from fidelity.identities import TIME, Identities

FREE_VALUE = {  # JSON key -> why its value is not compared (its presence and type are)
    "token": "secret",
    "accessToken": "secret",
    "serviceKey": "secret",
    "directorySyncToken": "secret",
    "gitCommit": "build",
    "latency": "measured",
    "lastActiveTime": "clock",
}
OPTIONAL = {  # JSON key -> why either side may lack it
    "lastLoginTime": "depends on who signed in before",
    "requestMetadata": "depends on the client's connection",
}
UNORDERED = {"permissions": "a set"}  # JSON key of a list -> why its order means nothing
OPAQUE = {"nextPageToken"}
PROGRESS = {  # what may differ while the recorded answer shows work under way
    "status", "approvalStatus", "issueStatus", "hasRollout", "planCheckRunStatusCount", "rolloutStageSummaries",
    "approvalTemplate", "riskLevel", "approvers", "updateTime", "startTime", "runTime", "detail", "schedulerInfo",
    "results", "error",
}  # fmt: skip
_MOVING = ("PENDING", "AVAILABLE", "RUNNING")


@dataclass(frozen=True)
class Difference:
    """One place where an answer differs; `is_forgiven` when work under way explains it."""

    path: str
    recorded: str
    live: str
    is_forgiven: bool = False

    def __str__(self) -> str:
        return f"{self.path}: recorded {self.recorded}, live {self.live}"


class Absent(str):
    """Stands for a missing value in a report."""

    __slots__ = ()


ABSENT = Absent("(absent)")


def is_under_way(value: Any) -> bool:
    """Whether an object shows work that goes on by itself."""
    if not isinstance(value, dict):
        return False
    stages = (*value.get("rolloutStageSummaries", ()), *value.get("stages", ()))
    parts = [part for stage in stages for part in (*stage.get("taskStatusCounts", ()), *stage.get("tasks", ()))]
    if value.get("approvalStatus") == "CHECKING" or any(map(is_under_way, parts)):
        return True
    if any(state in value.get("planCheckRunStatusCount", {}) for state in _MOVING):
        return True
    has_progress = ("name" in value or "count" in value) and "approvalStatus" not in value
    return has_progress and value.get("status") in _MOVING


def is_any_under_way(value: Any) -> bool:
    """Whether anything inside a value is under way."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return is_under_way(value) or any(map(is_any_under_way, children))


class Comparison:
    """One comparison; it learns identities on the way. `scope` tells e-tags and nameless times apart."""

    def __init__(self, identities: Identities, sent_times: set[str], scope: str) -> None:
        self.identities, self.sent_times, self.scope = identities, sent_times, scope
        self.differences: list[Difference] = []

    def answers(self, recorded: Answer, live: Answer) -> list[Difference]:
        """Differences of status, kind of body and content; of errors only code and kinds of details count."""
        if recorded.status != live.status:
            self._differ("status", f"{recorded.status} {recorded.text}", f"{live.status} {live.text}")
        elif recorded.kind != live.kind:
            self._differ("kind of body", f"{recorded.kind}: {recorded.text}", f"{live.kind}: {live.text}")
        elif recorded.kind == "json":
            shown: Callable[[Any], Any] = _error if recorded.status >= 400 else lambda body: body
            self.values(shown(parse_json(recorded.text)), shown(parse_json(live.text)), "$", {}, is_forgiven=False)
        elif recorded.kind == "text" and recorded.status < 400:
            self._texts(recorded.text.strip(), live.text.strip())
        return self.differences

    def _texts(self, recorded: str, live: str) -> None:
        if self.identities.rewrite(recorded) != live:
            self._differ("text", recorded, live)

    def values(self, recorded: Any, live: Any, path: str, owner: dict[str, Any], *, is_forgiven: bool) -> None:
        """Compare two JSON values; `owner` is the recorded object they sit in."""
        key = re.sub(r"\[\d+\]$", "", path).rpartition(".")[2]
        if key in OPTIONAL:
            return
        if type(recorded) is not type(live):
            self._differ(path, recorded, live, is_forgiven=is_forgiven)
        elif isinstance(recorded, dict):
            self._objects(recorded, live, path, is_forgiven=is_forgiven)
        elif isinstance(recorded, list):
            self._lists(recorded, live, path, key, owner, is_forgiven=is_forgiven)
        elif isinstance(recorded, str):
            self._strings(recorded, live, path, key, owner, is_forgiven=is_forgiven)
        elif recorded != live and key not in FREE_VALUE:
            self._differ(path, recorded, live, is_forgiven=is_forgiven)

    def _objects(self, recorded: dict[str, Any], live: dict[str, Any], path: str, *, is_forgiven: bool) -> None:
        is_moving = is_under_way(recorded)
        for name in [*recorded, *(name for name in live if name not in recorded)]:
            lets_pass = is_forgiven or (is_moving and name in PROGRESS)
            if name in recorded and name in live:
                self.values(recorded[name], live[name], f"{path}.{name}", recorded, is_forgiven=lets_pass)
            elif name not in OPTIONAL:
                ours, theirs = recorded.get(name, ABSENT), live.get(name, ABSENT)
                self._differ(f"{path}.{name}", ours, theirs, is_forgiven=lets_pass)

    def _lists(
        self, recorded: list[Any], live: list[Any], path: str, key: str, owner: dict[str, Any], *, is_forgiven: bool
    ) -> None:
        if key in UNORDERED:
            recorded, live = sorted(recorded), sorted(live)
        if len(recorded) != len(live):
            self._differ(f"{path} (length)", len(recorded), len(live), is_forgiven=is_forgiven)
            return
        for index, (ours, theirs) in enumerate(zip(recorded, live, strict=True)):
            self.values(ours, theirs, f"{path}[{index}]", owner, is_forgiven=is_forgiven)

    def _strings(
        self, recorded: str, live: str, path: str, key: str, owner: dict[str, Any], *, is_forgiven: bool
    ) -> None:
        known = self.identities
        if recorded == REDACTED or key in FREE_VALUE:
            is_same = bool(live)
        elif TIME.fullmatch(recorded) and TIME.fullmatch(live) and recorded not in self.sent_times:
            scope = f"{owner.get('name', self.scope)}.{key}"
            is_same = is_forgiven or "." not in recorded or known.learn(recorded, live, scope)
        elif key in OPAQUE:
            known.live[recorded] = live
            is_same = bool(recorded) == bool(live)
        elif key == "etag":
            is_same = known.learn(recorded, live, self.scope)
        elif (paired := known.learn_name(recorded, live)) is not None:
            is_same = paired
        elif _is_object(recorded) and _is_object(live):
            self.values(json.loads(recorded), json.loads(live), f"{path}(json)", owner, is_forgiven=is_forgiven)
            return
        else:
            is_same = known.rewrite(recorded) == live
        if not is_same:
            here = known.rewrite(recorded)
            shown = recorded if here == recorded else Absent(f"{_short(recorded)}, here {_short(here)}")
            self._differ(path, shown, live, is_forgiven=is_forgiven)

    def _differ(self, path: str, recorded: Any, live: Any, *, is_forgiven: bool = False) -> None:
        self.differences.append(Difference(path, _short(recorded), _short(live), is_forgiven))


def _is_object(text: str) -> bool:
    return text[:1] == "{" and parse_json(text) is not None


def _short(value: Any, limit: int = 160) -> str:
    text = str(value) if isinstance(value, Absent) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else f"{text[:limit]}…"


def _error(body: Any) -> Any:
    if not isinstance(body, dict):
        return body
    details = {str(detail.get("@type", detail.get("type"))).rpartition("/")[2] for detail in body.get("details", ())}
    return {"code": body.get("code"), "details": sorted(details)}
