"""A person with a real browser decides in the sandbox's page."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.async_api import expect
from sandbox.page.feishu_asker import Asker

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ALICE, BOB, DAVE = (f"ou_{number:032d}" for number in (1, 2, 3))


@pytest.fixture
async def asker(sandbox):
    async with httpx.AsyncClient(base_url=sandbox.feishu_url) as client:
        yield Asker(client)


async def test_an_approver_finds_the_request_and_approves_it(page, asker):
    code = await asker.ask(submitter=ALICE, approvers=[BOB, DAVE])
    await page.goto("/")
    await page.get_by_role("link", name="Bob", exact=True).click()
    await page.get_by_role("link", name="Database change").click()
    await expect(page.get_by_text("ALTER TABLE orders")).to_be_visible()
    await expect(page.get_by_text("数据库变更")).to_be_visible()
    await page.get_by_label("Comment or reason").fill("fine with me")
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_role("status")).to_have_text("Bob approved.")
    await expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    assert (await asker.read(code))["status"] == "APPROVED"


async def test_an_approver_rejects_with_a_reason(page, asker):
    code = await asker.ask(submitter=ALICE, approvers=[BOB])
    await page.goto(f"/feishu/bob@example.com/requests/{code}")
    await page.get_by_label("Comment or reason").fill("不要在周五")
    await page.get_by_role("button", name="Reject").click()
    await expect(page.get_by_text("不要在周五")).to_be_visible()
    assert (await asker.read(code))["status"] == "REJECTED"


async def test_an_author_makes_a_change_and_a_releaser_runs_its_first_stage(page):
    await page.goto("/bytebase/alice@example.com")
    await page.get_by_label("Title").fill("Add a column")
    await page.get_by_label("SQL").fill("ALTER TABLE orders ADD COLUMN note text;")
    await page.get_by_label("shop_test").check()
    await page.get_by_label("shop_prod").check()
    await page.get_by_role("button", name="Create as alice@example.com").click()
    await page.get_by_role("link", name="Add a column").click()
    await page.get_by_role("link", name="bob@example.com").click()
    run = page.get_by_role("button", name="Run", exact=True)
    await _reload_until(page, run.first)
    await run.first.click()
    await _reload_until(page, page.locator(".stage.done", has_text="test"))
    await expect(page.locator(".stage.waiting", has_text="prod")).to_be_visible()


async def test_the_page_works_without_scripts_and_asks_nobody_else(page, sandbox):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto("/")
    await page.goto("/lab")
    assert await page.locator("script").count() == 0
    assert asked
    assert all(re.match(re.escape(sandbox.page_url), url) for url in asked)


async def _reload_until(page, locator):
    for _ in range(100):
        if await locator.count():
            return
        await page.wait_for_timeout(50)
        await page.reload()
    await expect(locator).to_be_visible()
