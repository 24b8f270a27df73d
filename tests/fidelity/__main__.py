"""Prints how many recorded exchanges a server answers alike, and each difference.

    cd tests && python -m fidelity                                           both editions, fresh stand-ins in process
    cd tests && python -m fidelity enterprise http://127.0.0.1:8080          a server that holds that edition's seed

Exit status 1 when anything differs.
"""

from __future__ import annotations

import asyncio
import sys

import click
from fidelity.editions import EDITIONS, replayed, replayed_at


def main(arguments: list[str]) -> int:
    """Replay what the arguments name; 0 when all is alike."""
    if len(arguments) > 2 or (arguments and arguments[0] not in EDITIONS):
        click.echo(__doc__, err=True)
        return 2
    is_alike = True
    for edition in arguments[:1] or EDITIONS:
        outcome = asyncio.run(replayed_at(edition, arguments[1]) if arguments[1:] else replayed(edition))
        for each in outcome.cassettes:
            click.echo(each.report())
        click.echo(f"{edition}: {outcome.matched}/{outcome.total} ({outcome.share:.2%})")
        is_alike = is_alike and outcome.matched == outcome.total
    return 0 if is_alike else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
