"""The overview, faults and the request log, and the sample OA server in the page."""

from __future__ import annotations

import httpx


async def test_the_overview_counts_what_waits_for_each_person(browse, asker):
    await asker.ask(submitter=f"ou_{1:032d}", approvers=[f"ou_{2:032d}"])
    assert '<b class="count">1</b>' in (await browse.get("/")).text


async def test_a_fault_is_set_and_ended_by_form(sandbox, browse):
    form = {"act": "set", "target": "bytebase", "fault": "status", "status": "502", "times": "3", "path": "/v1"}
    assert "status is set on bytebase." in (await browse.post("/lab", data=form)).text
    (fault, left), *_ = sandbox.world.faults.waiting()
    assert (fault.status, left, fault.path, fault.method) == (502, 3, "/v1", None)
    await browse.post("/lab", data={"act": "clear"})
    assert sandbox.world.faults.waiting() == []


async def test_a_fault_that_makes_no_sense_is_answered_in_words(browse):
    answer = await browse.post("/lab", data={"act": "set", "target": "bytebase", "fault": "delay", "times": "x"})
    assert "notice refused" in answer.text


async def test_the_log_shows_what_reached_the_stand_ins(sandbox, browse):
    transport = httpx.ASGITransport(app=sandbox.world.bytebase_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://bytebase.example") as client:
        await client.get("/v1/users/me")
    assert "GET /v1/users/me" in (await browse.get("/lab")).text


async def test_a_person_answers_a_question_of_the_oa_server(browse):
    asked = (await browse.post("/oa/approval", json={"title": "Drop a table", "statement": "DROP TABLE x"})).json()
    assert "Drop a table" in (await browse.get("/oa")).text
    form = {"id": asked["id"], "act": "REJECTED", "actor": "bob@example.com", "reason": "keep it"}
    await browse.post("/oa", data=form)
    answer = (await browse.get(f"/oa/approval/{asked['id']}")).json()
    assert (answer["status"], answer["actor"], answer["reason"]) == ("REJECTED", "bob@example.com", "keep it")
    assert "not open any more" in (await browse.post("/oa", data=form)).text


async def test_no_link_can_put_words_into_the_page(browse):
    assert "notice" not in (await browse.get("/oa?notice=hello")).text


async def test_the_page_loads_nothing_from_elsewhere(browse):
    answer = await browse.get("/")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "http://" not in answer.text
    assert "https://" not in answer.text
