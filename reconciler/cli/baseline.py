"""`--untrusted`: a spec in a pull request is somebody's proposal. It may run nothing, read nothing outside, redirect nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reconciler.adapters.checkout import files_at, text_at, top_of
from reconciler.errors import NotFoundError, RefusedError
from reconciler.plan.trust import redirected, references
from reconciler.spec.models.references import ExecRef, FileRef
from reconciler.spec.parse import parse_documents
from reconciler.spec.source import SpecText
from reconciler.spec.target import Target


def refuse_untrusted(targets: Sequence[Target], baseline: str | None) -> None:
    """Raise RefusedError for the first thing that a proposal must not do; `baseline` is a Git reference."""
    for target in targets:
        _refuse_references(target)
    if baseline is None:
        return
    trusted = _trusted(targets, baseline)
    for target in targets:
        changed = redirected(target, trusted.get(target.name))
        if changed:
            raise RefusedError(
                "a proposal may not change where we connect, or with which secret",
                where=target.origin(*changed[0].split(".")),
                why=f"{', '.join(changed)} of {target.name} differ from {baseline}",
                next_step="let somebody with the right to do so plan this without --untrusted",
            )


def _refuse_references(target: Target) -> None:
    checkout = Path.cwd().resolve()
    for path, reference in references(target.spec):
        if isinstance(reference, ExecRef):
            what = "runs a command"
        elif isinstance(reference, FileRef) and not _is_inside(Path(target.file).parent / reference.file, checkout):
            what = "reads a file outside the checkout"
        else:
            continue
        raise RefusedError(
            f"a proposal may not do this: {path} {what}",
            where=target.file,
            next_step="let somebody with the right to do so plan this without --untrusted",
        )


def _is_inside(path: Path, checkout: Path) -> bool:
    return path.expanduser().resolve().is_relative_to(checkout)


def _trusted(targets: Sequence[Target], baseline: str) -> dict[str, Target]:
    """The targets of the baseline, by name, wherever they stood in it."""
    if baseline.startswith("-"):
        raise RefusedError(
            "this is no Git reference", where=baseline[:80], next_step="name a branch, such as origin/main"
        )
    folder = top_of(targets[0].file)
    names = [name for name in files_at(baseline, folder) if name.endswith((".yaml", ".yml"))]
    found: dict[str, Target] = {}
    for name in names:
        try:
            text = text_at(baseline, name, folder)
        except NotFoundError:
            continue
        if "reconciler/v1" in text:
            found |= {target.name: target for target in parse_documents([SpecText.of(name, text)]).targets}
    return found
