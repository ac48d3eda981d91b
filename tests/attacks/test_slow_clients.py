"""Attacks by slowness: clients that begin a request and never finish it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

_THREADS = 4
_SERVER = f"""
import sys
from accessbot import server

def page(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]

server._Worker.longest_s = 0.5
options = {{"bind": "127.0.0.1:" + sys.argv[1], "worker_class": server._Worker, "workers": 1, "threads": {_THREADS},
            "loglevel": "error", "graceful_timeout": 1}}
server._Server(page, options).run()
"""
_BEGUN = (
    b"GET /healthz HTTP/1.1\r\nHo",
    b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf of it",
)
_PATIENCE_S = 15.0


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def answers(port: int, patience_s: float) -> bool:
    """Tell whether the server answers within a time."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=0.5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            time.sleep(0.02)
    return False


@pytest.fixture
def port() -> Iterator[int]:
    """Run the server with few threads and little patience; give where."""
    chosen = free_port()
    process = subprocess.Popen([sys.executable, "-c", _SERVER, str(chosen)])
    try:
        assert answers(chosen, _PATIENCE_S)
        yield chosen
    finally:
        process.terminate()
        process.wait(_PATIENCE_S)


@pytest.mark.parametrize("begun", _BEGUN, ids=["head", "body"])
def test_clients_that_stop_in_the_middle_do_not_keep_the_door_shut(port: int, begun: bytes) -> None:
    """As many as there are threads, and more: after a while the server hangs up on them and serves the others."""
    with ExitStack() as opened:
        for _ in range(2 * _THREADS):
            slow = opened.enter_context(socket.create_connection(("127.0.0.1", port)))
            slow.sendall(begun)
        assert answers(port, _PATIENCE_S)
