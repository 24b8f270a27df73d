"""A plan file of several targets is for exactly those that it holds a plan of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.declarative_specs import SMALL, target_of

from reconciler.cli.plan_file import PlanFile, read_plan_file
from reconciler.errors import RefusedError, SpecError
from reconciler.plan.change import BytebaseTarget, Plan, Target
from reconciler.plan.document import encode

PLAN = Plan(Target("alpha", BytebaseTarget("https://b.example", "b", "workspaces/w")), ())
ALPHA, BETA, GAMMA = (target_of(SMALL.replace("name: acme", f"name: {name}")) for name in ("alpha", "beta", "gamma"))
FAILURE = {
    "formatVersion": "1",
    "target": {"name": "beta"},
    "error": {"kind": "unavailable", "message": "nobody answers", "where": None, "next": "look"},
}


def read(folder: Path, *documents: object) -> PlanFile:
    file = folder / "plan.json"
    file.write_text(json.dumps({"formatVersion": "1", "documents": documents}), encoding="utf-8")
    return read_plan_file(str(file))


def test_all_of_a_whole_file_is_applied(tmp_path: Path) -> None:
    file = read(tmp_path, encode(PLAN), encode(replace(PLAN, target=replace(PLAN.target, name="beta"))))
    assert file.targets([ALPHA, BETA, GAMMA], chosen=None) == [ALPHA, BETA]


def test_a_plan_that_was_not_made_is_named_with_its_reason_and_the_way_on(tmp_path: Path) -> None:
    file = read(tmp_path, encode(PLAN), FAILURE)
    with pytest.raises(RefusedError) as refused:
        file.targets([ALPHA, BETA], chosen=None)
    assert "the plan of target beta failed and was not made: nobody answers" in str(refused.value)
    assert refused.value.next_step == "plan again, or apply what was planned, one target at a time: --target alpha"


def test_one_target_out_of_several_is_chosen_by_name(tmp_path: Path) -> None:
    file = read(tmp_path, encode(PLAN), FAILURE)
    assert file.targets([ALPHA], chosen="alpha") == [ALPHA]
    with pytest.raises(RefusedError, match="the plan of target beta failed"):
        file.targets([BETA], chosen="beta")
    with pytest.raises(RefusedError, match="holds no plan of target gamma: it holds alpha"):
        file.targets([GAMMA], chosen="gamma")


def test_a_plan_of_a_target_that_the_spec_does_not_declare_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="for alpha, which the spec does not declare"):
        read(tmp_path, encode(PLAN)).targets([BETA], chosen=None)


def test_a_target_is_in_a_file_once(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="holds target alpha twice"):
        read(tmp_path, encode(PLAN), encode(PLAN))


def test_a_file_without_plans_is_never_taken_for_one_that_allows_everything(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="it holds no plan"):
        read(tmp_path)


def test_what_a_file_says_of_a_failure_commands_no_terminal(tmp_path: Path) -> None:
    forged = {**FAILURE, "error": {"kind": "x", "message": "\x1b[2Jgone\nerror: nothing is wrong", "next": None}}
    with pytest.raises(RefusedError) as refused:
        read(tmp_path, forged).targets([BETA], chosen="beta")
    assert "\x1b" not in str(refused.value)
    assert "\n" not in str(refused.value)
