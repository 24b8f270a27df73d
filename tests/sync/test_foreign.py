"""Text written by others stays readable and commands nothing, whatever it is."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.sync.foreign import bounded, markdown, one_line, visible

NASTY = st.lists(
    st.sampled_from(
        ["@", "i18n@", "@i18n@", "@I18N@", "<at", "</AT", "<at id=all>", "<", "at ", "\r\n", "\r", "\n", " ", "\t", "\x00", "\x1b[31m",
         "\u202e", "\u2066", "\u200b", "\ufeff", "\ud800", "\u2028", "\u0085", "\u00a0", "…", "`", "*", "<script>", "-->", "[x](y)", "a", "列"]
    )
    | st.characters(),
    max_size=40,
).map("".join)  # fmt: skip
MENTION = re.compile(r"</?at\b", re.IGNORECASE)


def is_harmless(text: str) -> bool:
    commands = "@i18n@" in text.lower() or MENTION.search(text) is not None
    hidden = [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in "\n\t"]
    return not commands and not hidden


@given(NASTY)
@example("<at_")
def test_no_key_no_mention_no_hidden_character_is_left(text):
    assert is_harmless(visible(text))
    assert is_harmless(one_line(text, 100))
    assert is_harmless(markdown(text).replace("\u200b", ""))


@given(NASTY)
def test_what_is_visible_already_stays_as_it_is(text):
    assert visible(visible(text)) == visible(text)
    assert one_line(one_line(text, 60), 60) == one_line(text, 60)


@given(NASTY)
def test_lines_end_without_blanks_and_texts_without_empty_lines(text):
    shown = visible(text)
    assert all(line == line.rstrip() for line in shown.split("\n"))
    assert shown == shown.strip("\n")


@given(st.text(alphabet=st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs"))).map(str.strip))
def test_plain_text_is_left_alone(text):
    if is_harmless(text):
        assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("@i18n@title", "@ i18n@title"),
        ("@@i18n@i18n@x", "@@ i18n@ i18n@x"),
        ('<at id="all"></at>', '‹at id="all">‹/at>'),
        ("<attach>", "<attach>"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\x00\x07b", "a␀␇b"),
        ("a\x7fb", "a⟨U+007F⟩b"),
        ("lone \ud83d", "lone ⟨U+D83D⟩"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("\n\n  indented  \n\n", "  indented"),
        ("列を追加 – ünï 👍", "列を追加 – ünï 👍"),
    ],
)
def test_what_is_hidden_is_shown(text, shown):
    assert visible(text) == shown


@given(NASTY, st.integers(1, 80))
def test_one_line_is_one_line_within_its_limit(text, limit):
    line = one_line(text, limit)
    assert len(line) <= limit
    assert "\n" not in line
    assert line == line.strip()


def test_a_cut_line_says_so():
    assert one_line("abcdefgh", 5) == "abcd…"
    assert one_line("abcd efgh", 6) == "abcd…"
    assert one_line("abcde", 5) == "abcde"


NOTE = "… ({left} characters left out) …"


@given(NASTY.map(visible) | st.text(min_size=50, max_size=300).map(visible), st.integers(0, 200))
def test_a_bounded_text_is_never_longer_and_bounding_twice_is_bounding_once(text, limit):
    cut = bounded(text, limit, note=NOTE)
    assert len(cut) <= limit
    assert bounded(cut, limit, note=NOTE) == cut
    assert is_harmless(cut)


@given(st.text(alphabet="abc\n", min_size=81, max_size=400), st.integers(60, 80))
def test_head_and_tail_survive_and_the_note_counts_what_is_missing(text, limit):
    cut = bounded(text, limit, note=NOTE)
    count = re.search(r"… \((\d+) characters left out\) …", cut)
    assert count is not None
    head, tail = cut.split(count.group(0))
    head, tail = head.removesuffix("\n"), tail.removeprefix("\n")
    assert text.startswith(head)
    assert text.rstrip().endswith(tail)
    assert int(count.group(1)) + len(head) + len(tail) >= len(text.rstrip())


def test_a_text_that_fits_is_not_touched():
    assert bounded("abc", 3, note=NOTE) == "abc"


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "<!-- reconciler:status:x -->", "**bold** _it_ `code`", "[click](https://evil.example)", "# head",
     "![x](y)", "~~x~~", "a | b", "&lt;b&gt;", "\\*not escaped*"],
)  # fmt: skip
def test_markdown_shows_markup_as_text(text):
    shown = markdown(text)
    assert re.sub(r"\\(.)", r"\1", shown) == text
    assert re.search(r"(?<!\\)(?:\\\\)*[<>*_`\[\]#~|&]", shown) is None


def test_markdown_mentions_nobody():
    shown = markdown("@bob and bob@example.com")
    assert re.search(r"@\w", shown) is None
