"""What a person with a real browser sees on the daemon's page, and that nothing foreign on it comes alive."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fakes.daemon_parts import NOW, entry, stage
from playwright.async_api import expect

from reconciler.subjects.entry import EntryState, HistoryRow, LedgerChange, Reason
from reconciler.subjects.instance import AskedPerson, FieldText, InstanceRequest

pytestmark = [pytest.mark.slow, pytest.mark.browser]

TITLE = FieldText("title", (("en-US", "t"),))
PEOPLE = (AskedPerson("bob@example.com", "ou_2"), AskedPerson("dave@example.com", "ou_3"))
REQUEST = InstanceRequest("u", "D", "n", "ou_1", PEOPLE, TITLE, ())
HOSTILE = '<script>window.hit = 1</script><img src=x onerror="window.hit = 2">[link](javascript:alert(1)) \u202egnp.exe'


async def fill(world):
    """Four changes: one half done, one held, one rejected, one approved and held."""
    stages = (stage(1, "test"), stage(1))
    issue = "projects/demo/issues/101"
    earlier = NOW - timedelta(hours=3)
    await world.put(
        entry(
            stage(1, "test"), EntryState.CLOSED, stages=stages[:1], title="Add order notes", issue=issue, gate="every-stage",
            actors=("bob@example.com",), since=earlier, link="https://feishu.example/C0",
            reason=Reason("ran", "approved by bob@example.com; the whole stage was run", "已由 bob@example.com 批准"),
        ),
        entry(
            stage(1), stages=stages, title="Add order notes", issue=issue, gate="every-stage", request=REQUEST,
            link="https://feishu.example/C1", instance="C1",
            reason=Reason("asked", "asked in Feishu: bob@example.com, dave@example.com", "已在飞书发起审批"),
        ),
        entry(
            stage(2), EntryState.HELD, stages=(stage(2),), title="Drop the old table", issue="projects/demo/issues/102",
            gate="every-stage", reason=Reason("checksError", "the plan checks report errors", "变更检查有错误"),
        ),
        entry(
            stage(3), stages=(stage(3),), title="Index invoices", outcome="rejected", request=REQUEST, instance="C3",
            reason=Reason("rejected", "rejected by dave@example.com: not on a Friday", "已被 dave@example.com 拒绝"),
        ),
        entry(
            stage(4), stages=(stage(4),), title="Widen a column", request=REQUEST, instance="C4",
            reason=Reason("approvalOld", "the approval is older than 24 h; ask again with /feishu", "批准已超过 24 小时"),
        ),
    )  # fmt: skip
    ran = Reason("ran", "approved by bob@example.com; the whole stage was run")
    row = HistoryRow(earlier, stage(1, "test"), 0, "ran", ran, actor="bob@example.com", instance="C0")
    await world.ledger.commit(LedgerChange(history=(row,)))


async def test_a_person_sees_what_waits_what_is_held_and_why_and_who_approved_what(served, page):
    await fill(served.world)
    await page.goto("/")
    change = page.get_by_role("article").filter(has_text="#101 Add order notes")
    await expect(change.get_by_role("listitem")).to_have_count(2)
    await expect(change.get_by_role("listitem").first).to_contain_text("decided by bob@example.com")
    await expect(change.get_by_role("listitem").last).to_contain_text("asked: bob@example.com, dave@example.com")
    link = change.get_by_role("link", name="#101 Add order notes")
    await expect(link).to_have_attribute("href", "https://bytebase.example/projects/demo/issues/101")
    request = change.get_by_role("link", name="request in Feishu").last
    await expect(request).to_have_attribute("href", "https://feishu.example/C1")
    for title, word, why in (
        ("Drop the old table", "held", "the plan checks report errors"),
        ("Index invoices", "rejected", "not on a Friday"),
        ("Widen a column", "approved, but held", "older than 24 h"),
    ):
        held = page.get_by_role("article").filter(has_text=title).get_by_role("listitem")
        await expect(held).to_contain_text(word)
        await expect(held).to_contain_text(why)
    await expect(page.get_by_role("row").filter(has_text="bob@example.com")).to_contain_text("the whole stage was run")
    await expect(page.get_by_role("button")).to_have_count(0)
    await expect(page.get_by_role("textbox")).to_have_count(0)


async def test_a_decision_appears_without_reloading(served, page):
    await fill(served.world)
    await page.goto("/")
    await expect(page.get_by_role("status")).to_have_text("live")
    await page.evaluate("window.kept = true")
    why = Reason("running", "approved by dave@example.com; the stage is running")
    running = entry(stage(1), EntryState.RUNNING, title="Add order notes", reason=why, actors=("dave@example.com",))
    row = HistoryRow(NOW, stage(1), 0, "running", why, actor="dave@example.com")
    await served.world.ledger.commit(LedgerChange(entry=running, history=(row,)))
    await expect(page.get_by_text("decided by dave@example.com")).to_be_visible()
    assert await page.evaluate("window.kept") is True


async def test_hostile_text_is_shown_and_never_comes_alive(served, page):
    opened: list[str] = []
    page.on("dialog", lambda dialog: opened.append(dialog.message))
    why = Reason("x", HOSTILE, HOSTILE)
    bad = entry(
        stage(1), title=HOSTILE, reason=why, gate=HOSTILE, actors=(HOSTILE,), link="javascript:window.hit = 3",
        stages=(stage(1),), issue="projects/demo/issues/1",
    )  # fmt: skip
    row = HistoryRow(NOW, HOSTILE, 0, HOSTILE, why, actor=HOSTILE)
    await page.goto("/")
    # It arrives by the stream, whose text is put into the page as markup.
    await served.world.ledger.commit(LedgerChange(entry=bad, history=(row,)))
    await expect(page.get_by_text("<script>window.hit = 1</script>").first).to_be_visible()
    await page.reload()
    await expect(page.get_by_text("[link](javascript:alert(1))").first).to_be_visible()
    assert await page.evaluate("window.hit") is None
    assert opened == []
    assert await page.locator("img").count() == 0
    assert await page.locator('a[href^="javascript"]').count() == 0
    assert "\u202e" not in await page.locator("body").inner_text()
