"""Approval codes: each is declared by one definition, for two would overwrite each other in turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.spec.checks.overlap import address
from reconciler.spec.diagnostics import Diagnostic
from reconciler.spec.models.feishu import Definition
from reconciler.spec.target import Target


def shared_codes(targets: Sequence[Target]) -> Iterator[Diagnostic]:
    """A code that two definitions declare, in one document or in two targets on one Feishu platform.

    Two targets may both adopt one definition: neither writes it, and their requests are told apart by the digest.
    """
    first: dict[tuple[str, str], tuple[Target, int, Definition]] = {}
    for target in targets:
        feishu = target.spec.feishu
        for index, definition in enumerate(feishu.definitions if feishu is not None else ()):
            if feishu is None or definition.code is None:
                continue
            # Feishu writes codes in capitals and takes them in any case (facts §1).
            key = (address(feishu.hosts().open_api), definition.code.lower())
            other, place, earlier = first.setdefault(key, (target, index, definition))
            if other is target and place == index:
                continue
            if other is not target and definition.mode == earlier.mode == "adopted":
                continue
            yield _shared(target, index, definition, other, place)


def _shared(target: Target, index: int, definition: Definition, other: Target, place: int) -> Diagnostic:
    path = ("spec", "feishu", "definitions")
    name = other.spec.feishu.definitions[place].name if other.spec.feishu is not None else ""
    of = f" of target '{other.name}'" if other is not target else ""
    return target.diagnostic(
        (*path, index, "code"),
        f"a second definition with code '{definition.code}': '{name}'{of} declares it already",
        f"the first is at {other.origin(*path, place, 'code')}; give each its own code, or null to create one",
    )
