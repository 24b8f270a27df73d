"""`reconciler history`: what was decided and done, one line each."""

from __future__ import annotations

import asyncio

import click

from reconciler.cli.known_targets import known_targets
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import print_text, write_file
from reconciler.cli.subject_names import find_subject
from reconciler.report.gate_history import history_line, history_sentence
from reconciler.subjects.entry import HistoryRow


@click.command("history", short_help="Print what was decided and done, one line each.")
@click.argument("subject", required=False)
@click.option(
    "--limit", type=click.IntRange(1), default=1000, show_default=True, help="How many lines at most, newest kept."
)
@common_options()
def command(*, options: CommonOptions, subject: str | None, limit: int) -> None:
    """Print the history, oldest first: of one SUBJECT, or of everything.

    With --format json each line is one JSON object. It answers who approved what, when, on which content, and what ran.
    """
    rows = asyncio.run(_read(options, subject, limit))
    lines = "".join(f"{history_line(row, target=target)}\n" for target, row in rows)
    if options.out is not None:
        write_file(options.out, lines)
    print_text(lines if options.format == "json" else "".join(f"{history_sentence(row)}\n" for _, row in rows))


async def _read(options: CommonOptions, given: str | None, limit: int) -> list[tuple[str, HistoryRow]]:
    async with known_targets(options) as known:
        if given is not None:
            target, subject = await find_subject(known, given)
            return [(target.name, row) for row in await target.ledger.history(subject, limit=limit)]
        rows = [(target.name, row) for target in known for row in await target.ledger.history(limit=limit)]
    # The sort is stable: rows of one target keep the order in which they were recorded.
    return sorted(rows, key=lambda pair: pair[1].time)[-limit:]
