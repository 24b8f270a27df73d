"""The file that `apply PLAN` is given: which plans it holds, of which targets it holds none, and which targets it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import RefusedError, SpecError
from reconciler.plan.change import Plan
from reconciler.plan.document import decode
from reconciler.plan.failed import FailedTarget
from reconciler.report.values import plain
from reconciler.spec.target import Target


@dataclass(frozen=True, slots=True)
class PlanFile:
    """Plans and failures by target. What it says is compared with and never believed."""

    name: str
    plans: Mapping[str, Plan]
    failed: Mapping[str, FailedTarget]

    def targets(self, targets: Sequence[Target], *, chosen: str | None) -> Sequence[Target]:
        """The targets to apply: the one chosen by name, or all of the file. RefusedError where it holds no plan of one."""
        if chosen is None:
            self._require_whole(targets)
            return [target for target in targets if target.name in self.plans]
        if chosen in self.failed:
            raise self._was_not_made(self.failed[chosen])
        if chosen not in self.plans:
            raise RefusedError(
                f"the plan file holds no plan of target {chosen}",
                where=self.name,
                why=f"it holds {self._names(self.plans) or 'none'}",
                next_step=f"plan that target: reconciler plan --target {chosen} --out FILE",
            )
        return targets

    def _require_whole(self, targets: Sequence[Target]) -> None:
        strangers = set(self.plans) - {target.name for target in targets}
        if strangers:
            raise RefusedError(
                f"the plan file is for {self._names(strangers)}, which the spec does not declare",
                where=self.name,
                next_step="use the spec that the plan was made from, or choose one target with --target",
            )
        for name in sorted(self.failed):
            raise self._was_not_made(self.failed[name])

    def _was_not_made(self, failed: FailedTarget) -> RefusedError:
        others = " or ".join(f"--target {name}" for name in self.plans)
        return RefusedError(
            f"the plan of target {plain(failed.name)} failed and was not made",
            where=self.name,
            why=plain(failed.message),
            next_step="plan again" + (f", or apply what was planned, one target at a time: {others}" if others else ""),
        )

    @staticmethod
    def _names(names: Mapping[str, object] | set[str]) -> str:
        return ", ".join(plain(name) for name in sorted(names))


def read_plan_file(name: str) -> PlanFile:
    """Read the file. SpecError where it is none, RefusedError where its plans are not what was written or not one a target."""
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            "the plan file cannot be read", where=name, next_step="write one with: reconciler plan --out FILE"
        ) from error
    plans: dict[str, Plan] = {}
    failed: dict[str, FailedTarget] = {}
    for entry in decode(text, file=name):
        target = entry.name if isinstance(entry, FailedTarget) else entry.target.name
        if target in plans or target in failed:
            raise RefusedError(
                f"the plan file holds target {plain(target)} twice", where=name, next_step="plan again with --out FILE"
            )
        if isinstance(entry, FailedTarget):
            failed[target] = entry
        else:
            plans[target] = entry
    return PlanFile(name, plans, failed)
