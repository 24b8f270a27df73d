"""A rich installation becomes a spec: nothing to plan, nothing wrong in it, nothing lost, and no secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes.command_runs import run
from fakes.declarative_sandbox import SECRETS, SEED, Served, served

pytestmark = pytest.mark.slow

RICH_SEED = SEED.replace(
    "  environments:",
    """\
  groups:
    - {email: dba@example.com, title: DBA, members: [alice@example.com, {email: bob@example.com, role: OWNER}]}
  roles: [{id: auditor, title: Auditor, permissions: [bb.issues.get]}]
  rolloutPolicies: {test: {automatic: true, roles: []}}
  environments:""",
).replace(
    "feishu:\n",
    """\
    - {id: shop, title: Shop, allowSelfApproval: true}
    - {id: ops, title: "Ops: 运维 #1", requireIssueApproval: true}
feishu:
""",
)

RICH = """\
apiVersion: reconciler/v1
kind: Integration
metadata: {{name: acme}}
spec:
  bytebase:
    url: {bytebase}
    identity: acme-bytebase
    credentials: {{serviceAccount: gitops@service.bytebase.com, key: {{env: BYTEBASE_KEY}}}}
    reviewers: [{{role: roles/oa, serviceAccount: reader@service.bytebase.com, key: {{file: secrets/reader.key}}}}]
    poll: {{every: 200ms, callsPerMinute: 900}}
    im:
      settings:
        - {{type: FEISHU, from: feishu}}
        - {{type: SLACK, token: {{env: HOOK}}, version: 2}}
        - {{type: LARK, appId: cli_lark, appSecret: {{env: HOOK}}, version: 3}}
        - {{type: WECOM, corpId: corp, agentId: "1000002", secret: {{env: HOOK}}}}
        - {{type: DINGTALK, clientId: ding, clientSecret: {{env: HOOK}}, robotCode: robot}}
        - {{type: TEAMS, tenantId: tenant, clientId: client, clientSecret: {{env: HOOK}}}}
      undeclared: erase
      verify: false
    environments: [{{name: prod, rolloutPolicy: {{automatic: false, roles: [roles/projectReleaser]}}}}]
    projects:
      - name: demo
        requireIssueApproval: true
        webhooks:
          - {{title: "changes: no #1", type: FEISHU, url: {{env: HOOK}}, version: 4, directMessage: true, events: [ISSUE_CREATED]}}
          - {{title: changes, type: SLACK, url: {{env: SLACK_HOOK}}, events: [PIPELINE_FAILED, ISSUE_SENT_BACK]}}
      - name: shop
        webhooks: [{{title: "010", type: DINGTALK, url: {{env: DINGTALK_HOOK}}, events: [ISSUE_APPROVED]}}]
    approvalRules:
      - {{source: CHANGE_DATABASE, condition: 'resource.environment_id == "prod"', title: Prod, roles: [roles/projectOwner, roles/oa]}}
      - {{condition: 'true', title: Fallback, roles: [roles/projectOwner]}}
    roles: [{{id: oa, title: OA, permissions: []}}]
    bindings:
      - {{role: roles/oa, member: "serviceAccount:reader@service.bytebase.com", project: demo}}
      - {{role: roles/workspaceDBA, member: "serviceAccount:reader@service.bytebase.com"}}
  feishu:
    platform: {{openApi: {feishu}}}
    app: {{id: cli_sandbox, secret: {{env: FEISHU_APP_SECRET}}}}
    events: {{transport: none}}
    poll: {{every: 2s, net: 5m}}
    appConfiguration: {{manage: false}}
    definitions:
      - name: stage-gate
        code: null
        title: {{en-US: "Change: database", zh-CN: 数据库变更}}
      - {{name: all-of-them, code: null, decision: all}}
  users:
    domains: [{{bytebase: example.com, feishu: example-feishu.com}}]
    overrides: [{{bytebase: alice@example.com, feishu: alice@example.com}}, {{bytebase: bob@example.com, openId: ou_1}}]
    unknownRequester: hold
  externalNodes:
    - {{name: oa, endpoint: "https://oa.example/bytebase", dialect: relay, auth: {{header: Authorization, value: {{env: HOOK}}}}}}
  gates:
    - name: prod
      at: stage
      match: {{projects: [demo, "sh*"], environments: [prod], issueLabels: [urgent]}}
      since: 2026-11-22
      decide: {{definition: stage-gate}}
      approvers: {{groups: [dba@example.com], limit: 5, fallback: {{users: [alice@example.com]}}}}
      send: byOrigin
      remindAfter: 90m
      expireAfter: 2d
    - {{name: every, at: stage, match: {{environments: [prod]}}, decide: {{definition: all-of-them}}}}
    - {{name: oa, at: review, match: {{roles: [roles/oa]}}, decide: {{externalNode: oa}}}}
  notify: [{{to: requester, when: [held, failed]}}, {{to: {{chat: oc_1}}, when: [expired]}}]
  protect: {{prune: [bytebase/webhook], deletes: {{max: 2, share: 0.5}}}}
