"""The page about the architecture names every room there is, and none that is not."""

from __future__ import annotations

import re
import tomllib

from docs.pages import ROOT, section

PAGE = ROOT / "docs" / "architecture.md"


def test_every_package_and_every_room_of_one_file_is_named_and_no_other() -> None:
    named = re.findall(r"^\| `(reconciler/[^`]+)` \| \S", section(PAGE, "The rooms"), re.MULTILINE)
    top = ROOT / "reconciler"
    packages = {path.parent.relative_to(ROOT).as_posix() for path in top.rglob("__init__.py")} - {"reconciler"}
    files = {path.relative_to(ROOT).as_posix() for path in top.glob("*.py") if not path.name.startswith("__")}
    assert sorted(named) == sorted(packages | files)


def test_the_floors_that_are_drawn_are_those_that_the_linter_holds() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    held = [frozenset(name.strip().removeprefix("reconciler.") for name in layer.split("|")) for layer in layers]
    rooms = set().union(*held)
    drawn = []
    for line in section(PAGE, "The floors").splitlines():
        first = re.split(r"\s{3,}", line.strip().lstrip("0123456789").strip())[0]
        names = frozenset(name.strip() for name in first.split("│"))
        if names and names <= rooms:
            drawn.append(names)
    assert drawn == held


def test_every_record_of_a_decision_is_listed_and_has_its_three_parts() -> None:
    folder = ROOT / "docs" / "decisions"
    records = sorted(path for path in folder.glob("0*.md"))
    listed = re.findall(r"\]\((0\d+-[\w-]+\.md)\)", (folder / "README.md").read_text("utf-8"))
    assert [path.name for path in records] == listed
    for number, record in enumerate(records, start=1):
        text = record.read_text("utf-8")
        assert text.startswith(f"# {number}. ")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
