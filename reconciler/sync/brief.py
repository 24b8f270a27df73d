"""What an external node is told about a question: plain values, the SQL bounded. Pure and deterministic."""

from __future__ import annotations

from reconciler.ids import last_segment
from reconciler.subjects.change import Stage
from reconciler.subjects.instance import NodeBrief
from reconciler.sync.foreign import one_line
from reconciler.sync.form import FormFacts

STATEMENT_LIMIT = 64 * 1024
"""Characters of SQL that a node is sent; it gets the link for the rest."""
_MORE = "\n-- … more in Bytebase\n"


def node_brief(facts: FormFacts) -> NodeBrief:
    """The same facts as a form shows, as an office system takes them."""
    change, question = facts.change, facts.question
    creator = change.issue.creator if change.issue is not None else change.creator
    return NodeBrief(
        subject=question.name,
        issue=change.issue.number if change.issue is not None else "",
        project=last_segment(change.project),
        creator=creator,
        title=one_line(change.display_title, 300),
        description="",
        stage=last_segment(question.environment) if isinstance(question, Stage) else question.role,
        statement=_statement(facts),
        link=change.link,
        digest=facts.digest,
        created=change.created,
    )


def _statement(facts: FormFacts) -> str:
    whole = "\n".join(each.text for each in facts.statements)
    is_whole = all(each.is_complete for each in facts.statements)
    if is_whole and len(whole) <= STATEMENT_LIMIT:
        return whole
    return whole[: STATEMENT_LIMIT - len(_MORE)] + _MORE
