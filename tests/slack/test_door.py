"""The web door: what is not Slack's, not whole or not new is turned away, with a status and without a trace."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest

from accessbot.domain.model import RequestState
from accessbot.sandbox.slack import Flaw
from accessbot.sandbox.slack.delivery import sign
from accessbot.slack.app import build_app
from accessbot.slack.http import BODY_LIMIT, Page, json_page, web_app
from tests.slack.harness import MAYA, Town, town

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

SECRET = "a-signing-secret"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def here() -> Iterator[Town]:
    """Open a workspace for one test."""
    with town() as opened:
        yield opened


@pytest.fixture(scope="module")
def door() -> WSGIApplication:
    """Give the door of an app without listeners."""
    app = build_app(token="xoxb-x", signing_secret=SECRET, base_url="http://127.0.0.1:9/api/")
    pages: dict[str, Callable[[], Page]] = {"/healthz": lambda: json_page(200, {"ok": True})}
    return web_app(pages, app=app, signing_secret=SECRET)


def knock(door: WSGIApplication, body: bytes = b"", **environ: str) -> tuple[int, str]:
    """Send one request and give its status and text."""
    seen: list[str] = []
    now = str(int(time.time()))
    whole: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/slack/events",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": FORM,
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_SLACK_REQUEST_TIMESTAMP": now,
        "HTTP_X_SLACK_SIGNATURE": sign(SECRET, now, body),
        **environ,
        "wsgi.input": io.BytesIO(body),
    }

    def start(status: str, _headers: list[tuple[str, str]], *_: object) -> Callable[[bytes], object]:
        seen.append(status)
        return lambda _: None

    text = b"".join(door(whole, start)).decode()
    return int(seen[0].split()[0]), text


@pytest.mark.parametrize(
    "timestamp",
    ["", "yesterday", "1.5", "-1", "1700000000", "99999999999", "9" * 5000, "١٢٣", "0x10", " 1700000000"],
)
def test_a_wrong_time_is_unauthorised(door: WSGIApplication, timestamp: str) -> None:
    """Old, future, missing and unreadable timestamps are all 401, whatever the signature says."""
    signature = sign(SECRET, timestamp, b"x=1")
    assert knock(door, b"x=1", HTTP_X_SLACK_REQUEST_TIMESTAMP=timestamp, HTTP_X_SLACK_SIGNATURE=signature)[0] == 401


@pytest.mark.parametrize("signature", ["", "v0=", f"v0={'0' * 64}", "v0=é", sign("other", "1700000000", b"x=1")])
def test_a_wrong_signature_is_unauthorised_and_its_body_never_logged(
    door: WSGIApplication, signature: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """A forged body reaches neither the app nor a log, at any level."""
    caplog.set_level(logging.DEBUG)
    assert knock(door, b"x=1&secret-body", HTTP_X_SLACK_SIGNATURE=signature)[0] == 401
    assert "secret-body" not in caplog.text + "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"null",
        b"\xff\xfe",
        b"payload=",
        b"payload=%7B",
        b"payload=[]",
        b"payload=5",
        b"payload=null",
        b"payload=" + quote(json.dumps({"type": 5})).encode(),
        b"payload=" + quote(json.dumps({"type": "block_actions"})).encode(),
        b"payload=" + quote(json.dumps({"type": "block_actions", "user": {"id": "U1"}, "actions": []})).encode(),
        b"payload=" + quote(json.dumps({"type": "block_actions", "user": {"id": "U1"}, "actions": [5]})).encode(),
        b"payload=" + quote(json.dumps({"type": "view_submission", "user": {"id": "U1"}, "view": None})).encode(),
        b"payload=" + quote(json.dumps({"type": "block_suggestion", "user": {"id": "U1"}})).encode(),
        b"payload=" + quote(json.dumps({"type": "message_action", "user": {"id": "U1"}})).encode(),
        b"payload=" + quote(json.dumps({"type": "block_actions", "user": "U1", "team": [], "actions": {}})).encode(),
        b"command=/request-aws",
        b"just text",
    ],
)
@pytest.mark.parametrize("content_type", [FORM, "application/json", "application/json; charset=utf-8"])
def test_a_signed_body_that_cannot_be_read_is_a_bad_request(
    door: WSGIApplication, body: bytes, content_type: str
) -> None:
    """Nothing that is signed but misshapen is an accident: 400 with a sentence."""
    status, text = knock(door, body, CONTENT_TYPE=content_type)
    assert status == 400
    assert text.startswith("Not understood: ")


def test_only_slacks_kind_of_delivery_is_read(door: WSGIApplication) -> None:
    """Other methods, types, lengths and paths have their own answer."""
    assert knock(door, b"x", CONTENT_TYPE="text/plain")[0] == 400
    assert knock(door, b"x", CONTENT_LENGTH="many")[0] == 400
    assert knock(door, b"x", CONTENT_LENGTH="-5")[0] == 400
    assert knock(door, b"x", CONTENT_LENGTH=str(BODY_LIMIT + 1))[0] == 413
    assert knock(door, REQUEST_METHOD="GET")[0] == 405
    assert knock(door, PATH_INFO="/slack/other")[0] == 404
    assert knock(door, PATH_INFO="/healthz")[0] == 405
    assert knock(door, PATH_INFO="/healthz", REQUEST_METHOD="GET") == (200, '{"ok": true}')
    assert knock(door, PATH_INFO="/healthz", REQUEST_METHOD="HEAD") == (200, "")
    assert knock(web_app({}), b"x")[0] == 404


def test_slacks_question_for_the_address_is_answered(door: WSGIApplication) -> None:
    """The verification of the address gives the challenge back."""
    body = json.dumps({"type": "url_verification", "challenge": "abc"}).encode()
    status, text = knock(door, body, CONTENT_TYPE="application/json")
    assert (status, json.loads(text)) == (200, {"challenge": "abc"})


@pytest.mark.parametrize("flaw", list(Flaw))
def test_forged_deliveries_change_nothing(here: Town, flaw: Flaw) -> None:
    """Every kind of forgery gets its status; an unknown action is answered, to that person alone."""
    status = here.slack.forge(flaw).status
    expected = {Flaw.MALFORMED_PAYLOAD: 400, Flaw.EMPTY_BODY: 400, Flaw.UNKNOWN_ACTION: 200}
    assert status == expected.get(flaw, 401)
    assert not here.line.works


def test_a_replayed_command_asks_once(here: Town) -> None:
    """The same signed command delivered again is acknowledged and does nothing."""
    here.actor(MAYA).command("/request-aws", "production-admin 1h why not")
    again = here.slack.redeliver()
    assert (again.status, again.body) == (200, "")
    assert len(list(here.ctx.store.requests([RequestState.PENDING]))) == 1


def test_a_replayed_form_and_press_do_nothing(here: Town) -> None:
    """The same submission, and the same press, delivered again changes nothing."""
    maya = here.actor(MAYA)
    maya.command("/request-aws")
    assert here.slack.redeliver().status == 200
    maya.fill({"Access": "production-admin", "Duration": "1h", "Reason": "why"})
    maya.submit()
    again = here.slack.redeliver()
    assert (again.status, again.body) == (200, "")
    assert len(list(here.ctx.store.requests([RequestState.PENDING]))) == 1


def test_a_replayed_list_tells_nobody_anything(here: Town) -> None:
    """Whoever replays `/my-access` learns nothing from the answer."""
    here.actor(MAYA).command("/my-access")
    assert here.slack.redeliver().body == ""


def test_an_app_is_built_without_slack(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a Slack that is away nor other apps' settings in the environment keep the app from being built."""
    monkeypatch.setenv("SLACK_CLIENT_ID", "1.2")
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "x")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-other")
    app = build_app(token="xoxb-x", signing_secret=SECRET, base_url="http://127.0.0.1:9/api/")
    assert app.client.token == "xoxb-x"
    assert app.process_before_response
    body = urlencode({"command": "/x", "user_id": "U1", "team_id": "T1"}).encode()
    assert knock(web_app({}, app=app, signing_secret=SECRET), body)[0] == 400
