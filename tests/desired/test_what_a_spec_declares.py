"""A spec becomes resources with the lines that declare them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fakes.declarative_specs import FULL, target_of

from reconciler.desired.target import desired_of
from reconciler.plan.target import identity_of, plan_target
from reconciler.resources.app import App
from reconciler.resources.base import Key
from reconciler.resources.definition import Definition, stamp_of, stamp_prefix
from reconciler.resources.im import Im, ImSetting
from reconciler.resources.record import AppliedRecord, RecordState
from reconciler.resources.subscription import Subscription

NOW = datetime(2026, 11, 22, tzinfo=UTC)
DEFINITION = Key("feishu/definition", "stage-gate")


def record(state: RecordState, code: str = "") -> dict[Key, AppliedRecord]:
    return {DEFINITION: AppliedRecord("acme", *("feishu/definition", "stage-gate"), state, NOW, code=code)}


def declared(text: str = FULL) -> dict[str, object]:
    return {str(one.key): one for one in desired_of(target_of(text), {}).declared}


def test_every_kind_is_declared_with_the_line_of_its_entry() -> None:
    lines = {str(one.key): one.origin.line for one in desired_of(target_of(FULL), {}).declared}
    assert lines == {
        "bytebase/approvalRules/workspace": 20,
        "bytebase/binding/roles/oa:serviceAccount:oa@service.bytebase.com:demo": 24,
        "bytebase/im/workspace": 9,
        "bytebase/project/demo": 16,
        "bytebase/role/oa": 23,
        "bytebase/rolloutPolicy/prod": 14,
        "bytebase/webhook/demo/changes/FEISHU": 19,
        "feishu/app/cli_a1b2": 26,
        "feishu/definition/stage-gate": 28,
        "feishu/subscription/stage-gate": 28,
    }


def test_an_im_entry_from_the_app_takes_its_id_secret_and_version() -> None:
    one = next(one for one in desired_of(target_of(FULL), {}).declared if one.key.kind == "bytebase/im")
    assert isinstance(one.resource, Im)
    assert one.resource.settings == (
        ImSetting("FEISHU", "appId cli_a1b2, version 1", (("appId", "cli_a1b2"),)),
        ImSetting("SLACK", "version 2", ()),
    )
    assert {path: ref.env for path, ref in one.secrets.items()} == {  # type: ignore[union-attr]
        "FEISHU.appSecret": "FEISHU_APP_SECRET",
        "SLACK.token": "SLACK_TOKEN",
    }


def test_a_recorded_code_is_used_with_a_warning_until_the_file_has_it() -> None:
    desired = desired_of(target_of(FULL), record(RecordState.APPLIED, "CODE-1"))
    assert [each.code for each in desired.warnings] == ["codeNotWritten"]
    resources = {one.key: one.resource for one in desired.declared}
    assert isinstance(definition := resources[DEFINITION], Definition)
    assert definition.code == "CODE-1"
    assert resources[Key("feishu/subscription", "stage-gate")] == Subscription("stage-gate", "CODE-1")
    written = desired_of(target_of(FULL.replace("code: null", "code: CODE-2")), record(RecordState.APPLIED, "CODE-1"))
    assert written.warnings == ()


def test_a_begun_creation_is_a_refusal_until_a_code_is_named() -> None:
    desired = desired_of(target_of(FULL), record(RecordState.INTENDED))
    assert [each.code for each in desired.refusals] == ["creationUncertain"]
    assert "--forget-creation stage-gate" in desired.refusals[0].next
    named = desired_of(target_of(FULL.replace("code: null", "code: CODE-2")), record(RecordState.INTENDED))
    assert named.refusals == ()


def test_without_events_nothing_is_subscribed() -> None:
    text = FULL.replace("    definitions:\n", "    events: {transport: none}\n    definitions:\n")
    assert "feishu/subscription/stage-gate" not in declared(text)
    (app,) = [one.resource for one in desired_of(target_of(text), {}).declared if isinstance(one.resource, App)]
    assert app.events is None


def test_cards_need_their_scope() -> None:
    text = FULL + "  notify: [{to: requester, when: [asked]}]\n"
    (app,) = [one.resource for one in desired_of(target_of(text), {}).declared if isinstance(one.resource, App)]
    assert "im:message:send_as_bot" in (app.scopes or ())


def definition(**changes: object) -> Definition:
    values: dict[str, object] = {
        "spec_name": "stage-gate",
        "integration": "acme",
        "title": (("en-US", "A"), ("zh-CN", "B")),
        "decision": "any",
    }
    return Definition(**{**values, **changes})  # type: ignore[arg-type]


def test_the_stamp_names_integration_and_content() -> None:
    one = definition()
    assert one.stamp == stamp_of(one)
    assert one.stamp.startswith(stamp_prefix("acme"))
    assert len(one.stamp) == len("gate-") + 4 + 1 + 12
    assert definition(code="CODE-1", spec_name="other").stamp == one.stamp


@pytest.mark.parametrize(
    "change",
    [{"decision": "all"}, {"title": (("en-US", "A"), ("zh-CN", "C"))}, {"form": ()}, {"integration": "other"}],
)
def test_whatever_is_sent_changes_the_stamp(change: dict[str, object]) -> None:
    assert definition(**change).stamp != definition().stamp


def test_the_fixed_values_are_part_of_the_stamp(monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.resources import definition as module

    before = definition().stamp
    monkeypatch.setattr(module, "SAFE_SETTINGS", {**module.SAFE_SETTINGS, "reject_option": 1})
    assert definition().stamp != before


def test_the_identity_is_as_declared_or_host_and_workspace() -> None:
    target = target_of(FULL)
    assert identity_of(target, "workspaces/w1") == "acme-prod"
    undeclared = target_of(FULL.replace("    identity: acme-prod\n", ""))
    assert identity_of(undeclared, "workspaces/w1") == "bytebase.acme.example/w1"
    assert identity_of(undeclared, "") == "bytebase.acme.example"
    assert plan_target(target, "workspaces/w1").feishu is not None
