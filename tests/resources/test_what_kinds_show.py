"""Each kind: its identity, the fields it shows with their marks, and that equal meanings are equal values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from fakes import declarative_resources as generated
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.resources.adopted_definition import AdoptedDefinition
from reconciler.resources.app import App
from reconciler.resources.approval_rules import ApprovalRule, ApprovalRules
from reconciler.resources.base import Json, Key, Mark, OnDifference, Origin, Resource
from reconciler.resources.binding import Binding
from reconciler.resources.definition import FORM, Definition
from reconciler.resources.im import Im, ImSetting
from reconciler.resources.project import Project
from reconciler.resources.role import Role
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.resources.subscription import Subscription
from reconciler.resources.webhook import Webhook

TITLE = (("en-US", "Database change"), ("zh-CN", "数据库变更"))
DEFINITION = Definition("stage-gate", "acme", TITLE, "any", "CODE")
ADOPTED = AdoptedDefinition("theirs", "CODE", "node-1", (("digest", "w6"), ("change", "w1")), "all")

IDENTITIES: list[tuple[Resource, str]] = [
    (Im((ImSetting("SLACK"),)), "bytebase/im/workspace"),
    (RolloutPolicy("prod"), "bytebase/rolloutPolicy/prod"),
    (Project("demo"), "bytebase/project/demo"),
    (Webhook("demo", "changes", "FEISHU"), "bytebase/webhook/demo/changes/FEISHU"),
    (ApprovalRules(()), "bytebase/approvalRules/workspace"),
    (Role("oa"), "bytebase/role/oa"),
    (Binding("roles/oa", "user:a@x", "demo"), "bytebase/binding/roles/oa:user:a@x:demo"),
    (Binding("roles/oa", "user:a@x"), "bytebase/binding/roles/oa:user:a@x:workspace"),
    (DEFINITION, "feishu/definition/stage-gate"),
    (ADOPTED, "feishu/definition/theirs"),
    (Subscription("stage-gate", "CODE"), "feishu/subscription/stage-gate"),
    (App("cli_a"), "feishu/app/cli_a"),
]


@pytest.mark.parametrize(("resource", "identity"), IDENTITIES, ids=[identity for _, identity in IDENTITIES])
def test_a_resource_is_known_by_its_kind_and_name(resource: Resource, identity: str) -> None:
    assert str(resource.key) == identity
    assert resource.key == Key(resource.kind, resource.name)


SHOWN: list[tuple[Resource, Mapping[str, Json]]] = [
    (RolloutPolicy("prod"), {}),
    (RolloutPolicy("prod", automatic=False, roles=()), {"automatic": False, "roles": []}),
    (Project("demo", allow_self_approval=False), {"allowSelfApproval": False}),
    (
        Webhook("demo", "t", "SLACK", direct_message=True, events=("B", "A"), url_token="version 2"),
        {"directMessage": True, "events": ["A", "B"], "url": "version 2"},
    ),
    (
        Im((ImSetting("TEAMS", "version 1"), ImSetting("SLACK"))),
        {"types": ["SLACK", "TEAMS"], "credentials.TEAMS": "version 1"},
    ),
    (
        ApprovalRules((ApprovalRule("", "true", "T", None, ("roles/b", "roles/a")),)),
        {"rules": [{"source": "", "condition": "true", "title": "T", "roles": ["roles/b", "roles/a"]}]},
    ),
    (Role("oa", title="", permissions=("b", "a")), {"title": "", "permissions": ["a", "b"]}),
    (Binding("roles/oa", "user:a@x"), {"present": True}),
    (Subscription("stage-gate"), {}),
    (ADOPTED, {"decision": "all", "node": "node-1", "form": {"change": "text", "digest": "text"}}),
    (App("cli_a", bot=True, scopes=("b", "a", "b")), {"bot": True, "scopes": ["a", "b"]}),
]


@pytest.mark.parametrize(("resource", "shown"), SHOWN, ids=[str(resource.key) for resource, _ in SHOWN])
def test_what_is_declared_is_shown_and_what_is_not_is_left_out(resource: Resource, shown: Mapping[str, Json]) -> None:
    assert resource.fields() == shown


MARKS = {
    "bytebase/im": {"types": "unordered", "credentials.SLACK": "writeOnly"},
    "bytebase/rolloutPolicy": {"automatic": "plain", "roles": "unordered"},
    "bytebase/project": {"requireIssueApproval": "plain", "allowSelfApproval": "plain"},
    "bytebase/webhook": {"directMessage": "plain", "events": "unordered", "url": "writeOnly"},
    "bytebase/approvalRules": {"rules": "plain"},
    "bytebase/role": {"title": "plain", "description": "plain", "permissions": "unordered"},
    "bytebase/binding": {"present": "plain"},
    "feishu/subscription": {"subscribed": "writeOnly"},
    "feishu/app": {"bot": "plain", "published": "plain", "scopes": "unordered", "events": "unordered"},
}


@pytest.mark.parametrize(("resource", "identity"), IDENTITIES, ids=[identity for _, identity in IDENTITIES])
def test_each_field_has_the_mark_that_says_how_it_compares(resource: Resource, identity: str) -> None:
    del identity
    for field, mark in MARKS.get(resource.kind, {}).items():
        assert resource.mark_of(field) == mark


@pytest.mark.parametrize("kind", sorted(generated.KINDS))
@settings(max_examples=25)
@given(data=st.data())
def test_every_shown_field_has_a_mark_and_is_plain_data(kind: str, data: st.DataObject) -> None:
    resource = data.draw(generated.KINDS[kind])
    shown = resource.fields()
    assert json.loads(json.dumps(shown)) == shown
    assert all(resource.mark_of(field) in Mark for field in shown)
    for field, value in shown.items():
        if resource.mark_of(field) is Mark.UNORDERED:
            assert isinstance(value, list)
            assert value == sorted(set(value))
    write_only = {field for field in shown if resource.mark_of(field) is Mark.WRITE_ONLY}
    assert set(resource.tokens()) == write_only


@pytest.mark.parametrize(
    ("one", "same"),
    [
        (Im((ImSetting("TEAMS"), ImSetting("SLACK"))), Im((ImSetting("SLACK"), ImSetting("TEAMS")))),
        (RolloutPolicy("p", roles=("b", "a", "b")), RolloutPolicy("p", roles=("a", "b"))),
        (Webhook("p", "t", "SLACK", events=("B", "A", "A")), Webhook("p", "t", "SLACK", events=("A", "B"))),
        (Role("r", permissions=("b", "a")), Role("r", permissions=("a", "b"))),
        (App("a", scopes=("b", "a"), events=("d", "c", "d")), App("a", scopes=("a", "b"), events=("c", "d"))),
        (replace(DEFINITION, title=tuple(reversed(TITLE))), DEFINITION),
        (replace(ADOPTED, widgets=tuple(reversed(ADOPTED.widgets))), ADOPTED),
    ],
    ids=lambda resource: resource.kind,
)
def test_the_order_in_which_unordered_things_are_written_means_nothing(one: Resource, same: Resource) -> None:
    assert one == same
    assert one.fingerprint() == same.fingerprint()


def test_the_order_of_approval_rules_and_of_their_roles_means_something() -> None:
    first, second = ApprovalRule("", "a", "A", None, ("x", "y")), ApprovalRule("", "b", "B", None, ())
    ordered = ApprovalRules((first, second))
    assert ordered.fingerprint() != ApprovalRules((second, first)).fingerprint()
    assert ordered.fingerprint() != ApprovalRules((replace(first, roles=("y", "x")), second)).fingerprint()


def test_what_is_only_verified_is_never_written() -> None:
    assert App("a").on_difference is OnDifference.WARN
    assert App("a", is_managed=True).on_difference is OnDifference.WRITE
    assert ADOPTED.on_difference is OnDifference.REFUSE
    assert DEFINITION.on_difference is OnDifference.WRITE


def test_only_the_creation_of_a_managed_definition_is_irreversible() -> None:
    assert {resource.kind for resource, _ in IDENTITIES if resource.creation_is_irreversible} == {"feishu/definition"}
    assert not ADOPTED.creation_is_irreversible


def test_an_adopted_definition_wants_a_text_widget_for_each_mapped_field() -> None:
    assert dict(ADOPTED.form or ()) == {"change": "text", "digest": "text"}
    found = replace(ADOPTED, form=(("change", "number"),))
    assert found.fields()["form"] == {"change": "number"}


def test_a_managed_definition_shows_its_form_in_order_and_its_code_nowhere() -> None:
    shown = DEFINITION.fields()
    assert [widget["id"] for widget in shown["form"]] == [widget.id for widget in FORM]  # type: ignore[index,union-attr,call-overload]
    assert "CODE" not in json.dumps(shown)
    assert shown["title"] == dict(TITLE)


@pytest.mark.parametrize(
    ("rule", "catches_all"),
    [
        (ApprovalRule("", "true"), True),
        (ApprovalRule("", "  true "), True),
        (ApprovalRule("", "True"), False),
        (ApprovalRule("", ""), False),
        (ApprovalRule("", None), False),
        (ApprovalRule("CHANGE_DATABASE", "true"), False),
    ],
    ids=str,
)
def test_only_a_fallback_that_is_always_true_matches_every_issue(rule: ApprovalRule, catches_all: bool) -> None:
    assert rule.is_catch_all is catches_all
    assert ApprovalRules((ApprovalRule("", "false"), rule)).has_catch_all is catches_all


def test_an_origin_reads_as_editors_write_it() -> None:
    assert str(Origin("specs/a.yaml", 7)) == "specs/a.yaml:7"
    assert Origin("specs/a.yaml", 7) < Origin("specs/a.yaml", 10) < Origin("specs/b.yaml", 1)
