"""On call: who is it now, by what the schedules' sources say or, for as long as a schedule allows it, last said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from accessbot.domain.errors import Refused, Rejected, Unavailable, VendorError
from accessbot.domain.model import SelectorKind
from accessbot.domain.oncall import Rotation, Shift, UserGroup
from accessbot.domain.rotations import cut, merged, shifts_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from accessbot.domain.oncall import Schedule
    from accessbot.domain.records import ShiftBook
    from accessbot.service.context import Context

BEHIND = timedelta(days=1)
AHEAD = timedelta(days=14)
"""How far back and ahead a schedule is read."""

MOST_AT_ONCE = 50
"""How many people may be on call at once: a source that names more is no schedule, and not believed."""

_DAY = timedelta(days=1)
_MOMENT = timedelta(milliseconds=1)
_LONGEST_TURN = timedelta(days=400)
_log = structlog.get_logger(__name__)


def now(ctx: Context, schedule: str) -> frozenset[str]:
    """Give who is on call: emails in lower case, or Slack user ids.

    A rotation and a Slack user group are read live, what is kept outside is what was last read of it. Raises `Refused`
    for a schedule that the catalog does not have, `Unavailable` when it is not known: its source fails for longer than
    the schedule's `max_age`, or was not read yet.
    """
    known = ctx.catalog.current().schedules.get(schedule)
    if known is None:
        msg = f"There is no on-call schedule “{schedule}” in the catalog any more."
        raise Refused(msg)
    at = ctx.store.now()
    return frozenset(shift.who for shift in current(_known(ctx, known, at), at))


def current(shifts: Iterable[Shift], at: datetime) -> tuple[Shift, ...]:
    """Give the shifts that go on at a time."""
    return tuple(s for s in shifts if s.begins <= at and (s.ends is None or at < s.ends))


def is_known(book: ShiftBook | None, known: Schedule, at: datetime) -> bool:
    """Tell whether what a schedule last said still counts."""
    return book is not None and book.read_at is not None and at - book.read_at <= known.max_age


def read(ctx: Context, known: Schedule, at: datetime) -> tuple[Shift, ...]:
    """Read who is on call from a day ago until two weeks ahead at most, by email in lower case or Slack user id.

    A shift that goes on beyond that, or whose source tells no times, has no end. Raises the `VendorError` of a source
    that cannot be read whole.
    """
    begins, ends = at - BEHIND, at + AHEAD
    match known.source:
        case Rotation() as rotation:
            turn = min(rotation.every, _LONGEST_TURN)
            begins -= turn  # so that the turn that goes on is seen from its begin
            ends = at + min(AHEAD, max(2 * turn, known.max_age + turn, _DAY))  # short turns are many
            found = shifts_of(rotation, people(ctx, rotation), begins, ends)
        case UserGroup(id=group):
            begins = at
            found = tuple(Shift(who=who, begins=at, ends=None) for who in ctx.workspace.usergroup(group))
        case _:
            found = ctx.feeds.shifts(known, begins, ends)
    named = (replace(s, who=s.who.casefold() if "@" in s.who else s.who) for s in found)
    whole = merged(cut(named, begins, ends))
    at_once = len(current(whole, at))
    if at_once > MOST_AT_ONCE:
        msg = f"It puts {at_once} people on call at once, which is more than {MOST_AT_ONCE}; nothing of it is used."
        raise Rejected(f"the on-call schedule {known.name}", "read", msg)
    return tuple(replace(s, ends=None) if s.ends == ends else s for s in whole)


def people(ctx: Context, rotation: Rotation) -> tuple[str, ...]:
    """List who takes turns, in order; a group's members by address. Raises the `VendorError` of a group."""
    found: list[str] = []
    for selector in rotation.people:
        if selector.kind is SelectorKind.GROUP:
            members = ctx.directory.members(selector.value)
            found += sorted({member.email.casefold() for member in members if member.type == "USER"})
        else:
            found.append(selector.value.casefold())
    return tuple(found)


def _known(ctx: Context, known: Schedule, at: datetime) -> tuple[Shift, ...]:
    """Give the shifts that count at a time, from the source itself where that is quickly asked."""
    try:
        match known.source:
            case Rotation() as rotation:
                return shifts_of(rotation, people(ctx, rotation), at, at + _MOMENT)
            case UserGroup():
                return read(ctx, known, at)
    except VendorError as error:
        _log.warning("on-call schedule not read, its last word counts", schedule=known.name, error=error.sentence)
    book = ctx.store.shift_book(known.name)
    if book is None or not is_known(book, known, at):
        msg = f"Who is on call on “{known.name}” is not known right now."
        raise Unavailable("the on-call schedule", known.name, msg)
    return book.shifts
