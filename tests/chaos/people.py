"""People who ask, decide, end and extend through Slack, and who try again when they are told "not now"."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from accessbot.domain.model import GrantState, RequestState
from accessbot.sandbox.slack.controls import Control, controls
from accessbot.sandbox.slack.elements import flat_options
from accessbot.sandbox.slack.errors import Refused
from accessbot.sandbox.slack.state import Message
from accessbot.sandbox.slack.views import View
from tests.chaos.stage import APPROVALS, Stage

Json = dict[str, Any]

GENERAL: Final = "C03GENERAL"
_TAKEN: Final = "You asked for"
_AGAIN_S: Final = 2.5
_FORM_S: Final = 3.0
_NEWEST: Final = 400


@dataclass(frozen=True, slots=True)
class Card:
    """The approvers' message of a request."""

    request: str
    channel: str
    ts: str


@dataclass(slots=True)
class Person:
    """One of the cast, at their own keyboard: one form at a time."""

    stage: Stage
    name: str
    id: str
    keyboard: threading.RLock = field(default_factory=threading.RLock)

    # ---- asking

    def ask(self, entitlement: str, seconds: int, reason: str) -> Card:
        """Ask until it is taken, each time in other words; give the approvers' message of it."""
        for attempt, _ in enumerate(self.stage.tries("a request to be taken"), 1):
            words = f"{reason}/{attempt}"
            answer = self._write("command", channel=GENERAL, text=f"/request-aws {entitlement} {seconds}s {words}")
            clear = _TAKEN in str((answer or {}).get("answers"))
            self.stage.asked(self.id, words, clear=clear)
            if clear:
                return self._card(words)
            self.stage.wait("a moment", lambda: None, most=0.4)
        raise AssertionError("people never give up")

    def _card(self, words: str) -> Card:
        found = self.stage.wait(f"the card of {words}", lambda: find_card(self.stage, words))
        assert found is not None
        return found

    # ---- deciding

    def press(self, card: Card, label: str) -> bool:
        """Press a button of a card once; give False when it is not there or was not taken."""
        message = self.stage.box.workspace.state.find(card.channel, card.ts)
        found = _button([message], label) if message is not None else None
        if found is None:
            return False
        return self._act(found, channel=card.channel, ts=card.ts, stale=True) is not None

    def decide(self, card: Card, label: str = "Approve") -> None:
        """Press *Approve* until the request is closed or this person's vote counts."""

        def counted() -> bool:
            request = self.stage.request(card.request)
            if request is None:
                return False
            return request.state is not RequestState.PENDING or self.id in {vote.approver for vote in request.votes}

        for _ in self.stage.tries("a decision"):
            if counted():
                return
            self.press(card, label)
            self.stage.wait("the decision", counted, most=_AGAIN_S)

    def deny(self, card: Card, reason: str) -> None:
        """Press *Deny* and say why until the request is closed."""

        def closed() -> bool:
            request = self.stage.request(card.request)
            return request is not None and request.state is not RequestState.PENDING

        for _ in self.stage.tries("a denial"):
            if closed():
                return
            with self.keyboard:
                view = self._form(lambda: self.press(card, "Deny"))
                if view is not None:
                    self._submit(view, {"Reason": reason})
            self.stage.wait("the denial", closed, most=_AGAIN_S)

    def revoke(self, card: Card) -> None:
        """Press *Revoke* until the grant's end has begun."""
        self._until_ending(card, lambda: self.press(card, "Revoke"))

    # ---- one's own access

    def end(self, card: Card) -> None:
        """Press *End access* in `/my-access` until the grant's end has begun."""
        grant = self.stage.wait("the grant", lambda: self.stage.grant_of(card.request))
        assert grant is not None
        self._until_ending(card, lambda: self.press_mine("End access", grant.id))

    def extend(self, card: Card, reason: str) -> bool:
        """Ask for the least more time that is offered; give whether the form was sent."""
        grant = self.stage.grant_of(card.request)
        if grant is None:
            return False
        with self.keyboard:
            view = self._form(lambda: self.press_mine("Extend", grant.id))
            sent = view is not None and self._submit(view, {"Duration": "", "Reason": reason})
        self.stage.asked(self.id, reason, clear=False)
        return sent

    def cancel(self, card: Card) -> bool:
        """Press *Cancel* in `/my-access` once."""
        return self.press_mine("Cancel", card.request)

    def press_mine(self, label: str, value: str) -> bool:
        """Press the button of `/my-access` that carries an id; give False when it is not there or was not taken."""
        answer = self._write("command", channel=GENERAL, text="/my-access")
        for shown in (answer or {}).get("answers", ()):
            message = self.stage.box.workspace.state.find(shown["channel"], shown["ts"])
            found = _button([message], label, value) if message is not None else None
            if found is not None:
                return self._act(found, channel=shown["channel"], ts=shown["ts"]) is not None
        return False

    # ---- hands

    def _until_ending(self, card: Card, press: Any) -> None:  # noqa: ANN401 - any way of pressing
        def ending() -> bool:
            grant = self.stage.grant_of(card.request)
            return grant is not None and grant.state not in (GrantState.PROVISIONING, GrantState.ACTIVE)

        for _ in self.stage.tries("an end to begin"):
            if ending():
                return
            press()
            self.stage.wait("the end", ending, most=_AGAIN_S)

    def _form(self, press: Any) -> View | None:  # noqa: ANN401 - any way of pressing
        views = self.stage.box.workspace.state.views
        before = {view.id for view in views.stack(self.id)}
        if not press():
            return None
        return self.stage.wait(
            "a form", lambda: next((v for v in views.stack(self.id) if v.id not in before), None), most=_FORM_S
        )

    def _submit(self, view: View, answers: dict[str, str]) -> bool:
        """Fill a form in and send it; "" chooses the first option. Whatever comes of it, the form is closed."""
        values: dict[str, dict[str, Json]] = {}
        for control in controls(view.content["blocks"]):
            if control.label in answers:
                entry = _entry(control, answers[control.label])
                values.setdefault(control.block_id, {})[control.action_id] = entry
        answer = self._write("submit", view_id=view.id, values=values)
        if answer is None or not answer["closed"]:
            self._write("close", view_id=view.id)
        return answer is not None and bool(answer["closed"])

    def _act(self, control: Control, **place: object) -> Json | None:
        ids = {"block_id": control.block_id, "action_id": control.action_id}
        return self._write("action", **place, **ids, value=control.element.get("value"))

    def _write(self, verb: str, **body: object) -> Json | None:
        """Do something in Slack; None when Slack says that it did not work."""
        try:
            return self.stage.box.workspace.page_api.write(verb, {"as": self.id, **body})
        except Refused as error:
            self.stage.note(f"{self.name}: {verb} failed: {error}")
            return None


