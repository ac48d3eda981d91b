"""A clock that only tests move: Redis `TIME`, expiry and the scripts of a fakeredis all read it.

fakeredis takes the time from the `time` module that each of its modules imported; while the clock runs, those names
lead to this one. So the store under test is the real one, scripts included, and nothing sleeps.
"""

from __future__ import annotations

import time as real_time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import fakeredis._helpers as helpers
import fakeredis._socket._base as socket
import fakeredis.commands_mixins.server_mixin as server

START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)

_MODULES: tuple[ModuleType, ...] = (helpers, socket, server)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def move(self, by: timedelta) -> None:
        """Let time pass."""
        self.now += by

    def time(self) -> float:
        """Give the time as Python's `time.time` does."""
        return self.now.timestamp()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever else of the module is asked for
        return getattr(real_time, name)


@contextmanager
def movable_clock() -> Iterator[Clock]:
    """Have every fakeredis of this process read a new clock, until the block is left."""
    clock = Clock()
    before = [(module, module.__dict__["time"]) for module in _MODULES]
    for module in _MODULES:
        module.__dict__["time"] = clock
    try:
        yield clock
    finally:
        for module, name in before:
            module.__dict__["time"] = name
