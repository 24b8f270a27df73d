"""The official SDK and a stand-in served by uvicorn on 127.0.0.1, each test with its own tenant and apps."""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
import uvicorn
from fakes.feishu_scopes import EVENTS, SCOPES

from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.feishu import FeishuStandIn
from reconciler.sandbox.seed import FeishuSeed

T = TypeVar("T")

DEFINITION: dict[str, Any] = {
    "approval_name": "@i18n@def_title",
    "description": "@i18n@def_about",
    "viewers": [{"viewer_type": "NONE"}],
    "form": {
        "form_content": json.dumps(
            [
                {"id": "change", "type": "input", "name": "@i18n@f_change", "required": True},
                {"id": "sql", "type": "textarea", "name": "@i18n@f_sql", "required": False},
            ]
        )
    },
    "node_list": [
        {"id": "START"},
        {
            "id": "stage_gate",
            "name": "@i18n@n_gate",
            "node_type": "OR",
            "approver": [{"type": "Free"}],
            "approver_chosen_multi": True,
            "approver_chosen_range": [{"type": "ALL"}],
            "starter_assignee": "STARTER",
        },
        {"id": "END"},
    ],
    "settings": {"revert_interval": 0, "revert_option": 1, "reject_option": 0, "quick_approval_option": 1},
    "config": {
        "can_update_viewer": False,
        "can_update_form": False,
        "can_update_process": False,
        "can_update_revert": False,
    },
    "i18n_resources": [
        {
            "locale": "en-US",
            "is_default": True,
            "texts": [
                {"key": "@i18n@def_title", "value": "Database change"},
                {"key": "@i18n@def_about", "value": "One stage"},
                {"key": "@i18n@f_change", "value": "Change"},
                {"key": "@i18n@f_sql", "value": "SQL"},
                {"key": "@i18n@n_gate", "value": "Stage gate"},
            ],
        },
        {
            "locale": "zh-CN",
            "is_default": False,
            "texts": [{"key": "@i18n@def_title", "value": "数据库变更"}, {"key": "@i18n@f_change", "value": "变更"}],
        },
    ],
}


class Served:
    """A stand-in on a port of its own; `call` runs something on its event loop and waits for it."""

    def __init__(self, seed: FeishuSeed, *, time_scale: float = 1.0) -> None:
        self._seed = seed
        self._time_scale = time_scale
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.stand_in = FeishuStandIn(self._seed, clock=SandboxClock(time_scale=self._time_scale))
        await self.stand_in.start()
        config = uvicorn.Config(
            self.stand_in.app,
            http="h11",
            ws="websockets-sansio",
            date_header=False,
            server_header=False,
            lifespan="off",
            log_level="error",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            await asyncio.sleep(0.005)
        self._ready.set()
        await serving
        await self.stand_in.stop()

    def call(self, act: Callable[[FeishuStandIn], T]) -> T:
        async def run() -> T:
            return act(self.stand_in)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)


class Sdk:
    """The official SDK's modules, imported once; requests are built from plain values."""

    def __init__(self) -> None:
        self.lark = importlib.import_module("lark_oapi")
        self._models = {
            name: importlib.import_module(f"lark_oapi.api.{path}")
            for name, path in {
                "approval": "approval.v4",
                "contact": "contact.v3",
                "application6": "application.v6",
                "application7": "application.v7",
                "im": "im.v1",
                "event": "event.v1",
            }.items()
        }

    def request(self, family: str, name: str, body: Any = None, body_type: str = "", **members: Any) -> Any:
        """A typed request: path and query members by name, the body as a typed model of `body_type`."""
        models = self._models[family]
        builder = getattr(models, name).builder()
        for key, value in members.items():
            builder = getattr(builder, key)(value)
        if body is not None:
            builder = builder.request_body(getattr(models, body_type or f"{name}Body")(body))
        return builder.build()

    def client(self, url: str, app_id: str, secret: str) -> Any:
        level = self.lark.LogLevel.ERROR
        builder = self.lark.Client.builder().app_id(app_id).app_secret(secret)
        return builder.domain(url).log_level(level).timeout(10).build()


