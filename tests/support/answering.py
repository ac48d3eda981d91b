"""A raw HTTP server that answers as a test says, well or badly, and remembers what it was asked."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its first line's method and target, its headers by names in lower case, and its body."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Reply = Iterable[bytes]
"""The pieces of an answer, status line and headers included; a generator may wait in between."""


@dataclass(slots=True)
class Answering:
    """The server: `reply` makes the answer of each request; `asked` are those so far, `sent` counts the bytes given."""

    url: str
    reply: Callable[[Asked], Reply]
    asked: list[Asked] = field(default_factory=list)
    sent: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def serve(self, connection: socket.socket) -> None:
        """Answer one request, and close."""
        with connection, suppress(OSError):
            request = _read(connection)
            if request is None:
                return
            self.asked.append(request)
            for piece in self.reply(request):
                if self.over.is_set():
                    return
                connection.sendall(piece)
                self.sent += len(piece)


def plain(status: int = 200, body: bytes = b"", **headers: str) -> Reply:
    """Make a whole answer; a header's `_` stands for `-`."""
    lines = {"Content-Length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = f"HTTP/1.1 {status} Said\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return [head.encode() + b"\r\n" + body]


@contextmanager
def answering(reply: Callable[[Asked], Reply]) -> Iterator[Answering]:
    """Serve on a free port of this machine, each request on a connection of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Answering(f"http://127.0.0.1:{listener.getsockname()[1]}", reply)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=server.serve, args=(listener.accept()[0],), daemon=True).start()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _read(connection: socket.socket) -> Asked | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    method, target, _ = first.split(" ", 2)
    return Asked(method, target, headers, body)
