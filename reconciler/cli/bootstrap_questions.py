"""What bootstrap asks a person on a terminal; elsewhere nobody can be asked, and each flag permits one kind of step."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import click

from reconciler.cli.options import CommonOptions
from reconciler.errors import RefusedError
from reconciler.operations.apply import Agree, Agreement
from reconciler.plan.change import Change, Plan
from reconciler.report.text import plan_text
from reconciler.report.values import plain
from reconciler.setup.check import Check


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the command line permits: what can be undone, publishing the app, and definitions that may be created."""

    yes: bool
    publish: bool
    definitions: frozenset[str]


def is_terminal() -> bool:
    """Whether a person is there to be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def agreeing(options: CommonOptions, permissions: Permissions) -> Agree:
    """Shows a step's plan, asks about each part that cannot be undone, then about the rest."""

    async def agree(plan: Plan) -> Agreement:
        if is_terminal():
            click.echo(plan_text(plan, color=options.color), err=True)
        created = set()
        for change in plan.pending:
            if change.kind == "feishu/app" and not permissions.publish:
                _ask(
                    f"Publish a version of the app {plain(change.name)}? It cannot be taken back, and administrators may be asked.",
                    change,
                    flag="--publish",
                )
            if change.irreversible and change.name not in permissions.definitions:
                _ask(
                    f"Create the definition {plain(change.name)}? It can never be deleted.",
                    change,
                    flag=f"--create-definition {change.name}",
                )
                created.add(change.name)
        if not permissions.yes:
            if not is_terminal():
                raise RefusedError(
                    "nobody can be asked here", where=plan.target.name, next_step="run bootstrap with --yes"
                )
            if not click.confirm("Apply this step?", err=True):
                return Agreement(goes_on=False)
        return Agreement(goes_on=True, create_definitions=frozenset(created))

    return agree


def _ask(question: str, change: Change, *, flag: str) -> None:
    """Have a person agree. RefusedError where nobody is, or where the person does not."""
    if not is_terminal():
        raise RefusedError(
            "it cannot be undone, and nobody can be asked here",
            where=change.id,
            next_step=f"run bootstrap with {flag} to permit it",
        )
    if not click.confirm(question, err=True):
        raise RefusedError(
            "it was not agreed to", where=change.id, next_step=f"run bootstrap again, or with {flag} to permit it"
        )


async def waiting(check: Check) -> bool:
    """Ask whether an administrator has done what is waited for; False where nobody can be asked, or on no."""
    if not is_terminal():
        return False
    click.echo(f"{plain(check.cause)}. {plain(check.fix)}: {plain(check.link)}", err=True)
    return click.confirm("Is that done? (no: go on without it)", default=True, err=True)
