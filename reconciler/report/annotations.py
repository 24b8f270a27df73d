"""A plan as GitHub workflow commands: each finding on the line of the spec that it is about."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import FilePosition
from reconciler.plan.change import Plan
from reconciler.plan.failed import FailedTarget
from reconciler.report.escape import annotation_property, annotation_text
from reconciler.resources.base import Origin
from reconciler.resources.finding import Finding


def plan_annotations(plans: Sequence[Plan], failed: Sequence[FailedTarget] = ()) -> str:
    """One `::error` a failed target or refusal, one `::warning` a warning, one `::notice` a pending change."""
    lines = [_line("error", _finding(each)) for each in failed]
    for plan in plans:
        lines += [_line("error", each) for each in plan.refusals]
        lines += [_line("warning", each) for each in plan.warnings]
        lines += [
            _line(
                "notice", Finding(change.action.value, change.kind, change.name, change.action.value, "", change.origin)
            )
            for change in plan.pending
        ]
    return "".join(f"{line}\n" for line in lines)


def _finding(failed: FailedTarget) -> Finding:
    origin = Origin(failed.where.file, failed.where.line) if isinstance(failed.where, FilePosition) else None
    return Finding(
        failed.kind, failed.name, "", f"{failed.where or failed.name}: {failed.message}", failed.next, origin
    )


def _line(level: str, finding: Finding) -> str:
    about = f"{finding.kind}/{finding.name}" if finding.name else finding.kind
    properties = [f"title={annotation_property(about)}"]
    if finding.origin is not None:
        properties = [f"file={annotation_property(finding.origin.file)}", f"line={finding.origin.line}", *properties]
    message = f"{finding.message}; {finding.next}" if finding.next else finding.message
    return f"::{level} {','.join(properties)}::{annotation_text(message)}"
