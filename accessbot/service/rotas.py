"""Rotas: the schedules of the catalog are read again and again, and whoever is on call holds what goes with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from accessbot.domain.errors import VendorError
from accessbot.domain.notices import AlertKind
from accessbot.domain.oncall import Feed, PagerDuty
from accessbot.domain.records import ShiftBook
from accessbot.domain.work import Work, WorkKind
from accessbot.ports import Change
from accessbot.service import oncall, shifts
from accessbot.service.context import new_id, save, soon
from accessbot.service.oncall_alerts import STALE_AFTER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from accessbot.domain.model import Catalog, Entitlement
    from accessbot.domain.oncall import Schedule, Shift
    from accessbot.service.context import Context


_log = structlog.get_logger(__name__)


def keep(ctx: Context, schedule: str) -> datetime | None:
    """Read a schedule, and bring what is given for its shifts in line with who is on call now.

    A source that fails keeps what it last said for the schedule's `max_age`; after that nothing begins and nothing
    ends but by its own time. Gives the time of the next look: in half a minute, or when a shift begins or ends by then;
    None for a schedule that the catalog does not have any more, when all that was given for it ends.
    """
    known, offered = _in_force(ctx, schedule)
    if known is None:
        shifts.bring_in_line(ctx, schedule, (), {}, known=True)
        _forget_fault(ctx, schedule)
        return None
    book = _read(ctx, known)
    at = ctx.store.now()
    counts = oncall.is_known(book, known, at)
    turns = _turns(schedule, oncall.current(book.shifts, at), offered.values()) if counts else ()
    shifts.bring_in_line(ctx, schedule, turns, offered, known=counts)
    _alert(ctx, known, book, at)
    return _next_look(book, at, ctx.terms.schedule_period)


def _in_force(ctx: Context, schedule: str) -> tuple[Schedule | None, Mapping[str, Entitlement]]:
    """Give a schedule and what goes with it; before anything is taken away for its sake, the catalog is read again."""
    catalog = ctx.catalog.current()
    offered = _offered(catalog, schedule)
    held = {grant.entitlement for grant in ctx.store.grants_for(schedule)}
    if schedule not in catalog.schedules or not held <= offered.keys():
        ctx.catalog.refresh()
        catalog = ctx.catalog.current()
        offered = _offered(catalog, schedule)
    return catalog.schedules.get(schedule), offered


def _offered(catalog: Catalog, schedule: str) -> dict[str, Entitlement]:
    names = (name for each in catalog.rotation_grants if each.schedule == schedule for name in each.entitlements)
    return {name: catalog.entitlements[name] for name in names if name in catalog.entitlements}


def _turns(schedule: str, on_call: Iterable[Shift], offered: Iterable[Entitlement]) -> tuple[shifts.Turn, ...]:
    each = tuple(offered)
    return tuple(
        shifts.Turn(schedule=schedule, who=shift.who, entitlement=entitlement, begins=shift.begins, ends=shift.ends)
        for shift in on_call
        for entitlement in each
    )


def _read(ctx: Context, known: Schedule) -> ShiftBook:
    """Read a schedule's source and store what it says, before anything follows from it; give it as it is stored.

    What is kept outside is not read more often than it has to be. Raises `Conflict` when another worker was at it.
    """
    old = ctx.store.shift_book(known.name) or ShiftBook(key=known.name)
    at = ctx.store.now()
    outside = isinstance(known.source, Feed | PagerDuty)
    if (
        outside
        and not old.fault
        and old.read_at is not None
        and old.read_at <= at < old.read_at + ctx.terms.schedule_period
    ):
        return old
    try:
        found = oncall.read(ctx, known, at)
    except VendorError as error:
        _log.warning("on-call schedule not read", schedule=known.name, code=error.code, error=error.sentence)
        new = replace(old, failing_since=old.failing_since or at, fault=error.sentence)
    else:
        lately = old.read_at is not None and at - old.read_at <= max(known.max_age, oncall.BEHIND)
        said = continued(found, old.shifts if lately else (), at)
        new = replace(old, shifts=said, read_at=at, failing_since=None, fault="")
    if new == old:
        return old
    due = (soon(_stale(known.name), at),) if old.fault and not new.fault else ()
    save(ctx, Change(op=new_id("rota"), puts=(new,), due=due), at)
    return replace(new, rev=old.rev + 1)


def continued(found: Iterable[Shift], before: Iterable[Shift], at: datetime) -> tuple[Shift, ...]:
    """Give shifts with the begin under which those that have begun were seen before, as that is what they go by.

    A source may not tell the begin of a shift that began long ago, or tell it anew as of a change.
    """
    begun = sorted((s for s in before if s.begins <= at), key=lambda s: s.begins, reverse=True)
    return tuple(
        replace(shift, begins=next((s.begins for s in begun if _meets(s, shift)), shift.begins))
        if shift.begins <= at
        else shift
        for shift in found
    )


def _meets(one: Shift, other: Shift) -> bool:
    """Tell whether two shifts are of the same person and have time in common, or touch."""
    return (
        one.who == other.who
        and (other.ends is None or one.begins <= other.ends)
        and (one.ends is None or other.begins <= one.ends)
    )


def _stale(schedule: str) -> Work:
    return Work(WorkKind.ALERT, f"{AlertKind.SCHEDULE_STALE}:{schedule}")


def _alert(ctx: Context, known: Schedule, book: ShiftBook, at: datetime) -> None:
    """Have the operators told, once each, that a source fails for some time, and that nobody counts as on call."""
    if book.failing_since is None or at < book.failing_since + STALE_AFTER:
        return
    news = ("fails",) if oncall.is_known(book, known, at) else ("fails", "unknown")
    for each in news:
        op = f"stale:{known.name}:{book.failing_since.timestamp()}:{each}"
        if ctx.store.commit(Change(op=op, due=(soon(_stale(known.name), at),))):
            ctx.queue.push(_stale(known.name))


def _forget_fault(ctx: Context, schedule: str) -> None:
    """End the alert about a schedule that is not there any more."""
    book = ctx.store.shift_book(schedule)
    if book is None or book.failing_since is None:
        return
    at = ctx.store.now()
    new = replace(book, shifts=(), read_at=None, failing_since=None, fault="")
    save(ctx, Change(op=new_id("rota"), puts=(new,), due=(soon(_stale(schedule), at),)), at)


def _next_look(book: ShiftBook, at: datetime, every: timedelta) -> datetime:
    """Say when to look again: a period after the last reading, or when something happens before that."""
    times = [t for shift in book.shifts for t in (shift.begins, shift.ends) if t is not None]
    if book.failing_since is not None:
        times.append(book.failing_since + STALE_AFTER)
    elif book.read_at is not None:
        times.append(book.read_at + every)
    return min((t for t in times if at < t < at + every), default=at + every)
