"""The table of Google's answers: every documented answer has its meaning, and every row of the table is needed."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from datetime import timedelta
from typing import Any

import httplib2
import pytest
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError
from googleapiclient.errors import HttpError

from accessbot.adapters.google_answers import TABLE, Ask, Outcome, classify, judge, named
from accessbot.domain.errors import Missing, NotAuthorised, Rejected, Unavailable

INSERT, DELETE, GET, HAS, LIST, USER = (
    "members.insert",
    "members.delete",
    "members.get",
    "members.hasMember",
    "members.list",
    "users.get",
)
# google-auth says that it is typed, but its errors are not; mypy would refuse each call.
refresh_failed: Any = RefreshError
transport_failed: Any = TransportError
no_default: Any = DefaultCredentialsError
DOCUMENTED = [
    # already a member, or our own insert played again
    (INSERT, 409, "duplicate", "Member already exists.", Outcome.DONE),
    (INSERT, 409, "entityExists", "Entity already exists.", Outcome.DONE),
    (INSERT, 412, "conditionNotMet", "Member already exists.", Outcome.DONE),
    # accepted, not visible yet; a pending membership is a duplicate that members.get does not find
    (INSERT, 409, "conflict", "Conflict", Outcome.DONE),
    (GET, 404, "notFound", "Resource Not Found: memberKey", Outcome.ABSENT),
    # already gone; the same on the group is not
    (DELETE, 404, "notFound", "Resource Not Found: memberKey", Outcome.ABSENT),
    (DELETE, 404, "notFound", "Resource Not Found: groupKey", Outcome.NO_GROUP),
    (GET, 404, "notFound", "Resource Not Found: groupKey", Outcome.NO_GROUP),
    (HAS, 404, "notFound", "Resource Not Found: groupKey", Outcome.NO_GROUP),
    (LIST, 404, "notFound", "Resource Not Found: groupKey", Outcome.NO_GROUP),
    (INSERT, 404, "notFound", "Resource Not Found: groupKey", Outcome.NO_GROUP),
    (INSERT, 404, "notFound", "Resource Not Found: memberKey", Outcome.NO_USER),
    (USER, 404, "notFound", "Resource Not Found: userKey", Outcome.NO_USER),
    (USER, 404, "notFound", "Domain not found.", Outcome.NO_USER),
    # not consistent yet, or not the Directory API
    (GET, 404, "notFound", "Not Found", Outcome.UNAVAILABLE),
    (DELETE, 404, "", "", Outcome.UNAVAILABLE),
    # other domains
    (HAS, 400, "invalid", "Invalid Input", Outcome.OTHER_DOMAIN),
    (HAS, 400, "badRequest", "Invalid Input: memberKey", Outcome.OTHER_DOMAIN),
    (HAS, 404, "notFound", "Resource Not Found: memberKey", Outcome.ABSENT),
    # no privilege, or an unknown group
    *((op, 403, "forbidden", "Not Authorized to access this resource/api", Outcome.NOT_AUTHORISED)
      for op in (INSERT, DELETE, GET, HAS, LIST, USER)),
    (GET, 403, "insufficientPermissions", "Request had insufficient authentication scopes.", Outcome.NO_SCOPE),
    (GET, 403, "accessNotConfigured", "Admin SDK API has not been used in project 1 before.", Outcome.NOT_AUTHORISED),
    # retry with back-off
    *((op, 403, reason, "Quota", Outcome.UNAVAILABLE)
      for op in (INSERT, DELETE, GET, HAS, LIST, USER)
      for reason in ("userRateLimitExceeded", "rateLimitExceeded", "quotaExceeded")),
    (GET, 403, "forbidden", "Quota exceeded for quota metric 'Queries'", Outcome.UNAVAILABLE),
    *((op, status, "backendError", "", Outcome.UNAVAILABLE)
      for op in (INSERT, DELETE, GET, HAS, LIST, USER)
      for status in (429, 500, 502, 503, 504, 408)),
    (DELETE, 409, "conflict", "Conflict", Outcome.UNAVAILABLE),
    # credentials
    (GET, 401, "authError", "Invalid Credentials", Outcome.NOT_AUTHORISED),
    # for good
    (INSERT, 400, "invalid", "Invalid Input: memberKey", Outcome.REJECTED),
    (INSERT, 412, "cyclicMembershipsNotAllowed", "Cyclic memberships not allowed.", Outcome.REJECTED),
    (GET, 400, "badRequest", "Bad Request", Outcome.REJECTED),
    # not the Directory API at all
    (GET, 302, "", "", Outcome.UNAVAILABLE),
    (GET, 0, "", "", Outcome.UNAVAILABLE),
]  # fmt: skip
ASK = Ask(operation=GET, scope="https://scope.example/member", group="ops@example.com", member="1001")


@pytest.mark.parametrize(("operation", "status", "reason", "message", "outcome"), DOCUMENTED)
def test_a_documented_answer_has_its_meaning(
    operation: str, status: int, reason: str, message: str, outcome: Outcome
) -> None:
    """Each answer that is known of Google is read as what it is known to mean."""
    assert classify(operation, status, reason, message) is outcome


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


def test_no_answer_but_a_404_on_the_member_reads_as_absent() -> None:
    """Whatever the status and the words, "not there" is read from one answer alone."""
    for status in (*range(300, 600), 0):
        for message in ("memberKey", "groupKey", "forbidden", ""):
            for operation in (GET, HAS, DELETE):
                found = classify(operation, status, "notFound", message)
                assert (found is Outcome.ABSENT) == (status == 404 and message == "memberKey")


def refusal(status: int, body: bytes, **headers: str) -> HttpError:
    """Make the error that googleapiclient raises."""
    return HttpError(httplib2.Response({"status": str(status), **headers}), body)


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"retry-after": "17"}, timedelta(seconds=17)),
        (
            {"retry-after": "Tue, 24 Nov 2026 12:00:30 GMT", "date": "Tue, 24 Nov 2026 12:00:00 GMT"},
            timedelta(seconds=30),
        ),
        ({"retry-after": "soon", "date": "Tue, 24 Nov 2026 12:00:00 GMT"}, None),
        ({"retry-after": "-3"}, None),
        ({}, None),
    ],
)
def test_the_pause_asked_for_is_kept(headers: dict[str, str], pause: timedelta | None) -> None:
    """Retry-After is read as seconds or as a date; anything else is no pause."""
    error = named(ASK, judge(ASK, refusal(503, b"{}", **headers)))
    assert isinstance(error, Unavailable)
    assert error.retry_after == pause


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "x"}', b'{"error": {"errors": [1]}}', b"\xff"])
def test_an_error_body_that_cannot_be_read_is_judged_by_its_status(body: bytes) -> None:
    """A strange body breaks nothing: a 503 is unavailable, a 404 concludes nothing, a 403 is no privilege."""
    assert judge(ASK, refusal(503, body)).outcome is Outcome.UNAVAILABLE
    assert judge(ASK, refusal(404, body)).outcome is Outcome.UNAVAILABLE
    assert judge(ASK, refusal(403, body)).outcome is Outcome.NOT_AUTHORISED


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError("timed out"),
        ConnectionResetError("reset"),
        ssl.SSLError("handshake"),
        OSError("no route"),
        httplib2.ServerNotFoundError("dns"),
        http.client.IncompleteRead(b""),
        ValueError("malformed"),
        transport_failed("token endpoint away"),
        refresh_failed("try later", retryable=True),
    ],
)
def test_a_call_without_an_answer_is_unavailable(error: Exception) -> None:
    """Time-outs, broken connections and malformed answers conclude nothing."""
    assert judge(ASK, error).outcome is Outcome.UNAVAILABLE


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (refresh_failed("invalid_grant: Invalid email or User ID", {"error": "invalid_grant"}), "invalid_grant"),
        (refresh_failed("unauthorized_client: not authorized for any of the scopes"), "unauthorized_client"),
        (refresh_failed("eyJhbGciOi.secret"), "RefreshError"),
        (no_default("no file"), "DefaultCredentialsError"),
    ],
)
def test_credentials_that_google_does_not_take_are_named_with_scope_and_without_secret(
    error: Exception, code: str
) -> None:
    """The sentence names the code and the scope, and repeats nothing of what Google or the library said."""
    made = named(ASK, judge(ASK, error))
    assert isinstance(made, NotAuthorised)
    assert made.code == code
    assert ASK.scope in made.sentence
    assert "secret" not in made.sentence


def test_each_error_says_whom_and_what_to_do() -> None:
    """The sentences name the group or the user, and who can help."""

    def sentence(ask: Ask, status: int, reason: str, message: str) -> tuple[type[Exception], str]:
        body = json.dumps({"error": {"message": message, "errors": [{"reason": reason}]}}).encode()
        error = named(ask, judge(ask, refusal(status, body)))
        return type(error), error.sentence

    user = Ask(operation=USER, scope="s", member="ada@example.com")
    assert sentence(user, 404, "notFound", "Resource Not Found: userKey") == (
        Missing,
        "Google does not know the user ada@example.com; ask your Workspace administrator for the account.",
    )
    kind, text = sentence(ASK, 404, "notFound", "Resource Not Found: groupKey")
    assert kind is Missing
    assert "ops@example.com" in text
    kind, text = sentence(ASK, 403, "insufficientPermissions", "Request had insufficient authentication scopes.")
    assert kind is NotAuthorised
    assert ASK.scope in text
    assert "enable admin.googleapis.com" in sentence(ASK, 403, "accessNotConfigured", "not used")[1]
    assert "administrator role" in sentence(ASK, 403, "forbidden", "Not Authorized")[1]
    kind, text = sentence(ASK, 400, "badRequest", "Bad\nRequest " + "x" * 500)
    assert kind is Rejected
    assert "Bad Request x" in text
    assert len(text) < 300