class Tenant:
    """One served tenant seen through the SDK: two apps, alice, bob, carol, and zoe who is outside the range."""

    def __init__(self, sdk: Sdk, served: Served, app_id: str, other_id: str) -> None:
        self.sdk = sdk
        self.served = served
        self.url = served.url
        self.app_id = app_id
        self.other_id = other_id
        self.client = sdk.client(served.url, app_id, "secret-1")
        self.other = sdk.client(served.url, other_id, "secret-2")
        self.call = served.call
        self.alice = "ou_" + "a" * 32
        self.approval = self.client.approval.v4

    def raw(self, method: str, path: str, *, body: Any = None, query: tuple[tuple[str, str], ...] = ()) -> Any:
        """The SDK's generic call."""
        lark = self.sdk.lark
        builder = lark.BaseRequest.builder().http_method(getattr(lark.HttpMethod, method)).uri(path)
        builder = builder.token_types({lark.AccessTokenType.TENANT}).queries(list(query))
        if body is not None:
            builder = builder.body(body)
        return self.client.request(builder.build())

    def content(self, response: Any) -> dict[str, Any]:
        return dict(json.loads(response.raw.content))

    def bot(self) -> str:
        return str(self.content(self.raw("GET", "/open-apis/bot/v3/info"))["bot"]["open_id"])

    def open_id(self, email: str, client: Any = None) -> str:
        request = self.sdk.request("contact", "BatchGetIdUserRequest", {"emails": [email]}, user_id_type="open_id")
        return str((client or self.client).contact.v3.user.batch_get_id(request).data.user_list[0].user_id)

    def define(self, **changes: Any) -> Any:
        request = self.sdk.request(
            "approval", "CreateApprovalRequest", DEFINITION | changes, "ApprovalCreate", user_id_type="open_id"
        )
        return self.approval.approval.create(request)

    def definition(self, *, subscribe: bool = False, **changes: Any) -> str:
        response = self.define(**changes)
        assert response.success(), (response.code, response.msg)
        code = str(response.data.approval_code)
        if subscribe:
            assert self.approval.approval.subscribe(
                self.sdk.request("approval", "SubscribeApprovalRequest", approval_code=code)
            ).success()
        return code

    def ask(self, code: str, *, approvers: tuple[str, ...] = (), **changes: Any) -> Any:
        body = {
            "approval_code": code,
            "open_id": self.bot(),
            "form": json.dumps([{"id": "change", "type": "input", "value": "#42"}]),
            "node_approver_open_id_list": [{"key": "stage_gate", "value": list(approvers or (self.alice,))}],
        } | changes
        return self.approval.instance.create(
            self.sdk.request("approval", "CreateInstanceRequest", body, "InstanceCreate")
        )

    def asked(self, code: str, **changes: Any) -> str:
        response = self.ask(code, **changes)
        assert response.success(), (response.code, response.msg)
        return str(response.data.instance_code)

    def get(self, name: str, **query: Any) -> Any:
        request = self.sdk.request("approval", "GetInstanceRequest", instance_id=name, **query)
        return self.approval.instance.get(request)

    def decide(self, verb: str, code: str, instance: str, person: str, **more: Any) -> Any:
        task = next(
            item for item in self.get(instance).data.task_list if item.status == "PENDING" and item.open_id == person
        )
        body = {"approval_code": code, "instance_code": instance, "user_id": person, "task_id": task.id} | more
        kind = {"transfer": "TaskTransfer", "resubmit": "TaskResubmit"}.get(verb, "TaskApprove")
        request = self.sdk.request("approval", f"{verb.capitalize()}TaskRequest", body, kind, user_id_type="open_id")
        return getattr(self.approval.task, verb)(request)

    def cancel(self, code: str, instance: str, person: str) -> Any:
        body = {"approval_code": code, "instance_code": instance, "user_id": person}
        request = self.sdk.request("approval", "CancelInstanceRequest", body, "InstanceCancel", user_id_type="open_id")
        return self.approval.instance.cancel(request)


