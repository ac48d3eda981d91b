"""Running a real Bolt app against a workspace, for the tests of the Slack stand-in."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from slack_bolt import App
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_sdk import WebClient
from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from accessbot.sandbox.slack import Workspace


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - the name is werkzeug's
        """Say nothing."""


def client_of(workspace: Workspace, token: str | None = None) -> WebClient:
    """Return the real SDK's client of a workspace."""
    return WebClient(token=workspace.bot_token if token is None else token, base_url=workspace.api_url)


def app_of(workspace: Workspace) -> App:
    """Return a real Bolt app installed in a workspace."""
    return App(
        client=client_of(workspace),
        signing_secret=workspace.signing_secret,
        process_before_response=True,
    )


@contextmanager
def served(workspace: Workspace, wire: Callable[[App], None]) -> Iterator[App]:
    """Serve a Bolt app over HTTP, with its listeners put in by `wire`, and point the workspace at it."""
    app = app_of(workspace)
    wire(app)
    server = make_server("127.0.0.1", 0, SlackRequestHandler(app), threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    workspace.events_url = f"http://127.0.0.1:{server.port}/slack/events"
    try:
        yield app
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
