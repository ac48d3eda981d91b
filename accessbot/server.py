"""The web server: gunicorn with one worker process of threads; its pages, its heartbeat, and Socket Mode where set."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import ThreadWorker
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk.errors import SlackClientError

from accessbot.health import Health
from accessbot.slack.http import Page, web_app
from accessbot.wiring import WrongDatabase, check_database

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from slack_bolt import App

    from accessbot.wiring import Process

_log = structlog.get_logger(__name__)

_THREADS = 16
_ORDERLY_S = 5
_BEAT_S = 3.0
_CONNECT_AGAIN_S = 3.0
_LONGEST_REQUEST_S = 20.0


class _Arbiter(Arbiter):  # type: ignore[misc] # gunicorn has no types
    """Passes SIGHUP on to the worker, which reads the catalog again without a restart."""

    def handle_hup(self) -> None:
        """Tell the worker, instead of replacing it."""
        self.kill_workers(signal.SIGHUP)


class _Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """Hangs up on whoever holds a thread for long: a client that stops in the middle would keep it for ever."""

    longest_s = _LONGEST_REQUEST_S

    def init_process(self) -> None:
        """Watch the connections from the first one on."""
        self._since: dict[Any, float] = {}
        _in_background(self._hang_up)
        super().init_process()

    def handle(self, conn: Any) -> Any:  # noqa: ANN401 - as inherited
        """Serve a connection, noting since when."""
        self._since[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            self._since.pop(conn, None)

    def _hang_up(self) -> None:
        pause = threading.Event()
        while not pause.wait(self.longest_s / 10):
            too_old = time.monotonic() - self.longest_s
            for conn, since in list(self._since.items()):
                if since < too_old:
                    with contextlib.suppress(OSError):  # it left by itself meanwhile
                        conn.sock.shutdown(socket.SHUT_RDWR)


class _Server(BaseApplication):  # type: ignore[misc] # gunicorn has no types
    def __init__(self, wsgi: WSGIApplication, options: dict[str, Any]) -> None:
        self._wsgi = wsgi
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> WSGIApplication:
        return self._wsgi

    def run(self) -> None:
        _Arbiter(self).run()


def serve(process: Process, app: App) -> None:
    """Serve until SIGTERM: Slack's deliveries (over HTTP, unless Socket Mode is set), probes and figures."""
    settings = process.settings
    check_database(settings)
    health = Health(process.context, app.client)
    wsgi = web_app(
        {
            "/healthz": lambda: Page(HTTPStatus.OK, "text/plain; charset=utf-8", b"ok\n"),
            "/readyz": lambda: _ready(health),
            "/metrics": lambda: Page(HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8", health.metrics()),
        },
        app=None if settings.socket_mode else app,
        signing_secret=settings.slack_signing_secret.get_secret_value(),
    )

    def started(_: object) -> None:
        process.reload_on_hangup()
        _in_background(_beat, process)
        _in_background(_watch, process)
        if settings.socket_mode:
            _in_background(_connect, SocketModeHandler(app, settings.slack_app_token.get_secret_value()))
        _log.info("ready", address=f"http://{settings.host}:{settings.port}", socket_mode=settings.socket_mode)

    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    options = {
        "bind": f"{host}:{settings.port}",
        "workers": 1,
        "worker_class": _Worker,
        "threads": _THREADS,
        "graceful_timeout": _ORDERLY_S,
        "loglevel": "warning",
        "post_worker_init": started,
        "proc_name": "accessbot-web",
    }
    _Server(wsgi, options).run()


def _ready(health: Health) -> Page:
    answers = health.ready()
    status = HTTPStatus.OK if set(answers.values()) == {"ok"} else HTTPStatus.SERVICE_UNAVAILABLE
    return Page(status, "application/json", json.dumps(answers, ensure_ascii=False).encode())


def _in_background(do: Any, *args: object) -> None:  # noqa: ANN401 - any function
    threading.Thread(target=do, args=args, name=do.__name__, daemon=True).start()


def _beat(process: Process) -> None:
    pause = threading.Event()
    while not pause.wait(_BEAT_S):
        try:
            process.beat("web")
        except WrongDatabase as error:
            _log.error("cannot go on", error=error.sentence)
            os.kill(os.getppid(), signal.SIGTERM)
            return


def _watch(process: Process) -> None:
    process.watch(threading.Event(), all_clear=True)


def _connect(handler: SocketModeHandler) -> None:
    """Open the Socket Mode connection, as often as it takes; the client itself keeps it up from then on."""
    pause = threading.Event()
    while True:
        try:
            handler.connect()
        except (SlackClientError, OSError) as error:
            _log.warning("Socket Mode is not connected yet, trying again", error=type(error).__name__)
        else:
            return
        pause.wait(_CONNECT_AGAIN_S)
