"""Every page hangs together: links lead somewhere, snippets can be read, records have their parts."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.docs import pages

MOST_BYTES = 200 * 1024
RECORDS = sorted((pages.ROOT / "docs" / "decisions").glob("[0-9]*.md"))


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: str(page.relative_to(pages.ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """A link to a file names one that is there, and a link to a heading one that the page has."""
    broken = []
    for link in pages.links(page):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in pages.anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_can_be_reached() -> None:
    """From the README one comes to every page, by links alone."""
    reached: set[Path] = set()
    ahead = [pages.README]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        near = {(page.parent / link.partition("#")[0]).resolve() for link in pages.links(page) if ":" not in link}
        ahead += [other for other in near if other.suffix == ".md" and other not in reached]
    assert set(pages.PAGES) - reached == set()


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: str(page.relative_to(pages.ROOT)))
def test_every_snippet_can_be_read(page: Path) -> None:
    """Each block says its language, JSON and YAML parse, and a shell finds no mistake in what is meant for it."""
    for block in pages.code(page):
        assert block.language, block.text
        if block.language == "json":
            json.loads(block.text)
        elif block.language == "yaml":
            yaml.safe_load(block.text)
        elif block.language in {"sh", "console"}:
            checked = subprocess.run(["/bin/sh", "-n"], input=block.text, capture_output=True, text=True, check=False)
            assert checked.stderr == ""


def test_pictures_are_small_and_shown() -> None:
    """Each picture is at most 200 KB, and some page shows it."""
    shown = {(page.parent / link).resolve() for page in pages.PAGES for link in pages.links(page)}
    pictures = list((pages.ROOT / "docs" / "images").iterdir())
    assert [picture.name for picture in pictures if picture.stat().st_size > MOST_BYTES] == []
    assert set(pictures) - shown == set()


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_decision_says_why_what_and_how_to_check_it(record: Path) -> None:
    """A record is headed by its number, has its three parts, and ends in at least one check."""
    title, *parts = pages.headings(record)
    assert title.startswith(f"{record.name[:4]}: ")
    assert parts == ["Why", "Decision", "Checks"]
    assert re.findall(r"^- .+", pages.section(record, "Checks"), re.MULTILINE)


def test_decisions_are_numbered_and_listed() -> None:
    """Numbers have no gap and no double, and the list of records has them all, with their titles."""
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))
    listed = pages.table(pages.text(RECORDS[0].with_name("README.md")), "record")
    titles = [[f"[{r.name[:4]}]({r.name})", pages.headings(r)[0].partition(": ")[2]] for r in RECORDS]
    assert listed == titles


def test_the_changelog_has_the_version_that_is_built() -> None:
    """The version of the project is the newest in the changelog."""
    project = (pages.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.+)"$', project, re.MULTILINE)
    headings = [h for h in pages.headings(pages.ROOT / "CHANGELOG.md") if h.startswith("[")]
    assert version is not None
    assert headings[0] == "[Unreleased]"
    assert headings[1].startswith(f"[{version[1]}] - ")
