"""The walk through the set-up: what is applied when, what is left to people, and where it stops. Doctor and apply are played."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest
from doctor.clinic import SPEC
from doctor.test_doctor_checks import APP, BYTEBASE, FACTS, FEISHU, Pages
from fakes.declarative_specs import target_of

from reconciler.errors import CredentialsError, ForbiddenError, RefusedError
from reconciler.operations.bootstrap import BootstrapPorts, bootstrap
from reconciler.plan.outcome import Applied, Outcome, Result
from reconciler.plan.target import plan_target
from reconciler.setup.check import Check, Examination
from reconciler.setup.checks import checks_of
from reconciler.setup.facts import BotState, NoAccess, ScopeState, SetupFacts, Unread
from reconciler.setup.walkthrough import Step, Walkthrough

MANAGED = SPEC.replace("    definitions:\n", "    appConfiguration: {manage: true}\n    definitions:\n").replace(
    "  feishu:\n", "    im: {settings: [{type: FEISHU, from: feishu}], verify: false}\n  feishu:\n", 1
)
BY_HAND = MANAGED.replace("manage: true", "manage: false")
SCOPES = tuple(
    ScopeState(name, granted=True)
    for name in (
        "approval:approval",
        "approval:approval:readonly",
        "contact:user.id:readonly",
        "application:application:self_manage",
        "application:application:patch",
    )
)
WITH_IM = replace(BYTEBASE, im_types=("FEISHU",))
READY = replace(FACTS, bytebase=WITH_IM, feishu=replace(FEISHU, scopes=SCOPES))
NO_BOT = replace(READY, feishu=replace(FEISHU, scopes=SCOPES, bot=BotState("", 2)))
NO_SCOPES = replace(READY, feishu=replace(FEISHU, scopes=SCOPES[3:]))
IN_REVIEW = replace(
    READY,
    feishu=replace(FEISHU, scopes=SCOPES, app=replace(APP, online_version="", version_in_review="v"), version=None),
)
APP_KINDS, IM_KINDS, DEFINITION_KINDS = ("feishu/app",), ("bytebase/im",), ("feishu/definition", "feishu/subscription")


@dataclass
class Played:
    """A world that becomes what `worlds` says, one after the other, with each successful apply of the app or wait."""

    worlds: Sequence[SetupFacts]
    spec: str = MANAGED
    answers: dict[tuple[str, ...], Callable[[], Applied]] = field(default_factory=dict)
    there: int = 0
    """How often somebody says that the administrator is done."""
    applied: list[tuple[str, ...]] = field(default_factory=list)
    told: list[Step] = field(default_factory=list)

    async def walk(self) -> Walkthrough:
        target = target_of(self.spec.replace("CODE", "CODE-1"))
        worlds = list(self.worlds)

        async def examine() -> Examination:
            checks = checks_of(target, worlds[0], Pages(), siblings=frozenset({"acme"}))
            return Examination(plan_target(target, "workspaces/w"), checks)

        async def apply(kinds: tuple[str, ...]) -> Applied:
            self.applied.append(kinds)
            done = self.answers.get(kinds, applied_to)()
            if kinds == APP_KINDS and done.exit_code == 0 and len(worlds) > 1:
                worlds.pop(0)
            return done

        async def wait(check: Check) -> bool:
            assert check.link == "<admin>"
            self.there -= 1
            if self.there >= 0 and len(worlds) > 1:
                worlds.pop(0)
            return self.there >= 0

        return await bootstrap(target, BootstrapPorts(examine, apply, wait, self.told.append))


def applied_to(*outcomes: Outcome) -> Applied:
    return Applied(plan_target(target_of(SPEC.replace("CODE", "x")), ""), outcomes)


def states(walk: Walkthrough) -> dict[str, str]:
    return {step.id: step.state.value for step in walk.steps}


def refusing(error: Exception) -> Callable[[], Applied]:
    def answer() -> Applied:
        raise error

    return answer


async def test_what_is_in_order_is_left_alone() -> None:
    played = Played([READY])
    walk = await played.walk()
    assert states(walk) == dict.fromkeys(["access", "app", "enabled", "bytebase", "definitions"], "done")
    assert played.applied == [IM_KINDS, DEFINITION_KINDS]
    assert walk.exit_code == 0
    assert played.told == list(walk.steps)


async def test_a_managed_app_is_put_right_before_anything_that_rests_on_it() -> None:
    app = Outcome("feishu/app", "cli_sandbox", Result.APPLIED, "published")
    played = Played([NO_BOT, READY], answers={APP_KINDS: lambda: applied_to(app)})
    walk = await played.walk()
    assert played.applied == [APP_KINDS, IM_KINDS, DEFINITION_KINDS]
    assert states(walk)["app"] == "done"
    assert walk.exit_code == 0


async def test_an_app_that_is_not_managed_is_left_to_a_person_with_its_page() -> None:
    played = Played([NO_BOT], spec=BY_HAND)
    walk = await played.walk()
    (app,) = [step for step in walk.steps if step.id == "app"]
    assert app.state.value == "byHand"
    assert app.fix == "enable the bot under Features > Bot, and publish a version of the app"
    assert app.link == "<bot>"
    assert APP_KINDS not in played.applied
    assert walk.exit_code == 1


async def test_an_app_that_may_not_change_itself_is_left_to_a_person() -> None:
    played = Played([replace(READY, feishu=replace(FEISHU, scopes=SCOPES[:4], bot=BotState("", 2)))])
    walk = await played.walk()
    (app,) = [step for step in walk.steps if step.id == "app"]
    assert app.state.value == "byHand"
    assert "application:application:patch" in app.link
    assert APP_KINDS not in played.applied


async def test_without_credentials_only_people_can_go_on() -> None:
    refused = NoAccess(Unread(CredentialsError("Feishu refuses token", next_step="check the secret")))
    played = Played([replace(READY, feishu=refused)])
    walk = await played.walk()
    assert states(walk) == {"access": "byHand", "bytebase": "notReached", "definitions": "notReached"}
    assert played.applied == []
    assert all(step.fix and step.link for step in walk.steps)


async def test_definitions_wait_for_scopes_and_the_rest_does_not() -> None:
    played = Played([NO_SCOPES], spec=BY_HAND)
    walk = await played.walk()
    assert states(walk)["definitions"] == "notReached"
    assert played.applied == [IM_KINDS]


async def test_an_administrator_is_waited_for_where_somebody_is_there() -> None:
    played = Played([IN_REVIEW, IN_REVIEW, READY], there=2)
    walk = await played.walk()
    assert states(walk)["enabled"] == "done"
    assert played.applied[-1] == DEFINITION_KINDS


async def test_nobody_is_there_so_it_tells_and_can_be_run_again() -> None:
    first = await Played([IN_REVIEW]).walk()
    (enabled,) = [step for step in first.steps if step.id == "enabled"]
    assert enabled.state.value == "waiting"
    assert enabled.link == "<admin>"
    assert first.exit_code == 1
    assert (await Played([READY]).walk()).exit_code == 0


async def test_what_nobody_permitted_is_no_failure_and_names_the_flag() -> None:
    error = RefusedError("nobody can be asked here", next_step="run bootstrap with --create-definition stage-gate")
    walk = await Played([READY], answers={DEFINITION_KINDS: refusing(error)}).walk()
    (step,) = [step for step in walk.steps if step.id == "definitions"]
    assert step.state.value == "refused"
    assert step.fix == "run bootstrap with --create-definition stage-gate"
    assert walk.exit_code == 3


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (refusing(ForbiddenError("no")), 1),
        (lambda: applied_to(Outcome("bytebase/im", "workspace", Result.FAILED, "no")), 1),
    ],
)
async def test_a_failed_step_stops_nothing_that_does_not_rest_on_it(answer: Callable[[], Applied], code: int) -> None:
    played = Played([READY], answers={IM_KINDS: answer})
    walk = await played.walk()
    assert states(walk)["bytebase"] == "failed"
    assert states(walk)["definitions"] == "done"
    assert walk.exit_code == code


async def test_some_applied_and_some_failed_is_four() -> None:
    made = Outcome("feishu/definition", "stage-gate", Result.APPLIED, code="CODE-1")
    failed = Outcome("bytebase/im", "workspace", Result.FAILED, "no")
    answers = {IM_KINDS: lambda: applied_to(failed), DEFINITION_KINDS: lambda: applied_to(made)}
    assert (await Played([READY], answers=answers).walk()).exit_code == 4


async def test_without_an_app_only_bytebase_is_walked_through() -> None:
    spec = "".join(MANAGED.partition("  feishu:\n")[:1]).replace(
        "    im: {settings: [{type: FEISHU, from: feishu}], verify: false}\n",
        "    im: {settings: [{type: SLACK, token: {env: T}}]}\n",
    )
    played = Played([replace(READY, feishu=None)], spec=spec)
    walk = await played.walk()
    assert states(walk) == {"bytebase": "done"}
    assert played.applied == [IM_KINDS]
