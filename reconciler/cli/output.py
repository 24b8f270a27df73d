"""Where results go: the chosen format on standard output, the JSON document in a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from reconciler.cli.options import CommonOptions
from reconciler.errors import ForbiddenError, NotFoundError, ReconcilerError

FORMAT_VERSION = "1"
"""The version of every JSON document; within a version fields are only added."""

JsonDocument = Mapping[str, object]
Rendering = str | Callable[[], str]
"""A text, or what makes it once it is to be printed."""


def write_documents(
    options: CommonOptions, documents: Sequence[JsonDocument], *, text: Rendering, markdown: Rendering | None = None
) -> None:
    """Print the result in the chosen format, and write the JSON document to `--out`.

    One document stands for itself, several are wrapped. Without a Markdown form, the text is printed in its place.
    """
    json_text = json_document(documents)
    if options.out is not None:
        write_file(options.out, json_text)
    if options.format == "json":
        click.echo(json_text, nl=False)
    elif options.format == "markdown":
        print_text(_rendered(text if markdown is None else markdown))
    else:
        print_text(_rendered(text))


def _rendered(rendering: Rendering) -> str:
    return rendering if isinstance(rendering, str) else rendering()


def write_content(options: CommonOptions, content: str) -> None:
    """Print what a command produces, such as a spec or a schema, and write the same to `--out`."""
    if options.out is not None:
        write_file(options.out, content)
    print_text(content)


def json_document(documents: Sequence[JsonDocument]) -> str:
    """The documents as canonical JSON text: one as itself, several as a list under `documents`."""
    whole = documents[0] if len(documents) == 1 else {"formatVersion": FORMAT_VERSION, "documents": list(documents)}
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def print_text(text: str) -> None:
    """Print text that ends in exactly one line break; nothing is printed for empty text."""
    if text:
        click.echo(text.rstrip("\n"))


def write_file(name: str, content: str) -> None:
    """Write a result to a file that the user named. Raises ForbiddenError or NotFoundError."""
    try:
        Path(name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise cannot_write(name, error) from error


def cannot_write(name: str, error: OSError) -> ReconcilerError:
    """What to tell when a file that the user named cannot be written."""
    kind = NotFoundError if isinstance(error, FileNotFoundError | NotADirectoryError) else ForbiddenError
    return kind(
        f"{name} cannot be written", why=error.strerror or "", next_step="name a file in a folder that you may write to"
    )
