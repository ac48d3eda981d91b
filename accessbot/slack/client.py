"""The Web API client: bounded in time, no retries of its own, no proxy on the way to this very machine."""

from __future__ import annotations

import json
import logging
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

from slack_sdk import WebClient

if TYPE_CHECKING:
    from accessbot.slack.blocks import Json, Message

SLACK_API_URL = "https://slack.com/api/"
WEB_TIMEOUT_S = 2
"""For calls that a person waits for: Slack gives three seconds for the whole answer."""
WORKER_TIMEOUT_S = 10

_ANSWER_HOST = "hooks.slack.com"
_log = logging.getLogger("accessbot.slack.client")
_log.setLevel(logging.WARNING)  # at DEBUG the library writes whole messages


class UnknownAddress(ValueError):
    """An address for answers that is not Slack's: nothing is sent there."""


class SlackClient(WebClient):
    """Slack's Web API under one base address, and the addresses that Slack gives for answers."""

    def __init__(self, token: str, base_url: str = SLACK_API_URL, timeout: int = WORKER_TIMEOUT_S) -> None:
        """Connect to nothing yet.

        Args:
            token: the bot token.
            base_url: root of the Web API, ending in `/api/`.
            timeout: seconds for each call.
        """
        super().__init__(token=token, base_url=base_url, timeout=timeout, logger=_log, retry_handlers=[])
        self._direct: OpenerDirector | None = None
        if is_loopback(base_url):
            self.proxy = None
            self._direct = build_opener(ProxyHandler({}))

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        """Send one request; the library's own way, except that loopback addresses never go through a proxy."""
        if self._direct is None:
            result: dict[str, Any] = super()._perform_urllib_http_request_internal(url, req)
            return result
        with self._direct.open(req, timeout=self.timeout) as answer:
            charset = answer.headers.get_content_charset() or "utf-8"
            return {"status": answer.status, "headers": answer.headers, "body": answer.read().decode(charset)}

    def respond(self, response_url: str, message: Message, *, replace: bool = False) -> None:
        """Answer one person through the address that came with what they did.

        Raises `UnknownAddress` for an address that is not Slack's, and OSError when it is spent, gone or unreachable.
        """
        self._check_address(response_url)
        body: Json = {"text": message.text, "response_type": "ephemeral", "replace_original": replace}
        if message.blocks:
            body["blocks"] = message.blocks
        request = Request(  # noqa: S310 - the address was checked right before
            response_url,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json; charset=utf-8"},
            method="POST",
        )
        opener = self._direct or build_opener(*([ProxyHandler({"https": self.proxy})] if self.proxy else []))
        with opener.open(request, timeout=self.timeout) as answer:
            answer.read()

    def _check_address(self, response_url: str) -> None:
        address, base = urlsplit(response_url), urlsplit(self.base_url)
        same_as_base = (address.scheme, address.netloc) == (base.scheme, base.netloc)
        local = self._direct is not None and is_loopback(response_url)
        if not (same_as_base or local or (address.scheme == "https" and address.hostname == _ANSWER_HOST)):
            raise UnknownAddress("the address for the answer is not one of Slack's")


def is_loopback(url: str) -> bool:
    """Tell whether an address names this very machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
