"""The sample OA server serves the relay protocol unchanged, and v1 beside it."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette

from reconciler.sandbox.oa import OaServer


@pytest.fixture
def oa():
    return OaServer()


@pytest.fixture
async def client(oa):
    app = Starlette(routes=list(oa.routes("/oa")))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://oa.example/oa") as client:
        yield client


RELAY = {"issueId": "101", "creator": "alice@example.com", "title": "Add column", "description": "", "project": "demo"}


async def test_a_relay_client_asks_polls_and_reads_the_decision(client, oa):
    asked = (await client.post("/approval", json=RELAY)).json()
    assert asked["status"] == "PENDING"
    assert oa.decide(asked["id"], "APPROVED", actor="bob@example.com", reason="fine")
    answer = (await client.get(f"/approval/{asked['id']}")).json()
    assert (answer["id"], answer["status"]) == (asked["id"], "APPROVED")


async def test_an_empty_title_and_statement_withdraw_in_the_relay_dialect(client, oa):
    asked = (await client.post("/approval", json=RELAY)).json()
    answer = await client.patch(f"/approval/{asked['id']}", json={"title": "", "statement": ""})
    assert answer.json()["status"] == "CANCELED"
    assert not oa.decide(asked["id"], "APPROVED", actor="bob@example.com", reason="")


async def test_a_change_of_the_statement_keeps_the_question_open(client, oa):
    asked = (await client.post("/approval", json=RELAY)).json()
    await client.patch(f"/approval/{asked['id']}", json={"title": "Add column", "statement": "SELECT 1"})
    assert oa.approvals()[0].asked["statement"] == "SELECT 1"
    assert oa.approvals()[0].status == "PENDING"


async def test_v1_answers_name_actor_reason_and_digest(client, oa):
    asked = (await client.post("/approval", json={**RELAY, "digest": "ab12", "approvers": ["bob@example.com"]})).json()
    oa.decide(asked["id"], "REJECTED", actor="bob@example.com", reason="not today")
    answer = (await client.get(f"/approval/{asked['id']}")).json()
    assert answer == {
        "id": asked["id"],
        "status": "REJECTED",
        "actor": "bob@example.com",
        "reason": "not today",
        "digest": "ab12",
    }


async def test_v1_withdraws_by_delete_as_often_as_one_likes(client, oa):
    asked = (await client.post("/approval", json=RELAY)).json()["id"]
    answers = [await client.delete(f"/approval/{asked}") for _ in range(2)]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(200, "CANCELED")] * 2
    assert not oa.decide(asked, "APPROVED", actor="bob@example.com", reason="")


@pytest.mark.parametrize("status", ["APPROVED", "REJECTED"])
async def test_a_decision_stays_and_a_withdrawal_is_told_of_it(client, oa, status):
    asked = (await client.post("/approval", json=RELAY)).json()["id"]
    oa.decide(asked, status, actor="bob@example.com", reason="")
    deleted = await client.delete(f"/approval/{asked}")
    emptied = await client.patch(f"/approval/{asked}", json={"title": "", "statement": ""})
    assert (deleted.status_code, deleted.json()["status"]) == (409, status)
    assert (emptied.status_code, emptied.json()["status"]) == (200, status)


async def test_the_same_idempotency_key_is_the_same_question(client, oa):
    headers = {"Idempotency-Key": "k1"}
    ids = {(await client.post("/approval", json=RELAY, headers=headers)).json()["id"] for _ in range(2)}
    assert len(ids) == 1
    assert len(oa.approvals()) == 1


async def test_what_is_no_question_is_refused(client):
    assert (await client.post("/approval", content=b"nonsense")).status_code == 400
    assert (await client.get("/approval/none")).status_code == 404
