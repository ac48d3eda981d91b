"""Reading a calendar in a process of its own: what a stranger wrote takes neither this one's time nor its memory.

A rule can be written that never comes to an end, and no thread can be stopped from outside. The process gets the
calendar and nothing else: no secret of this one is in its environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from accessbot.domain.instants import from_ms, to_ms
from accessbot.domain.oncall import Shift
from accessbot.domain.rotations import cut

_PROGRAM = "accessbot.adapters.oncall_ical"
_ROOT = str(Path(__file__).parents[2])
_KEPT = ("PYTHONTZPATH", "TMPDIR")
_PATIENCE = timedelta(seconds=30)
_ONE_MS = timedelta(milliseconds=1)


class CalendarRefused(Exception):
    """A calendar that is not used; says what it has or does, as the end of a sentence that begins with the feed."""


def read_apart(
    body: bytes, zone: ZoneInfo, begins: datetime, ends: datetime, *, seconds: int = 5, patience: timedelta = _PATIENCE
) -> tuple[Shift, ...]:
    """Read a calendar's shifts between two instants, merged and in order.

    `seconds` bound the processor time, `patience` all of it. Raises `CalendarRefused` for a calendar that is not used,
    TimeoutError when this machine was too busy to read it, OSError when the process could not be started or failed.
    """
    command = [sys.executable, "-P", "-m", _PROGRAM, zone.key, str(to_ms(begins)), str(to_ms(ends + _ONE_MS))]
    environ = {"PYTHONPATH": _ROOT} | {name: os.environ[name] for name in _KEPT if name in os.environ}
    try:
        done = subprocess.run(  # noqa: S603 - our own program, the feed is no part of the command
            [*command, str(seconds)],
            input=body,
            capture_output=True,
            timeout=patience.total_seconds(),
            env=environ,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError("no process came to an end in time") from error
    if done.returncode < 0:  # stopped by a signal, at the limit of its time
        raise CalendarRefused("takes more time to read than any schedule needs")
    if done.returncode > 0:
        raise OSError(f"the process ended with {done.returncode}: {done.stderr[-200:].decode(errors='replace')}")
    answer = json.loads(done.stdout)
    if "refused" in answer:
        raise CalendarRefused(str(answer["refused"]))
    shifts = (Shift(who=who, begins=from_ms(first), ends=from_ms(last)) for who, first, last in answer["shifts"])
    return cut(shifts, begins, ends)
