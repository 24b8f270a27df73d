"""`GET /sandbox/requests` is the log of both stand-ins in order of arrival."""

from __future__ import annotations

from datetime import datetime


async def _log(tiny, query=""):
    async with tiny.client(tiny.control_app) as control:
        return await control.get(f"/sandbox/requests{query}")


async def test_the_log_names_target_caller_path_query_and_status(tiny):
    async with tiny.client(tiny.world.bytebase_app) as bytebase, tiny.client(tiny.world.feishu_app) as feishu:
        await bytebase.get("/v1/plans", params={"filter": "a b"}, headers={"Authorization": "Bearer bob@example.com"})
        await feishu.post("/open-apis/x")
    entries = (await _log(tiny)).json()["requests"]
    assert [sorted(entry) for entry in entries] == [
        ["caller", "method", "n", "path", "query", "status", "target", "time"]
    ] * 2
    first, second = entries
    assert (first["n"], first["target"], first["method"], first["path"]) == (1, "bytebase", "GET", "/v1/plans")
    assert (first["query"], first["status"], first["caller"]) == ("filter=a+b", 201, "bob@example.com")
    assert (second["n"], second["target"], second["caller"]) == (2, "feishu", None)
    assert datetime.fromisoformat(first["time"]) <= datetime.fromisoformat(second["time"])


async def test_since_leaves_out_what_was_read_before(tiny):
    async with tiny.client(tiny.world.bytebase_app) as bytebase:
        for _ in range(3):
            await bytebase.get("/")
    assert [entry["n"] for entry in (await _log(tiny, "?since=2")).json()["requests"]] == [3]
    assert (await _log(tiny, "?since=3")).json() == {"requests": []}


async def test_since_must_be_a_number(tiny):
    answer = await _log(tiny, "?since=x")
    assert answer.status_code == 400


async def test_header_names_are_written_as_the_real_servers_do(tiny):
    async with tiny.client(tiny.world.feishu_app) as feishu:
        answer = await feishu.get("/")
    assert b"X-Tt-Logid" in [name for name, _ in answer.headers.raw]
