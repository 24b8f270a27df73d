"""A plan file is read with suspicion."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reconciler.errors import ReconcilerError, RefusedError, SpecError
from reconciler.plan.build import build_plan
from reconciler.plan.change import Action, BytebaseTarget, Change, Plan, Target
from reconciler.plan.compare import moved
from reconciler.plan.document import decode, digest, encode
from reconciler.plan.failed import FailedTarget
from reconciler.plan.order import in_order, prerequisites

PLAN = Plan(
    Target("acme", BytebaseTarget("https://b.example", "acme-prod", "workspaces/w")),
    (Change("bytebase/project", "demo", Action.UPDATE, observed="f" * 64),),
)
TEXT = json.dumps(encode(PLAN))


def test_a_document_of_several_targets_is_read_whole() -> None:
    both = json.dumps({"formatVersion": "1", "documents": [encode(PLAN), encode(PLAN)]})
    assert decode(both, file="p.json") == (PLAN, PLAN)


def test_a_target_of_which_no_plan_was_made_is_read_as_that() -> None:
    failure = {
        "formatVersion": "1",
        "target": {"name": "beta"},
        "error": {"kind": "unavailable", "message": "nobody answers", "where": None, "next": "look at the network"},
    }
    both = json.dumps({"formatVersion": "1", "documents": [encode(PLAN), failure]})
    failed = FailedTarget("beta", "unavailable", "nobody answers", next="look at the network")
    assert decode(both, file="p.json") == (PLAN, failed)


def test_the_error_of_a_run_without_any_plan_is_not_a_plan() -> None:
    with pytest.raises(SpecError, match="error of a plan that was not made"):
        decode(json.dumps({"error": {"kind": "badSpec", "message": "x"}}), file="p.json")


@pytest.mark.parametrize("cut", [0, 1, 20, len(TEXT) // 2, len(TEXT) - 1])
def test_a_truncated_file_is_not_a_plan(cut: int) -> None:
    with pytest.raises(SpecError, match="not a plan document"):
        decode(TEXT[:cut], file="p.json")


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "null",
        "3",
        '"x"',
        "[" * 100_000,
        '{"formatVersion": "1"}',
        '{"formatVersion": "1", "documents": [7]}',
        '{"formatVersion": "1", "documents": []}',
        '{"formatVersion": "1", "error": {}}',
        '{"formatVersion": "1", "x": NaN}',
    ],
)
def test_other_json_is_not_a_plan(text: str) -> None:
    with pytest.raises(SpecError):
        decode(text, file="p.json")


@pytest.mark.parametrize("version", ["2", 1, None, "1.1", {"a": "x" * 10_000}])
def test_an_unknown_format_is_refused(version: object) -> None:
    with pytest.raises(RefusedError, match="format") as refused:
        decode(json.dumps({**encode(PLAN), "formatVersion": version}), file="p.json")
    assert len(str(refused.value)) < 300


def test_an_edited_file_is_refused() -> None:
    with pytest.raises(RefusedError, match="changed after it was written"):
        decode(TEXT.replace('"demo"', '"prod"'), file="p.json")
    with pytest.raises(RefusedError):
        decode(TEXT.replace("acme-prod", "acme-test"), file="p.json")


def test_an_edited_file_with_a_new_digest_still_differs_from_the_own_plan() -> None:
    forged = replace(PLAN, changes=(replace(PLAN.changes[0], name="prod"),))
    (loaded,) = decode(json.dumps(encode(forged)), file="p.json")
    assert moved(shown=loaded, now=PLAN) == (
        "bytebase/project/demo was not in the plan",
        "bytebase/project/prod is not in the spec any more",
    )


def test_a_field_of_a_later_minor_version_is_passed_over() -> None:
    assert decode(json.dumps({**encode(PLAN), "later": True}), file="p.json") == (PLAN,)


@pytest.mark.parametrize(
    "damage", [{"action": "destroy"}, {"observed": 7}, {"fields": None}, {"origin": {"file": "x"}}]
)
def test_a_damaged_change_is_not_read_as_another(damage: dict[str, object]) -> None:
    document = dict(encode(PLAN))
    document["changes"] = [{**document["changes"][0], **damage}]  # type: ignore[index,dict-item]
    with pytest.raises(ReconcilerError):
        decode(json.dumps(document), file="p.json")


def test_the_digest_covers_changes_and_target_and_nothing_else() -> None:
    assert digest(replace(PLAN, commit="abc", tool_version="9")) == digest(PLAN)
    other = replace(PLAN.target, bytebase=replace(PLAN.target.bytebase, workspace="workspaces/x"))
    assert digest(replace(PLAN, target=other)) != digest(PLAN)
    assert "Bytebase workspace is workspaces/x, the plan was for workspaces/w" in moved(
        shown=PLAN, now=replace(PLAN, target=other)
    )


def test_what_others_rest_on_comes_first_and_deletions_come_last() -> None:
    changes = [
        Change("feishu/subscription", "g", Action.CREATE),
        Change("bytebase/webhook", "w", Action.DELETE),
        Change("bytebase/role", "old", Action.DELETE),
        Change("feishu/definition", "g", Action.CREATE),
        Change("bytebase/role", "oa", Action.CREATE),
        Change("bytebase/binding", "roles/oa:user:a@x:demo", Action.CREATE),
    ]
    ordered = in_order(changes)
    assert [change.id for change in ordered] == [
        "bytebase/role/oa",
        "bytebase/binding/roles/oa:user:a@x:demo",
        "feishu/definition/g",
        "feishu/subscription/g",
        "bytebase/webhook/w",
        "bytebase/role/old",
    ]
    assert prerequisites(ordered[1], ordered) == ("bytebase/role/oa",)
    assert prerequisites(ordered[3], ordered) == ("feishu/definition/g",)


def test_an_empty_spec_gives_an_empty_plan() -> None:
    from reconciler.plan.build import Live

    plan = build_plan(target=PLAN.target, declared=[], live=Live())
    assert plan.exit_code == 0
    assert encode(plan)["changes"] == []
