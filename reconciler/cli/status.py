"""`reconciler status`: what waits, what is held and why."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import click

from reconciler.cli.known_targets import KnownTarget, known_targets
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import JsonDocument, write_documents
from reconciler.report.gate_status import status_document, status_text
from reconciler.subjects.entry import Entry, EntryState

RECENT = timedelta(days=1)
"""How long a subject that is over is still listed."""


@click.command("status", short_help="Show what waits, and what is held and why.")
@common_options()
def command(*, options: CommonOptions) -> None:
    """List every subject that waits or is held, with the reason, and those that ended within a day.

    Reads the store alone: it works while `sync` runs, and without any upstream.
    """
    documents, text = asyncio.run(_read(options))
    write_documents(options, documents, text=text or "nothing is known yet")


async def _read(options: CommonOptions) -> tuple[list[JsonDocument], str]:
    async with known_targets(options) as known:
        shown = [(target, await _shown(target)) for target in known]
    documents = [status_document(target.document, entries) for target, entries in shown]
    return documents, "".join(status_text(target.name, entries) for target, entries in shown)


async def _shown(target: KnownTarget) -> Sequence[Entry]:
    since = datetime.now(UTC) - RECENT
    entries = await target.ledger.entries(open_only=False)
    return [entry for entry in entries if entry.state is not EntryState.CLOSED or entry.since >= since]
