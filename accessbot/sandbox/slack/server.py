"""The HTTP side of the workspace: the Web API, response URLs, the page and what the page asks."""

import json
import logging
import mimetypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from accessbot.sandbox.slack.errors import DeliveryFailed, Refused, SlackError
from accessbot.sandbox.slack.messages import answer_url
from accessbot.sandbox.slack.page_api import PageApi
from accessbot.sandbox.slack.state import State
from accessbot.sandbox.slack.webapi import Reply, WebApi

Json = dict[str, Any]

PAGE = Path(__file__).parent.parent / "page"
HEARTBEAT_SECONDS = 10.0
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_FORBIDDEN, _NOT_FOUND, _NOT_ALLOWED, _UNSUPPORTED = 403, 404, 405, 415
_CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline';"
    " frame-ancestors 'none'; base-uri 'none'"
)
_logger = logging.getLogger(__name__)


class Front:
    """Answers every request to the workspace's address."""

    def __init__(self, state: State, web_api: WebApi, page_api: PageApi, page: Path = PAGE) -> None:
        """Serve these; `page` is the folder of the page's files."""
        self._state = state
        self._web_api = web_api
        self._page_api = page_api
        self._page = page.resolve()

    def answer(self, request: Request) -> Response:
        """Answer one request; anything that is not addressed to loopback is refused."""
        if _host(request.host) not in _LOOPBACK:
            return _problem("this server answers on loopback addresses only", _FORBIDDEN)
        area, _, rest = request.path.lstrip("/").partition("/")
        try:
            if area == "api":
                return self._web(request, rest)
            if area == "response":
                return self._response_url(request, rest)
            if area == "sandbox":
                return self._sandbox(request, rest)
            return self._file("index.html" if not area else rest if area == "page" else None)
        except Exception:
            _logger.exception("the sandbox workspace failed on %s %s", request.method, request.path)
            return _problem("the sandbox itself failed here; its log has the details", 500)

    def _web(self, request: Request, method: str) -> Response:
        given: Json = request.args.to_dict() | request.form.to_dict()
        if request.mimetype == "application/json" and request.get_data():
            body = request.get_json(silent=True)
            if not isinstance(body, dict):
                return _json(Reply({"ok": False, "error": "invalid_json" if body is None else "json_not_object"}))
            given |= body
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else ""
        return _json(self._web_api.call(method, given, bearer or given.get("token")))

    def _response_url(self, request: Request, token: str) -> Response:
        failure = self._web_api.outages.strike("response_url")
        if failure is not None:
            return Response(failure.error, failure.status, mimetype="text/plain")
        body = request.get_json(silent=True, force=True)
        if request.method != "POST" or not isinstance(body, dict):
            return Response("invalid_payload", 400, mimetype="text/plain")
        try:
            answer_url(self._state, token, body)
        except SlackError as error:
            status = _NOT_FOUND if error.code.endswith("_url") else 400
            return _json(Reply({"ok": False, "error": error.code}, status))
        return Response("ok", mimetype="text/plain")

    def _sandbox(self, request: Request, verb: str) -> Response:
        if verb == "events" and request.method == "GET":
            headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
            return Response(self._events(), mimetype="text/event-stream", headers=headers)
        refusal = _not_from_the_page(request)
        if refusal is not None:
            return refusal
        try:
            return _json(Reply(self._verb(request, verb)))
        except DeliveryFailed as error:
            return _json(Reply({"error": str(error), "app_status": error.app_status}, error.status))
        except Refused as error:
            return _problem(str(error), error.status)

    def _verb(self, request: Request, verb: str) -> Json:
        if request.method == "GET":
            return self._page_api.read(verb, request.args.to_dict())
        body = request.get_json(silent=True)
        if not isinstance(body, dict):
            raise Refused("the body must be a JSON object")
        return self._page_api.write(verb, body)

    def _events(self) -> Iterator[str]:
        """Tell of every change until the browser or the server goes away."""
        pulse = self._state.pulse
        seen = pulse.seq
        yield f'data: {{"seq": {seen}}}\n\n'
        while True:
            now = pulse.wait_beyond(seen, HEARTBEAT_SECONDS)
            if pulse.closed:
                return
            yield f'data: {{"seq": {now}}}\n\n' if now > seen else ": still here\n\n"
            seen = now

    def _file(self, name: str | None) -> Response:
        path = (self._page / name).resolve() if name else None
        if path is None or not path.is_relative_to(self._page) or not path.is_file():
            return Response("not found", _NOT_FOUND, mimetype="text/plain")
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": _CONTENT_POLICY,
            "X-Content-Type-Options": "nosniff",
        }
        return Response(path.read_bytes(), content_type=_with_charset(kind), headers=headers)


def _not_from_the_page(request: Request) -> Response | None:
    """Refuse what another site may have caused: a GET is harmless, a POST must be the page's own JSON."""
    if request.method == "GET":
        return None
    if request.method != "POST":
        return _problem("use GET or POST", _NOT_ALLOWED)
    if request.mimetype != "application/json":
        return _problem("send application/json", _UNSUPPORTED)
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        return _problem("this request comes from another page", _FORBIDDEN)
    return None


def _host(netloc: str) -> str | None:
    try:
        return urlsplit(f"//{netloc}").hostname
    except ValueError:
        return None


def _with_charset(kind: str) -> str:
    return f"{kind}; charset=utf-8" if kind.startswith("text/") or kind.endswith("javascript") else kind


def _json(reply: Reply) -> Response:
    return Response(
        json.dumps(reply.body),
        reply.status,
        headers=[("Cache-Control", "no-store"), *reply.headers],
        mimetype="application/json",
    )


def _problem(sentence: str, status: int) -> Response:
    return _json(Reply({"error": sentence}, status))
