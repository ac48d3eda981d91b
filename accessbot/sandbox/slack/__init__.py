"""A Slack workspace on loopback, with Slack's limits and semantics, that the real app talks to."""

from accessbot.sandbox.slack.actor import Actor, NothingCameError, Outcome
from accessbot.sandbox.slack.errors import DeliveryFailed, Refused, UnknownThing
from accessbot.sandbox.slack.forgery import Flaw
from accessbot.sandbox.slack.people import Cast, Channel, Person, UserGroup, load_cast
from accessbot.sandbox.slack.text import text_of
from accessbot.sandbox.slack.workspace import Workspace

__all__ = [
    "Actor",
    "Cast",
    "Channel",
    "DeliveryFailed",
    "Flaw",
    "NothingCameError",
    "Outcome",
    "Person",
    "Refused",
    "UnknownThing",
    "UserGroup",
    "Workspace",
    "load_cast",
    "text_of",
]
