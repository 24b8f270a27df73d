"""Who is who: every e-mail gets one person or a reason, and Feishu is asked no oftener than needed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from providers.feishu.feishu_double import FeishuDouble, failed, ok

from reconciler.errors import ForbiddenError
from reconciler.providers.feishu.people import MatchRules, PeopleFinder

START = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Finder:
    """A people finder before rows of canned answers, with a clock that tests move."""

    def __init__(self, *rows: dict[str, object], rules: MatchRules | None = None) -> None:
        self.now = START
        self.double = FeishuDouble([self.answer])
        self.rows = list(rows)
        users = self.double.client().users
        self.finder = PeopleFinder(users, rules=rules or MatchRules(), now=lambda: self.now)

    def answer(self, request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)["emails"]
        return ok({"user_list": [row for row in self.rows if str(row["email"]).lower() in asked]})

    @property
    def calls(self) -> int:
        return len(self.double.requests)


def person(email: str, open_id: str | None, **status: bool) -> dict[str, object]:
    return {"email": email, "user_id": open_id, **({"status": status} if status else {})}


async def test_case_does_not_matter() -> None:
    finder = Finder(person("Alice@X.example", "ou_a"))
    assert (await finder.finder.resolve([" ALICE@x.example "])).found == {"alice@x.example": "ou_a"}


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "knows no person"),
        ([person("a@x.example", "")], "knows no person"),
        ([person("a@x.example", None)], "knows no person"),
        ([person("a@x.example", "ou_1"), person("a@x.example", "ou_2")], "more than one"),
        ([person("a@x.example", "ou_1", is_frozen=True)], "frozen or has left"),
        ([person("a@x.example", "ou_1", is_resigned=True)], "frozen or has left"),
        ([person("a@x.example", "ou_1", is_exited=True)], "frozen or has left"),
        ([person("b@x.example", "ou_1")], "knows no person"),
    ],
)
async def test_who_is_not_found_comes_with_the_reason(rows: list[dict[str, object]], why: str) -> None:
    resolution = await Finder(*rows).finder.resolve(["a@x.example"])
    assert resolution.found == {}
    assert why in resolution.missing["a@x.example"]


async def test_found_people_are_remembered_for_an_hour_and_others_for_a_minute() -> None:
    finder = Finder(person("a@x.example", "ou_a"))
    wanted = ["a@x.example", "ghost@x.example"]
    await finder.finder.resolve(wanted)
    await finder.finder.resolve(wanted)
    assert finder.calls == 1
    finder.now = START + timedelta(minutes=1)
    await finder.finder.resolve(wanted)
    assert json.loads(finder.double.requests[-1].content)["emails"] == ["ghost@x.example"]
    finder.now = START + timedelta(hours=1)
    await finder.finder.resolve(["a@x.example"])
    assert json.loads(finder.double.requests[-1].content)["emails"] == ["a@x.example"]


async def test_a_failed_look_up_raises_and_leaves_no_memory() -> None:
    double = FeishuDouble([failed(99991672), ok({"user_list": [person("a@x.example", "ou_a")]})])
    finder = PeopleFinder(double.client().users, rules=MatchRules(), now=lambda: START)
    with pytest.raises(ForbiddenError):
        await finder.resolve(["a@x.example"])
    assert (await finder.resolve(["a@x.example"])).found == {"a@x.example": "ou_a"}


async def test_nobody_asked_for_costs_no_call() -> None:
    finder = Finder(rules=MatchRules(match="pinned", open_ids={"a@x.example": "ou_a"}))
    assert (await finder.finder.resolve(["a@x.example", "not an address"])).found == {"a@x.example": "ou_a"}
    assert (await finder.finder.resolve([])).found == {}
    assert finder.calls == 0


@given(st.lists(st.text(max_size=12)))
def test_every_wanted_text_maps_to_an_address_or_to_none(texts: list[str]) -> None:
    rules = MatchRules(domains={"x": "y.example"})
    for text in texts:
        address = rules.feishu_email(text.lower())
        assert address is None or "@" in address
