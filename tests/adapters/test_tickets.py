"""The ticket system: only a plain yes in time is one."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta

import pytest

from accessbot.adapters.tickets import TicketSystem
from accessbot.domain.errors import Refused, Rejected, Unavailable, VendorError
from accessbot.domain.rules import Ticket
from tests.domain.examples import a_request
from tests.support.answering import Reply, answering, plain


def check(url: str, timeout: timedelta = timedelta(seconds=5)) -> None:
    """Ask whether OPS-7 may be used."""
    TicketSystem().check(Ticket(pattern=r"OPS-\d+", check=url, timeout=timeout), "OPS-7", a_request())


def refuses(reply: Reply, kind: type[Exception]) -> str:
    """Ask a system that says anything but yes; give the sentence."""
    with answering(lambda _: reply) as server, pytest.raises(kind) as caught:
        check(f"{server.url}/s3cr3t")
    assert "s3cr3t" not in str(caught.value)
    return str(caught.value)


def test_a_yes_passes_and_the_question_says_it_all() -> None:
    """Who asks for what, for how long, why, and by which ticket."""
    with answering(lambda _: plain(200, b'{"allowed": true, "more": 1}')) as server:
        check(f"{server.url}/allowed?key=x")
        [asked] = server.asked
    assert (asked.method, asked.target, asked.headers["content-type"]) == ("POST", "/allowed?key=x", "application/json")
    assert json.loads(asked.body) == {
        "ticket": "OPS-7",
        "requester": "U_MAYA",
        "email": "maya@example.com",
        "entitlement": "production-admin",
        "duration_s": 3600,
        "reason": "INC-42",
    }


def test_without_an_address_nobody_is_asked() -> None:
    """A ticket that only has to be named is not checked."""
    check("")


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("OPS-7 is closed", "it says: OPS-7 is closed"),
        ("  two\nlines\tand \u202e\x1b[31mmore ", "it says: two lines and [31mmore"),
        ("", "it says: no reason"),
        (None, "it says: no reason"),
        (17, "it says: no reason"),
    ],
)
def test_a_no_is_told_in_the_system_s_own_word(reason: object, shown: str) -> None:
    """On one line, without what cannot be seen, and named as the ticket system's."""
    sentence = refuses(plain(200, json.dumps({"allowed": False, "reason": reason}).encode()), Refused)
    assert sentence == f"The ticket system does not allow OPS-7 for this; {shown}"


def test_a_long_no_is_cut() -> None:
    """Three hundred characters are enough."""
    sentence = refuses(plain(200, json.dumps({"allowed": False, "reason": "x" * 5000}).encode()), Refused)
    assert sentence.partition("it says: ")[2] == "x" * 299 + "…"


@pytest.mark.parametrize(
    "reply",
    [
        plain(200, b""),
        plain(200, b"true"),
        plain(200, b'{"allowed": "true"}'),
        plain(200, b'{"allowed": 1}'),
        plain(200, b'{"allowed": null}'),
        plain(200, b'{"reason": "yes"}'),
        plain(200, b'[{"allowed": true}]'),
        plain(200, b"[" * 100_000),
        plain(200, b'{"allowed": true}' + b" " * 10_000_000),
        plain(201, b'{"allowed": true}'),
        plain(204),
        plain(302, b'{"allowed": true}', Location="http://127.0.0.1:1/"),
        plain(401, b'{"allowed": true}'),
        plain(404, b'{"allowed": true}'),
    ],
)
def test_anything_else_is_no(reply: Reply) -> None:
    """A yes of another kind, size or status is none."""
    assert "counts as no" in refuses(reply, Rejected) or "nothing of it is used" in refuses(reply, Rejected)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_system_that_cannot_answer_now_is_away(status: int) -> None:
    """It may be asked again, and has not said yes."""
    refuses(plain(status, b'{"allowed": true}'), Unavailable)


def test_a_yes_that_comes_too_late_is_none() -> None:
    """The ticket's own time bounds the whole call."""
    stop = threading.Event()

    def late() -> Reply:
        yield b"HTTP/1.1 200 OK\r\n"
        for _ in range(100):
            if stop.wait(0.05):
                return
            yield b"X: y\r\n"

    with answering(lambda _: late()) as server:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            check(server.url, timedelta(seconds=0.3))
        assert time.monotonic() - began < 4
        stop.set()


@pytest.mark.parametrize(
    ("url", "kind"), [("http://tickets.example.com", Rejected), ("http://127.0.0.1:1", Unavailable)]
)
def test_nobody_to_ask_is_no(url: str, kind: type[VendorError]) -> None:
    """An address that is not safe, and one at which nobody answers."""
    with pytest.raises(kind):
        check(url)
