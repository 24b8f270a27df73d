"""`reconciler validate`: check spec files, offline."""

from __future__ import annotations

from collections.abc import Sequence

import click

from reconciler.adapters.spec_files import load_specs
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import FORMAT_VERSION, write_documents
from reconciler.spec import Diagnostic, ParsedSpecs


@click.command("validate", short_help="Check the spec files without any network.")
@click.option("--strict", is_flag=True, help="Warnings are errors.")
@common_options()
def command(*, options: CommonOptions, strict: bool) -> int:
    """Check spec files offline and say everything that is wrong, each with its line and what was probably meant.

    Exit code 0 when there are no errors (with --strict: no warnings either), 1 otherwise.
    """
    specs = load_specs(options.files)
    if not specs.errors and options.target is not None:
        specs.require(options.target)
    document = {
        "formatVersion": FORMAT_VERSION,
        "target": None,
        "errors": [_as_json(found) for found in specs.errors],
        "warnings": [_as_json(found) for found in specs.warnings],
    }
    write_documents(options, [document], text=_text(specs), markdown=_markdown(specs))
    click.echo(_summary(specs), err=True)
    return ExitCode.ERROR if specs.errors or (strict and specs.warnings) else ExitCode.DONE


def _as_json(found: Diagnostic) -> dict[str, object]:
    return {
        "file": found.position.file,
        "line": found.position.line,
        "column": found.position.column,
        "path": found.path,
        "message": found.message,
        "hint": found.hint or None,
    }


def _findings(specs: ParsedSpecs) -> Sequence[tuple[str, Diagnostic]]:
    return [*(("error", found) for found in specs.errors), *(("warning", found) for found in specs.warnings)]


def _text(specs: ParsedSpecs) -> str:
    return "\n".join(found.render(severity) for severity, found in _findings(specs))


def _markdown(specs: ParsedSpecs) -> str:
    lines = [f"**{_summary(specs)}**", ""]
    for severity, found in _findings(specs):
        fence = "```"
        while fence in found.render(severity):
            fence += "`"
        lines += [fence, found.render(severity), fence]
    return "\n".join(lines)


def _summary(specs: ParsedSpecs) -> str:
    if not specs.errors and not specs.warnings:
        return f"valid: {_count(len(specs.targets), 'target')} in {_count(len(specs.files), 'file')}"
    return f"{_count(len(specs.errors), 'error')} and {_count(len(specs.warnings), 'warning')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
