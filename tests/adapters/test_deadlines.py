"""The time of a call is the time of all of it: of an answer that trickles in, of two calls in one, of a standstill.

Each case is tried on the real adapters of both vendors, over real sockets.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest

from accessbot.adapters.google_auth import anonymous
from accessbot.adapters.google_directory import GoogleDirectory
from accessbot.domain.errors import Unavailable
from accessbot.domain.model import DirectoryUser
from accessbot.ports import calls_until
from accessbot.sandbox.aws import Aws
from tests.adapters.aws_answering import GROUP, USER, adapter

SHORT = timedelta(seconds=0.4)
ADA = DirectoryUser(id="1", email="ada@example.com", suspended=False, archived=False)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\nX-Long: " + b"x" * 200 + b"\r\n\r\n" + b"{" + b" " * 59


@contextmanager
def trickling(ready_bytes: int) -> Iterator[str]:
    """Serve an answer of which so many bytes come at once, and then one every 50 ms; it would take over ten seconds."""
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(ANSWER[:ready_bytes])
            for byte in ANSWER[ready_bytes:]:
                if over.wait(0.05):
                    return
                connection.sendall(bytes([byte]))

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def took(call: Callable[[], object]) -> float:
    """Give how many seconds a call took that was not answered in time."""
    began = time.monotonic()
    with pytest.raises(Unavailable):
        call()
    return time.monotonic() - began


@pytest.mark.parametrize("ready", [10, len(ANSWER) - 60], ids=["headers", "body"])
def test_an_answer_that_trickles_in_from_google_is_cut_off(ready: int) -> None:
    """Every byte comes in time, the answer does not."""
    with trickling(ready) as url:
        directory = GoogleDirectory(url, anonymous(url), SHORT)
        directory.warm()
        assert 0.3 < took(lambda: directory.is_member("ops@example.com", "1")) < 5


@pytest.mark.parametrize("ready", [10, len(ANSWER) - 60], ids=["headers", "body"])
def test_an_answer_that_trickles_in_from_aws_is_cut_off(ready: int, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every byte comes in time, the answer does not."""
    assert aws.url
    with trickling(ready) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_IDENTITYSTORE", url)
        center = adapter(SHORT)
        center.warm()
        assert 0.3 < took(lambda: center.is_member(GROUP, USER)) < 5


def test_the_calls_of_one_removal_share_its_time(aws: Aws) -> None:
    """A look-up that took most of the time leaves the removal only the rest."""
    group, user = aws.add_group("ops").id, aws.add_user("ada").id
    aws.store.create_membership(group, user, by="admin")
    center = adapter(timedelta(seconds=1))
    center.warm()
    aws.faults.slow("aws.identitystore.GetGroupMembershipId", 0.7)
    aws.faults.slow("aws.identitystore.DeleteGroupMembership", 0.9)
    assert took(lambda: center.remove(group, user)) < 1.6  # and not 0.7 and 1 more


def test_a_process_that_stood_still_sends_nothing_when_it_wakes_up(aws: Aws) -> None:
    """Once the lease under which a call is made is used up, the call is not made, whatever its own time."""
    group, user = aws.add_group("ops").id, aws.add_user("ada").id
    aws.store.create_membership(group, user, by="admin")
    center = adapter()
    center.warm()
    with trickling(len(ANSWER)) as url:
        directory = GoogleDirectory(url, anonymous(url), timedelta(seconds=5))
        directory.warm()
        aws.journal.clear()
        outside = calls_until.set(time.monotonic() - 0.01)
        for call in (
            lambda: directory.add("ops@example.com", ADA),
            lambda: directory.remove("ops@example.com", ADA.id),
            lambda: center.add(group, user),
            lambda: center.remove(group, user),
        ):
            assert took(call) < 3
        calls_until.reset(outside)
    assert aws.journal.calls() == []
    assert aws.is_member("ops", "ada")
