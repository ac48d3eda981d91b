"""Times and durations as whole milliseconds, which is how they are stored and logged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


def to_ms(at: datetime) -> int:
    """Give a time as Unix milliseconds, cut, not rounded. Raises `ValueError` for a time without a zone."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    return (at - _EPOCH) // _MS


def from_ms(ms: int) -> datetime:
    """Read Unix milliseconds as an aware UTC time, exactly."""
    return _EPOCH + timedelta(milliseconds=ms)


def span_ms(span: timedelta) -> int:
    """Give a duration as milliseconds, cut."""
    return span // _MS
