"""What the daemon answers over HTTP, to whom, and that nothing foreign is ever markup."""

from __future__ import annotations

import asyncio
import base64
import re
import socket
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fakes.daemon_parts import NOW, Parts, entry, parts, stage

from reconciler.daemon.access import access_for
from reconciler.daemon.host import Host, HostSettings
from reconciler.daemon.http import MAX_BODY, MAX_STREAMS, HttpFace
from reconciler.daemon.parts import HttpAnswer, InstanceHint
from reconciler.daemon.server import bind, serving
from reconciler.errors import RefusedError, UnavailableError
from reconciler.providers.feishu.events import FeishuEvent
from reconciler.secret import Secret
from reconciler.subjects.entry import EntryState, HistoryRow, LedgerChange, Reason
from reconciler.subjects.instance import AskedPerson, FieldText, InstanceRequest

NASTY = '<script>alert("x")</script>&\'"><img src=x onerror=alert(1)>'


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Parts]:
    made = await parts(tmp_path)
    yield made
    await made.store.aclose()


class Face:
    """A host that does not run, and a client of its application."""

    def __init__(self, world: Parts, *, secret: str = "", address: str = "127.0.0.1", **changes: object) -> None:
        self.stop = asyncio.Event()
        self.host = Host([world.target(**changes)], settings=HostSettings())
        self.access = access_for(address, secret=Secret(secret) if secret else None)
        self.app = HttpFace(self.host, access=self.access, stop=self.stop).app()
        transport = httpx.ASGITransport(app=self.app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8377")

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=headers)


async def test_health_is_open_and_readiness_gives_its_reasons(world: Parts) -> None:
    face = Face(world)
    assert (await face.get("/healthz")).status_code == 200
    answer = await face.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "reasons": ["acme: the upstreams were not read yet"]}
    face.host.runners["acme"].has_read = True
    assert (await face.get("/readyz")).json() == {"ready": True, "reasons": []}


async def test_metrics_count_passes_entries_and_queue(world: Parts) -> None:
    face = Face(world)
    await world.put(entry(stage(1)), entry(stage(2), EntryState.HELD), entry(stage(3), EntryState.HELD))
    await face.host.runners["acme"].reconcile(stage(1))
    text = (await face.get("/metrics")).text
    assert 'reconciler_passes_total{decision="wait",row="15",target="acme"} 1.0' in text
    assert 'reconciler_entries{state="held",target="acme"} 2.0' in text
    assert 'reconciler_queue_keys{state="ready"} 0.0' in text
    assert "reconciler_ready 0.0" in text


async def test_the_page_shows_what_waits_since_when_who_was_asked_and_links_both_ways(world: Parts) -> None:
    title = FieldText("t", (("en-US", "t"),))
    request = InstanceRequest("u", "D", "n", "ou_1", (AskedPerson("ann@x.example", "ou_2"),), title, ())
    stages = (stage(1, "test"), stage(1))
    await world.put(
        entry(stage(1, "test"), EntryState.CLOSED, stages=stages[:1], actors=("bob@x.example",), since=NOW - timedelta(hours=1)),
        entry(
            stage(1), request=request, stages=stages, title="Add column", issue="projects/demo/issues/101",
            link="https://feishu.example/C", gate="prod-gate", reason=Reason("asked", "asked in Feishu", "已在飞书发起"),
        ),
        entry(stage(2), EntryState.HELD, stages=(stage(2),), reason=Reason("x", "the plan checks report errors")),
    )  # fmt: skip
    page = (await Face(world).get("/")).text
    for text in (
        "#101 Add column", 'href="https://bytebase.example/projects/demo/issues/101"', 'href="https://feishu.example/C"',
        "2026-03-01 12:00 UTC", "ann@x.example", "decided by bob@x.example", "prod-gate", "已在飞书发起", "plan 2",
        "the plan checks report errors", "1 held", "1 asked",
    ):  # fmt: skip
        assert text in page, text
    assert page.index(">test<") < page.index(">prod<")


async def test_the_page_shows_the_steps_of_a_review_before_the_stages_of_the_same_change(world: Parts) -> None:
    issue = "projects/demo/issues/101"
    await world.put(
        entry(f"{issue}#0", EntryState.CLOSED, issue=issue, actors=("carol@x.example",), title="Add column"),
        entry(f"{issue}#1", EntryState.CLOSED, issue=issue, title="Add column"),
        entry(stage(1), issue=issue, stages=(stage(1),), title="Add column"),
        entry("projects/demo/issues/102#0", issue="projects/demo/issues/102", title="Drop table"),
    )
    page = (await Face(world).get("/")).text
    first, second = page.index("#101 Add column"), page.index("#102 Drop table")
    card = page[first:second] if first < second else page[first:]
    assert card.index(">Review 1<") < card.index(">Review 2<") < card.index(">prod<")
    assert page.count("#101 Add column") == page.count("#102 Drop table") == 1


