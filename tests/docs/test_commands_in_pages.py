"""Commands that the pages show are commands that the program understands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from docs.pages import ROOT, blocks, name_of, pages, section, spans

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.main import COMMANDS, cli

README = ROOT / "README.md"
SHOWN = re.compile(r"(?:^|[\s(\"'=/])reconciler\"? +((?:--?)?[a-z].*)$")
ENDS = re.compile(r"^(?:\||\|\||&&|;|\d?>>?|#.*)$")


def command_lines(page: Path) -> Iterator[str]:
    """Every line of a block, and every span, that calls the program; continued lines are joined."""
    for language, text in blocks(page):
        if language in {"sh", "bash", "yaml", "ini", ""}:
            for line in re.sub(r"\\\n\s*", "", text).splitlines():
                if (found := SHOWN.search(line)) is not None and not line.lstrip().startswith(("#", "name:", "pip ")):
                    yield found[1]
    for span in spans(page):
        if span.startswith("reconciler ") and len(span.split()) > 1:
            yield span.removeprefix("reconciler ")
        elif span.partition(" ")[0] in COMMANDS and " --" in span:
            yield span


def words(line: str) -> list[str]:
    """The words of one command, up to a pipe, a redirection or a comment."""
    read = shlex.shlex(line.replace("…", "x"), posix=True, punctuation_chars="|&;><")
    read.whitespace_split = True
    found: list[str] = []
    for word in read:
        if ENDS.match(word):
            break
        found.append(word)
    return found


def problem(line: str) -> str | None:
    """What the program would say against the command, judged by its options alone."""
    name, *arguments = words(line)
    if name.startswith("-"):
        return None
    if name not in COMMANDS:
        return f"there is no command {name}"
    context = click.Context(cli)
    command = cli.get_command(context, name)
    if command is None:
        return None
    try:
        command.make_parser(click.Context(command, parent=context)).parse_args(arguments)
    except click.UsageError as error:
        return error.format_message()
    return None


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_command_is_understood(page: Path) -> None:
    assert {line: said for line in command_lines(page) if (said := problem(line)) is not None} == {}


def test_the_check_finds_what_is_wrong() -> None:
    assert problem("plam --out x.json") == "there is no command plam"
    assert "--outt" in (problem("plan --outt x.json | less") or "")
    assert problem("plan --out x.json | grep --colour x") is None
    assert len(list(command_lines(README))) > 5


def test_the_readme_shows_the_programs_own_help() -> None:
    shown = [text for language, text in blocks(README) if text.startswith("Usage: reconciler")]
    help_text = CliRunner().invoke(cli, ["--help"], prog_name="reconciler", terminal_width=80).output
    assert shown == [help_text]


def test_the_readmes_exit_codes_are_the_programs() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", section(README, "Use it"), re.MULTILINE)
    assert [int(code) for code, _ in rows] == [code.value for code in ExitCode]
    assert all(meaning.strip() for _, meaning in rows)
