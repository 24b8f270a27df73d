"""Runs a command on every target of the spec: one that fails does not stop the others, and nothing crosses between them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import click

from reconciler.adapters.spec_files import load_specs
from reconciler.cli.failures import error_document, report_failure
from reconciler.cli.options import CommonOptions
from reconciler.cli.output import FORMAT_VERSION, JsonDocument
from reconciler.errors import ReconcilerError
from reconciler.plan.build import Provenance
from reconciler.plan.change import SpecFile
from reconciler.plan.failed import FailedTarget
from reconciler.plan.order import KINDS
from reconciler.spec.parse import ParsedSpecs
from reconciler.spec.target import Target

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TargetResult(Generic[T]):
    """What came of one target: a value or an error."""

    target: Target
    value: T | None = None
    error: ReconcilerError | None = None

    @property
    def failed(self) -> FailedTarget | None:
        """What a report says of this target where there is no value."""
        return FailedTarget.of(self.target.name, self.error) if self.error is not None else None

    @property
    def exit_code(self) -> int:
        """The code that this target alone would give."""
        if self.error is not None:
            return self.error.exit_code
        code = getattr(self.value, "exit_code", 0)
        return code if isinstance(code, int) else 0

    def document(self, encode: Callable[[T], JsonDocument]) -> JsonDocument:
        """The JSON document of this target."""
        if self.value is not None:
            return encode(self.value)
        assert self.error is not None  # noqa: S101 - one of the two is always set
        return {
            "formatVersion": FORMAT_VERSION,
            "target": {"name": self.target.name},
            "error": error_document(self.error),
        }


READ_ONLY_KINDS = ("users", "capability")
"""Kinds that are looked at and never written."""


def require_known_kinds(patterns: Sequence[str]) -> None:
    """UsageError for a pattern of no kind: a slip of the pen is never an empty choice."""
    known = sorted({*KINDS, *READ_ONLY_KINDS})
    for pattern in patterns:
        if not any(pattern == kind or pattern.startswith(f"{kind}/") for kind in known):
            raise click.UsageError(
                f"--only, --except and --rewrite: there is no kind for '{pattern}'; kinds are {', '.join(known)}"
            )


def read_targets(options: CommonOptions) -> tuple[ParsedSpecs, Sequence[Target]]:
    """The chosen targets; the warnings of their files are said. Raises on any error in any file, and on unknown kinds."""
    require_known_kinds([*options.only, *options.exclude])
    specs = load_specs(options.files)
    targets = specs.require(options.target)
    chosen = {target.file for target in targets}
    for warning in (each for each in specs.warnings if each.position.file in chosen):
        click.echo(warning.render("warning"), err=True)
    return specs, targets


def run_targets(
    targets: Sequence[Target], work: Callable[[Target], Awaitable[T]], *, options: CommonOptions
) -> list[TargetResult[T]]:
    """Do the work for one target after the other. Each error is said and kept.

    A single target's is raised, but for Markdown: a comment says of one target what it says of several.
    """

    async def run() -> list[TargetResult[T]]:
        results: list[TargetResult[T]] = []
        for target in targets:
            try:
                results.append(TargetResult(target, value=await work(target)))
            except ReconcilerError as error:
                if len(targets) == 1 and options.format != "markdown":
                    raise
                click.echo(f"target {target.name}:", err=True)
                report_failure(error, as_json=False, verbose=options.verbose > 0)
                results.append(TargetResult(target, error=error))
        return results

    return asyncio.run(run())


def values_of(results: Sequence[TargetResult[T]]) -> list[T]:
    """What came out, of the targets for which something did."""
    return [result.value for result in results if result.value is not None]


def failures_of(results: Sequence[TargetResult[T]]) -> list[FailedTarget]:
    """The targets for which nothing came out."""
    return [result.failed for result in results if result.failed is not None]


def provenance(specs: ParsedSpecs, target: Target) -> Provenance:
    """Where a plan of this target comes from."""
    from importlib.metadata import version

    from reconciler.adapters.checkout import commit_of

    files = tuple(SpecFile(text.name, text.sha256) for text in specs.files if text.name == target.file)
    return Provenance(files, version("reconciler"), commit_of(target.file))
