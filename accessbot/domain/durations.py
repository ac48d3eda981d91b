"""Durations as people type and read them: `30s`, `45m`, `1h30m`, `2d`."""

from __future__ import annotations

import re
from datetime import timedelta

from accessbot.domain.errors import FieldRefused

_PARTS = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?", re.ASCII)
_LONGEST = timedelta(days=366)
_TENTHS_OF_A_MINUTE = 600
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def parse_duration(text: str) -> timedelta:
    """Read `30s`, `45m`, `1h30m` or `2d` (any case, inner spaces allowed).

    Raises `FieldRefused` on `duration` for anything else, for zero, and for more than 366 days.
    """
    compact = "".join(text.split()).casefold()
    match = _PARTS.fullmatch(compact)
    if not compact or match is None:
        raise FieldRefused("duration", f"“{text.strip()[:40]}” is no duration; write it like 45m, 1h30m or 2d.")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    total = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if total <= timedelta(0):
        raise FieldRefused("duration", "A grant has to last longer than nothing; write it like 45m, 1h30m or 2d.")
    if total > _LONGEST:
        raise FieldRefused("duration", "That is more than a year; write it like 45m, 1h30m or 2d.")
    return total


def compact(duration: timedelta) -> str:
    """Write a duration the way it is typed: `1h30m`; parts below a second are cut, less than one second is `0s`."""
    left = int(duration.total_seconds())
    parts = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def spoken(duration: timedelta) -> str:
    """Write a duration for people, two units at most: `1 h 30 min`, `2 days`, `45 s`, `less than 1 s`."""
    left = int(duration.total_seconds())
    if left < 1:
        return "less than 1 s"
    parts: list[str] = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            word = {"d": "day" if count == 1 else "days", "h": "h", "m": "min", "s": "s"}[unit]
            parts.append(f"{count} {word}")
    return " ".join(parts[:2])


def measured(duration: timedelta) -> str:
    """Write a time that was measured: `0.4 s`, `12.3 s`, from a minute on like `spoken`."""
    seconds = max(0.0, duration.total_seconds())
    tenths = max(1, round(seconds * 10))
    return f"{tenths / 10:.1f} s" if tenths < _TENTHS_OF_A_MINUTE else spoken(timedelta(seconds=round(seconds)))
