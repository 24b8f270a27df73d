"""What people are told: comments on issues (Markdown, bilingual) and on instances (plain, bilingual). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.ids import last_segment, step_of
from reconciler.subjects.entry import Reason
from reconciler.sync.foreign import markdown, one_line

LOCALES = ("en-US", "zh-CN")
Texts = tuple[tuple[str, str], ...]


def issue_texts(subject: str, why: Reason, *, link: str = "", details: Iterable[str] = ()) -> Texts:
    """A comment about one subject on its issue: the sentence in both languages, details as a list, a link to the request."""
    step = step_of(subject)
    name = markdown(last_segment(subject)) if step is None else str(step[1] + 1)
    english = f"**{'Stage' if step is None else 'Review step'} {name}**: {markdown(why.text)}"
    chinese = f"**{'阶段' if step is None else '评审步骤'} {name}**:{markdown(why.zh or why.text)}"
    lines = [f"- {markdown(line)}" for line in details]
    if link:
        lines.append(f"- [Feishu]({link})")
    return (("en-US", "\n".join([english, "", chinese, *([""] if lines else []), *lines])),)


def instance_texts(why: Reason) -> Texts:
    """A comment on an instance, one text per language."""
    return (("en-US", one_line(why.text, 1_500)), ("zh-CN", one_line(why.zh or why.text, 1_500)))


def both(texts: Texts) -> str:
    """All languages of a text one below the other."""
    return "\n".join(text for _, text in texts)
