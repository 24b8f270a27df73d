"""All that is checked between fields, documents and files. Errors stop everything; warnings are only said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from reconciler.spec.checks import codes, doubts, fit, names, overlap
from reconciler.spec.diagnostics import Diagnostic
from reconciler.spec.target import Target

_ERRORS: tuple[Callable[[Target], Iterator[Diagnostic]], ...] = (
    names.duplicates,
    names.domain_rules,
    names.unresolved,
    fit.approver_sources,
    fit.im_types,
    fit.definitions,
    fit.event_secrets,
)
_ERRORS_BETWEEN: tuple[Callable[[Sequence[Target]], Iterator[Diagnostic]], ...] = (
    names.duplicate_targets,
    overlap.overlapping_targets,
    codes.shared_codes,
)
_WARNINGS: tuple[Callable[[Target], Iterator[Diagnostic]], ...] = (
    doubts.idle_gates,
    doubts.automatic_behind_gate,
    doubts.no_catch_all_rule,
    doubts.unprotected_projects,
    doubts.unverifiable_host,
)


def errors_between(targets: Sequence[Target]) -> list[Diagnostic]:
    """What is wrong between the fields of these targets, and between them; offline."""
    errors = [found for check in _ERRORS for target in targets for found in check(target)]
    return errors + [found for check in _ERRORS_BETWEEN for found in check(targets)]


def warnings_about(targets: Sequence[Target]) -> list[Diagnostic]:
    """What is allowed in these targets and probably not meant; offline."""
    return [found for check in _WARNINGS for target in targets for found in check(target)]