async def test_the_page_shows_who_approved_what(world: Parts) -> None:
    row = HistoryRow(
        NOW, stage(1), 0, "spent", Reason("running", "approved by ann"), actor="ann@x.example", instance="C1"
    )
    quiet = HistoryRow(NOW, stage(1), 0, "held:10", Reason("x", "nobody had a part in this"))
    await world.ledger.commit(LedgerChange(history=(row, quiet)))
    page = (await Face(world).get("/")).text
    assert "ann@x.example" in page
    assert 'href="https://feishu.example/C1"' in page
    assert "nobody had a part in this" not in page


async def test_foreign_text_is_never_markup_and_a_foreign_link_never_a_script(world: Parts) -> None:
    bad = entry(
        f"projects/demo/plans/1/rollout/stages/{NASTY}",
        title=NASTY, reason=Reason("x", NASTY, NASTY), gate=NASTY, actors=(NASTY,), link="javascript:alert(1)", issue=NASTY,
    )  # fmt: skip
    await world.put(bad)
    await world.ledger.commit(
        LedgerChange(history=(HistoryRow(NOW, NASTY, 0, NASTY, Reason("x", NASTY), actor=NASTY),))
    )
    page = (await Face(world).get("/")).text
    assert NASTY not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert "javascript:" not in page
    assert len(re.findall("<script", page)) == 1


async def test_the_page_loads_nothing_from_elsewhere_and_allows_only_its_own_script(world: Parts) -> None:
    answer = await Face(world).get("/")
    policy = answer.headers["content-security-policy"]
    nonce = re.search("script-src 'nonce-([^']+)'", policy)
    assert nonce is not None
    assert "default-src 'none'" in policy
    assert f'<script nonce="{nonce[1]}">' in answer.text
    assert not re.search(r'(src|href)="(https?:)?//', answer.text)
    assert (await Face(world).get("/")).headers["content-security-policy"] != policy


@pytest.mark.parametrize("path", ["/", "/metrics", "/live"])
async def test_another_host_name_is_not_answered(world: Parts, path: str) -> None:
    assert (await Face(world).get(path, host="evil.example")).status_code == 421
    assert (await Face(world).get(path, host="127.0.0.1.evil.example:8377")).status_code == 421


@pytest.mark.parametrize("path", ["/", "/metrics", "/live"])
async def test_nothing_on_the_page_can_be_written(world: Parts, path: str) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await Face(world).client.request(method, path)).status_code == 405


async def test_elsewhere_than_on_loopback_a_secret_is_required(world: Parts) -> None:
    with pytest.raises(RefusedError, match="open to everybody"):
        Face(world, address="0.0.0.0")
    face = Face(world, address="0.0.0.0", secret="s3cret")
    basic = base64.b64encode(b"anyone:s3cret").decode()
    wrong = base64.b64encode(b"anyone:wrong").decode()
    for path in ("/", "/metrics"):
        for given in ("", "Bearer wrong", f"Basic {wrong}", "Basic %%%", "Digest s3cret", "s3cret"):
            assert (await face.get(path, authorization=given)).status_code == 401, given
        for given in ("Bearer s3cret", f"Basic {basic}"):
            assert (await face.get(path, authorization=given)).status_code == 200, given
    assert (await face.get("/healthz")).status_code == 200
    assert (await face.get("/readyz")).json() == {"ready": False, "reasons": []}
    assert (await face.get("/readyz", authorization="Bearer s3cret")).json()["reasons"]


async def feishu(headers: Mapping[str, str], body: bytes) -> tuple[HttpAnswer, InstanceHint | None]:
    """A callback that knows one token."""
    if headers.get("x-token") != "ours":
        return HttpAnswer(401, {}), None
    if body == b"challenge":
        return HttpAnswer(200, {"challenge": "abc"}), None
    return HttpAnswer(200, {}), FeishuEvent("approval_instance", instance_code=body.decode().upper())


async def test_an_authentic_callback_is_answered_and_then_wakes_its_subject(world: Parts) -> None:
    await world.put(entry(stage(1), instance="code-1"))
    face = Face(world, feishu_callback=feishu)
    queue = face.host._queue
    answer = await face.client.post(
        "/events/feishu", content=b"code-1", headers={"x-token": "ours", "host": "public.example"}
    )
    assert (answer.status_code, answer.json()) == (200, {})
    async with asyncio.timeout(5):
        while queue.depth[0] == 0:
            await asyncio.sleep(0)
    assert queue.depth == (1, 0, 0)


async def test_a_forged_callback_and_one_for_nothing_of_ours_wake_nothing(world: Parts) -> None:
    face = Face(world, feishu_callback=feishu)
    assert (await face.client.post("/events/feishu", content=b"code-1")).status_code == 401
    token = {"x-token": "ours"}
    assert (await face.client.post("/events/feishu", content=b"challenge", headers=token)).json() == {
        "challenge": "abc"
    }
    assert (await face.client.post("/events/feishu", content=b"unknown", headers=token)).status_code == 200
    await asyncio.sleep(0.05)
    assert face.host._queue.depth == (0, 0, 0)


