"""What the page asks of the workspace over HTTP, and who else may not."""

from __future__ import annotations

import http.client
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from accessbot.sandbox.slack import Actor, DeliveryFailed, NothingCameError, Refused, UnknownThing, Workspace
from tests.sandbox.slack_app import client_of, served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from slack_bolt import Ack, App

Json = dict[str, Any]
MENU: list[Json] = [
    {
        "type": "actions",
        "block_id": "menu",
        "elements": [
            {
                "type": "overflow",
                "action_id": "more",
                "options": [
                    {"text": {"type": "plain_text", "text": "Extend"}, "value": "extend"},
                    {"text": {"type": "plain_text", "text": "End access"}, "value": "end"},
                ],
            }
        ],
    }
]


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Return a folder with a page."""
    (tmp_path / "index.html").write_text("<title>sandbox</title>")
    (tmp_path / "app.js").write_text("export {};")
    return tmp_path


@pytest.fixture
def workspace(page: Path) -> Iterator[Workspace]:
    """Return a running workspace."""
    with Workspace(page=page) as running:
        yield running


def fetch(
    workspace: Workspace, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
) -> tuple[int, str, Mapping[str, str]]:
    """Make one HTTP request; return status, body and headers."""
    parts = urlsplit(workspace.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    data = None if body is None else body if isinstance(body, str) else json.dumps(body)
    sent = {"Content-Type": "application/json"} if body is not None else {}
    connection.request(method, path, data, sent | dict(headers or {}))
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text, {name.lower(): value for name, value in response.getheaders()}


def test_the_page_and_its_files_are_served(workspace: Workspace) -> None:
    """The index at /, files under /page/, nothing outside the folder."""
    status, text, headers = fetch(workspace, "GET", "/")
    assert (status, text) == (200, "<title>sandbox</title>")
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "javascript" in fetch(workspace, "GET", "/page/app.js")[2]["content-type"]
    for path in ("/page/../state.py", "/page/%2e%2e/x", "/page/none.js", "/other", "/page/"):
        assert fetch(workspace, "GET", path)[0] == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:80"}, 403),
        ({"Host": "[::1"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({}, 200),
    ],
    ids=["host", "host and port", "broken host", "origin", "no origin", "other port", "form", "own"],
)
def test_other_sites_cannot_act(workspace: Workspace, headers: dict[str, str], status: int) -> None:
    """A rebound host name, another origin or a simple form post is refused; nothing is said in the channel."""
    body = {"as": "U01MAYA", "channel": "C03GENERAL", "text": "hi"}
    assert fetch(workspace, "POST", "/sandbox/message", body, headers)[0] == status
    assert len(Actor(workspace, "U02NOAH").messages()) == (1 if status == 200 else 0)


def test_bad_requests_get_a_sentence(workspace: Workspace) -> None:
    """Unknown verbs, people and bodies are 4xx with an error to read."""
    for path, body, status in (
        ("/sandbox/dance", {}, 404),
        ("/sandbox/message", {"as": "U01MAYA"}, 400),
        ("/sandbox/message", [], 400),
        ("/sandbox/message", {"as": "U404", "channel": "C03GENERAL", "text": "x"}, 404),
        ("/sandbox/message", {"as": "U01MAYA", "channel": "C01APPROVALS", "text": "x"}, 404),
        ("/sandbox/message", {"as": "U01MAYA", "channel": "C03GENERAL", "text": " "}, 400),
        ("/sandbox/submit", {"as": "U01MAYA", "view_id": "V1", "values": []}, 404),
        ("/sandbox/submit", {"as": "U01MAYA", "view_id": "V1", "values": [1]}, 400),
        ("/sandbox/fault", {"id": "google_down", "on": True}, 400),
        ("/sandbox/fault", {"id": "google_down"}, 400),
        ("/sandbox/oncall", {"schedule": "sre", "person": None}, 400),
        ("/sandbox/oncall", {"schedule": "sre", "person": 7}, 400),
        ("/sandbox/redeliver", {}, 400),
    ):
        got, text, _ = fetch(workspace, "POST", path, body)
        assert (got, path, set(json.loads(text))) == (status, path, {"error"})
    assert fetch(workspace, "GET", "/sandbox/state?as=U404")[0] == 404
    assert fetch(workspace, "PUT", "/sandbox/state")[0] == 405


def test_the_state_is_one_persons_view(workspace: Workspace) -> None:
    """Channels one is in, one's own direct messages, unread counts, and what only oneself may see."""
    client = client_of(workspace)
    client.chat_postMessage(channel="U01MAYA", text="ready")
    client.chat_postMessage(channel="C01APPROVALS", text="please")
    client.chat_postEphemeral(channel="C01APPROVALS", user="U03PRIYA", text="psst")
    state = json.loads(fetch(workspace, "GET", "/sandbox/state?as=U03PRIYA")[1])
    assert state["me"] == "U03PRIYA"
    assert [each["name"] for each in state["conversations"]] == ["approvals", "alerts", "general", "accessbot"]
    approvals = state["conversations"][0]
    assert [message["text"] for message in approvals["messages"]] == ["please", "psst"]
    assert [message["ephemeral"] for message in approvals["messages"]] == [False, True]
    assert approvals["unread"] == 2
    unread = {person["name"]: person["unread"] for person in state["people"]}
    assert (unread["maya"], unread["tomas"], unread["priya"], unread["accessbot"]) == (1, 1, 2, 0)
    assert state["access"] == {"groups": [], "faults": [], "now": None}
    assert state["guide"]["done"] is True
    direct = state["conversations"][-1]
    assert (direct["kind"], direct["with"]) == ("im", "U00ACCESSBOT")
    Actor(workspace, "U03PRIYA").see("approvals")
    assert Actor(workspace, "U03PRIYA").state()["conversations"][0]["unread"] == 0
    workspace.edit_person("U01MAYA", deleted=True)
    assert "maya" not in {person["name"] for person in Actor(workspace, "U03PRIYA").state()["people"]}


