"""A person does in the page what people do in Feishu, and the open API shows it."""

from __future__ import annotations

import pytest

ALICE, BOB, DAVE = (f"ou_{number:032d}" for number in (1, 2, 3))


@pytest.fixture
async def code(asker):
    return await asker.ask(submitter=ALICE, approvers=[BOB, DAVE])


def _at(person, code):
    return f"/feishu/{person}@example.com/requests/{code}"


async def test_the_inbox_leads_to_the_request(browse, code):
    inbox = await browse.get("/feishu/bob@example.com")
    assert f"/requests/{code}" in inbox.text
    assert f"/requests/{code}" in (await browse.get("/feishu/alice@example.com")).text
    assert f"/requests/{code}" not in (await browse.get("/feishu/carol@example.com")).text


async def test_a_request_is_shown_in_both_languages_and_as_text_only(browse, code):
    shown = (await browse.get(_at("bob", code))).text
    for words in ("Database change", "数据库变更", "变更", "#101 Add a column", "ALTER TABLE orders"):
        assert words in shown
    assert "<b>x</b>" not in shown
    assert "&lt;b&gt;x&lt;/b&gt;" in shown


async def test_only_an_approver_sees_the_decision_and_only_the_submitter_the_withdrawal(browse, code):
    shown = {person: (await browse.get(_at(person, code))).text for person in ("bob", "alice", "carol")}
    assert {person for person, text in shown.items() if 'value="approve"' in text} == {"bob"}
    assert {person for person, text in shown.items() if 'value="withdraw"' in text} == {"alice"}


async def test_approving_passes_the_request_with_the_comment(browse, asker, code):
    answer = await browse.post(_at("bob", code), data={"act": "approve", "comment": "looks fine"})
    assert "Bob approved." in answer.text
    read = await asker.read(code)
    assert read["status"] == "APPROVED"
    passed = next(entry for entry in read["timeline"] if entry["type"] == "PASS")
    assert (passed["open_id"], passed["comment"]) == (BOB, "looks fine")


async def test_rejecting_ends_the_request_with_the_reason(browse, asker, code):
    await browse.post(_at("dave", code), data={"act": "reject", "comment": "not on a Friday"})
    read = await asker.read(code)
    assert read["status"] == "REJECTED"
    assert "not on a Friday" in [entry["comment"] for entry in read["timeline"] if entry["type"] == "REJECT"]


async def test_transferring_gives_the_turn_to_another_person(browse, code):
    await browse.post(_at("bob", code), data={"act": "transfer", "to": "carol@example.com", "comment": "yours"})
    assert 'value="approve"' in (await browse.get(_at("carol", code))).text
    assert 'value="approve"' not in (await browse.get(_at("bob", code))).text


async def test_the_submitter_withdraws(browse, asker, code):
    await browse.post(_at("alice", code), data={"act": "withdraw"})
    assert (await asker.read(code))["status"] == "CANCELED"


async def test_a_comment_stands_under_the_request(browse, code):
    await browse.post(_at("carol", code), data={"act": "comment", "comment": "why so late?"})
    assert "why so late?" in (await browse.get(_at("bob", code))).text


async def test_who_has_nothing_to_decide_is_told_so(browse, asker, code):
    answer = await browse.post(_at("carol", code), data={"act": "approve"})
    assert "Carol has nothing to decide here" in answer.text
    assert (await asker.read(code))["status"] == "PENDING"


async def test_expired_tokens_do_not_stop_the_page(sandbox, browse, code):
    await browse.get("/feishu/bob@example.com")
    sandbox.feishu.expire_tokens()
    assert code in (await browse.get("/feishu/bob@example.com")).text


async def test_a_person_leaves_and_comes_back(sandbox, browse):
    form = {"kind": "person", "key": "bob@example.com", "name": "Bob", "act": "off"}
    assert "Bob is no longer in the company." in (await browse.post("/feishu", data=form)).text
    assert "bob@example.com" not in [email for email, _ in sandbox.feishu.actions.people()]
    await browse.post("/feishu", data={**form, "act": "on"})
    assert "bob@example.com" in [email for email, _ in sandbox.feishu.actions.people()]


async def test_a_disabled_app_can_be_used_again(browse):
    form = {"kind": "app", "key": "cli_sandbox", "name": "cli_sandbox", "act": "off"}
    await browse.post("/feishu", data=form)
    assert (await browse.get("/feishu/bob@example.com")).status_code == 502
    overview = await browse.get("/")
    assert overview.status_code == 200
    assert "Feishu:" in overview.text
    await browse.post("/feishu", data={**form, "act": "on"})
    assert (await browse.get("/feishu/bob@example.com")).status_code == 200


async def test_disabling_a_definition_deletes_what_is_pending(sandbox, browse, asker, code):
    definition = sandbox.feishu.actions.instance(code).definition
    form = {"kind": "definition", "key": definition, "name": "Database change", "act": "off"}
    await browse.post("/feishu", data=form)
    assert (await asker.read(code))["status"] == "DELETED"


@pytest.mark.parametrize("form", [{"kind": "person", "key": "x", "act": "off"}, {"kind": "moon", "key": "x"}, {}])
async def test_nonsense_is_answered_in_words(browse, form):
    answer = await browse.post("/feishu", data=form)
    assert answer.status_code == 200
    assert "notice refused" in answer.text


async def test_the_page_is_not_in_the_request_log_and_meets_no_faults(sandbox, browse, code):
    before = len(sandbox.world.log.since(0))
    await browse.post("/sandbox/faults", json={"target": "feishu", "fault": "drop", "times": 5})
    assert (await browse.get("/feishu/bob@example.com")).status_code == 200
    assert len(sandbox.world.log.since(0)) == before
