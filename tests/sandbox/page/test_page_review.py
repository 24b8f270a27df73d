"""Where a change is reviewed first, its author may edit it and the reviewers decide in the page."""

from __future__ import annotations

import re

import pytest
from sandbox.page.page_reading import data, forms, until

from reconciler.sandbox.seed import FALLBACK_RULE, demo_seed

ALICE, CAROL = "/bytebase/alice@example.com", "/bytebase/carol@example.com"
SQL = "ALTER TABLE orders ADD COLUMN note text;"


@pytest.fixture
def seed():
    seed = demo_seed()
    return seed.model_copy(update={"bytebase": seed.bytebase.model_copy(update={"approval_rules": [FALLBACK_RULE]})})


@pytest.fixture
async def change(browse):
    """The path of a change of Alice's that waits for its review."""
    targets = ["instances/inst-test/databases/shop_test"]
    made = {"project": "demo", "title": "Add a column", "sql": SQL, "target": targets}
    path = re.search(r"/changes/demo/\d+", (await browse.post(ALICE, data=made)).text).group()

    async def pending():
        return forms((await browse.get(CAROL + path)).text, "approve")

    await until(pending)
    return path


async def _review(browse, change, person, act, comment=""):
    fields = forms((await browse.get(person + change)).text, "comment")[0]
    return await browse.post(person + change, data=data(fields, act=act, comment=comment))


async def test_the_flow_names_the_role_that_is_asked(browse, change):
    assert re.search(r"projectOwner\s*<small>not yet", (await browse.get(CAROL + change)).text)


async def test_an_approved_change_gets_its_rollout(browse, change):
    await _review(browse, change, CAROL, "approve")

    async def rolled_out():
        return 'class="stage waiting"' in (await browse.get(CAROL + change)).text

    await until(rolled_out)
    assert "approved by carol@example.com" in (await browse.get(CAROL + change)).text


async def test_the_author_edits_the_statement_and_the_review_begins_again(browse, change):
    shown = await browse.post(ALICE + change, data={"act": "edit", "sql": "SELECT 2;"})
    assert "The statement is another one now." in shown.text

    async def asked_again():
        return forms((await browse.get(CAROL + change)).text, "approve")

    await until(asked_again)
    text = (await browse.get(CAROL + change)).text
    assert "SELECT 2;" in text
    assert SQL not in text


async def test_a_rejected_change_is_asked_for_again_by_its_author(browse, change):
    assert "not like this" in (await _review(browse, change, CAROL, "reject", "not like this")).text
    assert forms((await browse.get(ALICE + change)).text, "request")
    await _review(browse, change, ALICE, "request", "better now")
    assert forms((await browse.get(CAROL + change)).text, "approve")


async def test_an_issue_is_closed_and_reopened(browse, change):
    await _review(browse, change, CAROL, "CANCELED", "later")
    assert forms((await browse.get(CAROL + change)).text, "OPEN")
    await _review(browse, change, CAROL, "OPEN", "now")
    assert forms((await browse.get(CAROL + change)).text, "CANCELED")
