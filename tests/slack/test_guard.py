"""What stands around the listeners: nothing escapes it, and what is said reaches one person."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.context.ack import Ack
from slack_bolt.request import BoltRequest

from accessbot.domain.errors import FieldRefused, Refused, StoreUnavailable, Unclear
from accessbot.domain.model import RequestState
from accessbot.slack.app import build_app, register
from accessbot.slack.blocks import Message
from accessbot.slack.client import SlackClient
from accessbot.slack.delivery import Delivery
from accessbot.slack.guard import NOT_NOW, OTHER_TEAM, UNCLEAR, Afterwards, Guard, Replayed, Reply
from accessbot.slack.people import OwnTeam
from tests.slack.harness import MAYA, Town, eventually, town

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

USER = {"id": MAYA, "team_id": "T1"}
ACTION: dict[str, Any] = {
    "type": "block_actions",
    "user": USER,
    "trigger_id": "t",
    "channel": {"id": "C1"},
    "actions": [{"action_id": "a", "value": "v"}],
}
FORM_STATE = {
    "access": {"access": {"selected_option": {"value": "e"}}},
    "duration": {"duration": {"value": "1h"}},
    "reason": {"reason": {"value": "why"}},
}
FORM: dict[str, Any] = {
    "type": "view_submission",
    "user": USER,
    "view": {"id": "V1", "callback_id": "f", "private_metadata": '{"c":"C1"}', "state": {"values": FORM_STATE}},
}
OPTIONS = {"type": "block_suggestion", "user": USER, "action_id": "access", "value": "x"}
COMMAND = {"command": "/x", "user_id": MAYA, "team_id": "T1", "channel_id": "C1", "text": ""}


class Ear:
    """Hears what is whispered, and runs what comes afterwards at once."""

    def __init__(self, team: OwnTeam | None = None) -> None:
        self.heard: list[str] = []
        self.guard = Guard(team or told_team(""), self.whisper, lambda later: later())

    def whisper(self, _delivery: Delivery, message: Message) -> None:
        """Hear."""
        self.heard.append(message.text)

    def serve(self, body: dict[str, Any], handler: Callable[[Delivery], Reply]) -> Any:  # noqa: ANN401 - JSON or text
        """Hand one delivery to a guarded handler and give the body of the acknowledgement."""
        ack = Ack()
        self.guard("test", handler)(ack, BoltRequest(body=body, mode="socket_mode"))
        assert ack.response is not None
        assert ack.response.status == 200
        text = ack.response.body
        return json.loads(text) if text.startswith("{") else text


def told_team(team: str) -> OwnTeam:
    """Make a team that is known already, or cannot be told."""
    made = OwnTeam(SlackClient("xoxb-x", "http://127.0.0.1:9/api/", timeout=1), monotonic=lambda: -100.0)
    made._known = team  # noqa: SLF001 - as if Slack had been asked
    return made


def failing(error: Exception) -> Callable[[Delivery], Reply]:
    """Make a handler that raises."""

    def handler(_: Delivery) -> Reply:
        raise error

    return handler


TROUBLE = [
    (Refused("No, because."), "No, because."),
    (StoreUnavailable("x"), NOT_NOW),
    (Unclear("x"), UNCLEAR),
]


@pytest.mark.parametrize(("error", "words"), TROUBLE)
def test_each_kind_of_delivery_has_its_way_to_tell(error: Exception, words: str) -> None:
    """A command is answered, a form keeps open with the sentence at its button, a press is whispered to."""
    ear = Ear()
    assert ear.serve(COMMAND, failing(error)) == {"response_type": "ephemeral", "text": words}
    assert ear.serve(FORM, failing(error)) == {"response_action": "errors", "errors": {"reason": words}}
    assert ear.serve(OPTIONS, failing(error)) == {"options": []}
    assert ear.serve(ACTION, failing(error)) == ""
    assert ear.heard == [words]


@pytest.mark.parametrize("field", ["access", "duration", "reason"])
def test_a_refused_field_is_told_on_that_field(field: str) -> None:
    """The error of a form stands on the block of its field."""
    answer = Ear().serve(FORM, failing(FieldRefused(field, "Not so.")))
    assert answer == {"response_action": "errors", "errors": {field: "Not so."}}


def test_a_form_without_fields_shows_the_sentence() -> None:
    """Where there is no field to put a sentence on it takes the place of the form."""
    bare = FORM | {"view": {"id": "V1", "callback_id": "f"}}
    answer = Ear().serve(bare, failing(Refused("No <!here>.")))
    assert answer["response_action"] == "update"
    assert "No &lt;!here&gt;." in str(answer["view"])


@pytest.mark.parametrize("body", [COMMAND, FORM, OPTIONS, ACTION])
def test_a_defect_never_escapes(body: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """A bug is acknowledged, told with a reference and logged with its traceback, for every kind of delivery."""
    ear = Ear()
    answer = ear.serve(body, failing(ZeroDivisionError("bug")))
    told = str(answer) + str(ear.heard)
    assert body is OPTIONS or "Tell your administrators" in told
    assert "ZeroDivisionError" in "".join(capsys.readouterr())


@pytest.mark.parametrize("body", [COMMAND, FORM, ACTION])
def test_a_replay_is_acknowledged_and_silent(body: dict[str, Any]) -> None:
    """A delivery that was seen before is taken, and says nothing."""
    ear = Ear()
    assert ear.serve(body, failing(Replayed())) == ""
    assert not ear.heard


def test_another_workspace_reaches_no_handler() -> None:
    """Once our workspace is known nobody of another one gets any further."""
    ear = Ear(told_team("T2"))
    assert ear.serve(COMMAND, failing(AssertionError("not reached")))["text"] == OTHER_TEAM
    assert Ear(told_team("T1")).serve(COMMAND, lambda _: Reply("ok")) == "ok"


def test_what_comes_afterwards_cannot_erase_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """A failure after the acknowledgement is logged; the answer stands."""
    later = Afterwards()
    ear = Ear()
    ear.guard = Guard(told_team("T1"), ear.whisper, later)

    def fail() -> None:
        raise ZeroDivisionError("late bug")

    assert ear.serve(COMMAND, lambda _: Reply("done", later=(fail,))) == "done"
    later.close()
    assert "late bug" in "".join(capsys.readouterr())


def test_what_comes_afterwards_is_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    """When far too much waits, more is dropped and that is logged; nobody's memory is filled."""
    later, gate = Afterwards(threads=1), threading.Event()
    done: list[int] = []
    later(gate.wait)  # type: ignore[arg-type] # what it gives is not looked at
    for number in range(600):
        later(lambda number=number: done.append(number))  # type: ignore[misc] # the default binds the number
    gate.set()
    later.close()
    assert len(done) == 499
    assert "one is dropped" in "".join(capsys.readouterr())


