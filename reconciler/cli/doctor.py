"""`reconciler doctor`: check every step of the set-up, with the fix for each."""

from __future__ import annotations

from collections.abc import Sequence

import click

from reconciler.cli.exit_codes import worst
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import write_documents
from reconciler.cli.progress import working
from reconciler.cli.targets import failures_of, read_targets, run_targets, values_of
from reconciler.cli.wiring_doctor import console_of, doctor_ports, siblings_of
from reconciler.operations.doctor import DoctorRequest, examine
from reconciler.report.doctor_document import doctor_document
from reconciler.report.doctor_markdown import doctor_markdown
from reconciler.report.doctor_text import doctor_text
from reconciler.report.text import failed_text
from reconciler.setup.check import Examination
from reconciler.setup.probe import announcement
from reconciler.spec.target import Target


@click.command("doctor", short_help="Check every step of the set-up, with the fix for each.")
@click.option(
    "--probe", metavar="DEFINITION", help="Also let the bot ask itself, approve and withdraw; leaves a record."
)
@common_options()
def command(*, options: CommonOptions, probe: str | None) -> int:
    """Verify the set-up of Feishu and Bytebase for each target, and write nothing unless --probe is given.

    One line for each of the eight steps of the guide, then for what the guide forgot: ok, failed, or cannot be verified
    from here; with the cause, the fix, and the page where it is done. Exit code 1 when a line failed.
    """
    specs, targets = read_targets(options)
    if probe is not None:
        targets = _declaring(targets, probe)
        click.echo(announcement(probe), err=True)

    async def work(target: Target) -> Examination:
        request = DoctorRequest(target, siblings_of(target, specs.targets), probe)
        with working(f"examining {target.name}", options):
            async with doctor_ports(target, options.store, probing=probe is not None) as ports:
                return await examine(request, ports, console_of(target))

    results = run_targets(targets, work, options=options)
    found, failed = values_of(results), failures_of(results)
    write_documents(
        options,
        [result.document(doctor_document) for result in results],
        text=lambda: "\n".join(
            [
                *(failed_text(each, color=options.color) for each in failed),
                *(doctor_text(each, color=options.color) for each in found),
            ]
        ),
        markdown=lambda: doctor_markdown(found, failed),
    )
    return worst(result.exit_code for result in results)


def _declaring(targets: Sequence[Target], definition: str) -> Sequence[Target]:
    """The targets that declare a definition of that name."""
    chosen = [
        target
        for target in targets
        if target.spec.feishu is not None and any(each.name == definition for each in target.spec.feishu.definitions)
    ]
    if not chosen:
        raise click.UsageError(f"--probe: no chosen target declares a definition {definition}")
    return chosen
