"""The Google stand-in, driven by the real google-api-python-client."""

# ruff: noqa: ANN401 - the real clients are made at run time and have no types of their own

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httplib2
import pytest
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from googleapiclient.http import HttpRequest

from accessbot.sandbox.faults import Faults
from accessbot.sandbox.google import Directory, Google
from accessbot.sandbox.journal import Change

GROUP = "aws-production-admin@example.com"
ADA = "ada@example.com"


def client(url: str, *, timeout: float = 5.0, token: str | None = None) -> Any:
    """The real client, with its bundled description of the API."""

    def request(http: httplib2.Http, *args: Any, **kwargs: Any) -> Any:
        made = HttpRequest(http, *args, **kwargs)
        if token is not None:
            made.headers["Authorization"] = f"Bearer {token}"
        return made

    return build(
        "admin",
        "directory_v1",
        http=httplib2.Http(timeout=timeout),
        requestBuilder=request,
        client_options={"api_endpoint": url},
        static_discovery=True,
    )


def refused(call: Any) -> tuple[int, str, str]:
    """Status, reason and message of the error that a call gives."""
    with pytest.raises(HttpError) as caught:
        call.execute()
    error = json.loads(caught.value.content)["error"]
    assert error["errors"][0]["message"] == error["message"]
    assert error["code"] == caught.value.resp.status
    return error["code"], error["errors"][0]["reason"], error["message"]


@pytest.fixture
def google() -> Iterator[Google]:
    """A customer with one empty group and one user."""
    with Google() as served:
        served.directory.add_user(ADA, "Ada Lovelace", aliases=("countess@example.com",), manager="boss@example.com")
        served.directory.add_group(GROUP, "Production admin")
        yield served


@pytest.fixture
def api(google: Google) -> Iterator[Any]:
    """The real client on it."""
    with closing(client(google.url)) as made:
        yield made


def add(api: Any, member: str = ADA, group: str = GROUP) -> Any:
    """An insert, not yet sent."""
    return api.members().insert(groupKey=group, body={"email": member, "role": "MEMBER"})


def test_membership_lives_from_insert_to_delete(google: Google, api: Any) -> None:
    """A member is there after the insert, by email, alias and id in any case, and gone after the delete."""
    made = add(api, "ADA@Example.com").execute()
    assert (made["kind"], made["email"], made["role"], made["type"], made["status"]) == (
        "admin#directory#member",
        ADA,
        "MEMBER",
        "USER",
        "ACTIVE",
    )
    for key in (ADA, "COUNTESS@example.com", made["id"]):
        assert api.members().get(groupKey=GROUP.upper(), memberKey=key).execute()["id"] == made["id"]
        assert api.members().hasMember(groupKey=GROUP, memberKey=key).execute() == {"isMember": True}
    assert google.directory.member_emails(GROUP) == {ADA}
    assert api.members().delete(groupKey=GROUP, memberKey=made["id"]).execute() == ""
    assert refused(api.members().get(groupKey=GROUP, memberKey=ADA)) == (
        404,
        "notFound",
        "Resource Not Found: memberKey",
    )
    assert google.directory.member_emails(GROUP) == set()


def test_second_insert_is_a_duplicate(google: Google, api: Any) -> None:
    """A second insert is 409 duplicate, or 412 conditionNotMet where that is set."""
    add(api).execute()
    assert refused(add(api)) == (409, "duplicate", "Member already exists.")
    google.directory.duplicate = "conditionNotMet"
    assert refused(add(api)) == (412, "conditionNotMet", "Member already exists.")


def test_second_delete_names_the_member_key(api: Any) -> None:
    """A second delete is 404 on memberKey, one on an unknown group 404 on groupKey."""
    delete = api.members().delete
    assert refused(delete(groupKey=GROUP, memberKey=ADA))[2] == "Resource Not Found: memberKey"
    assert refused(delete(groupKey="none@example.com", memberKey=ADA))[2] == "Resource Not Found: groupKey"


