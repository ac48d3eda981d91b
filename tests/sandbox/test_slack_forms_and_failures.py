"""Forms of the Slack stand-in, what it refuses, and what it shows when the app fails."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from slack_sdk.errors import SlackApiError

from accessbot.sandbox.slack import Actor, DeliveryFailed, Flaw, Refused, UnknownThing, Workspace
from tests.sandbox.slack_app import served

if TYPE_CHECKING:
    from collections.abc import Callable

    from slack_bolt import Ack, App
    from slack_sdk import WebClient
from tests.sandbox.slack_forms import ACCESS, Json, ask_form, modal, option, text_input


def test_a_late_acknowledgement_changes_nothing() -> None:
    """Slack waits so long and no longer, and shows operation_timeout."""
    go_on = threading.Event()

    def wire(app: App) -> None:
        @app.command("/slow")
        def slow(ack: Ack) -> None:
            go_on.wait(5)
            ack("too late")

    with Workspace(ack_seconds=0.1) as workspace, served(workspace, wire):
        maya = Actor(workspace, "U01MAYA")
        assert maya.command("/slow").error == '/slow failed with the error "operation_timeout"'
        go_on.set()
        assert maya.ephemerals() == []


def test_what_slack_shows_when_the_app_fails(workspace: Workspace, maya: Actor) -> None:
    """An answer it does not take, a refusal and an absent app each get Slack's own error."""

    def wire(app: App) -> None:
        @app.command("/bad")
        def bad(ack: Ack) -> None:
            ack(text="x", blocks=[{"type": "header", "text": {"type": "mrkdwn", "text": "no"}}])

    with served(workspace, wire):
        refused = maya.command("/bad")
        unhandled = maya.command("/unheard-of")
    assert refused.error == '/bad failed with the error "invalid_command_response"'
    assert (unhandled.status, unhandled.error) == (404, '/unheard-of failed with the error "dispatch_failed"')
    assert maya.command("/bad").error == '/bad failed with the error "dispatch_failed"'
    assert maya.ephemerals() == []
    assert "invalid_blocks" in workspace.warnings[0]


def test_a_form_stays_open_when_the_app_does_not_answer(workspace: Workspace, maya: Actor) -> None:
    """The person sees that there was trouble and may try again."""

    def wire(app: App) -> None:
        ask_form(app, modal(text_input("One")))

    with served(workspace, wire):
        maya.command("/ask")
        maya.open_view()
        maya.fill({"One": "1"})
        with pytest.raises(DeliveryFailed, match="trouble connecting"):
            maya.submit()
    assert [view["busy"] for view in maya.views()] == [False]


def test_a_command_the_app_has_not_registered_is_refused_by_slack() -> None:
    """With registered commands given, all others never reach the app."""
    with Workspace(commands=["/ask"]) as workspace:
        with pytest.raises(Refused, match="/other is not a valid command"):
            Actor(workspace, "U01MAYA").command("/other")
        assert workspace.deliveries == []


def test_a_replay_is_the_same_request_byte_for_byte(workspace: Workspace, maya: Actor) -> None:
    """redeliver() repeats body, timestamp and signature; Bolt takes it, so the app must know it again."""
    heard: list[Json] = []

    def wire(app: App) -> None:
        @app.command("/once")
        def once(ack: Ack, body: Json) -> None:
            ack()
            heard.append(body)

    with served(workspace, wire):
        with pytest.raises(Refused, match="nothing was delivered"):
            workspace.redeliver()
        maya.command("/once")
        assert workspace.redeliver().status == 200
        workspace.redeliver(workspace.deliveries[0], anew=True)
    first, again, anew = workspace.deliveries
    assert (first.body, first.headers) == (again.body, again.headers)
    assert first.body == anew.body
    assert heard[0] == heard[1] == heard[2]


@pytest.mark.parametrize(
    ("flaw", "status"),
    [
        (Flaw.NO_SIGNATURE, 401),
        (Flaw.BAD_SIGNATURE, 401),
        (Flaw.CHANGED_BODY, 401),
        (Flaw.OLD_TIMESTAMP, 401),
        (Flaw.FUTURE_TIMESTAMP, 401),
        (Flaw.TEXT_TIMESTAMP, 500),
        (Flaw.UNKNOWN_ACTION, 404),
    ],
)
def test_forged_requests_meet_the_real_verification(workspace: Workspace, flaw: Flaw, status: int) -> None:
    """Each flaw is one that Bolt's own signature check sees (a text for a timestamp makes plain Bolt fail)."""
    acted: list[str] = []

    def wire(app: App) -> None:
        @app.action("approve")
        def approve(ack: Ack) -> None:
            ack()
            acted.append("approve")

    with served(workspace, wire):
        assert workspace.forge(flaw).status == status
    assert acted == []
    assert workspace.deliveries == []


