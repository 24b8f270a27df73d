"""What doctor says where the stand-ins cannot be made to be so: judged from facts alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from doctor.clinic import SPEC, shown
from fakes.declarative_specs import target_of

from reconciler.errors import CredentialsError, ForbiddenError, RefusedError, ThrottledError, UnavailableError
from reconciler.resources.facts import UpstreamFacts
from reconciler.resources.finding import Finding
from reconciler.setup.checks import checks_of
from reconciler.setup.facts import (
    AppState,
    BotState,
    BytebaseFacts,
    DefinitionState,
    FeishuFacts,
    NoAccess,
    RecentUse,
    ScopeState,
    SetupFacts,
    Unread,
    VersionState,
)
from reconciler.subjects.instance import Resolution

APP = AppState(1, "https://icon.example", "oav_1", "", is_custom=True)
VERSION = VersionState("1.0.0", frozenset({"approval_instance", "approval_task"}), 0, everyone=True, people=0, others=0)
NEEDED = ("approval:approval", "approval:approval:readonly", "contact:user.id:readonly")
FEISHU = FeishuFacts(
    bot=BotState("ou_bot", 2),
    scopes=tuple(ScopeState(name, granted=True) for name in NEEDED),
    app=APP,
    version=VERSION,
    connections=1,
    connection_offer=None,
    definitions={"stage-gate": DefinitionState("CODE-1")},
    recent=RecentUse(3),
    people=Resolution({"alice@example.com": "ou_alice"}, {}),
    availability={"ou_alice": True},
)
BYTEBASE = BytebaseFacts(
    upstream=UpstreamFacts(
        "3.21.1", "ENTERPRISE", "workspaces/w", "serviceAccount:gitops@service.bytebase.com", "https://b.example"
    ),
    im_types=(),
    rights=(),
    people=(Finding("userResolves", "users", "alice@example.com", "is found in Feishu"),),
)
FACTS = SetupFacts(BYTEBASE, FEISHU, skews={"bytebase": 0.2, "feishu": -0.3})


class Pages:
    def page(self, name: str) -> str:
        return f"<{name}>"

    def scopes(self, names: Iterable[str]) -> str:
        return f"<scopes {','.join(names)}>"

    def admin(self) -> str:
        return "<admin>"

    def approvals(self) -> str:
        return "<approvals>"


def lines(facts: SetupFacts, spec: str = SPEC, siblings: frozenset[str] = frozenset({"acme"})) -> dict[str, str]:
    checks = checks_of(target_of(spec.replace("CODE", "CODE-1")), facts, Pages(), siblings=siblings)
    assert all(check.cause and check.fix and check.link for check in checks if check.status != "ok")
    return {check.id: shown(check) for check in checks}


def feishu(**values: Any) -> SetupFacts:
    return replace(FACTS, feishu=replace(FEISHU, **values))


PROVED = SPEC.replace(
    "    definitions:\n", "    events: {transport: callback, encryptKey: {env: EK}}\n    definitions:\n"
)
NOT_IN_USE = Unread(CredentialsError("Feishu refuses bot", why="the app is disabled (code 99991662)"), 99991662)
AFTER_6 = "unverifiable: known once this is in order: step 6 (Administrator's approval) | ask an administrator to enable the app in the admin console, or publish a version of it | <admin>"

TABLE: list[tuple[str, SetupFacts, str]] = [
    (
        "bot",
        feishu(bot=BotState("", 2)),
        "failed: the app has no bot: Feishu gives it no open id | enable the bot under Features > Bot, and publish a version of the app | <bot>",
    ),
    (
        "bot",
        feishu(bot=BotState("ou_bot", 1)),
        "failed: the bot is disabled by the tenant (activate_status 1) | publish a version of the app and have it approved; then look at the app in the admin console | <admin>",
    ),
    (
        "bot",
        feishu(bot=BotState("ou_bot", 9)),
        "failed: the bot is in a state that is not documented (activate_status 9) | publish a version of the app and have it approved; then look at the app in the admin console | <admin>",
    ),
    ("bot", feishu(bot=NOT_IN_USE), AFTER_6),
    (
        "bot",
        feishu(bot=Unread(ThrottledError("Feishu refuses bot", why="too many calls", next_step="wait a minute"))),
        "unverifiable: Feishu refuses bot: too many calls | wait a minute | <bot>",
    ),
    (
        "enabled",
        feishu(app=NOT_IN_USE),
        "failed: the app is disabled (code 99991662) | ask an administrator to enable the app in the admin console, or publish a version of it | <admin>",
    ),
    (
        "enabled",
        feishu(app=replace(APP, status=0)),
        "failed: the app is disabled in this tenant (status 0) | ask an administrator to enable it in the admin console | <admin>",
    ),
    (
        "enabled",
        feishu(app=replace(APP, status=2)),
        "failed: the app is not enabled in this tenant (status 2) | ask an administrator to enable it in the admin console | <admin>",
    ),
    (
        "enabled",
        feishu(app=replace(APP, status=3)),
        "unverifiable: Feishu does not say whether the app is enabled (status 3) | look at the app in the admin console: it must be Enabled | <admin>",
    ),
    (
        "enabled",
        feishu(app=replace(APP, online_version="", version_in_review="oav_2"), version=None),
        "failed: the submitted version waits for an administrator of the tenant | ask an administrator to approve it in the admin console, under App Review | <admin>",
    ),
    (
        "version",
        feishu(app=replace(APP, online_version="", version_in_review="oav_2"), version=None),
        "ok: a version was submitted",
    ),
    (
        "version",
        feishu(app=replace(APP, online_version=""), version=None),
        "failed: no version of the app was ever published: nothing that the console shows counts yet | create a version under App Release, set its availability, and submit it | <version>",
    ),
    (
        "enabled",
        feishu(app=replace(APP, online_version=""), version=None),
        "unverifiable: known once this is in order: step 5 (Version and availability) | create a version under App Release, set its availability, and submit it | <version>",
    ),
    (
        "events/configured",
        feishu(app=replace(APP, online_version=""), version=None),
        "failed: no version of the app is online, so no event is sent | subscribe approval_instance and approval_task under Events & Callbacks, and publish a version | <event>",
    ),
    (
        "version",
        feishu(version=replace(VERSION, everyone=False)),
        "failed: version 1.0.0 is available to nobody | set its availability to the people who approve, and publish another version | <version>",
    ),
    (
        "version",
        feishu(version=replace(VERSION, everyone=False, people=2, others=1)),
        "ok: version 1.0.0 is online, available to 2 people and 1 department or group",
    ),
    (
        "version",
        feishu(version=Unread(ForbiddenError("no"))),
        "ok: a version is online; to whom it is available cannot be seen",
    ),
    (
        "icon",
        feishu(app=replace(APP, icon="")),
        "failed: the app has no icon | upload one under Credentials & Basic Info, and publish a version | <baseinfo>",
    ),
    (
        "app",
        feishu(app=replace(APP, is_custom=False)),
        "failed: cli_sandbox is no custom app: it comes from the app store | create a custom app in the developer console, and write its id and secret into the spec | <baseinfo>",
    ),
    (
        "scopes",
        feishu(scopes=Unread(UnavailableError("Feishu failed", why="app.scopes: status 502", next_step="wait"))),
        "unverifiable: Feishu failed: app.scopes: status 502 | wait | <scopes approval:approval,approval:approval:readonly,contact:user.id:readonly>",
    ),
    (
        "events/configured",
        feishu(version=replace(VERSION, events=frozenset({"审批任务"}), nameless_events=1)),
        "unverifiable: version 1.0.0 has 1 events whose type Feishu does not tell; approval_instance, approval_task may be among them | see in the console that approval_instance and approval_task are subscribed | <event>",
    ),
    (
        "events/transport",
        feishu(
            connection_offer=Unread(
                RefusedError(
                    "Feishu does not open the long connection",
                    why="the app has its fifty connections already",
                    next_step="stop others",
                ),
                1000040350,
            )
        ),
        "failed: Feishu does not open the long connection: the app has its fifty connections already | stop others | <event>",
    ),
    (
        "events/transport",
        feishu(connection_offer=Unread(UnavailableError("no answer", next_step="wait"))),
        "unverifiable: no answer | wait | <event>",
    ),
    (
        "availability",
        feishu(availability={"ou_alice": False}),
        "failed: the app is not available to alice@example.com: no card or reminder of the bot reaches them | widen the availability in a new version of the app, and publish it | <version>",
    ),
    (
        "definition/stage-gate",
        feishu(definitions={"stage-gate": DefinitionState("CODE-1", problem="its status in Feishu is INACTIVE")}),
        "failed: no request can be made from CODE-1: its status in Feishu is INACTIVE | enable it in the approval console | <approvals>",
    ),
    (
        "definition/stage-gate",
        feishu(definitions={"stage-gate": DefinitionState("CODE-1", problem="it demands a handwritten signature")}),
        "failed: no request can be made from CODE-1: it demands a handwritten signature | run reconciler apply, which writes it whole | <approvals>",
    ),
    (
        "customIds/stage-gate",
        feishu(definitions={"stage-gate": DefinitionState("CODE-1", returns_ids=False)}),
        "failed: Feishu does not return our ids of its node and fields: requests cannot be addressed, nor read back safely | run reconciler apply --only feishu/definition, which writes it whole; if that does not help, report it | <approvals>",
    ),
    (
        "sharedApp",
        feishu(recent=RecentUse(3, ("globex",))),
        "failed: recent requests of our definitions belong to globex, which this spec does not declare: another deployment uses the app, and Feishu gives each event to one connection at random | give each deployment its own app, or run them as targets of one sync | <event>",
    ),
    (
        "sharedApp",
        feishu(connections=2),
        "unverifiable: 2 long connections are open with this app, and this spec accounts for 1: if another deployment holds one of them, events meant for us go there | stop what else connects with this app, or give it an app of its own | <event>",
    ),
    (
        "events/arriving",
        FACTS,
        "unverifiable: 1 long connection is open with this app; whether events come through is seen only in sync | while sync runs, decide a request: `reconciler_events_total` of its /metrics counts the event, and the stage runs within a second; without events it runs at the next poll | <event>",
    ),
    (
        "store",
        replace(
            FACTS, store=Unread(RefusedError("the store is of another version", next_step="run reconciler migrate"))
        ),
        "failed: the store is of another version | run reconciler migrate | http://127.0.0.1:7001",
    ),
    (
        "clock",
        replace(FACTS, skews={}),
        "unverifiable: no upstream told its time | make the upstreams answer | <baseinfo>",
    ),
    (
        "clock",
        replace(FACTS, skews={"bytebase": -61.0, "feishu": 1.0}),
        "failed: bytebase's clock is 61 s ahead of ours: nothing expires, nothing is reminded, and no condition newly counts | let this machine, and any server of your own, keep time by NTP | <baseinfo>",
    ),
    ("clock", replace(FACTS, skews={"bytebase": 60.0, "feishu": 1.0}), "ok: within 60 s of bytebase and feishu"),
    (
        "bytebase",
        replace(
            FACTS,
            bytebase=NoAccess(
                Unread(UnavailableError("the upstream cannot be reached", next_step="check the address"))
            ),
        ),
        "failed: the upstream cannot be reached | check the address | http://127.0.0.1:7001",
    ),
    (
        "bytebase",
        replace(FACTS, bytebase=replace(BYTEBASE, upstream=replace(BYTEBASE.upstream, version="3.15.2"))),
        "ok: Bytebase 3.15.2 (ENTERPRISE) accepts gitops@service.bytebase.com; before 3.17 it is supported as well as it goes",
    ),
    (
        "credentials",
        replace(
            FACTS,
            feishu=NoAccess(Unread(UnavailableError("the upstream cannot be reached", next_step="check the address"))),
        ),
        "failed: the upstream cannot be reached | check the address | <baseinfo>",
    ),
    ("credentials", replace(FACTS, feishu=NoAccess(NOT_IN_USE)), AFTER_6),
]


@pytest.mark.parametrize(
    ("id_", "facts", "expected"), TABLE, ids=[f"{index} {row[0]}" for index, row in enumerate(TABLE)]
)
def test_the_line_for_a_fact(id_: str, facts: SetupFacts, expected: str) -> None:
    assert lines(facts)[id_] == expected


def test_events_of_other_integrations_of_the_same_spec_are_ours() -> None:
    seen = feishu(connections=2, recent=RecentUse(3, ("globex",)))
    assert lines(seen, siblings=frozenset({"acme", "globex"}))["sharedApp"].startswith("ok:")


def test_by_callback_every_deployment_hears_everything() -> None:
    line = lines(feishu(recent=RecentUse(3, ("globex",))), PROVED)["sharedApp"]
    assert (
        line
        == "ok: nothing points to another deployment (3 recent requests looked at); some belong to globex, whose events reach everybody"
    )


def test_a_callback_needs_the_secret_that_proves_it() -> None:
    missing = replace(
        FACTS, secrets={"spec.feishu.events.encryptKey": Unread(CredentialsError("EK is not set", next_step="set EK"))}
    )
    assert (
        lines(missing, PROVED)["events/transport"]
        == "failed: spec.feishu.events.encryptKey: EK is not set | set EK | <event>"
    )
    there = replace(FACTS, secrets={"spec.feishu.events.encryptKey": None})
    assert lines(there, PROVED)["events/transport"].startswith("unverifiable: only Feishu can tell")


def test_without_an_app_nothing_is_wrong_with_it() -> None:
    spec = SPEC.split("  feishu:")[0]
    found = lines(replace(FACTS, feishu=None), spec)
    assert (
        found["app"]
        == "unverifiable: the spec declares no Feishu app, and nothing in it needs one | declare spec.feishu.app where approvals are to be asked for in Feishu | http://127.0.0.1:7001"
    )
    assert not any(line.startswith("failed") for line in found.values())


def test_what_goes_past_a_gate_is_said_and_fails_nothing() -> None:
    notes = (Finding("canBypassGate", "capability", "prod", "can run its stages: user:eve@x"),)
    assert lines(replace(FACTS, bytebase=replace(BYTEBASE, rights=notes)))["rights/prod"] == (
        "ok: our accounts hold what it needs; worth knowing: can run its stages: user:eve@x"
    )
    broken = (*notes, Finding("unknownProject", "capability", "prod", "no project nope", "correct it"))
    assert (
        lines(replace(FACTS, bytebase=replace(BYTEBASE, rights=broken)))["rights/prod"]
        == "failed: no project nope | correct it | http://127.0.0.1:7001"
    )
