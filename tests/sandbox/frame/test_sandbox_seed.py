"""A seed file becomes a world, or one error that names every bad key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.errors import SpecError
from reconciler.sandbox.seed import demo_seed, load_seed

EVERY_KEY = """
bytebase:
  licence: ENTERPRISE
  externalUrl: http://bytebase.example
  users: [{email: admin@example.com, password: Passw0rd!, title: Admin}]
  serviceAccounts: [{id: gitops, key: bbs_sandbox, title: GitOps}]
  groups: [{email: dba@example.com, title: DBA, members: [alice@example.com, {email: bob@example.com, role: OWNER}]}]
  roles: [{id: oa, title: OA, permissions: []}]
  workspaceIam: [{role: roles/workspaceAdmin, members: ["user:admin@example.com"]}]
  environments: [{id: test, title: Test}, {id: prod, title: Prod}]
  rolloutPolicies: {prod: {automatic: false, roles: [roles/projectReleaser]}}
  approvalRules: []
  projects: [{id: demo, title: Demo, requireIssueApproval: true, allowSelfApproval: false, iam: [{role: roles/projectOwner, members: ["user:bob@example.com"]}]}]
  instances: [{id: inst-test, title: Test, environment: test, activation: true, dataSources: [], databases: [{name: app, project: demo}]}]
  failingStatements:
    - will_fail
    - {contains: "CREAT TABLE", detail: 'ERROR: syntax error', syntaxError: true, untilRun: "CREATE TABLE x"}
  slowStatements: [{contains: "pg_sleep(20)", seconds: 20}]
  planChecks: [{contains: drop_me, status: ERROR, title: Dangerous}]
feishu:
  apps: [{id: cli_sandbox, secret: sandbox, bot: true, published: true, scopes: ["approval:approval"], events: [approval_task]}]
  users: [{email: alice@example.com, openId: ou_00000000000000000000000000000001, name: Alice, visible: true}]
  tenant: {withdrawal: true}
"""


def test_every_documented_key_is_understood():
    seed = load_seed(EVERY_KEY, "s.yaml")
    bytebase = seed.bytebase
    assert bytebase.service_accounts[0].email == "gitops@service.bytebase.com"
    assert [(member.email, member.role) for member in bytebase.groups[0].members] == [
        ("alice@example.com", "MEMBER"),
        ("bob@example.com", "OWNER"),
    ]
    assert [item.contains for item in bytebase.failing_statements] == ["will_fail", "CREAT TABLE"]
    assert bytebase.failing_statements[1].until_run == "CREATE TABLE x"
    assert bytebase.projects[0].require_issue_approval
    assert seed.feishu.users[0].open_id == "ou_00000000000000000000000000000001"


def test_the_seed_in_the_documentation_is_a_seed():
    page = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text("utf-8")
    blocks = re.findall(r"```yaml\n(bytebase:.*?)```", page, re.DOTALL)
    assert [load_seed(block, "docs/sandbox.md").bytebase.licence for block in blocks] == ["ENTERPRISE"]


@pytest.mark.parametrize("text", ["", "{}", "bytebase: {}\nfeishu: {}"])
def test_what_is_absent_is_as_in_a_new_workspace(text):
    seed = load_seed(text, "s.yaml").bytebase
    assert [item.id for item in seed.environments] == ["test", "prod"]
    assert [rule["template"]["title"] for rule in seed.approval_rules] == ["Fallback Rule"]
    assert seed.rollout_policies == {}


def test_an_empty_list_of_rules_means_none():
    assert load_seed("bytebase: {approvalRules: []}", "s.yaml").bytebase.approval_rules == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bytebase: {licens: FREE}", "bytebase.licens: unknown key"),
        ("bytebase: {external_url: x}", "bytebase.external_url: unknown key"),
        ("bytebase: {users: [{email: a@b.example}]}", "bytebase.users[0].password: is required"),
        ("bytebase: {serviceAccounts: [{id: x}]}", "bytebase.serviceAccounts[0].key: is required"),
        ("feishu: {apps: [{id: x}]}", "feishu.apps[0].secret: is required"),
        ("bytebase: {users: [{email: a@b.example, password: 123}]}", "bytebase.users[0].password: Input should be a valid string"),
        ("bytebase: {rolloutPolicies: {nope: {}}}", "there is no environment 'nope'"),
        ("bytebase: {environments: [{id: a}, {id: a}]}", "environments: a occurs more than once"),
        ("feishu: {users: [{email: a@b.example}, {email: A@b.example}]}", "occurs more than once"),
        ("bytebase: {licence: GOLD}", "bytebase.licence"),
        ("bytebase: {users: 1, users: 2}", "the key 'users' is written twice"),
        ("bytebase: [", "not YAML"),
        ("- a", "valid dictionary"),
    ],
)  # fmt: skip
def test_a_bad_seed_is_refused_by_naming_the_key(text, words):
    with pytest.raises(SpecError) as caught:
        load_seed(text, "s.yaml")
    assert words in str(caught.value)
    assert str(caught.value).startswith("s.yaml:1:")
    assert caught.value.next_step


def test_all_bad_keys_are_named_at_once_and_the_first_is_located():
    with pytest.raises(SpecError) as caught:
        load_seed("bytebase:\n  licens: X\nfeishu:\n  user: []\n", "s.yaml")
    assert "bytebase.licens" in str(caught.value)
    assert "feishu.user" in str(caught.value)
    assert str(caught.value).startswith("s.yaml:2:3")


def test_plain_scalars_mean_what_yaml_1_2_says():
    seed = load_seed("bytebase: {users: [{email: a@b.example, password: no, title: 2026-11-25}]}", "s.yaml")
    assert (seed.bytebase.users[0].password, seed.bytebase.users[0].title) == ("no", "2026-11-25")


def test_secrets_of_a_seed_do_not_show():
    assert "Passw0rd" not in repr(demo_seed())
    assert "bbs_demo" not in repr(demo_seed())


def test_the_demo_world_gates_both_environments_and_knows_its_people_on_both_sides():
    seed = demo_seed()
    assert {name: policy.roles for name, policy in seed.bytebase.rollout_policies.items()} == {
        "test": ["roles/projectReleaser"],
        "prod": ["roles/projectReleaser"],
    }
    assert {user.email for user in seed.bytebase.users} == {user.email for user in seed.feishu.users}