def test_unknown_group_can_be_forbidden(google: Google, api: Any) -> None:
    """Where so configured an unknown group is 403 forbidden, as it is for a caller without the privilege."""
    google.directory.unknown_group = "forbidden"
    expected = (403, "forbidden", "Not Authorized to access this resource/api")
    assert refused(api.members().get(groupKey="none@example.com", memberKey=ADA)) == expected
    assert refused(add(api, group="none@example.com")) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, "required", "Missing required field: memberKey")),
        ({"email": "nobody@example.com"}, (404, "notFound", "Resource Not Found: memberKey")),
        ({"id": "123"}, (404, "notFound", "Resource Not Found: memberKey")),
        ({"email": ADA, "role": "KING"}, (400, "invalid", "Invalid Input: role")),
    ],
)
def test_insert_says_what_is_wrong(api: Any, body: dict[str, str], expected: tuple[int, str, str]) -> None:
    """An insert without a key, for an unknown person or with an unknown role is refused with its own error."""
    assert refused(api.members().insert(groupKey=GROUP, body=body)) == expected


def test_users_are_found_by_every_key(google: Google, api: Any) -> None:
    """users.get takes primary email, alias and id, and shows suspension, archive and manager."""
    user = google.directory.user(ADA)
    google.directory.suspend(ADA)
    google.directory.archive(ADA)
    for key in ("Ada@Example.COM", "countess@example.com", user.id):
        found = api.users().get(userKey=key, projection="full").execute()
        assert (found["id"], found["primaryEmail"]) == (user.id, ADA)
        assert (found["suspended"], found["archived"]) == (True, True)
        assert found["relations"] == [{"value": "boss@example.com", "type": "manager"}]
    assert refused(api.users().get(userKey="nobody@example.com"))[2] == "Resource Not Found: userKey"
    assert refused(api.users().get(userKey="someone@elsewhere.org"))[:2] == (403, "forbidden")


def test_fields_leave_out_what_was_not_asked_for(api: Any) -> None:
    """A partial response holds the fields named and no others, nested ones too."""
    found = api.users().get(userKey=ADA, fields="id,name(givenName),relations/value").execute()
    assert found == {
        "id": found["id"],
        "name": {"givenName": "Ada"},
        "relations": [{"value": "boss@example.com"}],
    }
    assert refused(api.users().get(userKey=ADA, fields="id,("))[:2] == (400, "invalidParameter")


def test_lists_page_and_leave_out_empty_lists(google: Google, api: Any) -> None:
    """Lists come in pages of at most 200 with a token, and an empty one has no list at all."""
    assert "members" not in api.members().list(groupKey=GROUP).execute()
    for number in range(203):
        google.directory.add_user(f"u{number}@example.com")
        google.directory.add_member(GROUP, f"u{number}@example.com")
    first = api.members().list(groupKey=GROUP).execute()
    second = api.members().list(groupKey=GROUP, pageToken=first["nextPageToken"]).execute()
    assert (len(first["members"]), len(second["members"])) == (200, 3)
    assert "nextPageToken" not in second
    assert len({each["id"] for each in first["members"] + second["members"]}) == 203
    assert refused(api.members().list(groupKey=GROUP, maxResults=201))[:2] == (400, "invalid")
    assert refused(api.members().list(groupKey=GROUP, pageToken="made up"))[:2] == (400, "invalid")


def test_paging_survives_a_member_leaving_in_between(google: Google, api: Any) -> None:
    """A member that leaves between two pages hides nobody else."""
    emails = [f"u{number}@example.com" for number in range(6)]
    for email in emails:
        google.directory.add_user(email)
        google.directory.add_member(GROUP, email)
    first = api.members().list(groupKey=GROUP, maxResults=3).execute()
    google.directory.remove_member(GROUP, first["members"][0]["email"])
    second = api.members().list(groupKey=GROUP, maxResults=3, pageToken=first["nextPageToken"]).execute()
    assert {each["email"] for each in first["members"] + second["members"]} == set(emails)