def test_the_store_is_asked_within_one_bound() -> None:
    """All that a handler asks of the store is inside the given bound."""
    inside: list[str] = []

    @contextmanager
    def bound() -> Iterator[None]:
        inside.append("in")
        yield
        inside.append("out")

    ear = Ear()
    ear.guard = Guard(told_team("T1"), ear.whisper, lambda later: later(), bound)

    def handler(_: Delivery) -> Reply:
        inside.append("work")
        return Reply()

    ear.serve(COMMAND, handler)
    assert inside == ["in", "work", "out"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("user", "team", "view", "actions", "action_id", "callback_id", "channel", "container", "enterprise", "value")
PAYLOADS = st.fixed_dictionaries(
    {"type": st.sampled_from(["block_actions", "view_submission", "block_suggestion", "view_closed", "shortcut"])},
    optional={
        **dict.fromkeys(KEYS, JSON),
        "user": JSON | st.just(USER),
        "actions": JSON | st.just([{"action_id": "request.approve"}]) | st.just([{"action_id": "x", "value": 5}]),
        "view": JSON | st.just({"callback_id": "form.request", "state": {"values": 5}}),
        "authorizations": JSON,
        "response_url": JSON,
        "is_enterprise_install": JSON,
    },
)


@pytest.fixture(scope="module")
def here() -> Iterator[Town]:
    """Open one workspace for all generated payloads."""
    with town() as opened:
        yield opened


@given(payload=PAYLOADS)
def test_no_signed_payload_is_an_accident(here: Town, payload: dict[str, Any]) -> None:
    """Whatever shape a signed payload has, it is taken or told to be misshapen; never a server error."""
    answer = here.slack._courier.deliver("interactive", payload)  # noqa: SLF001 - properly signed
    assert answer.status in (200, 400)


def test_socket_mode_serves_the_same() -> None:
    """Over a socket a command asks once, and an envelope that comes twice does nothing."""
    with town() as there:
        app = build_app(token=there.slack.bot_token, signing_secret="unused", base_url=there.slack.api_url)
        register(app, there.ctx)
        handler = SocketModeHandler(app, there.slack.app_token, web_client=app.client)
        handler.connect()
        try:
            eventually(there.slack.socket_mode.connected)
            assert there.actor(MAYA).command("/request-aws", "production-admin 1h over a socket").ok
            there.slack.redeliver()
            assert len(list(there.ctx.store.requests([RequestState.PENDING]))) == 1
        finally:
            handler.close()


def test_events_are_taken_note_of(here: Town) -> None:
    """An event that nobody subscribed to is acknowledged, so Slack does not send it again."""
    assert [answer.status for answer in here.slack.send_event({"type": "app_mention", "user": MAYA, "text": "hi"})] == [
        200
    ]
