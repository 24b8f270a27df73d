"""`reconciler apply`: make the live systems as the spec says."""

from __future__ import annotations

import re
from dataclasses import replace

import click

from reconciler.cli.agreement import agreement_for
from reconciler.cli.exit_codes import worst
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import write_documents
from reconciler.cli.plan_file import read_plan_file
from reconciler.cli.progress import Sign, working
from reconciler.cli.targets import failures_of, provenance, read_targets, require_known_kinds, run_targets, values_of
from reconciler.cli.wiring import Wiring
from reconciler.operations.apply import Agree, Agreement, ApplyRequest, Step, apply
from reconciler.operations.plan import PlanRequest
from reconciler.plan.change import Plan
from reconciler.plan.outcome import Applied
from reconciler.plan.select import Selection
from reconciler.report.documents import applied_document
from reconciler.report.markdown import applied_markdown
from reconciler.report.text import applied_text, failed_text
from reconciler.report.values import plain
from reconciler.spec.target import Target


def _asking(agree: Agree | None, sign: Sign) -> Agree | None:
    """The question, with the sign of life out of its way."""
    if agree is None:
        return None

    async def ask(plan: Plan) -> Agreement:
        with sign.paused():
            return await agree(plan)

    return ask


def _doing(target: Target, step: Step) -> str:
    return f"applying {target.name}: {step.change.action.value} {plain(step.change.id)} ({step.number} of {step.of})"


def _digests(_context: click.Context, _option: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    for digest in value:
        if re.fullmatch("[0-9a-f]{64}", digest) is None:
            raise click.BadParameter("a digest is 64 hexadecimal digits, as printed by plan")
    return value


@click.command("apply", short_help="Make the live systems as the spec says.")
@click.argument("plan_file", required=False, metavar="[PLAN]")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--expect",
    multiple=True,
    metavar="DIGEST",
    callback=_digests,
    help="Refuse any plan with another digest; of several targets give each one's.",
)
@click.option(
    "--create-definition", "create", multiple=True, metavar="NAME", help="This definition may be created, for ever."
)
@click.option("--forget-creation", "forget", multiple=True, metavar="NAME", help="Its lost creation did not happen.")
@click.option(
    "--rewrite",
    multiple=True,
    metavar="KIND[/NAME]",
    help="Also send write-only values of these again; a definition is taken over from another integration.",
)
@click.option("--accept-identity", is_flag=True, help="This Bytebase replaces the one known under its identity.")
@common_options(selection=True)
def command(
    *,
    options: CommonOptions,
    plan_file: str | None,
    yes: bool,
    expect: tuple[str, ...],
    create: tuple[str, ...],
    forget: tuple[str, ...],
    rewrite: tuple[str, ...],
    accept_identity: bool,
) -> int:
    """Plan, show, ask, and apply; or apply exactly the plan in the file PLAN, which is compared and never believed.

    Exit code 0 when all is applied, 4 when some changes failed, 3 when it was refused and nothing was written.
    """
    require_known_kinds(rewrite)
    specs, targets = read_targets(options)
    shown = read_plan_file(plan_file) if plan_file is not None else None
    if shown is not None:
        targets = shown.targets(targets, chosen=options.target)
    wiring = Wiring(options.store)
    agree = None if yes or shown is not None else agreement_for(options, frozenset(create))

    async def work(target: Target) -> Applied:
        selection = Selection(options.only, options.exclude)
        again = Selection(rewrite) if rewrite else None
        request = ApplyRequest(
            PlanRequest(target, selection, again, provenance(specs, target), accept_identity),
            shown.plans[target.name] if shown is not None else None,
            frozenset(expect),
            frozenset(create),
            frozenset(forget),
        )
        with working(f"reading {target.name}", options) as sign:
            async with wiring.applying(target, _asking(agree, sign)) as ports:
                return await apply(request, replace(ports, begins=lambda step: sign.say(_doing(target, step))))

    results = run_targets(targets, work, options=options)
    applied, failed = values_of(results), failures_of(results)
    write_documents(
        options,
        [result.document(applied_document) for result in results],
        text=lambda: "\n".join(
            [
                *(failed_text(each, color=options.color) for each in failed),
                *(applied_text(each, color=options.color) for each in applied),
            ]
        ),
        markdown=lambda: applied_markdown(applied, failed),
    )
    return worst(result.exit_code for result in results)
