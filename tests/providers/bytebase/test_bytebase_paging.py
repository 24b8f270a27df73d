"""Lists are read to their last token, whatever moves meanwhile, and each name is kept once."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from providers.bytebase.bytebase_areas import open_areas_over

from reconciler.errors import UnavailableError
from reconciler.providers.bytebase.channel import Channel, asking, collect, reading
from reconciler.providers.bytebase.issues import Issues
from reconciler.providers.bytebase.wire_changes import WireComments, WireIssue, WireIssues, WirePlans


async def test_recorded_pages_are_read_to_their_end(areas: Any, played: Any) -> None:
    with played("lists-paging"):
        oldest = reading("projects/demo/issues", query=[("order_by", "create_time asc")])
        issues = await areas.channel.read_all(WireIssues, oldest, size=7)
        rolled_out = reading("projects/demo/plans", query=[("filter", "has_rollout == true")])
        plans = await areas.channel.read_all(WirePlans, rolled_out, size=6)
    assert len(issues) > 7
    assert [i.name for i in issues] == sorted((i.name for i in issues), key=lambda name: int(name.rsplit("/", 1)[1]))
    assert len(plans) > 6


async def test_recorded_comments_are_read_to_their_end(areas: Any, played: Any) -> None:
    with played("comments-paging"):
        call = reading("projects/demo/issues/112/issueComments")
        pages = await areas.channel.read_all(WireComments, call, size=3)
    times = [comment.create_time for comment in pages]
    assert len(pages) > 3
    assert times == sorted(times)


def offset_server(rows: Callable[[int], list[str]], key: str) -> Callable[[httpx.Request], httpx.Response]:
    """Pages by offset, as Bytebase does; `rows(n)` are the rows there are at the n-th request."""
    calls = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        size = int(request.url.params["page_size"])
        token = request.url.params.get("page_token", "")
        start = int(base64.b64decode(token)) if token else 0
        now = rows(calls)
        calls += 1
        body: dict[str, Any] = {key: [{"name": name} for name in now[start : start + size]]}
        if start + size < len(now):
            body["nextPageToken"] = base64.b64encode(str(start + size).encode()).decode()
        return httpx.Response(200, json=body)

    return answer


@given(
    first=st.integers(0, 30),
    inserted=st.lists(st.integers(0, 4), max_size=12),
    size=st.integers(1, 7),
)
async def test_rows_inserted_between_pages_lose_and_double_nothing(first: int, inserted: list[int], size: int) -> None:
    """Newest first, so rows that come in between push older ones to later pages: seen twice, never skipped."""

    def rows(call: int) -> list[str]:
        count = first + sum(inserted[:call])
        return [f"projects/demo/issues/{number}" for number in range(count, 0, -1)]

    areas = open_areas_over(offset_server(rows, "issues"))
    found = [
        issue.name for issue in await areas.channel.read_all(WireIssues, reading("projects/demo/issues"), size=size)
    ]
    assert len(found) == len(set(found))
    assert set(found) >= {f"projects/demo/issues/{number}" for number in range(1, first + 1)}


async def test_a_name_seen_twice_is_kept_as_last_seen() -> None:
    pages = [
        WireIssues.model_validate({"issues": [{"name": "a", "title": "old"}], "nextPageToken": "t"}),
        WireIssues.model_validate({"issues": [{"name": "a", "title": "new"}, {"name": "b"}]}),
    ]

    async def fetch(token: str) -> WireIssues:
        return pages[1] if token else pages[0]

    found: tuple[WireIssue, ...] = await collect(fetch, "issues")
    assert [(issue.name, issue.title) for issue in found] == [("a", "new"), ("b", "")]


async def test_an_empty_page_with_a_token_is_not_the_end(areas_over: Any) -> None:
    answers = iter([{"nextPageToken": "t1"}, {"nextPageToken": "t2"}, {"issues": [{"name": "projects/p/issues/1"}]}])
    areas = areas_over(lambda request: httpx.Response(200, json=next(answers)))
    assert [i.name for i in await Issues(areas.channel).search('approval_status == "PENDING"')] == [
        "projects/p/issues/1"
    ]


async def test_a_token_that_repeats_ends_in_an_error_and_not_in_a_loop(areas_over: Any) -> None:
    areas = areas_over(lambda request: httpx.Response(200, json={"nextPageToken": "same"}))
    with pytest.raises(UnavailableError, match="again and again"):
        await areas.issues.list_of("projects/demo")


async def test_pages_of_a_search_are_asked_for_in_the_body(areas_over: Any) -> None:
    bodies: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(200, json={} if "pageToken" in bodies[-1] else {"nextPageToken": "t"})

    channel: Channel = areas_over(answer).channel
    await channel.read_all(WireIssues, asking("projects/-/issues:search", {"filter": "x"}, what="w", resource="r"))
    assert bodies == [{"filter": "x", "pageSize": 1000}, {"filter": "x", "pageSize": 1000, "pageToken": "t"}]


async def test_comments_are_read_on_from_the_last_page(areas_over: Any) -> None:
    asked: list[str] = []
    comment = {"createTime": "2026-11-22T15:00:00Z"}

    def answer(request: httpx.Request) -> httpx.Response:
        token = request.url.params.get("page_token", "")
        asked.append(token)
        if token == "":
            return httpx.Response(200, json={"issueComments": [{"name": "c1", **comment}], "nextPageToken": "t1"})
        return httpx.Response(200, json={"issueComments": [{"name": "c2", **comment}]})

    areas = areas_over(answer)
    first, token = await areas.issues.comments_from("projects/demo/issues/1", "")
    again, token_again = await areas.issues.comments_from("projects/demo/issues/1", token)
    assert [c.name for c in first] == ["c1", "c2"]
    assert [c.name for c in again] == ["c2"]
    assert (token, token_again) == ("t1", "t1")
    assert asked == ["", "t1", "t1"]
