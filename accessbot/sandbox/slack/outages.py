"""Ways in which the Web API can be made to fail, for tests and demonstrations."""

import threading
import time
from dataclasses import dataclass

EVERY_METHOD = "*"
_TOO_MANY, _UNAVAILABLE = 429, 503


@dataclass
class _Outage:
    method: str
    status: int = 200
    error: str | None = None
    retry_after: int | None = None
    latency: float = 0.0
    times: int | None = None


@dataclass(frozen=True)
class Failure:
    """What a call gets instead of its answer."""

    status: int
    error: str
    retry_after: int | None = None


class Outages:
    """Switchable faults of the Web API. Each lasts until `clear`, or for a number of calls (`times`)."""

    def __init__(self) -> None:
        """Start healthy."""
        self._lock = threading.Lock()
        self._active: list[_Outage] = []

    def rate_limit(self, method: str = EVERY_METHOD, retry_after: int = 1, times: int | None = None) -> None:
        """Answer 429 with Retry-After (whole seconds) and `ratelimited`."""
        self._add(_Outage(method, _TOO_MANY, "ratelimited", retry_after, times=times))

    def error(self, method: str, code: str, times: int | None = None) -> None:
        """Answer `{"ok": false, "error": code}`."""
        self._add(_Outage(method, error=code, times=times))

    def unknown(self, method: str) -> None:
        """Behave as if the method did not exist."""
        self.error(method, "unknown_method")

    def latency(self, seconds: float, method: str = EVERY_METHOD, times: int | None = None) -> None:
        """Answer late."""
        self._add(_Outage(method, latency=seconds, times=times))

    def down(self, times: int | None = None) -> None:
        """Answer 503 to everything, response URLs too."""
        self._add(_Outage(EVERY_METHOD, _UNAVAILABLE, "service_unavailable", times=times))

    def clear(self) -> None:
        """Be healthy again."""
        with self._lock:
            self._active.clear()

    def strike(self, method: str) -> Failure | None:
        """Apply what is on for a call of `method`: wait, then say how it fails, or None when it does not."""
        late, failure = 0.0, None
        with self._lock:
            for outage in list(self._active):
                if outage.method not in {EVERY_METHOD, method} or (failure and outage.error):
                    continue
                late += outage.latency
                if outage.error:
                    failure = Failure(outage.status, outage.error, outage.retry_after)
                if outage.times is not None:
                    outage.times -= 1
                    if outage.times < 1:
                        self._active.remove(outage)
        if late:
            time.sleep(late)
        return failure

    def _add(self, outage: _Outage) -> None:
        with self._lock:
            self._active.append(outage)
