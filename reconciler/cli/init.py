"""`reconciler init`: write a commented first spec."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import click

from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import FORMAT_VERSION, cannot_write, json_document, print_text
from reconciler.errors import RefusedError

DEFAULT_FILE = "specs/reconciler.yaml"
"""Where the first spec goes when nothing else is said."""


@click.command("init", short_help="Write a commented first spec.")
@common_options()
def command(*, options: CommonOptions) -> None:
    """Write a commented first spec to specs/reconciler.yaml, or to --out, and never over a file that exists."""
    name = options.out or DEFAULT_FILE
    _write_new(name, starter(datetime.now(UTC)))
    if options.format == "json":
        print_text(json_document([{"formatVersion": FORMAT_VERSION, "target": None, "file": name}]))
    else:
        print_text(name)
    folder = Path(name).parent.as_posix()
    click.echo(f"next: fill in {name}, then run 'reconciler validate -f {name}'", err=True)
    click.echo(f"for help while you type: 'reconciler schema --out {folder}/spec.schema.json'", err=True)


def starter(now: datetime) -> str:
    """The first spec; gates hold back changes that are older than `now`, so that the first start asks nobody at once."""
    template = files("reconciler.cli").joinpath("starter.yaml").read_text(encoding="utf-8")
    return template.replace("2000-01-01", now.date().isoformat())


def _write_new(name: str, content: str) -> None:
    path = Path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        raise RefusedError(
            f"{name} exists", why="a first spec is never written over a file", next_step="name another file with --out"
        ) from None
    except OSError as error:
        raise cannot_write(name, error) from error
