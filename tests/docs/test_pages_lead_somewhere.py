"""Links and paths in the pages lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs.pages import ROOT, anchors, name_of, pages, prose, spans

LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"(?:docs|specs|tests|reconciler|scripts|\.github|\.ci)/[\w./-]*\w/?")
API_VERSION = "reconciler/v1"  # looks like a path and is none


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    dead = []
    for link in LINK.findall(prose(page)):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        file, _, heading = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (heading and heading not in anchors(target)):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_path_that_is_named_exists(page: Path) -> None:
    paths = {span for span in spans(page) if PATH.fullmatch(span)} - {API_VERSION}
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.is_file():
            continue
        seen.add(page)
        waiting += [(page.parent / link.partition("#")[0]).resolve() for link in LINK.findall(prose(page))]
    assert [name_of(page) for page in pages() if page not in seen] == []
