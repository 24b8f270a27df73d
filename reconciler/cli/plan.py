"""`reconciler plan`: show what differs between the spec and the live systems."""

from __future__ import annotations

import click

from reconciler.cli.baseline import refuse_untrusted
from reconciler.cli.exit_codes import worst
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import write_documents
from reconciler.cli.progress import working
from reconciler.cli.targets import failures_of, provenance, read_targets, require_known_kinds, run_targets, values_of
from reconciler.cli.wiring import Wiring
from reconciler.operations.plan import PlanRequest, make_plan
from reconciler.plan.change import Plan
from reconciler.plan.document import encode
from reconciler.plan.select import Selection
from reconciler.report.annotations import plan_annotations
from reconciler.report.markdown import plans_markdown
from reconciler.report.text import failed_text, plan_text
from reconciler.spec.target import Target


@click.command("plan", short_help="Show what differs between the spec and the live systems.")
@click.option(
    "--rewrite",
    multiple=True,
    metavar="KIND[/NAME]",
    help="Also send write-only values of these again; a definition is taken over from another integration.",
)
@click.option("--accept-identity", is_flag=True, help="This Bytebase replaces the one known under its identity.")
@click.option("--untrusted", is_flag=True, help="The spec is a proposal: run nothing for it, read nothing outside.")
@click.option(
    "--baseline", metavar="REF", help="With --untrusted: refuse changed connection fields against this commit."
)
@click.option("--annotations", is_flag=True, help="Also print GitHub annotations on standard error.")
@common_options(selection=True)
def command(
    *,
    options: CommonOptions,
    rewrite: tuple[str, ...],
    accept_identity: bool,
    untrusted: bool,
    baseline: str | None,
    annotations: bool,
) -> int:
    """Read Bytebase and Feishu, compare them with the spec, and change nothing.

    Exit code 0 when there is nothing to do, 2 when there are changes, 3 when the plan is refused.
    """
    if baseline is not None and not untrusted:
        raise click.UsageError("--baseline needs --untrusted")
    require_known_kinds(rewrite)
    specs, targets = read_targets(options)
    if untrusted:
        refuse_untrusted(targets, baseline)
    wiring = Wiring(options.store, untrusted)

    async def work(target: Target) -> Plan:
        request = PlanRequest(
            target,
            Selection(options.only, options.exclude),
            Selection(rewrite) if rewrite else None,
            provenance(specs, target),
            accept_identity,
        )
        with working(f"reading {target.name}", options):
            async with wiring.readers(target) as readers:
                return (await make_plan(request, readers)).plan

    results = run_targets(targets, work, options=options)
    plans, failed = values_of(results), failures_of(results)
    write_documents(
        options,
        [result.document(encode) for result in results],
        text=lambda: "\n".join(
            [
                *(failed_text(each, color=options.color) for each in failed),
                *(plan_text(plan, color=options.color, verbose=options.verbose > 0) for plan in plans),
            ]
        ),
        markdown=lambda: plans_markdown(plans, failed),
    )
    if annotations:
        click.echo(plan_annotations(plans, failed), err=True, nl=False)
    return worst(result.exit_code for result in results)
