"""Findings about people and rights, from facts alone."""

from __future__ import annotations

from dataclasses import replace

from fakes.declarative_specs import target_of

from reconciler.plan.capability import capability_warnings
from reconciler.plan.people import asked_people, everybody_warning, gated_projects, people_findings
from reconciler.resources.access import Access, Grant
from reconciler.resources.approval_rules import ApprovalRule, ApprovalRules
from reconciler.resources.finding import Finding
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.subjects.instance import Resolution

SPEC = """\
apiVersion: reconciler/v1
kind: Integration
metadata: {name: acme}
spec:
  bytebase:
    url: https://bytebase.acme.example
    credentials: {serviceAccount: gitops@service.bytebase.com, key: {env: BYTEBASE_KEY}}
    reviewers:
      - {role: roles/oa, serviceAccount: oa@service.bytebase.com, key: {env: OA_KEY}}
  feishu:
    app: {id: cli_a, secret: {env: S}}
    definitions: [{name: stage-gate}]
  users:
    overrides: [{bytebase: eve@x.example, openId: ou_eve}]
  gates:
    - {name: prod, at: stage, match: {projects: [demo], environments: [prod]}, decide: {definition: stage-gate}}
    - {name: review, at: review, match: {roles: [roles/oa, roles/other]}, decide: {definition: stage-gate}}
"""
SYNC = "serviceAccount:gitops@service.bytebase.com"
OA = "serviceAccount:oa@service.bytebase.com"
READING = frozenset(
    {"bb.issues.get", "bb.plans.get", "bb.rollouts.get", "bb.taskRuns.list", "bb.sheets.get", "bb.issueComments.create"}
)
POLICY = RolloutPolicy("prod", False, ("roles/dba",))


def access(**projects: list[Grant]) -> Access:
    return Access(
        roles={
            "roles/releaser": READING | {"bb.taskRuns.create"},
            "roles/reader": READING,
            "roles/dba": frozenset(),
            "roles/oa": frozenset(),
        },
        workspace=[Grant("roles/releaser", ("user:admin@x.example",))],
        projects=projects or {"demo": []},
        groups={"dba@x.example": ("alice@x.example", "bob@x.example")},
    )


def warnings(
    given: Access,
    *resources: RolloutPolicy | ApprovalRules,
    text: str = SPEC,
    environments: tuple[str, ...] = ("test", "prod"),
) -> list[Finding]:
    policies = [] if any(isinstance(each, RolloutPolicy) for each in resources) else [POLICY]
    return list(capability_warnings(target_of(text), given, [*policies, *resources], environments))


def codes(given: Access, *resources: RolloutPolicy | ApprovalRules) -> set[tuple[str, str]]:
    return {(each.code, each.name) for each in warnings(given, *resources)}


def test_a_stage_gate_asks_the_holders_of_its_policys_roles_with_groups_expanded() -> None:
    given = access(demo=[Grant("roles/dba", ("group:dba@x.example", "user:Carol@x.example", SYNC))])
    asked = asked_people(target_of(SPEC), given, [POLICY])
    assert list(asked) == ["alice@x.example", "bob@x.example", "carol@x.example"]
    assert set(asked.values()) == {"prod"}


def test_a_policy_without_roles_asks_those_who_may_run_tasks() -> None:
    asked = asked_people(target_of(SPEC), access(), [RolloutPolicy("prod", False, ())])
    assert list(asked) == ["admin@x.example"]


def test_each_person_is_found_overridden_ambiguous_or_unknown() -> None:
    asked = {"alice@x.example": "prod", "bob@x.example": "prod", "carol@x.example": "prod"}
    resolution = Resolution(
        found={"alice@x.example": "ou_1", "eve@x.example": "ou_eve"},
        missing={"bob@x.example": "Feishu knows no person", "carol@x.example": "more than one person in Feishu"},
    )
    found = {each.name: each for each in people_findings(target_of(SPEC), asked, resolution)}
    assert {name: each.code for name, each in found.items()} == {
        "alice@x.example": "userResolves",
        "bob@x.example": "userUnresolved",
        "carol@x.example": "userAmbiguous",
        "eve@x.example": "userOverridden",
    }
    assert str(found["bob@x.example"].origin) == "specs/acme.yaml:16"


def test_an_account_that_cannot_run_a_gated_stage_is_warned_of_with_what_it_lacks() -> None:
    assert ("cannotRunStage", "prod") in codes(access())
    able = access(demo=[Grant("roles/releaser", (SYNC,))])
    assert ("cannotRunStage", "prod") not in codes(able)
    by_policy = access(demo=[Grant("roles/reader", (SYNC,)), Grant("roles/dba", (SYNC,))])
    assert ("cannotRunStage", "prod") not in codes(by_policy)
    conditional = access(demo=[Grant("roles/releaser", (SYNC,), conditional=True)])
    assert ("cannotRunStage", "prod") in codes(conditional)


