"""Whose turn it is: from a rotation to its shifts between two instants.

Hand-overs are at a wall clock's time. One that the clocks skip is at the first instant after the gap; one that comes
twice is the first of the two. Overrides are cut out of the shifts in whose time they fall. All that is given is cut to
the time that was asked about, and the cost grows with the shifts in it, not with how long the rotation has run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from accessbot.domain.oncall import Override, Rotation, Shift

_FOREVER = datetime.max.replace(tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def shifts_of(rotation: Rotation, people: Sequence[str], begins: datetime, ends: datetime) -> tuple[Shift, ...]:
    """List who is on call between two instants, in order, without a gap from the first hand-over on.

    `people` are the rotation's own in their order, each by an email or a Slack user id; a group's members are listed by
    the caller. With nobody in it only overrides give shifts. An override's person is its selector's value. Where
    overrides overlap, which a catalog does not allow, the later in the list counts.
    """
    start = max(begins.astimezone(UTC), instant(rotation.since, rotation.zone))
    end = ends.astimezone(UTC)
    shifts = list(_turns(rotation, people, start, end)) if people else []
    for override in rotation.overrides:
        taken = cut((_taken(override, rotation.zone),), start, end)
        for shift in taken:
            shifts = [*_without(shifts, shift), shift]
    return merged(shifts)


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Give the instant (in UTC) at which clocks in a zone show `wall`: the first of two, else the first after the gap.

    A time that carries a zone of its own is only converted.
    """
    if wall.tzinfo is not None:
        return wall.astimezone(UTC)
    found = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _wall(found, zone) == wall:
        return found
    # Skipped: with the offset from before the gap the instant lies after it, and the other way round.
    before, after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), found
    old = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def merged(shifts: Iterable[Shift]) -> tuple[Shift, ...]:
    """Join each person's shifts that touch or overlap; give all by their begin, then by name."""
    joined: list[Shift] = []
    latest: dict[str, int] = {}
    for shift in sorted(shifts, key=lambda s: (s.begins, s.who)):
        place = latest.get(shift.who)
        if place is not None and shift.begins <= _end(joined[place]):
            if _end(shift) > _end(joined[place]):
                joined[place] = replace(joined[place], ends=shift.ends)
        else:
            latest[shift.who] = len(joined)
            joined.append(shift)
    return tuple(joined)


def cut(shifts: Iterable[Shift], begins: datetime, ends: datetime) -> tuple[Shift, ...]:
    """Give the parts of shifts between two instants; those that have none in it are left out."""
    parts = (replace(s, begins=max(s.begins, begins), ends=min(_end(s), ends)) for s in shifts)
    return tuple(part for part in parts if part.begins < _end(part))


def overlapping(overrides: Iterable[Override]) -> tuple[tuple[Override, Override], ...]:
    """List the overrides that begin before an earlier one is over, each behind the one that lasts longest of those.

    All of them have to be wall clock times of one zone, or all instants.
    """
    found: list[tuple[Override, Override]] = []
    last: Override | None = None
    for override in sorted(overrides, key=lambda o: (o.begins, o.ends)):
        if last is not None and override.begins < last.ends:
            found.append((last, override))
        if last is None or override.ends > last.ends:
            last = override
    return tuple(found)


def gaps(shifts: Sequence[Shift], begins: datetime, ends: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """List the times between two instants at which nobody is on call."""
    covered = sorted((s.begins, _end(s)) for s in cut(shifts, begins, ends))
    found: list[tuple[datetime, datetime]] = []
    reached = begins
    for first, last in (*covered, (ends, ends)):
        if first > reached:
            found.append((reached, first))
        reached = max(reached, last)
    return tuple(found)


def _turns(rotation: Rotation, people: Sequence[str], start: datetime, end: datetime) -> Iterator[Shift]:
    number = _turn_at(rotation, start)
    begins = start
    while begins < end:
        ends = min(_hand_over(rotation, number + 1), end)
        if begins < ends:  # where the clocks skip more than one hand-over, a turn between them has no time
            yield Shift(who=people[number % len(people)], begins=begins, ends=ends)
        begins, number = max(begins, ends), number + 1


def _turn_at(rotation: Rotation, at: datetime) -> int:
    """Count the hand-overs after the first one up to an instant that is not before that."""
    number = max(0, (_wall(at, rotation.zone) - rotation.since.replace(fold=0)) // rotation.every)
    # By as much as the clocks were changed, the wall clock may be behind or ahead of how often it was handed over.
    while number and _hand_over(rotation, number) > at:
        number -= 1
    while _hand_over(rotation, number + 1) <= at:
        number += 1
    return number


def _hand_over(rotation: Rotation, number: int) -> datetime:
    try:
        return instant(rotation.since + number * rotation.every, rotation.zone)
    except OverflowError:  # the turn outlasts the calendar
        return _FOREVER


def _wall(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def _taken(override: Override, zone: ZoneInfo) -> Shift:
    begins, ends = instant(override.begins, zone), instant(override.ends, zone)
    return Shift(who=override.who.value, begins=begins, ends=ends)


def _without(shifts: Sequence[Shift], taken: Shift) -> Iterator[Shift]:
    """Give what is left of shifts that have an end, in order, when somebody else takes a part of the time."""
    for shift in shifts:
        yield from cut((shift,), shift.begins, min(_end(shift), taken.begins))
        yield from cut((shift,), max(shift.begins, _end(taken)), _end(shift))


def _end(shift: Shift) -> datetime:
    return _FOREVER if shift.ends is None else shift.ends
