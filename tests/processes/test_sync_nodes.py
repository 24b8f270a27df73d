"""External nodes end to end, against the sandbox's sample OA: a stage in the relay dialect, a review step in v1."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from pathlib import Path

import httpx
import pytest
from processes.sync_lab import Lab, SyncProcess, eventually, lab
from processes.test_sync_reviews import KEYS, SEED, SPEC, answers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SIGNING_KEY = "a key for callbacks"
OA_KEYS = {"DEMO_OA_TOKEN": "Bearer oa-demo", "DEMO_CALLBACK_KEY": SIGNING_KEY}


def node(here: Lab, dialect: str, *, poll: str = "300ms", more: str = "") -> tuple[str, str]:
    text = (
        f"  externalNodes: [{{name: oa, endpoint: {here.urls['page']}/oa, dialect: {dialect}, poll: {poll}, "
        f"auth: {{header: Authorization, value: {{env: DEMO_OA_TOKEN}}}}{more}}}]\n  gates:\n"
    )
    return ("  gates:\n", text)


def decide(here: Lab, act: str, who: str = "bob@example.com", reason: str = "") -> None:
    """Somebody decides the newest question on the OA's page."""

    def newest() -> str | None:
        page = httpx.get(f"{here.urls['page']}/oa").text
        open_ones = [part.split('"', 1)[0] for part in page.split('name="id" value="')[1:]]
        return open_ones[0] if open_ones else None

    form = {"id": eventually(newest), "act": act, "actor": who, "reason": reason}
    answer = httpx.post(f"{here.urls['page']}/oa", data=form, follow_redirects=True)
    assert answer.status_code == 200, answer.text


def test_a_relay_decides_a_stage_and_its_word_is_named_in_the_history(tmp_path: Path) -> None:
    with lab(tmp_path) as here:
        here.place.environment.update(OA_KEYS)
        here.spec(node(here, "relay"))
        here.spec(("decide: {definition: stage-gate}", "decide: {externalNode: oa}"))
        here.sync().ready()
        plan = here.people.change(1)
        decide(here, "APPROVED")
        here.done(plan, "test")
        shown = here.place.run("history", "--format", "json").stdout.splitlines()
        ran = [row for row in map(json.loads, shown) if row["decision"] == "ran"]
        assert ran[0]["actor"] == "the external node oa"
        assert len(here.runs()) == 1


def test_v1_decides_a_review_step_and_a_signed_callback_wakes_it_at_once(tmp_path: Path) -> None:
    with lab(tmp_path, seed=SEED) as here:
        here.spec(*SPEC)
        here.place.environment.update({**KEYS, **OA_KEYS})
        here.spec(node(here, "v1", poll="1h", more=", callback: {secret: {env: DEMO_CALLBACK_KEY}}"))
        here.spec(
            ("at: review, decide: {definition: stage-gate}", "at: review, decide: {externalNode: oa}"),
        )
        process = here.sync().ready()
        plan = here.people.change(1)
        subject = f"{here.people.bytebase('alice', 'GET', plan)['issue']}#0"
        asked = eventually(lambda: (here.subject(subject).get("instance") or {}).get("code"))
        decide(here, "APPROVED", who="carol@example.com")
        assert call_back(process, asked, key="another key") == 401
        time.sleep(1)
        assert answers(here, plan) == []
        assert call_back(process, asked, key=SIGNING_KEY) == 200
        eventually(lambda: answers(here, plan) == [("APPROVED", "users/owner@service.bytebase.com")])


def call_back(process: SyncProcess, instance: str, *, key: str) -> int:
    body = json.dumps({"id": instance.rsplit(":", 1)[-1]}).encode()
    now = str(int(time.time()))
    signed = hmac.new(key.encode(), now.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"X-Reconciler-Timestamp": now, "X-Reconciler-Signature": signed}
    return httpx.post(f"{process.http}/external/oa", content=body, headers=headers).status_code


def test_r_03_a_node_leaves_the_spec_only_once_its_questions_are_ended(tmp_path: Path) -> None:
    with lab(tmp_path) as here:
        here.place.environment.update(OA_KEYS)
        before = here.place.spec.read_text(encoding="utf-8")
        here.spec(node(here, "relay"))
        here.spec(("decide: {definition: stage-gate}", "decide: {externalNode: oa}"))
        with_node = here.place.spec.read_text(encoding="utf-8")
        process = here.sync().ready()
        plan = here.people.change(1)
        eventually(lambda: here.subject(f"{plan}/rollout/stages/test").get("state") == "asked")
        here.place.spec.write_text(before, encoding="utf-8")
        eventually(lambda: "the external node oa leaves the spec with 1 open request" in process.said())
        assert process.stop() == 0
        assert here.sync(name="again").end() == 3
        here.place.spec.write_text(with_node, encoding="utf-8")
        assert here.sync("--drain", name="draining").end() == 0
        here.place.spec.write_text(before, encoding="utf-8")
        here.sync(name="later").ready()
        here.asked(f"{plan}/rollout/stages/test")
