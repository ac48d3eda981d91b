"""Reading times of a catalog: zones, wall clocks, parts of the week, periods."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from accessbot.adapters import catalog_fields as read
from accessbot.adapters.catalog_fields import Mistakes
from accessbot.adapters.catalog_yaml import Fields, Items, Node, Text
from accessbot.domain.durations import parse_duration
from accessbot.domain.errors import FieldRefused
from accessbot.domain.rules import Day, Hours

_ZONE = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+){0,3}", re.ASCII)
_OF_THE_MACHINE = frozenset({"localtime", "posixrules"})
_WALL = re.compile(r"(20\d\d)-(\d\d)-(\d\d) (\d\d):(\d\d)", re.ASCII)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_WEEKS = re.compile(r"\s*(\d{1,2})\s*[wW](.*)", re.ASCII | re.DOTALL)
_LONGEST = timedelta(days=366)


def zone(node: Node, what: str, mistakes: Mistakes) -> ZoneInfo | None:
    """Read the IANA name of a time zone."""
    name = read.text(node, what, mistakes)
    if name is None:
        return None
    found = _zone(name) if _ZONE.fullmatch(name) else None
    if found is None:
        close = get_close_matches(name, sorted(available_timezones()), n=1, cutoff=0.6)
        hint = f"did you mean “{close[0]}”?" if close else "write one like Europe/Stockholm."
        mistakes.add(node.line, f"{what} “{name[:60]}” is not a known time zone; {hint}")
    return found


@lru_cache(maxsize=1_000)
def _zone(name: str) -> ZoneInfo | None:
    """Find a zone; what only this machine knows is none, as every process has to read the same."""
    try:
        return None if name in _OF_THE_MACHINE else ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; no zone's file; a folder of them
        return None


def wall(node: Node, what: str, mistakes: Mistakes) -> datetime | None:
    """Read a date and time on a wall clock, which has no zone of its own."""
    value = read.text(node, what, mistakes)
    if value is None:
        return None
    match = _WALL.fullmatch(value)
    try:
        year, month, day, hour, minute = map(int, match.groups()) if match else (0, 0, 0, 0, 0)
        return datetime(year, month, day, hour, minute)  # noqa: DTZ001 - the zone is that of the rotation
    except ValueError:
        mistakes.add(node.line, f'{what} has to be a date and time like "2026-01-05 09:00", not “{value[:40]}”.')
        return None


def period(node: Node, what: str, mistakes: Mistakes) -> timedelta | None:
    """Read a duration in which weeks may come first: `1w`, `2w`, `1w3d`."""
    match = _WEEKS.fullmatch(node.value) if isinstance(node, Text) else None
    if match is None:
        return read.duration(node, what, mistakes)
    try:
        rest = parse_duration(match[2]) if match[2].strip() else timedelta(0)
    except FieldRefused:
        rest = _LONGEST
    whole = timedelta(weeks=int(match[1])) + rest
    if not timedelta(0) < whole <= _LONGEST:
        mistakes.add(node.line, f"{what} has to be a duration like 1w, 2w or 1w3d of at most a year.")
        return None
    return whole


def hours(node: Node, what: str, mistakes: Mistakes) -> tuple[Hours, ...] | None:
    """Read one part of the week, or a list of them; None when any is wrong."""
    nodes = node.items if isinstance(node, Items) else [node]
    if not nodes:
        mistakes.add(node.line, f"{what} is empty; give at least one part of the week.")
        return None
    found = [_part(one, what, mistakes) for one in nodes]
    return tuple(part for part in found if part) if all(found) else None


def _part(node: Node, what: str, mistakes: Mistakes) -> Hours | None:
    before = len(mistakes.found)
    fields = read.record(node, what, mistakes, required=("zone",), optional=("days", "from", "to"))
    its_zone = zone(fields["zone"], f"zone of {what}", mistakes) if "zone" in fields else None
    days = frozenset(_days(fields["days"], f"days of {what}", mistakes)) if "days" in fields else frozenset(Day)
    begins = _clock(fields["from"], f"from of {what}", mistakes) if "from" in fields else time(0)
    ends = _clock(fields["to"], f"to of {what}", mistakes, midnight=True) if "to" in fields else time(0)
    if len(mistakes.found) > before or its_zone is None or begins is None or ends is None:
        return None
    if days == frozenset(Day) and begins == ends and isinstance(node, Fields):
        mistakes.add(node.line, f"{what} covers all of the week; give days, or from and to, or leave it out.")
        return None
    return Hours(days=days, begins=begins, ends=ends, zone=its_zone)


def _days(node: Node, what: str, mistakes: Mistakes) -> Iterator[Day]:
    items = read.items(node, what, mistakes)
    if items is not None and not items:
        mistakes.add(node.line, f"{what} is empty; list some of {', '.join(Day)}.")
    for item in items or ():
        day = read.choice(item, what, mistakes, tuple(Day))
        if day is not None:
            yield Day(day)


def _clock(node: Node, what: str, mistakes: Mistakes, *, midnight: bool = False) -> time | None:
    """Read a time of day; 24:00 is midnight where something ends."""
    value = read.text(node, what, mistakes)
    if value is None:
        return None
    match = _CLOCK.fullmatch(value)
    if match:
        return time(int(match[1]), int(match[2]))
    if midnight and value == "24:00":
        return time(0)
    mistakes.add(node.line, f'{what} has to be a time of day like "09:00", not “{value[:40]}”.')
    return None
