"""Comparing: this machine's clock with the store's, by which everything begins and ends."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from accessbot.ports import Clock

TOLERATED = timedelta(seconds=2)
"""How far clocks may be apart, and the store's may jump, before the operators are told."""

_REMEMBERED_S = 600.0
_TOO_SLOW_S = 1.0


def _steady() -> float:
    """Give seconds that go on evenly, also while this machine is suspended, where the system counts them."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@dataclass(slots=True)
class Timepiece:
    """Tells how far this machine's clock is behind the store's, and whether the store's own jumped.

    `skew` is the store's time less this machine's. `jump` is by how much the store's time moved more than time passed
    between two looks; the furthest one of the last ten minutes is kept. Both are zero until something is known, and as
    exact as half of the way to the store and back; a look that took over a second tells nothing.
    """

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = _steady
    skew: timedelta = field(default=timedelta(0))
    jump: timedelta = field(default=timedelta(0))
    _last: tuple[float, float] | None = field(default=None)
    _jumped: float = field(default=0.0)

    def look(self, store: Clock) -> None:
        """Compare the clocks. Raises what `Clock.now` raises."""
        wall, began = self.wall(), self.steady()
        now = store.now().timestamp()
        took = self.steady() - began
        if took > _TOO_SLOW_S:
            return
        at = began + took / 2
        self.skew = timedelta(seconds=now - wall - took / 2)
        if at - self._jumped > _REMEMBERED_S:
            self.jump = timedelta(0)
        if self._last is not None:
            moved = timedelta(seconds=(now - self._last[0]) - (at - self._last[1]))
            if abs(moved) > max(TOLERATED, abs(self.jump)):
                self.jump, self._jumped = moved, at
        self._last = (now, at)
