"""What the listeners share: the verbs' context, the client for the web process, and the forms it opens."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from accessbot.domain.errors import Refused, Unavailable, VendorError
from accessbot.slack.failures import UNKNOWN_METHOD, naming
from accessbot.slack.guard import Replayed
from accessbot.slack.options import AccessIndex, AccessIndexes
from accessbot.slack.voice import whisper

if TYPE_CHECKING:
    from accessbot.service.context import Context
    from accessbot.slack.blocks import Json, Message
    from accessbot.slack.client import SlackClient
    from accessbot.slack.delivery import Delivery

_REMEMBERED = timedelta(minutes=15)
"""How long deliveries are remembered: three times as long as a signature is accepted."""

_SPENT = frozenset({"exchanged_trigger_id", "trigger_exchanged"})
_TOO_LATE = frozenset({"expired_trigger_id", "trigger_expired", "invalid_trigger_id", "invalid_trigger"})


class FormsUnavailable(Exception):
    """This Slack cannot open forms; the caller offers another way."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The counter at which people are served; `client` is the one with the short timeout."""

    ctx: Context
    client: SlackClient
    indexes: AccessIndexes = field(default_factory=AccessIndexes)

    def index(self) -> AccessIndex:
        """Give the choices of the catalog in force, from memory."""
        return self.indexes.of(self.ctx.catalog.current(), self.ctx.terms.shortest)

    def once(self, delivery: Delivery) -> None:
        """Go on only if this delivery was not seen before. Raises `Replayed`, `StoreUnavailable`."""
        if not self.ctx.store.first_sight(f"delivery:{delivery.key}", _REMEMBERED):
            raise Replayed

    def open_form(self, delivery: Delivery, view: Json) -> None:
        """Open a form for the person.

        Raises `Replayed` when Slack says that this very press has opened one already, `FormsUnavailable` where there
        are none, `Refused` with what to do when it did not work.
        """
        try:
            with naming("views.open"):
                self.client.views_open(trigger_id=delivery.trigger_id, view=view)
        except VendorError as error:
            if error.code in _SPENT:
                raise Replayed from error
            if error.code == UNKNOWN_METHOD:
                raise FormsUnavailable from error
            if error.code in _TOO_LATE or isinstance(error, Unavailable):
                raise Refused("Slack did not open the form in time; try it once more.") from error
            raise Refused(f"Slack did not open the form: {error.sentence} Tell your administrators.") from error

    def whisper(self, delivery: Delivery, message: Message) -> None:
        """Tell the person something where they are; nobody else sees it."""
        whisper(self.client, delivery.person, delivery.place, message)

    def replace(self, delivery: Delivery, message: Message) -> None:
        """Put a message in place of the private one that the person pressed in."""
        whisper(self.client, delivery.person, delivery.place, message, replace=delivery.is_ephemeral)
