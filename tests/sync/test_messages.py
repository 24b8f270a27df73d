"""Comments to people: two languages, and nothing that somebody typed can become markup, a link, a mention or our marker."""

from __future__ import annotations

import re

import pytest
from fakes.gate_facts import PROD
from hypothesis import given
from hypothesis import strategies as st

from reconciler.subjects.entry import Reason
from reconciler.sync.messages import both, instance_texts, issue_texts
from reconciler.sync.reasons import reason

LIVE = re.compile(r"(?<!\\)(?:\\\\)*([<>`\[\]#|~!&])")
ATTACKS = (
    "<img src=x onerror=alert(1)>",
    "<!-- reconciler:status:projects/demo/plans/101 -->",
    "[approve here](https://evil.example)",
    "![x](https://evil.example/x.png)",
    '<at id="all"></at> @everyone',
    "@i18n@field_sql",
    "`rm -rf` **bold**\n\n# heading\n- item",
    "\u202egnp.exe",
)


def body_of(text: str) -> str:
    """The comment without what is ours: bold stage names and the link to the request."""
    return text.replace("- [Feishu](https://feishu.example/INST-1)", "")


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_people_type_is_shown_and_does_nothing(attack):
    why = reason("rejected", who=attack, comment=attack)
    ((_, text),) = issue_texts(PROD, why, link="https://feishu.example/INST-1", details=[attack])
    assert LIVE.search(body_of(text)) is None
    assert re.search(r"@\w", text) is None
    assert "<!--" not in text
    assert "\u202e" not in text
    for _, plain in instance_texts(why):
        assert "@i18n@" not in plain
        assert "<at" not in plain.lower()
        assert "\n" not in plain


@given(st.text(max_size=200))
def test_no_text_at_all_opens_markup_in_a_comment(text):
    ((_, shown),) = issue_texts(PROD, Reason("x", text, text), details=[text])
    assert LIVE.search(shown) is None
    assert "\r" not in shown


def test_a_comment_names_the_stage_and_says_it_in_both_languages():
    ((locale, text),) = issue_texts(PROD, reason("checksError"), link="https://feishu.example/INST-1", details=["one"])
    assert locale == "en-US"
    assert text == (
        "**Stage prod**: the plan checks report errors\n\n**阶段 prod**:变更检查有错误\n\n"
        "- one\n- [Feishu](https://feishu.example/INST-1)"
    )


def test_a_comment_without_link_and_details_is_two_sentences():
    ((_, text),) = issue_texts(PROD, reason("checksError"))
    assert text == "**Stage prod**: the plan checks report errors\n\n**阶段 prod**:变更检查有错误"


def test_an_instance_comment_has_one_text_per_language_within_bounds():
    texts = instance_texts(reason("rejected", who="Dave", comment="no " * 5_000))
    assert [locale for locale, _ in texts] == ["en-US", "zh-CN"]
    assert all(len(text) <= 1_500 for _, text in texts)
    assert both(texts) == f"{texts[0][1]}\n{texts[1][1]}"