def test_users_and_groups_are_listed(google: Google, api: Any) -> None:
    """users.list and groups.list need a customer, a domain or a user, and filter by them."""
    google.directory.add_member(GROUP, ADA)
    google.directory.add_group("other@example.com")
    everyone = api.users().list(customer="my_customer").execute()
    assert [user["primaryEmail"] for user in everyone["users"]] == [ADA]
    assert "users" not in api.users().list(customer="my_customer", query="email:bob*").execute()
    groups = api.groups().list(userKey=ADA).execute()["groups"]
    assert [(group["email"], group["directMembersCount"]) for group in groups] == [(GROUP, "1")]
    assert len(api.groups().list(domain="example.com").execute()["groups"]) == 2
    assert api.groups().get(groupKey=groups[0]["id"]).execute()["name"] == "Production admin"
    assert refused(api.users().list())[:2] == (400, "badRequest")


def test_nested_members_are_derived_only(google: Google, api: Any) -> None:
    """members.get sees direct members only; hasMember and derived lists see nested ones, unless Google misses them."""
    google.directory.add_group("team@example.com")
    google.directory.add_member("team@example.com", ADA)
    google.directory.add_member(GROUP, "team@example.com")
    assert refused(api.members().get(groupKey=GROUP, memberKey=ADA))[0] == 404
    assert api.members().hasMember(groupKey=GROUP, memberKey=ADA).execute() == {"isMember": True}
    direct = api.members().list(groupKey=GROUP).execute()["members"]
    derived = api.members().list(groupKey=GROUP, includeDerivedMembership=True).execute()["members"]
    assert {each["email"] for each in direct} == {"team@example.com"}
    assert {each["email"] for each in derived} == {"team@example.com", ADA}
    google.directory.hide_from_derived(ADA)
    assert api.members().hasMember(groupKey=GROUP, memberKey=ADA).execute() == {"isMember": False}


def test_groups_cannot_contain_themselves(google: Google, api: Any) -> None:
    """A cycle of groups is refused."""
    google.directory.add_group("team@example.com")
    google.directory.add_member(GROUP, "team@example.com")
    assert refused(add(api, GROUP, "team@example.com"))[:2] == (412, "cyclicMembershipsNotAllowed")


def test_members_of_other_domains(api: Any) -> None:
    """An outsider can be a direct member; hasMember refuses to look one up."""
    made = add(api, "guest@elsewhere.org").execute()
    assert "status" not in made
    assert api.members().get(groupKey=GROUP, memberKey=made["id"]).execute()["email"] == "guest@elsewhere.org"
    for key in ("guest@elsewhere.org", made["id"]):
        asked = api.members().hasMember(groupKey=GROUP, memberKey=key)
        assert refused(asked) == (400, "invalid", "Invalid Input: memberKey")


def test_readers_lag_behind_writers() -> None:
    """With a delay, an insert is a conflict and unseen until it is visible, and a delete is seen only later."""
    clock = [datetime(2026, 1, 1, tzinfo=UTC)]
    directory = Directory(visible_after=5, clock=lambda: clock[0])
    directory.add_user(ADA)
    directory.add_group(GROUP)
    with Google(directory) as google, closing(client(google.url)) as api:
        get, has = api.members().get(groupKey=GROUP, memberKey=ADA), api.members().hasMember
        add(api).execute()
        assert directory.is_member(GROUP, ADA)
        assert refused(get)[0] == 404
        assert has(groupKey=GROUP, memberKey=ADA).execute() == {"isMember": False}
        assert refused(add(api))[:2] == (409, "conflict")
        clock[0] += timedelta(seconds=5)
        assert get.execute()["email"] == ADA
        assert refused(add(api))[:2] == (409, "duplicate")
        api.members().delete(groupKey=GROUP, memberKey=ADA).execute()
        assert not directory.is_member(GROUP, ADA)
        assert get.execute()["email"] == ADA
        assert refused(api.members().delete(groupKey=GROUP, memberKey=ADA))[2] == "Resource Not Found: memberKey"
        clock[0] += timedelta(seconds=5)
        assert refused(get)[0] == 404


