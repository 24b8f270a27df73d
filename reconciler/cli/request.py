"""`reconciler request`: ask for the approval of one subject now."""

from __future__ import annotations

import asyncio
import getpass
from datetime import UTC, datetime
from uuid import uuid4

import click

from reconciler.adapters.store import SqlLedger, open_store
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.known_targets import KnownTarget, known_targets
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import FORMAT_VERSION, write_documents
from reconciler.cli.subject_names import find_subject
from reconciler.errors import RefusedError
from reconciler.operations.sync.bell import accept_wish
from reconciler.ports.sync import Ledger
from reconciler.subjects.entry import Wish

_LOOK_SECONDS = 0.2


@click.command("request", short_help="Ask for the approval of one subject now.")
@click.argument("subject")
@click.option("--wait", type=click.FloatRange(0), metavar="SECONDS", help="Wait so long for the answer.")
@common_options()
def command(*, options: CommonOptions, subject: str, wait: float | None) -> int:
    """Record the wish that SUBJECT be asked for now, or its approvers reminded; `sync` answers it.

    SUBJECT is a name as `reconciler status` prints it; a suffix that only one subject has will do. Works while `sync` runs
    and while it does not. Exit code 3 when --wait saw no answer in time.
    """
    target, name, answer = asyncio.run(_ask(options, subject, wait))
    document = {
        "formatVersion": FORMAT_VERSION,
        "target": target.document,
        "subject": name,
        "wish": "recorded",
        "answer": answer,
    }
    late = wait is not None and answer is None
    said = answer or ("no answer yet" if late else "`reconciler sync` will answer it")
    write_documents(options, [document], text=f"{name}: recorded; {said}")
    return ExitCode.REFUSED if late else ExitCode.DONE


async def _ask(options: CommonOptions, given: str, wait: float | None) -> tuple[KnownTarget, str, str | None]:
    async with known_targets(options) as known:
        target, subject = await find_subject(known, given)
    now = datetime.now(UTC)
    wish = Wish(id=f"cli:{uuid4()}", subject=subject, source="cli", by=_user(), at=now)
    store = await open_store(options.store)
    try:
        ledger = SqlLedger(store, target.name)
        accepted = await accept_wish(ledger, wish, now)
        if not accepted.is_taken:
            raise RefusedError(
                "this subject was asked for too often",
                where=subject,
                why=accepted.why,
                next_step="wait a minute; `reconciler status` says how it stands",
            )
        return target, subject, await _answer(ledger, wish.id, wait)
    finally:
        await store.aclose()


async def _answer(ledger: Ledger, wish_id: str, wait: float | None) -> str | None:
    if wait is None:
        return None
    until = asyncio.get_running_loop().time() + wait
    while True:
        answer = await ledger.wish_answer(wish_id)
        if answer is not None or asyncio.get_running_loop().time() >= until:
            return answer
        await asyncio.sleep(_LOOK_SECONDS)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
