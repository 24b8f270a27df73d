"""The changelog keeps the form it claims, so that tools and people find a version in it."""

from __future__ import annotations

import re

from docs.pages import ROOT, prose

TEXT = prose(ROOT / "CHANGELOG.md")
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def test_versions_stand_newest_first_and_unreleased_above_them() -> None:
    titles = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    assert titles[0] == "[Unreleased]"
    released = [re.fullmatch(r"\[(\d+)\.(\d+)\.(\d+)\] - \d{4}-\d\d-\d\d", title) for title in titles[1:]]
    assert all(released)
    versions = [tuple(map(int, found.groups())) for found in released if found is not None]
    assert versions == sorted(versions, reverse=True)


def test_each_part_is_of_a_known_kind_and_says_something() -> None:
    parts = re.findall(r"^### (.+)\n\n((?:.|\n)*?)(?=^##|\Z)", TEXT, re.MULTILINE)
    assert parts
    for kind, body in parts:
        assert kind in KINDS
        assert re.match(r"- \S.*", body)
