"""One bounded HTTP call to an address that somebody else wrote down: a feed, a pager's API, a ticket system.

No redirect is followed, so that what is sent (a token, a secret address) goes where it was meant to. The whole call has
a time, and an answer a size: what is larger is left unread. The address may be a secret, so no error holds it, nor the
text of an error below that might.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

import httplib2

from accessbot.adapters.deadlines import TimedResponse, within
from accessbot.adapters.endpoints import UnsafeEndpoint, checked_endpoint
from accessbot.adapters.google_transport import Plain, Secure, Transport
from accessbot.adapters.retry_after import asked_pause
from accessbot.domain.errors import NotAuthorised, Rejected, Unavailable, VendorError

LIMIT = 1_000_000
"""The most bytes of an answer that are read."""

_FAILURES = (httplib2.HttpLib2Error, http.client.HTTPException, OSError, ValueError)
_FORBIDDEN = frozenset({401, 403})
_LATER = frozenset({408, 425, 429})
_REDIRECTS = range(300, 400)
_SERVER_ERRORS = range(500, 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Who is asked, as errors name them: the name people know, the call, and where the address is written down."""

    vendor: str
    operation: str
    written: str

    @property
    def subject(self) -> str:
        """Give the name as the first word of a sentence."""
        return self.vendor[:1].upper() + self.vendor[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer of any status, whole, with the pause that it asks for."""

    status: int
    body: bytes = field(repr=False)
    retry_after: timedelta | None = None


def fetch(
    source: Source,
    url: str,
    *,
    timeout: timedelta,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """Call once, with GET, or with POST where there is a body; give the answer whatever its status is.

    Raises `Rejected` for an address that is neither https nor on this machine and for an answer that is too large or
    compressed, `Unavailable` when there is no whole answer within `timeout`.
    """
    try:
        checked_endpoint(url, source.written)
        _ = urlsplit(url).port
    except ValueError:
        sentence = f"{source.written} names a port that is none: correct it."
        raise Rejected(source.vendor, source.operation, sentence, code="port") from None
    except UnsafeEndpoint as error:
        raise Rejected(source.vendor, source.operation, error.sentence, code=type(error).__name__) from None
    transport = Transport()
    sent = {"accept-encoding": "identity", "user-agent": "accessbot", **(headers or {})}
    kind = _LimitedSecure if url.startswith("https:") else _LimitedPlain
    try:
        with within(timeout):
            answer, content = transport.request(
                url, "GET" if body is None else "POST", body, sent, connection_type=kind
            )
    except _Unreadable as error:
        sentence = f"{source.subject} answered {source.operation} with {error}; nothing of it is used."
        raise Rejected(source.vendor, source.operation, sentence, code=type(error).__name__) from None
    except _FAILURES as error:
        # Not `from error`: what libraries say of a bad address holds the address.
        raise _unanswered(source, type(error).__name__) from None
    finally:
        transport.close()
    return Answer(status=int(answer.status), body=content, retry_after=asked_pause(answer))


def refusal(source: Source, answer: Answer) -> VendorError:
    """Make the named error of an answer whose status is not the one that was hoped for."""
    status, vendor, operation, subject = answer.status, source.vendor, source.operation, source.subject
    code = str(status)
    if status in _FORBIDDEN:
        sentence = f"{subject} does not let accessbot use {operation} ({status}); correct {source.written}."
        return NotAuthorised(vendor, operation, sentence, code=code)
    if status in _LATER or status in _SERVER_ERRORS:
        return _unanswered(source, code, answer.retry_after)
    if status in _REDIRECTS:
        sentence = (
            f"{subject} answered {operation} with a redirect ({status}), which accessbot does not follow; "
            f"put the final address into {source.written}."
        )
        return Rejected(vendor, operation, sentence, code=code)
    sentence = f"{subject} refused {operation} for good ({status}); correct {source.written}."
    return Rejected(vendor, operation, sentence, code=code)


def _unanswered(source: Source, code: str, retry_after: timedelta | None = None) -> Unavailable:
    sentence = f"{source.subject} gave no usable answer to {source.operation} ({code}); accessbot will try again."
    return Unavailable(source.vendor, source.operation, sentence, code=code, retry_after=retry_after)


class _Unreadable(http.client.HTTPException):
    """An answer is not read, and why, as the end of a sentence."""


class _LimitedResponse(TimedResponse):
    """A response of which no more than `LIMIT` bytes are taken, and none of a shorter one that breaks off."""

    def begin(self) -> None:
        super().begin()
        # Asked not to be. What is compressed may be a thousand times larger than what is counted here.
        if (self.getheader("content-encoding") or "identity").strip().lower() != "identity":
            raise _Unreadable("compressed bytes that nobody asked for")
        if self.length is not None and self.length > LIMIT:
            raise _too_large()

    def read(self, amt: int | None = None) -> bytes:
        try:
            return self._read(amt)
        except BaseException:
            self.close()  # nobody else does once the connection has left it to the response
            raise

    def _read(self, amt: int | None) -> bytes:
        if amt is not None or self.length is not None:
            return super().read(amt)
        content = super().read(LIMIT + 1)
        if len(content) > LIMIT:
            raise _too_large()
        return content


def _too_large() -> _Unreadable:
    return _Unreadable(f"more than {LIMIT // 1_000_000} MB")


class _LimitedPlain(Plain):
    response_class = _LimitedResponse


class _LimitedSecure(Secure):
    response_class = _LimitedResponse
