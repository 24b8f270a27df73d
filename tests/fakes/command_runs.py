"""Commands run in this process as somebody types them."""

from __future__ import annotations

from click.testing import CliRunner, Result

from reconciler.cli.main import cli


def run(*arguments: str, expect: int | None = None) -> Result:
    """What `reconciler ARGUMENTS` said, and its exit code; an exception that nobody caught is raised here."""
    result = CliRunner().invoke(cli, list(arguments), catch_exceptions=False, standalone_mode=False)
    code = result.return_value if isinstance(result.return_value, int) else result.exit_code
    if expect is not None:
        assert code == expect, f"{code}\n{result.stdout}\n{result.stderr}"
    result.exit_code = code
    return result