def cast(stage: Stage) -> dict[str, Person]:
    """Give everybody who can use accessbot, by name."""
    return {each.name: Person(stage, each.name, each.id) for each in stage.box.workspace.state.people()}


def find_card(stage: Stage, words: str) -> Card | None:
    """Find the newest message in the approvals channel that has these words and can be decided on."""
    messages = stage.box.workspace.state.visible(APPROVALS, "U03PRIYA")
    for message in reversed(messages[-_NEWEST:]):
        found = _button([message], "Approve") if words in str(message.blocks) else None
        if found is not None:
            return Card(str(found.element["value"]), message.channel, message.ts)
    return None


def card_of(stage: Stage, request_id: str) -> Card | None:
    """Find the newest message in the approvals channel on which a request can be decided."""
    for message in reversed(stage.box.workspace.state.visible(APPROVALS, "U03PRIYA")[-_NEWEST:]):
        if _button([message], "Approve", request_id) is not None:
            return Card(request_id, message.channel, message.ts)
    return None


def _button(messages: Iterable[Message], label: str, value: str = "") -> Control | None:
    for message in messages:
        for blocks in (message.blocks, *reversed(message.past)):
            for control in controls(blocks):
                fits = not value or control.element.get("value") == value
                if control.kind == "button" and control.label == label and fits:
                    return control
    return None


def _entry(control: Control, answer: str) -> Json:
    if control.field == "selected_option":
        return {"type": control.kind, "selected_option": next(iter(flat_options(control.element)))}
    return {"type": control.kind, control.field: answer}
