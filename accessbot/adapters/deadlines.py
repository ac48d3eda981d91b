"""The time of a call to a vendor, all of it: once it is over nothing more is sent, and nothing waited for.

A socket's own time-out bounds one wait, not a call: an answer that trickles in, a name that is looked up slowly or a
process that stood still can make a call of seconds last for minutes. Here the time left is looked at before every
connect, every send and every read. A write that would come late is not sent at all.
"""

from __future__ import annotations

import http.client
import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

from accessbot.ports import calls_until

_UNTIL: ContextVar[float] = ContextVar("accessbot_call_until")


@contextmanager
def within(timeout: timedelta) -> Iterator[None]:
    """Give all that is sent inside, a token's renewal included, until `timeout` from now; then it is not sent.

    Never longer than a block around this one, nor than the lease under which it runs (`calls_until`).
    """
    ends = [time.monotonic() + timeout.total_seconds(), _UNTIL.get(float("inf"))]
    lease = calls_until.get()
    token = _UNTIL.set(min(ends) if lease is None else min(*ends, lease))
    try:
        yield
    finally:
        _UNTIL.reset(token)


def left() -> float:
    """Give the seconds left of the call that runs now. Raises TimeoutError when there are none."""
    seconds = _UNTIL.get() - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the call's time was over before it was answered")
    return seconds


class TimedResponse(http.client.HTTPResponse):
    """A response each read of which waits for no more than what is left of the call's time."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - http.client's own signature
        super().__init__(_TimedFiles(sock), *args, **kwargs)  # type: ignore[arg-type]  # all it does is to make a file


class _TimedFiles:
    """A socket, as far as a response uses one."""

    def __init__(self, sock: Any) -> None:  # noqa: ANN401 - a socket, a TLS socket or a proxied one
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Give the file that the response is read from."""
        return io.BufferedReader(_TimedReads(self._sock))


class _TimedReads(io.RawIOBase):
    def __init__(self, sock: Any) -> None:  # noqa: ANN401 - as above
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)  # keeps the connection open for as long as it is read from

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - as inherited
        self._sock.settimeout(left())
        read: int | None = self._file.readinto(buffer)
        return read

    def close(self) -> None:
        self._file.close()
        super().close()
