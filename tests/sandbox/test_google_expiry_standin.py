"""The expiry of memberships at the Google stand-in, by the Cloud Identity API's real client."""

# ruff: noqa: ANN401 - the real clients are made at run time and have no types of their own

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httplib2
import pytest
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from accessbot.sandbox.google import Google

ADA = "ada@example.com"


@pytest.fixture
def google() -> Iterator[Google]:
    """A stand-in with one person."""
    with Google() as started:
        started.directory.add_user(ADA)
        yield started


def identity(url: str) -> Any:
    """The real client of the other API, at the same address."""
    return build(
        "cloudidentity",
        "v1",
        http=httplib2.Http(timeout=5.0),
        client_options={"api_endpoint": url},
        static_discovery=True,
    ).groups()


def status_of(call: Any) -> tuple[int, str, str]:
    """Code, status and message of the error that a call of the Cloud Identity API gives."""
    with pytest.raises(HttpError) as caught:
        call.execute()
    error = json.loads(caught.value.content)["error"]
    return error["code"], error["status"], error["message"]


def update(at: str, role: str = "MEMBER", mask: str = "expiry_detail.expire_time") -> dict[str, Any]:
    """The body that sets a membership's end."""
    changed = {"name": role, "expiryDetail": {"expireTime": at}}
    return {"updateRolesParams": [{"fieldMask": mask, "membershipRole": changed}]}


LATER = "2999-01-01T00:00:00Z"


@pytest.fixture
def member(google: Google) -> str:
    """Google's name of a membership of Ada in a group of its own."""
    google.directory.add_group("expiring@example.com")
    google.directory.add_member("expiring@example.com", ADA)
    groups = identity(google.url)
    group = groups.lookup(groupKey_id="expiring@example.com").execute()["name"]
    assert group == f"groups/{google.directory.group('expiring@example.com').id}"
    name: str = groups.memberships().lookup(parent=group, memberKey_id=ADA).execute()["name"]
    return name


def test_a_membership_ends_by_itself(google: Google, member: str) -> None:
    """At its end it is gone from every look and every count, for it was the service that took it."""
    memberships = identity(google.url).memberships()
    end = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = memberships.modifyMembershipRoles(name=member, body=update(end)).execute()["membership"]
    assert told["roles"] == [{"name": "MEMBER", "expiryDetail": {"expireTime": end}}]
    assert memberships.get(name=member).execute()["roles"] == told["roles"]
    google.directory.pass_time(timedelta(minutes=59))
    assert google.directory.is_member("expiring@example.com", ADA)
    google.directory.pass_time(timedelta(minutes=1))
    assert not google.directory.is_member("expiring@example.com", ADA)
    assert status_of(memberships.get(name=member))[0] == 404
    directory = build(
        "admin",
        "directory_v1",
        http=httplib2.Http(timeout=5.0),
        client_options={"api_endpoint": google.url},
        static_discovery=True,
    )
    assert "members" not in directory.members().list(groupKey="expiring@example.com").execute()
    [change] = [each for each in google.directory.journal.changes("expiring@example.com") if each.by == "expiry"]
    assert (change.action, change.at.strftime("%Y-%m-%dT%H:%M:%SZ")) == ("removed", end)
    directory.members().insert(groupKey="expiring@example.com", body={"email": ADA, "role": "MEMBER"}).execute()
    assert memberships.get(name=member).execute()["roles"] == [{"name": "MEMBER"}]


@pytest.mark.parametrize(
    "body",
    [
        update("2020-01-01T00:00:00Z"),
        update("in an hour"),
        update(LATER, role="OWNER"),
        update(LATER, mask="*"),
        update(LATER) | {"addRoles": [{"name": "MANAGER"}]},
        {"updateRolesParams": []},
        {},
    ],
)
def test_an_expiry_that_google_refuses_is_refused(google: Google, member: str, body: dict[str, Any]) -> None:
    """Past, unreadable, of another role or field, or together with other changes: 400, and nothing changes."""
    memberships = identity(google.url).memberships()
    call = memberships.modifyMembershipRoles(name=member, body=body)
    assert status_of(call)[:2] == (400, "INVALID_ARGUMENT")
    assert memberships.get(name=member).execute()["roles"] == [{"name": "MEMBER"}]


def test_an_owner_s_membership_does_not_end(google: Google) -> None:
    """Only who is a mere member can be given an end."""
    google.directory.add_group("owned@example.com")
    google.directory.insert_member("owned@example.com", email=ADA, role="OWNER")
    groups = identity(google.url)
    parent = groups.lookup(groupKey_id="owned@example.com").execute()["name"]
    name = groups.memberships().lookup(parent=parent, memberKey_id=ADA).execute()["name"]
    assert status_of(groups.memberships().modifyMembershipRoles(name=name, body=update(LATER)))[0] == 400


def test_what_is_unknown_or_not_bought_is_refused(google: Google, member: str) -> None:
    """An unknown group reads like a forbidden one, an unknown member is not found, an edition without it is a 403."""
    groups = identity(google.url)
    code, status, message = status_of(groups.lookup(groupKey_id="no@example.com"))
    assert (code, status) == (403, "PERMISSION_DENIED")
    assert message.startswith("Error(2028): Permission denied for resource")
    parent = member.partition("/memberships/")[0]
    assert status_of(groups.memberships().lookup(parent=parent, memberKey_id="no@example.com"))[:2] == (
        404,
        "NOT_FOUND",
    )
    query = f"member_key_id == '{ADA}'"
    assert groups.memberships().checkTransitiveMembership(parent=parent, query=query).execute() == {
        "hasMembership": True
    }
    assert status_of(groups.memberships().checkTransitiveMembership(parent=parent, query="x"))[0] == 400
    google.directory.premium = False
    for call in (
        groups.memberships().checkTransitiveMembership(parent=parent, query=query),
        groups.memberships().modifyMembershipRoles(name=member, body=update(LATER)),
    ):
        assert status_of(call)[:2] == (403, "PERMISSION_DENIED")
    assert groups.memberships().get(name=member).execute()["roles"] == [{"name": "MEMBER"}]
