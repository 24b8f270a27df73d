"""The program: a lazy group of commands, and the one place where failures become exit codes.

Nothing heavy is imported before a command is chosen, so that `--help` is quick.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import click

from reconciler.cli.exit_codes import ExitCode

COMMANDS: Mapping[str, str] = {
    "init": "Write a commented first spec.",
    "validate": "Check the spec files without any network.",
    "plan": "Show what differs between the spec and the live systems.",
    "apply": "Make the live systems as the spec says.",
    "drift": "Say whether the live systems are still as the spec says.",
    "export": "Print a spec of what is live.",
    "doctor": "Check every step of the set-up, with the fix for each.",
    "bootstrap": "Do the steps of the set-up that can be done by program.",
    "sync": "Carry approvals between Bytebase and Feishu, until stopped.",
    "status": "Show what waits, and what is held and why.",
    "explain": "Show how one subject is decided, and from which facts.",
    "request": "Ask for the approval of one subject now.",
    "history": "Print what was decided and done, one line each.",
    "sandbox": "Serve stand-ins of Bytebase and Feishu, and a page to act in.",
    "demo": "Play the whole story on stand-ins.",
    "schema": "Print the JSON Schema of a spec.",
    "migrate": "Bring the store's schema up to date.",
}
"""Every command with its line in the help, in the order of the help; its code is `reconciler.cli.<name>:command`."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are chosen, and which ends with our exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The commands of this installation, in the table's order."""
        return [name for name in COMMANDS if _is_installed(name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None when there is none of that name."""
        if cmd_name not in COMMANDS or not _is_installed(cmd_name):
            return None
        command: click.Command = importlib.import_module(f"reconciler.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command to run; a misspelt one is answered with the nearest."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], self.list_commands(ctx), 1)
            if not near or "mean" in error.format_message():
                raise
            raise click.UsageError(f"{error.format_message()} Did you mean '{near[0]}'?", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the program and end the process with the exit code, or return it when not `standalone_mode`."""
        arguments = list(sys.argv[1:] if args is None else args)
        if os.environ.get("NO_COLOR") or "--no-color" in arguments:
            extra["color"] = False
        extra["windows_expand_args"] = windows_expand_args
        code = self._exit_code(arguments, prog_name, complete_var, extra)
        if standalone_mode:
            sys.exit(code)
        return code

    def _exit_code(
        self, arguments: Sequence[str], prog_name: str | None, complete_var: str | None, extra: dict[str, Any]
    ) -> int:
        as_json = _asks_for_json(arguments)
        verbose = any(argument in {"-v", "-vv", "-vvv", "--verbose"} for argument in arguments)
        try:
            result = super().main(arguments, prog_name, complete_var, standalone_mode=False, **extra)
        except click.Abort:
            click.echo("interrupted", err=True)
            return ExitCode.INTERRUPTED
        except click.ClickException as error:
            from reconciler.cli.failures import report_usage

            return report_usage(error, as_json=as_json)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends in a sentence and a code
            from reconciler.cli.failures import report_failure

            return report_failure(error, as_json=as_json, verbose=verbose)
        return result if isinstance(result, int) else ExitCode.DONE


def _is_installed(name: str) -> bool:
    return importlib.util.find_spec(f"reconciler.cli.{name}") is not None


def _asks_for_json(arguments: Sequence[str]) -> bool:
    """Whether machine output is wanted, judged before the arguments are understood: they may be what is wrong."""
    asked = False
    for position, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument.startswith("--format="):
            asked = argument == "--format=json"
        elif argument == "--format" and position + 1 < len(arguments):
            asked = arguments[position + 1] == "json"
    return asked


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="reconciler", prog_name="reconciler")
def cli() -> None:
    """Bytebase database changes, approved in Feishu or Lark, declared in Git."""


def main() -> NoReturn:
    """Run `reconciler` as a program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    cli(prog_name="reconciler")
    raise SystemExit(ExitCode.DONE)
