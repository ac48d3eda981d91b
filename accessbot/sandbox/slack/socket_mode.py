"""Slack's side of Socket Mode: tickets, connections, envelopes and their acknowledgements."""

import json
import queue
import secrets
import socket
import threading
import time
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

from accessbot.sandbox.slack.delivery import TIMED_OUT, UNREACHABLE, Answer
from accessbot.sandbox.slack.errors import SlackError
from accessbot.sandbox.slack.state import APP_ID
from accessbot.sandbox.slack.websocket import WebSocket, WebSocketError, read_head

Json = dict[str, Any]

HOST = "127.0.0.1"
_LIFETIME_HINT = 3600


class SocketMode:
    """Listens for the app's WebSocket connections and sends envelopes to one of them."""

    def __init__(self) -> None:
        """Listen only after `start`."""
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._tickets: set[str] = set()
        self._lines: list[WebSocket] = []
        self._waiting: dict[str, queue.SimpleQueue[Json]] = {}
        self._turn = 0

    def start(self) -> None:
        """Accept connections on a free loopback port."""
        self._listener = socket.create_server((HOST, 0))
        self._thread = threading.Thread(target=self._accept, args=(self._listener,), name="socket-mode", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Hang up on everybody and stop listening."""
        listener, thread = self._listener, self._thread
        if listener is None or thread is None:
            return
        self._listener = self._thread = None
        with suppress(OSError):  # a listener without a caller refuses it on some systems
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        self.disconnect(warn=False)
        thread.join(timeout=5)

    def address(self) -> str:
        """Return a WebSocket address good for one connection.

        Raises:
            SlackError: `internal_error` when not listening.
        """
        listener = self._listener
        if listener is None:
            raise SlackError("internal_error")
        ticket = secrets.token_urlsafe(24)
        with self._lock:
            self._tickets.add(ticket)
        return f"ws://{HOST}:{listener.getsockname()[1]}/link/?ticket={ticket}&app_id={APP_ID}"

    def connected(self) -> bool:
        """Tell whether an app listens."""
        with self._lock:
            return bool(self._lines)

    def disconnect(self, reason: str = "refresh_requested", *, warn: bool = True) -> None:
        """End all connections; with `warn` the app is told why first, as when Slack refreshes them."""
        with self._lock:
            lines, self._lines = self._lines, []
        for line in lines:
            if warn:
                with suppress(OSError):  # whoever hung up first needs no warning
                    line.send(json.dumps({"type": "disconnect", "reason": reason, "debug_info": {"host": HOST}}))
            line.close()

    def send(self, envelope: Json, timeout: float) -> Answer:
        """Send an envelope over one of the connections, in turn, and wait for its acknowledgement."""
        started = time.monotonic()
        acks: queue.SimpleQueue[Json] = queue.SimpleQueue()
        name = str(envelope["envelope_id"])
        with self._lock:
            if not self._lines:
                return Answer(None, error=UNREACHABLE)
            self._turn += 1
            line = self._lines[self._turn % len(self._lines)]
            self._waiting[name] = acks
        try:
            line.send(json.dumps(envelope))
            ack = acks.get(timeout=timeout)
        except OSError:
            return Answer(None, error=UNREACHABLE, seconds=time.monotonic() - started)
        except queue.Empty:
            return Answer(None, error=TIMED_OUT, seconds=time.monotonic() - started)
        finally:
            with self._lock:
                self._waiting.pop(name, None)
        payload = ack.get("payload")
        body = "" if payload in (None, {}, "") else payload if isinstance(payload, str) else json.dumps(payload)
        return Answer(200, body, seconds=time.monotonic() - started)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # closed by stop()
            threading.Thread(target=self._serve, args=(connection,), name="socket-mode-line", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            line = WebSocket(connection)
            try:
                if not self._greet(line, connection):
                    return
                while (text := line.receive()) is not None:
                    self._acknowledge(text)
            except (WebSocketError, OSError, UnicodeDecodeError):
                return  # the app sees a cut connection and opens a new one
            finally:
                with self._lock:
                    if line in self._lines:
                        self._lines.remove(line)

    def _greet(self, line: WebSocket, connection: socket.socket) -> bool:
        target, headers = read_head(connection)
        ticket = parse_qs(urlsplit(target).query).get("ticket", [""])[0]
        with self._lock:
            known = ticket in self._tickets
            self._tickets.discard(ticket)
        if not known:
            line.refuse("408 Request Timeout")
            return False
        line.accept(headers)
        with self._lock:
            count = len(self._lines) + 1
        hello = {
            "type": "hello",
            "num_connections": count,
            "connection_info": {"app_id": APP_ID},
            "debug_info": {"host": HOST, "approximate_connection_time": _LIFETIME_HINT},
        }
        line.send(json.dumps(hello))
        with self._lock:
            if self._listener is None:
                return False
            self._lines.append(line)
        return True

    def _acknowledge(self, text: str) -> None:
        try:
            ack = json.loads(text)
        except json.JSONDecodeError:
            return  # Slack ignores what is no envelope
        if isinstance(ack, dict):
            with self._lock:
                waiting = self._waiting.get(str(ack.get("envelope_id")))
            if waiting is not None:
                waiting.put(ack)
