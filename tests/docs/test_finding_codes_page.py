"""The page about plans explains every code that a plan can show, and no code that none can."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator

from docs.pages import ROOT, section

PAGE = ROOT / "docs" / "plan-apply.md"
CODE = re.compile(r"[a-z]+(?:[A-Z][a-z]+)+|licence")
SHOWS_OTHERS = {"report/annotations.py", "plan/document.py"}
"""Where findings are shown or read back, under the codes they have."""


def codes_in(tree: ast.AST) -> Iterator[str]:
    """The first argument of each finding that is made; one that is a name can be any text put under that name."""
    named = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding" and node.args:
            match node.args[0]:
                case ast.Constant(value=str(code)):
                    yield code
                case ast.Name(id="code"):
                    named = True
                case other:
                    raise AssertionError(f"line {node.lineno}: a code that cannot be read: {ast.unparse(other)}")
    if named:
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and "code" in ast.unparse(node.targets[0]).strip("()").split(", "):
                for part in ast.walk(node.value):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str) and CODE.fullmatch(part.value):
                        yield part.value


@functools.cache
def codes_of_the_program() -> frozenset[str]:
    found: set[str] = set()
    for file in (ROOT / "reconciler").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        if "Finding(" in text and file.relative_to(ROOT / "reconciler").as_posix() not in SHOWS_OTHERS:
            found.update(codes_in(ast.parse(text)))
    return frozenset(found)


def codes_of_the_page() -> set[str]:
    cells = ""
    for title in ("What is refused", "What is warned of"):
        text = section(PAGE, title)
        cells += " ".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))
        cells += " ".join(line for line in text.splitlines() if not line.startswith("|"))
    return {span for span in re.findall(r"`([^`]+)`", cells) if CODE.fullmatch(span)}


def test_every_code_of_a_finding_is_explained() -> None:
    assert codes_of_the_program() - codes_of_the_page() == set()


def test_no_code_is_explained_that_nothing_shows() -> None:
    assert codes_of_the_page() - codes_of_the_program() == set()
