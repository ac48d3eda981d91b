"""What operators are told about on call: a schedule that cannot be read, and who cannot be given a shift's access."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from accessbot.domain.errors import Refused, Unavailable, VendorError
from accessbot.domain.instants import from_ms
from accessbot.domain.notices import Alert, AlertKind
from accessbot.service import oncall, shifts

if TYPE_CHECKING:
    from accessbot.service.context import Context

STALE_AFTER = timedelta(minutes=2)
"""How long an on-call schedule cannot be read before the operators are told."""


def schedule_stale(ctx: Context, schedule: str) -> Alert | None:
    """Tell that a schedule cannot be read, why, and what counts meanwhile; or that this is over."""
    book, known = ctx.store.shift_book(schedule), ctx.catalog.current().schedules.get(schedule)
    now = ctx.store.now()
    if book is None or (book.failing_since is not None and now < book.failing_since + STALE_AFTER):
        return None
    until = None if book.read_at is None or known is None else book.read_at + known.max_age
    if until is not None and now <= until:
        meanwhile = f"What it last said counts until {until:%Y-%m-%d %H:%M} UTC; after that nobody counts as on call."
    else:
        meanwhile = "Nobody counts as on call by it: no shift's access begins, what is given ends at its shift's end."
    fails = book.failing_since is not None
    return Alert(
        kind=AlertKind.SCHEDULE_STALE,
        subject=schedule,
        headline=(
            f"The on-call schedule {schedule} cannot be read: {book.fault}"
            if fails
            else f"The on-call schedule {schedule} is read again, or not needed any more."
        ),
        action=f"{meanwhile} Mend its source; `accessbot oncall list` shows when it was last read.",
        since=book.failing_since or now,
        resolved=not fails,
        now=now,
    )


def shift_refused(ctx: Context, subject: str) -> Alert | None:
    """Tell who is on call and cannot be given what goes with it, and why; `subject` is as in `shifts.Turn.alert`.

    Raises `Unavailable` while that cannot be told.
    """
    schedule, begin, who = subject.split(":", 2)
    begins, now = from_ms(int(begin)), ctx.store.now()
    why = ""
    try:
        shifts.person_of(ctx, who)
    except Unavailable:
        raise
    except (Refused, VendorError) as error:
        why = error.sentence
    book = ctx.store.shift_book(schedule)
    on_call = oncall.current(book.shifts if book is not None else (), now)
    over = not any(shift.who == who for shift in on_call)
    return Alert(
        kind=AlertKind.SHIFT_REFUSED,
        subject=subject,
        headline=(
            f"{who} is not on call on {schedule} any more."
            if over
            else f"{who} is on call on {schedule} but cannot be given the access that goes with it: {why}"
            if why
            else f"{who}, who is on call on {schedule}, can be given the access that goes with it again."
        ),
        action=(
            "Mend the cause, and it is given within half a minute; or have somebody else take the shift. Nobody else"
            " is given anything in their stead."
        ),
        since=min(begins, now),
        resolved=over or not why,
        now=now,
    )