async def test_callbacks_that_are_not_declared_are_not_found_and_large_ones_not_read(world: Parts) -> None:
    face = Face(world)
    assert (await face.client.post("/events/feishu", content=b"x")).status_code == 404
    assert (await face.client.post("/external/oa", content=b"x")).status_code == 404
    assert (await face.client.post("/external/oa", content=b"x" * (MAX_BODY + 1))).status_code == 413
    assert (await face.client.post("/events/feishu", content=b"x" * (MAX_BODY + 1))).status_code == 413
    assert (await face.get("/events/feishu")).status_code == 405


async def test_an_external_node_wakes_the_subject_it_answers_for(world: Parts) -> None:
    async def oa(headers: Mapping[str, str], body: bytes) -> tuple[HttpAnswer, str | None]:
        return (HttpAnswer(200, {}), stage(1)) if body == b"signed" else (HttpAnswer(401, {}), None)

    face = Face(world, external_callbacks={"oa": oa})
    assert (await face.client.post("/external/oa", content=b"forged")).status_code == 401
    assert face.host._queue.depth == (0, 0, 0)
    assert (await face.client.post("/external/oa", content=b"signed")).status_code == 200
    assert face.host._queue.depth == (1, 0, 0)


async def test_a_node_that_serves_several_targets_wakes_the_one_whose_approval_it_is(world: Parts) -> None:
    def oa(key: bytes, subject: str | None) -> object:
        async def judge(headers: Mapping[str, str], body: bytes) -> tuple[HttpAnswer, str | None]:
            return (HttpAnswer(200, {}), subject) if body == key else (HttpAnswer(401, {}), None)

        return judge

    callbacks = (oa(b"shared", None), oa(b"shared", stage(1)), oa(b"another", stage(2)))
    targets = [
        world.target(name=f"target{number}", external_callbacks={"oa": callback})
        for number, callback in enumerate(callbacks)
    ]
    host = Host(targets, settings=HostSettings())
    app = HttpFace(host, access=access_for("127.0.0.1", secret=None), stop=asyncio.Event()).app()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1") as client:
        assert (await client.post("/external/oa", content=b"shared")).status_code == 200
        assert host._queue.depth == (1, 0, 0)
        assert (await client.post("/external/oa", content=b"unknown")).status_code == 401


@pytest.mark.slow
async def test_the_page_is_sent_again_when_something_changed_and_open_streams_never_hold_up_the_end(
    world: Parts,
) -> None:
    face = Face(world)
    async with asyncio.timeout(20), httpx.AsyncClient() as client:
        async with serving(face.app, address="127.0.0.1", port=0) as url, client.stream("GET", f"{url}/live") as stream:
            lines = stream.aiter_lines()
            first = [await anext(lines), await anext(lines)]
            assert first[0] == "event: page"
            await world.put(entry(stage(1), title="A new change"))
            await world.ledger.commit(LedgerChange(history=(HistoryRow(NOW, stage(1), 0, "d", Reason("c", "t")),)))
            async for line in lines:
                if "A new change" in line:
                    break
            idle = [await client.send(client.build_request("GET", f"{url}/live"), stream=True) for _ in range(3)]
            face.stop.set()
        for each in idle:
            await each.aclose()


@pytest.mark.slow
async def test_there_is_a_limit_to_viewers_and_a_viewer_who_leaves_makes_room(world: Parts) -> None:
    face = Face(world)
    async with (
        asyncio.timeout(30),
        httpx.AsyncClient(limits=httpx.Limits(max_connections=100)) as client,
        serving(face.app, address="127.0.0.1", port=0) as url,
    ):
        live = [client.build_request("GET", f"{url}/live") for _ in range(MAX_STREAMS)]
        viewers = [await client.send(request, stream=True) for request in live]
        assert (await client.get(f"{url}/live")).status_code == 503
        await viewers.pop().aclose()
        status = 503
        while status == 503:
            await asyncio.sleep(0.2)
            async with client.stream("GET", f"{url}/live") as again:
                status = again.status_code
        for viewer in viewers:
            await viewer.aclose()
        face.stop.set()


async def test_a_port_that_is_taken_is_said_with_the_next_step(world: Parts) -> None:
    face = Face(world)
    async with serving(face.app, address="127.0.0.1", port=0) as url:
        port = int(url.rsplit(":", 1)[1])
        with pytest.raises(UnavailableError, match="page cannot be served") as caught:
            async with serving(face.app, address="127.0.0.1", port=port):
                pass
    assert "--http-port" in caught.value.next_step


def test_a_kept_connection_is_not_slowed_down_by_the_kernels_delay() -> None:
    # asyncio sets TCP_NODELAY only on sockets that name their protocol.
    listener = bind("127.0.0.1", 0)
    assert listener.proto == socket.IPPROTO_TCP
    listener.close()
