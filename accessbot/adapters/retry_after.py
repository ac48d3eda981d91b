"""The pause that an HTTP answer asks for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime

_LONGEST_S = 86_400


def asked_pause(headers: Mapping[str, object]) -> timedelta | None:
    """Read Retry-After: seconds (a day at most), or a date, which is counted from the answer's own date.

    `headers` has its names in lower case. None where there is none, or none that can be read.
    """
    asked = str(headers.get("retry-after", "")).strip()
    if asked.isascii() and asked.isdigit():
        return timedelta(seconds=min(int(asked[:9]), _LONGEST_S))
    try:
        pause = parsedate_to_datetime(asked) - parsedate_to_datetime(str(headers.get("date", "")))
    except (TypeError, ValueError):
        return None
    return max(pause, timedelta(0))
