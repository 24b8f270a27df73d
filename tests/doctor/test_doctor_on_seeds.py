"""What doctor says to each thing that can be wrong with a set-up, against both stand-ins: the exact line."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from doctor.clinic import NEEDED, SELF_MANAGE, Clinic, Memory, shown

from reconciler.resources.record import AppliedRecord, RecordState
from reconciler.setup.check import Status

CONSOLE = "http://127.0.0.1:7002/app/cli_sandbox"
ADMIN = "http://127.0.0.1:7002"
BYTEBASE = "http://127.0.0.1:7001"
OWN_RECORD = (
    f"unverifiable: Feishu shows this only with the scope {SELF_MANAGE}, which the app does not have | "
    f"grant {SELF_MANAGE} and publish a version of the app, or look at it in the console | "
    f"{CONSOLE}/auth?q={SELF_MANAGE}&op_from=openapi&token_type=tenant"
)
NO_BOT = (
    "failed: the app has no bot: the app has no bot, or no published version has one (code 11205, “app do not have bot”) | "
    f"enable the bot under Features > Bot, and publish a version of the app | {CONSOLE}/bot"
)
WRONG_SECRET = (
    "failed: Feishu refuses token: app id and secret do not fit, or the app is disabled (code 10014, “app secret invalid”) | "
    "check feishu.app.id, its secret, and that the app is enabled; an app of Lark does not exist in Feishu | "
    f"{CONSOLE}/baseinfo"
)
REFUSED = (
    "Bytebase does not accept the credentials: invalid email or password | "
    f"check the account, its key, and that it was not deleted | {BYTEBASE}"
)
AFTER_STEP_7 = "unverifiable: known once this is in order: step 7 (Credentials)"


def set_app(**values: Any) -> Callable[[Clinic], None]:
    return lambda clinic: clinic.app.update(values)


def set_bytebase(**values: Any) -> Callable[[Clinic], None]:
    return lambda clinic: clinic.seed["bytebase"].update(values)


def set_clinic(**values: Any) -> Callable[[Clinic], None]:
    def apply(clinic: Clinic) -> None:
        for name, value in values.items():
            setattr(clinic, name, value)

    return apply


def replace(old: str, new: str) -> Callable[[Clinic], None]:
    def apply(clinic: Clinic) -> None:
        assert old in clinic.spec
        clinic.spec = clinic.spec.replace(old, new)

    return apply


def without_scope(name: str) -> Callable[[Clinic], None]:
    return set_app(scopes=[scope for scope in [*NEEDED, SELF_MANAGE] if scope != name])


def disabled(clinic: Clinic) -> None:
    clinic.sicken = lambda _, feishu: setattr(feishu.world.apps["cli_sandbox"], "enabled", False)


def in_review(clinic: Clinic) -> None:
    def submit(_bytebase: Any, feishu: Any) -> None:
        feishu.world.apps["cli_sandbox"].submit(version="1.1.0", now=0, review=True)

    clinic.sicken = submit


def hidden_person(clinic: Clinic) -> None:
    clinic.seed["feishu"]["users"][0]["visible"] = False
    clinic.seed["feishu"]["users"].append({"email": "other@example.com"})


def declared_im(clinic: Clinic) -> None:
    clinic.spec = clinic.spec.replace(
        "  feishu:\n", "    im: {settings: [{type: FEISHU, from: feishu}]}\n  feishu:\n", 1
    )


def review_gate(clinic: Clinic) -> None:
    clinic.spec += "    - {name: review, at: review, decide: {definition: stage-gate}}\n"
    clinic.seed["bytebase"]["licence"] = "FREE"


SCOPES_LINK = f"{CONSOLE}/auth?q={{}}&op_from=openapi&token_type=tenant"
GRANT = "grant them in the console and publish a version of the app: a scope counts once its version is online"

TABLE: dict[str, tuple[Callable[[Clinic], None], dict[str, str]]] = {
    "no bot": (set_app(bot=False), {"bot": NO_BOT}),
    "never published": (
        set_app(published=False),
        {
            "bot": NO_BOT,
            "scopes": "failed: not granted: approval:approval (waits for an administrator), approval:approval:readonly "
            "(waits for an administrator), contact:user.id:readonly (waits for an administrator) | "
            f"{GRANT} | {SCOPES_LINK.format(','.join(NEEDED))}",
            "version": OWN_RECORD,
            "enabled": OWN_RECORD,
        },
    ),
    **{
        f"without {name}": (
            without_scope(name),
            {"scopes": f"failed: not granted: {name} (not declared) | {GRANT} | {SCOPES_LINK.format(name)}"},
        )
        for name in NEEDED
    },
    "without self_manage": (
        without_scope(SELF_MANAGE),
        {
            "scopes": f"ok: {', '.join(NEEDED)}",
            "icon": OWN_RECORD,
            "version": OWN_RECORD,
            "enabled": OWN_RECORD,
            f"scope/{SELF_MANAGE}": "unverifiable: not granted, so steps 2, 5 and 6 cannot be verified | grant it for seeing "
            "icon, version, availability, events and whether the app is enabled, and publish a version of the app | "
            f"{SCOPES_LINK.format(SELF_MANAGE)}",
            "availability": f"unverifiable: Feishu shows this only with the scope {SELF_MANAGE}, which the app does not have | "
            f"grant {SELF_MANAGE} and publish a version, or compare the version's availability with the approvers | "
            f"{SCOPES_LINK.format(SELF_MANAGE)}",
            "events/configured": f"unverifiable: Feishu shows this only with the scope {SELF_MANAGE}, which the app does not "
            f"have | grant {SELF_MANAGE} and publish a version, or see in the console that approval_instance and "
            f"approval_task are subscribed | {CONSOLE}/event",
        },
    ),
    "notify without its scope": (
        replace("  gates:\n", "  notify: [{to: requester, when: [failed]}]\n  gates:\n"),
        {
            "scope/im:message:send_as_bot": "unverifiable: not granted, so no card is sent, and people are reminded by a "
            "mention on the request | grant it for the cards of spec.notify, and reminders by card, and publish a version of "
            f"the app | {SCOPES_LINK.format('im:message:send_as_bot')}"
        },
    ),
    "wrong secret": (
        set_clinic(secret="wrong"),
        {
            "credentials": WRONG_SECRET,
            "app": f"{AFTER_STEP_7} | {WRONG_SECRET.partition(' | ')[2]}",
            "definition/stage-gate": f"{AFTER_STEP_7} | {WRONG_SECRET.partition(' | ')[2]}",
            "sharedApp": f"{AFTER_STEP_7} | {WRONG_SECRET.partition(' | ')[2]}",
            "rights/prod": "ok: our accounts hold what it needs; worth knowing: can run its stages in Bytebase without any "
            "approval: serviceAccount:gitops@service.bytebase.com, user:admin@example.com, user:alice@example.com",
        },
    ),
    "secret not set": (
        set_clinic(secret=None),
        {
            "credentials": "failed: environment variable FEISHU_APP_SECRET is not set | set FEISHU_APP_SECRET | "
            f"{CONSOLE}/baseinfo",
            "bytebase": "ok: Bytebase development (ENTERPRISE) accepts gitops@service.bytebase.com",
        },
    ),
    "unknown app": (
        replace("id: cli_sandbox", "id: cli_nobody"),
        {
            "app": "failed: Feishu does not know the app cli_nobody: app id and secret do not fit, or the app is disabled "
            "(code 10003, “invalid param”) | create a custom app in the developer console and write its id as "
            "spec.feishu.app.id; an app of Lark does not exist in Feishu (spec.feishu.platform) | "
            "http://127.0.0.1:7002/app/cli_nobody/baseinfo"
        },
    ),
    "app disabled": (
        disabled,
        {
            "credentials": "failed: Feishu refuses token: app id and secret do not fit, or the app is disabled (code 10014, "
            "“app unauthorized, check whether it is disabled”) | check feishu.app.id, its secret, and that the app is "
            f"enabled; an app of Lark does not exist in Feishu | {CONSOLE}/baseinfo"
        },
    ),
    "another version in review": (
        in_review,
        {
            "version": "ok: version 1.0.0 is online, available to everybody; another version waits for approval, and what "
            "it changes does not count yet",
            "enabled": "ok: the app is enabled",
        },
    ),
    "approver not visible": (
        hidden_person,
        {
            "approvers": "failed: 1 of 1 cannot be asked: alice@example.com (specs/acme.yaml:16): Feishu knows no person with "
            "the e-mail alice@example.com, or the app may not see them | correct the e-mail in Bytebase or Feishu, add a "
            "spec.users.overrides entry, or take the person into the app's availability and contacts range | "
            f"{CONSOLE}/version",
            "version": "ok: version 1.0.0 is online, available to 1 person",
        },
    ),
    "nobody to ask": (
        replace("decide: {definition: stage-gate}", "decide: {definition: stage-gate}, approvers: {roles: [roles/oa]}"),
        {
            "approvers": "failed: gate prod would ask nobody: no person holds what its approvers are taken from | bind people "
            "to those roles in Bytebase, or name users or a fallback in spec.gates[].approvers | "
            f"{CONSOLE}/version"
        },
    ),
    "no events": (
        set_app(events=[]),
        {
            "events/configured": "failed: version 1.0.0 does not subscribe approval_instance, approval_task | add the events "
            f"under Events & Callbacks, and publish a version of the app | {CONSOLE}/event"
        },
    ),
    "one event missing": (
        set_app(events=["approval_task"]),
        {
            "events/configured": "failed: version 1.0.0 does not subscribe approval_instance | add the events "
            f"under Events & Callbacks, and publish a version of the app | {CONSOLE}/event"
        },
    ),
    "no transport": (
        replace("    definitions:\n", "    events: {transport: none}\n    definitions:\n"),
        {
            "events/transport": "ok: no events: every pending request is read again each 5 s (spec.feishu.events.transport)"
        },
    ),
    "events arrived": (
        set_clinic(last_event=datetime(2026, 11, 25, 10, 30, tzinfo=UTC)),
        {"events/arriving": "ok: the last one arrived on 2026-11-25 10:30 UTC"},
    ),
    "subscribed by us": (
        set_clinic(
            memory=Memory(
                AppliedRecord(
                    "acme",
                    "feishu/subscription",
                    "stage-gate",
                    RecordState.APPLIED,
                    datetime(2026, 11, 25, 10, 30, tzinfo=UTC),
                )
            )
        ),
        {
            "events/subscription/stage-gate": "ok: subscribed on 2026-11-25 10:30 UTC, as the store says; Feishu does not show "
            "subscriptions"
        },
    ),
    "not created yet": (
        replace("code: CODE", "code: null"),
        {
            "definition/stage-gate": "failed: it was not created yet: neither the spec nor the store holds its approval code | "
            "run reconciler apply --create-definition stage-gate, or write the code of an existing one as `code:` | "
            f"{ADMIN}",
            "customIds/stage-gate": "unverifiable: known once this is in order: Definition stage-gate | run reconciler apply "
            f"--create-definition stage-gate, or write the code of an existing one as `code:` | {ADMIN}",
        },
    ),
    "unknown definition": (
        replace("code: CODE", "code: 0B970B00-194F-4FEF-9E26-CD9A3369E8F3"),
        {
            "definition/stage-gate": "failed: Feishu refuses definition.get: there is no approval definition with this code "
            "(code 1390002, “approval code not found”) | check the definition's code, the app's tenant and the platform | "
            f"{ADMIN}"
        },
    ),
    "definition of another integration": (
        set_clinic(integration="globex"),
        {
            "definition/stage-gate": "failed: CODE carries the mark of another integration (STAMP): two specs write it in "
            "turn | give each integration its own definition: write its own `code:`, or null to create one | " + ADMIN
        },
    ),
    "no external URL": (
        set_bytebase(externalUrl=""),
        {
            "externalUrl": "failed: Bytebase has no external URL: it sends no webhook, and links in requests lead to the "
            "address in the spec | set it under Settings > General > Network, or start the server with --external-url | "
            f"{BYTEBASE}/setting/general"
        },
    ),
    "wrong key": (
        set_clinic(key="bbs_wrong"),
        {
            "bytebase": f"failed: {REFUSED}",
            "externalUrl": "unverifiable: known once this is in order: step 8 (Bytebase side)",
            "approvers": "unverifiable: known once this is in order: step 8 (Bytebase side)",
            "bot": "ok: the bot works",
        },
    ),
    "key of sync not here": (
        set_clinic(sync_key=None),
        {
            "account/sync": "unverifiable: sync@service.bytebase.com: its secret is not to be had here: environment variable "
            f"SYNC_KEY is not set | run doctor where this account's secret is: set SYNC_KEY | {BYTEBASE}"
        },
    ),
    "wrong key of sync": (
        set_clinic(sync_key="bbs_wrong"),
        {"account/sync": f"failed: sync@service.bytebase.com: {REFUSED}"},
    ),
    "sync may not run": (
        set_bytebase(
            projects=[{"id": "demo", "iam": [{"role": "roles/projectReleaser", "members": ["user:alice@example.com"]}]}]
        ),
        {
            "rights/prod": "failed: serviceAccount:sync@service.bytebase.com lacks bb.taskRuns.create, bb.issues.get, "
            "bb.plans.get, bb.rollouts.get, bb.taskRuns.list, bb.sheets.get, bb.issueComments.create in project demo | "
            f"bind it to roles/projectReleaser there (spec.bytebase.bindings can do that) | {BYTEBASE}"
        },
    ),
    "IM not written": (
        declared_im,
        {
            "bytebase": "failed: its IM list does not hold FEISHU, which the spec declares | run reconciler apply --only "
            f"bytebase/im, or reconciler bootstrap | {BYTEBASE}"
        },
    ),
    "review gates on FREE": (
        review_gate,
        {
            "licence": "failed: the licence is FREE, and review gates need ENTERPRISE | upload an ENTERPRISE licence, or take "
            f"them out of the spec: stage gates work with every licence | {BYTEBASE}/setting/subscription"
        },
    ),
    "stage gates on FREE": (
        set_bytebase(licence="FREE"),
        {"licence": "ok: FREE, which is enough for what the spec declares"},
    ),
    "clocks apart": (
        set_clinic(skew=-300.0),
        {
            "clock": "failed: bytebase's clock is 300 s behind ours; feishu's clock is 300 s behind ours: nothing expires, "
            "nothing is reminded, and no condition newly counts | let this machine, and any server of your own, keep time "
            f"by NTP | {CONSOLE}/baseinfo"
        },
    ),
}


def settled(line: str) -> str:
    line = re.sub(r"gate-[0-9a-f]{4}-[0-9a-f]{12}", "STAMP", line)
    return re.sub(r"\b(299|301) s behind", "300 s behind", line)


@pytest.mark.parametrize("name", TABLE)
async def test_what_is_wrong_gets_its_own_line_and_takes_no_other_away(name: str) -> None:
    make, expected = TABLE[name]
    clinic = Clinic()
    make(clinic)
    checks = await clinic.lines()
    lines = {key: settled(shown(check)) for key, check in checks.items()}
    for key, line in expected.items():
        assert lines[key] == line or lines[key].startswith(f"{line} |"), key
    assert USUAL - set(GONE.get(name, ())) <= set(lines)
    for check in checks.values():
        assert check.status is Status.OK or (check.cause and check.fix and check.link), check.id


USUAL = {
    *("app", "icon", "bot", "scopes", "version", "enabled", "credentials", "bytebase", "externalUrl", "licence"),
    *("rights/prod", "account/sync", "approvers", "availability", "definition/stage-gate", "customIds/stage-gate"),
    *("events/subscription/stage-gate", "events/configured", "events/transport", "events/arriving"),
    *("scope/im:message:send_as_bot", "scope/im:message.urgent", "scope/approval:approval.list:readonly"),
    *(f"scope/{SELF_MANAGE}", "sharedApp", "withdrawal", "clock"),
}
GONE = {
    "no transport": ["events/configured", "events/arriving", "events/subscription/stage-gate"],
    "wrong key": ["rights/prod"],
}
"""Without events nothing is said of them, and without Bytebase rights are one line and not one for each gate."""


async def test_a_healthy_set_up_fails_nowhere_and_leaves_open_what_nobody_can_see() -> None:
    examination = await Clinic().examine()
    assert examination.exit_code == 0
    open_lines = [check.id for check in examination.checks if check.status is not Status.OK]
    assert open_lines == ["events/subscription/stage-gate", "events/arriving", "withdrawal"]
    assert {check.id for check in examination.checks} == USUAL


async def test_every_step_of_the_guide_has_one_line_first_and_in_order() -> None:
    for clinic in (Clinic(), Clinic(secret="wrong"), Clinic(key="wrong", secret=None)):
        steps = [check.step for check in (await clinic.examine()).checks]
        assert steps[:8] == [1, 2, 3, 4, 5, 6, 7, 8]
        assert set(steps[8:]) == {None}


async def test_missing_optional_scopes_are_never_failures() -> None:
    clinic = Clinic()
    without_scope(SELF_MANAGE)(clinic)
    examination = await clinic.examine()
    assert examination.exit_code == 0
    assert {check.step for check in examination.checks if check.status is Status.UNVERIFIABLE} >= {2, 5, 6}


async def test_no_line_holds_a_secret() -> None:
    for clinic in (Clinic(secret="canary-1", key="canary-2", sync_key="canary-3"), Clinic()):
        for check in (await clinic.examine(probe="stage-gate")).checks:
            assert "canary" not in repr(check)
            assert "bbs_" not in repr(check)
