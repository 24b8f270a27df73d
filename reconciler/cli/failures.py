"""How the program ends when something went wrong: one sentence for people, one document for programs, one code."""

from __future__ import annotations

import json
import traceback
from pathlib import Path

import click

from reconciler.cli.exit_codes import ExitCode
from reconciler.errors import BugError, FilePosition, ReconcilerError

_REPORT_IT = "please report it, with the output of the same command and -v"


def report_failure(error: BaseException, *, as_json: bool, verbose: bool) -> int:
    """Say what went wrong, on standard error and, with `as_json`, as a document on standard output; give the exit code.

    `verbose` adds where a bug arose: any other error says by itself what to do.

    Of an exception that is not ours only its type and places are ever shown: its text may hold anything.
    """
    cause = _cause(error)
    known = cause if isinstance(cause, ReconcilerError) else _bug(cause)
    if as_json:
        click.echo(json.dumps({"error": error_document(known)}, ensure_ascii=False, indent=2))
    click.echo(_sentences(known), err=True)
    if verbose and known.kind == BugError.kind:
        click.echo(_places(error), err=True, nl=False)
    return known.exit_code


def report_usage(error: click.ClickException, *, as_json: bool) -> int:
    """Say what is wrong with the command line."""
    if as_json:
        next_step = "see --help"
        document = {"kind": "refused", "message": error.format_message(), "where": None, "next": next_step}
        click.echo(json.dumps({"error": document}, ensure_ascii=False, indent=2))
    error.show()
    return ExitCode.USAGE if isinstance(error, click.UsageError) else ExitCode.ERROR


def error_document(error: ReconcilerError) -> dict[str, object]:
    """The JSON form of an error."""
    where: dict[str, object] | None = None
    if isinstance(error.where, FilePosition):
        where = {"file": error.where.file, "line": error.where.line, "column": error.where.column}
    elif error.where is not None:
        where = {"resource": error.where}
    message = f"{error.what}: {error.why}" if error.why else error.what
    return {"kind": error.kind, "message": message, "where": where, "next": error.next_step or None}


def _cause(error: BaseException) -> BaseException:
    """The exception itself, or of a group the first that is ours, or simply the first."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    leaves = [_cause(inner) for inner in error.exceptions]
    return next((leaf for leaf in leaves if isinstance(leaf, ReconcilerError)), leaves[0])


def _bug(error: BaseException) -> BugError:
    root = Path(__file__).parents[2]
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(root / "reconciler")]
    place = f"{Path(ours[-1].filename).relative_to(root)}:{ours[-1].lineno}" if ours else None
    return BugError(f"internal error ({type(error).__name__})", where=place, next_step=_REPORT_IT)


def _sentences(error: ReconcilerError) -> str:
    lines = [f"{click.style('error:', fg='red', bold=True)} {error}"]
    if error.kind == "badSpec":
        from reconciler.spec.diagnostics import InvalidSpecError

        if isinstance(error, InvalidSpecError):
            lines = [diagnostic.render("error") for diagnostic in error.diagnostics]
    if error.next_step:
        lines.append(f"  next: {error.next_step}")
    return "\n".join(lines)


def _places(error: BaseException) -> str:
    """Where an exception and its causes arose, without their texts."""
    parts: list[str] = []
    current: BaseException | None = error
    while current is not None:
        parts.append(f"{type(current).__module__}.{type(current).__qualname__}, raised in:\n")
        parts += traceback.format_list(traceback.extract_tb(current.__traceback__))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "".join(parts)
