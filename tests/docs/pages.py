"""The documentation as data: its pages, the links, tables and code in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
OPERATION = ROOT / "docs" / "operation.md"
SETUP = ROOT / "docs" / "setup.md"
PAGES = (README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Code:
    """A fenced block: its language and its text."""

    language: str
    text: str


def text(page: Path) -> str:
    """Read a page."""
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """Give a page without its fenced blocks."""
    return _FENCE.sub("", text(page))


def code(page: Path, language: str | None = None) -> list[Code]:
    """List the fenced blocks of a page, of one language if it is named."""
    blocks = [Code(match[1], match[2]) for match in _FENCE.finditer(text(page))]
    return [block for block in blocks if language in (None, block.language)]


def links(page: Path) -> list[str]:
    """List the targets of a page's links and pictures."""
    return _LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """Give the anchors that a page's headings make, as GitHub writes them."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings(page)}


def headings(page: Path) -> list[str]:
    """List a page's headings."""
    return _HEADING.findall(prose(page))


def section(page: Path, heading: str) -> str:
    """Give what stands under a heading, up to the next one of the same or a higher rank."""
    found = re.search(rf"^(#+) {re.escape(heading)}$\n", text(page), re.MULTILINE)
    if found is None:
        raise ValueError(f"{page.name} has no heading {heading!r}")
    rest = text(page)[found.end() :]
    following = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: following.start()] if following else rest


def table(within: str, first: str) -> list[list[str]]:
    """Give the rows, without the head, of the table whose first column is headed `first`."""
    lines = within.splitlines()
    for number, line in enumerate(lines):
        if cells(line)[:1] == [first]:
            rows = []
            for row in lines[number + 2 :]:
                if not row.startswith("|"):
                    break
                rows.append(cells(row))
            return rows
    raise ValueError(f"there is no table headed {first!r}")


def cells(line: str) -> list[str]:
    """Split a table's line into its cells."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []


def ticked(cell: str) -> list[str]:
    """List what stands between backticks."""
    return re.findall(r"`([^`]+)`", cell)
