"""`reconciler bootstrap`: do the steps of the set-up that can be done by program."""

from __future__ import annotations

import sys

import click

from reconciler.cli.bootstrap_questions import Permissions, agreeing, waiting
from reconciler.cli.exit_codes import worst
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import write_documents
from reconciler.cli.progress import working
from reconciler.cli.targets import failures_of, provenance, read_targets, run_targets, values_of
from reconciler.cli.wiring import Wiring
from reconciler.cli.wiring_doctor import console_of, doctor_ports, siblings_of
from reconciler.operations.apply import ApplyRequest, apply
from reconciler.operations.bootstrap import BootstrapPorts, bootstrap
from reconciler.operations.doctor import DoctorRequest, examine
from reconciler.operations.plan import PlanRequest
from reconciler.plan.outcome import Applied
from reconciler.plan.select import Selection
from reconciler.report.bootstrap_document import bootstrap_document
from reconciler.report.bootstrap_markdown import bootstrap_markdown
from reconciler.report.bootstrap_text import bootstrap_text, steps_text
from reconciler.report.text import failed_text
from reconciler.setup.check import Examination
from reconciler.setup.walkthrough import Step, Walkthrough
from reconciler.spec.target import Target


@click.command("bootstrap", short_help="Do the steps of the set-up that can be done by program.")
@click.option("--yes", is_flag=True, help="Do not ask about what can be undone.")
@click.option("--publish", is_flag=True, help="A version of the app may be published.")
@click.option(
    "--create-definition", "create", multiple=True, metavar="NAME", help="This definition may be created, for ever."
)
@common_options()
def command(*, options: CommonOptions, yes: bool, publish: bool, create: tuple[str, ...]) -> int:
    """Walk through the set-up in the guide's order, do what the API allows, and say what is left to a person.

    Everything is planned, shown and applied; what cannot be undone is asked about by itself. Run it again at any time: it goes
    on where it ended. It ends with what doctor says, and with exit code 1 when a line failed, 3 when something was not
    permitted, 4 when some changes failed.
    """
    specs, targets = read_targets(options)
    wiring = Wiring(options.store)
    is_live = options.format == "text" and sys.stdout.isatty() and sys.stderr.isatty()
    permissions = Permissions(yes, publish, frozenset(create))

    def tell(step: Step) -> None:
        if is_live:
            click.echo(steps_text((step,), color=options.color), nl=False, err=True)

    async def work(target: Target) -> Walkthrough:
        async def look() -> Examination:
            request = DoctorRequest(target, siblings_of(target, specs.targets))
            with working(f"examining {target.name}", options):
                async with doctor_ports(target, options.store) as ports:
                    return await examine(request, ports, console_of(target))

        async def make(kinds: tuple[str, ...]) -> Applied:
            plan = PlanRequest(target, Selection(only=kinds), None, provenance(specs, target))
            request = ApplyRequest(plan, create_definitions=permissions.definitions)
            async with wiring.applying(target, agreeing(options, permissions)) as ports:
                return await apply(request, ports)

        return await bootstrap(target, BootstrapPorts(look, make, waiting, tell))

    results = run_targets(targets, work, options=options)
    walks, failed = values_of(results), failures_of(results)
    write_documents(
        options,
        [result.document(bootstrap_document) for result in results],
        text=lambda: "\n".join(
            [
                *(failed_text(each, color=options.color) for each in failed),
                *(bootstrap_text(each, color=options.color, with_steps=not is_live) for each in walks),
            ]
        ),
        markdown=lambda: bootstrap_markdown(walks, failed),
    )
    return worst(result.exit_code for result in results)
