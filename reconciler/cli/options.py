"""The options that commands share, as one decorator and one value."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import click

Format = Literal["text", "markdown", "json"]

DEFAULT_STORE = "sqlite:///.reconciler/store.db"

_Command = TypeVar("_Command", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class CommonOptions:
    """What was said on the command line that many commands understand. `only` and `exclude` hold KIND or KIND/NAME."""

    files: tuple[str, ...] = ("specs/",)
    target: str | None = None
    format: Format = "text"
    out: str | None = None
    store: str = DEFAULT_STORE
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    verbose: int = 0
    color: bool = True


def _store_url(_context: click.Context, _option: click.Parameter, value: str) -> str:
    if not value.startswith(("sqlite:///", "postgresql://")):
        raise click.BadParameter("expected sqlite:///FILE or postgresql://…")
    return value


_BASIC = (
    click.option(
        "-f",
        "--file",
        "files",
        multiple=True,
        default=("specs/",),
        show_default="specs/",
        metavar="PATH",
        help="A spec file, or a folder of them; may be repeated.",
    ),
    click.option("--target", metavar="NAME", help="Only the integration of this name."),
    click.option(
        "--format",
        type=click.Choice(["text", "markdown", "json"]),
        default="text",
        show_default=True,
        help="What is printed on standard output.",
    ),
    click.option("--out", metavar="FILE", help="Also write the JSON document to a file."),
    click.option(
        "--store",
        metavar="URL",
        default=DEFAULT_STORE,
        envvar="RECONCILER_STORE",
        show_default=True,
        show_envvar=True,
        callback=_store_url,
        help="Where it is recorded what was done: sqlite:///FILE or postgresql://…",
    ),
)
_SELECTION = (
    click.option("--only", multiple=True, metavar="KIND[/NAME]", help="Only these resources; may be repeated."),
    click.option(
        "--except", "exclude", multiple=True, metavar="KIND[/NAME]", help="All but these resources; may be repeated."
    ),
)
_TALK = (
    click.option("-v", "--verbose", count=True, help="Show calls to the upstreams, and where an internal error arose."),
    click.option("--no-color", is_flag=True, help="Plain text; so does the environment variable NO_COLOR."),
)


def common_options(*, selection: bool = False) -> Callable[[_Command], Callable[..., object]]:
    """Add the common options to a command, which receives them as one `options: CommonOptions`.

    `selection` adds `--only` and `--except`.
    """
    added = (*_BASIC, *(_SELECTION if selection else ()), *_TALK)

    def decorate(command: _Command) -> Callable[..., object]:
        @functools.wraps(command)
        def with_options(
            *,
            files: tuple[str, ...],
            target: str | None,
            format: Format,  # noqa: A002 - click names the argument after the option
            out: str | None,
            store: str,
            verbose: int,
            no_color: bool,
            only: tuple[str, ...] = (),
            exclude: tuple[str, ...] = (),
            **own: object,
        ) -> object:
            context = click.get_current_context()
            options = CommonOptions(
                files=files,
                target=target,
                format=format,
                out=out,
                store=store,
                only=only,
                exclude=exclude,
                verbose=verbose,
                color=not no_color and context.color is not False,
            )
            _start_logging(verbose)
            return command(options=options, **own)

        decorated: Callable[..., object] = with_options
        for option in reversed(added):
            decorated = option(decorated)
        return decorated

    return decorate


def _start_logging(verbose: int) -> None:
    """Our own messages on standard error: warnings, with -v calls, with -vv everything."""
    logger = logging.getLogger("reconciler")
    logger.setLevel((logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)])
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger.handlers = [handler]
    logger.propagate = False
