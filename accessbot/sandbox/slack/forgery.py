"""Requests no honest Slack sends, to see that the app refuses them."""

import json
from enum import Enum
from typing import Any
from urllib.parse import urlencode

from accessbot.sandbox.slack.controls import Control
from accessbot.sandbox.slack.delivery import INTERACTIVE, Answer, Courier, encode
from accessbot.sandbox.slack.payloads import Payloads, action_of
from accessbot.sandbox.slack.people import Person
from accessbot.sandbox.slack.state import State

Json = dict[str, Any]

TOO_OLD_SECONDS = 10 * 60
_FORM = "application/x-www-form-urlencoded"


class Flaw(Enum):
    """What is wrong with a forged request."""

    NO_SIGNATURE = "no signature"
    BAD_SIGNATURE = "bad signature"
    CHANGED_BODY = "the body was changed after it was signed"
    OLD_TIMESTAMP = "signed ten minutes ago"
    FUTURE_TIMESTAMP = "signed for in ten minutes"
    TEXT_TIMESTAMP = "the timestamp is not a number"
    MALFORMED_PAYLOAD = "properly signed, but the payload is not JSON"
    EMPTY_BODY = "properly signed, but there is nothing in it"
    UNKNOWN_ACTION = "properly signed, for an action the app never made"


class Forger:
    """Sends forged requests to the app over HTTP."""

    def __init__(self, state: State, courier: Courier, payloads: Payloads) -> None:
        """Forge in the name of the workspace's people."""
        self._state = state
        self._courier = courier
        self._payloads = payloads

    def forge(self, flaw: Flaw, payload: Json | None = None) -> Answer:
        """Send a click (or the interaction `payload`) with one flaw; return how the app answered."""
        if payload is None:
            payload = self._click(next(person for person in self._state.people() if not person.is_bot))
        body, content_type = encode(INTERACTIVE, payload)
        if flaw is Flaw.MALFORMED_PAYLOAD:
            body = urlencode({"payload": json.dumps(payload)[:-7]}).encode()
        elif flaw is Flaw.EMPTY_BODY:
            body = b""
        headers = self._courier.headers(body, content_type or _FORM, self._timestamp(flaw))
        if flaw is Flaw.NO_SIGNATURE:
            del headers["X-Slack-Signature"]
        elif flaw is Flaw.BAD_SIGNATURE:
            headers["X-Slack-Signature"] = f"v0={'0' * 64}"
        elif flaw is Flaw.CHANGED_BODY:
            body += b"&extra=1"
        return self._courier.post_raw(body, headers)

    def _timestamp(self, flaw: Flaw) -> str:
        now = int(self._state.pulse.now())
        if flaw is Flaw.OLD_TIMESTAMP:
            return str(now - TOO_OLD_SECONDS)
        if flaw is Flaw.FUTURE_TIMESTAMP:
            return str(now + TOO_OLD_SECONDS)
        return "yesterday" if flaw is Flaw.TEXT_TIMESTAMP else str(now)

    def _click(self, person: Person) -> Json:
        """Return a click on a button of a message that is in order in every way, but was never posted."""
        button = {"type": "button", "action_id": "no_such_action", "text": {"type": "plain_text", "text": "Approve"}}
        block = {"type": "actions", "block_id": "no_such_block", "elements": [button]}
        message = self._state.new_message(self._state.im_of(person).id, self._state.bot.id, "forged", [block])
        control = Control(
            "no_such_block", "no_such_action", button, "Approve", is_input=False, optional=True, dispatches=True
        )
        return self._payloads.message_action(person, message, action_of(control, {}, {}, message.ts))
