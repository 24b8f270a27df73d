"""Writing a code into a spec changes that value and nothing else, or refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import SpecError
from reconciler.spec.source import SpecText
from reconciler.spec.splice import splice_code
from reconciler.spec.yaml import load_documents

CODE = "7C468A54-8745-2245-9675-08B7C63E7A85"
HEAD = "# specs\nspec:\n  feishu:\n    definitions:\n"


def spliced(text: str, *, definition: str = "gate", code: str = CODE, document: int = 0) -> str:
    return splice_code(SpecText.of("f.yaml", text), document=document, definition=definition, code=code)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("      - name: gate\n        code: null # c\n", f"      - name: gate\n        code: {CODE} # c\n"),
        ("      - name: gate\n        code: ~\n", f"      - name: gate\n        code: {CODE}\n"),
        ("      - code:\n        name: gate\n", f"      - code: {CODE}\n        name: gate\n"),
        ("      - {code: , name: gate}\n", f"      - {{code: {CODE}, name: gate}}\n"),
        ("      - {name: gate, code: 'old'}\n", f"      - {{name: gate, code: '{CODE}'}}\n"),
        ('      - name: gate\n        code: "old"\n', f'      - name: gate\n        code: "{CODE}"\n'),
        ("      - name: gate # why\n        mode: managed\n", f"      - name: gate # why\n        code: {CODE}\n        mode: managed\n"),
        ("      - {name: gate}\n", f"      - {{name: gate, code: {CODE}}}\n"),
        ("      - name: gate", f"      - name: gate\n        code: {CODE}"),
        ("      - name: gate\r\n        code: null\r\n", f"      - name: gate\r\n        code: {CODE}\r\n"),
        ("      - name: 数\n        code: null\n      - name: gate\n        code: null\n",
         f"      - name: 数\n        code: null\n      - name: gate\n        code: {CODE}\n"),
    ],
)  # fmt: skip
def test_the_code_is_written_and_nothing_else(before: str, after: str) -> None:
    assert spliced(HEAD + before) == HEAD + after


def test_a_new_line_ends_like_the_others() -> None:
    text = HEAD.replace("\n", "\r\n") + "      - name: gate\r\n        mode: managed\r\n"
    assert spliced(text).endswith(f"      - name: gate\r\n        code: {CODE}\r\n        mode: managed\r\n")


@pytest.mark.parametrize("code", ["12345", "1e3", "null", "true", "0x1f", "-1", 'a"b\\c', "a: b", "#x", "", "数"])
def test_a_code_that_looks_like_something_else_is_quoted(code: str) -> None:
    (document,) = load_documents(spliced(HEAD + "      - {name: gate, code: null}\n", code=code))
    assert document.value["spec"]["feishu"]["definitions"] == [{"name": "gate", "code": code}]


def test_only_the_named_document_is_changed() -> None:
    text = HEAD + "      - {name: gate}\n---\n" + HEAD + "      - {name: gate}\n"
    first, second = load_documents(spliced(text, document=1))
    assert "code" not in first.value["spec"]["feishu"]["definitions"][0]
    assert second.value["spec"]["feishu"]["definitions"][0]["code"] == CODE


@pytest.mark.parametrize(
    "definitions",
    [
        "      - &d {name: gate, code: null}\n      - {<<: *d, name: other}\n",
        "      - {name: other, code: &c null}\n      - {name: gate, code: *c}\n",
        "      - {name: gate, code: &c null}\n      - {name: other, code: *c}\n",
        "      - name: gate\n        code: >\n          old\n",
        "      - name: gate\n        code: !!str old\n",
        "      - name: >-\n          gate\n",
        "      - name: other\n",
        "      - [gate]\n",
        "      gate\n",
        "      [unclosed\n",
    ],
)
def test_what_cannot_be_written_alone_is_left_to_the_author(definitions: str) -> None:
    with pytest.raises(SpecError) as caught:
        spliced(HEAD + definitions)
    assert caught.value.next_step == f"write 'code: {CODE}' for definition 'gate' by hand and commit it"


def test_a_refusal_names_the_line_to_edit() -> None:
    with pytest.raises(SpecError) as caught:
        spliced(HEAD + "      - name: gate\n        code: >\n          old\n")
    assert str(caught.value.where) == "f.yaml:6:15"


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=8)
SCALARS = st.one_of(
    st.sampled_from(["null", "~", "", "''", '""', "old", "'o''ld'", '"o\\"ld"']),
    WORDS.map(lambda word: "'" + word.replace("'", "''") + "'"),
)
COMMENTS = WORDS.map(lambda word: f" # {word}")


@st.composite
def spec_texts(draw: st.DrawFn) -> str:
    """Specs with several definitions in either style, with comments, spacing and neighbours that must survive."""
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    lines = ["# " + draw(WORDS), "spec:", "  other: [1, 010, 'x']", "  feishu:", "    definitions:"]
    for name in draw(st.permutations(["gate", "other", "third"])):
        fields = [f"name: {draw(st.sampled_from([name, repr(name)]))}"]
        if draw(st.booleans()):
            fields.append(f"code: {draw(SCALARS)}")
        if draw(st.booleans()):
            fields.append("decision: all")
        fields = draw(st.permutations(fields))
        if draw(st.booleans()):
            lines.append("      - {" + ", ".join(fields) + "}" + draw(COMMENTS))
        else:
            gap = draw(st.sampled_from([" ", "   "]))
            lines += [
                f"      {'-' if first else ' '}{gap}{field}{draw(COMMENTS)}"
                for first, field in ((position == 0, field) for position, field in enumerate(fields))
            ]
    return ending.join(lines) + draw(st.sampled_from(["", ending, ending + ending]))  # fmt: skip


@given(spec_texts(), st.one_of(st.just(CODE), WORDS))
def test_in_any_spec_only_the_value_differs(text: str, code: str) -> None:
    changed = spliced(text, code=code)
    (before,), (after,) = load_documents(text), load_documents(changed)
    for definition in before.value["spec"]["feishu"]["definitions"]:
        if definition["name"] == "gate":
            definition["code"] = code
    assert after.value == before.value
    kept = [line for line in text.splitlines() if "gate" not in line and "code" not in line]
    assert [line for line in changed.splitlines() if line in kept] == [
        line for line in text.splitlines() if line in kept
    ]
    assert spliced(changed, code=code) == changed
