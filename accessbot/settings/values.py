"""How the text of one variable is read: each raises ValueError with what is wrong and the fix, never with the value."""

from __future__ import annotations

import ipaddress
import json
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

from accessbot.adapters.redis_address import parse
from accessbot.domain.durations import parse_duration
from accessbot.domain.errors import FieldRefused
from accessbot.domain.work import Lane

_URL_TEXT = re.compile(r"[A-Za-z0-9._~:/\[\]%-]+", re.ASCII)
_LOOPBACK_V4 = ipaddress.ip_network("127.0.0.0/8")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_MOST_SLOTS = 64
_LEAST_GRACE = timedelta(minutes=1)


def is_loopback(address: str) -> bool:
    """Tell whether a URL's host is this machine: `localhost`, 127.0.0.0/8 or ::1; nothing else counts."""
    host = urlsplit(address).hostname or ""
    if host == "localhost":
        return True
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    return ip in _LOOPBACK_V4 if ip.version == 4 else ip == ipaddress.IPv6Address(1)  # noqa: PLR2004 - IP version 4


def address(value: str) -> str:
    """Check a vendor's address: https anywhere, http on loopback alone, nothing in it but host, port and path."""
    fix = "write it like https://host/path, without user, query or fragment"
    if not _URL_TEXT.fullmatch(value):
        raise ValueError(f"is no plain web address; {fix}")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"is no web address; {fix}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"is no web address; {fix}")
    if parts.scheme == "http" and not is_loopback(value):
        raise ValueError("would be called without encryption; use https, or an address of this machine (127.0.0.1)")
    return value


def _rooted(value: str) -> str:
    return address(value).rstrip("/") + "/"


def slack_api(value: str) -> str:
    """Read Slack's API address, which ends in `/api/`; a missing last slash is added."""
    url = _rooted(value)
    if not urlsplit(url).path.endswith("/api/"):
        raise ValueError("has to end in /api/, as in https://slack.com/api/")
    return url


def google_api(value: str) -> str:
    """Read the root of Google's API, with one slash at the end."""
    url = _rooted(value)
    if "/admin/directory" in url:
        raise ValueError("has to be the root alone: leave out admin/directory/v1")
    return url


def cloud_identity(value: str) -> str:
    """Read the root of the Cloud Identity API, with one slash at the end."""
    url = _rooted(value)
    if urlsplit(url).path.rstrip("/").endswith("/v1"):
        raise ValueError("has to be the root alone: leave out v1")
    return url


def pagerduty(value: str) -> str:
    """Read the root of PagerDuty's API, with one slash at the end."""
    return _rooted(value)


def start_url(value: str) -> str:
    """Read the access portal's address, without a slash or a fragment at the end."""
    return address(value.partition("#")[0]).rstrip("/")


def duration(value: str) -> timedelta:
    """Read a duration as people type it."""
    try:
        return parse_duration(value)
    except FieldRefused as error:
        raise ValueError("is no duration; write it like 30s, 5m or 1h30m") from error


def grace(value: str) -> timedelta | None:
    """Read how long after our own end another one comes, a minute at least; `off` for none."""
    if value.casefold() == "off":
        return None
    found = duration(value)
    if found < _LEAST_GRACE:
        raise ValueError("has to be at least 1m, so that it never comes before our own end; or off")
    return found


def whole(least: int, most: int) -> BeforeValidator:
    """Make a reader of whole numbers within limits."""

    def read(value: object) -> object:
        if isinstance(value, str):
            if not re.fullmatch(r"\d{1,9}", value, re.ASCII) or not least <= int(value) <= most:
                raise ValueError(f"has to be a whole number from {least} to {most}")
            return int(value)
        return value

    return BeforeValidator(read)


def slots(value: object) -> object:
    """Read `fast:2,ends:2,talk:1,sweep:1` into slots by lane; every lane has to be named, so that none is forgotten."""
    if not isinstance(value, str):
        return value
    lanes = ", ".join(Lane)
    slots: dict[Lane, int] = {}
    for part in value.split(","):
        name, _, count = (piece.strip() for piece in part.partition(":"))
        if name not in set(Lane) or Lane(name) in slots or not re.fullmatch(r"\d{1,2}", count, re.ASCII):
            raise ValueError(f"names each lane once ({lanes}) with its slots, like fast:2,ends:2,talk:1,sweep:1")
        slots[Lane(name)] = int(count)
    if set(slots) != set(Lane):
        raise ValueError(f"leaves a lane out; name all of {lanes}, with 0 where this machine runs none")
    if not 1 <= sum(slots.values()) <= _MOST_SLOTS:
        raise ValueError(f"has to add up to 1 to {_MOST_SLOTS} slots")
    return slots


def matching(pattern: re.Pattern[str], fix: str) -> AfterValidator:
    """Make a check that a value, where there is one, has a form."""

    def check(value: str) -> str:
        if value and not pattern.fullmatch(value):
            raise ValueError(fix)
        return value

    return AfterValidator(check)


def token(kind: str, others: tuple[str, ...]) -> AfterValidator:
    """Make a check of a secret that was copied by hand: whole, and not the one from the next field."""

    def check(value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if any(c.isspace() for c in text) or not text.isascii():
            raise ValueError("has a blank or a foreign character in it; copy it again, without quotes")
        if text.startswith(others):
            raise ValueError(f"holds another kind of token; {kind}")
        return value

    return AfterValidator(check)


def redis(value: SecretStr) -> SecretStr:
    """Check a Redis address; it may hold a password, so it is a secret."""
    parse(value.get_secret_value())
    return value


def credentials(value: Path | None) -> Path | None:
    """Check that the credentials file is there and looks like Google's."""
    if value is None:
        return None
    try:
        found = json.loads(value.read_bytes())
    except OSError as error:
        raise ValueError(
            f"names a file that cannot be read ({error.strerror}); give the path of the key file"
        ) from error
    except ValueError as error:
        raise ValueError("names a file that is not JSON; give the path of Google's credentials file") from error
    kind = found.get("type") if isinstance(found, dict) else None
    if not kind:
        raise ValueError("names a file without a “type”; give the path of Google's credentials file")
    return value


def level(value: object) -> object:
    """Read a log level in any case."""
    if not isinstance(value, str) or value.upper() not in _LEVELS:
        raise ValueError(f"has to be one of {', '.join(_LEVELS)}")
    return value.upper()
