"""SUBJECT on the command line: a name as `status` prints it, or any suffix that only one subject has."""

from __future__ import annotations

from collections.abc import Sequence

import click

from reconciler.cli.known_targets import KnownTarget
from reconciler.errors import NotFoundError

_SHOWN = 10


async def find_subject(known: Sequence[KnownTarget], given: str) -> tuple[KnownTarget, str]:
    """The one subject meant, and its target. NotFoundError for an unknown one, a usage error for an ambiguous one."""
    everything = [(target, entry.subject) for target in known for entry in await target.ledger.entries(open_only=False)]
    exact = [(target, subject) for target, subject in everything if subject == given]
    found = exact or [(target, subject) for target, subject in everything if given and subject.endswith(given)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFoundError(
            f"no subject is called '{given}'",
            next_step="`reconciler status` lists them; one appears once `reconciler sync` has seen its stage",
        )
    names = [f"{subject} (target {target.name})" for target, subject in found[:_SHOWN]]
    more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise click.UsageError(f"'{given}' fits {len(found)} subjects: {', '.join(names)}{more}")
