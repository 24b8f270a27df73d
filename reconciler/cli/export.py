"""`reconciler export`: print a spec of what is live."""

from __future__ import annotations

import click

from reconciler.cli.exit_codes import worst
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import write_content
from reconciler.cli.progress import working
from reconciler.cli.targets import read_targets, run_targets
from reconciler.cli.wiring import Wiring
from reconciler.operations.export import export
from reconciler.report.spec_text import spec_text
from reconciler.spec.target import Target


@click.command("export", short_help="Print a spec of what is live.")
@common_options()
def command(*, options: CommonOptions) -> int:
    """Read everything that a spec can declare, through the connection of the given spec, and print it as a new spec.

    Planning the printed spec changes nothing. Secrets are references, definitions are adopted. What is only ever in a
    spec (gates, users, notify and the like) is carried over; comments say where each part comes from.
    """
    _, targets = read_targets(options)
    wiring = Wiring(options.store)

    async def work(target: Target) -> str:
        with working(f"reading {target.name}", options):
            async with wiring.readers(target, everywhere=True) as readers:
                exported = await export(target, readers)
                return spec_text(exported.document, exported.notes, exported.left_out)

    results = run_targets(targets, work, options=options)
    write_content(options, "---\n".join(result.value for result in results if result.value is not None))
    return worst(result.exit_code for result in results)
