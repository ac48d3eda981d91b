"""The transport on connections that are kept: reused, told apart from dead ones, never trusted after a failure."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from accessbot.adapters.google_auth import anonymous
from accessbot.adapters.google_directory import GoogleDirectory
from accessbot.domain.errors import Unavailable
from accessbot.domain.model import DirectoryUser

OPS = "ops@example.com"


class Server(ThreadingHTTPServer):
    """A Directory API that keeps connections and does with each call what its script says next, `answer` by default."""

    daemon_threads = True

    def __init__(self) -> None:
        self.script: list[str] = []
        self.connections = 0
        self.calls: list[str] = []
        self.closed = threading.Event()
        self.released = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - a socket, as the base class has it
        """Close a connection, and tell that it was closed."""
        super().shutdown_request(request)
        self.closed.set()

    @property
    def url(self) -> str:
        """The root of the API."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """One kept connection."""

    protocol_version = "HTTP/1.1"
    server: Server
    actions: ClassVar[frozenset[str]] = frozenset({"answer", "answer, close", "drop", "late"})

    def setup(self) -> None:
        """Count the connection."""
        self.server.connections += 1
        super().setup()

    def handle_call(self) -> None:
        """Do what the script says next; the answer carries the id that was asked for."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.calls.append(self.command)
        action = self.server.script.pop(0) if self.server.script else "answer"
        assert action in self.actions
        if action == "late":
            self.server.released.wait(10)
        self.close_connection = action != "answer"
        if action == "drop":
            return
        body = b'{"kind": "x", "id": "%s"}' % self.path.partition("?")[0].rpartition("/")[2].encode()
        with suppress(OSError):  # the caller has given up
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    do_GET = do_POST = do_DELETE = handle_call  # noqa: N815 - the base class looks for these names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """Give a server that runs."""
    with Server() as started:
        thread = threading.Thread(target=started.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield started
        started.released.set()
        started.shutdown()
        thread.join()


def adapter(server: Server, timeout: timedelta = timedelta(seconds=5)) -> GoogleDirectory:
    """Make the adapter on it."""
    return GoogleDirectory(server.url, anonymous(server.url), timeout)


def test_a_connection_is_kept(server: Server) -> None:
    """Ten calls of one thread share one connection."""
    directory = adapter(server)
    for number in range(10):
        assert directory.is_member(OPS, str(number))
    assert server.connections == 1


def test_a_connection_that_died_while_idle_is_replaced_before_anything_is_sent(server: Server) -> None:
    """A service closes idle connections as it likes: the next call succeeds, and is sent once."""
    server.script = ["answer, close"]
    directory = adapter(server)
    assert directory.is_member(OPS, "1")
    assert server.closed.wait(5)
    assert directory.is_member(OPS, "2")
    assert (server.calls, server.connections) == (["GET", "GET"], 2)


def test_a_kept_connection_that_breaks_on_a_write_is_not_tried_again(server: Server) -> None:
    """The write may have been applied: whoever called decides, the transport does not send it twice."""
    directory = adapter(server)
    assert directory.is_member(OPS, "1")
    server.script = ["drop", "drop"]
    with pytest.raises(Unavailable):
        directory.add(OPS, DirectoryUser(id="1", email="a@example.com", suspended=False, archived=False))
    with pytest.raises(Unavailable):
        directory.remove(OPS, "1")
    assert server.calls == ["GET", "POST", "DELETE"]


def test_an_answer_that_comes_late_is_never_that_of_the_next_call(server: Server) -> None:
    """After a time-out the connection is closed, so a late answer has nobody to mislead."""
    directory = adapter(server, timedelta(seconds=0.3))
    assert directory.is_member(OPS, "1")
    server.script = ["late"]
    with pytest.raises(Unavailable):
        directory.is_member(OPS, "2")
    server.released.set()
    assert directory.is_member(OPS, "3")
    assert server.connections == 2
