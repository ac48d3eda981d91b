"""The journal of a company: what accessbot asked the vendors for, what truly changed and by whom, what was said."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar, cast

from tests.support.evidence import OTHERS, OURS, Place, Said, Shift, Write

Value = TypeVar("Value")


@dataclass(slots=True)
class Journal:
    """Takes everything down with its time and with how many audit events were stored then (`logged`)."""

    now: Callable[[], datetime]
    logged: Callable[[], int]
    writes: list[Write] = field(default_factory=list)
    shifts: list[Shift] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    _by: str = OTHERS
    _at: datetime | None = None
    _pending: list[tuple[datetime, Callable[[], object]]] = field(default_factory=list)
    _open: list[Said] = field(default_factory=list)

    # --- memberships

    def asked(self, side: str, group: str, member: str, *, adds: bool) -> None:
        """Take down that accessbot asks for a change."""
        self.writes.append(Write(self.now(), Place(side, group, member), adds, self.logged()))

    @contextmanager
    def ours(self) -> Iterator[None]:
        """Take down the changes of this block as accessbot's."""
        before, self._by = self._by, OURS
        try:
            yield
        finally:
            self._by = before

    @contextmanager
    def shifting(self, side: str, group: str, member: str, has: Callable[[str, str], bool]) -> Iterator[None]:
        """Take down what this block changes of a membership."""
        before = has(group, member)
        yield
        after = has(group, member)
        if before != after:
            place = Place(side, group, member)
            self.shifts.append(Shift(self._at or self.now(), place, after, self._by, self.logged()))

    def later(self, delay: timedelta, change: Callable[[], Value]) -> Value:
        """Let a change be so only after a time, in the order in which changes were asked for; answers at once."""
        insort(self._pending, (self.now() + delay, change), key=lambda pending: pending[0])
        return cast("Value", None)

    def catch_up(self) -> None:
        """Make the changes whose time has come."""
        while self._pending and self._pending[0][0] <= self.now():
            self._at, change = self._pending.pop(0)
            try:
                change()
            finally:
                self._at = None

    def next_change(self) -> datetime | None:
        """Tell when the next change is so."""
        return self._pending[0][0] if self._pending else None

    # --- words

    def say(self, person: str, kind: str, subject: str) -> None:
        """Take down that something was said."""
        said = Said(self.now(), person, kind, subject)
        self.said.append(said)
        self._open.append(said)

    def keep_track(self) -> None:
        """Take down that whoever said something since the last time has written down that it is said."""
        for said in self._open:
            said.recorded = True
        self._open.clear()

    def lose_track(self) -> None:
        """Take down that whoever said something does not know it any more, or cannot write it down."""
        self._open.clear()
