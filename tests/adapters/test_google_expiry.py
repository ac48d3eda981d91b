"""What the adapter of Google's own end does beyond the contract, and the table of Cloud Identity's answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httplib2
import pytest
from googleapiclient.errors import HttpError
from werkzeug.wrappers import Request, Response

from accessbot.adapters.cloud_identity_answers import CHECK, FIND, FIND_GROUP, MODIFY, TABLE, judge, named
from accessbot.adapters.endpoints import UnsafeEndpoint
from accessbot.adapters.google_answers import Ask, Outcome, classify
from accessbot.adapters.google_auth import CLOUD_GROUPS, anonymous
from accessbot.adapters.google_expiry import GoogleExpiry
from accessbot.domain.errors import Missing, NotAuthorised, Rejected, Unavailable, VendorError
from accessbot.sandbox.loopback import LoopbackServer

ALL = (FIND_GROUP, FIND, MODIFY, CHECK)
DENIED = "PERMISSION_DENIED"
UNKNOWN = "Error(2028): Permission denied for resource groups/01 (or it may not exist)."
DOCUMENTED = [
    # no such membership: nothing to end
    (FIND, 404, "NOT_FOUND", "Membership is not found.", Outcome.ABSENT),
    (MODIFY, 404, "NOT_FOUND", "Membership is not found.", Outcome.ABSENT),
    (CHECK, 404, "NOT_FOUND", "Member is not found.", Outcome.ABSENT),
    (FIND_GROUP, 404, "NOT_FOUND", "Group is not found.", Outcome.NO_GROUP),
    # a group that is unknown reads like one that is forbidden
    *((op, 403, DENIED, UNKNOWN, Outcome.NOT_AUTHORISED) for op in ALL),
    (FIND_GROUP, 403, DENIED, "The caller does not have permission", Outcome.NOT_AUTHORISED),
    (FIND, 403, DENIED, "The caller does not have permission", Outcome.NOT_AUTHORISED),
    # what the edition does not have
    (CHECK, 403, DENIED, "The caller does not have permission", Outcome.NO_EDITION),
    (MODIFY, 403, DENIED, "The caller does not have permission", Outcome.NO_EDITION),
    (MODIFY, 400, "FAILED_PRECONDITION", "Precondition check failed.", Outcome.NO_EDITION),
    (MODIFY, 400, "INVALID_ARGUMENT", "Expiry is only available for Enterprise customers.", Outcome.NO_EDITION),
    # credentials, scope, an API that is off
    *((op, 401, "UNAUTHENTICATED", "Invalid credentials.", Outcome.NOT_AUTHORISED) for op in ALL),
    *((op, 403, DENIED, "Request had insufficient authentication scopes.", Outcome.NO_SCOPE) for op in ALL),
    (FIND_GROUP, 403, DENIED, "Cloud Identity API has not been used in project 1 before or it is disabled.",
     Outcome.NOT_AUTHORISED),
    (CHECK, 403, DENIED, "Cloud Identity API has not been used in project 1 before or it is disabled.",
     Outcome.NOT_AUTHORISED),
    # retry with back-off
    *((op, 429, "RESOURCE_EXHAUSTED", "Quota exceeded", Outcome.UNAVAILABLE) for op in ALL),
    (FIND, 403, "rateLimitExceeded", "Too many", Outcome.UNAVAILABLE),
    (FIND, 403, "forbidden", "Quota exceeded for quota metric 'Queries'", Outcome.UNAVAILABLE),
    (FIND, 429, "", "", Outcome.UNAVAILABLE),
    (MODIFY, 409, "ABORTED", "The operation was aborted.", Outcome.UNAVAILABLE),
    *((op, status, "INTERNAL", "", Outcome.UNAVAILABLE) for op in ALL for status in (500, 502, 503, 504, 408)),
    # for good
    (MODIFY, 400, "INVALID_ARGUMENT", "Request contains an invalid argument.", Outcome.REJECTED),
    # not this API at all
    (FIND, 302, "", "", Outcome.UNAVAILABLE),
]  # fmt: skip
GROUP = "ops@example.com"
ASK = Ask(operation=MODIFY, scope=CLOUD_GROUPS, group=GROUP)
AT = datetime(2026, 1, 1, 12, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(("operation", "status", "reason", "message", "outcome"), DOCUMENTED)
def test_a_documented_answer_has_its_meaning(
    operation: str, status: int, reason: str, message: str, outcome: Outcome
) -> None:
    """Each answer that is known of Cloud Identity is read as what it is known to mean."""
    assert classify(operation, status, reason, message, TABLE) is outcome


def test_every_row_of_the_table_is_reached() -> None:
    """No row is dead: for each, a documented answer is decided by it."""
    reached = set()
    for operation, status, reason, message, _ in DOCUMENTED:
        reached.add(
            next(
                number
                for number, row in enumerate(TABLE)
                if re.fullmatch(row.operation, operation)
                and re.fullmatch(row.status, str(status))
                and re.search(row.reason, reason)
                and re.search(row.message, message)
            )
        )
    assert reached == set(range(len(TABLE)))


def test_no_answer_but_a_404_reads_as_absent() -> None:
    """Whatever the words, that a membership is not there is read from one status alone."""
    for status in (*range(300, 600), 0):
        for message in ("not found", UNKNOWN, ""):
            for operation in ALL:
                absent = classify(operation, status, "NOT_FOUND", message, TABLE) is Outcome.ABSENT
                assert absent == (status == 404 and operation != FIND_GROUP)


@pytest.mark.parametrize(
    ("status", "message", "kind", "names"),
    [
        (403, "Request had insufficient authentication scopes.", NotAuthorised, CLOUD_GROUPS),
        (403, "The caller does not have permission", NotAuthorised, "Cloud Identity Premium"),
        (403, "Cloud Identity API is disabled.", NotAuthorised, "cloudidentity.googleapis.com"),
        (403, UNKNOWN, NotAuthorised, GROUP),
        (400, "Only for members.", Rejected, "Only for members."),
        (503, "Away.", Unavailable, "try again"),
    ],
)
def test_a_refusal_names_the_fix(status: int, message: str, kind: type[VendorError], names: str) -> None:
    """The sentence of each refusal names what stands in the way: scope, edition, API, group, or Google's own words."""
    body = json.dumps({"error": {"code": status, "message": message, "status": DENIED}}).encode()
    error = named(ASK, judge(ASK, HttpError(httplib2.Response({"status": str(status)}), body)))
    assert type(error) is kind
    assert names in error.sentence


