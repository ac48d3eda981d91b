"""The workspace's clock, lock and change counter."""

import secrets
import threading
import time
from collections.abc import Callable


def new_id(prefix: str) -> str:
    """Return a fresh id in Slack's style: a letter that tells the kind, then capitals and digits."""
    return prefix + secrets.token_hex(5).upper()


class Pulse:
    """One lock for all state of a workspace, and a counter that moves with every change."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        """Start at zero; `now` gives seconds since the epoch and may be replaced to move time in tests."""
        self.now = now
        self.lock = threading.RLock()
        self._moved = threading.Condition(self.lock)
        self._last_micros = 0
        self.seq = 0
        self.closed = False

    def ts(self) -> str:
        """Return a Slack timestamp ("1732449999.000100"), later than all before it."""
        with self.lock:
            self._last_micros = max(int(self.now() * 1_000_000), self._last_micros + 1)
            return f"{self._last_micros // 1_000_000}.{self._last_micros % 1_000_000:06d}"

    def touch(self) -> None:
        """Say that something changed."""
        with self.lock:
            self.seq += 1
            self._moved.notify_all()

    def wait_beyond(self, seq: int, timeout: float) -> int:
        """Wait until the counter has passed `seq`, `timeout` seconds are over or the end; return the counter."""
        with self.lock:
            self._moved.wait_for(lambda: self.closed or self.seq > seq, timeout)
            return self.seq

    def open(self) -> None:
        """Let waiting begin (again)."""
        with self.lock:
            self.closed = False

    def close(self) -> None:
        """Release everybody who waits."""
        with self.lock:
            self.closed = True
            self._moved.notify_all()
