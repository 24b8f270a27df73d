"""Both stand-ins behind the frame on real ports: faults, log, clocks, and the one wire between the two."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import httpx
import pytest

from reconciler.sandbox.seed import demo_seed
from reconciler.sandbox.server import Sandbox

TOKEN_CALL = "/open-apis/auth/v3/tenant_access_token/internal"
APP = {"app_id": "cli_sandbox", "app_secret": "sandbox"}


@pytest.fixture
async def sandbox():
    async with Sandbox(demo_seed(), time_scale=50) as sandbox:
        yield sandbox


@pytest.fixture
async def client():
    async with httpx.AsyncClient() as client:
        yield client


async def _signed_in(client, sandbox, email="admin@example.com"):
    answer = await client.post(f"{sandbox.bytebase_url}/v1/auth/login", json={"email": email, "password": "Passw0rd!"})
    return {"Authorization": f"Bearer {answer.json()['token']}"}


async def _fault(client, sandbox, **fields):
    answer = await client.post(f"{sandbox.page_url}/sandbox/faults", json=fields)
    assert answer.status_code == 204


async def test_the_log_knows_a_persons_mail_and_an_apps_id(client, sandbox):
    headers = await _signed_in(client, sandbox)
    await client.get(f"{sandbox.bytebase_url}/v1/projects/demo", headers=headers)
    token = (await client.post(f"{sandbox.feishu_url}{TOKEN_CALL}", json=APP)).json()["tenant_access_token"]
    bot = f"{sandbox.feishu_url}/open-apis/bot/v3/info"
    await client.get(bot, headers={"Authorization": f"Bearer {token}"})
    entries = (await client.get(f"{sandbox.page_url}/sandbox/requests?since=1")).json()["requests"]
    assert [(entry["path"], entry["caller"], entry["status"]) for entry in entries] == [
        ("/v1/projects/demo", "admin@example.com", 200),
        (TOKEN_CALL, None, 200),
        ("/open-apis/bot/v3/info", "cli_sandbox", 200),
    ]


async def test_expired_tokens_are_refused_and_new_ones_are_good(client, sandbox):
    project = f"{sandbox.bytebase_url}/v1/projects/demo"
    old = await _signed_in(client, sandbox)
    await _fault(client, sandbox, target="bytebase", fault="expireTokens")
    assert (await client.get(project, headers=old)).status_code == 401
    assert (await client.get(project, headers=await _signed_in(client, sandbox))).status_code == 200


async def test_a_lost_answer_leaves_what_was_done(client, sandbox):
    headers = await _signed_in(client, sandbox)
    sheets = f"{sandbox.bytebase_url}/v1/projects/demo/sheets"
    await _fault(client, sandbox, target="bytebase", method="POST", path="/v1/projects/demo/sheets", fault="loseAnswer")
    with pytest.raises(httpx.TransportError):
        await client.post(sheets, json={"content": "U0VMRUNUIDE="}, headers=headers)
    sheet = f"{sheets}/e004ebd5b5532a4b85984a62f8ad48a81aa3460c1ca07701f386135d72cdecf5"
    assert (await client.get(sheet, headers=headers)).json()["contentSize"] == "8"


@pytest.mark.parametrize("target", ["bytebase", "feishu"])
async def test_the_clock_fault_shows_in_that_sides_answers(client, sandbox, target):
    async def ahead(url):
        answer = await client.post(url, json={})
        return abs(parsedate_to_datetime(answer.headers["Date"]).timestamp() - sandbox_now()) > 1800

    def sandbox_now():
        return sandbox.world.log.since(0)[-1].time.timestamp()

    urls = {"bytebase": f"{sandbox.bytebase_url}/v1/auth/login", "feishu": f"{sandbox.feishu_url}{TOKEN_CALL}"}
    await _fault(client, sandbox, target=target, fault="clock", seconds=3600)
    assert {name: await ahead(url) for name, url in urls.items()} == {
        "bytebase": target == "bytebase",
        "feishu": target == "feishu",
    }


@pytest.mark.parametrize(("secret", "status"), [("sandbox", 200), ("wrong", 400)])
async def test_bytebase_dials_the_feishu_stand_in_before_it_stores_an_app(client, sandbox, secret, status):
    setting = {"type": "FEISHU", "feishu": {"appId": "cli_sandbox", "appSecret": secret}}
    answer = await client.patch(
        f"{sandbox.bytebase_url}/v1/settings/APP_IM",
        params={"update_mask": "value.app_im.feishu"},
        json={"name": "settings/APP_IM", "value": {"appIm": {"settings": [setting]}}},
        headers=await _signed_in(client, sandbox),
    )
    assert answer.status_code == status


async def test_two_sandboxes_share_nothing(client, sandbox):
    headers = await _signed_in(client, sandbox)
    async with Sandbox(demo_seed()) as other:
        answer = await client.get(f"{other.bytebase_url}/v1/projects/demo", headers=headers)
        assert answer.status_code == 401
        assert len(other.world.log.since(0)) == 1


async def test_a_sandbox_that_cannot_start_leaves_no_port_open(sandbox):
    second = Sandbox(demo_seed(), page_port=int(sandbox.page_url.rpartition(":")[2]))
    with pytest.raises(Exception, match="page port"):
        await second.__aenter__()
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(second.bytebase_url)
