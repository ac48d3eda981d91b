"""What the stand-ins saw and did: every call and every change of a membership, in order, with its time."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

_KEPT = 200_000  # of calls and of changes; benches run long


def now() -> datetime:
    """The wall clock, aware, UTC."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Call:
    """One call that arrived. `status` is the HTTP status answered, 0 for a dropped connection, None while it runs."""

    at: datetime
    method: str
    group: str = ""
    member: str = ""
    status: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One membership that came or went. `by` says who did it: `api`, `admin`, `ssosync` or what the seed says."""

    at: datetime
    action: Literal["added", "removed"]
    group: str
    member: str
    by: str


class Journal:
    """Thread-safe record of calls and changes, oldest first, bounded to the newest 200,000 of each."""

    def __init__(self, clock: Callable[[], datetime] = now) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: deque[Call] = deque(maxlen=_KEPT)
        self._changes: deque[Change] = deque(maxlen=_KEPT)
        self._listeners: list[Callable[[Change], None]] = []

    def arrived(self, method: str, group: str = "", member: str = "") -> Call:
        """Note that a call came in; the caller fills in the status once it is answered."""
        call = Call(self._clock(), method, group, member)
        with self._lock:
            self._calls.append(call)
        return call

    def changed(self, action: Literal["added", "removed"], group: str, member: str, by: str) -> None:
        """Note a change and tell the subscribers. Call it outside of any lock a subscriber could want."""
        change = Change(self._clock(), action, group, member, by)
        with self._lock:
            self._changes.append(change)
            listeners = list(self._listeners)
        for listener in listeners:
            listener(change)

    def lapsed(self, at: datetime, group: str, member: str, by: str) -> None:
        """Note a removal that time has made, found by whoever looked; subscribers are not told, as nobody did it."""
        with self._lock:
            self._changes.append(Change(at, "removed", group, member, by))

    def calls(self, pattern: str = "*") -> list[Call]:
        """The calls whose method name matches the shell-style pattern, for example `google.members.*`."""
        with self._lock:
            return [call for call in self._calls if fnmatchcase(call.method, pattern)]

    def changes(self, group: str | None = None, member: str | None = None) -> list[Change]:
        """The changes, of one group or one member when given, compared without regard to case."""
        with self._lock:
            kept = list(self._changes)
        return [
            each
            for each in kept
            if (group is None or each.group.casefold() == group.casefold())
            and (member is None or each.member.casefold() == member.casefold())
        ]

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Have `listener` called after each change, in the thread that made it. Gives the way to end it."""
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def clear(self) -> None:
        """Forget calls and changes; subscribers stay."""
        with self._lock:
            self._calls.clear()
            self._changes.clear()
