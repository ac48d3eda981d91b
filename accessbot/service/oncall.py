"""On call: who is it now, by what the schedules' sources say or last said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.errors import Refused, Unavailable

if TYPE_CHECKING:
    from accessbot.service.context import Context


def now(ctx: Context, schedule: str) -> frozenset[str]:
    """Give who is on call: emails in lower case, or Slack user ids.

    Raises `Refused` for a schedule that the catalog does not have, `Unavailable` when it is not known: its source fails
    for longer than the schedule's `max_age`, or was not read yet.
    """
    known = ctx.catalog.current().schedules.get(schedule)
    if known is None:
        msg = f"There is no on-call schedule “{schedule}” in the catalog any more."
        raise Refused(msg)
    at = ctx.store.now()
    book = ctx.store.shift_book(schedule)
    if book is None or book.read_at is None or at - book.read_at > known.max_age:
        raise Unavailable("the on-call schedule", schedule, f"Who is on call on “{schedule}” is not known right now.")
    return frozenset(s.who for s in book.shifts if s.begins <= at and (s.ends is None or at < s.ends))
