"""Every field of a spec is read, and what is not written has the documented default."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.spec import Spec, SpecText, Target, parse_documents
from reconciler.spec.models.bytebase import ServiceAccountCredential, WorkloadIdentityCredential
from reconciler.spec.models.references import EnvRef, ExecRef, FileRef, GithubActionsRef
from reconciler.spec.models.scalars import format_duration, format_moment

HERE = Path(__file__).parent
COMPLETE = (HERE / "complete.yaml").read_text()
MINIMAL = (HERE / "minimal.yaml").read_text()


def target(text: str) -> Target:
    parsed = parse_documents([SpecText.of("spec.yaml", text)])
    assert [error.render("error") for error in parsed.errors] == []
    (only,) = parsed.require()
    return only


def spec(text: str) -> Spec:
    return target(text).spec


def with_gate(*lines: str) -> str:
    extra = "".join(f"      {line}\n" for line in lines)
    return (
        MINIMAL
        + "  externalNodes: [{name: oa, endpoint: https://oa.acme.example, dialect: relay}]\n"
        + "  gates:\n    - name: g\n      decide: {externalNode: oa}\n"
        + extra
    )


def test_every_field_is_read() -> None:
    bytebase, feishu = spec(COMPLETE).bytebase, spec(COMPLETE).feishu
    assert feishu is not None
    assert bytebase.url == "https://bytebase.acme.example"
    assert bytebase.reviewers[1].token == GithubActionsRef(githubActions=True)
    assert bytebase.reviewers[0].key == FileRef(file="key.json", jsonKey="key")
    assert bytebase.poll.every == timedelta(milliseconds=200)
    assert bytebase.im is not None
    assert [setting.type for setting in bytebase.im.settings] == [
        "FEISHU",
        "SLACK",
        "LARK",
        "WECOM",
        "DINGTALK",
        "TEAMS",
    ]
    assert bytebase.im.settings[3].secret == ExecRef(exec=("pass", "show", "wecom"), deadline="3s")
    assert bytebase.environments[0].rollout_policy is None
    assert bytebase.projects[0].webhooks[0].events == ("ISSUE_APPROVAL_REQUESTED",)
    assert feishu.hosts().app_link == "https://link.acme.example"
    assert feishu.definitions[0].title.zh_cn == "发布"
    assert feishu.definitions[1].form.digest == "w9"
    gates = spec(COMPLETE).gates
    assert gates[0].since == datetime(2026, 11, 22, tzinfo=UTC)
    assert gates[0].settle == timedelta(0)
    assert gates[0].match.project_labels == {"tier": "1"}
    assert [gate.approver_source() for gate in gates] == [
        ("rolloutPolicy", ()),
        ("flow", ()),
        ("groups", ("dba@acme.example",)),
        ("roles", ("roles/workspaceDBA",)),
        ("users", ("ann@acme.example",)),
    ]


@pytest.mark.parametrize(
    ("field", "default"),
    [
        ("bytebase.identity", None),
        ("bytebase.reviewers", ()),
        ("bytebase.tls", None),
        ("bytebase.poll.every", timedelta(seconds=5)),
        ("bytebase.poll.calls_per_minute", 600),
        ("bytebase.im", None),
        ("bytebase.environments", ()),
        ("bytebase.projects", ()),
        ("bytebase.approval_rules", None),
        ("bytebase.roles", ()),
        ("bytebase.bindings", ()),
        ("feishu", None),
        ("users.match", "email"),
        ("users.domains", ()),
        ("users.overrides", ()),
        ("users.unknown_requester", "bot"),
        ("external_nodes", ()),
        ("gates", ()),
        ("notify", ()),
        ("protect.prune", ()),
        ("protect.deletes.max", 3),
        ("protect.deletes.share", 0.3),
    ],
)
def test_a_field_that_is_not_written_has_its_default(field: str, default: object) -> None:
    value: object = spec(MINIMAL)
    for part in field.split("."):
        value = getattr(value, part)
    assert value == default


@pytest.mark.parametrize(
    ("field", "default"),
    [
        ("platform", "feishu"),
        ("app.version", 1),
        ("events.transport", "longConnection"),
        ("poll.every", timedelta(seconds=5)),
        ("poll.net", timedelta(minutes=15)),
        ("poll.calls_per_minute", 700),
        ("app_configuration.manage", False),
        ("definitions.0.mode", "managed"),
        ("definitions.0.code", None),
        ("definitions.0.title.en_us", "Database change"),
        ("definitions.0.title.zh_cn", "数据库变更"),
        ("definitions.0.decision", "any"),
    ],
)
def test_feishu_has_its_defaults(field: str, default: object) -> None:
    value: object = spec(MINIMAL + "  feishu: {app: {id: a, secret: {env: S}}, definitions: [{name: d}]}\n").feishu
    for part in field.split("."):
        value = value[int(part)] if part.isdigit() else getattr(value, part)
    assert value == default


@pytest.mark.parametrize(
    ("field", "default"),
    [
        ("since", None),
        ("match.projects", ()),
        ("match.environments", ()),
        ("match.roles", ()),
        ("match.issue_labels", ()),
        ("match.project_labels", {}),
        ("approvers.limit", 20),
        ("approvers.fallback", None),
        ("send", "automatically"),
        ("self_approval", False),
        ("hold_on_checks", "error"),
        ("on_reject", "hold"),
        ("on_failure", "hold"),
        ("transferred", "recheck"),
        ("on_approvers_added", "keep"),
        ("settle", timedelta(seconds=60)),
        ("approval_valid_for", timedelta(hours=24)),
        ("remind_after", timedelta(hours=4)),
        ("expire_after", timedelta(days=3)),
        ("paused", False),
    ],
)
def test_a_gate_has_its_defaults(field: str, default: object) -> None:
    value: object = spec(with_gate("at: stage")).gates[0]
    for part in field.split("."):
        value = getattr(value, part)
    assert value == default


@pytest.mark.parametrize(("at", "source"), [("stage", "rolloutPolicy"), ("review", "flow")])
def test_approvers_come_from_the_gates_own_kind_unless_said_otherwise(at: str, source: str) -> None:
    assert spec(with_gate(f"at: {at}")).gates[0].approver_source() == (source, ())


def test_im_is_refused_and_verified_by_default() -> None:
    im = spec(MINIMAL.replace("    credentials:", "    im: {settings: []}\n    credentials:")).bytebase.im
    assert im is not None
    assert (im.undeclared, im.verify) == ("refuse", True)


def test_null_is_as_good_as_not_written() -> None:
    assert spec(MINIMAL + "  feishu: {app: null, platform: lark}\n").feishu.app is None


def test_a_title_in_one_language_serves_for_both() -> None:
    feishu = "  feishu: {app: {id: a, secret: {env: S}}, definitions: [{name: d, title: {en-US: Release}}]}\n"
    title = spec(MINIMAL + feishu).feishu.definitions[0].title
    assert (title.en_us, title.zh_cn) == ("Release", "Release")


@pytest.mark.parametrize(
    ("platform", "hosts"),
    [
        ("feishu", ("https://open.feishu.cn", "https://accounts.feishu.cn", "https://applink.feishu.cn")),
        ("lark", ("https://open.larksuite.com", "https://accounts.larksuite.com", "https://applink.larksuite.com")),
        ("{openApi: 'http://127.0.0.1:8000/'}", ("http://127.0.0.1:8000",) * 3),
        ("{openApi: 'http://localhost:1', appLink: 'https://l.example'}",
         ("http://localhost:1", "http://localhost:1", "https://l.example")),
    ],
)  # fmt: skip
def test_hosts_follow_from_the_platform(platform: str, hosts: tuple[str, str, str]) -> None:
    found = spec(MINIMAL + f"  feishu: {{platform: {platform}}}\n").feishu.hosts()
    assert (found.open_api, found.accounts, found.app_link) == hosts


def test_one_account_serves_every_use() -> None:
    bytebase = spec(MINIMAL).bytebase
    expected = ServiceAccountCredential(serviceAccount="gitops@service.bytebase.com", key=EnvRef(env="BYTEBASE_KEY"))
    assert bytebase.credential("plan") == bytebase.credential("apply") == bytebase.credential("sync") == expected


def test_separate_accounts_serve_their_use_alone() -> None:
    separate = MINIMAL.replace(
        "      serviceAccount: gitops@service.bytebase.com\n      key: {env: BYTEBASE_KEY}\n",
        "      plan: {serviceAccount: p@service.bytebase.com, key: {env: P}}\n"
        "      sync: {workloadIdentity: s@workload.bytebase.com, token: {env: S}}\n",
    )
    bytebase = spec(separate).bytebase
    assert isinstance(bytebase.credential("sync"), WorkloadIdentityCredential)
    assert bytebase.credential("apply") is None


def test_models_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        spec(MINIMAL).bytebase.url = "https://other.example"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-11-22", "2026-11-22T00:00:00Z"),
        ("2026-11-22T08:00:00Z", "2026-11-22T08:00:00Z"),
        ("2026-11-22t08:00:00.5+08:00", "2026-11-22T00:00:00.500000Z"),
        ("2026-11-22 08:00:00.123456789z", "2026-11-22T08:00:00.123456Z"),
    ],
)
def test_since_is_a_date_or_a_moment_in_utc(written: str, moment: str) -> None:
    since = spec(with_gate("at: stage", f"since: {written}")).gates[0].since
    assert since is not None
    assert format_moment(since) == moment


@pytest.mark.parametrize("text", ["0s", "59s", "90m", "1h", "36h", "2d", "1500ms"])
def test_a_duration_is_formatted_as_it_is_written(text: str) -> None:
    every = text if text != "0s" else "5s"
    read = spec(
        MINIMAL.replace("    credentials:", f"    poll: {{every: {every}}}\n    credentials:")
    ).bytebase.poll.every
    assert format_duration(read) == every


def test_a_part_knows_the_place_where_it_was_written() -> None:
    complete = target(COMPLETE)
    lines = COMPLETE.split("\n")
    webhook = complete.origin("spec", "bytebase", "projects", 0, "webhooks", 0)
    assert lines[webhook.line - 1][webhook.column - 1 :].startswith("{title: changes")
    gate = complete.origin("spec", "gates", 0)
    assert lines[gate.line - 1][gate.column - 1 :] == "name: prod"
    code = complete.origin("spec", "feishu", "definitions", 0, "code")
    assert lines[code.line - 1][code.column - 1 :].startswith("code: null")


def test_a_part_that_is_not_written_is_placed_at_what_holds_it() -> None:
    place = target(MINIMAL).origin("spec", "bytebase", "poll", "every")
    assert (place.file, place.line, place.column) == ("spec.yaml", 6, 3)
    assert not target(MINIMAL).written("spec", "bytebase", "poll")
    assert target(MINIMAL).written("spec", "bytebase", "url")


def test_documents_and_files_are_targets_of_their_own() -> None:
    first = SpecText.of("a.yaml", MINIMAL + "---\n---\n" + MINIMAL.replace("acme", "zeta"))
    parsed = parse_documents([first, SpecText.of("b.yaml", MINIMAL.replace("acme", "beta"))])
    assert [(t.name, t.file, t.index) for t in parsed.require()] == [
        ("acme", "a.yaml", 0), ("zeta", "a.yaml", 2), ("beta", "b.yaml", 0),
    ]  # fmt: skip
    assert parsed.require("zeta")[0].origin("metadata", "name").line == 16