"""


VALUES = {
    **SECRETS,
    "SLACK_HOOK": "https://hooks.slack.com/services/canary",
    "DINGTALK_HOOK": "https://oapi.dingtalk.com/robot/send?access_token=canary",
}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    """Stand-ins to which the rich spec was applied, and the folder with that spec."""
    folder = tmp_path_factory.mktemp("installation")
    with served(RICH_SEED) as sandbox:
        (folder / "acme.yaml").write_text(RICH.format(bytebase=sandbox.bytebase, feishu=sandbox.feishu), "utf-8")
        create = [part for name in ("stage-gate", "all-of-them") for part in ("--create-definition", name)]
        # A process of its own: what a command sets up in its process must not outlive the tests of this module.
        subprocess.run(
            [Path(sys.executable).with_name("reconciler"), "apply", "-f", "acme.yaml", "--yes", *create],
            cwd=folder,
            env={**os.environ, **VALUES},
            check=True,
            capture_output=True,
        )
        yield sandbox, folder


@pytest.fixture
def sandbox(installation: tuple[Served, Path], monkeypatch: pytest.MonkeyPatch) -> Served:
    prepare(installation[1], monkeypatch)
    return installation[0]


def prepare(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.chdir(folder)
    for name, value in VALUES.items():
        patch.setenv(name, value)


def exported(source: str, name: str) -> tuple[str, dict[str, Any]]:
    """The exported text, after it was found to be in order: valid, nothing to plan with and without the store."""
    text = run("export", "-f", source, expect=0).stdout
    Path(name).write_text(text, "utf-8")
    assert json.loads(run("validate", "-f", name, "--format", "json", expect=0).stdout)["errors"] == []
    for store in ((), ("--store", "sqlite:///none.db")):
        plan = json.loads(run("plan", "-f", name, "--format", "json", *store, expect=0).stdout)
        assert {each["action"] for each in plan["changes"]} == {"keep"}
        assert plan["refusals"] == []
    document: dict[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)
    return text, document["spec"]


def test_a_rich_installation_is_exported_whole(sandbox: Served) -> None:
    text, spec = exported("acme.yaml", "exported.yaml")
    given = yaml.load(Path("acme.yaml").read_text("utf-8"), Loader=yaml.BaseLoader)["spec"]
    for part in ("users", "externalNodes", "notify", "protect"):
        assert spec[part] == given[part]
    assert [gate["name"] for gate in spec["gates"]] == ["prod", "every", "oa"]
    assert spec["gates"][0] == {**given["gates"][0], "since": "2026-11-22T00:00:00Z"}
    for part in ("url", "identity", "credentials", "reviewers", "poll", "bindings"):
        assert spec["bytebase"][part] == given["bytebase"][part]
    for part in ("platform", "app", "events", "poll", "appConfiguration"):
        assert spec["feishu"][part] == given["feishu"][part]
    by_type = {each["type"]: each for each in given["bytebase"]["im"]["settings"]}
    assert {each["type"]: each for each in spec["bytebase"]["im"]["settings"]} == by_type
    assert (spec["bytebase"]["im"]["undeclared"], spec["bytebase"]["im"]["verify"]) == ("erase", "false")
    assert {each["name"] for each in spec["bytebase"]["projects"]} == {"demo", "shop", "ops"}
    assert {each["id"] for each in spec["bytebase"]["roles"]} == {"auditor", "oa"}
    assert [each["mode"] for each in spec["feishu"]["definitions"]] == ["adopted", "adopted"]
    assert "FILL-IN" not in text
    assert "Left out" not in text
    for secret in ("canary", "bbs_sandbox", ": sandbox"):
        assert secret not in text


def test_an_export_of_an_export_is_the_same_text(sandbox: Served) -> None:
    """So gates over adopted definitions are carried over as well as those over managed ones."""
    first, _ = exported("acme.yaml", "once.yaml")
    second, _ = exported("once.yaml", "twice.yaml")
    assert first == second


def test_a_bare_connection_leaves_blanks_and_says_so(sandbox: Served) -> None:
    bare = (
        RICH[: RICH.index("    reviewers:")]
        + "  feishu:\n"
        + RICH[RICH.index("    platform:") : RICH.index("    events:")]
    )
    Path("bare.yaml").write_text(
        bare.replace("name: acme", "name: other").format(bytebase=sandbox.bytebase, feishu=sandbox.feishu), "utf-8"
    )
    text, spec = exported("bare.yaml", "filled.yaml")
    assert {each["type"] for each in spec["bytebase"]["im"]["settings"]} == {
        "FEISHU", "SLACK", "LARK", "WECOM", "DINGTALK", "TEAMS"
    }  # fmt: skip
    for type_ in ("LARK", "WECOM", "DINGTALK", "TEAMS"):
        assert f"# {type_} has to be filled in where it says FILL-IN; then send it once" in text
    assert "FEISHU is taken to be the app of spec.feishu" in text
    assert not any("url" in hook for each in spec["bytebase"]["projects"] for hook in each.get("webhooks", ()))
    assert {"gates", "users", "notify", "protect"}.isdisjoint(spec)


def test_what_was_declared_and_never_applied_is_left_out_with_its_reason(sandbox: Served) -> None:
    text = Path("acme.yaml").read_text("utf-8")
    more = text.replace(
        "      - {name: all-of-them,", "      - {name: later, code: null}\n      - {name: all-of-them,"
    ).replace(
        "  gates:\n",
        "  gates:\n    - {name: dev, at: stage, match: {environments: [test]}, decide: {definition: later}}\n",
    )
    more = more.replace("version: 4", "version: 5").replace("version: 2}", "version: 9}")
    more = more.replace(
        "    bindings:\n", '    bindings:\n      - {role: roles/oa, member: "user:bob@example.com", project: shop}\n'
    )
    Path("more.yaml").write_text(more, "utf-8")
    run("plan", "-f", "more.yaml", expect=2)
    said, spec = exported_with_store("more.yaml", "live.yaml")
    assert "later" not in {each["name"] for each in spec["feishu"]["definitions"]}
    assert "dev" not in {each["name"] for each in spec["gates"]}
    for reason in (
        "the definition later: it was not created yet",
        "the gate dev: it is decided by the definition later",
        "the binding of user:bob@example.com to roles/oa in shop: it is not live",
    ):
        assert f"# - {reason}" in said


def exported_with_store(source: str, name: str) -> tuple[str, dict[str, Any]]:
    """Versions of write-only values are those that the store remembers, so this is exact with the store only."""
    text = run("export", "-f", source, expect=0).stdout
    Path(name).write_text(text, "utf-8")
    run("validate", "-f", name, expect=0)
    run("plan", "-f", name, expect=0)
    return text, yaml.load(text, Loader=yaml.BaseLoader)["spec"]
