"""One delivery of Slack, read into what the listeners need; whatever is missing or misshapen is refused here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from accessbot.domain.errors import Refused
from accessbot.slack.place import Place

if TYPE_CHECKING:
    from slack_bolt.request import BoltRequest

    from accessbot.slack.blocks import Json


class Kind(StrEnum):
    """What a person did."""

    COMMAND = "command"
    ACTION = "block_actions"
    SUBMISSION = "view_submission"
    OPTIONS = "block_suggestion"


_NO_PERSON = frozenset({"url_verification", "event_callback"})


class Malformed(Refused):
    """A delivery lacks what every delivery of its kind has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What one person did, once.

    `key` is the same for the same delivery sent twice. `team` is the workspace of that person. `name` is the command,
    the action id or the form's callback id; `text` what was typed after a command or into a type-ahead; `value` the
    id that a pressed button carries, or the value of the option chosen. `more` is what a form's metadata holds beside
    the place.
    """

    kind: Kind
    key: str
    person: str
    team: str
    name: str
    place: Place = field(default_factory=Place)
    trigger_id: str = ""
    text: str = ""
    value: str = ""
    view: Json = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)
    is_ephemeral: bool = False


def read_delivery(request: BoltRequest) -> Delivery:
    """Read a delivery. Raises `Malformed`."""
    body: object = request.body
    if not isinstance(body, dict):
        raise Malformed("That was not understood: the delivery is no object.")
    if "command" in body:
        return _command(body, _key(request))
    return _interaction(body, _key(request))


def fault(body: object) -> str:
    """Say what is missing in a delivery's body, "" if nothing that is needed to route it is."""
    if not isinstance(body, dict):
        return "the payload has to be a JSON object"
    if "command" in body:
        return "" if _text(body, "user_id") else "the command names no user"
    kind = _text(body, "type")
    if kind in _NO_PERSON:
        return ""
    needed = (
        ("kind of delivery that accessbot knows", kind in set(Kind) - {Kind.COMMAND}),
        ("user", _text(_object(body, "user"), "id")),
        ("action", kind != Kind.ACTION or _first_action(body)),
        ("form", kind != Kind.SUBMISSION or _text(_object(body, "view"), "callback_id")),
        ("control", kind != Kind.OPTIONS or _text(body, "action_id")),
    )
    return next((f"the payload names no {what}" for what, there in needed if not there), "")


def _command(body: Json, key: str) -> Delivery:
    person = _text(body, "user_id")
    if not person:
        raise Malformed("That was not understood: the command names no user.")
    return Delivery(
        kind=Kind.COMMAND,
        key=key,
        person=person,
        team=_text(body, "team_id"),
        name=_text(body, "command"),
        place=Place(_text(body, "channel_id"), _text(body, "response_url")),
        trigger_id=_text(body, "trigger_id"),
        text=_text(body, "text"),
    )


def _interaction(body: Json, key: str) -> Delivery:
    what = fault(body)
    if what or body.get("type") not in set(Kind):
        raise Malformed(f"That was not understood: {what or 'the kind of delivery is not known'}.")
    kind, user, view = Kind(body["type"]), _object(body, "user"), _object(body, "view")
    action, container = _first_action(body), _object(body, "container")
    packed, more = Place.unpack(_text(view, "private_metadata"))
    channel = _text(_object(body, "channel"), "id") or _text(container, "channel_id") or packed.channel
    name = {
        Kind.ACTION: _text(action, "action_id"),
        Kind.SUBMISSION: _text(view, "callback_id"),
    }.get(kind, _text(body, "action_id"))
    return Delivery(
        kind=kind,
        key=key,
        person=_text(user, "id"),
        team=_text(user, "team_id") or _text(_object(body, "team"), "id"),
        name=name,
        place=Place(channel, _text(body, "response_url") or packed.response_url, packed.thread),
        trigger_id=_text(body, "trigger_id"),
        text=_text(body, "value"),
        value=_text(action, "value") or _text(_object(action, "selected_option"), "value"),
        view=view,
        more=more,
        is_ephemeral=container.get("is_ephemeral") is True,
    )


def _key(request: BoltRequest) -> str:
    """Name the delivery: over HTTP by what was signed and its signature, over a socket by its content."""
    if request.mode == "http":
        timestamp = _header(request, "x-slack-request-timestamp")
        parts = (timestamp, request.raw_body, _header(request, "x-slack-signature"))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return hashlib.sha256(json.dumps(request.body, sort_keys=True).encode()).hexdigest()


def _header(request: BoltRequest, name: str) -> str:
    values = request.headers.get(name) or [""]
    return str(values[0])


def _first_action(body: Json) -> Json:
    listed: Any = body.get("actions")
    first = listed[0] if isinstance(listed, list) and listed else None
    return first if isinstance(first, dict) and _text(first, "action_id") else {}


def _object(holder: Json, key: str) -> Json:
    value = holder.get(key)
    return value if isinstance(value, dict) else {}


def _text(holder: Json, key: str) -> str:
    value = holder.get(key)
    return value if isinstance(value, str) else ""
