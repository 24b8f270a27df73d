"""The demo's story, step by step: each is told only after it was seen to be true."""

from __future__ import annotations

import re
from typing import Any

from reconciler.cli.demo_people import DemoPeople, sql_of
from reconciler.cli.demo_stage import DemoStage, StepFailedError

STATEMENTS = {
    "shop": "ALTER TABLE orders ADD COLUMN note text;",
    "billing": "CREATE INDEX invoices_by_day ON invoices (day);",
}


async def tell_story(stage: DemoStage, people: DemoPeople) -> None:
    """Play everything; raises StepFailedError at the first step that did not truly happen."""
    definition = await _declare(stage)
    stage.chapter("Alice writes a change for two databases in test and prod")
    plan = await people.write_change("Add order notes", STATEMENTS)
    stage.say(f"{plan['issue'].rsplit('/', 1)[-1]} is in Bytebase; its stages wait, nothing runs")
    async with stage.sync():
        stage.chapter("reconciler sync")
        await _approve_test(stage, people, definition, plan["name"])
        await _reject_and_ask_again(stage, people, definition, plan)
    stage.say("sync stops when it is asked to, with 0")
    await _drift(stage, people)


async def _declare(stage: DemoStage) -> str:
    stage.chapter("reconciler plan")
    planned = (await stage.run("plan", "--format", "json", expect=[2])).json()
    names = [change["id"] for change in _list(planned, "changes") if change["action"] != "keep"]
    _must("feishu/definition/stage-gate" in names, f"the plan creates the definition: {names}")
    stage.say(f"{len(names)} changes: {', '.join(names)}")
    stage.chapter("reconciler apply --yes --create-definition stage-gate")
    applied = (await stage.run("apply", "--yes", "--create-definition", "stage-gate", "--format", "json")).json()
    outcomes = [each["outcome"] for each in _list(applied, "outcomes")]
    _must(set(outcomes) <= {"applied"} and bool(outcomes), f"everything is applied: {outcomes}")
    found = re.search(r"code: ([0-9A-Fa-f-]{36})", stage.spec.read_text(encoding="utf-8"))
    _must(found is not None, "the definition's code is written back into the spec")
    code = found[1] if found is not None else ""
    stage.say(f"{len(outcomes)} applied; the definition's code {code[:8]}… is written back into the spec")
    stage.chapter("reconciler plan")
    await stage.run("plan", expect=[0])
    stage.say("nothing left to do (exit code 0)")
    return code


async def _approve_test(stage: DemoStage, people: DemoPeople, definition: str, plan: str) -> None:
    request = await people.request_for(definition, "test")
    _must(all(sql in sql_of(request) for sql in STATEMENTS.values()), f"the form shows the SQL: {sql_of(request)}")
    stage.say("stage test is asked about in Feishu, with the real SQL of both databases in the form")
    _must(await people.statuses(plan, "test") == ["NOT_STARTED"] * 2, "nothing runs before the approval")
    await people.decide("bob", request, approve=True)
    stage.say("Bob approves in Feishu")

    async def done() -> bool:
        return await people.statuses(plan, "test") == ["DONE", "DONE"]

    await people.wait_for("the whole stage test runs", done)
    _must(await people.statuses(plan, "prod") == ["NOT_STARTED"] * 2, "prod waits for its own approval")
    stage.say("the whole stage has run: both databases, in one call; prod still waits")


async def _reject_and_ask_again(stage: DemoStage, people: DemoPeople, definition: str, plan: dict[str, Any]) -> None:
    request = await people.request_for(definition, "prod")
    await people.decide("dave", request, approve=False, comment="not before the backup")

    async def told() -> bool:
        return any("not before the backup" in text for text in await people.comments(plan["issue"]))

    await people.wait_for("the rejection and its reason are on the issue", told)
    stage.say("Dave rejects stage prod: who and why is on the issue in Bytebase, and nothing runs")
    await stage.run("request", f"{plan['name']}/rollout/stages/prod")
    again = await people.request_for(definition, "prod", generation=1)
    stage.say("`reconciler request` asks again")
    await people.decide("dave", again, approve=True)

    async def done() -> bool:
        return await people.statuses(plan["name"], "prod") == ["DONE", "DONE"]

    await people.wait_for("the whole stage prod runs", done)
    stage.say("approved this time: stage prod has run")
    history = await stage.run("history", "--format", "json")
    _must('"ran"' in history.out and "dave@example.com" in history.out, f"history names who approved: {history.out}")
    stage.say("`reconciler history` says who approved what, and which content ran")


async def _drift(stage: DemoStage, people: DemoPeople) -> None:
    stage.chapter("Admin makes prod run by itself, by hand, in Bytebase")
    policy = "environments/prod/policies/rollout_policy"
    body = {"name": policy, "type": "ROLLOUT_POLICY", "rolloutPolicy": {"automatic": True}}
    await people.bytebase("admin", "PATCH", f"/{policy}?update_mask=rollout_policy&allow_missing=true", body)
    drift = (await stage.run("drift", "--format", "json", expect=[2])).json()
    items = {f"{item['kind']}/{item['name']}": item["class"] for item in _list(drift, "items")}
    _must(items.get("bytebase/rolloutPolicy/prod") == "drifted", f"drift names the policy: {items}")
    stage.say("`reconciler drift` finds it (exit code 2): bytebase/rolloutPolicy/prod drifted")


def _list(document: dict[str, object], key: str) -> list[dict[str, Any]]:
    value = document.get(key)
    return value if isinstance(value, list) else []


def _must(is_true: bool, what: str) -> None:
    if not is_true:
        raise StepFailedError(what)
