"""An approval counts only when it answers our question word for word, and those who gave it may give it today."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from fakes.gate_facts import BOB, DAVE, DEFINITION, ERIN, GATE, IDS, NODE, entry, field, instance, node_task, request
from hypothesis import given
from hypothesis import strategies as st

from reconciler.providers.feishu.instance_request import create_body
from reconciler.subjects.instance import Decision, InstanceStatus, NodeTaskStatus
from reconciler.sync.verdict import NotVerified, Verified
from reconciler.sync.verify import same_form, verify

ENTITLED = {BOB: IDS[BOB], DAVE: IDS[DAVE]}


def judge(answer=None, *, on=None, gate=GATE, decision=Decision.ANY, entitled=ENTITLED):
    definition = replace(DEFINITION, decision=decision)
    return verify(on or entry(), answer or instance(), gate=gate, definition=definition, entitled=entitled)


def approved(*tasks):
    return instance(InstanceStatus.APPROVED, *tasks)


REFUSING = replace(GATE, transferred="refuse")
ALL = {"decision": Decision.ALL}
ERIN_TOO = {**ENTITLED, ERIN: IDS[ERIN]}
MOVED = node_task(DAVE, NodeTaskStatus.TRANSFERRED)
BY_ERIN = node_task(ERIN)


def test_one_entitled_person_is_enough_for_any():
    assert judge() == Verified((BOB,))


@pytest.mark.parametrize("decision", [Decision.ALL, Decision.SEQUENTIAL])
def test_everyone_must_have_approved_for_all_and_sequential(decision):
    assert judge(decision=decision) == NotVerified(
        "not everyone who must approve has approved, or someone not entitled did"
    )
    assert judge(approved(node_task(BOB), node_task(DAVE)), decision=decision) == Verified((BOB, DAVE))


def test_a_transferee_counts_if_he_is_entitled_today():
    answer = approved(MOVED, BY_ERIN)
    assert isinstance(judge(answer), NotVerified)
    assert judge(answer, entitled=ERIN_TOO) == Verified((ERIN,))


def test_a_transferee_never_counts_where_the_gate_refuses_transfers():
    assert isinstance(judge(approved(MOVED, BY_ERIN), gate=REFUSING, entitled=ERIN_TOO), NotVerified)
    assert judge(gate=REFUSING) == Verified((BOB,))


def test_with_all_a_transferee_stands_for_the_one_who_passed_it_on():
    answer = approved(node_task(BOB), MOVED, BY_ERIN)
    assert judge(answer, **ALL, entitled=ERIN_TOO) == Verified((BOB, ERIN))
    assert isinstance(judge(answer, **ALL), NotVerified)


def test_a_signer_added_by_an_approver_counts_only_if_entitled():
    answer = approved(node_task(BOB), node_task(DAVE), BY_ERIN)
    assert isinstance(judge(answer, **ALL), NotVerified)
    assert judge(answer, **ALL, entitled=ERIN_TOO) == Verified((BOB, DAVE, ERIN))


def test_a_delegate_acts_under_his_own_id_and_is_judged_by_it():
    delegated = approved(replace(node_task(ERIN), id=node_task(BOB).id))
    assert isinstance(judge(delegated), NotVerified)


@pytest.mark.parametrize("about", [{"is_automatic": True}, {"open_id": ""}, {"open_id": "", "is_automatic": True}])
def test_an_automatic_pass_never_counts_and_is_named(about):
    assert judge(approved(node_task(BOB, **about))) == NotVerified("it was passed automatically, by no person")


@pytest.mark.parametrize("status", [each for each in NodeTaskStatus if each is not NodeTaskStatus.APPROVED])
def test_only_an_approved_task_counts(status):
    assert isinstance(judge(approved(node_task(BOB, status))), NotVerified)


def test_an_approval_on_another_node_does_not_count():
    elsewhere = node_task(BOB, node_id="x", custom_node_id="another")
    assert isinstance(judge(approved(elsewhere)), NotVerified)


def test_the_node_is_found_by_feishus_own_id_too():
    adopted = replace(request(), node_key="node-7")
    assert judge(approved(node_task(BOB, custom_node_id="")), on=entry(request=adopted)) == Verified((BOB,))


def test_two_addresses_of_one_person_are_one_person():
    twice = {BOB: IDS[BOB], "bob@old.example.com": IDS[BOB]}
    assert judge(entitled=twice) == Verified((BOB,))
    both = replace(request(), approvers=tuple(replace(p, open_id=IDS[BOB]) for p in request().approvers))
    assert judge(approved(node_task(BOB)), on=entry(request=both), **ALL, entitled=twice) == Verified((BOB,))


def test_somebody_who_lost_the_right_does_not_count():
    assert judge(entitled={DAVE: IDS[DAVE]}) == NotVerified(
        "the person who approved is not entitled to decide this stage today"
    )


def test_nobody_entitled_means_nobody_counts():
    assert isinstance(judge(entitled={}), NotVerified)


@pytest.mark.parametrize("status", [each for each in InstanceStatus if each is not InstanceStatus.APPROVED])
def test_only_an_approved_instance_counts(status):
    assert judge(instance(status, node_task(BOB))) == NotVerified("it is not approved")


WRONG = {
    "reverted": {"is_reverted": True},
    "definition": {"definition_code": "DEF-2"},
    "uuid": {"uuid": "00000000-0000-0000-0000-000000000000"},
    "no uuid": {"uuid": ""},
    "foreign form": {"foreign_form": True},
    "empty form": {"form": ()},
    "text": {"form": tuple((i, "SELECT 1;" if i == "sql" else t) for i, t in instance().form)},
    "blank": {"form": tuple((i, t + " ") for i, t in instance().form)},
    "field missing": {"form": instance().form[:-1]},
    "field more": {"form": (*instance().form, ("note", "hello"))},
    "field twice": {"form": (*instance().form, instance().form[0])},
    "other widget": {"form": tuple((f"{i}x", t) for i, t in instance().form)},
    "other language": {"form": tuple((f.id, f.text("zh-CN")) for f in request().form)},
}


@pytest.mark.parametrize("about", WRONG.values(), ids=WRONG)
def test_what_is_not_word_for_word_what_was_asked_is_not_approved(about):
    assert isinstance(judge(instance(**about)), NotVerified)


def test_ids_are_compared_without_regard_to_case():
    answer = instance(uuid=request().uuid.upper(), definition_code="def-1")
    assert judge(answer) == Verified((BOB,))


def test_without_a_record_of_what_was_asked_nothing_counts():
    assert judge(on=entry(request=None)) == NotVerified("what was asked is not on record")


def test_the_order_of_fields_does_not_matter():
    assert judge(instance(form=tuple(reversed(instance().form)))) == Verified((BOB,))


# --- texts under keys ----------------------------------------------------------------------------------------------
def keyed(*ids):
    return instance(form=tuple((i, f"@i18n@field_{i}" if i in ids else t) for i, t in instance().form))


def test_our_own_texts_stand_behind_our_own_keys():
    assert same_form(request().form, keyed("stage"))


def test_a_key_where_we_sent_a_text_is_not_ours():
    assert not same_form(request().form, keyed("sql"))
    assert not same_form(request().form, keyed("stage", "sql"))
    assert not same_form(request().form, keyed("stage", "digest"))


def test_keys_stand_for_all_texts_or_for_none():
    sent = (*request().form[:1], field("tasks", "2 tasks", "2 个任务"), *request().form[1:])
    form = tuple((each.id, each.text("en-US")) for each in sent)
    for raw in itertools.product((False, True), repeat=2):
        keys = dict(zip(("stage", "tasks"), raw, strict=True))
        read = instance(form=tuple((i, f"@i18n@field_{i}" if keys.get(i) else t) for i, t in form))
        assert same_form(sent, read) == (raw[0] == raw[1])


def test_another_fields_key_is_not_ours():
    form = tuple((i, "@i18n@field_sql" if i == "stage" else t) for i, t in instance().form)
    assert not same_form(request().form, instance(form=form))


def test_the_keys_are_those_under_which_texts_are_sent():
    body = create_body(request(), widget_types={})
    keys = {text.key for resource in body.i18n_resources for text in resource.texts}
    for each in request().form:
        assert (each.text_key in keys) == each.goes_under_its_key


def test_a_text_that_looks_like_a_key_goes_under_one_of_ours():
    assert field("sql", "@i18n@field_digest").goes_under_its_key


TASKS = st.lists(
    st.builds(
        node_task,
        st.sampled_from([BOB, DAVE, ERIN]),
        st.sampled_from(list(NodeTaskStatus)),
        custom_node_id=st.sampled_from([NODE, "other"]),
        is_automatic=st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


@given(tasks=TASKS, entitled=st.sets(st.sampled_from([BOB, DAVE, ERIN])), decision=st.sampled_from(list(Decision)))
def test_whoever_is_named_has_clicked_on_our_node_and_is_entitled(tasks, entitled, decision):
    verdict = judge(approved(*tasks), decision=decision, entitled={each: IDS[each] for each in entitled})
    if isinstance(verdict, Verified):
        assert verdict.actors
        for actor in verdict.actors:
            assert actor in entitled
            assert any(
                t.open_id == IDS[actor]
                and t.status is NodeTaskStatus.APPROVED
                and t.custom_node_id == NODE
                and not t.is_automatic
                for t in tasks
            )
    else:
        assert verdict.why
