"""Whatever is done to a spec, it is explained: at the place that was damaged, and never by a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.spec import SpecText, parse_documents
from reconciler.spec.locate import dotted
from reconciler.spec.yaml import YamlProblemError, load_documents

COMPLETE = (Path(__file__).parent / "complete.yaml").read_text()
(WHOLE,) = load_documents(COMPLETE)


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in the value."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(below for key, child in children for below in paths(child, (*path, key)))]


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


PLACES = paths(WHOLE.value)
MAPPINGS = [path for path in PLACES if isinstance(at(WHOLE.value, path), dict) and path[-1:] != ("projectLabels",)]
LEAVES = [path for path in PLACES if not isinstance(at(WHOLE.value, path), dict | list)]
COLLECTIONS = [path for path in PLACES if isinstance(at(WHOLE.value, path), dict | list)]


def copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: copied(child) for key, child in value.items()}
    return [copied(child) for child in value] if isinstance(value, list) else value


def written(value: object, *, flow: bool | None) -> SpecText:
    return SpecText.of(
        "f.yaml", yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True, sort_keys=False, width=80)
    )


STYLES = st.sampled_from([True, False, None])


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(MAPPINGS), STYLES)
def test_an_unknown_field_is_named_at_its_key(path: tuple[str | int, ...], flow: bool | None) -> None:
    damaged = copied(WHOLE.value)
    at(damaged, path)["unheardOf"] = "x"
    text = written(damaged, flow=flow)
    parsed = parse_documents([text])
    named = [error for error in parsed.errors if "unknown field 'unheardOf'" in error.message]
    assert [error.path for error in named] == [dotted(path)]
    lines = text.text.split("\n")
    place = named[0].position
    assert lines[place.line - 1][place.column - 1 :].startswith("unheardOf")


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(LEAVES), STYLES, st.sampled_from([{"wrong": 1}, ["wrong"]]))
def test_a_value_of_the_wrong_shape_is_placed_where_it_stands(
    path: tuple[str | int, ...], flow: bool | None, wrong: object
) -> None:
    damaged = copied(WHOLE.value)
    at(damaged, path[:-1])[path[-1]] = copied(wrong)
    text = written(damaged, flow=flow)
    parsed = parse_documents([text])
    assert parsed.errors
    place = parsed.errors[0].position
    rest = text.text.split("\n")[place.line - 1][place.column - 1 :]
    assert "wrong" in rest or dotted(path).startswith(parsed.errors[0].path)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(COLLECTIONS), STYLES)
def test_a_text_where_a_mapping_or_list_belongs_is_placed_there(path: tuple[str | int, ...], flow: bool | None) -> None:
    if not path:
        return
    damaged = copied(WHOLE.value)
    at(damaged, path[:-1])[path[-1]] = "wrongshape"
    text = written(damaged, flow=flow)
    rests = [
        text.text.split("\n")[error.position.line - 1][error.position.column - 1 :]
        for error in parse_documents([text]).errors
    ]
    assert any(rest.lstrip("'\"").startswith("wrongshape") for rest in rests)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([path for path in PLACES if path and isinstance(path[-1], str)]), STYLES)
def test_a_missing_field_is_harmless_or_named(path: tuple[str | int, ...], flow: bool | None) -> None:
    damaged = copied(WHOLE.value)
    del at(damaged, path[:-1])[path[-1]]
    for error in parse_documents([written(damaged, flow=flow)]).errors:
        assert error.position.line >= 1
        assert error.message


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(PLACES[1:]), ANYTHING, STYLES)
def test_anything_anywhere_is_read_or_explained(
    path: tuple[str | int, ...], anything: object, flow: bool | None
) -> None:
    damaged = copied(WHOLE.value)
    at(damaged, path[:-1])[path[-1]] = anything
    parsed = parse_documents([written(damaged, flow=flow)])
    assert parsed.errors or parsed.targets
    for error in parsed.errors:
        assert error.render("error").isprintable() or "\n" in error.render("error")


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_a_place_inside_it(text: str) -> None:
    for error in parse_documents([SpecText.of("f.yaml", text)]).errors:
        assert 1 <= error.position.line <= len(text.split("\n")) + text.count("\r") + 1
        error.render("error")


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.sampled_from([*"[]{}:,-?&*!|>'\"%@` \n\ta1#", "<<", "*a", "&a ", "---\n", "\u2028", "\r"]), max_size=40)
)
def test_no_punctuation_breaks_the_reader(pieces: list[str]) -> None:
    text = "".join(pieces)
    refused_at = 0
    try:
        load_documents(text)
    except YamlProblemError as error:
        refused_at = error.at
    assert 0 <= refused_at <= len(text)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, len(COMPLETE) - 1), st.sampled_from(["", "\t", ":", "{", "'", "\n", "x", "- ", "\ufeff"]))
def test_a_damaged_character_is_read_or_explained(position: int, put: str) -> None:
    text = COMPLETE[:position] + put + COMPLETE[position + 1 :]
    for error in parse_documents([SpecText.of("f.yaml", text)]).errors:
        error.render("error")
