"""The approval port against the stand-in: the loop's whole conversation with Feishu."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from providers.feishu.standin_client import ALICE, BOB, CAROL, SCOPES, Tenant, later, seed, tenant

from reconciler.errors import (
    ConflictError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    ReconcilerError,
)
from reconciler.providers.feishu.live_definitions import DefinitionBinding
from reconciler.providers.feishu.people import MatchRules
from reconciler.providers.feishu.wire.instances import TaskBody
from reconciler.subjects.instance import CancelResult, Decision, FieldText, InstanceStatus, NodeTaskStatus


@pytest.fixture
async def feishu() -> AsyncIterator[Tenant]:
    async with tenant() as here:
        await here.define()
        yield here


async def test_a_request_reads_back_word_for_word(feishu: Tenant) -> None:
    port = feishu.approvals()
    request = feishu.request([ALICE, BOB])
    code = await port.create(request)
    instance = await port.read(code)
    assert instance.status is InstanceStatus.PENDING
    assert instance.uuid.lower() == request.uuid.lower()
    assert instance.definition_code.lower() == feishu.code.lower()
    assert instance.submitter == CAROL
    assert dict(instance.form) == {field.id: field.text("en-US") for field in request.form}
    assert not instance.foreign_form
    assert {task.open_id for task in instance.tasks} == {ALICE, BOB}
    assert {task.custom_node_id for task in instance.tasks} == {feishu.stamp}
    assert instance.ended is None
    assert abs(instance.started - feishu.now()) < timedelta(seconds=10)


async def test_it_is_found_by_its_uuid_in_any_case(feishu: Tenant) -> None:
    port = feishu.approvals()
    request = feishu.request([ALICE])
    with pytest.raises(NotFoundError):
        await port.read(request.uuid)
    code = await port.create(request)
    assert (await port.read(request.uuid.upper())).code == code


async def test_a_uuid_is_used_once_also_after_the_end(feishu: Tenant) -> None:
    port = feishu.approvals()
    code = await port.create(feishu.request([ALICE]))
    with pytest.raises(ConflictError):
        await port.create(feishu.request([ALICE]))
    assert await port.cancel(await port.read(code)) is CancelResult.CANCELED
    with pytest.raises(ConflictError):
        await port.create(feishu.request([BOB]))


async def test_an_approval_names_who_and_why(feishu: Tenant) -> None:
    port = feishu.approvals()
    code = await port.create(feishu.request([ALICE, BOB]))
    feishu.standin.actions.approve(code, "bob@example.com", "looks good")
    instance = await port.read(code)
    assert instance.status is InstanceStatus.APPROVED
    assert {task.open_id: task.status for task in instance.tasks} == {
        ALICE: NodeTaskStatus.DONE,
        BOB: NodeTaskStatus.APPROVED,
    }
    passed = next(event for event in instance.timeline if event.type == "PASS")
    assert (passed.open_id, passed.comment) == (BOB, "looks good")
    assert instance.ended is not None
    assert instance.ended >= instance.started


async def test_a_rejection_names_who_and_why(feishu: Tenant) -> None:
    port = feishu.approvals()
    code = await port.create(feishu.request([ALICE]))
    feishu.standin.actions.reject(code, "alice@example.com", "not on a Friday")
    instance = await port.read(code)
    assert instance.status is InstanceStatus.REJECTED
    assert [(event.open_id, event.comment) for event in instance.timeline if event.type == "REJECT"] == [
        (ALICE, "not on a Friday")
    ]


async def test_all_must_approve_where_the_definition_says_so(feishu: Tenant) -> None:
    await feishu.define("all", name="all")
    port = feishu.approvals(DefinitionBinding("all", feishu.code, Decision.ALL))
    assert (await port.definition("all")).decision is Decision.ALL
    code = await port.create(feishu.request([ALICE, BOB]))
    feishu.standin.actions.approve(code, "bob@example.com")
    assert (await port.read(code)).status is InstanceStatus.PENDING
    feishu.standin.actions.approve(code, "alice@example.com")
    assert (await port.read(code)).status is InstanceStatus.APPROVED


async def test_in_sequence_only_the_first_person_is_asked(feishu: Tenant) -> None:
    await feishu.define("sequential", name="line")
    port = feishu.approvals(DefinitionBinding("line", feishu.code, Decision.SEQUENTIAL))
    code = await port.create(feishu.request([BOB, ALICE]))
    assert [task.open_id for task in (await port.read(code)).tasks] == [BOB]
    feishu.standin.actions.approve(code, "bob@example.com")
    assert {task.open_id for task in (await port.read(code)).tasks} == {BOB, ALICE}


async def test_a_transfer_shows_whose_turn_it_is(feishu: Tenant) -> None:
    port = feishu.approvals()
    code = await port.create(feishu.request([ALICE]))
    feishu.standin.actions.transfer(code, "alice@example.com", "bob@example.com")
    tasks = {task.open_id: task.status for task in (await port.read(code)).tasks}
    assert tasks == {ALICE: NodeTaskStatus.TRANSFERRED, BOB: NodeTaskStatus.PENDING}


async def test_an_automatic_pass_is_nobodys(feishu: Tenant) -> None:
    port = feishu.approvals()
    code = await port.create(feishu.request([ALICE]))
    feishu.standin.actions.auto_pass(code)
    instance = await port.read(code)
    assert instance.status is InstanceStatus.APPROVED
    approved = [task for task in instance.tasks if task.status is NodeTaskStatus.APPROVED]
    assert all(task.is_automatic for task in approved)


async def test_a_submitter_who_is_asked_is_not_passed_automatically(feishu: Tenant) -> None:
    port = feishu.approvals()
    code = await port.create(feishu.request([CAROL], submitter=CAROL))
    instance = await port.read(code)
    assert instance.status is InstanceStatus.PENDING
    assert [task.open_id for task in instance.tasks] == [CAROL]


async def test_a_withdrawal_by_the_submitter_is_seen(feishu: Tenant) -> None:
    port = feishu.approvals()
    code = await port.create(feishu.request([ALICE]))
    feishu.standin.actions.withdraw(code)
    instance = await port.read(code)
    assert instance.status is InstanceStatus.CANCELED
    assert [event.open_id for event in instance.timeline if event.type == "CANCEL"] == [CAROL]


async def test_cancelling_what_was_decided_meanwhile_is_not_pending(feishu: Tenant) -> None:
    port = feishu.approvals()
    code = await port.create(feishu.request([ALICE]))
    before = await port.read(code)
    feishu.standin.actions.reject(code, "alice@example.com")
    assert await port.cancel(before) is CancelResult.NOT_PENDING


async def test_a_cancel_that_crosses_an_approval_never_undoes_it(feishu: Tenant) -> None:
    port = feishu.approvals()
    code = await port.create(feishu.request([ALICE]))
    before = await port.read(code)
    feishu.standin.actions.approve(code, "alice@example.com")
    assert await port.cancel(before) is CancelResult.NOT_PENDING
    assert (await port.read(code)).status is InstanceStatus.APPROVED


async def test_withdrawal_that_the_tenant_forbids_is_refused_for_good() -> None:
    async with tenant(seed(withdrawal=False)) as feishu:
        await feishu.define()
        port = feishu.approvals()
        code = await port.create(feishu.request([ALICE]))
        assert await port.cancel(await port.read(code)) is CancelResult.REFUSED


async def test_the_bot_can_ask_and_withdraw(feishu: Tenant) -> None:
    port = feishu.approvals()
    bot = await port.bot()
    code = await port.create(feishu.request([ALICE], submitter=bot))
    instance = await port.read(code)
    assert instance.submitter == bot
    assert await port.cancel(instance) is CancelResult.CANCELED


async def test_a_comment_is_written_once_per_mark_also_after_the_end(feishu: Tenant) -> None:
    port = feishu.approvals()
    code = await port.create(feishu.request([ALICE]))
    await port.cancel(await port.read(code))
    for mark in ("m-1", "m-1", "m-2"):
        await port.comment(code, mark=mark, text=f"because {mark} 变更")
    comments = await feishu.client.comments.list(code, reader=await port.bot())
    assert len(comments) == 2


async def test_approvers_are_reminded_by_card(feishu: Tenant) -> None:
    port = feishu.approvals()
    code = await port.create(feishu.request([ALICE, BOB]))
    assert await port.remind(await port.read(code), mark="r1", text="please", link="https://x.example") == "card"
    assert await port.remind(await port.read(code), mark="r1", text="please", link="https://x.example") == "card"
    assert len(feishu.standin.actions.messages("alice@example.com")) == 1
    assert len(feishu.standin.actions.messages("bob@example.com")) == 1


async def test_without_the_scope_they_are_mentioned() -> None:
    async with tenant(seed(scopes=[scope for scope in SCOPES if not scope.startswith("im:")])) as feishu:
        await feishu.define()
        port = feishu.approvals()
        code = await port.create(feishu.request([ALICE]))
        assert await port.remind(await port.read(code), mark="r1", text="please", link="") == "mention"
        assert len(await feishu.client.comments.list(code, reader=await port.bot())) == 1


async def test_nobody_is_reminded_of_what_is_over(feishu: Tenant) -> None:
    port = feishu.approvals()
    code = await port.create(feishu.request([ALICE]))
    feishu.standin.actions.approve(code, "alice@example.com")
    assert await port.remind(await port.read(code), mark="r1", text="please", link="") == "nobody"


async def test_recent_instances_are_listed_over_days(feishu: Tenant) -> None:
    port = feishu.approvals()
    first = await port.create(feishu.request([ALICE], uuid="u-1"))
    later(feishu, 30 * 3600)
    second = await port.create(feishu.request([ALICE], uuid="u-2"))
    assert set(await port.recent(feishu.code, feishu.now() - timedelta(hours=48))) == {first, second}
    assert set(await port.recent(feishu.code, feishu.now() - timedelta(hours=1))) == {second}
    assert await port.recent("", feishu.now()) == ()


async def test_people_are_found_by_the_rules(feishu: Tenant) -> None:
    rules = MatchRules(
        open_ids={"eve@acme.example": "ou_eve"},
        emails={"rob@acme.example": "Bob@Example.com"},
        domains={"corp.example": "example.com"},
    )
    port = feishu.approvals(rules=rules)
    resolution = await port.resolve(
        [
            "Alice@example.com",
            "rob@acme.example",
            "eve@acme.example",
            "carol@corp.example",
            "hidden@example.com",
            "no@x.y",
        ]
    )
    assert resolution.found == {
        "alice@example.com": ALICE,
        "rob@acme.example": BOB,
        "eve@acme.example": "ou_eve",
        "carol@corp.example": CAROL,
    }
    assert set(resolution.missing) == {"hidden@example.com", "no@x.y"}
    assert "Feishu knows no person" in resolution.missing["no@x.y"]


async def test_pinned_people_are_only_those_named(feishu: Tenant) -> None:
    port = feishu.approvals(rules=MatchRules(match="pinned", emails={"a@x.example": "alice@example.com"}))
    resolution = await port.resolve(["a@x.example", "bob@example.com"])
    assert resolution.found == {"a@x.example": ALICE}
    assert "pinned" in resolution.missing["bob@example.com"]


async def test_a_form_with_other_fields_reads_differently(feishu: Tenant) -> None:
    port = feishu.approvals()
    request = feishu.request([ALICE])
    fewer = tuple(field for field in request.form if field.id != "sql")
    code = await port.create(replace(request, form=fewer))
    instance = await port.read(code)
    assert dict(instance.form) == {field.id: field.text("en-US") for field in fewer}


async def test_text_that_looks_like_a_key_stays_text(feishu: Tenant) -> None:
    port = feishu.approvals()
    request = feishu.request([ALICE])
    evil = FieldText("change", (("en-US", "@i18n@request_title"), ("zh-CN", "@i18n@request_title")))
    form = tuple(evil if field.id == "change" else field for field in request.form)
    code = await port.create(replace(request, form=form))
    assert dict((await port.read(code)).form)["change"] == "@i18n@request_title"


async def test_an_unknown_approver_is_refused_without_a_conflict(feishu: Tenant) -> None:
    with pytest.raises(ReconcilerError) as caught:
        await feishu.approvals().create(feishu.request(["ou_" + "f" * 32]))
    assert not isinstance(caught.value, ConflictError)
    assert caught.value.next_step


async def test_a_disabled_definition_cannot_be_used_and_ends_what_was_asked(feishu: Tenant) -> None:
    port = feishu.approvals()
    code = await port.create(feishu.request([ALICE], uuid="u-1"))
    feishu.standin.actions.disable_definition(feishu.code)
    with pytest.raises(ForbiddenError, match="not active"):
        await port.create(feishu.request([ALICE], uuid="u-2"))
    assert "INACTIVE" in (await port.definition("stage-gate")).problem
    assert (await port.read(code)).status is InstanceStatus.DELETED


async def test_a_definition_that_is_not_there_is_a_problem_and_no_failure(feishu: Tenant) -> None:
    port = feishu.approvals(
        DefinitionBinding("new", None, Decision.ANY), DefinitionBinding("gone", "ABCD", Decision.ANY)
    )
    assert "--create-definition new" in (await port.definition("new")).problem
    assert "no definition ABCD" in (await port.definition("gone")).problem
    assert "not created" in (await port.definition("other")).problem


async def test_a_definition_is_read_again_after_a_minute_or_an_event(feishu: Tenant) -> None:
    port = feishu.approvals()
    assert (await port.definition("stage-gate")).problem == ""
    feishu.standin.actions.disable_definition(feishu.code)
    assert (await port.definition("stage-gate")).problem == ""
    port.definition_changed(feishu.code.lower())
    assert (await port.definition("stage-gate")).problem
    feishu.standin.actions.enable_definition(feishu.code)
    later(feishu, 61)
    assert (await port.definition("stage-gate")).problem == ""


async def test_a_missing_scope_names_itself() -> None:
    async with tenant(seed(scopes=["contact:user.id:readonly"])) as feishu:
        with pytest.raises(ForbiddenError, match="approval:definition") as caught:
            await feishu.define()
        assert "/app/cli_sandbox/auth?q=" in caught.value.next_step


async def test_a_wrong_secret_is_told_as_such() -> None:
    async with tenant(secret="wrong") as feishu:
        with pytest.raises(CredentialsError):
            await feishu.client.bot_open_id()


async def test_expired_tokens_go_unnoticed(feishu: Tenant) -> None:
    port = feishu.approvals()
    code = await port.create(feishu.request([ALICE]))
    feishu.standin.expire_tokens()
    assert (await port.read(code)).status is InstanceStatus.PENDING


async def test_an_instance_opens_by_its_link(feishu: Tenant) -> None:
    assert "instanceId%3DAEE5" in feishu.approvals().link("AEE5")


@pytest.mark.parametrize("text", ["x" * 100_000, "😀\u202e\u200f\u0000", "\ufffe\ud7ff", '"}]'])
async def test_strange_texts_arrive_as_they_are_or_are_refused_by_name(feishu: Tenant, text: str) -> None:
    port = feishu.approvals()
    request = feishu.request([ALICE])
    field = FieldText("sql", (("en-US", text), ("zh-CN", "别的")))
    title = FieldText("title", (("en-US", text), ("zh-CN", text)))
    form = tuple(field if each.id == "sql" else each for each in request.form)
    try:
        code = await port.create(replace(request, form=form, title=title))
    except ReconcilerError as error:
        assert not isinstance(error, ConflictError)  # noqa: PT017  # either outcome is right
    else:
        assert dict((await port.read(code)).form)["sql"] == text


async def test_the_bot_may_decide_its_own_task(feishu: Tenant) -> None:
    port = feishu.approvals()
    bot = await port.bot()
    code = await port.create(feishu.request([bot], submitter=bot))
    task = (await port.read(code)).tasks[0]
    await feishu.client.instances.approve(
        TaskBody(approval_code=feishu.code, instance_code=code, user_id=bot, task_id=task.id, comment="probe")
    )
    assert (await port.read(code)).status is InstanceStatus.APPROVED
