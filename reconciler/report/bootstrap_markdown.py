"""A walk through the set-up, as Markdown: the steps, then what doctor says."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.plan.failed import FailedTarget
from reconciler.report.bootstrap_text import WORDS
from reconciler.report.doctor_markdown import examination_markdown, link_markdown
from reconciler.report.escape import code, prose
from reconciler.report.markdown import failures_markdown
from reconciler.setup.walkthrough import Step, Walkthrough

_FAILURES = 20_000
"""Room for targets that could not be walked through, in characters."""


def bootstrap_markdown(walks: Sequence[Walkthrough], failed: Sequence[FailedTarget] = ()) -> str:
    """The targets that could not be walked through, then one section for each of the others."""
    head = f"<!-- reconciler:bootstrap -->\n{failures_markdown(failed, _FAILURES)}"
    return head + "\n".join(_section(walk) for walk in walks)


def _section(walk: Walkthrough) -> str:
    steps = [_step(step) for step in walk.steps]
    return "\n".join(
        [f"### {code(walk.examination.target.name)}", "", *steps, "", examination_markdown(walk.examination)]
    )


def _step(step: Step) -> str:
    place = f" (step {step.steps})" if step.steps else ""
    following = f" *Next:* {prose(step.fix)}" if step.fix else ""
    link = f" ({link_markdown(step.link)})" if step.link else ""
    return f"- **{WORDS[step.state]}** {prose(step.title)}{place}: {prose(step.said)}.{following}{link}"
