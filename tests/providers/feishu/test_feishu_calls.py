"""What each call sends, what may be sent twice, and what a lost answer means."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from providers.feishu.feishu_double import SECRET, FeishuDouble, failed, ok

from reconciler.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    ReconcilerError,
    SpecError,
    ThrottledError,
    UnavailableError,
)
from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.endpoints import ALL, GET_INSTANCE, limits_table, windows
from reconciler.providers.feishu.wire.application import (
    AbilityBody,
    BotAbility,
    ConfigBody,
    ConfigEvent,
    ConfigScope,
    PublishBody,
    ScopeItem,
)
from reconciler.providers.feishu.wire.instances import CancelBody, CreateInstanceBody, NodeApprovers
from reconciler.providers.http_window import Window

CREATE = CreateInstanceBody(
    approval_code="6CDB",
    open_id="ou_bot",
    form="[]",
    node_approver_open_id_list=[NodeApprovers(key="gate-1", value=["ou_a"])],
    uuid="u-1",
)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)

Call = Callable[[FeishuClient], Awaitable[object]]
ONCE: dict[str, Call] = {
    "create": lambda c: c.instances.create(CREATE),
    "cancel": lambda c: c.instances.cancel(CancelBody(approval_code="A", instance_code="B", user_id="ou_bot")),
    "comment": lambda c: c.comments.create("AEE5", author="ou_bot", text="x", mark="m"),
    "message": lambda c: c.messages.send("ou_a", card={}, uuid="m-1"),
    "urge": lambda c: c.messages.urge("om_1", ["ou_a"]),
    "publish": lambda c: c.application.publish(PublishBody(remark="r", changelog="c")),
    "configure": lambda c: c.application.configure(ConfigBody()),
    "apply scopes": lambda c: c.application.apply_scopes(),
}
AGAIN: dict[str, Call] = {
    "get": lambda c: c.instances.get("AEE5", locale="en-US"),
    "find": lambda c: c.users.find(["a@x.example"]),
    "bot": lambda c: c.application.bot(),
    "subscribe": lambda c: c.definitions.subscribe("6CDB"),
}


@pytest.mark.parametrize("name", ONCE)
@pytest.mark.parametrize("trouble", ["lost answer", "502", "1395001", "html"])
async def test_what_is_not_repeatable_is_sent_once_and_says_that_it_may_have_happened(name: str, trouble: str) -> None:
    answers = {
        "lost answer": httpx.ReadTimeout("late"),
        "502": httpx.Response(502, text="<html>"),
        "1395001": failed(1395001),
        "html": httpx.Response(200, text="<html>"),
    }
    double = FeishuDouble([answers[trouble]])
    with pytest.raises(UnavailableError) as caught:
        await ONCE[name](double.client())
    assert caught.value.ambiguous
    assert len(double.requests) == 1


@pytest.mark.parametrize("name", ONCE)
async def test_what_was_not_sent_or_was_refused_for_its_rate_is_sent_again(name: str) -> None:
    limited = failed(99991400, status=429, headers={"x-ogw-ratelimit-reset": "3"})
    double = FeishuDouble([httpx.ConnectError("down"), limited, failed(1390009)])
    with pytest.raises(ForbiddenError):
        await ONCE[name](double.client())
    assert len(double.requests) == 3
    assert double.waits[1] >= 3


@pytest.mark.parametrize("name", AGAIN)
async def test_a_read_is_repeated_through_passing_trouble(name: str) -> None:
    double = FeishuDouble([httpx.ReadTimeout("late"), httpx.Response(502, text="<html>"), failed(1390009)])
    with pytest.raises(ForbiddenError):
        await AGAIN[name](double.client())
    assert len(double.requests) == 3


async def test_a_long_pause_is_handed_to_the_caller() -> None:
    double = FeishuDouble([failed(99991400, status=429, headers={"x-ogw-ratelimit-reset": "600"})])
    with pytest.raises(ThrottledError) as caught:
        await AGAIN["get"](double.client())
    assert caught.value.retry_after == 600
    assert (len(double.requests), double.waits) == (1, [])


async def test_a_permanent_refusal_is_not_repeated() -> None:
    double = FeishuDouble([failed(99991672)])
    with pytest.raises(ForbiddenError):
        await AGAIN["get"](double.client())
    assert len(double.requests) == 1


@pytest.mark.parametrize("code", ["", "..", "a/b", "../approvals/x"])
async def test_an_id_that_could_mean_another_path_is_refused(code: str) -> None:
    double = FeishuDouble([ok({})])
    with pytest.raises(SpecError, match="not a usable instance id"):
        await double.client().instances.get(code, locale="en-US")
    assert double.requests == []


async def test_a_create_sends_exactly_the_declared_fields() -> None:
    double = FeishuDouble([ok({"instance_code": "81D3"})])
    assert await double.client().instances.create(CREATE) == "81D3"
    assert double.body() == {
        "approval_code": "6CDB",
        "open_id": "ou_bot",
        "form": "[]",
        "node_approver_open_id_list": [{"key": "gate-1", "value": ["ou_a"]}],
        "uuid": "u-1",
        "allow_resubmit": False,
        "allow_submit_again": False,
        "forbid_revoke": False,
    }


@pytest.mark.parametrize("code", [60012, 1390012])
async def test_a_taken_uuid_is_a_conflict(code: int) -> None:
    with pytest.raises(ConflictError):
        await FeishuDouble([failed(code)]).client().instances.create(CREATE)


@pytest.mark.parametrize(("answer", "changed"), [(ok(None), True), (failed(1390007), False), (failed(60007), False)])
async def test_subscribing_twice_is_no_error(answer: httpx.Response, changed: bool) -> None:
    assert await FeishuDouble([answer]).client().definitions.subscribe("6CDB") is changed


async def test_another_conflict_of_a_subscription_is_told() -> None:
    with pytest.raises(NotFoundError):
        await FeishuDouble([failed(1390002)]).client().definitions.subscribe("6CDB")


async def test_emails_are_looked_up_fifty_at_a_time() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        emails = json.loads(request.content)["emails"]
        return ok({"user_list": [{"email": email, "user_id": f"ou_{email}"} for email in emails]})

    double = FeishuDouble([answer])
    emails = [f"p{number:03}@x.example" for number in range(120)]
    found = await double.client().users.find([*emails, *emails])
    assert sorted(user.email for user in found) == emails
    sizes = [len(json.loads(request.content)["emails"]) for request in double.requests]
    assert sizes == [50, 50, 20]
    assert double.requests[0].url.params["user_id_type"] == "open_id"


async def test_instances_are_listed_in_windows_of_ten_hours_and_by_page() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        query = request.url.params
        first = "page_token" not in query
        hour = int((int(query["start_time"]) / 1000 - start.timestamp()) / 3600)
        return ok(
            {
                "instance_code_list": [f"I{hour}-{int(first)}", "SAME"],
                "has_more": first,
                "page_token": "p2" if first else "",
            }
        )

    start = NOW - timedelta(hours=25)
    double = FeishuDouble([answer])
    codes = await double.client().instances.codes("6CDB", start=start, end=NOW)
    assert codes == ("I0-1", "SAME", "I0-0", "I10-1", "I10-0", "I20-1", "I20-0")
    spans = [
        (int(request.url.params["end_time"]) - int(request.url.params["start_time"])) / 3_600_000
        for request in double.requests
    ]
    assert spans == [10, 10, 10, 10, 5, 5]


async def test_a_page_token_that_repeats_ends_the_list() -> None:
    double = FeishuDouble([ok({"instance_code_list": ["A"], "has_more": True, "page_token": "same"})])
    assert await double.client().instances.codes("6CDB", start=NOW - timedelta(hours=1), end=NOW) == ("A",)
    assert len(double.requests) == 2


async def test_a_comment_is_found_by_its_mark() -> None:
    comments = [
        {"id": "1", "content": "{}", "extra": "not json"},
        {"id": "2", "content": "{}", "extra": '{"reconciler": "other"}'},
        {"id": "3", "content": "{}", "extra": '{"reconciler": "gone"}', "is_delete": 1},
        {"id": "4", "content": "{}", "extra": None},
        {"id": "5", "content": "{}", "extra": '["reconciler"]'},
        {"id": 7164675144512831489, "content": "{}", "extra": '{"reconciler": "mine"}'},
    ]
    client = FeishuDouble([ok({"comments": comments})]).client()
    assert await client.comments.has_mark("AEE5", reader="ou_bot", mark="mine")
    assert not await client.comments.has_mark("AEE5", reader="ou_bot", mark="gone")


async def test_a_comment_carries_text_and_mark_as_json() -> None:
    double = FeishuDouble([ok({"comment_id": 71})])
    assert await double.client().comments.create("AEE5", author="ou_bot", text='x "é" 变更\n', mark="m-1") == "71"
    body = double.body()
    assert json.loads(str(body["content"]))["text"] == 'x "é" 变更\n'
    assert json.loads(str(body["extra"])) == {"reconciler": "m-1"}
    assert dict(double.requests[0].url.params) == {"user_id_type": "open_id", "user_id": "ou_bot"}


async def test_the_bot_is_read_once_and_lies_beside_the_code() -> None:
    double = FeishuDouble([ok(bot={"open_id": "ou_bot", "activate_status": 2})])
    client = double.client()
    assert [await client.bot_open_id(), await client.bot_open_id()] == ["ou_bot", "ou_bot"]
    assert len(double.requests) == 1


async def test_an_app_without_a_bot_says_so() -> None:
    with pytest.raises(ForbiddenError, match="no bot"):
        await FeishuDouble([ok(bot={"activate_status": 0})]).client().bot_open_id()


async def test_an_app_in_review_is_a_conflict_that_names_the_wait() -> None:
    body = ConfigBody(
        scope=ConfigScope(add_scopes=[ScopeItem(scope_name="approval:approval")]),
        event=ConfigEvent(subscription_type="websocket", add_events=["approval_instance"]),
    )
    double = FeishuDouble([failed(210040, status=403)])
    with pytest.raises(ConflictError, match="in review") as caught:
        await double.client().application.configure(body)
    assert "wait" in caught.value.next_step
    assert double.body() == {
        "scope": {"add_scopes": [{"scope_name": "approval:approval", "token_type": "tenant"}]},
        "event": {"subscription_type": "websocket", "add_events": ["approval_instance"]},
    }
    assert double.requests[0].method == "PATCH"


async def test_nothing_to_apply_is_no_error_and_a_duplicate_is() -> None:
    assert await FeishuDouble([failed(212002)]).client().application.apply_scopes() is False
    assert await FeishuDouble([ok(None)]).client().application.apply_scopes() is True
    with pytest.raises(ConflictError):
        await FeishuDouble([failed(212004)]).client().application.apply_scopes()


async def test_reads_of_the_app_are_typed() -> None:
    app = {"app": {"app_id": "cli_a", "status": 1, "online_version_id": "oav_1", "unaudit_version_id": None}}
    client = FeishuDouble([ok(app)]).client()
    read = await client.application.app()
    assert (read.status, read.online_version_id, read.unaudit_version_id) == (1, "oav_1", "")
    version = {
        "app_version": {"version": "1.0.0", "status": 1, "events": ["approval_instance"], "ability": {"bot": {}}}
    }
    found = await FeishuDouble([ok(version)]).client().application.version("oav_1")
    assert (found.events, found.ability.bot is not None) == (["approval_instance"], True)
    ability = FeishuDouble([ok(None)])
    await ability.client().application.set_ability(AbilityBody(bot=BotAbility(enable=True)))
    assert ability.body() == {"bot": {"enable": True}}


async def test_a_card_goes_to_a_person_or_a_chat() -> None:
    for receiver, kind in (("ou_a", "open_id"), ("oc_b", "chat_id")):
        double = FeishuDouble([ok({"message_id": "om_1"})])
        assert await double.client().messages.send(receiver, card={"schema": "2.0"}, uuid="m") == "om_1"
        assert double.requests[0].url.params["receive_id_type"] == kind
        assert json.loads(str(double.body()["content"])) == {"schema": "2.0"}


async def test_every_call_takes_from_its_own_budget() -> None:
    taken: list[str] = []

    class Budget:
        async def take(self, key: str) -> None:
            taken.append(key)

    double = FeishuDouble([ok(bot={"open_id": "ou_bot"})])
    client = double.client()
    object.__setattr__(client._http.settings, "budget", Budget())
    await client.application.bot()
    assert taken == ["feishu.token", "feishu.bot"]


def test_the_rates_leave_room_under_each_published_limit() -> None:
    table = limits_table()
    assert len(table) == len(ALL)
    for name, kept in windows().items():
        for window, limit in zip(kept, table[name], strict=True):
            assert window.seconds == limit.seconds
            assert window.calls < limit.count or limit.count == 1
    assert windows()["feishu.instance.create"] == (Window(97, 60),)
    assert windows()["feishu.instance.get"] == (Window(970, 60), Window(48, 1))


async def test_no_error_shows_the_secret_or_a_token() -> None:
    async def error_of(answer: httpx.Response | Exception) -> ReconcilerError:
        double = FeishuDouble([answer])
        with pytest.raises(ReconcilerError) as caught:
            await double.client().instances.get("AEE5", locale="en-US")
        return caught.value

    for answer in (failed(1390001), httpx.Response(500, text="canary-secret-value t-1"), httpx.ReadError("t-1")):
        error = await error_of(answer)
        text = f"{error} {error.next_step} {error!r} {error.__cause__!r}"
        assert "canary" not in text
        assert GET_INSTANCE.path not in text


@pytest.mark.parametrize("code", [1, 403, 514, 1000040343, 1000040344, 1000040350, 1000040351])
async def test_a_connection_that_is_not_opened_gives_the_log_id(code: int) -> None:
    double = FeishuDouble([failed(code, status=200)])
    with pytest.raises(ReconcilerError) as caught:
        await double.client().connection.open()
    assert f"code {code}, log id log-1" in caught.value.why
    assert double.body() == {"AppID": "cli_a", "AppSecret": SECRET}
    assert "authorization" not in double.requests[0].headers


async def test_an_opened_connection_shows_no_secret() -> None:
    double = FeishuDouble([ok({"URL": "wss://x.example/?ticket=canary", "ClientConfig": None})])
    offer = await double.client().connection.open()
    assert offer.url.endswith("canary")
    assert "canary" not in repr(offer)
    assert offer.pacing.ping_interval == 120
