"""Who is on call by a calendar (iCal, RFC 5545). Run as a program: it reads what a stranger wrote.

An event is a shift of everybody whom it names: its attendees, else the one address in its summary. That is what
PagerDuty exports (`ATTENDEE:maya@example.com`, with and without `mailto:`), what Google Calendar exports for events
with guests, and what any tool comes to that writes the address into the title. Rooms and other resources are nobody,
and so is a guest who declined. An organizer is not on call for having written an event, and names are never guessed at.

An event that is cancelled, tentative or without a length is no shift. Any other one that names no address, and anything
that cannot be read for sure, makes the whole calendar one that is refused: there is no half a schedule.
"""

from __future__ import annotations

import json
import re
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import recurring_ical_events  # type: ignore[import-untyped]  # it ships no types
from icalendar import Calendar

from accessbot.adapters.oncall_apart import CalendarRefused
from accessbot.domain.instants import from_ms, to_ms
from accessbot.domain.oncall import Shift
from accessbot.domain.rotations import cut, instant, merged

MOST_EVENTS = 5_000
"""The most shifts that are read in the time that is asked about."""

_MEMORY = 1 << 30
_TIMES = ("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "RRULE", "RDATE", "EXDATE")
_TELLING = frozenset({*_TIMES, "ATTENDEE", "SUMMARY", "STATUS", "UID", "SEQUENCE"})
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"']+@[^\s@<>()\[\],;:\"']+\.[A-Za-z0-9-]+")
_OFTEN = re.compile(r"^RRULE[^:\r\n]*:[^\r\n]*FREQ=(SECONDLY|MINUTELY|HOURLY)", re.IGNORECASE | re.MULTILINE)
_NOBODY = frozenset({"RESOURCE", "ROOM"})
_CALENDARS = ("@group.calendar.google.com", "@resource.calendar.google.com")
_NO_SHIFT = frozenset({"CANCELLED", "TENTATIVE"})
_FREQUENCIES = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
_AROUND = timedelta(days=2)  # further than any two zones are apart: floating times are looked for without a zone


def shifts_in(body: bytes, zone: ZoneInfo, begins: datetime, ends: datetime) -> tuple[Shift, ...]:
    """Read a calendar's shifts between two instants; whole days and floating times are those of `zone`.

    Raises `CalendarRefused`, whatever is wrong with it.
    """
    try:
        calendar = _parsed(body)
        found = list(_shifts(calendar, zone, begins, ends))
    except CalendarRefused:
        raise
    except Exception as error:
        # A boundary: what the libraries raise at a broken calendar has no end, and none of it is an answer.
        raise CalendarRefused(f"cannot be read ({type(error).__name__})") from error
    return merged(cut(found, begins, ends))


def _parsed(body: bytes) -> Calendar:
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise CalendarRefused("is not text in UTF-8") from error
    if not text.upper().startswith("BEGIN:VCALENDAR") or not text.upper().endswith("END:VCALENDAR"):
        raise CalendarRefused(
            "is no whole calendar: it has to begin with BEGIN:VCALENDAR and to end with END:VCALENDAR"
        )
    often = _OFTEN.search(re.sub(r"\r?\n[ \t]", "", text))
    if often:
        raise CalendarRefused(f"repeats something {often[1].lower()}; shifts change daily at most")
    calendar = Calendar.from_ical(text)
    if not isinstance(calendar, Calendar):
        raise CalendarRefused("is no calendar")
    calendar.pop("X-WR-TIMEZONE", None)  # the catalog says what floating times mean
    _check(calendar)
    return calendar


def _check(calendar: Calendar) -> None:
    events = calendar.walk("VEVENT")
    for event in events:
        # The library leaves out what it cannot read. A line without a name might have been anything.
        broken = [str(name or "line") for name, _ in event.errors if not name or str(name).upper() in _TELLING]
        if broken:
            raise CalendarRefused(f"has an event of which a part cannot be read: {broken[0]}")
        if "DTSTART" not in event:
            raise CalendarRefused("has an event that begins at no time")
        for name in _TIMES:
            _check_zone(event, name)
        _check_length(event)
        _check_rules(event)
    same = Counter(
        (str(e["UID"]), e["RECURRENCE-ID"].to_ical() if "RECURRENCE-ID" in e else b"", int(e.get("SEQUENCE", -1)))
        for e in events
        if "UID" in e
    )
    if any(count > 1 for count in same.values()):
        raise CalendarRefused("has two events of the same UID, of which only one can count")


def _check_length(event: Any) -> None:  # noqa: ANN401 - a component of any kind
    """Refuse an end before the begin, for which the library would swap the two, and two kinds of time in one event."""
    if "DTEND" not in event:
        return
    first, last = event["DTSTART"].dt, event["DTEND"].dt
    if _kind(first) != _kind(last):
        raise CalendarRefused("has an event whose begin and end are not of the same kind of time")
    if last < first:
        raise CalendarRefused("has an event that ends before it begins")


