"""Feishu and external nodes behind one port: every call goes where its question is decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fakes.gate_facts import instance, request

from reconciler.errors import UnavailableError
from reconciler.operations.sync.places import Places


class Place:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name == "link":
            return lambda *_: self.calls.append(name) or ""

        async def call(*_: object, **__: object) -> None:
            self.calls.append(name)

        return call


@pytest.fixture
def feishu() -> Place:
    return Place()


@pytest.fixture
def oa() -> Place:
    return Place()


async def everything(places: Places, code: str, definition: str) -> None:
    made = instance(code=code, definition_code=definition)
    await places.definition(definition)
    await places.create(replace(request(), definition_code=definition))
    await places.read(code)
    await places.find("uuid", definition)
    await places.cancel(made)
    await places.comment(code, mark="m", text="t")
    await places.remind(made, mark="m", text="t", link="")
    await places.recent(definition, datetime(2026, 11, 25, tzinfo=UTC))
    places.link(code)


ALL = ["definition", "create", "read", "find", "cancel", "comment", "remind", "recent", "link"]


async def test_what_feishu_decides_goes_to_feishu_alone(feishu, oa):
    await everything(Places(feishu, {"oa": oa}), "INST-1", "DEF-1")
    assert (feishu.calls, oa.calls) == (ALL, [])


async def test_what_a_node_decides_goes_to_that_node_alone(feishu, oa):
    hr = Place()
    await everything(Places(feishu, {"oa": oa, "hr": hr}), "node:oa:7", "node:oa")
    assert (feishu.calls, oa.calls, hr.calls) == ([], ALL, [])


async def test_people_and_cards_are_feishus(feishu, oa):
    places = Places(feishu, {"oa": oa})
    await places.resolve(["bob@example.com"])
    await places.bot()
    await places.card("ou_1", mark="m", title="t", text="t", link="")
    assert (feishu.calls, oa.calls) == (["resolve", "bot", "card"], [])


async def test_a_node_that_left_the_spec_is_named_and_its_question_stays_unread(feishu):
    with pytest.raises(UnavailableError, match="external node oa"):
        await Places(feishu, {}).read("node:oa:7")
    assert feishu.calls == []