def test_what_does_not_belong_to_slack_comes_from_outside(page: Path) -> None:
    """Access, faults, who is on call and the guide are what the given callables say."""
    switched: list[tuple[str, bool]] = []
    handed: list[tuple[str, str | None]] = []
    steps: list[Mapping[str, Any]] = []

    def guide(change: Mapping[str, Any]) -> Json:
        steps.append(change)
        return {"step": change.get("step", 0), "steps": [], "done": "dismiss" in change}

    outside = Workspace(
        page=page,
        access_source=lambda: {"groups": [{"group": "g"}], "faults": [], "now": "2026-11-24T10:00:00Z"},
        fault_switch=lambda name, on: switched.append((name, on)),
        hand_over=lambda schedule, person: handed.append((schedule, person)),
        guide=guide,
    )
    with outside:
        assert json.loads(fetch(outside, "GET", "/sandbox/access")[1])["groups"] == [{"group": "g"}]
        assert fetch(outside, "POST", "/sandbox/fault", {"id": "google_down", "on": True})[0] == 200
        for person in ("maya@example.com", None):
            assert fetch(outside, "POST", "/sandbox/oncall", {"schedule": "sre", "person": person})[0] == 200
        assert json.loads(fetch(outside, "POST", "/sandbox/guide", {"step": 2})[1])["step"] == 2
        assert json.loads(fetch(outside, "POST", "/sandbox/guide", {"dismiss": True})[1])["done"] is True
        assert Actor(outside, "U01MAYA").state()["guide"]["step"] == 0
    assert switched == [("google_down", True)]
    assert handed == [("sre", "maya@example.com"), ("sre", None)]
    assert steps == [{"step": 2}, {"dismiss": True}, {}]


def test_a_source_that_fails_is_a_500_with_a_sentence(page: Path) -> None:
    """A mistake in what is plugged in reaches the page as an error, not as a hanging request."""

    def broken() -> Json:
        raise ZeroDivisionError

    with Workspace(page=page, access_source=broken) as workspace:
        status, text, _ = fetch(workspace, "GET", "/sandbox/access")
    assert status == 500
    assert "sandbox itself failed" in json.loads(text)["error"]


def test_changes_are_pushed(workspace: Workspace) -> None:
    """The event stream starts with the present count and tells of each change; it ends when the server stops."""
    parts = urlsplit(workspace.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    connection.request("GET", "/sandbox/events")
    stream = connection.getresponse()
    assert stream.getheader("content-type", "").startswith("text/event-stream")
    first = json.loads(stream.readline().removeprefix(b"data: "))["seq"]
    stream.readline()
    threading.Timer(0.05, workspace.poke).start()
    assert json.loads(stream.readline().removeprefix(b"data: "))["seq"] == first + 1
    stream.readline()
    workspace.stop()
    assert stream.read() == b""
    connection.close()


def test_an_actor_over_http_does_what_one_in_process_does(workspace: Workspace) -> None:
    """Commands, menus, forms, answers and errors pass the wire."""
    chosen: list[str] = []

    def wire(app: App) -> None:
        @app.command("/menu")
        def menu(ack: Ack) -> None:
            ack(text="menu", blocks=MENU)

        @app.action("more")
        def more(ack: Ack, action: Json) -> None:
            ack()
            chosen.append(action["selected_option"]["value"])

    maya = Actor(workspace.url, "U01MAYA")
    with served(workspace, wire):
        assert maya.command("/menu").ok
        answer = maya.wait_for_ephemeral("(")
        assert maya.choose(answer, "End access").ok
        assert maya.command("/other").status == 404
        workspace.page_api.write("redeliver", {})
    assert chosen == ["end"]
    body = {"as": "U01MAYA", "channel": "C03GENERAL", "ts": answer["ts"], "block_id": "menu", "action_id": "more"}
    foreign = {"text": {"type": "plain_text", "text": "Delete"}, "value": "delete"}
    with pytest.raises(Refused, match="not among the options"):
        workspace.page_api.write("action", body | {"selected_option": foreign})
    with pytest.raises(UnknownThing, match="no longer"):
        workspace.page_api.write("action", body | {"as": "U02NOAH"})
    with pytest.raises(UnknownThing, match="is not in approvals"):
        maya.messages("approvals")
    with pytest.raises(UnknownThing, match="no form open"):
        maya.submit()
    with pytest.raises(DeliveryFailed):
        maya._door.write("command", {"as": maya.id, "channel": "C03GENERAL", "text": "/menu"})  # noqa: SLF001 - what the page itself sends


def test_waiting_ends_with_what_was_there_instead(workspace: Workspace) -> None:
    """A wait that fails shows the person's screen."""
    maya = Actor(workspace, "U01MAYA")
    maya.say("good morning")
    with pytest.raises(NothingCameError, match="good morning"):
        maya.wait_for_message("dm", "ready", timeout=0.05)
    threading.Timer(0.05, lambda: client_of(workspace).chat_postMessage(channel="U01MAYA", text="now ready")).start()
    assert maya.wait_for_message("dm", "ready")["text"] == "now ready"
