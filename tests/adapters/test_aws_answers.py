"""The table of AWS's answers: every documented answer has its meaning, and every row of the table is needed."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from accessbot.adapters.aws_answers import TABLE, Ask, Outcome, classify, judge, named
from accessbot.domain.errors import NotAuthorised, Rejected, Unavailable

GONE = "ResourceNotFoundException"
CREATE, DELETE, GET = "CreateGroupMembership", "DeleteGroupMembership", "GetGroupMembershipId"
DOCUMENTED = [
    (GET, 400, GONE, "GROUP_MEMBERSHIP ", Outcome.ABSENT),
    (GET, 400, GONE, "GROUP ", Outcome.NO_GROUP),
    (GET, 400, GONE, "USER ", Outcome.NO_USER),
    (GET, 400, GONE, " ", Outcome.UNSAID),
    (GET, 400, GONE, "IDENTITY_STORE ", Outcome.NO_STORE),
    (GET, 400, GONE, " KMS_KEY_NOT_FOUND", Outcome.KEY_UNUSABLE),
    (GET, 400, GONE, "GROUP_MEMBERSHIP KMS_KEY_NOT_FOUND", Outcome.KEY_UNUSABLE),
    (GET, 400, "AccessDeniedException", " KMS_ACCESS_DENIED", Outcome.KEY_UNUSABLE),
    (GET, 400, "ValidationException", " KMS_DISABLED", Outcome.KEY_UNUSABLE),
    (DELETE, 400, GONE, "GROUP_MEMBERSHIP ", Outcome.ABSENT),
    (DELETE, 400, GONE, " ", Outcome.ABSENT),
    (CREATE, 400, GONE, "GROUP ", Outcome.NO_GROUP),
    (CREATE, 400, GONE, "USER ", Outcome.NO_USER),
    (CREATE, 400, GONE, " ", Outcome.UNSAID),
    (CREATE, 400, "ConflictException", " UNIQUENESS_CONSTRAINT_VIOLATION", Outcome.CONFLICT),
    (CREATE, 400, "ConflictException", " CONCURRENT_MODIFICATION", Outcome.CONFLICT),
    (CREATE, 400, "ConflictException", " ", Outcome.CONFLICT),
    (CREATE, 402, "ServiceQuotaExceededException", " ", Outcome.REJECTED),
    (DELETE, 400, "ConflictException", " CONCURRENT_MODIFICATION", Outcome.UNAVAILABLE),
    ("GetUserId", 400, GONE, "USER ", Outcome.ABSENT),
    ("DescribeUser", 400, GONE, "USER ", Outcome.ABSENT),
    ("GetGroupId", 400, GONE, "GROUP ", Outcome.ABSENT),
    ("DescribeGroup", 400, GONE, "GROUP ", Outcome.NO_GROUP),
    ("ListGroupMemberships", 400, GONE, " ", Outcome.NO_GROUP),
    ("DescribePermissionSet", 400, GONE, " ", Outcome.ABSENT),
    ("ListPermissionSets", 400, GONE, " ", Outcome.NO_STORE),
    ("ListAccountAssignments", 400, GONE, " ", Outcome.UNAVAILABLE),
    *(
        (GET, 400, code, " ", Outcome.UNAVAILABLE)
        for code in ("ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded")
    ),
    *(
        (GET, 400, code, " ", Outcome.UNAVAILABLE)
        for code in ("InternalServerException", "ServiceUnavailableException", "RequestTimeout")
    ),
    *((GET, status, "Unheard", " ", Outcome.UNAVAILABLE) for status in (408, 429, 500, 502, 503, 504)),
    *(
        (GET, 400, code, " ", Outcome.NOT_AUTHORISED)
        for code in (
            "AccessDeniedException",
            "AccessDenied",
            "UnrecognizedClientException",
            "ExpiredTokenException",
            "ExpiredToken",
            "InvalidSignatureException",
            "InvalidClientTokenId",
            "MissingAuthenticationTokenException",
        )
    ),
    (GET, 403, "Unheard", " ", Outcome.NOT_AUTHORISED),
    (GET, 400, "ValidationException", " ", Outcome.REJECTED),
    (GET, 0, "", " ", Outcome.UNAVAILABLE),
    (GET, 301, "PermanentRedirect", " ", Outcome.UNAVAILABLE),
]
ASK = Ask(operation=GET, group="g-1", user="u-1")


def refused(code: str, status: int = 400, **members: Any) -> ClientError:  # noqa: ANN401 - members of an answer
    """Make the error that boto3 raises."""
    response: Any = {
        "Error": {"Code": code, "Message": "Said"},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": members.pop("headers", {})},
        **members,
    }
    return ClientError(response, GET)


@pytest.mark.parametrize(("operation", "status", "code", "detail", "outcome"), DOCUMENTED)
def test_a_documented_answer_has_its_meaning(
    operation: str, status: int, code: str, detail: str, outcome: Outcome
) -> None:
    """Each answer that is known of AWS is read as what it is known to mean."""
    assert classify(operation, status, code, detail) is outcome


def test_every_row_of_the_table_is_reached() -> None:
    """No row is dead: for each, a documented answer is decided by it."""
    reached = set()
    for operation, status, code, detail, _ in DOCUMENTED:
        reached.add(
            next(
                number
                for number, row in enumerate(TABLE)
                if re.fullmatch(row.operation, operation)
                and re.fullmatch(row.status, str(status))
                and re.fullmatch(row.code, code)
                and re.search(row.detail, detail)
            )
        )
    assert reached == set(range(len(TABLE)))


def test_only_not_found_reads_as_absent() -> None:
    """No other code, whatever its status, says that a membership is not there."""
    for code in {code for _, _, code, _, _ in DOCUMENTED} - {GONE}:
        for status in (200, 400, 403, 404, 500):
            assert classify(GET, status, code, " ") not in (Outcome.ABSENT, Outcome.UNSAID)


@pytest.mark.parametrize(
    "error",
    [
        ConnectTimeoutError(endpoint_url="https://x"),
        ReadTimeoutError(endpoint_url="https://x"),
        EndpointConnectionError(endpoint_url="https://x"),
        SSLError(endpoint_url="https://x", error=OSError("handshake")),
        ResponseParserError("malformed"),
        BotoCoreError(),
        OSError("no route"),
    ],
)
def test_a_call_without_an_answer_is_unavailable(error: Exception) -> None:
    """Time-outs, broken connections and malformed answers conclude nothing."""
    assert isinstance(named(ASK, judge(ASK, error)), Unavailable)


@pytest.mark.parametrize(
    "error",
    [NoCredentialsError(), CredentialRetrievalError(provider="x", error_msg="secret")],
)
def test_credentials_that_cannot_be_had_are_for_an_operator(error: Exception) -> None:
    """The sentence names the IAM action and nothing of the credentials."""
    made = named(ASK, judge(ASK, error))
    assert isinstance(made, NotAuthorised)
    assert "identitystore:GetGroupMembershipId" in made.sentence
    assert "secret" not in made.sentence


def test_a_call_that_boto3_does_not_send_is_rejected() -> None:
    """A value that cannot be right is not tried again."""
    assert isinstance(named(ASK, judge(ASK, ParamValidationError(report="bad"))), Rejected)


@pytest.mark.parametrize(
    ("members", "pause"),
    [
        ({"RetryAfterSeconds": 7}, timedelta(seconds=7)),
        ({"headers": {"retry-after": "3"}}, timedelta(seconds=3)),
        ({"headers": {"retry-after": "soon"}}, None),
        ({}, None),
    ],
)
def test_the_pause_asked_for_is_kept(members: dict[str, Any], pause: timedelta | None) -> None:
    """It is read from the throttling error itself, else from the header."""
    error = named(ASK, judge(ASK, refused("ThrottlingException", **members)))
    assert isinstance(error, Unavailable)
    assert error.retry_after == pause


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("CreateGroupMembership", "identitystore:CreateGroupMembership"),
        ("ListAccountAssignmentsForPrincipal", "sso:ListAccountAssignmentsForPrincipal"),
        ("DescribePermissionSet", "sso:DescribePermissionSet"),
        ("ListInstances", "sso:ListInstances"),
    ],
)
def test_a_denied_call_names_the_action_to_allow(operation: str, action: str) -> None:
    """An operator reads which IAM action is missing."""
    ask = Ask(operation=operation)
    assert action in named(ask, judge(ask, refused("AccessDeniedException"))).sentence


def test_settings_and_keys_that_are_wrong_say_which() -> None:
    """A wrong instance names its settings, an unusable key says so."""
    wrong = named(ASK, judge(ASK, refused(GONE, ResourceType="IDENTITY_STORE")))
    assert "AWS_IDENTITY_STORE_ID" in wrong.sentence
    locked = named(ASK, judge(ASK, refused("AccessDeniedException", Reason="KMS_ACCESS_DENIED")))
    assert "KMS" in locked.sentence
    assert {type(wrong), type(locked)} == {NotAuthorised}
