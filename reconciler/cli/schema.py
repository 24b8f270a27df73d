"""`reconciler schema`: print the JSON Schema of a spec."""

from __future__ import annotations

import json

import click

from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import write_content
from reconciler.spec.schema import spec_schema


@click.command("schema", short_help="Print the JSON Schema of a spec.")
@common_options()
def command(*, options: CommonOptions) -> None:
    """Print the JSON Schema of a spec document, for editors and other checkers.

    A spec file names it in its first line: # yaml-language-server: $schema=spec.schema.json
    """
    write_content(options, schema_text())


def schema_text() -> str:
    """The schema as it is printed and published."""
    return json.dumps(spec_schema(), ensure_ascii=False, indent=2) + "\n"