def test_a_malformed_payload_is_properly_signed(workspace: Workspace) -> None:
    """Broken JSON and an empty body pass the signature check, so the app has to cope with them."""
    with served(workspace, lambda _: None):
        for flaw in (Flaw.MALFORMED_PAYLOAD, Flaw.EMPTY_BODY):
            assert workspace.forge(flaw).status not in {None, 401}


@pytest.mark.parametrize(("delay", "code"), [(2.5, None), (3.1, "expired_trigger_id")])
def test_a_trigger_lives_three_seconds_and_opens_one_form(delay: float, code: str | None) -> None:
    """A trigger is refused once used, and when it is too old."""
    triggers: list[str] = []
    ahead = [0.0]
    start = time.time()

    def wire(app: App) -> None:
        @app.command("/ask")
        def ask(ack: Ack, body: Json) -> None:
            ack()
            triggers.append(body["trigger_id"])

    with Workspace(now=lambda: start + ahead[0]) as workspace, served(workspace, wire) as app:
        maya = Actor(workspace, "U01MAYA")
        maya.command("/ask")
        ahead[0] = delay
        errors = [_error(lambda: app.client.views_open(trigger_id=triggers[0], view=modal())) for _ in range(2)]
        assert errors == [code, code or "exchanged_trigger_id"]
        assert len(maya.views()) == (0 if code else 1)


def test_controls_inside_a_form_act_at_once(workspace: Workspace, maya: Actor) -> None:
    """A select with dispatch_action and a button deliver with all that was entered so far; the view can change."""
    seen: list[Json] = []
    kind = {
        "type": "input",
        "block_id": "kind",
        "dispatch_action": True,
        "label": {"type": "plain_text", "text": "Kind"},
        "element": {"type": "static_select", "action_id": "kind", "options": [option("a"), option("b", "Bee")]},
    }
    button = {
        "type": "actions",
        "block_id": "more",
        "elements": [{"type": "button", "action_id": "more", "text": {"type": "plain_text", "text": "More"}}],
    }

    def wire(app: App) -> None:
        ask_form(app, modal(kind, text_input("Reason"), button))

        @app.action("kind")
        def kind_chosen(ack: Ack, body: Json) -> None:
            ack()
            seen.append(body)

        @app.action("more")
        def more(ack: Ack, body: Json, client: WebClient) -> None:
            ack()
            client.views_update(
                view_id=body["view"]["id"], hash=body["view"]["hash"], view=modal(kind, text_input("Reason"))
            )

    with served(workspace, wire):
        maya.command("/ask")
        maya.open_view()
        maya.fill({"Reason": "words", "Kind": "Bee"})
        assert seen[0]["view"]["state"]["values"]["reason"]["reason"]["value"] == "words"
        assert seen[0]["actions"][0]["selected_option"]["value"] == "b"
        assert maya.click_in_view("More").ok
    top = maya.views()[-1]
    assert [block["block_id"] for block in top["view"]["blocks"]] == ["kind", "reason"]
    assert top["values"]["reason"]["reason"]["value"] == "words"


def test_a_form_opens_half_filled(workspace: Workspace, maya: Actor) -> None:
    """What the app chose beforehand counts as entered, and the page may send it back."""
    got: list[Json] = []
    element = {"type": "external_select", "action_id": "access", "initial_option": option("prod-admin")}
    chosen = {**ACCESS, "element": element}
    days = {
        "type": "input",
        "block_id": "days",
        "optional": True,
        "label": {"type": "plain_text", "text": "Days"},
        "element": {"type": "checkboxes", "action_id": "days", "options": [option("mo"), option("tu"), option("we")]},
    }
    date = {
        "type": "input",
        "block_id": "date",
        "optional": True,
        "label": {"type": "plain_text", "text": "Date"},
        "element": {"type": "datepicker", "action_id": "date", "initial_date": "2026-11-24"},
    }
    mail = {
        "type": "input",
        "block_id": "mail",
        "optional": True,
        "label": {"type": "plain_text", "text": "Mail"},
        "element": {"type": "email_text_input", "action_id": "mail"},
    }

    def wire(app: App) -> None:
        ask_form(app, modal(chosen, text_input("Reason", initial_value="because", min_length=3), days, date, mail))

        @app.view("ask")
        def submitted(ack: Ack, view: Json) -> None:
            ack()
            got.append(view["state"]["values"])

    with served(workspace, wire):
        maya.command("/ask")
        view = maya.open_view()
        maya.fill({"Reason": "be", "Days": ["mo", "we"], "Mail": "no address"})
        assert maya.submit() == {"Reason": "Must be at least 3 characters.", "Mail": "Enter a valid email address."}
        with pytest.raises(UnknownThing, match="Days offers no fr, but mo, tu, we"):
            maya.fill({"Days": ["fr"]})
        maya.fill({"Reason": "because", "Mail": ""})
        body = {"as": maya.id, "view_id": view["id"]}
        wrong: list[Json] = [{"reason": {"reason": {"value": 3}}}, {"days": {"days": {"selected_options": "mo"}}}]
        for values in (*wrong, {"reason": {"none": {}}}):
            with pytest.raises(Refused):
                workspace.page_api.write("submit", {**body, "values": values})
        sent_back = {"access": {"access": {"selected_option": option("prod-admin")}}}
        maya.submit()
        assert got[0]["access"]["access"]["selected_option"] == sent_back["access"]["access"]["selected_option"]
        assert [each["value"] for each in got[0]["days"]["days"]["selected_options"]] == ["mo", "we"]
        assert got[0]["date"]["date"] == {"type": "datepicker", "selected_date": "2026-11-24"}
        maya.command("/ask")
        again = maya.open_view()
        workspace.page_api.write("submit", {"as": maya.id, "view_id": again["id"], "values": sent_back})
    assert len(got) == 2


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "dance"},
        {"response_action": "errors", "errors": {"no-such-block": "x"}},
        {"response_action": "update", "view": {"type": "modal"}},
        "words",
    ],
    ids=["unknown action", "foreign block", "bad view", "text"],
)
def test_an_answer_to_a_form_slack_does_not_understand(workspace: Workspace, maya: Actor, answer: Any) -> None:  # noqa: ANN401 - any shape at all
    """The form stays, the person sees trouble, and the test sees why."""

    def wire(app: App) -> None:
        ask_form(app, modal(text_input("One", initial_value="1")))

        @app.view("ask")
        def submitted(ack: Ack) -> None:
            ack(answer) if isinstance(answer, str) else ack(**answer)

    with served(workspace, wire):
        maya.command("/ask")
        maya.open_view()
        with pytest.raises(DeliveryFailed, match="trouble connecting"):
            maya.submit()
    assert len(maya.views()) == 1
    assert "the answer to a form was refused" in workspace.warnings[0]