def _kind(time: date) -> tuple[bool, bool]:
    return isinstance(time, datetime), isinstance(time, datetime) and time.tzinfo is not None


def _check_rules(event: Any) -> None:  # noqa: ANN401 - as above
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        frequency = [str(each).upper() for each in rule.get("FREQ", [])]
        if len(frequency) != 1 or frequency[0] not in _FREQUENCIES:
            raise CalendarRefused("has a rule that does not repeat daily, weekly, monthly or yearly")


def _check_zone(event: Any, name: str) -> None:  # noqa: ANN401 - a component of any kind
    """Refuse a time in a zone that is not known: read as it stands, it would be a time in another one."""
    values = event.get(name)
    for value in values if isinstance(values, list) else [values]:
        zone = getattr(value, "params", {}).get("TZID")
        times = [each.dt for each in value.dts] if hasattr(value, "dts") else [getattr(value, "dt", None)]
        if zone and any(isinstance(time, datetime) and time.tzinfo is None for time in times):
            raise CalendarRefused("has a time in a zone that is not known")


def _shifts(calendar: Calendar, zone: ZoneInfo, begins: datetime, ends: datetime) -> Iterator[Shift]:
    query = recurring_ical_events.of(calendar)
    events = query.between(begins.astimezone(UTC) - _AROUND, ends.astimezone(UTC) + _AROUND)
    count = 0
    for event in events:
        first, last = _instant(event["DTSTART"].dt, zone), _instant(event["DTEND"].dt, zone)
        status = str(event.get("STATUS", "")).strip().upper()
        if first >= ends or last <= begins or first >= last or status in _NO_SHIFT:
            continue
        count += 1
        if count > MOST_EVENTS:
            raise CalendarRefused(f"has more than {MOST_EVENTS:,} events in the time that was asked about")
        for who in _people(event, first):
            yield Shift(who=who, begins=first, ends=last)


def _instant(time: date, zone: ZoneInfo) -> datetime:
    wall = time if isinstance(time, datetime) else datetime(time.year, time.month, time.day)  # noqa: DTZ001 - midnight
    return instant(wall, zone)


def _people(event: Any, first: datetime) -> frozenset[str]:  # noqa: ANN401 - a component of any kind
    """Give the addresses of all who are on call by an event. Raises `CalendarRefused` where it names none."""
    given = event.get("ATTENDEE", [])
    attendees = given if isinstance(given, list) else [given]
    if attendees:
        return frozenset(who for attendee in attendees if (who := _attending(attendee, first)))
    found = {address.lower() for address in _ADDRESS.findall(str(event.get("SUMMARY", "")))}
    if len(found) != 1:
        what = "several addresses and no attendee" if found else "no address"
        raise CalendarRefused(f"has an event at {first:%Y-%m-%d %H:%M} UTC that names {what}: whose shift is it?")
    return frozenset(found)


def _attending(attendee: Any, first: datetime) -> str:  # noqa: ANN401 - a value with parameters
    """Give the address of an attendee in lower case, "" for one who is nobody or declined."""
    params = getattr(attendee, "params", {})
    kind = str(params.get("CUTYPE", "")).upper()
    address = re.sub(r"(?i)^mailto:", "", str(attendee).strip())
    if "@" not in address:
        address = re.sub(r"(?i)^mailto:", "", str(params.get("EMAIL", "")).strip())
    address = address.lower()
    if kind in _NOBODY or address.endswith(_CALENDARS) or str(params.get("PARTSTAT", "")).upper() == "DECLINED":
        return ""
    if kind == "GROUP" or not _ADDRESS.fullmatch(address):
        what = "a group" if kind == "GROUP" else "somebody without an address"
        raise CalendarRefused(f"has an event at {first:%Y-%m-%d %H:%M} UTC that is attended by {what}")
    return address


def main() -> None:
    """Read a calendar from standard input; write its shifts, or why it is refused, as JSON.

    The arguments are the zone, the two instants in Unix milliseconds, and the seconds of processor time that it may
    take: a calendar can be written so that reading it would not end.
    """
    zone, begins, ends, seconds = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 1))
    if sys.platform == "linux":  # elsewhere it bounds more than what is asked for, or nothing
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    try:
        shifts = shifts_in(sys.stdin.buffer.read(), ZoneInfo(zone), from_ms(int(begins)), from_ms(int(ends)))
    except CalendarRefused as error:
        json.dump({"refused": str(error)}, sys.stdout)
        return
    json.dump({"shifts": [(s.who, to_ms(s.begins), to_ms(s.ends)) for s in shifts if s.ends is not None]}, sys.stdout)


if __name__ == "__main__":
    main()
