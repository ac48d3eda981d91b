"""What commands print: one JSON array for programs, a table for people."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

_T = TypeVar("_T")

Row = dict[str, str | int | None]

_IN_MEMORY = 8 * 1024 * 1024
_PAGE = 200
_WIDE = 100_000


def rfc3339(time: datetime | None) -> str | None:
    """Write a time as RFC 3339 in UTC, to the millisecond, with `Z`; None where there is none."""
    if time is None:
        return None
    return time.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def shown(time: datetime | None) -> str:
    """Write a time for people: UTC, to the second; empty where there is none."""
    return "" if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def plain(text: str) -> str:
    """Give a text on one line, without characters that could move a terminal's cursor or change its colours."""
    return "".join(c if c.isprintable() else " " for c in text)


def print_json(rows: Iterable[Row]) -> None:
    """Print one array, an object per line. Nothing is printed unless every row could be read."""
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, mode="w+", encoding="ascii", newline="\n") as whole:
        begun = False
        for row in rows:
            whole.write(",\n" if begun else "[\n")
            json.dump(row, whole)
            begun = True
        whole.write("\n]\n" if begun else "[]\n")
        whole.seek(0)
        shutil.copyfileobj(whole, sys.stdout)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], nothing: str) -> None:
    """Print a table page by page; `nothing` is said when there are no rows."""
    from rich import box  # noqa: PLC0415 - not needed for JSON
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else _WIDE, highlight=False, soft_wrap=False)
    widths = [len(column) for column in columns]
    left = iter(rows)
    first = True
    while page := list(islice(left, _PAGE)):
        table = Table(box=box.SIMPLE_HEAD if terminal else None, show_header=first, header_style="bold", pad_edge=False)
        cells = [[plain(cell) for cell in row] for row in page]
        widths = [max(width, *map(len, column)) for width, column in zip(widths, zip(*cells, strict=True), strict=True)]
        for number, (column, width) in enumerate(zip(columns, widths, strict=True)):
            # The first column is what people copy: it is never broken over lines.
            table.add_column(column, overflow="fold", no_wrap=number == 0, min_width=None if terminal else width)
        for row in cells:
            table.add_row(*map(Text, row))
        console.print(table)
        first = False
    if first:
        Console(stderr=True, highlight=False).print(Text(nothing, style="dim"))


def print_list(
    items: Iterable[_T],
    *,
    as_json: bool,
    row: Callable[[_T], Row],
    columns: Sequence[str],
    cells: Callable[[_T], Sequence[str]],
    nothing: str,
) -> None:
    """Print a list in the form that was asked for."""
    if as_json:
        print_json(map(row, items))
    else:
        print_table(columns, map(cells, items), nothing)
