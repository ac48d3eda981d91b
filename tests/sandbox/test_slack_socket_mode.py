"""Socket Mode: a real Bolt app over a WebSocket, and what happens when the line breaks."""

from __future__ import annotations

import logging
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from slack_bolt.adapter.socket_mode.builtin import SocketModeHandler

from accessbot.sandbox.slack import Actor, Workspace
from accessbot.sandbox.slack.websocket import accept_key
from tests.sandbox.slack_app import app_of, client_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from slack_bolt import Ack, App
    from slack_sdk import WebClient

Json = dict[str, Any]
VIEW: Json = {
    "type": "modal",
    "callback_id": "ask",
    "title": {"type": "plain_text", "text": "Ask"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": "reason"},
        },
        {"type": "section", "text": {"type": "mrkdwn", "text": "é" * 2000}},
    ],
}


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    """Return a running workspace with an impatient Slack."""
    with Workspace(ack_seconds=2) as running:
        yield running


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Poll until a condition holds; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@contextmanager
def connected(workspace: Workspace, wire: Callable[[App], None]) -> Iterator[SocketModeHandler]:
    """Connect a Bolt app over Socket Mode."""
    app = app_of(workspace)
    wire(app)
    handler = SocketModeHandler(app, workspace.app_token, web_client=client_of(workspace), ping_interval=1)
    handler.client.connect()
    try:
        wait_until(workspace.socket_mode.connected)
        yield handler
    finally:
        handler.client.logger.setLevel(logging.CRITICAL)
        handler.client.auto_reconnect_enabled = False
        workspace.socket_mode.disconnect(warn=False)  # its receiver would else sit out a time-out of three seconds
        handler.client.close()


def wire(app: App) -> None:
    """Open a form at /ask, refuse one reason on the field, greet at /hello."""

    @app.command("/ask")
    def ask(ack: Ack, body: Json, client: WebClient) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=VIEW)

    @app.command("/hello")
    def hello(ack: Ack) -> None:
        ack("hello")

    @app.view("ask")
    def submitted(ack: Ack, view: Json) -> None:
        bad = view["state"]["values"]["reason"]["reason"]["value"] == "bad"
        if bad:
            ack(response_action="errors", errors={"reason": "No."})
        else:
            ack()


def test_a_form_goes_round_over_a_websocket(workspace: Workspace) -> None:
    """Commands, forms and field errors work as over HTTP, with acknowledgements that carry payloads."""
    maya = Actor(workspace, "U01MAYA")
    with connected(workspace, wire):
        assert [answer["text"] for answer in maya.command("/hello").answers] == ["hello"]
        assert maya.command("/ask").ok
        maya.open_view()
        maya.fill({"Reason": "bad"})
        assert maya.submit() == {"Reason": "No."}
        maya.fill({"Reason": "good"})
        assert maya.submit() == {}
    assert [delivery.kind for delivery in workspace.deliveries] == ["slash_commands"] * 2 + ["interactive"] * 2


def test_the_app_comes_back_after_slack_hung_up(workspace: Workspace) -> None:
    """A disconnect is announced; the app opens a new connection by itself and goes on."""
    maya = Actor(workspace, "U01MAYA")
    with connected(workspace, wire):
        workspace.socket_mode.disconnect()
        wait_until(workspace.socket_mode.connected, 15)
        assert maya.command("/hello").ok


def test_without_an_acknowledgement_slack_gives_up() -> None:
    """Nobody connected, or a listener that is missing: Slack shows its error."""
    with Workspace(ack_seconds=0.2) as workspace:
        maya = Actor(workspace, "U01MAYA")
        assert maya.command("/hello").error == '/hello failed with the error "dispatch_failed"'
        with connected(workspace, lambda _: None):
            assert maya.command("/hello").error == '/hello failed with the error "operation_timeout"'


def test_the_door_is_closed_to_strangers(workspace: Workspace) -> None:
    """A connection needs a ticket of its own; each ticket is good for one."""
    url = str(client_of(workspace, workspace.app_token).apps_connections_open(app_token=workspace.app_token)["url"])
    assert _dial(url).startswith("HTTP/1.1 101")
    assert _dial(url).startswith("HTTP/1.1 408")
    assert _dial(url.replace("ticket=", "ticket=x")).startswith("HTTP/1.1 408")


def test_the_handshake_is_that_of_the_standard() -> None:
    """The example of RFC 6455, section 1.3."""
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def _dial(url: str) -> str:
    """Open a WebSocket by hand and return the first line of the answer."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5) as line:
        line.sendall(
            f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        return line.recv(1024).split(b"\r\n")[0].decode()