def test_deleted_users_lose_their_memberships(google: Google, api: Any) -> None:
    """Deleting a user removes every membership; a renamed one keeps theirs under the same id."""
    google.directory.add_member(GROUP, ADA)
    google.directory.rename_user(ADA, "lovelace@example.com")
    renamed = api.members().get(groupKey=GROUP, memberKey=ADA).execute()
    assert renamed["email"] == "lovelace@example.com"
    google.directory.delete_user("lovelace@example.com")
    assert refused(api.members().get(groupKey=GROUP, memberKey=renamed["id"]))[0] == 404
    assert refused(api.users().get(userKey=ADA))[0] == 404


def test_a_token_can_be_required(google: Google) -> None:
    """Without the token every call is 401, with it none."""
    google.token = "secret"
    for token, reason in ((None, "required"), ("wrong", "authError")):
        with closing(client(google.url, token=token)) as api:
            assert refused(api.users().get(userKey=ADA))[:2] == (401, reason)
    with closing(client(google.url, token="secret")) as api:
        assert api.users().get(userKey=ADA).execute()["primaryEmail"] == ADA


def test_the_journal_has_calls_and_changes(google: Google, api: Any) -> None:
    """Every call with its status, every change with who did it, and a subscriber hears the changes."""
    heard: list[Change] = []
    unsubscribe = google.directory.journal.subscribe(heard.append)
    add(api).execute()
    refused(add(api))
    google.directory.remove_member(GROUP, ADA, by="somebody")
    unsubscribe()
    google.directory.add_member(GROUP, ADA)
    calls = google.directory.journal.calls("google.members.*")
    assert [(call.method, call.group, call.member, call.status) for call in calls] == [
        ("google.members.insert", GROUP, ADA, 200),
        ("google.members.insert", GROUP, ADA, 409),
    ]
    assert [(change.action, change.by) for change in heard] == [("added", "api"), ("removed", "somebody")]
    assert len(google.directory.journal.changes(GROUP, ADA)) == 3


@pytest.mark.parametrize(
    ("preset", "status", "reason"), [("google_down", 503, "backendError"), ("google_quota", 403, "quotaExceeded")]
)
def test_presets_refuse_until_switched_off(google: Google, api: Any, preset: str, status: int, reason: str) -> None:
    """A preset refuses every call in Google's shape until it is switched off."""
    google.faults.on(preset)
    assert google.faults.active() == {preset}
    assert refused(api.users().get(userKey=ADA))[:2] == (status, reason)
    google.faults.off(preset)
    assert api.users().get(userKey=ADA).execute()["primaryEmail"] == ADA


def test_a_fault_counts_its_calls(google: Google, api: Any) -> None:
    """A fault for the next two calls of one method leaves the third and other methods alone."""
    fault = google.faults.refuse("google.members.insert", 429, "rateLimitExceeded", times=2)
    assert api.users().get(userKey=ADA).execute()
    assert [refused(add(api))[0], refused(add(api))[0]] == [429, 429]
    assert add(api).execute()["email"] == ADA
    assert (fault.hits, fault.left) == (2, 0)


def test_an_answer_can_be_lost_after_the_write(google: Google, api: Any) -> None:
    """With `applied` the membership is there although the caller was told 503: the unclear write."""
    google.faults.refuse("google.members.insert", 503, "backendError", times=1, applied=True)
    assert refused(add(api))[0] == 503
    assert google.directory.is_member(GROUP, ADA)
    assert refused(add(api))[:2] == (409, "duplicate")


def raw(google: Google, method: str, path: str, body: bytes = b"") -> bytes:
    """One request without a client's own retries; gives all that came back before the connection ended."""
    host, port = google.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body)
        received = b""
        while chunk := connection.recv(4096):
            received += chunk
    return received


