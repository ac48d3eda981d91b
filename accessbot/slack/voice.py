"""Saying something to one person alone, by the best way that is open."""

from __future__ import annotations

from http.client import HTTPException
from typing import TYPE_CHECKING

from accessbot import log
from accessbot.domain.errors import Missing, NotAuthorised, Rejected
from accessbot.slack.client import UnknownAddress
from accessbot.slack.failures import VENDOR, naming

if TYPE_CHECKING:
    from accessbot.slack.blocks import Message
    from accessbot.slack.client import SlackClient
    from accessbot.slack.place import Place

_log = log.get("accessbot.slack.voice")


_NOBODY_THERE = frozenset({"channel_not_found", "is_archived", "restricted_action"})


def whisper(client: SlackClient, person: str, place: Place, message: Message, *, replace: bool = False) -> None:
    """Tell one person something where they are, so that nobody else sees it; by direct message if that fails.

    `replace` puts it in place of the message that the person pressed in. Raises a `VendorError` when no way is open.
    """
    if place.response_url:
        try:
            client.respond(place.response_url, message, replace=replace)
        except (OSError, HTTPException, UnknownAddress) as error:
            _log.info("the address for answers did not take it", error=type(error).__name__)
        else:
            return
    if place.channel and not place.channel.startswith("D"):
        try:
            with naming("chat.postEphemeral"):
                client.chat_postEphemeral(
                    channel=place.channel, user=person, text=message.text, blocks=message.blocks or None
                )
        except (NotAuthorised, Rejected, Missing) as error:
            _log.info("not possible in that channel, writing directly", code=error.code)
        else:
            return
    direct(client, person, message)


def direct(client: SlackClient, person: str, message: Message) -> None:
    """Write to a person directly. Raises a `VendorError`; `Rejected` when that person cannot be written to."""
    try:
        with naming("chat.postMessage"):
            client.chat_postMessage(
                channel=person,
                text=message.text,
                blocks=message.blocks or None,
                unfurl_links=False,
                unfurl_media=False,
            )
    except NotAuthorised as error:
        if error.code not in _NOBODY_THERE:
            raise
        raise Rejected(
            VENDOR, error.operation, "That person cannot be written to in Slack.", code=error.code
        ) from error
