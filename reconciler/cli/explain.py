"""`reconciler explain`: how one subject is decided, and from which facts."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import click

from reconciler.adapters.store import ReadOnlyLedger, open_for_reading
from reconciler.cli.known_targets import KnownTarget, known_targets
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import write_documents
from reconciler.cli.subject_names import find_subject
from reconciler.cli.targets import read_targets
from reconciler.cli.wiring_gates import open_explainer
from reconciler.errors import NotFoundError
from reconciler.report.gate_explanation import Explained, explanation_document, explanation_text


@click.command("explain", short_help="Show how one subject is decided, and from which facts.")
@click.argument("subject")
@click.option("--form", "with_form", is_flag=True, help="Also show the request that would be sent.")
@common_options()
def command(*, options: CommonOptions, subject: str, with_form: bool) -> None:
    """Read everything about SUBJECT as `sync` would, and say which row of the decision table it reaches and why.

    Writes nothing; works while `sync` runs and while it does not. SUBJECT is a name as `reconciler status` prints it, or a
    suffix that only one subject has; a stage's full name will do even if `sync` has not seen it yet.
    """
    target, explained = asyncio.run(_explain(options, subject, with_form=with_form))
    document = explanation_document(target.document, explained, with_form=with_form)
    write_documents(options, [document], text=explanation_text(explained, with_form=with_form))


async def _explain(options: CommonOptions, given: str, *, with_form: bool) -> tuple[KnownTarget, Explained]:
    _, declared = read_targets(options)
    async with known_targets(options) as known:
        chosen, subject = await _find(known, given)
    target = next((each for each in declared if each.name == chosen.name), None)
    if target is None:
        raise NotFoundError(
            f"the target {chosen.name} is not in the spec any more", next_step="name its spec file with --file"
        )
    async with AsyncExitStack() as stack:
        store = await open_for_reading(options.store)
        stack.push_async_callback(store.aclose)
        explainer = await open_explainer(stack, target, store, ReadOnlyLedger(store, target.name))
        found = await explainer.explain(subject, with_form=with_form)
    if found.seen.change is None and found.seen.entry is None and not found.seen.failure:
        raise NotFoundError("Bytebase knows no such plan", where=subject, next_step="see `reconciler status`")
    return chosen, Explained(
        found.seen, found.judged, found.decision_name, found.decision.row, found.reason, found.request
    )


async def _find(known: tuple[KnownTarget, ...], given: str) -> tuple[KnownTarget, str]:
    try:
        return await find_subject(known, given)
    except NotFoundError:
        if len(known) == 1 and given.startswith("projects/") and "/rollout/stages/" in given:
            return known[0], given
        raise
