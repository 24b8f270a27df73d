"""YAML as authors write it: its 1.2 meaning, its limits, its places."""

from __future__ import annotations

import pytest

from reconciler.spec.source import Source
from reconciler.spec.yaml import YamlProblemError, load_documents


def value(text: str) -> object:
    (document,) = load_documents(text)
    return document.value


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"),
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
        ("010", 10), ("0o17", 15), ("0x1F", 31), ("-7", -7), ("+7", 7), ("1_000", "1_000"),
        ("10:00", "10:00"), ("2026-11-22", "2026-11-22"),
        ("1e3", 1000.0), (".5", 0.5), ("1.", 1.0), (".inf", ".inf"), (".nan", ".nan"), ("0b1", "0b1"),
        ('"010"', "010"), ("'null'", "null"), ("!!str 5", "5"), ("! 5", "5"),
        ("1" * 41, "1" * 41),
    ],
)  # fmt: skip
def test_plain_scalars_mean_what_yaml_1_2_says(written: str, meant: object) -> None:
    result = value(f"[{written}]") if written else value("a:")["a"]
    result = result[0] if isinstance(result, list) else result
    assert result == meant
    assert type(result) is type(meant)


def test_keys_are_text_as_written() -> None:
    assert value("{on: 1, 1: 2, null: 3}") == {"on": 1, "1": 2, "null": 3}


def test_merged_keys_yield_to_written_ones() -> None:
    assert value("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}") == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}}
    assert value("a: &a {x: 1}\nb: &b {x: 2, z: 4}\nc: {<<: [*a, *b]}")["c"] == {"x": 1, "z": 4}


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("a: 1\nb: 2\na: 3\n", "the key 'a' stands here twice", 3, 1),
        ("a: !!python/object/apply:os.system [ls]", "the tag tag:yaml.org,2002:python/object/apply:os.system", 1, 4),
        ("a: &x [*x]", "the alias *x is unknown here, or contains itself", 1, 8),
        ("a: *nowhere", "the alias *nowhere is unknown here", 1, 4),
        ("--- &x a\n--- *x\n", "the alias *x is unknown here", 2, 5),
        ("? [a]\n: b\n", "a key must be a plain value", 1, 3),
        ("a: {<<: 5}", "'<<' takes a mapping", 1, 5),
        ("a:\n\tb: 1\n", "cannot start any token", 2, 1),
        ("é: \x07\n", "the character U+0007 is not allowed", 1, 4),
        ("a: [1, 2\n", "did not find", 2, 1),
        ("数据: {库: 'x}", "unexpected end", 1, 12),
    ],
)
def test_what_is_no_yaml_is_refused_at_its_place(text: str, message: str, line: int, column: int) -> None:
    with pytest.raises(YamlProblemError) as caught:
        load_documents(text)
    place = Source("f", text).position(caught.value.at)
    assert message in caught.value.message
    assert (place.line, place.column) == (line, column)


def test_a_duplicate_key_names_the_first_one_too() -> None:
    with pytest.raises(YamlProblemError) as caught:
        load_documents("a: 1\nb: {c: 1, c: 2}\n")
    assert caught.value.related == ("it first stands here", 9)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused_quickly(opening: str) -> None:
    with pytest.raises(YamlProblemError, match="nest"):
        load_documents(opening * 100_000)


def test_sixty_four_levels_are_allowed_and_no_more() -> None:
    assert load_documents("[" * 64 + "]" * 64)
    with pytest.raises(YamlProblemError, match="nested deeper than 64 levels"):
        load_documents("[" * 66 + "]" * 66)


def test_an_alias_bomb_is_counted_and_refused() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(YamlProblemError, match="expands to more than 200000 values"):
        load_documents("\n".join(levels))


def test_a_merge_bomb_is_counted_too() -> None:
    levels = ["a0: &a0 {k0: [x, x, x, x, x, x, x, x, x]}"]
    levels += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 10)]
    with pytest.raises(YamlProblemError, match="expands to more than"):
        load_documents("\n".join(levels))


def test_places_count_characters_and_the_line_ends_that_editors_count() -> None:
    text = "名: 😀 \r\nb: 'x\u2028y'\rc: 1\n"
    (document,) = load_documents(text)
    source = Source("f", text)
    places = {key: source.position(at) for key, (at, _) in document.span.children.items()}
    assert {key: (place.line, place.column) for key, place in places.items()} == {
        "名": (1, 1),
        "b": (2, 1),
        "c": (3, 1),
    }
    assert source.position(document.span.children["名"][1].at).column == 4


def test_the_caret_stands_under_its_character_on_a_terminal() -> None:
    text = "{数据: {库: x}}"
    line, caret = Source("f", text).excerpt(text.index("x")).split("\n")
    assert line == "    1 | {数据: {库: x}}"
    assert caret.index("^") == len("    1 | {") + 4 + len(": {") + 2 + len(": ")


def test_a_long_line_is_cut_around_its_caret() -> None:
    text = "a" * 5000 + "X" + "b" * 5000
    line, caret = Source("f", text).excerpt(5000).split("\n")
    assert len(line) < 200
    assert line[caret.index("^")] == "X"


def test_an_excerpt_cannot_drive_a_terminal() -> None:
    shown = Source("f", "a: \x1b[31m\u202edab\n").excerpt(0)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
