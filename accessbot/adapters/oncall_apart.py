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
_BESIDE_OTHERS = 6  # how much longer than its own time a process may take on a machine that is busy
_ONE_MS = timedelta(milliseconds=1)


class CalendarRefused(Exception):
    """A calendar that is not used; says what it has or does, as the end of a sentence that begins with the feed."""


def read_apart(body: bytes, zone: ZoneInfo, begins: datetime, ends: datetime, *, seconds: int = 5) -> tuple[Shift, ...]:
    """Read a calendar's shifts between two instants, merged and in order.

    `seconds` bound its processor time. Raises `CalendarRefused` for a calendar that is not used, TimeoutError when this
    machine was too busy to read it, OSError when it could start no process.
    """
    command = [sys.executable, "-P", "-m", _PROGRAM, zone.key, str(to_ms(begins)), str(to_ms(ends + _ONE_MS))]
    environ = {"PYTHONPATH": _ROOT} | {name: os.environ[name] for name in _KEPT if name in os.environ}
    try:
        done = subprocess.run(  # noqa: S603 - our own program, the feed is no part of the command
            [*command, str(seconds)],
            input=body,
            capture_output=True,
            timeout=seconds * _BESIDE_OTHERS,
            env=environ,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError("no process came to an end in time") from error
    answer = _answer(done.stdout) if done.returncode == 0 else {}
    if "shifts" not in answer:
        raise CalendarRefused(str(answer.get("refused") or "takes more time or memory to read than any schedule needs"))
    shifts = (Shift(who=who, begins=from_ms(first), ends=from_ms(last)) for who, first, last in answer["shifts"])
    return cut(shifts, begins, ends)


def _answer(output: bytes) -> dict[str, list[tuple[str, int, int]]]:
    """Read what the process wrote, all of which is its own; nothing of a process that was stopped in between."""
    try:
        answer: dict[str, list[tuple[str, int, int]]] = json.loads(output)
    except ValueError:
        return {}
    return answer
