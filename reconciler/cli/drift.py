"""`reconciler drift`: say whether the live systems are still as the spec says."""

from __future__ import annotations

import click

from reconciler.cli.exit_codes import worst
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import write_documents
from reconciler.cli.progress import working
from reconciler.cli.targets import failures_of, provenance, read_targets, run_targets, values_of
from reconciler.cli.wiring import Wiring
from reconciler.drift import Drift
from reconciler.operations.drift import find_drift
from reconciler.operations.plan import PlanRequest
from reconciler.plan.select import Selection
from reconciler.report.documents import drift_document
from reconciler.report.markdown import drift_markdown
from reconciler.report.text import drift_text, failed_text
from reconciler.spec.target import Target


@click.command("drift", short_help="Say whether the live systems are still as the spec says.")
@common_options(selection=True)
def command(*, options: CommonOptions) -> int:
    """Compare the live systems with the spec and with what was applied last, and change nothing.

    Exit code 2 when a change of the spec is not applied or the live side moved, 0 otherwise.
    """
    specs, targets = read_targets(options)
    wiring = Wiring(options.store)

    async def work(target: Target) -> Drift:
        selection = Selection(options.only, options.exclude)
        request = PlanRequest(target, selection, provenance=provenance(specs, target))
        with working(f"reading {target.name}", options):
            async with wiring.readers(target) as readers:
                return (await find_drift(request, readers))[0]

    results = run_targets(targets, work, options=options)
    drifts, failed = values_of(results), failures_of(results)
    write_documents(
        options,
        [result.document(drift_document) for result in results],
        text=lambda: "\n".join(
            [
                *(failed_text(each, color=options.color) for each in failed),
                *(drift_text(drift, color=options.color) for drift in drifts),
            ]
        ),
        markdown=lambda: drift_markdown(drifts, failed),
    )
    return worst(result.exit_code for result in results)
