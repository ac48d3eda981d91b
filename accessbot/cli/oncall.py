"""`accessbot oncall …`: the on-call schedules of the catalog, and who is on call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from accessbot.cli import options
from accessbot.cli.output import Row, print_list, rfc3339, shown
from accessbot.domain.oncall import Feed, PagerDuty, Rotation

if TYPE_CHECKING:
    from accessbot.domain.model import Catalog
    from accessbot.domain.oncall import Schedule, Shift
    from accessbot.domain.records import ShiftBook
    from accessbot.ports import Store

app = typer.Typer(no_args_is_help=True, help="On-call schedules: whose turn it is.")

_COLUMNS = ("SCHEDULE", "SOURCE", "ON CALL", "UNTIL", "NEXT", "FROM", "READ", "FAULT")


@app.callback()
def _group() -> None:
    """On-call schedules: whose turn it is."""


@app.command("list")
def list_schedules(*, as_json: options.AsJson = False) -> None:
    """List the catalog's schedules: who is on call now and until when, who is next, when it was last read, its fault.

    A line for each person on call. Nothing is asked of Slack, Google or the source: it is what workers read last.
    """
    from accessbot import wiring  # noqa: PLC0415 - help and completion start without it

    read, store = options.open_store()
    found = _lines(store, wiring.catalog_from(read).current())
    print_list(found, as_json=as_json, row=_row, columns=_COLUMNS, cells=_cells, nothing="No on-call schedules.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A schedule, and one person who is on call on it, if anybody is; not `known` while its last word is too old."""

    schedule: Schedule
    known: bool
    shift: Shift | None
    next: Shift | None
    book: ShiftBook | None

    @property
    def source(self) -> str:
        """Name the source as the catalog's key does."""
        match self.schedule.source:
            case Rotation():
                return "rotation"
            case Feed():
                return "ical"
            case PagerDuty():
                return "pagerduty"
            case _:
                return "slack_usergroup"

    @property
    def read_at(self) -> datetime | None:
        """Tell when the source last answered."""
        return self.book.read_at if self.book is not None else None


def _lines(store: Store, catalog: Catalog) -> Iterator[_Line]:
    from accessbot.service import oncall  # noqa: PLC0415 - as above

    now = store.now()
    for name in sorted(catalog.schedules):
        schedule, book = catalog.schedules[name], store.shift_book(name)
        known = oncall.is_known(book, schedule, now)
        shifts = book.shifts if known and book is not None else ()
        following = min((s for s in shifts if s.begins > now), key=lambda s: s.begins, default=None)
        for shift in oncall.current(shifts, now) or (None,):
            yield _Line(schedule=schedule, known=known, shift=shift, next=following, book=book)


def _row(line: _Line) -> Row:
    return {
        "schedule": line.schedule.name,
        "source": line.source,
        "known": int(line.known),
        "on_call": line.shift.who if line.shift else None,
        "until": rfc3339(line.shift.ends) if line.shift else None,
        "next": line.next.who if line.next else None,
        "next_from": rfc3339(line.next.begins) if line.next else None,
        "read_at": rfc3339(line.read_at),
        "failing_since": rfc3339(line.book.failing_since) if line.book else None,
        "fault": (line.book.fault if line.book else "") or None,
    }


def _cells(line: _Line) -> tuple[str, ...]:
    on_call = line.shift.who if line.shift else "nobody" if line.known else "not known"
    return (
        line.schedule.name,
        line.source,
        on_call,
        shown(line.shift.ends) if line.shift else "",
        line.next.who if line.next else "",
        shown(line.next.begins) if line.next else "",
        shown(line.read_at) if line.read_at else "not yet",
        line.book.fault if line.book else "",
    )
