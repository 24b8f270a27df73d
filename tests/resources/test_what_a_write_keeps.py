"""`over`, `erases`, tokens and fingerprints: what a write stores, what it removes, and how it is recognised later."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import declarative_resources as generated
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reconciler.diff import diff
from reconciler.resources.app import App
from reconciler.resources.approval_rules import ApprovalRule, ApprovalRules
from reconciler.resources.base import Mark, Resource
from reconciler.resources.im import Im, ImSetting
from reconciler.resources.project import Project
from reconciler.resources.role import Role
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.resources.subscription import Subscription
from reconciler.resources.webhook import Webhook

OVER: list[tuple[Resource, Resource, Resource]] = [
    (
        RolloutPolicy("p", automatic=True),
        RolloutPolicy("p", automatic=False, roles=("a",)),
        RolloutPolicy("p", automatic=True, roles=("a",)),
    ),
    (RolloutPolicy("p", roles=()), RolloutPolicy("p", True, ("a",)), RolloutPolicy("p", True, ())),
    (Project("p", allow_self_approval=False), Project("p", True, True), Project("p", True, False)),
    (
        Webhook("p", "t", "SLACK", events=()),
        Webhook("p", "t", "SLACK", direct_message=True, events=("A",), url_token="version 1"),
        Webhook("p", "t", "SLACK", direct_message=True, events=(), url_token="version 1"),
    ),
    (
        Role("r", title="New"),
        Role("r", title="Old", description="d", permissions=("a",)),
        Role("r", title="New", description="d", permissions=("a",)),
    ),
    (
        App("a", bot=True, scopes=("x",), events=()),
        App("a", bot=False, published=True, scopes=("y",), events=("e",)),
        App("a", bot=True, published=True, scopes=("x", "y"), events=("e",)),
    ),
    (App("a", scopes=("x",)), App("a"), App("a", scopes=("x",))),
    (
        ApprovalRules((ApprovalRule("", None, "T", None, ("b",)), ApprovalRule("S", "c", "T"))),
        ApprovalRules((ApprovalRule("", "true", "T", "d", ("a",)),)),
        ApprovalRules((ApprovalRule("", "true", "T", "d", ("b",)), ApprovalRule("S", "c", "T", "", ()))),
    ),
]


@pytest.mark.parametrize(("desired", "live", "stored"), OVER, ids=[str(row[0].key) for row in OVER])
def test_what_is_not_declared_stays_as_it_is(desired: Resource, live: Resource, stored: Resource) -> None:
    assert desired.over(live) == stored


def test_rules_of_one_title_take_what_they_leave_out_from_their_namesakes_in_turn() -> None:
    live = ApprovalRules((ApprovalRule("", "a", "T", "first", ()), ApprovalRule("", "b", "T", "second", ())))
    desired = ApprovalRules(tuple(ApprovalRule("", None, "T") for _ in range(3)))
    assert [(rule.condition, rule.description) for rule in desired.over(live).rules] == [
        ("a", "first"),
        ("b", "second"),
        ("", ""),
    ]


@pytest.mark.parametrize("kind", sorted(generated.KINDS))
@settings(max_examples=30)
@given(data=st.data())
def test_what_a_write_stores_holds_everything_declared_and_is_stable(kind: str, data: st.DataObject) -> None:
    desired, live = data.draw(generated.KINDS[kind]), data.draw(generated.KINDS[kind])
    assume(type(desired) is type(live))
    stored = desired.over(live)
    assert stored.key == desired.key
    assert desired.over(stored) == stored
    assert set(desired.fields()) <= set(stored.fields())
    assert diff(stored, desired).fields == ()


@pytest.mark.parametrize(
    ("desired", "live", "erased"),
    [
        (Im((ImSetting("SLACK"),)), Im((ImSetting("TEAMS"), ImSetting("LARK"), ImSetting("SLACK"))), ("LARK", "TEAMS")),
        (Im(()), Im(()), ()),
        (
            ApprovalRules((ApprovalRule("", "x", "A"),)),
            ApprovalRules((ApprovalRule("", "x", "A"), ApprovalRule("CHANGE_DATABASE", "x", "A"), ApprovalRule())),
            ("A", "(untitled)"),
        ),
        (RolloutPolicy("p"), RolloutPolicy("p", roles=("a",)), ()),
    ],
    ids=["im", "no im", "rules", "not replaced whole"],
)
def test_a_write_that_replaces_the_whole_says_what_it_erases(
    desired: Resource, live: Resource, erased: tuple[str, ...]
) -> None:
    assert desired.erases(live) == erased


@pytest.mark.parametrize("kind", sorted(generated.KINDS))
@settings(max_examples=15)
@given(data=st.data())
def test_nothing_is_erased_by_writing_what_is_there(kind: str, data: st.DataObject) -> None:
    resource = data.draw(generated.KINDS[kind])
    assert resource.erases(resource) == ()


@pytest.mark.parametrize("kind", sorted(generated.KINDS))
@settings(max_examples=15)
@given(data=st.data())
def test_the_recorded_tokens_of_what_was_sent_make_the_live_side_equal(kind: str, data: st.DataObject) -> None:
    desired = data.draw(generated.KINDS[kind])
    read = desired.over(desired).with_tokens({})
    known = read.with_tokens(desired.tokens())
    assert diff(known, desired).fields == ()
    assert set(known.tokens()) <= set(desired.tokens())


def test_without_a_record_nothing_is_known_of_what_cannot_be_read() -> None:
    assert Im((ImSetting("SLACK", "version 1"),)).with_tokens({}).tokens() == {}
    assert Webhook("p", "t", "SLACK", url_token="version 1").with_tokens({}).tokens() == {}
    assert Subscription("d", "CODE").with_tokens({"subscribed": "OLD"}).tokens() == {"subscribed": "OLD"}


FINGERPRINTS: list[tuple[Resource, Resource]] = [
    (RolloutPolicy("p", automatic=True), RolloutPolicy("p", automatic=False)),
    (RolloutPolicy("p", roles=()), RolloutPolicy("p")),
    (RolloutPolicy("p"), RolloutPolicy("q")),
    (RolloutPolicy("p"), Project("p")),
    (Project("p", require_issue_approval=True), Project("p", allow_self_approval=True)),
    (Im((ImSetting("SLACK"),)), Im((ImSetting("TEAMS"),))),
    (ApprovalRules((ApprovalRule("", "a"),)), ApprovalRules((ApprovalRule("", "b"),))),
    (Role("r", title=""), Role("r")),
    (Webhook("p", "t", "SLACK"), Webhook("p", "t", "TEAMS")),
    (App("a", bot=True), App("a", bot=False)),
]


@pytest.mark.parametrize(("one", "other"), FINGERPRINTS)
def test_what_reads_differently_has_another_fingerprint(one: Resource, other: Resource) -> None:
    assert one.fingerprint() != other.fingerprint()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Im((ImSetting("SLACK", "version 1"),)), Im((ImSetting("SLACK", "version 2"),), verify=False)),
        (Webhook("p", "t", "SLACK", url_token="version 1"), Webhook("p", "t", "SLACK", id="projects/p/webhooks/1")),
        (Subscription("d", "ONE"), Subscription("d", "TWO")),
        (App("a", transport="websocket"), App("a", is_managed=True)),
    ],
    ids=lambda resource: resource.kind,
)
def test_what_cannot_be_read_is_no_part_of_a_fingerprint(one: Resource, other: Resource) -> None:
    assert one.fingerprint() == other.fingerprint()


def test_a_fingerprint_is_the_same_in_every_version_of_the_program() -> None:
    """Stores keep fingerprints: another way to compute them would show everything as drifted."""
    policy = RolloutPolicy("prod", automatic=False, roles=("roles/b", "roles/a"))
    assert policy.fingerprint() == "4380c6f4e9c1be8a4937649060bdf321a3c6b3493d4523c35455f4b7e590b800"
    rules = ApprovalRules((ApprovalRule("CHANGE_DATABASE", 'x == "数据"', "T", "", ("roles/a",)),))
    assert rules.fingerprint() == "c3315e75886fb2bd5c2763c13d6f4b600c02911c26cacfdce102a3961189e32d"


@pytest.mark.parametrize("kind", sorted(generated.KINDS))
@settings(max_examples=25)
@given(data=st.data())
def test_equal_fingerprints_mean_equal_readable_fields(kind: str, data: st.DataObject) -> None:
    one, other = data.draw(generated.KINDS[kind]), data.draw(generated.KINDS[kind])

    def readable(resource: Resource) -> dict[str, object]:
        hidden = {Mark.WRITE_ONLY, Mark.SERVER_OWNED}
        return {name: value for name, value in resource.fields().items() if resource.mark_of(name) not in hidden}

    same = one.key == other.key and readable(one) == readable(other)
    assert (one.fingerprint() == other.fingerprint()) is same
    assert replace(one).fingerprint() == one.fingerprint()  # type: ignore[type-var]
