"""What a server invents — numbers, UUIDs, e-tags, page tokens, times — paired one to one between a recording and a live server."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(?:\d{9}|\d{6}|\d{3}))?Z")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAME = re.compile(r"[\w@.+-]+(?:/[\w@.+-]+)*")
_SAME_SESSION = timedelta(minutes=30)


def _parse_time(text: str) -> datetime:
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d{3}|Z$", lambda found: found[1] or "", text)).replace(tzinfo=UTC)


def _kinds(name: str) -> list[str] | None:
    """A resource name with what the server invents replaced by its kind; None when nothing in it is invented."""
    segments = name.split("/")
    kinds = []
    for before, segment in zip(["", *segments], segments, strict=False):
        kind = "#number" if segment.isdecimal() else "#uuid" if _UUID.fullmatch(segment) else segment
        kinds.append("#workspace" if before == "workspaces" else kind)
    is_invented = any(kind.startswith("#") for kind in kinds)
    return kinds if is_invented and (len(kinds) > 1 or kinds == ["#uuid"]) else None


class Identities:
    """Pairs of recorded and live values. A second partner for either is a difference."""

    def __init__(self) -> None:
        self.live: dict[str, str] = {}
        self.recorded: dict[tuple[str, str], str] = {}

    def copy(self) -> Identities:
        """These, to be tried out."""
        twin = Identities()
        twin.live, twin.recorded = dict(self.live), dict(self.recorded)
        return twin

    def with_names_of(self, other: Identities) -> Identities:
        """These and the names, not the times, that the other one learned: a failed comparison teaches no times."""
        merged = self.copy()
        merged.live |= {r: v for r, v in other.live.items() if not TIME.fullmatch(r)}
        merged.recorded |= {key: r for key, r in other.recorded.items() if not TIME.fullmatch(r)}
        return merged

    def learn(self, recorded: str, live: str, scope: str = "") -> bool:
        """Pair two values; False when either has another partner already (the live one: within `scope`)."""
        known = self.live.setdefault(recorded, live)
        back = self.recorded.setdefault((scope, live), recorded)
        return known == live and back == recorded

    def learn_name(self, recorded: str, live: str) -> bool | None:
        """Pair two resource names and each of their parents; None when they are not names of one shape."""
        kinds = _kinds(recorded)
        if kinds is None or kinds != _kinds(live):
            return None
        ours, theirs = recorded.split("/"), live.split("/")
        ends = [n for n, kind in enumerate(kinds, 1) if kind.startswith("#")]
        learned = [self.learn("/".join(ours[:n]), "/".join(theirs[:n])) for n in ends]
        return all(learned)

    def rewrite(self, text: str) -> str:
        """Recorded text with everything known replaced, the longest names first."""
        if text in self.live:
            return self.live[text]
        named = _NAME.sub(lambda found: self._name(found[0]), text)
        return TIME.sub(lambda found: self._time(found[0]), named)

    def _name(self, name: str) -> str:
        segments = name.split("/")
        for length in range(len(segments), 0, -1):
            for start in range(len(segments) - length + 1):
                found = self.live.get("/".join(segments[start : start + length]))
                if found is not None:
                    return "/".join([*segments[:start], found, *segments[start + length :]])
        return name

    def _time(self, text: str) -> str:
        """A time between known ones keeps its place between their partners; one far from all of them stays as it is."""
        if text in self.live:
            return self.live[text]
        moment = _parse_time(text)
        known = sorted((_parse_time(r), _parse_time(v)) for r, v in self.live.items() if TIME.fullmatch(r))
        before = [pair for pair in known if pair[0] <= moment][-1:]
        after = [pair for pair in known if pair[0] > moment][:1]
        if not any(abs(pair[0] - moment) < _SAME_SESSION for pair in before + after):
            return text
        (recorded, live), (later, later_live) = (before or after)[0], (after or before)[0]
        share = (moment - recorded) / (later - recorded) if later > recorded else 0.0
        moved = live + (later_live - live) * share if share else live + (moment - recorded)
        return moved.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
