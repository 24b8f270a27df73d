"""The step that an issue's review waits for, made from issue and plan: it comes before any rollout. Pure (facts §8.1, §9.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reconciler.providers.bytebase.translate import release_files
from reconciler.providers.bytebase.wire_changes import WireIssue, WirePlan, WireRelease, WireSpec
from reconciler.subjects.change import ReviewStep, Task, TaskStatus

NOT_FOUND_YET = "CHECKING"
"""The approval status while Bytebase has not found the flow; roles shown then are those of an earlier finding."""


def awaits_review(issue: WireIssue) -> bool:
    """Whether a step of the issue is to be answered, or will be once its flow is found."""
    if issue.status != "OPEN" or issue.draft:
        return False
    if issue.approval_status == NOT_FOUND_YET:
        return True
    return issue.pending_role is not None and all(answer.status == "APPROVED" for answer in issue.approvers)


def step_name(issue: WireIssue) -> str:
    """The name of the issue's next step."""
    return f"{issue.name}#{len(issue.approvers)}"


def review_step(
    issue: WireIssue, plan: WirePlan, environments: Mapping[str, str], releases: Mapping[str, WireRelease]
) -> ReviewStep | None:
    """The pending step; None where none is. `environments` maps targets to where they are ('' for none)."""
    if not awaits_review(issue):
        return None
    is_found = issue.approval_status != NOT_FOUND_YET
    return ReviewStep(
        name=step_name(issue),
        index=len(issue.approvers),
        flow=issue.roles if is_found else (),
        template=issue.approval_template.title if issue.approval_template is not None and is_found else "",
        environments=tuple(sorted({name for name in environments.values() if name})),
        tasks=tuple(task for spec in plan.specs for task in _tasks(plan.name, spec, releases)),
    )


def targets_of(plan: WirePlan) -> tuple[str, ...]:
    """The databases whose environments decide which gate holds the review, sorted."""
    changes = (spec.change_database_config for spec in plan.specs)
    return tuple(sorted({target for change in changes if change is not None for target in change.targets}))


def created_environments(plan: WirePlan) -> Mapping[str, str]:
    """The environments that databases would be created in, by what is created."""
    creations = (spec.create_database_config for spec in plan.specs)
    return {f"{each.target}/{each.database}": each.environment for each in creations if each is not None}


def releases_of(plans: Iterable[WirePlan]) -> Sequence[str]:
    """The releases that plans change databases by, sorted."""
    changes = (spec.change_database_config for plan in plans for spec in plan.specs)
    return sorted({change.release for change in changes if change is not None and change.release})


def _tasks(plan: str, spec: WireSpec, releases: Mapping[str, WireRelease]) -> Sequence[Task]:
    change, creation = spec.change_database_config, spec.create_database_config
    if change is not None:
        return [
            Task(
                name=f"{plan}/specs/{spec.id}/{target}",
                target=target,
                type="DATABASE_MIGRATE",
                status=TaskStatus.NOT_STARTED,
                sheet=change.sheet or None,
                release=change.release or None,
                release_files=release_files(releases[change.release]) if change.release else (),
                prior_backup=change.enable_prior_backup,
            )
            for target in change.targets
        ]
    if creation is not None:
        target = f"{creation.target}/databases/{creation.database}"
        return [Task(f"{plan}/specs/{spec.id}", target, "DATABASE_CREATE", TaskStatus.NOT_STARTED)]
    return []
