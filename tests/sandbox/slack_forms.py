"""Forms and messages that the tests of the Slack stand-in send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slack_bolt import Ack, App
    from slack_sdk import WebClient


Json = dict[str, Any]


def option(value: str, text: str | None = None) -> Json:
    """Return an option object."""
    return {"text": {"type": "plain_text", "text": text or value}, "value": value}


def text_input(label: str, **element: object) -> Json:
    """Return an input block with a text input."""
    return {
        "type": "input",
        "block_id": label.lower(),
        "label": {"type": "plain_text", "text": label},
        "element": {"type": "plain_text_input", "action_id": label.lower(), **element},
    }


def modal(*blocks: Json, **more: object) -> Json:
    """Return a modal view."""
    return {
        "type": "modal",
        "callback_id": "ask",
        "title": {"type": "plain_text", "text": "Ask"},
        "submit": {"type": "plain_text", "text": "Send"},
        "blocks": list(blocks),
        **more,
    }


ACCESS = {
    "type": "input",
    "block_id": "access",
    "label": {"type": "plain_text", "text": "Access"},
    "element": {"type": "external_select", "action_id": "access", "min_query_length": 2},
}


APPROVE: list[Json] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "<@U01MAYA> asks for *admin* &amp; more"}},
    {
        "type": "actions",
        "block_id": "decide",
        "elements": [
            {
                "type": "button",
                "action_id": "approve",
                "text": {"type": "plain_text", "text": "Approve"},
                "value": "r1",
            },
            {"type": "button", "action_id": "deny", "text": {"type": "plain_text", "text": "Deny"}, "value": "r1"},
        ],
    },
]


def ask_form(app: App, view: Json) -> None:
    """Let /ask open a form."""

    @app.command("/ask")
    def ask(ack: Ack, body: Json, client: WebClient) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=view)


def field_of(label: str, element: Json, **more: object) -> Json:
    """Return an input block that has the name of its element."""
    return {
        "type": "input",
        "block_id": element["action_id"],
        "label": {"type": "plain_text", "text": label},
        "element": element,
        **more,
    }


EVERYTHING: dict[str, Json] = {
    "emergency": {"type": "checkboxes", "action_id": "emergency", "options": [option("yes", "Yes")]},
    "notify": {
        "type": "checkboxes",
        "action_id": "notify",
        "options": [
            {
                **option("security", "Security"),
                "description": {"type": "plain_text", "text": "They look at it afterwards"},
            },
            option("leads", "SRE leads"),
        ],
    },
    "how": {
        "type": "radio_buttons",
        "action_id": "how",
        "options": [option("together", "Together"), option("apart", "Apart")],
    },
    "several": {
        "type": "multi_static_select",
        "action_id": "several",
        "max_selected_items": 2,
        "placeholder": {"type": "plain_text", "text": "Choose some"},
        "options": [option("one", "One"), option("two", "Two"), option("three", "Three")],
    },
    "several_external": {"type": "multi_external_select", "action_id": "several_external", "min_query_length": 2},
    "for": {"type": "users_select", "action_id": "for"},
    "watchers": {"type": "multi_users_select", "action_id": "watchers"},
    "start": {"type": "datetimepicker", "action_id": "start"},
    "day": {"type": "datepicker", "action_id": "day"},
    "at": {"type": "timepicker", "action_id": "at"},
}
"""An element of each kind, by its block and action id."""


def everything() -> Json:
    """Return a form with an element of each kind; only the radio buttons have to be answered."""
    labels = {
        "emergency": "Emergency",
        "notify": "Notify",
        "how": "How",
        "several": "Entitlements",
        "several_external": "More",
        "for": "For",
        "watchers": "Watchers",
        "start": "Start",
        "day": "Day",
        "at": "At",
    }
    return modal(*(field_of(labels[name], EVERYTHING[name], optional=name != "how") for name in EVERYTHING))
