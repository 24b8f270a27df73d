"""Walk one target through the set-up in the guide's order: what the API allows is applied, the rest is told to a person.

Everything is written by plan and apply. Each step begins with what doctor sees, so an interrupted run is taken up where it
ended, and what was done is not done again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from reconciler.errors import ReconcilerError, RefusedError
from reconciler.plan.outcome import Applied, Result
from reconciler.setup.check import Check, Examination, Status, cause_of
from reconciler.setup.walkthrough import Step, StepState, Walkthrough, by_hand
from reconciler.spec.target import Target

_APP_CHECKS = ("bot", "scopes", "version", "events/configured")
_PATCH = "scope/application:application:patch"
_FIRST_PUBLISHED_BY_HAND = "; a version that has it must be published once by hand"


@dataclass(frozen=True, slots=True)
class BootstrapPorts:
    """How the walk sees and acts. `examine` is doctor; `apply` makes the resources of these kinds as the spec says.

    `wait` asks a person who is there whether an administrator has meanwhile done what the check says; False where nobody is.
    """

    examine: Callable[[], Awaitable[Examination]]
    apply: Callable[[tuple[str, ...]], Awaitable[Applied]]
    wait: Callable[[Check], Awaitable[bool]]
    tell: Callable[[Step], None]


async def bootstrap(target: Target, ports: BootstrapPorts) -> Walkthrough:
    """Take every step that can be taken now, each told as it ends."""
    return await _Walk(target, ports).run()


class _Walk:
    def __init__(self, target: Target, ports: BootstrapPorts) -> None:
        self._target = target
        self._ports = ports
        self._steps: list[Step] = []
        self._checks: Mapping[str, Check] = {}
        self._examination: Examination | None = None

    async def run(self) -> Walkthrough:
        await self._look()
        if self._has_app and self._access():
            self._icon()
            await self._app()
            await self._administrator()
        await self._bytebase()
        await self._definitions()
        return Walkthrough(tuple(self._steps), await self._look())

    @property
    def _has_app(self) -> bool:
        return self._target.spec.feishu is not None and self._target.spec.feishu.app is not None

    async def _look(self) -> Examination:
        self._examination = await self._ports.examine()
        self._checks = {check.id: check for check in self._examination.checks}
        return self._examination

    def _failed(self, ids: Iterable[str]) -> list[Check]:
        found = [self._checks[id_] for id_ in ids if id_ in self._checks]
        return [check for check in found if check.status is Status.FAILED]

    def _add(self, step: Step) -> None:
        self._steps.append(step)
        self._ports.tell(step)

    def _access(self) -> bool:
        """Steps 1 and 7: without them nothing else can be looked at."""
        failed = self._failed(("app", "credentials", "enabled"))
        refused = [check for check in failed if self._checks["credentials"].status is not Status.OK]
        if refused:
            self._add(by_hand("access", "1, 7", "Custom app and credentials", refused))
            return False
        said = self._checks["credentials"].cause
        self._add(Step("access", "1, 7", "Custom app and credentials", StepState.DONE, said))
        return True

    def _icon(self) -> None:
        icon = self._checks["icon"]
        if icon.status is Status.FAILED:
            self._add(by_hand("icon", "2", "Icon", [icon]))

    async def _app(self) -> None:
        """Steps 3 to 5: written where the spec manages the app and the app may change itself."""
        title = "Bot, scopes, events and version"
        lacking = self._failed(_APP_CHECKS)
        feishu = self._target.spec.feishu
        is_managed = feishu is not None and feishu.app_configuration.manage
        if not lacking:
            said = "all that could be seen is in order"
            self._add(Step("app", "3, 4, 5", title, StepState.DONE, said))
        elif not is_managed:
            self._add(by_hand("app", "3, 4, 5", title, lacking))
        elif not self._sees_bytebase:
            self._add(self._not_reached("app", "3, 4, 5", title, self._checks["bytebase"]))
        elif self._failed(("enabled",)):
            self._add(self._not_reached("app", "3, 4, 5", title, self._checks["enabled"]))
        elif self._checks[_PATCH].status is not Status.OK:
            patch = self._checks[_PATCH]
            fix = patch.fix + _FIRST_PUBLISHED_BY_HAND
            self._add(Step("app", "3, 4, 5", title, StepState.BY_HAND, patch.cause, fix, patch.link))
        elif await self._apply("app", "3, 4, 5", title, ("feishu/app",)):
            await self._look()

    @property
    def _sees_bytebase(self) -> bool:
        """Whether Bytebase answers our account: every plan begins with what it says of itself."""
        return self._checks["externalUrl"].status is not Status.UNVERIFIABLE

    async def _administrator(self) -> None:
        """Step 6: only an administrator of the tenant can take it."""
        title = "Administrator's approval"
        while self._failed(("enabled",)):
            check = self._checks["enabled"]
            if not await self._ports.wait(check):
                self._add(Step("enabled", "6", title, StepState.WAITING, check.cause, check.fix, check.link))
                return
            await self._look()
        enabled = self._checks["enabled"]
        if enabled.status is Status.OK:
            self._add(Step("enabled", "6", title, StepState.DONE, enabled.cause))

    async def _bytebase(self) -> None:
        """Step 8: the IM list, where the spec declares one."""
        title = "Bytebase side"
        side = self._checks["bytebase"]
        if not self._sees_bytebase:
            self._add(by_hand("bytebase", "8", title, [side]))
        elif self._target.spec.bytebase.im is None:
            self._add(Step("bytebase", "8", title, StepState.DONE, side.cause))
        elif self._has_app and self._checks["credentials"].status is not Status.OK:
            self._add(self._not_reached("bytebase", "8", title, self._checks["credentials"]))
        else:
            await self._apply("bytebase", "8", title, ("bytebase/im",))

    async def _definitions(self) -> None:
        feishu = self._target.spec.feishu
        if feishu is None or not feishu.definitions:
            return
        title = "Definitions and their events"
        missing = self._missing_for_definitions()
        if missing is not None:
            self._add(self._not_reached("definitions", "", title, missing))
            return
        await self._apply("definitions", "", title, ("feishu/definition", "feishu/subscription"))

    def _missing_for_definitions(self) -> Check | None:
        if self._checks["credentials"].status is not Status.OK:
            return self._checks["credentials"]
        if not self._sees_bytebase:
            return self._checks["bytebase"]
        return next(iter(self._failed(("scopes",))), None)

    def _not_reached(self, id_: str, steps: str, title: str, missing: Check) -> Step:
        place = f"step {missing.step} ({missing.title})" if missing.step else missing.title
        return Step(id_, steps, title, StepState.NOT_REACHED, f"before it: {place}", missing.fix, missing.link)

    async def _apply(self, id_: str, steps: str, title: str, kinds: tuple[str, ...]) -> bool:
        """Whether something was written."""
        try:
            applied = await self._ports.apply(kinds)
        except RefusedError as error:
            fix = error.next_step or "run bootstrap again"
            self._add(Step(id_, steps, title, StepState.REFUSED, cause_of(error), fix))
            return False
        except ReconcilerError as error:
            fix = error.next_step or "run bootstrap again"
            self._add(Step(id_, steps, title, StepState.FAILED, cause_of(error), fix))
            return False
        self._add(_step_of(id_, steps, title, applied))
        return any(outcome.result is Result.APPLIED for outcome in applied.outcomes)


def _step_of(id_: str, steps: str, title: str, applied: Applied) -> Step:
    failed = [outcome for outcome in applied.outcomes if outcome.result is not Result.APPLIED]
    if failed:
        said = "; ".join(f"{outcome.id}: {outcome.reason}" for outcome in failed if outcome.reason)
        fix = "put that right and run bootstrap again: it goes on where this ended"
        return Step(id_, steps, title, StepState.FAILED, said, fix, outcomes=applied.outcomes)
    done = [f"{outcome.id}{f' ({outcome.reason})' if outcome.reason else ''}" for outcome in applied.outcomes]
    said = "; ".join([*done, *applied.messages]) or "it was so already"
    return Step(id_, steps, title, StepState.DONE, said, outcomes=applied.outcomes)
