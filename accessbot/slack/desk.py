"""What the listeners share: the verbs' context, the client for the web process, and the forms it opens."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from accessbot import log
from accessbot.domain.errors import Refused, Unavailable, VendorError
from accessbot.service import viewing
from accessbot.slack.failures import UNKNOWN_METHOD, naming
from accessbot.slack.guard import Afterwards, Replayed
from accessbot.slack.options import AccessIndex, AccessIndexes
from accessbot.slack.sight import Sight
from accessbot.slack.voice import whisper

if TYPE_CHECKING:
    from collections.abc import Callable

    from accessbot.service.context import Context
    from accessbot.slack.blocks import Json, Message
    from accessbot.slack.client import SlackClient
    from accessbot.slack.delivery import Delivery

_log = log.get("accessbot.slack.desk")

_REMEMBERED = timedelta(minutes=15)
"""How long deliveries are remembered: three times as long as a signature is accepted."""

_LOOKING_UP = 2
"""Threads that find out what people may see."""

_SPENT = frozenset({"exchanged_trigger_id", "trigger_exchanged"})
_TOO_LATE = frozenset({"expired_trigger_id", "trigger_expired", "invalid_trigger_id", "invalid_trigger"})


class FormsUnavailable(Exception):
    """This Slack cannot open forms; the caller offers another way."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The counter at which people are served; `client` is the one with the short timeout.

    `behind` runs look-ups that nobody waits for, in threads of their own: a slow vendor holds up no answer.
    """

    ctx: Context
    client: SlackClient
    sight: Sight
    behind: Callable[[Callable[[], None]], None]
    indexes: AccessIndexes = field(default_factory=AccessIndexes)

    @classmethod
    def of(cls, ctx: Context, client: SlackClient, behind: Callable[[Callable[[], None]], None] | None = None) -> Desk:
        """Set up the counter."""
        return cls(ctx, client, Sight(partial(viewing.visible, ctx)), behind or Afterwards(_LOOKING_UP))

    def index(self) -> AccessIndex:
        """Give the choices of the catalog in force, from memory."""
        return self.indexes.of(self.ctx.catalog.current(), self.ctx.terms.shortest)

    def index_for(self, person: str) -> AccessIndex:
        """Give the choices that a person sees, from memory: all of them while it is not known which those are."""
        index = self.index()
        seen = self.sight.of(person, index.hash)
        return index if seen is None else index.part(seen.policies)

    def hidden(self, person: str) -> str:
        """Say why a person sees nothing at all of the catalog; "" when they see something."""
        index = self.index()
        seen = self.sight.of(person, index.hash)
        if seen is None or index.part(seen.policies).example is not None:
            return ""
        return seen.refusal or "There is nothing in the catalog that you may ask for."

    def look(self, person: str, then: Callable[[], None] | None = None) -> None:
        """Find out, behind what is going on, what a person may see if it is time to; do something after that."""
        catalog = self.index().hash
        if not self.sight.is_due(person, catalog):
            return

        def find_out() -> None:
            self.sight.look(person, catalog)
            if then is not None:
                then()

        self.behind(find_out)

    def once(self, delivery: Delivery) -> None:
        """Go on only if this delivery was not seen before. Raises `Replayed`, `StoreUnavailable`."""
        if not self.ctx.store.first_sight(f"delivery:{delivery.key}", _REMEMBERED):
            raise Replayed

    def open_form(self, delivery: Delivery, view: Json) -> Json:
        """Open a form for the person, and give the view as Slack shows it.

        Raises `Replayed` when Slack says that this very press has opened one already, `FormsUnavailable` where there
        are none, `Refused` with what to do when it did not work.
        """
        try:
            with naming("views.open"):
                opened = self.client.views_open(trigger_id=delivery.trigger_id, view=view).get("view")
        except VendorError as error:
            if error.code in _SPENT:
                raise Replayed from error
            if error.code == UNKNOWN_METHOD:
                raise FormsUnavailable from error
            if error.code in _TOO_LATE or isinstance(error, Unavailable):
                raise Refused("Slack did not open the form in time; try it once more.") from error
            raise Refused(f"Slack did not open the form: {error.sentence} Tell your administrators.") from error
        return opened if isinstance(opened, dict) else {}

    def update_form(self, shown: Json, view: Json) -> None:
        """Show an open form differently, unless it was changed meanwhile; it works as well as it was."""
        view_id = shown.get("id")
        if not view_id:
            return
        try:
            with naming("views.update"):
                self.client.views_update(view_id=str(view_id), hash=shown.get("hash"), view=view)
        except VendorError as error:
            _log.info("an open form was left as it is", code=error.code)

    def whisper(self, delivery: Delivery, message: Message) -> None:
        """Tell the person something where they are; nobody else sees it."""
        whisper(self.client, delivery.person, delivery.place, message)

    def replace(self, delivery: Delivery, message: Message) -> None:
        """Put a message in place of the private one that the person pressed in."""
        whisper(self.client, delivery.person, delivery.place, message, replace=delivery.is_ephemeral)
