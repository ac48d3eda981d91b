"""Ends by the clock of Redis while machines are minutes off: nothing early, nothing late, and operators are told."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.life.conftest import Life

LATE = timedelta(seconds=2)
"""A second beside the calls, and the calls; on two cores that all stand-ins share."""

SET_CLOCK = """
import os, time
_true, _off = time.time, float(os.environ["CLOCK_OFF_S"])
time.time = lambda: _true() + _off
time.time_ns = lambda: int(time.time() * 1e9)
"""


@pytest.fixture
def set_clock(life: Life, tmp_path: Path) -> Callable[[str, float], None]:
    """Start a process of accessbot anew, on a machine whose clock is so many seconds off."""
    (tmp_path / "sitecustomize.py").write_text(SET_CLOCK, encoding="utf-8")
    processes = life.box.processes

    def start_anew(name: str, off: float) -> None:
        process: subprocess.Popen[bytes] = processes.running[name]
        process.terminate()
        process.wait(10)
        before = processes.environment
        processes.environment = {**before, "PYTHONPATH": str(tmp_path), "CLOCK_OFF_S": str(off)}
        processes.spawn(name, [str(word) for word in process.args])  # type: ignore[union-attr]  # our own Popen has a list of args
        processes.environment = before

    return start_anew


def test_machines_that_are_minutes_off_end_access_on_time(life: Life, set_clock: Callable[[str, float], None]) -> None:
    """Workers seven minutes fast, clocks nine minutes slow: a grant is there to its end, and gone soon after."""
    noah, priya, store = life.person("noah"), life.person("priya"), life.box.store
    set_clock("worker", 420.0)
    set_clock("clock", -540.0)
    for seconds in (5, 7):
        life.granted(noah, f"staging-admin {seconds}s punctual {seconds}")
        (grant,) = life.grants_for(f"punctual {seconds}")
        while (now := store.now()) < grant.expires_at:
            there = life.is_in("staging-admin", "noah@example.com")
            assert there == (True, True) or store.now() >= grant.expires_at, f"gone {grant.expires_at - now} early"
        life.wait("the end", lambda: life.is_in("staging-admin", "noah@example.com") == (False, False))
        late = store.now() - grant.expires_at
        print(f"ended {late.total_seconds():.2f} s after its end")  # noqa: T201 - the figure
        assert late <= LATE
        priya.wait_for_message("approvals", f"punctual {seconds}", "Ended")
    priya.wait_for_message("alerts", "Clocks differ from that of Redis", "420 s ahead", "540 s behind")
