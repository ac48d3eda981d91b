"""A real Bolt app over HTTP in the sandbox workspace: commands, forms, buttons, type-ahead, answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from slack_sdk.webhook import WebhookClient

from accessbot.sandbox.slack import Actor, DeliveryFailed, Refused, UnknownThing, Workspace, text_of
from tests.sandbox.slack_app import client_of, served

if TYPE_CHECKING:
    from slack_bolt import Ack, App, Respond
    from slack_sdk import WebClient
from tests.sandbox.slack_forms import ACCESS, APPROVE, Json, ask_form, modal, option, text_input


def test_an_acknowledged_text_is_a_private_answer(workspace: Workspace, maya: Actor) -> None:
    """The body of an acknowledgement is shown to the person who typed, and to nobody else."""

    def wire(app: App) -> None:
        @app.command("/hello")
        def hello(ack: Ack, body: Json) -> None:
            ack(f"hello <@{body['user_id']}> in {body['channel_name']}: {body['text']}")

    with served(workspace, wire):
        outcome = maya.command("/hello", "a  b")
    assert outcome.ok
    assert [text_of(message) for message in outcome.answers] == ["hello @U01MAYA in general: a  b"]
    assert maya.read(maya.ephemerals("general")[0]) == "hello @maya in general: a  b"
    assert Actor(workspace, "U02NOAH").ephemerals() == []
    assert maya.messages("general") == []
    assert client_of(workspace).conversations_history(channel=maya.dm_id())["messages"] == []


def test_an_answer_in_the_channel_is_seen_by_all(workspace: Workspace, maya: Actor) -> None:
    """response_type in_channel makes the answer a message for everybody."""

    def wire(app: App) -> None:
        @app.command("/shout")
        def shout(ack: Ack) -> None:
            ack(text="loud", response_type="in_channel")

    with served(workspace, wire):
        maya.command("/shout")
    assert [message["text"] for message in Actor(workspace, "U02NOAH").messages()] == ["loud"]


def test_a_form_goes_round(workspace: Workspace, maya: Actor) -> None:
    """A form opens, is filled by label, is refused on the field, and closes when it is right."""
    taken: list[Json] = []

    def wire(app: App) -> None:
        ask_form(app, modal(ACCESS, text_input("Reason", max_length=20), private_metadata="meta"))

        @app.options("access")
        def options(ack: Ack, payload: Json) -> None:
            ack(options=[option(name) for name in ("prod-admin", "prod-read", "dev") if payload["value"] in name])

        @app.view("ask")
        def submitted(ack: Ack, view: Json) -> None:
            if view["state"]["values"]["reason"]["reason"]["value"] == "because":
                ack(response_action="errors", errors={"reason": "Say why."})
                return
            taken.append(view)
            ack()

    with served(workspace, wire):
        assert maya.command("/ask").ok
        maya.open_view()
        assert maya.submit() == {
            "Access": "Please complete this required field.",
            "Reason": "Please complete this required field.",
        }
        assert maya.type_ahead("Access", "p") == []
        assert maya.type_ahead("Access", "prod") == ["prod-admin", "prod-read"]
        maya.fill({"Access": "prod-read", "Reason": "x" * 21})
        assert maya.submit() == {"Reason": "Must be at most 20 characters."}
        maya.fill({"Reason": "because"})
        assert maya.submit() == {"Reason": "Say why."}
        assert maya.views()[-1]["errors"] == {"reason": "Say why."}
        maya.fill({"Reason": "fixing"})
        assert maya.submit() == {}
    assert maya.views() == []
    assert taken[0]["private_metadata"] == "meta"
    assert taken[0]["state"]["values"] == {
        "access": {"access": {"type": "external_select", "selected_option": option("prod-read")}},
        "reason": {"reason": {"type": "plain_text_input", "value": "fixing"}},
    }


def test_an_option_that_was_never_offered_cannot_be_chosen(workspace: Workspace, maya: Actor) -> None:
    """The client sends only what the type-ahead showed."""

    def wire(app: App) -> None:
        ask_form(app, modal(ACCESS))

        @app.options("access")
        def options(ack: Ack) -> None:
            ack(options=[])

    with served(workspace, wire):
        maya.command("/ask")
        view = maya.open_view()
        values = {"access": {"access": {"selected_option": option("forged")}}}
        with pytest.raises(Refused, match="not among the options"):
            workspace.page_api.write("submit", {"as": maya.id, "view_id": view["id"], "values": values})


@pytest.mark.parametrize("count", [100, 101])
def test_a_type_ahead_takes_a_hundred_options(workspace: Workspace, maya: Actor, count: int) -> None:
    """Above 100 options Slack shows none at all."""

    def wire(app: App) -> None:
        ask_form(app, modal(ACCESS))

        @app.options("access")
        def options(ack: Ack) -> None:
            ack(options=[option(f"prod-{number}") for number in range(count)])

    with served(workspace, wire):
        maya.command("/ask")
        maya.open_view()
        if count <= 100:
            assert len(maya.type_ahead("Access", "prod")) == count
        else:
            with pytest.raises(DeliveryFailed, match="could not be loaded"):
                maya.type_ahead("Access", "prod")
            assert "no more than 100 items" in workspace.warnings[0]


def test_forms_stack_update_and_clear(workspace: Workspace, maya: Actor) -> None:
    """A submission may push a second form, update it in place, and clear the whole stack."""

    def wire(app: App) -> None:
        ask_form(app, modal(text_input("One")))

        @app.view("ask")
        def first(ack: Ack) -> None:
            ack(response_action="push", view=modal(text_input("Two"), callback_id="second"))

        @app.view("second")
        def second(ack: Ack) -> None:
            ack(response_action="update", view=modal(text_input("Two"), text_input("Three"), callback_id="third"))

        @app.view("third")
        def third(ack: Ack) -> None:
            ack(response_action="clear")

    with served(workspace, wire):
        maya.command("/ask")
        maya.open_view()
        maya.fill({"One": "1"})
        maya.submit()
        assert [view["view"]["callback_id"] for view in maya.views()] == ["ask", "second"]
        maya.fill({"Two": "2"})
        maya.submit()
        assert "Three" in maya.view_text()
        assert maya.views()[-1]["values"]["two"]["two"]["value"] == "2"
        maya.fill({"Three": "3"})
        maya.submit()
    assert maya.views() == []


def test_a_form_that_asked_for_it_tells_when_it_is_closed(workspace: Workspace, maya: Actor) -> None:
    """view_closed is delivered for notify_on_close, and only then."""
    closed: list[str] = []

    def wire(app: App) -> None:
        @app.command("/ask")
        def ask(ack: Ack, body: Json, client: WebClient) -> None:
            ack()
            client.views_open(
                trigger_id=body["trigger_id"],
                view=modal(text_input("One"), notify_on_close=body["text"] == "tell"),
            )

        @app.view_closed("ask")
        def gone(ack: Ack, view: Json) -> None:
            ack()
            closed.append(view["id"])

    with served(workspace, wire):
        maya.command("/ask")
        maya.close()
        maya.command("/ask", "tell")
        asked_for_it = maya.open_view()["id"]
        maya.close()
    assert closed == [asked_for_it]


def test_a_button_is_found_by_its_text_and_updates_the_message(workspace: Workspace, maya: Actor, priya: Actor) -> None:
    """A click brings the whole message and its place, and the app can change the message in place."""
    clicks: list[Json] = []

    def wire(app: App) -> None:
        @app.action("approve")
        def approve(ack: Ack, body: Json, client: WebClient) -> None:
            ack()
            clicks.append(body)
            client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], text="approved", blocks=[])

    with served(workspace, wire) as app:
        app.client.chat_postMessage(channel="C01APPROVALS", text="please", blocks=APPROVE)
        message = priya.messages()[-1]
        assert priya.read(message) == "@maya asks for *admin* & more\n[Approve] [Deny]"
        assert priya.click(message, "Approve").ok
        with pytest.raises(UnknownThing, match="only Approve, Deny"):
            priya.click(message, "Extend")
        with pytest.raises(UnknownThing, match="here any more"):
            priya.click(message, "Deny")
        assert priya.click(message, "Approve", stale=True).ok
    assert priya.read(priya.messages()[-1]) == "approved"
    assert [click["message"]["text"] for click in clicks] == ["please", "approved"]
    action = clicks[0]["actions"][0]
    assert (action["action_id"], action["value"], clicks[0]["user"]["id"]) == ("approve", "r1", "U03PRIYA")
    assert clicks[0]["container"]["is_ephemeral"] is False
    with pytest.raises(UnknownThing, match="is not in"):
        maya.click(message, "Approve")


def test_a_private_message_can_be_replaced_and_deleted_through_its_response_url(
    workspace: Workspace, maya: Actor
) -> None:
    """An ephemeral message is reached by response_url alone; its click carries no message."""
    bodies: list[Json] = []

    def wire(app: App) -> None:
        @app.command("/mine")
        def mine(ack: Ack) -> None:
            ack(text="mine", blocks=APPROVE)

        @app.action("approve")
        def approve(ack: Ack, body: Json, respond: Respond) -> None:
            ack()
            bodies.append(body)
            respond(text="changed", blocks=APPROVE, replace_original=True)

        @app.action("deny")
        def deny(ack: Ack, respond: Respond) -> None:
            ack()
            respond(delete_original=True)

    with served(workspace, wire):
        answer = maya.command("/mine").answers[0]
        maya.click(answer, "Approve")
        assert [message["text"] for message in maya.ephemerals()] == ["changed"]
        assert "message" not in bodies[0]
        assert bodies[0]["container"]["is_ephemeral"] is True
        maya.click(maya.ephemerals()[0], "Deny")
    assert maya.ephemerals() == []


def test_a_response_url_serves_five_times_in_half_an_hour() -> None:
    """The sixth use, and any use after 30 minutes, is refused."""
    urls: list[str] = []
    ahead = [0.0]

    def wire(app: App) -> None:
        @app.command("/later")
        def later(ack: Ack, body: Json) -> None:
            ack()
            urls.append(body["response_url"])

    with Workspace(now=lambda: time.time() + ahead[0]) as workspace, served(workspace, wire):
        maya = Actor(workspace, "U01MAYA")
        maya.command("/later")
        maya.command("/later")
        first, second = (WebhookClient(url) for url in urls)
        assert [first.send(text=f"answer {number}").status_code for number in range(6)] == [200] * 5 + [404]
        assert first.send(text="more").body == '{"ok": false, "error": "used_url"}'
        assert second.send(blocks=[{"type": "nonsense"}], text="x").status_code == 400
        ahead[0] = 30 * 60 + 1
        assert second.send(text="late").body == '{"ok": false, "error": "expired_url"}'
        assert len(maya.ephemerals("general")) == 5
        assert WebhookClient(f"{workspace.url}/response/1/none").send(text="x").status_code == 404
