"""`--untrusted`: a spec in a pull request is somebody's proposal. It may run nothing, read nothing outside, redirect nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.adapters.checkout import commit_at, files_at, text_at, top_of
from reconciler.errors import NotFoundError, RefusedError
from reconciler.plan.trust import redirected, references
from reconciler.spec.models.references import ExecRef, FileRef
from reconciler.spec.parse import parse_documents
from reconciler.spec.source import SpecText
from reconciler.spec.target import Target

_ELSEWHERE = "let somebody with the right to do so plan this without --untrusted"


def refuse_untrusted(targets: Sequence[Target], baseline: str | None) -> None:
    """Raise RefusedError for the first thing that a proposal must not do; `baseline` is a Git revision."""
    for target in targets:
        _refuse_references(target)
    if baseline is None:
        return
    if not baseline or baseline.startswith("-"):
        raise RefusedError(
            f"`{baseline[:80]}` is no Git revision", next_step="name a branch with --baseline, such as origin/main"
        )
    trusted: dict[Path, _Trusted] = {}
    for target in targets:
        top = _checkout_of(target)
        if top not in trusted:
            trusted[top] = _Trusted.at(baseline, top)
        _refuse_redirection(target, trusted[top], baseline)


def _checkout_of(target: Target) -> Path:
    try:
        return top_of(target.file)
    except NotFoundError as error:
        raise NotFoundError(
            "there is no baseline to compare with: the spec lies in no Git checkout",
            where=target.file,
            next_step="run this in a checkout of the repository, or leave --baseline out",
        ) from error


def _refuse_redirection(target: Target, trusted: _Trusted, baseline: str) -> None:
    before = trusted.of(target)
    if before is None:
        raise RefusedError(
            f"a proposal may not add the target {target.name}, which would connect with our secrets",
            where=target.origin("metadata", "name"),
            why=f"{baseline} {trusted.lack(target)}",
            next_step=_ELSEWHERE,
        )
    changed = redirected(target, before)
    if changed:
        raise RefusedError(
            "a proposal may not change where we connect, or with which secret",
            where=target.origin(*changed[0].split(".")),
            why=f"{', '.join(changed)} of {target.name} differ from {baseline}",
            next_step=_ELSEWHERE,
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
            next_step=_ELSEWHERE,
        )


def _is_inside(path: Path, checkout: Path) -> bool:
    return path.expanduser().resolve().is_relative_to(checkout)


@dataclass(frozen=True, slots=True)
class _Trusted:
    """The targets of the baseline, wherever they stand in its checkout."""

    top: Path
    targets: tuple[Target, ...]
    has_errors: bool

    @classmethod
    def at(cls, revision: str, top: Path) -> _Trusted:
        """Read every spec of a revision. NotFoundError where this checkout does not know it."""
        commit = commit_at(revision, top)
        targets: list[Target] = []
        has_errors = False
        for name in files_at(commit, top):
            if not name.endswith((".yaml", ".yml")):
                continue
            try:
                text = text_at(commit, name, top)
            except NotFoundError:
                continue
            if "reconciler/v1" in text:
                parsed = parse_documents([SpecText.of(name, text)])
                targets += parsed.targets
                has_errors = has_errors or bool(parsed.errors)
        return cls(top, tuple(targets), has_errors)

    def of(self, target: Target) -> Target | None:
        """The target as it was: in the same file, or wherever it is the only one of its name."""
        named = [each for each in self.targets if each.name == target.name]
        here = [each for each in named if (self.top / each.file).resolve() == Path(target.file).resolve()]
        candidates = here or named
        return candidates[0] if len(candidates) == 1 else None

    def lack(self, target: Target) -> str:
        """Why the target is not found, to follow the revision's name."""
        if sum(each.name == target.name for each in self.targets) > 1:
            return "declares it in several other files"
        if self.has_errors:
            return "does not declare it, or declares it in a file with errors"
        return "does not declare it" if self.targets else "holds no spec at all"
