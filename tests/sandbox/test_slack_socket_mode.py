"""Socket Mode: a real Bolt app over a WebSocket, and what happens when the line breaks."""

from __future__ import annotations

import json
import logging
import socket
import struct
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
        # Hung up on, the client's receiver ends at once; else it sits out a time-out of three seconds.
        workspace.socket_mode.disconnect(warn=False)
        session = handler.client.current_session
        wait_until(lambda: session is None or not session.is_active())
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


def test_frames_of_every_kind(workspace: Workspace) -> None:
    """Pings are answered, pieces are joined, lengths of two and eight bytes are read, a close is echoed."""
    with _line(workspace) as line:
        line.sendall(_frame(0x9, b"are you there"))
        assert _reply(line) == (0xA, b"are you there")
        line.sendall(_frame(0x1, b'{"envelope_id":', final=False) + _frame(0xA, b"") + _frame(0x0, b' "none"}'))
        line.sendall(_frame(0x1, b"not json " * 50) + _frame(0x1, b"x" * 70_000))
        line.sendall(_frame(0x8, b"\x03\xe8"))
        assert _reply(line) == (0x8, b"\x03\xe8")
        assert line.recv(1) == b""


@pytest.mark.parametrize(
    "frame",
    [b"\x81\x01x", b"\x82\x80\x00\x00\x00\x00", b"\x81\xff" + b"\xff" * 12, b"\x81\x81\x00\x00\x00\x00\xff"],
    ids=["not masked", "binary", "too large", "not utf-8"],
)
def test_a_broken_protocol_ends_the_connection(workspace: Workspace, frame: bytes) -> None:
    """Whoever sends what RFC 6455 forbids, or Socket Mode does not have, is hung up on."""
    with _line(workspace) as line:
        line.sendall(frame)
        try:
            last = line.recv(1)
        except ConnectionResetError:
            last = b""
        assert last == b""
    wait_until(lambda: not workspace.socket_mode.connected())


def test_what_is_no_websocket_is_refused(workspace: Workspace) -> None:
    """A plain GET with a good ticket is a bad request, anything but a GET is hung up on."""
    url = workspace.socket_mode.address()
    assert _dial(url, upgrade="").startswith("HTTP/1.1 400")
    assert _dial(url, method="POST") == ""


def _dial(url: str, *, method: str = "GET", upgrade: str = "websocket") -> str:
    """Open a connection by hand and return the first line of the answer."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5) as line:
        line.sendall(_opening(url, method, upgrade))
        try:
            return line.recv(1024).split(b"\r\n")[0].decode()
        except ConnectionResetError:
            return ""


def _opening(url: str, method: str = "GET", upgrade: str = "websocket") -> bytes:
    parts = urlsplit(url)
    return (
        f"{method} {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\nUpgrade: {upgrade}\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


@contextmanager
def _line(workspace: Workspace) -> Iterator[socket.socket]:
    """Open a WebSocket by hand, past the handshake and the hello."""
    url = workspace.socket_mode.address()
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5) as line:
        line.sendall(_opening(url))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += line.recv(1)
        opcode, hello = _reply(line)
        assert (opcode, json.loads(hello)["type"]) == (0x1, "hello")
        yield line


def _reply(line: socket.socket) -> tuple[int, bytes]:
    first, length = line.recv(1), line.recv(1)[0]
    if length == 126:
        length = struct.unpack("!H", line.recv(2))[0]
    data = b""
    while len(data) < length:
        data += line.recv(length - len(data))
    return first[0] & 0x0F, data


def _frame(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    mask = b"abcd"
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    head = bytes([(0x80 if final else 0) | opcode])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 1 << 16:
        head += bytes([0x80 | 126]) + struct.pack("!H", len(payload))
    else:
        head += bytes([0x80 | 127]) + struct.pack("!Q", len(payload))
    return head + mask + masked
