"""The gate before each vendor: one token bucket and one circuit breaker in Redis, shared by every worker.

The bucket keeps all workers together under the vendor's quota, and keeps a part of it free for what is more urgent:
ends and revokes may use all of it, grants leave them a fifth, sweeps leave half. When the vendor says "too many" the
bucket pauses for as long as it asked. The breaker opens after several failures in a row: nobody calls then, until one
call at a time tries whether the vendor is back. Only that one makes the wait longer, however many were under way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from accessbot.adapters import redis_gate_scripts as scripts
from accessbot.adapters.redis_client import Caller, Script
from accessbot.adapters.redis_codec import from_ms
from accessbot.adapters.redis_keys import key
from accessbot.domain.errors import StoreUnavailable, Unavailable, VendorError
from accessbot.domain.work import Urgency
from accessbot.ports import GateState, urgency

_log = structlog.get_logger(__name__)

_KEPT_FREE: Final = {Urgency.ENDING: 0.0, Urgency.GRANTING: 0.2, Urgency.SWEEPING: 0.5}
_BURST_S: Final = 5.0  # how many seconds of the quota may be used at once
_WORTH_WAITING: Final = timedelta(seconds=1)
_FAILURES: Final = 5
_COOL: Final = timedelta(seconds=2)
_LONGEST_COOL: Final = timedelta(seconds=30)
_PROBE: Final = timedelta(seconds=5)  # how long the one call that tries has, or what holds up others if it died
_QUOTA_PAUSE: Final = timedelta(seconds=2)

_GO, _WATCHED, _PROBING = "go", "watched", "probe"

_QUOTA: Final = frozenset(
    {
        "429",
        "userRateLimitExceeded",
        "rateLimitExceeded",
        "quotaExceeded",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
    }
)
_ALIVE: Final = frozenset({"ConflictException", "conflict", "duplicate", "ConcurrentModificationException"})


@dataclass(frozen=True, slots=True)
class RedisGate:
    """One vendor's gate. `per_second` is the quota that all processes share."""

    caller: Caller
    vendor: str
    per_second: float
    pause: Callable[[float], None] = time.sleep

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Make one call in here. Raises `Unavailable`, with when to come back, instead of making it too early.

        While the store is away nothing is held back: what is done then was begun before, and the vendor's own answers
        still count.
        """
        leave = self._enter()
        try:
            yield
        except Unavailable as error:
            self._failed(error, leave)
            raise
        except VendorError:
            self._answered(leave)
            raise
        self._answered(leave)

    def state(self) -> GateState:
        """Read the gate without passing it: whether the breaker is open, and for how long calls wait still."""
        state, wait, left, since = self.caller.script(
            scripts.GATE_STATE, self._keys(), [self._rate(), self._burst(), int(_PROBE.total_seconds() * 1000)]
        )
        return GateState(
            vendor=self.vendor,
            open=state == "open",
            wait=timedelta(milliseconds=int(wait)),
            left=float(left),
            since=from_ms(int(since)) if int(since) else None,
        )

    def _enter(self) -> str:
        """Wait for leave to call: `go`, or `watched` after a failure, or `probe` for the one that tries."""
        deadline = time.monotonic() + _WORTH_WAITING.total_seconds()
        floor = _KEPT_FREE[urgency.get()] * self.per_second * _BURST_S
        while True:
            args: list[str | int] = [self._rate(), self._burst(), f"{floor:.3f}", int(_PROBE.total_seconds() * 1000)]
            try:
                answer, wait = self.caller.script(scripts.GATE_ENTER, self._keys(), args)
            except StoreUnavailable as error:
                _log.warning("gate.unknown", vendor=self.vendor, error=error.sentence)
                return _GO
            if answer in (_GO, _WATCHED, _PROBING):
                return str(answer)
            seconds = int(wait) / 1000
            if answer == "open" or time.monotonic() + seconds > deadline:
                why = "did not answer several times" if answer == "open" else "is at its quota"
                raise Unavailable(
                    self.vendor,
                    "wait for its turn",
                    f"{self.vendor} {why}; it is tried again in a moment.",
                    code=str(answer),
                    retry_after=timedelta(seconds=seconds),
                )
            self.pause(seconds)

    def _failed(self, error: Unavailable, leave: str) -> None:
        if error.code in _QUOTA:
            asked = error.retry_after or _QUOTA_PAUSE
            self._note(scripts.GATE_PAUSE, [int(asked.total_seconds() * 1000)])
        elif error.code not in _ALIVE:
            cool = [int(span.total_seconds() * 1000) for span in (_COOL, _LONGEST_COOL)]
            self._note(scripts.GATE_FAILED, [_FAILURES, *cool, leave])

    def _answered(self, leave: str) -> None:
        if leave != _GO:
            self._note(scripts.GATE_ANSWERED, [])

    def _note(self, script: Script, args: list[str | int]) -> None:
        try:
            self.caller.script(script, self._keys(), args)
        except StoreUnavailable as error:
            _log.warning("gate.not_noted", vendor=self.vendor, error=error.sentence)

    def _keys(self) -> list[str]:
        name = self.vendor.casefold()
        return [key("bucket", name), key("breaker", name)]

    def _rate(self) -> str:
        return f"{self.per_second:.6f}"

    def _burst(self) -> str:
        return f"{self.per_second * _BURST_S:.3f}"
