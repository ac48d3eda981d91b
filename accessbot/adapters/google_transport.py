"""HTTP to Google: one try for each call, nothing sent after its time, and no connection left in doubt.

httplib2 sends a request again when a kept connection breaks, and keeps a connection that timed out. Either could apply
a write later than its caller believes, or hand one call the answer of another. Here a connection that broke is closed,
a call is sent once, and whoever called decides about another try.
"""

from __future__ import annotations

import http.client
import select
from typing import Any

import httplib2

from accessbot.adapters.deadlines import TimedResponse, left
from accessbot.adapters.endpoints import is_loopback


class _OneTry(http.client.HTTPConnection):
    """A connection that fails rather than lets httplib2 send a second time; it closes with its thread."""

    response_class = TimedResponse

    def __del__(self) -> None:
        self.close()

    def connect(self) -> None:
        self.timeout = left()
        super().connect()

    def request(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - http.client's own signature
        if self.sock is not None and _broken(self.sock):
            self.close()
        if self.sock is None:
            self.connect()
        self.sock.settimeout(left())
        super().request(*args, **kwargs)

    def getresponse(self) -> http.client.HTTPResponse:
        if self.sock is not None:
            self.sock.settimeout(left())
        try:
            return super().getresponse()
        except (http.client.BadStatusLine, http.client.ResponseNotReady) as error:
            # httplib2 takes these two for a stale connection and sends again.
            self.close()
            raise ConnectionResetError("the connection was closed without an answer") from error


class Plain(_OneTry, httplib2.HTTPConnectionWithTimeout):
    """Plain http, for loopback."""


class Secure(_OneTry, httplib2.HTTPSConnectionWithTimeout):
    """Https."""


def _broken(sock: Any) -> bool:  # noqa: ANN401 - a socket, a TLS socket or a proxied one
    """Tell whether an idle connection has something to read: its end, or an answer nobody waits for any more."""
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    return bool(poller.poll(0))


class Transport(httplib2.Http):
    """An httplib2 client for one thread. Must be used inside `deadlines.within`. Proxies are not used for loopback."""

    def __init__(self) -> None:
        super().__init__()
        self.follow_redirects = False

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,  # noqa: ANN401 - bytes, text or a file
        headers: dict[str, str] | None = None,
        redirections: int = 0,
        connection_type: type[http.client.HTTPConnection] | None = None,
    ) -> tuple[httplib2.Response, bytes]:
        """Send once. Raises OSError, `httplib2.HttpLib2Error` or `http.client.HTTPException`."""
        self.proxy_info = None if is_loopback(uri) else httplib2.proxy_info_from_environment
        kind = connection_type or (Secure if uri.startswith("https:") else Plain)
        try:
            answer: tuple[httplib2.Response, bytes] = super().request(uri, method, body, headers, redirections, kind)
        except BaseException:
            self.close()
            raise
        return answer