def test_only_the_form_on_top_can_be_sent(workspace: Workspace, maya: Actor) -> None:
    """A form below another waits; closing a root that asked for it clears all above."""

    def wire(app: App) -> None:
        ask_form(app, modal(text_input("One", initial_value="1"), clear_on_close=True))

        @app.view("ask")
        def submitted(ack: Ack) -> None:
            ack(response_action="push", view=modal(callback_id="second"))

    with served(workspace, wire):
        maya.command("/ask")
        root = maya.open_view()
        maya.submit()
        body = {"as": maya.id, "view_id": root["id"]}
        with pytest.raises(Refused, match="another form is open"):
            workspace.page_api.write("submit", body)
        with pytest.raises(UnknownThing, match="no longer open"):
            workspace.page_api.write("close", body | {"as": "U02NOAH"})
        workspace.page_api.write("close", body)
    assert maya.views() == []


def test_menus_in_messages_keep_what_one_chose(workspace: Workspace, maya: Actor) -> None:
    """A select in a message is each reader's own, and its type-ahead asks the app about the message."""
    seen: list[Json] = []
    block: Json = {
        "type": "actions",
        "block_id": "pick",
        "elements": [
            {"type": "static_select", "action_id": "one", "options": [option("a"), option("b")]},
            {"type": "external_select", "action_id": "two", "min_query_length": 0},
        ],
    }

    def wire(app: App) -> None:
        @app.command("/pick")
        def pick(ack: Ack) -> None:
            ack(text="pick", blocks=[block], response_type="in_channel")

        @app.options("two")
        def two(ack: Ack, body: Json) -> None:
            ack(options=[option(body["message"]["text"])])

        @app.action("one")
        def one(ack: Ack, body: Json) -> None:
            ack()
            seen.append(body["state"]["values"])

    with served(workspace, wire):
        maya.command("/pick")
        message = maya.messages()[-1]
        assert maya.choose(message, "b").ok
        where = {"as": maya.id, "channel": message["channel"], "ts": message["ts"], "block_id": "pick"}
        offered = workspace.page_api.read("options", {**where, "action_id": "two"})
        assert workspace.page_api.read("options", {**where, "action_id": "one"})["options"][0]["value"] == "a"
    assert offered["options"][0]["value"] == "pick"
    assert seen[0]["pick"]["one"]["selected_option"]["value"] == "b"


def test_events_are_delivered_again_until_acknowledged(workspace: Workspace) -> None:
    """An unacknowledged event comes again, marked with its number and reason, as often as asked for."""
    with served(workspace, lambda _: None):
        answers = workspace.send_event({"type": "app_home_opened", "user": "U01MAYA", "tab": "home"}, retries=2)
    assert [answer.status for answer in answers] == [404, 404, 404]
    assert [delivery.headers.get("X-Slack-Retry-Num") for delivery in workspace.deliveries] == [None, "1", "2"]
    assert workspace.deliveries[1].headers["X-Slack-Retry-Reason"] == "http_error"


def _error(call: Callable[[], object]) -> str | None:
    """Return Slack's error code of a call, None when it succeeds."""
    try:
        call()
    except SlackApiError as error:
        return str(error.response["error"])
    return None
