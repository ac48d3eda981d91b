"""What the Google adapter does beyond the contract: one try, no late write, no foreign answer, nothing guessed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from google.oauth2.credentials import Credentials
from werkzeug.wrappers import Request, Response

from accessbot.adapters.endpoints import UnsafeEndpoint
from accessbot.adapters.google_auth import GROUP_READ, MEMBER, USER_READ, anonymous
from accessbot.adapters.google_directory import GoogleDirectory
from accessbot.domain.errors import Missing, NotAuthorised, Rejected, Unavailable
from accessbot.domain.model import DirectoryUser
from accessbot.sandbox.google import Google
from accessbot.sandbox.loopback import LoopbackServer

OPS = "ops@example.com"
ADA = DirectoryUser(id="1001", email="ada@example.com", suspended=False, archived=False)
SHORT = timedelta(seconds=0.3)
LONG = timedelta(seconds=10)


@pytest.fixture
def google() -> Iterator[Google]:
    """Give a Directory API with one group."""
    with Google() as started:
        started.directory.add_group(OPS)
        yield started


def adapter(google: Google, timeout: timedelta = LONG) -> GoogleDirectory:
    """Make the adapter on a stand-in."""
    return GoogleDirectory(google.url, anonymous(google.url), timeout)


def static(token: str) -> Any:  # noqa: ANN401 - google-auth's classes are untyped
    """Make credentials that hold a token and cannot renew it."""
    make: Any = Credentials
    return make(token)


class Canned:
    """A Directory API that gives the same answer to everything and keeps what it was sent."""

    def __init__(self, body: object, status: int = 200) -> None:
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.seen: list[tuple[str, str, bytes]] = []

    def __call__(self, request: Request) -> Response:
        """Answer one call."""
        self.seen.append((request.method, request.full_path, request.get_data()))
        return Response(self.body, status=self.status, content_type="application/json")


def test_no_thread_ever_gets_the_answer_of_another(google: Google) -> None:
    """Eight threads, fifty checks each over one adapter, and every answer is the one that was asked for."""
    users = [google.directory.add_user(f"user{number}@example.com") for number in range(50)]
    for user in users[::2]:
        google.directory.add_member(OPS, user.email)
    directory = adapter(google)

    def checks(shift: int) -> list[tuple[int, bool]]:
        order = [(number * 7 + shift) % 50 for number in range(50)]
        return [(number, directory.is_member(OPS, users[number].id)) for number in order]

    with ThreadPoolExecutor(8) as pool:
        answers = [answer for each in pool.map(checks, range(8)) for answer in each]
    assert len(answers) == 400
    assert [answer for answer in answers if answer[1] != (answer[0] % 2 == 0)] == []


@pytest.mark.parametrize("fault", ["drop", "hang", "garble", "refuse"])
def test_a_failing_call_is_sent_once(google: Google, fault: str) -> None:
    """Whatever goes wrong, nothing is sent a second time: not the write and not the read."""
    ada = google.directory.add_user("ada@example.com")
    directory = adapter(google, SHORT)
    directory.is_member(OPS, ada.id)  # so that there is a kept connection, which libraries like to try again on
    user = directory.user(ada.id)
    google.directory.journal.clear()
    laid = (
        google.faults.refuse("google.*", 503, "backendError")
        if fault == "refuse"
        else getattr(google.faults, fault)("google.*")
    )
    for call in (
        lambda: directory.add(OPS, user),
        lambda: directory.remove(OPS, user.id),
        lambda: directory.is_member(OPS, user.id),
    ):
        with pytest.raises(Unavailable):
            call()
    laid.off()
    assert [call.method for call in google.directory.journal.calls()] == [
        "google.members.insert",
        "google.members.delete",
        "google.members.get",
    ]


def test_a_call_that_hangs_ends_with_its_timeout(google: Google) -> None:
    """The time-out is kept, and the next call does not read the answer that came too late."""
    ada = google.directory.add_user("ada@example.com")
    directory = adapter(google, SHORT)
    hanging = google.faults.hang("google.members.get")
    began = time.monotonic()
    with pytest.raises(Unavailable):
        directory.is_member(OPS, ada.id)
    assert time.monotonic() - began < 5
    hanging.off()
    assert not directory.is_member(OPS, ada.id)
    assert directory.user(ada.id).id == ada.id


def test_a_service_that_was_away_is_reached_again(google: Google) -> None:
    """A connection kept from before a restart does no harm."""
    ada = google.directory.add_user("ada@example.com")
    directory = adapter(google)
    assert not directory.is_member(OPS, ada.id)
    google.stop()
    with pytest.raises(Unavailable):
        directory.is_member(OPS, ada.id)
    google.start()
    assert not directory.is_member(OPS, ada.id)


def test_nothing_is_sent_when_the_time_is_over(google: Google) -> None:
    """A write whose time ran out before it could be sent is not sent."""
    directory = adapter(google, timedelta(0))
    with pytest.raises(Unavailable):
        directory.add(OPS, ADA)
    assert google.directory.journal.calls() == []


def test_an_insert_carries_address_id_and_the_role_member() -> None:
    """The body names the user twice over, so that a renamed address cannot hit another account unseen."""
    answer = Canned({"kind": "admin#directory#member", "id": "1001"})
    with LoopbackServer(answer) as server:
        GoogleDirectory(server.url, anonymous(server.url), LONG).add(OPS, ADA)
    method, path, body = answer.seen[0]
    assert (method, path.partition("?")[0]) == ("POST", "/admin/directory/v1/groups/ops@example.com/members")
    assert json.loads(body) == {"email": "ada@example.com", "id": "1001", "role": "MEMBER"}


def test_an_insert_of_another_account_is_noticed() -> None:
    """If Google added somebody else, that is said, not taken for success."""
    with LoopbackServer(Canned({"id": "2002"})) as server, pytest.raises(Rejected, match="another account"):
        GoogleDirectory(server.url, anonymous(server.url), LONG).add(OPS, ADA)


ANYTHING: tuple[object, ...] = (
    {},
    [],
    b"",
    b"<html>",
    {"isMember": "true"},
    {"members": {"id": "1"}},
    {"members": [{"email": "x"}]},
    {"members": [1]},
    {"members": [], "nextPageToken": "again"},
    {"members": [], "nextPageToken": 7},
    {"id": "", "primaryEmail": "ada@example.com"},
)


@pytest.mark.parametrize(
    ("method", "args", "bodies"),
    [
        ("is_member", (OPS, "1001"), ({"id": "2002"}, {"isMember": True})),
        ("holds", (OPS, "ada@example.com"), ({"id": "1001"},)),
        ("user", ("1001",), ({"id": "1001"}, {"id": "1001", "primaryEmail": "a@example.com", "suspended": "no"})),
        ("members", (OPS,), ({"id": "1001"}, {"isMember": False})),
    ],
)
def test_an_answer_of_another_shape_is_no_answer(
    method: str, args: tuple[str, ...], bodies: tuple[object, ...]
) -> None:
    """A success that does not say what was asked for is neither yes, no, nor an empty list."""
    answer = Canned({})
    with LoopbackServer(answer) as server:
        directory = GoogleDirectory(server.url, anonymous(server.url), LONG)
        for body in (*ANYTHING, *bodies):
            answer.body = body if isinstance(body, bytes) else json.dumps(body).encode()
            with pytest.raises(Unavailable, match="malformed answer"):
                getattr(directory, method)(*args)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(301, Unavailable), (302, Unavailable), (418, Rejected), (429, Unavailable), (504, Unavailable)],
)
def test_a_proxy_in_between_is_not_google(status: int, kind: type[Exception]) -> None:
    """Redirects are not followed, and pages of a proxy conclude nothing about a membership."""
    with LoopbackServer(Canned(b"<html>", status)) as server:
        directory = GoogleDirectory(server.url, anonymous(server.url), LONG)
        for call in (lambda: directory.is_member(OPS, "1001"), lambda: directory.remove(OPS, "1001")):
            with pytest.raises(kind):
                call()


def test_an_empty_key_is_refused_before_it_is_sent(google: Google) -> None:
    """Without a member the path would be that of the whole list."""
    directory = adapter(google)
    for call in (
        lambda: directory.is_member(OPS, ""),
        lambda: directory.remove(OPS, " "),
        lambda: directory.is_member("", "1001"),
        lambda: directory.user(""),
        lambda: directory.members(""),
    ):
        with pytest.raises(Rejected):
            call()
    assert google.directory.journal.calls() == []


def test_an_unknown_group_that_google_hides_is_no_privilege(google: Google) -> None:
    """A 403 is for an operator: never absent, never a success of a removal."""
    google.directory.unknown_group = "forbidden"
    directory = adapter(google)
    for call in (
        lambda: directory.is_member("no@example.com", "1001"),
        lambda: directory.holds("no@example.com", "ada@example.com"),
        lambda: directory.remove("no@example.com", "1001"),
        lambda: directory.members("no@example.com"),
    ):
        with pytest.raises(NotAuthorised, match="administrator role"):
            call()


def test_a_member_already_there_may_be_said_in_another_way(google: Google) -> None:
    """The 412 that Google sometimes gives for a duplicate is a success too."""
    google.directory.duplicate = "conditionNotMet"
    google.directory.add_user("ada@example.com")
    google.directory.add_member(OPS, "ada@example.com")
    directory = adapter(google)
    directory.add(OPS, directory.user("ada@example.com"))
    assert len(directory.members(OPS)) == 1


def test_a_pending_member_is_not_there() -> None:
    """A duplicate whose membership cannot be read is no member: the read back decides."""

    def pending(request: Request) -> Response:
        status, reason, message = (
            (409, "duplicate", "Member already exists.")
            if request.method == "POST"
            else (404, "notFound", "Resource Not Found: memberKey")
        )
        body = {"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}}
        return Response(json.dumps(body), status=status, content_type="application/json")

    with LoopbackServer(pending) as server:
        directory = GoogleDirectory(server.url, anonymous(server.url), LONG)
        directory.add(OPS, ADA)
        assert not directory.is_member(OPS, ADA.id)


def test_each_call_uses_the_credentials_of_its_scope_alone(google: Google) -> None:
    """A missing scope turns off what needs it and nothing else, and is named."""
    google.token = "right"
    ada = google.directory.add_user("ada@example.com")
    asked: list[tuple[str, ...]] = []

    def credentials(scopes: tuple[str, ...]) -> Any:  # noqa: ANN401 - google-auth's classes are untyped
        asked.append(scopes)
        return static("right" if scopes == (MEMBER,) else "wrong-s3cret")

    directory = GoogleDirectory(google.url, credentials, LONG)
    assert not directory.is_member(OPS, ada.id)
    with pytest.raises(NotAuthorised, match=USER_READ) as caught:
        directory.user(ada.id)
    assert "s3cret" not in str(caught.value)
    with pytest.raises(NotAuthorised, match=GROUP_READ):
        directory.group_name(OPS)
    directory.add(OPS, DirectoryUser(id=ada.id, email=ada.email, suspended=False, archived=False))
    assert directory.is_member(OPS, ada.id)
    assert asked == [(MEMBER,), (USER_READ,), (GROUP_READ,)]


def test_a_group_tells_its_name(google: Google) -> None:
    """The name is read; an unknown group is missing."""
    google.directory.add_group("named@example.com", "Production admins")
    directory = adapter(google)
    assert directory.group_name("named@example.com") == "Production admins"
    with pytest.raises(Missing):
        directory.group_name("no@example.com")


def test_proxies_are_not_used_for_this_machine(google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment does not see calls to a loopback address."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    ada = google.directory.add_user("ada@example.com")
    assert adapter(google).user("ada@example.com").id == ada.id


def test_without_credentials_only_this_machine_is_called() -> None:
    """Neither plain http elsewhere nor an anonymous call to Google is made."""
    with pytest.raises(UnsafeEndpoint, match="GOOGLE_API_URL"):
        GoogleDirectory("http://admin.example.com", lambda _scopes: None, LONG)
    with pytest.raises(UnsafeEndpoint):
        GoogleDirectory(None, lambda _scopes: None, LONG).user("ada@example.com")


@pytest.mark.parametrize(
    ("relations", "manager"),
    [
        (None, None),
        ([], None),
        ([{"type": "assistant", "value": "eve@example.com"}], None),
        ([{"type": "dotted_line_manager", "value": "eve@example.com"}], None),
        ([{"type": "custom", "customType": "manager", "value": "eve@example.com"}], None),
        ([{"type": "manager", "value": "  "}], None),
        (
            [{"type": "assistant", "value": "eve@example.com"}, {"type": "manager", "value": " Bob@Example.com "}],
            "bob@example.com",
        ),
    ],
    ids=["left out", "empty", "assistant", "dotted line", "custom", "blank", "manager"],
)
def test_only_the_relation_of_type_manager_is_one(relations: object, manager: str | None) -> None:
    """Other relations are none, and the one that is there is read without the spaces around it."""
    body = {"id": "1001"} | ({} if relations is None else {"relations": relations})
    with LoopbackServer(Canned(body)) as server:
        assert GoogleDirectory(server.url, anonymous(server.url), LONG).manager("1001") == manager


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": "1002"},
        {"id": "1001", "relations": "bob@example.com"},
        {"id": "1001", "relations": ["bob@example.com"]},
        {"id": "1001", "relations": [{"type": "manager"}]},
        {"id": "1001", "relations": [{"type": "manager", "value": 3}]},
    ],
    ids=["no id", "another's", "a text", "texts", "no value", "a number"],
)
def test_a_strange_answer_names_no_manager_and_is_not_nobody(body: object) -> None:
    """What is not the shape of the answer raises: it neither names a manager nor says that there is none."""
    with LoopbackServer(Canned(body)) as server, pytest.raises(Unavailable):
        GoogleDirectory(server.url, anonymous(server.url), LONG).manager("1001")
