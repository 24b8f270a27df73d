"""What moves which `updateTime`: the whole table of what was observed on a running server (facts §22.3)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

SQL = "CREATE TABLE moved (id INT);"


async def times(bytebase, issue: str, plan: str) -> dict[str, Any]:
    """The three times; the rollout's is None while there is none."""
    names = {"issue": issue, "plan": plan, "rollout": f"{plan}/rollout"}
    return {kind: (await bytebase.get(name)).body.get("updateTime") for kind, name in names.items()}


async def moved(bytebase, issue: str, plan: str, verb: str, path: str, body: Any, *, who: str = "admin", **query: Any):
    """Which of the three a call moves, what follows by itself included."""
    before = await times(bytebase, issue, plan)
    await asyncio.sleep(0.002)
    assert (await bytebase.ask(verb, path, body, who=who, **query)).status == 200
    await asyncio.sleep(0.02)
    after = await times(bytebase, issue, plan)
    return {kind for kind in before if before[kind] != after[kind]}


@pytest.mark.parametrize(
    ("verb", "path", "body", "query", "kinds"),
    [
        ("PATCH", "{issue}", {"title": "New"}, {"update_mask": "title"}, {"issue"}),
        ("PATCH", "{issue}", {"description": "New"}, {"update_mask": "description"}, {"issue"}),
        ("PATCH", "{issue}", {"labels": ["other"]}, {"update_mask": "labels"}, {"issue"}),
        ("PATCH", "{issue}", {"labels": ["one"]}, {"update_mask": "labels"}, set()),
        ("PATCH", "{plan}", {"title": "New"}, {"update_mask": "title"}, {"plan"}),
        ("PATCH", "{plan}", {"state": "DELETED"}, {"update_mask": "state"}, {"plan"}),
        ("POST", "{issue}:comment", {"comment": "Text"}, {}, set()),
        ("POST", "{plan}:runPlanChecks", {}, {}, set()),
        ("POST", "{issue}:reject", {}, {}, {"issue"}),
        ("POST", "{issue}:approve", {}, {}, {"issue", "plan", "rollout"}),
        ("POST", "{plan}/rollout", {}, {}, {"issue", "plan", "rollout"}),
    ],
)
async def test_before_the_rollout(bytebase, verb, path, body, query, kinds):
    issue, plan = await bytebase.issue(SQL, labels=["one"])
    path = path.format(issue=issue, plan=plan)

    assert await moved(bytebase, issue, plan, verb, path, body, who="alice", **query) == kinds


@pytest.mark.parametrize("status", ["CANCELED", "OPEN", "DONE"])
async def test_a_status_set_by_hand_moves_nothing(bytebase, status):
    issue, plan = await bytebase.issue(SQL)
    body = {"issues": [issue], "status": status}

    assert await moved(bytebase, issue, plan, "POST", "projects/demo/issues:batchUpdateStatus", body) == set()


async def test_saving_the_same_specs_moves_both(bytebase):
    issue, plan = await bytebase.issue(SQL)
    specs = (await bytebase.get(plan)).body["specs"]

    assert await moved(bytebase, issue, plan, "PATCH", plan, {"specs": specs}, update_mask="specs") == {"issue", "plan"}


async def test_after_the_rollout(bytebase):
    issue, plan = await bytebase.issue(SQL)
    await bytebase.post(f"{issue}:approve", {}, who="alice")
    await bytebase.until(plan, lambda found: found.get("hasRollout"))
    tasks = await bytebase.tasks(plan)

    async def batch(environment: str, verb: str) -> set[str]:
        path = f"{plan}/rollout/stages/{environment}/tasks:{verb}"
        return await moved(bytebase, issue, plan, "POST", path, {"tasks": [tasks[environment][0]["name"]]})

    assert await moved(bytebase, issue, plan, "PATCH", plan, {"title": "New"}, update_mask="title") == {
        "plan",
        "rollout",
    }
    assert await batch("test", "batchRun") == {"rollout"}
    assert await batch("prod", "batchSkip") == set()
    assert await moved(bytebase, issue, plan, "POST", f"{plan}/rollout", {}) == {"issue"}
