"""Shows a plan and asks a person on a terminal; elsewhere nobody can be asked, so nothing goes on without `--yes`."""

from __future__ import annotations

import sys

import click

from reconciler.cli.options import CommonOptions
from reconciler.errors import RefusedError
from reconciler.operations.apply import Agree, Agreement
from reconciler.plan.change import Plan
from reconciler.report.text import plan_text


def agreement_for(options: CommonOptions, creatable: frozenset[str]) -> Agree:
    """Asks about a whole plan, and by name about each creation that can never be undone and was not named before."""

    async def agree(plan: Plan) -> Agreement:
        click.echo(plan_text(plan, color=options.color), err=True)
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise RefusedError(
                "nobody can be asked here",
                where=plan.target.name,
                next_step="look at the plan and apply it with --yes, or apply a plan file",
            )
        created = set()
        for change in plan.pending:
            if change.irreversible and change.name not in creatable:
                question = f"Create the definition {change.name}? It can never be deleted."
                if not click.confirm(question, err=True):
                    return Agreement(goes_on=False)
                created.add(change.name)
        return Agreement(click.confirm("Apply this plan?", err=True), frozenset(created))

    return agree
