"""Approval codes: what can be one, and that each is declared once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.sandbox.feishu.idents import upper_uuid
from reconciler.spec import SpecText, parse_documents
from reconciler.spec.diagnostics import Diagnostic

MINIMAL = (Path(__file__).parent / "minimal.yaml").read_text()
CODE = "7C468A54-8745-2245-9675-08B7C63E7A85"
FEISHU = """\
  feishu:
    {platform}app: {{id: cli_1, secret: {{env: S}}}}
    definitions:
"""


def document(*definitions: str, name: str = "acme", platform: str = "") -> str:
    head = MINIMAL.replace("name: acme", f"name: {name}") + FEISHU.format(platform=platform)
    return head + "".join(f"      - {{{each}}}\n" for each in definitions)


def found(*texts: str) -> list[Diagnostic]:
    files = [SpecText.of(f"{index}.yaml", text) for index, text in enumerate(texts, 1)]
    return list(parse_documents(files).errors)


@pytest.mark.parametrize(
    "code",
    ["''", "' '", "' x'", "x y", '"a\\tb"', '"a\\u0000"', '"a\\u200bb"', "a/b", "..", "a?b", "a%2fb", "数", "X" * 129],
)
def test_what_cannot_be_a_code_is_an_error_with_its_place(code: str) -> None:
    text = document(f"name: d, code: {code}")
    (error,) = found(text)
    assert "expected the code of an approval definition" in error.sentence()
    line = text[: text.index("code: ")].count("\n") + 1
    assert (error.position.file, error.position.line, error.path) == ("1.yaml", line, "spec.feishu.definitions[0].code")
    assert error.position.column == len("      - {name: d, code: ") + 1
    assert len(error.sentence()) < 400


def test_a_number_is_no_code_until_it_is_quoted() -> None:
    (error,) = found(document("name: d, code: 12345"))
    assert 'write "12345" in quotes' in error.sentence()
    assert found(document("name: d, code: '12345'")) == []


@pytest.mark.parametrize("code", [CODE, CODE.lower(), "6CDB", "CODE_1", "a" * 128, "null"])
def test_everything_that_a_real_code_could_be_is_taken(code: str) -> None:
    assert found(document(f"name: d, code: {code}")) == []


@given(st.builds(upper_uuid))
def test_a_code_as_feishu_makes_it_is_taken(code: str) -> None:
    assert found(document(f"name: d, code: {code}")) == []


@pytest.mark.parametrize("second", [CODE, CODE.lower()])
def test_two_definitions_of_one_document_with_one_code_are_an_error_with_both_places(second: str) -> None:
    text = document(f"name: a, code: {CODE}", "name: b, code: null", f"name: c, code: {second}")
    (error,) = found(text)
    first_line = text[: text.index("{name: a,")].count("\n") + 1
    assert error.position.line == first_line + 2
    assert f"'{second}': 'a' declares it already" in error.sentence()
    assert f"1.yaml:{first_line}:" in error.sentence()


def test_two_targets_on_one_platform_with_one_code_are_an_error_with_both_places() -> None:
    first, second = document(f"name: a, code: {CODE}"), document(f"name: b, code: {CODE}", name="zeta")
    (error,) = found(first, second)
    assert error.position.file == "2.yaml"
    assert "'a' of target 'acme' declares it already" in error.sentence()
    assert "the first is at 1.yaml:" in error.sentence()


@pytest.mark.parametrize(
    ("one", "other", "errors"),
    [
        ("platform: feishu\n    ", "", 1),
        ("platform: feishu\n    ", "platform: lark\n    ", 0),
        ("platform: {openApi: https://f.example}\n    ", "platform: {openApi: 'https://F.example:443/'}\n    ", 1),
        ("platform: {openApi: https://open.feishu.cn}\n    ", "", 1),
        ("platform: {openApi: https://f.example}\n    ", "", 0),
    ],
)
def test_only_on_one_platform_a_code_means_one_definition(one: str, other: str, errors: int) -> None:
    first = document(f"name: a, code: {CODE}", platform=one)
    second = document(f"name: b, code: {CODE}", name="zeta", platform=other)
    assert len(found(first, second)) == errors


@pytest.mark.parametrize(
    ("first", "second", "errors"), [("adopted", "adopted", 0), ("adopted", "managed", 1), ("managed", "adopted", 1)]
)
def test_only_definitions_that_nobody_writes_may_be_shared_by_targets(first: str, second: str, errors: int) -> None:
    def one(mode: str) -> str:
        form = ", form: {digest: w}" if mode == "adopted" else ""
        return f"name: a, mode: {mode}, code: {CODE}{form}"

    assert len(found(document(one(first)), document(one(second), name="zeta"))) == errors
