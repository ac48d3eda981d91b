"""A small HTTP server on the loopback address for the stand-ins: threads, kept-alive connections, a real stop."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from socketserver import BaseServer
    from types import TracebackType
    from wsgiref.types import StartResponse, WSGIEnvironment

HOST = "127.0.0.1"
_POLL_S = 0.05
_serving = threading.local()


class ConnectionDropped(Exception):
    """Raised by an application to close the caller's connection without an answer."""


def caller_port() -> int:
    """Give the port from which the request that this thread answers was sent; 0 outside of one."""
    return int(getattr(_serving, "port", 0))


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body leave in two writes; without this a kept-alive connection waits 40 ms for each delayed ACK.
    disable_nagle_algorithm = True

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - the name is werkzeug's
        """Say nothing: the stand-ins keep their own journal."""


class _Server(ThreadedWSGIServer):
    """Remembers open connections, so that a stop ends kept-alive ones too, as a dead service would."""

    def __init__(self, port: int, app: Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]) -> None:
        self.open_sockets: set[socket.socket] = set()
        self.sockets_lock = threading.Lock()
        super().__init__(HOST, port, app, handler=_Handler)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: str) -> None:
        if not isinstance(request, socket.socket):
            raise TypeError("The loopback server speaks TCP only.")
        with self.sockets_lock:
            self.open_sockets.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        with self.sockets_lock:
            self.open_sockets -= {request}
        super().shutdown_request(request)

    def end_connections(self) -> None:
        """Shut every open connection down; their threads see the end of the stream and leave."""
        with self.sockets_lock:
            still_open = list(self.open_sockets)
        for each in still_open:
            with suppress(OSError):  # the caller may have closed it in between
                each.shutdown(socket.SHUT_RDWR)


class LoopbackServer:
    """Serves one application on 127.0.0.1 in threads of its own.

    `answer` takes a request and gives a response, or raises `ConnectionDropped`. Port 0 takes a free port, which is
    kept over `stop()` and `start()`, so that a service can go away and come back at the same address.
    """

    def __init__(self, answer: Callable[[Request], Response], *, port: int = 0) -> None:
        self._answer = answer
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        """The root address, without a trailing slash. Raises RuntimeError before the first start."""
        if not self._port:
            raise RuntimeError("The server has no address yet: start it first.")
        return f"http://{HOST}:{self._port}"

    @property
    def running(self) -> bool:
        """Whether it accepts connections."""
        return self._server is not None

    def start(self) -> Self:
        """Listen and serve. Does nothing when it runs already. Raises OSError when the port is taken."""
        if self._server is not None:
            return self
        self.stopping.clear()
        server = _Server(self._port, self._serve)
        self._port = server.port
        self._server = server
        self._thread = threading.Thread(target=self._loop, args=(server,), name=f"loopback-{self._port}", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Refuse new connections and end the open ones. Does nothing when it is not running."""
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        self._server = self._thread = None
        self.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
        server.end_connections()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @staticmethod
    def _loop(server: BaseServer) -> None:
        server.serve_forever(poll_interval=_POLL_S)

    def _serve(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        _serving.port = environ.get("REMOTE_PORT", 0)
        request.get_data()  # read whole, so that the next request on this connection starts where it should
        try:
            response = self._answer(request)
        except ConnectionDropped as dropped:
            with suppress(OSError):  # the caller may have given up first
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError from dropped  # werkzeug ends a connection quietly on this one
        return response(environ, start_response)
