"""Where an iCal feed is: at an address that the catalog gives, or one that an environment variable holds."""

from __future__ import annotations

import re
from collections.abc import Mapping

from accessbot.adapters.endpoints import UnsafeEndpoint, checked_endpoint
from accessbot.domain.errors import AccessbotError

_WEBCAL = re.compile(r"^webcals?://", re.IGNORECASE)


class NoAddress(AccessbotError):
    """An iCal feed has no address that can be called; the sentence says where it is written, never what."""


def written(address: str) -> str:
    """Say where the address of a feed is written down, for errors."""
    return "its address in the catalog" if "://" in address else address


def resolve(address: str, environ: Mapping[str, str]) -> str:
    """Give the address of a feed: itself, or what the environment variable of that name holds.

    The `webcal:` that calendars hand out stands for https. Raises `NoAddress`.
    """
    url = address if "://" in address else environ.get(address, "").strip()
    where = written(address)
    if not url:
        raise NoAddress(
            f"{where} is not set: set it to the https address of the iCal feed that the catalog names it for"
        )
    url = _WEBCAL.sub("https://", url)
    if not url.isascii() or not url.isprintable() or " " in url:
        raise NoAddress(f"{where} is no web address: it has a blank or a foreign character in it")
    try:
        return checked_endpoint(url, where)
    except UnsafeEndpoint:
        # Its sentence names the host, which of a broken address may be a part of the secret.
        raise NoAddress(
            f"{where} has to be an https address without user name or password, or an http address on this machine"
        ) from None
