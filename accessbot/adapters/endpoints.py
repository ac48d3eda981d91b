"""Vendor addresses: https everywhere, plain http only to this very machine."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from accessbot.domain.errors import AccessbotError


class UnsafeEndpoint(AccessbotError):
    """A vendor's address is neither https nor a loopback address, or is to be used without credentials off loopback."""


def is_loopback(url: str) -> bool:
    """Tell whether a URL leads to this machine: `localhost`, 127.0.0.0/8 or ::1. False for what is no URL."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def checked_endpoint(url: str, setting: str) -> str:
    """Give the URL back if it is https or leads to this machine.

    `setting` names the environment variable to correct. Raises `UnsafeEndpoint`; the sentence holds no user info that
    the URL may carry.
    """
    try:
        parts = urlsplit(url)
        scheme, host, user_info = parts.scheme, parts.hostname, "@" in parts.netloc
    except ValueError:
        scheme, host, user_info = "", None, False
    if not host or user_info or not (scheme == "https" or (scheme == "http" and is_loopback(url))):
        raise UnsafeEndpoint(
            f"{setting} must be an https address without user name or password, or an http address on this machine "
            f"(127.0.0.1); {scheme or 'no scheme'}://{host or '?'} is not."
        )
    return url
