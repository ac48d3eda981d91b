"""The web door: Slack's deliveries on one path, and what operators and probes ask for. Plain WSGI."""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_bolt.request import BoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.signature import Clock, SignatureVerifier

from accessbot import log
from accessbot.slack.delivery import fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from slack_bolt import App
    from slack_bolt.adapter.wsgi.http_request import WsgiHttpRequest

_log = log.get("accessbot.slack.http")

EVENTS_PATH = "/slack/events"
BODY_LIMIT = 1_000_000
"""Most bytes of a delivery; Slack's own are far smaller."""

_TEXT = "text/plain; charset=utf-8"
_TIMESTAMP_DIGITS = 12
_TYPES = frozenset({"application/x-www-form-urlencoded", "application/json"})


class Page(NamedTuple):
    """What a probe answers."""

    status: int
    content_type: str
    body: bytes


def web_app(
    pages: Mapping[str, Callable[[], Page]],
    *,
    app: App | None = None,
    signing_secret: str = "",
    now: Callable[[], float] = time.time,
) -> WSGIApplication:
    """Give the WSGI application.

    Args:
        pages: what is read by GET, by path, e.g. `/healthz`.
        app: the Bolt app; None in Socket Mode, where nothing is delivered over HTTP.
        signing_secret: what Slack signs deliveries with.
        now: seconds since the epoch, for the age of a signature.
    """
    deliveries = _Deliveries(app) if app is not None else None
    seal = _Seal(signing_secret, now)

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path, method = environ.get("PATH_INFO", ""), environ.get("REQUEST_METHOD", "GET")
        if path == EVENTS_PATH and deliveries is not None:
            return _deliver(deliveries, seal, environ, start_response)
        page = pages.get(path)
        if page is None:
            return _say(start_response, HTTPStatus.NOT_FOUND, "There is nothing here.")
        if method not in ("GET", "HEAD"):
            return _say(start_response, HTTPStatus.METHOD_NOT_ALLOWED, "Only GET is answered here.")
        status, content_type, body = page()
        _start(start_response, HTTPStatus(status), content_type, len(body))
        return [b"" if method == "HEAD" else body]

    return serve


class _Seal:
    """Checks signatures, before anything of a body is looked at and without ever writing one to the log."""

    def __init__(self, signing_secret: str, now: Callable[[], float]) -> None:
        self._verifier = SignatureVerifier(signing_secret, _Clock(now)) if signing_secret else None

    def holds(self, body: str, environ: WSGIEnvironment) -> bool:
        timestamp = environ.get("HTTP_X_SLACK_REQUEST_TIMESTAMP", "")
        signature = environ.get("HTTP_X_SLACK_SIGNATURE", "")
        readable = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _TIMESTAMP_DIGITS
        if self._verifier is None or not readable or not signature.isascii():
            return False
        return self._verifier.is_valid(body, timestamp, signature)


class _Clock(Clock):
    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now

    def now(self) -> float:
        return self._now()


class _Deliveries(SlackRequestHandler):
    """Bolt's own adapter, except that a delivery that cannot be read is answered, not raised."""

    def dispatch(self, request: WsgiHttpRequest) -> BoltResponse:
        try:
            delivery = BoltRequest(body=request.get_body(), query=request.query_string, headers=request.get_headers())
        except (ValueError, TypeError, AttributeError, KeyError):
            return _unreadable("the payload is no JSON object")
        what = fault(delivery.body)
        if what:
            return _unreadable(what)
        answer = self.app.dispatch(delivery)
        if answer.status == HTTPStatus.NOT_FOUND:
            return _unreadable("accessbot has no use for this kind of delivery")
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            # The listeners let nothing escape, so Bolt itself tripped over the shape on the way to them.
            return _unreadable("the payload lacks a part that every delivery of its kind has")
        return answer


def _unreadable(what: str) -> BoltResponse:
    _log.warning("a signed delivery was not understood", fault=what)
    return BoltResponse(status=HTTPStatus.BAD_REQUEST, body=f"Not understood: {what}.")


def _deliver(  # noqa: PLR0911 - one answer per flaw, read from top to bottom
    deliveries: _Deliveries, seal: _Seal, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    if environ.get("REQUEST_METHOD") != "POST":
        return _say(start_response, HTTPStatus.METHOD_NOT_ALLOWED, "Slack delivers here by POST.")
    if environ.get("CONTENT_TYPE", "").partition(";")[0].strip().casefold() not in _TYPES:
        return _say(start_response, HTTPStatus.BAD_REQUEST, "The content type has to be a form or JSON.")
    length = environ.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit()):
        return _say(start_response, HTTPStatus.BAD_REQUEST, "The content length has to be a number.")
    if int(length) > BODY_LIMIT:
        return _say(start_response, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "A delivery has at most 1 MB.")
    body = environ["wsgi.input"].read(int(length))
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return _say(start_response, HTTPStatus.BAD_REQUEST, "Not understood: the body is no UTF-8.")
    if not seal.holds(text, environ):
        _log.warning("a delivery was refused: its signature is wrong or too old", size=len(body))
        return _say(start_response, HTTPStatus.UNAUTHORIZED, "The signature is wrong or too old.")
    return deliveries({**environ, "wsgi.input": BytesIO(body)}, start_response)


def _say(start_response: StartResponse, status: HTTPStatus, text: str) -> Iterable[bytes]:
    body = f"{text}\n".encode()
    _start(start_response, status, _TEXT, len(body))
    return [body]


def _start(start_response: StartResponse, status: HTTPStatus, content_type: str, length: int) -> None:
    headers = [("Content-Type", content_type), ("Content-Length", str(length)), ("Cache-Control", "no-store")]
    start_response(f"{status.value} {status.phrase}", headers)


def json_page(status: int, content: object) -> Page:
    """Give a page of JSON."""
    return Page(status, "application/json", json.dumps(content).encode())
