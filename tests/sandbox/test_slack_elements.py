"""The elements of forms beyond texts and selects: filled in by label, sent and refused as Slack does."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

import pytest

from accessbot.sandbox.slack import Actor, Refused, UnknownThing, Workspace
from tests.sandbox.slack_app import served
from tests.sandbox.slack_forms import EVERYTHING, Json, ask_form, everything, field_of, modal, option

if TYPE_CHECKING:
    from slack_bolt import Ack, App

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Sent:
    """What the app was sent when the form was submitted."""

    def __init__(self) -> None:
        self.values: list[Json] = []

    def wire(self, app: App) -> None:
        """Open the form of everything, and keep what is sent."""
        ask_form(app, everything())

        @app.options("several_external")
        def offered(ack: Ack, payload: Json) -> None:
            ack(options=[option(f"pro-{n}") for n in range(3) if f"pro-{n}".startswith(payload["value"])])

        @app.view("ask")
        def submitted(ack: Ack, view: Json) -> None:
            ack()
            self.values.append(view["state"]["values"])


def test_every_element_is_filled_in_by_its_label(workspace: Workspace, maya: Actor) -> None:
    """Each arrives under the name and in the shape of Slack's own values."""
    sent = Sent()
    with served(workspace, sent.wire):
        maya.command("/ask")
        maya.open_view()
        maya.fill(
            {
                "Emergency": True,
                "Notify": ["Security", "leads"],
                "How": "Together",
                "Entitlements": ["One", "three"],
                "More": ["pro-1", "pro-2"],
                "For": "Noah Okafor",
                "Watchers": ["priya", "tomas@example.com"],
                "Start": NOON,
                "Day": date(2026, 12, 24),
                "At": time(9, 30),
            }
        )
        assert maya.submit() == {}
    values = {block: next(iter(actions.values())) for block, actions in sent.values[0].items()}
    assert [each["value"] for each in values["emergency"]["selected_options"]] == ["yes"]
    assert [each["value"] for each in values["notify"]["selected_options"]] == ["security", "leads"]
    assert values["how"]["selected_option"]["value"] == "together"
    assert [each["value"] for each in values["several"]["selected_options"]] == ["one", "three"]
    assert [each["value"] for each in values["several_external"]["selected_options"]] == ["pro-1", "pro-2"]
    assert values["for"] == {"type": "users_select", "selected_user": "U02NOAH"}
    assert values["watchers"] == {"type": "multi_users_select", "selected_users": ["U03PRIYA", "U04TOMAS"]}
    assert values["start"] == {"type": "datetimepicker", "selected_date_time": int(NOON.timestamp())}
    assert values["day"] == {"type": "datepicker", "selected_date": "2026-12-24"}
    assert values["at"] == {"type": "timepicker", "selected_time": "09:30"}


def test_optional_elements_may_be_left_empty_or_cleared(workspace: Workspace, maya: Actor) -> None:
    """Nothing entered arrives as nothing: null, or an empty list; what was entered can be taken back."""
    sent = Sent()
    with served(workspace, sent.wire):
        maya.command("/ask")
        maya.open_view()
        maya.fill({"How": "Apart", "Emergency": True, "For": "noah", "Start": NOON, "Entitlements": "One"})
        maya.fill({"Emergency": False, "For": None, "Start": None, "Entitlements": []})
        assert maya.submit() == {}
    values = {block: next(iter(actions.values())) for block, actions in sent.values[0].items()}
    assert values["emergency"]["selected_options"] == values["several"]["selected_options"] == []
    assert values["for"]["selected_user"] is None
    assert values["start"]["selected_date_time"] is None
    assert values["day"]["selected_date"] is None


def test_an_element_that_is_not_optional_is_asked_for(workspace: Workspace, maya: Actor) -> None:
    """The form stays open until something is chosen."""
    with served(workspace, Sent().wire):
        maya.command("/ask")
        maya.open_view()
        assert maya.submit() == {"How": "Please complete this required field."}


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ({"How": "Sideways"}, "How offers no Sideways, but Together, Apart"),
        ({"Notify": True}, "Notify has several choices"),
        ({"For": "nobody"}, "nobody called nobody"),
        ({"Start": NOON.replace(tzinfo=None)}, "give it a time zone"),
        ({"Entitlements": 3}, "3 is no choice"),
    ],
    ids=["no such option", "which box", "nobody", "no zone", "a number"],
)
def test_an_actor_cannot_enter_what_is_not_there(
    workspace: Workspace, maya: Actor, answers: dict[str, object], complaint: str
) -> None:
    """Whoever writes a test is told what there is."""
    with served(workspace, Sent().wire):
        maya.command("/ask")
        maya.open_view()
        with pytest.raises(UnknownThing, match=complaint):
            maya.fill(answers)  # type: ignore[arg-type]  # the mistakes themselves


@pytest.mark.parametrize(
    ("block", "entry"),
    [
        ("several", {"selected_options": [option("one"), option("two"), option("three")]}),
        ("several", {"selected_options": [option("four")]}),
        ("several", {"selected_options": "one"}),
        ("for", {"selected_user": 7}),
        ("start", {"selected_date_time": "2026-11-24"}),
        ("start", {"selected_date_time": 7}),
        ("day", {"selected_date": "24.12.2026"}),
        ("day", {"selected_date": "2026-02-30"}),
        ("at", {"selected_time": "25:00"}),
        ("watchers", {"selected_users": "U02NOAH"}),
    ],
)
def test_no_client_can_send_what_an_element_does_not_hold(
    workspace: Workspace, maya: Actor, block: str, entry: Json
) -> None:
    """More than may be chosen, what was never offered and values of another shape never reach the app."""
    sent = Sent()
    with served(workspace, sent.wire):
        maya.command("/ask")
        view = maya.open_view()
        body = {"as": maya.id, "view_id": view["id"], "values": {block: {block: entry}}}
        with pytest.raises(Refused):
            workspace.page_api.write("submit", body)
    assert sent.values == []


def test_a_form_reads_with_what_is_chosen_in_it(workspace: Workspace, maya: Actor) -> None:
    """Boxes, buttons, people and moments are written as one sees them."""

    def wire(app: App) -> None:
        ask_form(
            app,
            modal(
                field_of("Emergency", {**EVERYTHING["emergency"], "initial_options": [option("yes", "Yes")]}),
                field_of("How", EVERYTHING["how"]),
                field_of("Entitlements", {**EVERYTHING["several"], "initial_options": [option("two", "Two")]}),
                field_of("For", {**EVERYTHING["for"], "initial_user": "U02NOAH"}),
                field_of("Start", {**EVERYTHING["start"], "initial_date_time": int(NOON.timestamp())}),
                field_of("Day", {**EVERYTHING["day"], "initial_date": "2026-12-24"}),
            ),
        )

    with served(workspace, wire):
        maya.command("/ask")
        maya.open_view()
        assert maya.view_text().splitlines()[1:-1] == [
            "Emergency: [x] Yes",
            "How: ( ) Together ( ) Apart",
            "Entitlements: (Two)",
            "For: (@noah)",
            "Start: (2026-11-24 12:00 UTC)",
            "Day: (2026-12-24)",
        ]