@pytest.mark.parametrize("applied", [False, True])
def test_a_connection_can_be_dropped(google: Google, *, applied: bool) -> None:
    """A dropped connection gives no byte of an answer, before the write or after it."""
    google.faults.drop("google.members.insert", times=1, applied=applied)
    path = f"/admin/directory/v1/groups/{GROUP}/members"
    assert raw(google, "POST", path, json.dumps({"email": ADA}).encode()) == b""
    assert google.directory.is_member(GROUP, ADA) is applied
    assert google.directory.journal.calls("google.members.insert")[0].status == 0


def test_json_can_be_cut_off(google: Google, api: Any) -> None:
    """A garbled answer is a 200 that is no JSON: the real client hands its text on instead of raising."""
    google.faults.garble("google.users.get", times=1)
    assert isinstance(api.users().get(userKey=ADA).execute(), str)


def test_slow_calls_add_up(google: Google, api: Any) -> None:
    """Delays of several faults add up before the call takes effect."""
    google.faults.slow("google.*", 0.05)
    google.faults.slow("google.users.*", 0.05)
    before = time.monotonic()
    api.users().get(userKey=ADA).execute()
    assert time.monotonic() - before >= 0.1


def hanging(google: Google) -> tuple[threading.Thread, list[BaseException]]:
    """A client in a thread whose call hangs, and what became of it."""
    ended: list[BaseException] = []

    def call() -> None:
        try:
            raw_answer = raw(google, "GET", f"/admin/directory/v1/users/{ADA}")
        except OSError as error:
            ended.append(error)
        else:
            ended.append(ConnectionError(raw_answer))

    thread = threading.Thread(target=call)
    thread.start()
    deadline = time.monotonic() + 5
    while not google.directory.journal.calls("google.users.get"):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return thread, ended


@pytest.mark.parametrize(
    "release", [lambda google: google.stop(), lambda google: google.faults.clear()], ids=["stopped", "cleared"]
)
def test_hanging_calls_are_released(google: Google, release: Callable[[Google], None]) -> None:
    """A hanging call ends without an answer when the stand-in stops or the fault is taken off."""
    google.faults.hang("google.users.get")
    thread, ended = hanging(google)
    assert ended == []
    release(google)
    thread.join(5)
    assert len(ended) == 1
    assert b"200" not in str(ended[0]).encode()


def test_a_stop_ends_kept_alive_connections_and_comes_back(google: Google, api: Any) -> None:
    """After a stop an open client gets nothing; after a start the same address serves the same directory."""
    api.users().get(userKey=ADA).execute()
    url = google.url
    google.stop()
    with pytest.raises(OSError):  # noqa: PT011 - refused or reset, as the system has it
        api.users().get(userKey=ADA).execute()
    google.start()
    assert google.url == url
    assert api.users().get(userKey=ADA).execute()["primaryEmail"] == ADA


def test_many_live_side_by_side() -> None:
    """Several stand-ins share nothing but, when wanted, their faults."""
    faults = Faults()
    with Google(faults=faults) as one, Google(faults=faults) as other:
        one.directory.add_user(ADA)
        with closing(client(one.url)) as first, closing(client(other.url)) as second:
            assert first.users().get(userKey=ADA).execute()
            assert refused(second.users().get(userKey=ADA))[0] == 404
            faults.on("google_down")
            assert refused(first.users().get(userKey=ADA))[0] == refused(second.users().get(userKey=ADA))[0] == 503


def test_concurrent_inserts_have_one_winner(google: Google) -> None:
    """Of many inserts of one member at once exactly one succeeds."""
    statuses: list[int] = []

    def insert() -> None:
        with closing(client(google.url)) as api:
            try:
                add(api).execute()
                statuses.append(200)
            except HttpError as error:
                statuses.append(error.resp.status)

    threads = [threading.Thread(target=insert) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [409] * 7
