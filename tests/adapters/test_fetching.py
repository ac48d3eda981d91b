"""One call to somebody else's address: its time and its size are bounded, and a secret in it is never told."""

from __future__ import annotations

import gzip
import threading
import time
import traceback
from collections.abc import Iterator
from datetime import timedelta

import pytest

from accessbot.adapters.fetching import LIMIT, Answer, Source, fetch, refusal
from accessbot.domain.errors import NotAuthorised, Rejected, Unavailable, VendorError
from tests.support.answering import Asked, Reply, answering, plain

SOURCE = Source(vendor="the feed", operation="GET", written="FEED_URL")
LONG, SHORT = timedelta(seconds=10), timedelta(seconds=0.4)
PIECE = b"x" * 50_000
SECRET = "/private/s3cr3t-t0ken/feed?key=s3cr3t-t0ken"


def told(error: BaseException) -> str:
    """Give all that a log would show of an error."""
    return "".join(traceback.format_exception(error))


def fails(url: str, kind: type[VendorError], timeout: timedelta = LONG) -> VendorError:
    """Call, and give the error, which tells nothing of the address."""
    with pytest.raises(kind) as caught:
        fetch(SOURCE, url + SECRET, timeout=timeout)
    assert "s3cr3t" not in told(caught.value)
    assert caught.value.vendor == "the feed"
    return caught.value


def test_an_answer_is_given_whole_with_its_status() -> None:
    """Whatever its status is; what was sent is what was meant to be."""
    with answering(lambda _: plain(503, b"later", Retry_After="7")) as server:
        assert fetch(SOURCE, server.url + "/x?y=z", timeout=LONG, headers={"accept": "text/calendar"}) == Answer(
            status=503, body=b"later", retry_after=timedelta(seconds=7)
        )
        [asked] = server.asked
    assert (asked.method, asked.target, asked.headers["accept"]) == ("GET", "/x?y=z", "text/calendar")
    assert (asked.headers["accept-encoding"], asked.headers["user-agent"]) == ("identity", "accessbot")


def test_a_body_is_posted() -> None:
    """With a body the call is a POST."""
    with answering(lambda asked: plain(200, asked.body[::-1])) as server:
        assert fetch(SOURCE, server.url, timeout=LONG, body=b"abc").body == b"cba"
        assert [asked.method for asked in server.asked] == ["POST"]


def chunked(_: Asked) -> Reply:
    """Send chunks without an end."""
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"%x\r\n%s\r\n" % (len(PIECE), PIECE)


def unbounded(_: Asked) -> Reply:
    """Send bytes without an end, and without saying how many."""
    yield b"HTTP/1.0 200 OK\r\n\r\n"
    while True:
        yield PIECE


def announced(_: Asked) -> Reply:
    """Send ten million bytes, as announced."""
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n"
    for _number in range(200):
        yield PIECE


def compressed(_: Asked) -> Reply:
    """Send a hundred million bytes as a few thousand."""
    return plain(200, gzip.compress(b"\0" * 100_000_000, 1), Content_Encoding="gzip")


@pytest.mark.parametrize("reply", [chunked, unbounded, announced, compressed])
def test_an_answer_that_is_too_large_is_left_unread(reply: object) -> None:
    """Ten million bytes, or bytes without an end, are refused after the first million at the latest."""
    with answering(reply) as server:  # type: ignore[arg-type]  # one of those above
        error = fails(server.url, Rejected)
        assert "nothing of it is used" in error.sentence
        server.over.set()
        assert server.sent < 8 * LIMIT  # what a socket's buffers hold is sent without being read


@pytest.mark.parametrize("head", [b"Content-Length: %d\r\n" % LIMIT, b""])
def test_an_answer_of_just_the_size_is_read(head: bytes) -> None:
    """The limit itself is allowed."""
    with answering(lambda _: [b"HTTP/1.1 200 OK\r\n" + head + b"Connection: close\r\n\r\n", b"x" * LIMIT]) as server:
        assert len(fetch(SOURCE, server.url, timeout=LONG).body) == LIMIT


@pytest.mark.parametrize(
    "reply",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf of it"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhalf of it\r\n"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n"],
        [b"garbage\r\n\r\n"],
        [b""],
    ],
    ids=["length", "chunk", "chunks", "no chunk", "no HTTP", "nothing"],
)
def test_an_answer_that_breaks_off_is_none(reply: list[bytes]) -> None:
    """Half an answer is never taken for a whole one, and the call is not made again by itself."""
    with answering(lambda _: reply) as server:
        fails(server.url, Unavailable)
        assert len(server.asked) == 1


@pytest.mark.parametrize("ready", [0, 60], ids=["headers", "body"])
def test_an_answer_that_trickles_in_is_cut_off(ready: int) -> None:
    """Every byte comes in time, the answer does not."""
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000
    stop = threading.Event()

    def trickle(_: Asked) -> Iterator[bytes]:
        yield whole[:ready]
        for byte in whole[ready:]:
            if stop.wait(0.05):
                return
            yield bytes([byte])

    with answering(trickle) as server:
        began = time.monotonic()
        fails(server.url, Unavailable, SHORT)
        assert 0.3 < time.monotonic() - began < 5
        stop.set()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """Where a token or a secret address is sent, nobody else has a say."""
    with (
        answering(lambda _: plain(200, b"caught")) as other,
        answering(lambda _: plain(status, b"", Location=other.url + "/elsewhere")) as server,
    ):
        answer = fetch(SOURCE, server.url, timeout=LONG, headers={"authorization": "Token token=x"})
        assert (answer.status, other.asked) == (status, [])
        error = refusal(SOURCE, answer)
        assert isinstance(error, Rejected)
        assert "FEED_URL" in error.sentence


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (204, Rejected),
        (400, Rejected),
        (401, NotAuthorised),
        (403, NotAuthorised),
        (404, Rejected),
        (408, Unavailable),
        (410, Rejected),
        (429, Unavailable),
        (500, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
        (599, Unavailable),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[VendorError]) -> None:
    """What an operator must mend is told from what passes by itself, whose pause is kept."""
    pause = timedelta(seconds=30)
    error = refusal(SOURCE, Answer(status=status, body=b"", retry_after=pause))
    assert (type(error), error.code) == (kind, str(status))
    assert error.sentence.startswith("The feed ")
    assert not isinstance(error, Unavailable) or error.retry_after == pause


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "ftp://127.0.0.1",
        "https://user:s3cr3t@example.com",
        "http://169.254.169.254",
        "file://",
        "http://localhost:99999",
        "",
    ],
)
def test_an_unsafe_address_is_not_called(url: str) -> None:
    """Neither without encryption, nor with a password, nor by another protocol."""
    error = fails(url, Rejected)
    assert "FEED_URL" in error.sentence


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://localhost:1"])
def test_nobody_at_the_address_is_an_outage(url: str) -> None:
    """A connection that is refused."""
    fails(url, Unavailable)


def test_a_broken_address_is_not_told_either() -> None:
    """Libraries quote an address that they do not like."""
    with answering(lambda _: plain()) as server:
        fails(server.url + "/s3cr3t\x7f", Unavailable)
