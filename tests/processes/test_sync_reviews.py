"""Reviews end to end: a step of the issue's review is asked in Feishu, and answered in Bytebase by the role's own account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from processes.sync_lab import Lab, eventually, lab

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SEED = (
    (
        "approvalRules: []",
        """\
approvalRules:
    - {condition: {expression: 'true'}, template: {title: Two eyes, flow: {roles: [roles/projectOwner, roles/oa]}}}
  roles: [{id: oa, title: OA, permissions: []}]""",
    ),
    (
        "    - {id: sync, key: bbs_demo_sync, title: Sync} ",
        """\
    - {id: owner, key: bbs_demo_owner, title: Owner}
    - {id: oa, key: bbs_demo_oa, title: OA}
    - {id: sync, key: bbs_demo_sync, title: Sync} """,
    ),
    (
        '{role: roles/projectOwner, members: ["user:carol@example.com"]}',
        """\
{role: roles/projectOwner, members: ["user:carol@example.com", "serviceAccount:owner@service.bytebase.com"]}
        - {role: roles/oa, members: ["user:bob@example.com", "serviceAccount:oa@service.bytebase.com"]}""",
    ),
)
SPEC = (
    (
        "    poll: {every: 200ms, callsPerMinute: 6000}\n    im:",
        """\
    reviewers:
      - {role: roles/projectOwner, serviceAccount: owner@service.bytebase.com, key: {env: DEMO_OWNER_KEY}}
      - {role: roles/oa, serviceAccount: oa@service.bytebase.com, key: {env: DEMO_OA_KEY}}
    poll: {every: 200ms, callsPerMinute: 6000}
    im:""",
    ),
    ("  gates:\n", "  gates:\n    - {name: review, at: review, decide: {definition: stage-gate}}\n"),
)
KEYS = {"DEMO_OWNER_KEY": "bbs_demo_owner", "DEMO_OA_KEY": "bbs_demo_oa"}


@contextmanager
def reviewed(folder: Path) -> Iterator[Lab]:
    """The demo's world with a review of two steps, and gates at both."""
    with lab(folder, seed=SEED) as here:
        here.spec(*SPEC)
        here.place.environment.update(KEYS)
        yield here


def reviewing(here: Lab) -> tuple[str, str]:
    """A change of Alice's that waits for its review while sync runs: its plan and its issue."""
    here.sync().ready()
    plan = here.people.change(1)
    return plan, str(here.people.bytebase("alice", "GET", plan)["issue"])


def issue_of(here: Lab, plan: str) -> dict[str, Any]:
    return here.people.bytebase("carol", "GET", here.people.bytebase("carol", "GET", plan)["issue"])


def answers(here: Lab, plan: str) -> list[tuple[str, str]]:
    return [(each["status"], each["principal"]) for each in issue_of(here, plan).get("approvers", [])]


def test_both_steps_are_asked_one_after_the_other_and_then_the_stages(tmp_path: Path) -> None:
    with reviewed(tmp_path) as here:
        plan, issue = reviewing(here)
        first = here.asked(f"{issue}#0")
        assert "ALTER TABLE t1 ADD COLUMN c int;" in first["form"]
        assert "review (step 1 of 2: roles/projectOwner)" in first["form"]
        here.approve(first, "carol")
        second = here.asked(f"{issue}#1")
        assert answers(here, plan) == [("APPROVED", "users/owner@service.bytebase.com")]
        here.approve(second, "bob")
        here.approve(here.asked(f"{plan}/rollout/stages/test"))
        here.done(plan, "test")
        assert answers(here, plan)[1:] == [("APPROVED", "users/oa@service.bytebase.com")]
        texts = [
            each.get("comment", "")
            for each in here.people.bytebase("carol", "GET", f"{issue}/issueComments?page_size=1000")["issueComments"]
            if "approval" in each
        ]
        assert ["carol" in texts[0], "bob" in texts[1]] == [True, True]
        shown = {each["subject"]: each for each in here.document("status")["subjects"]}
        assert shown.get(f"{issue}#0", {"kind": "review"})["kind"] == "review"


def test_a_rejection_is_given_in_bytebase_with_its_reason_and_asked_again_when_its_author_requests_it(
    tmp_path: Path,
) -> None:
    with reviewed(tmp_path) as here:
        plan, issue = reviewing(here)
        here.decide(here.asked(f"{issue}#0"), "carol", approve=False, comment="needs an index")
        eventually(lambda: issue_of(here, plan)["approvalStatus"] == "REJECTED")
        assert answers(here, plan) == [("REJECTED", "users/owner@service.bytebase.com")]
        comments = here.people.bytebase("carol", "GET", f"{issue}/issueComments?page_size=1000")["issueComments"]
        assert any("needs an index" in each.get("comment", "") for each in comments if "approval" in each)
        here.people.bytebase("alice", "POST", f"{issue}:request", {"comment": "index added"})
        here.approve(here.asked(f"{issue}#0", generation=1), "carol")
        here.asked(f"{issue}#1")
        assert answers(here, plan) == [("APPROVED", "users/owner@service.bytebase.com")]


def test_an_edit_of_the_sql_withdraws_the_question_and_asks_the_new_one(tmp_path: Path) -> None:
    with reviewed(tmp_path) as here:
        plan, issue = reviewing(here)
        before = here.asked(f"{issue}#0")
        here.people.edit(plan, "DROP TABLE t1;")
        after = here.asked(f"{issue}#0", generation=1)
        assert "DROP TABLE t1;" in after["form"]
        assert here.people.instance(before["instance_code"])["status"] == "CANCELED"
        assert answers(here, plan) == []


def test_an_answer_given_in_bytebase_by_hand_withdraws_the_request(tmp_path: Path) -> None:
    with reviewed(tmp_path) as here:
        plan, issue = reviewing(here)
        before = here.asked(f"{issue}#0")
        here.people.bytebase("carol", "POST", f"{issue}:approve", {"comment": "fine"})
        here.asked(f"{issue}#1")
        assert here.people.instance(before["instance_code"])["status"] == "CANCELED"
        assert answers(here, plan) == [("APPROVED", "users/carol@example.com")]
