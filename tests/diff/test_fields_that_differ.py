"""Each mark of a field compares in its own way."""

from __future__ import annotations

from reconciler.diff import Difference, FieldChange, diff, rewritten
from reconciler.resources.app import App
from reconciler.resources.approval_rules import ApprovalRule, ApprovalRules
from reconciler.resources.base import Mark
from reconciler.resources.im import Im, ImSetting
from reconciler.resources.project import Project
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.resources.webhook import Webhook


def rules(*rows: tuple[str, str]) -> ApprovalRules:
    return ApprovalRules(tuple(ApprovalRule("", condition, title, "", ("roles/a",)) for title, condition in rows))


def paths(difference: Difference) -> list[str]:
    return [row.path for row in difference.fields]


def test_what_is_not_declared_is_not_compared() -> None:
    assert diff(Project("p", True, True), Project("p", require_issue_approval=True)) == Difference()


def test_the_order_and_repetition_of_an_unordered_field_mean_nothing() -> None:
    live = RolloutPolicy("prod", False, ("roles/b", "roles/a"))
    assert diff(live, RolloutPolicy("prod", roles=("roles/a", "roles/b", "roles/a"))) == Difference()
    changed = diff(live, RolloutPolicy("prod", roles=("roles/a",)))
    assert changed.fields == (FieldChange("roles", ["roles/a", "roles/b"], ["roles/a"], Mark.UNORDERED),)


def test_the_order_of_approval_rules_means_something() -> None:
    first, second = rules(("A", "x"), ("B", "y")), rules(("B", "y"), ("A", "x"))
    assert paths(diff(first, second)) == [
        "rules[0].condition",
        "rules[0].title",
        "rules[1].condition",
        "rules[1].title",
    ]


def test_a_rule_that_is_added_or_taken_away_is_one_row() -> None:
    assert paths(diff(rules(("A", "x")), rules(("A", "x"), ("B", "y")))) == ["rules[1]"]
    (row,) = diff(rules(("A", "x"), ("B", "y")), rules(("A", "x"))).fields
    assert (row.path, row.after) == ("rules[1]", None)


def test_a_rule_list_that_becomes_empty_shows_what_is_lost() -> None:
    (row,) = diff(rules(("A", "x")), ApprovalRules(())).fields
    assert row.after == []


def test_false_and_nothing_are_different_values() -> None:
    (row,) = diff(RolloutPolicy("prod", False, ()), RolloutPolicy("prod", automatic=True)).fields
    assert (row.before, row.after) == (False, True)


def test_a_write_only_field_with_the_recorded_token_is_unverifiable() -> None:
    live = Im((ImSetting("SLACK", "version 1"),))
    assert diff(live, live) == Difference(unverifiable=("credentials.SLACK",))


def test_a_write_only_field_with_another_token_is_a_change() -> None:
    live, wanted = Im((ImSetting("SLACK", "version 1"),)), Im((ImSetting("SLACK", "version 2"),))
    (row,) = diff(live, wanted).fields
    assert row == FieldChange("credentials.SLACK", "version 1", "version 2", Mark.WRITE_ONLY)


def test_a_write_only_field_without_a_record_changes_only_along_with_others() -> None:
    wanted = Webhook("p", "t", "SLACK", events=("ISSUE_CREATED",), url_token="version 1")
    same = Webhook("p", "t", "SLACK", direct_message=False, events=("ISSUE_CREATED",))
    other = Webhook("p", "t", "SLACK", direct_message=False, events=())
    assert diff(same, wanted) == Difference(unverifiable=("url",))
    assert paths(diff(other, wanted)) == ["events", "url"]


def test_a_rewrite_sends_write_only_fields_whatever_is_recorded() -> None:
    live = Im((ImSetting("SLACK", "version 1"),))
    assert rewritten(live, live) == (FieldChange("credentials.SLACK", "version 1", "version 1", Mark.WRITE_ONLY),)


def test_an_app_that_has_more_than_is_needed_is_in_sync() -> None:
    live = App("cli", bot=True, published=True, scopes=("a", "b", "c"), events=("e",))
    assert diff(live, App("cli", bot=True, scopes=("a",), events=("e",))) == Difference()
    assert paths(diff(live, App("cli", scopes=("a", "z")))) == ["scopes"]


def test_what_could_not_be_read_is_unverifiable() -> None:
    live = App("cli", bot=True, scopes=("a",))
    assert diff(live, App("cli", bot=True, scopes=("a",), events=("e",))).unverifiable == ("events",)