class Canned:
    """A Cloud Identity API that gives the same answer to everything and keeps what it was sent."""

    def __init__(self) -> None:
        self.answer: object = {}
        self.status = 200
        self.seen: list[tuple[str, str, bytes]] = []

    def __call__(self, request: Request) -> Response:
        """Answer one call."""
        self.seen.append((request.method, request.path, request.get_data()))
        return Response(json.dumps(self.answer), status=self.status, content_type="application/json")


@pytest.fixture
def canned() -> Canned:
    """Give the answers."""
    return Canned()


@pytest.fixture
def adapter(canned: Canned) -> Iterator[GoogleExpiry]:
    """Give the adapter on a server with canned answers."""
    server = LoopbackServer(canned, port=0)
    server.start()
    yield GoogleExpiry(server.url, anonymous(server.url), timedelta(seconds=5))
    server.stop()


def membership(end: str, role: str = "MEMBER") -> object:
    """Make an answer to a write."""
    return {"membership": {"roles": [{"name": role, "expiryDetail": {"expireTime": end}}]}}


def test_the_write_is_the_documented_one_and_never_too_early(canned: Canned, adapter: GoogleExpiry) -> None:
    """One role, one field, a time in whole seconds that is not before what was asked for."""
    canned.answer = membership("2026-01-01T12:00:01Z")
    assert adapter.end_at("groups/01/memberships/02", AT)
    [(method, path, body)] = canned.seen
    assert (method, path) == ("POST", "/v1/groups/01/memberships/02:modifyMembershipRoles")
    role = {"name": "MEMBER", "expiryDetail": {"expireTime": "2026-01-01T12:00:01Z"}}
    assert json.loads(body) == {
        "updateRolesParams": [{"fieldMask": "expiry_detail.expire_time", "membershipRole": role}]
    }


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"membership": {"roles": []}},
        {"membership": {"roles": [{"name": "MEMBER"}]}},
        membership("2026-01-01T12:00:01Z", role="OWNER"),
        membership("2026-01-01T11:00:00Z"),
        membership("2026-01-01T12:00:01"),
        membership("tomorrow"),
        [],
    ],
)
def test_an_answer_that_does_not_show_the_end_is_no_success(
    canned: Canned, adapter: GoogleExpiry, answer: object
) -> None:
    """Only an answer with that very end proves that it is set."""
    canned.answer = answer
    with pytest.raises(Unavailable):
        adapter.end_at("groups/01/memberships/02", AT)


@pytest.mark.parametrize("name", ["", "groups/", "memberships/1", "groups/1/memberships/2/3", 7])
def test_a_name_that_is_none_is_no_answer(canned: Canned, adapter: GoogleExpiry, name: object) -> None:
    """What Google calls a group has to have the form that it documents."""
    canned.answer = {"name": name}
    with pytest.raises(Unavailable):
        adapter.find(GROUP, "ada@example.com")


def test_a_group_that_is_not_there_is_missing(canned: Canned, adapter: GoogleExpiry) -> None:
    """Should Google say that a group is unknown, that is what is told."""
    canned.status, canned.answer = 404, {"error": {"code": 404, "message": "Not found.", "status": "NOT_FOUND"}}
    with pytest.raises(Missing):
        adapter.find(GROUP, "ada@example.com")


def test_nothing_is_asked_without_saying_for_whom(canned: Canned, adapter: GoogleExpiry) -> None:
    """An empty name, or one that would change the question, is refused before it is sent."""
    canned.answer = {"name": "groups/01"}
    for call in (
        lambda: adapter.find("", "ada@example.com"),
        lambda: adapter.find(GROUP, " "),
        lambda: adapter.end_at("", AT),
        lambda: adapter.check(GROUP, "a' || true"),
    ):
        with pytest.raises(Rejected):
            call()
    assert {path for _, path, _ in canned.seen} <= {"/v1/groups:lookup"}


def test_the_address_has_to_be_safe() -> None:
    """No plain http beyond this machine, and no call beyond it without credentials."""
    with pytest.raises(UnsafeEndpoint):
        GoogleExpiry("http://cloudidentity.googleapis.com/", lambda _: None, timedelta(seconds=1))
    with pytest.raises(UnsafeEndpoint):
        GoogleExpiry(None, lambda _: None, timedelta(seconds=1)).warm()
