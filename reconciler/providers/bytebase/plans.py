"""Plans with their stage summaries, plan checks, and what tasks run: sheets and releases."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import ConflictError, NotFoundError
from reconciler.providers.bytebase.channel import Call, Channel, reading
from reconciler.providers.bytebase.errors import CallMeaning
from reconciler.providers.bytebase.wire import Empty
from reconciler.providers.bytebase.wire_changes import WireCheckRun, WirePlan, WirePlans, WireRelease, WireSheet
from reconciler.providers.http_retry import Repeat

ROLLED_OUT = 'has_rollout == true && state == "ACTIVE"'
"""Plans whose stages may wait. Plans without an issue and without a release are hidden from lists (facts §9.1)."""
WHOLE_SHEET_LIMIT = 16 * 1024 * 1024
"""Statements up to this many bytes are read whole; of larger ones the first 2 MiB."""


class Plans:
    """The plans of all visible projects."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def get(self, name: str) -> WirePlan:
        """One plan, whatever its state. NotFoundError is the only proof that it does not exist."""
        return await self._channel.send(WirePlan, reading(name, what="read the plan"))

    async def list_of(self, project: str, condition: str = ROLLED_OUT) -> tuple[WirePlan, ...]:
        """All plans of a project that fit the filter, newest first."""
        return await self._channel.read_all(WirePlans, _listing(project, condition))

    async def newest(self, project: str, condition: str = ROLLED_OUT) -> Sequence[WirePlan]:
        """The newest page of a project's plans, in one call."""
        return (await self._channel.read_page(WirePlans, _listing(project, condition))).items

    async def checks(self, plan: str) -> WireCheckRun | None:
        """The plan's checks; None where there are none."""
        try:
            return await self._channel.send(WireCheckRun, reading(f"{plan}/planCheckRun", what="read the plan checks"))
        except NotFoundError:
            return None

    async def run_checks(self, plan: str) -> None:
        """Run the checks again; refused once the rollout exists."""
        call = Call(
            "POST",
            f"/v1/{plan}:runPlanChecks",
            CallMeaning("run the plan checks", plan, acts=True, invalid=ConflictError),
            Repeat.UNSENT,
            (),
            {},
        )
        await self._channel.send(Empty, call)

    async def sheet(self, name: str) -> WireSheet:
        """A statement: whole up to WHOLE_SHEET_LIMIT, else its beginning."""
        sheet = await self._channel.send(WireSheet, reading(name, what="read the statement"))
        if sheet.is_complete or sheet.content_size > WHOLE_SHEET_LIMIT:
            return sheet
        return await self._channel.send(WireSheet, reading(name, query=(("raw", "true"),), what="read the statement"))

    async def release(self, name: str) -> WireRelease:
        """A release and its files."""
        return await self._channel.send(WireRelease, reading(name, what="read the release"))


def _listing(project: str, condition: str) -> Call:
    query = (("filter", condition),) if condition else ()
    return reading(f"{project}/plans", query=query, what="list the plans")
