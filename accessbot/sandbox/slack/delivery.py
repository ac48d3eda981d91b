"""Bringing commands and interactions to the app: signed HTTP requests, or envelopes over Socket Mode."""

import hashlib
import hmac
import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from accessbot.sandbox.slack.errors import Refused

Json = dict[str, Any]

COMMAND, INTERACTIVE, EVENT = "slash_commands", "interactive", "events_api"
ACK_SECONDS = 3.0
TIMED_OUT = "operation_timeout"
UNREACHABLE = "dispatch_failed"
USER_AGENT = "Slackbot 1.0 (+https://api.slack.com/robots)"
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_OK = 200


@dataclass(frozen=True)
class Answer:
    """How the app answered: an HTTP status and body, or Slack's name for why there is none."""

    status: int | None
    body: str = ""
    error: str | None = None
    seconds: float = 0.0

    @property
    def acked(self) -> bool:
        """Tell whether Slack takes this for an acknowledgement."""
        return self.error is None and self.status == _OK


@dataclass
class Delivery:
    """One delivery as it went out, kept for looking at and for playing it again."""

    kind: str
    payload: Json
    body: bytes
    headers: dict[str, str]
    at: float
    answer: Answer | None = None
    envelope_id: str | None = field(default=None)


class SocketLine(Protocol):
    """The Socket Mode side, as far as deliveries need it."""

    def connected(self) -> bool:
        """Tell whether an app listens."""
        ...

    def send(self, envelope: Json, timeout: float) -> Answer:
        """Send an envelope and wait for its acknowledgement."""
        ...


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the X-Slack-Signature of a request (docs.slack.dev/authentication/verifying-requests-from-slack)."""
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
    return f"v0={digest.hexdigest()}"


def encode(kind: str, payload: Json) -> tuple[bytes, str]:
    """Return a payload's body and content type as Slack sends it over HTTP."""
    if kind == COMMAND:
        return urlencode(payload).encode(), "application/x-www-form-urlencoded"
    if kind == INTERACTIVE:
        body = urlencode({"payload": json.dumps(payload)})
        return body.encode(), "application/x-www-form-urlencoded"
    return json.dumps(payload).encode(), "application/json"


class Courier:
    """Delivers, waits for the acknowledgement as long as Slack would, and keeps a record."""

    def __init__(
        self,
        signing_secret: str,
        events_url: str | None = None,
        *,
        ack_seconds: float = ACK_SECONDS,
        now: Callable[[], float] = time.time,
        socket_line: SocketLine | None = None,
    ) -> None:
        """Deliver to `events_url` (loopback only), or through `socket_line` when an app is connected there."""
        self.signing_secret = signing_secret
        self.ack_seconds = ack_seconds
        self._now = now
        self._socket_line = socket_line
        self._lock = threading.Lock()
        self._records: list[Delivery] = []
        self._events_url: str | None = None
        self.events_url = events_url

    @property
    def events_url(self) -> str | None:
        """Return where deliveries go over HTTP."""
        return self._events_url

    @events_url.setter
    def events_url(self, url: str | None) -> None:
        if url is not None and (urlsplit(url).scheme != "http" or urlsplit(url).hostname not in _LOOPBACK):
            raise ValueError(f"the sandbox delivers to loopback addresses only, not to {url}")
        self._events_url = url

    @property
    def records(self) -> list[Delivery]:
        """Return everything delivered so far, oldest first."""
        with self._lock:
            return list(self._records)

    def deliver(self, kind: str, payload: Json, extra_headers: Mapping[str, str] | None = None) -> Answer:
        """Deliver a payload, signed now."""
        body, content_type = encode(kind, payload)
        timestamp = str(int(self._now()))
        headers = self.headers(body, content_type, timestamp) | dict(extra_headers or {})
        envelope_id = f"{time.monotonic_ns():x}-{len(self.records)}"
        return self._go(Delivery(kind, payload, body, headers, self._now(), envelope_id=envelope_id))

    def deliver_event(self, payload: Json, retries: int = 0) -> list[Answer]:
        """Deliver an Events API payload; while it is not acknowledged, again, at most `retries` times."""
        answers: list[Answer] = []
        for attempt in range(retries + 1):
            reason = "http_timeout" if answers and answers[-1].error == TIMED_OUT else "http_error"
            retry = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason} if attempt else {}
            answers.append(self.deliver(EVENT, payload, retry))
            if answers[-1].acked:
                break
        return answers

    def headers(self, body: bytes, content_type: str, timestamp: str) -> dict[str, str]:
        """Return the headers of a delivery, signature included."""
        return {
            "Content-Type": content_type,
            "User-Agent": USER_AGENT,
            "Accept": "application/json,*/*",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(self.signing_secret, timestamp, body),
        }

    def redeliver(self, delivery: Delivery | None = None, *, anew: bool = False) -> Answer:
        """Deliver one (the last, if not told which) again: byte for byte, or with `anew` signed now.

        Raises:
            Refused: nothing was delivered yet.
        """
        records = self.records
        if delivery is None and not records:
            raise Refused("nothing was delivered yet that could be delivered again")
        old = delivery or records[-1]
        if anew:
            return self.deliver(old.kind, old.payload)
        again = Delivery(old.kind, old.payload, old.body, dict(old.headers), self._now(), envelope_id=old.envelope_id)
        return self._go(again)

    def post_raw(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send exactly these bytes and headers to the app over HTTP, without a record."""
        if self._events_url is None:
            return Answer(None, error=UNREACHABLE)
        parts = urlsplit(self._events_url)
        started = time.monotonic()
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=self.ack_seconds)
        try:
            connection.request("POST", parts.path or "/", body, dict(headers))
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        except TimeoutError:
            return Answer(None, error=TIMED_OUT, seconds=time.monotonic() - started)
        except (OSError, http.client.HTTPException):
            return Answer(None, error=UNREACHABLE, seconds=time.monotonic() - started)
        finally:
            connection.close()
        return Answer(response.status, text, seconds=time.monotonic() - started)

    def _go(self, delivery: Delivery) -> Answer:
        with self._lock:
            self._records.append(delivery)
        if self._socket_line is not None and self._socket_line.connected():
            envelope = {
                "envelope_id": delivery.envelope_id,
                "type": delivery.kind,
                "payload": delivery.payload,
                "accepts_response_payload": delivery.kind != EVENT,
            }
            answer = self._socket_line.send(envelope, self.ack_seconds)
        else:
            answer = self.post_raw(delivery.body, delivery.headers)
        delivery.answer = answer
        return answer
