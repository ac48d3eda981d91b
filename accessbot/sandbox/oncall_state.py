"""Who is on call on which schedule, and which tickets may be used: the state of the on-call and ticket stand-ins."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from accessbot.sandbox.journal import now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Turn:
    """One person's time on call: from `begins` up to but not at `ends`. `person` is an address."""

    person: str
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as paging tools keep it: its id there, its name, and its turns in order of their beginnings."""

    id: str
    name: str
    turns: tuple[Turn, ...] = ()


class Rota:
    """All schedules and tickets of one company. Thread-safe. `names` gives the people by address."""

    def __init__(self, names: Mapping[str, str] | None = None, clock: Callable[[], datetime] = now) -> None:
        self.names = dict(names or {})
        self._clock = clock
        self._lock = threading.RLock()
        self._schedules: dict[str, Schedule] = {}
        self._texts: dict[str, bytes] = {}
        self._refused: dict[str, str] = {}
        self._listeners: list[Callable[[], object]] = []

    def now(self) -> datetime:
        """Tell the time of these services."""
        return self._clock()

    # ---- schedules

    def add(self, schedule: str, name: str = "") -> Schedule:
        """Create a schedule on which nobody is on call."""
        made = Schedule(schedule, name or schedule)
        with self._lock:
            self._schedules[schedule] = made
        return made

    def schedules(self) -> list[Schedule]:
        """List the schedules in the order in which they were made."""
        with self._lock:
            return list(self._schedules.values())

    def schedule(self, schedule: str) -> Schedule | None:
        """Give one schedule, None when there is none of this id."""
        with self._lock:
            return self._schedules.get(schedule)

    def put(self, schedule: str, *turns: Turn) -> None:
        """Replace the turns of a schedule. Raises KeyError for one there is not."""
        with self._lock:
            ordered = tuple(sorted(turns, key=lambda turn: (turn.begins, turn.person)))
            self._schedules[schedule] = replace(self._schedules[schedule], turns=ordered)
        self._tell()

    def hand_over(self, schedule: str, person: str | None, span: timedelta = WEEK) -> None:
        """Have a person be on call from now on, for `span`; None for nobody. Whoever was is not any more.

        Raises KeyError for a schedule there is not.
        """
        at = self._clock()
        with self._lock:
            past = [
                replace(turn, ends=min(turn.ends, at))
                for turn in self._schedules[schedule].turns
                if turn.begins < at and min(turn.ends, at) > turn.begins
            ]
            ahead = () if person is None else (Turn(person, at, at + span),)
            self.put(schedule, *past, *ahead)

    def on_call(self, schedule: str) -> tuple[str, ...]:
        """List who is on call now. Raises KeyError for a schedule there is not."""
        at = self._clock()
        with self._lock:
            return tuple(turn.person for turn in self._schedules[schedule].turns if turn.begins <= at < turn.ends)

    def serve_text(self, schedule: str, text: bytes | None) -> None:
        """Have the feed of a schedule be this text, whatever it is, until it is None again."""
        with self._lock:
            self._texts.pop(schedule, None)
            if text is not None:
                self._texts[schedule] = text

    def text(self, schedule: str) -> bytes | None:
        """Give the text that was put in the place of a feed, None when there is none."""
        with self._lock:
            return self._texts.get(schedule)

    # ---- tickets

    def refuse_ticket(self, ticket: str, reason: str) -> None:
        """Have a ticket not be usable, for a reason that people read."""
        with self._lock:
            self._refused[ticket.casefold()] = reason

    def allow_ticket(self, ticket: str) -> None:
        """Have a ticket be usable again, as all are that were not refused."""
        with self._lock:
            self._refused.pop(ticket.casefold(), None)

    def refusal(self, ticket: str) -> str | None:
        """Give why a ticket may not be used, None when it may."""
        with self._lock:
            return self._refused.get(ticket.casefold())

    # ---- those who want to know

    def subscribe(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Have `listener` called after each hand-over. Gives the way to end it."""
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def _tell(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()