def test_whoever_can_run_a_stage_without_approval_is_named() -> None:
    given = access(demo=[Grant("roles/dba", ("user:dave@x.example",)), Grant("roles/releaser", (SYNC,))])
    (bypass,) = [each for each in warnings(given) if each.code == "canBypassGate"]
    assert "user:admin@x.example" in bypass.message
    assert "user:dave@x.example" in bypass.message
    assert SYNC not in bypass.message


def test_a_review_step_needs_an_account_that_is_bound_to_its_role() -> None:
    assert {("noReviewer", "roles/other"), ("reviewerNotBound", "roles/oa")} <= codes(access())
    assert ("reviewerNotBound", "roles/oa") not in codes(access(demo=[Grant("roles/oa", (OA,))]))


def test_an_account_that_could_answer_two_steps_of_a_rule_is_warned_of() -> None:
    rules = ApprovalRules((ApprovalRule("", "true", "Prod", "", ("roles/oa", "roles/dba")),))
    both = access(demo=[Grant("roles/oa", (OA,)), Grant("roles/dba", (OA,))])
    assert ("twoStepsOneAccount", "Prod") in codes(both, rules)
    assert ("twoStepsOneAccount", "Prod") not in codes(access(demo=[Grant("roles/oa", (OA,))]), rules)
    conditional = access(demo=[Grant("roles/oa", (OA,)), Grant("roles/dba", (OA,), conditional=True)])
    assert ("twoStepsOneAccount", "Prod") in codes(conditional, rules)


def test_a_gate_whose_role_everybody_holds_is_warned_of() -> None:
    text = SPEC.replace(
        "at: stage, match: {projects: [demo], environments: [prod]}",
        "at: stage, approvers: {roles: [roles/dba]}",
    )
    given = access(demo=[Grant("roles/dba", ("allUsers",))])
    assert [each.code for each in everybody_warning(target_of(text), given)] == ["everybodyMayDecide"]
    assert gated_projects(target_of(text)) == ("*",)


EVERYWHERE = SPEC.replace("match: {projects: [demo], environments: [prod]}", 'match: {projects: ["team-*"]}')


def test_a_pattern_means_the_projects_that_it_matches() -> None:
    given = access(**{"team-a": [Grant("roles/dba", ("user:ann@x.example",))], "ops": []})
    assert list(asked_people(target_of(EVERYWHERE), given, [POLICY])) == ["ann@x.example"]
    (bypass,) = [each for each in warnings(given, text=EVERYWHERE) if each.code == "canBypassGate"]
    assert "user:ann@x.example" in bypass.message


def test_rights_that_were_not_read_everywhere_are_said_to_be_a_sample() -> None:
    given = replace(access(**{"team-a": []}), unread=("team-b", "team-c", "ops"))
    (sampled,) = [
        each for each in warnings(given, text=EVERYWHERE) if (each.code, each.name) == ("rightsSampled", "prod")
    ]
    assert "1 of the 3 projects" in sampled.message
    assert "--only capability" in sampled.next
    assert str(sampled.origin) == "specs/acme.yaml:16"
    assert not [each for each in warnings(access(**{"team-a": []}), text=EVERYWHERE) if each.code == "rightsSampled"]


def test_a_gate_on_something_that_is_not_there_holds_nothing_and_says_so() -> None:
    found = {each.code: each for each in warnings(access(ops=[]), environments=("test",))}
    assert "no project demo" in found["unknownProject"].message
    assert "no environment prod" in found["unknownEnvironment"].message
    assert "unknownProject" not in {each.code for each in warnings(access(demo=[]))}
    assert "unknownProject" in {each.code for each in warnings(access(ops=[]), text=EVERYWHERE)}


def test_a_gate_on_every_environment_counts_the_policies_of_all() -> None:
    given = access(**{"team-a": [Grant("roles/qa", ("user:quinn@x.example",)), Grant("roles/dba", (SYNC,))]})
    policies = (RolloutPolicy("test", False, ("roles/qa",)), RolloutPolicy("prod", False, ("roles/dba",)))
    found = {each.code: each for each in warnings(given, *policies, text=EVERYWHERE)}
    assert "user:quinn@x.example" in found["canBypassGate"].message
    assert "bb.taskRuns.create" in found["cannotRunStage"].message  # one policy's role runs only that environment


def test_an_undeclared_environment_that_starts_by_itself_behind_a_gate_is_warned_of() -> None:
    found = [each for each in warnings(access(), RolloutPolicy("prod", True, ())) if each.code == "automaticGated"]
    assert [each.name for each in found] == ["prod"]
    assert "before any approval" in found[0].message
    declared = SPEC.replace(
        "    reviewers:", "    environments: [{name: prod, rolloutPolicy: {automatic: true}}]\n    reviewers:"
    )
    assert "automaticGated" not in {
        each.code for each in warnings(access(), RolloutPolicy("prod", True, ()), text=declared)
    }