class Listener:
    """The SDK's socket client in a thread of its own, with what its handlers received."""

    def __init__(self, tenant: Tenant, *, fail_first: int = 0, pause: float = 0.0, handle: bool = True) -> None:
        self.received: list[dict[str, Any]] = []
        self._fail = fail_first
        self._pause = pause
        lark = tenant.sdk.lark
        builder = lark.EventDispatcherHandler.builder("", "")
        if handle:
            for kind in ("approval_instance", "approval_task", "approval_cc"):
                builder = builder.register_p1_customized_event(kind, self._first_kind)
            builder = builder.register_p2_approval_approval_updated_v4(self._second_kind)
            builder = builder.register_p2_card_action_trigger(self._card)
        self._module = importlib.import_module("lark_oapi.ws.client")
        self.error: BaseException | None = None
        self._tenant = tenant
        self._handler = builder.build()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._started = threading.Event()

    def start(self, *, wait: bool = True) -> Listener:
        self._thread.start()
        if wait:
            eventually(lambda: self.connected() or self.error is not None)
        return self

    def connected(self) -> bool:
        return bool(self._tenant.call(lambda standin: standin.connections.count(self._tenant.app_id)))

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._module.loop = self._loop
        lark = self._tenant.sdk.lark
        client = lark.ws.Client(
            self._tenant.app_id,
            "secret-1",
            event_handler=self._handler,
            domain=self._tenant.url,
            log_level=lark.LogLevel.CRITICAL,
        )
        client._reconnect_nonce = 0
        self.client = client
        self._started.set()
        try:
            client.start()
        except RuntimeError:
            return
        except BaseException as error:
            self.error = error

    def _first_kind(self, event: Any) -> None:
        self._keep({"uuid": event.uuid, "token": event.token, **event.event})

    def _second_kind(self, event: Any) -> None:
        about = event.event.object
        self._keep({"uuid": event.header.event_id, "type": event.header.event_type, "code": about.approval_code})

    def _card(self, event: Any) -> Any:
        self._keep({"uuid": event.header.event_id, "type": "card", "value": event.event.action.value})
        module = importlib.import_module("lark_oapi.event.callback.model.p2_card_action_trigger")
        return module.P2CardActionTriggerResponse({"toast": {"type": "info", "content": "done"}})

    def _keep(self, event: dict[str, Any]) -> None:
        self.received.append(event)
        time.sleep(self._pause)
        if self._fail > 0:
            self._fail -= 1
            raise ValueError("this handler fails on purpose")

    def stop(self) -> None:
        async def end() -> None:
            self.client._auto_reconnect = False
            if self.client._conn is not None:
                await self.client._conn.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.run_until_complete(end())
        del self.client
        gc.collect()
        self._loop.close()


def eventually(happened: Callable[[], Any], seconds: float = 15.0) -> None:
    """Wait until something is true; fail when it does not become so."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def sdk() -> Sdk:
    return Sdk()


@pytest.fixture
def wait() -> Callable[..., None]:
    return eventually


def _serve(sdk: Sdk, **changes: Any) -> tuple[Served, Tenant]:
    app_id, other_id = (f"cli_{uuid.uuid4().hex[:16]}" for _ in range(2))
    first = {"id": app_id, "secret": "secret-1", "scopes": SCOPES, "events": EVENTS} | changes.pop("app", {})
    seed = FeishuSeed.model_validate(
        {
            "apps": [first, {"id": other_id, "secret": "secret-2", "scopes": SCOPES, "events": EVENTS}],
            "users": [
                {"email": "alice@example.com", "openId": "ou_" + "a" * 32, "name": "Alice"},
                {"email": "bob@example.com", "name": "Bob"},
                {"email": "carol@example.com", "name": "Carol"},
                {"email": "zoe@example.com", "name": "Zoe", "visible": False},
            ],
            "tenant": changes.pop("tenant", {}),
        }
    )
    served = Served(seed, **changes)
    return served, Tenant(sdk, served, app_id, other_id)


@pytest.fixture
def tenant(sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    served, tenant = _serve(sdk)
    yield tenant
    served.stop()


@pytest.fixture
def make_tenant(sdk: Sdk) -> Iterator[Callable[..., Tenant]]:
    """A tenant with other settings: `app`, `tenant`, `time_scale`."""
    open_ones: list[Served] = []

    def make(**changes: Any) -> Tenant:
        served, tenant = _serve(sdk, **changes)
        open_ones.append(served)
        return tenant

    yield make
    for served in open_ones:
        served.stop()


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    """Start the SDK's socket client for a tenant."""
    open_ones: list[Listener] = []

    def start(tenant: Tenant, *, wait: bool = True, **settings: Any) -> Listener:
        listener = Listener(tenant, **settings)
        open_ones.append(listener)
        return listener.start(wait=wait)

    yield start
    for listener in open_ones:
        listener.stop()


@pytest.fixture
def definition_body() -> dict[str, Any]:
    return dict(DEFINITION)


@pytest.fixture
def namespace() -> type[SimpleNamespace]:
    return SimpleNamespace
