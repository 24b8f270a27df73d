"""The catalogue of reasons: both languages, one set of gaps, no code that nobody uses."""

from __future__ import annotations

import ast
import functools
import string
from pathlib import Path

import pytest

import reconciler
from reconciler.sync.decisions import Cause, Outcome
from reconciler.sync.reasons import _TEXTS, codes, reason

ROOT = Path(reconciler.__file__).parent


def gaps(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


@functools.cache
def literals() -> set[str]:
    """Every text literal of the gate loop's own code, the catalogue aside."""
    found = set()
    for folder in ("sync", "operations/sync"):
        for path in (ROOT / folder).glob("*.py"):
            if path.name != "reasons.py":
                tree = ast.parse(path.read_text(encoding="utf-8"))
                found |= {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return found


@functools.cache
def named_in_calls() -> set[str]:
    found = set()
    for path in [*(ROOT / "sync").glob("*.py"), *(ROOT / "operations").rglob("*.py"), *(ROOT / "daemon").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "reason"
            if is_call and node.args and isinstance(node.args[0], ast.Constant):
                found.add(node.args[0].value)
    return found


@pytest.mark.parametrize("code", sorted(codes()))
def test_a_reason_speaks_both_languages_about_the_same_things(code):
    english, chinese = _TEXTS[code]
    assert english.isascii()
    assert any("\u4e00" <= character <= "\u9fff" for character in chinese)
    assert gaps(english) == gaps(chinese)
    made = reason(code, **dict.fromkeys(gaps(english), "{x} 10"))
    assert made.code == code
    assert made.text.count("{x} 10") == len(gaps(english)) == made.zh.count("{x} 10")


@pytest.mark.parametrize("code", sorted(codes()))
def test_every_reason_is_used(code):
    by_value = {each.value for each in (*Cause, *Outcome)}
    assert code in literals() | by_value


def test_every_reason_that_is_used_exists():
    assert named_in_calls() <= codes()


@pytest.mark.parametrize("cause", [each for each in Cause if each not in (Cause.RUN_BY_HAND, Cause.GROUND)])
def test_every_cause_of_an_end_has_its_sentence(cause):
    assert reason(cause.value).text


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_its_sentence(outcome):
    assert reason(outcome.value, who="Dave", comment="no").zh


def test_an_unknown_code_is_our_mistake():
    with pytest.raises(KeyError):
        reason("nonsense")
