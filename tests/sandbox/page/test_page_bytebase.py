"""A person does in the page what people do in Bytebase, and its API shows it."""

from __future__ import annotations

import re

import pytest
from sandbox.page.page_reading import data, forms, until

ALICE, BOB, CAROL = "/bytebase/alice@example.com", "/bytebase/bob@example.com", "/bytebase/carol@example.com"
CHANGE = {
    "project": "demo",
    "title": "Add a column",
    "sql": "ALTER TABLE orders ADD COLUMN note text;",
    "target": ["instances/inst-test/databases/shop_test", "instances/inst-prod/databases/shop_prod"],
}


@pytest.fixture
async def change(browse):
    """The path of a change of Alice's, below a person's own."""
    listed = await browse.post(ALICE, data=CHANGE)
    assert "Created Add a column as plan" in listed.text
    return re.search(r"/changes/demo/\d+", listed.text).group()


@pytest.fixture
async def rolled_out(browse, change):
    async def ready():
        return 'value="run"' in (await browse.get(BOB + change)).text

    await until(ready)
    return change


async def test_a_new_change_is_listed_with_its_author(browse, change):
    shown = (await browse.get(BOB)).text
    assert "Add a column" in shown
    assert "alice@example.com" in shown


async def test_the_rollout_appears_as_a_pipeline_of_stages(browse, rolled_out):
    shown = (await browse.get(BOB + rolled_out)).text
    assert re.findall(r"<b>(test|prod)</b>", shown) == ["test", "prod"]
    assert shown.count("here now") == 1


async def test_running_the_first_stage_finishes_it(browse, rolled_out):
    fields = forms((await browse.get(BOB + rolled_out)).text, "run")[0]
    await browse.post(BOB + rolled_out, data=data(fields, act="run"))

    async def finished():
        return 'class="stage done"' in (await browse.get(BOB + rolled_out)).text

    await until(finished)


async def test_skipping_the_first_stage_ends_it(browse, rolled_out):
    fields = forms((await browse.get(BOB + rolled_out)).text, "skip")[0]
    shown = await browse.post(BOB + rolled_out, data=data(fields, act="skip", comment="done by hand"))
    assert "skipped" in shown.text


async def test_who_may_not_run_is_told_so(browse, rolled_out):
    fields = forms((await browse.get(BOB + rolled_out)).text, "run")[0]
    shown = await browse.post(ALICE + rolled_out, data=data(fields, act="run"))
    assert "notice refused" in shown.text


async def test_a_failed_task_shows_its_reason(browse):
    await browse.post(CAROL + "/rights", data={"project": "demo", "act": "fail", "contains": "bad_table"})
    listed = await browse.post(ALICE, data={**CHANGE, "sql": "SELECT * FROM bad_table"})
    change = re.search(r"/changes/demo/\d+", listed.text).group()

    async def ready():
        return forms((await browse.get(BOB + change)).text, "run")

    fields = (await until(ready))[0]
    await browse.post(BOB + change, data=data(fields, act="run"))

    async def failed():
        return 'class="stage failed"' in (await browse.get(BOB + change)).text

    await until(failed)
    assert "bad_table" in (await browse.get(CAROL + "/rights")).text
    mended = await browse.post(CAROL + "/rights", data={"project": "demo", "act": "mend", "contains": "bad_table"})
    assert "<code>bad_table</code>" not in mended.text


async def test_the_statement_is_edited_only_before_the_rollout(browse, rolled_out):
    shown = await browse.post(ALICE + rolled_out, data={"act": "edit", "sql": "SELECT 2"})
    assert "notice refused" in shown.text
    assert "ALTER TABLE orders" in shown.text


async def test_a_role_is_given_and_taken_away(browse):
    form = {"project": "demo", "role": "roles/projectReleaser", "member": "user:alice@example.com"}
    await browse.post(CAROL + "/rights", data={**form, "act": "grant"})
    assert "user:alice@example.com" in [
        dict(fields)["member"]
        for fields in forms((await browse.get(CAROL + "/rights")).text, "revoke")
        if dict(fields)["role"] == "roles/projectReleaser"
    ]
    await browse.post(CAROL + "/rights", data={**form, "act": "revoke"})
    members = [dict(fields)["member"] for fields in forms((await browse.get(CAROL + "/rights")).text, "revoke")]
    assert members.count("user:alice@example.com") == 1


async def test_an_administrator_writes_a_rollout_policy(browse):
    admin = "/bytebase/admin@example.com/rights"
    form = {
        "project": "demo",
        "act": "policy",
        "environment": "test",
        "automatic": "yes",
        "roles": "roles/projectOwner",
    }
    shown = (await browse.post(admin, data=form)).text
    assert "The rollout policy of test is written." in shown
    assert 'name="automatic" value="yes" checked' in shown
    assert 'value="roles/projectOwner"' in shown


async def test_a_comment_stands_under_the_issue(browse, change):
    issue = forms((await browse.get(ALICE + change)).text, "comment")[0]
    shown = await browse.post(ALICE + change, data=data(issue, act="comment", comment="<i>please</i> look"))
    assert "&lt;i&gt;please&lt;/i&gt; look" in shown.text


async def test_bytebase_alone_leads_to_somebody(browse):
    assert "Acting as" in (await browse.get("/bytebase")).text


async def test_an_unknown_person_is_refused_in_words(browse):
    shown = await browse.get("/bytebase/nobody@example.com")
    assert shown.status_code == 502
    assert "The upstream refused" in shown.text
