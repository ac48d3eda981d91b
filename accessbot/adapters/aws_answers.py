"""What AWS's answers mean: one table, first match wins; what is not in it never reads as "there" or "not there"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    CredentialRetrievalError,
    InvalidConfigError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from accessbot.domain.errors import Missing, NotAuthorised, Rejected, Unavailable, VendorError

AWS = "AWS"
_SAID_LIMIT = 160


class Outcome(Enum):
    """What an answer means for the call it answers."""

    ABSENT = auto()  # what the call looks for, or takes away, is not there
    CONFLICT = auto()  # a member already, or changed by somebody at the same time: look
    UNSAID = auto()  # something is not there, and the answer does not say what: look
    NO_USER = auto()
    NO_GROUP = auto()
    UNAVAILABLE = auto()
    NOT_AUTHORISED = auto()
    NO_STORE = auto()  # the identity store or the instance of the settings does not exist
    KEY_UNUSABLE = auto()  # the customer's encryption key of the identity store
    REJECTED = auto()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `operation`, `status` and `code` match whole, `detail` is searched in.

    `detail` is `<ResourceType> <Reason>` of the answer, each "" where it has none.
    """

    operation: str
    status: str
    code: str
    detail: str
    outcome: Outcome


_ANY = r".*"
_GONE = "ResourceNotFoundException"
_THROTTLED = (
    r"Throttl\w*|TooManyRequests\w*|RequestThrottled\w*|RequestLimitExceeded|SlowDown|BandwidthLimitExceeded"
    r"|ProvisionedThroughputExceeded\w*|PriorRequestNotComplete|LimitExceededException"
)
_DOWN = (
    r"InternalServer\w*|InternalFailure|InternalError|ServiceUnavailable\w*|ServiceException|RequestTimeout\w*"
    r"|TransactionInProgressException"
)
_FORBIDDEN = r"AccessDenied\w*|UnauthorizedOperation|UnauthorizedException|NotAuthorized\w*"
_DENIED = _FORBIDDEN + (
    r"|UnrecognizedClient\w*|InvalidClientTokenId|ExpiredToken\w*|RequestExpired|SignatureDoesNotMatch|InvalidSignature\w*"
    r"|IncompleteSignature\w*|MissingAuthenticationToken\w*|AuthFailure|OptInRequired|InvalidAccessKeyId"
)
TABLE: tuple[Row, ...] = (
    Row(_ANY, _ANY, _ANY, r"KMS_", Outcome.KEY_UNUSABLE),
    Row(_ANY, _ANY, _GONE, r"IDENTITY_STORE", Outcome.NO_STORE),
    Row("GetGroupMembershipId|DeleteGroupMembership", _ANY, _GONE, r"^(GROUP_)?MEMBERSHIP", Outcome.ABSENT),
    Row("GetUserId|DescribeUser|GetGroupId|DeleteGroupMembership", _ANY, _GONE, _ANY, Outcome.ABSENT),
    Row("DescribeGroup|ListGroupMemberships", _ANY, _GONE, _ANY, Outcome.NO_GROUP),
    Row("DescribePermissionSet", _ANY, _GONE, _ANY, Outcome.ABSENT),
    Row(_ANY, _ANY, _GONE, r"^GROUP ", Outcome.NO_GROUP),
    Row(_ANY, _ANY, _GONE, r"^USER ", Outcome.NO_USER),
    Row("GetGroupMembershipId|CreateGroupMembership", _ANY, _GONE, _ANY, Outcome.UNSAID),
    Row("ListPermissionSets|ListInstances", _ANY, _GONE, _ANY, Outcome.NO_STORE),
    Row(_ANY, _ANY, _GONE, _ANY, Outcome.UNAVAILABLE),  # changed while it was listed: list again
    Row("CreateGroupMembership", _ANY, "ConflictException", _ANY, Outcome.CONFLICT),
    Row(_ANY, _ANY, "ConflictException", _ANY, Outcome.UNAVAILABLE),
    Row(_ANY, _ANY, _THROTTLED, _ANY, Outcome.UNAVAILABLE),
    Row(_ANY, _ANY, _DOWN, _ANY, Outcome.UNAVAILABLE),
    Row(_ANY, _ANY, _DENIED, _ANY, Outcome.NOT_AUTHORISED),
    Row(_ANY, r"401|403", _ANY, _ANY, Outcome.NOT_AUTHORISED),
    Row(_ANY, r"408|429|5\d\d", _ANY, _ANY, Outcome.UNAVAILABLE),
    Row(_ANY, r"4\d\d", _ANY, _ANY, Outcome.REJECTED),  # ValidationException, ServiceQuotaExceededException, unknown
    Row(_ANY, _ANY, _ANY, _ANY, Outcome.UNAVAILABLE),
)

# The last ones come from boto3's parser, for an answer that is no answer of the call.
FAILURES: tuple[type[Exception], ...] = (
    ClientError,
    BotoCoreError,
    OSError,
    ResponseParserError,
    ValueError,
    TypeError,
    AttributeError,
)
"""All that a call can raise for what goes wrong outside of this process."""

_OPERATOR = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    TokenRetrievalError,
    SSOError,
    NoRegionError,
    ProfileNotFound,
    ConfigNotFound,
    InvalidConfigError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A call, as far as errors have to name it; `group` and `user` are ids or names, "" where the call has none."""

    operation: str
    group: str = ""
    user: str = ""

    @property
    def action(self) -> str:
        """Name the IAM action that allows the call."""
        service = "sso" if re.search("Instances|PermissionSet|AccountAssignments", self.operation) else "identitystore"
        return f"{service}:{self.operation}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An outcome, with AWS's own code and words and the pause that it asked for."""

    outcome: Outcome
    code: str = ""
    said: str = ""
    retry_after: timedelta | None = None


def classify(operation: str, status: int, code: str, detail: str) -> Outcome:
    """Look an error answer up in the table."""
    for row in TABLE:
        if (
            re.fullmatch(row.operation, operation)
            and re.fullmatch(row.status, str(status))
            and re.fullmatch(row.code, code)
            and re.search(row.detail, detail)
        ):
            return row.outcome
    raise AssertionError("the last row matches everything")


def judge(ask: Ask, error: Exception) -> Verdict:
    """Say what a failure of a call means. `error` is one of `FAILURES`."""
    if isinstance(error, ClientError):
        answer: dict[str, Any] = dict(error.response)
        told = answer.get("Error", {})
        code = str(told.get("Code", ""))
        detail = f"{answer.get('ResourceType') or ''} {answer.get('Reason') or ''}"
        outcome = classify(ask.operation, answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0), code, detail)
        said = " ".join(str(told.get("Message", "")).split())[:_SAID_LIMIT]
        return Verdict(outcome=outcome, code=code, said=said, retry_after=_pause(answer))
    name = type(error).__name__
    if isinstance(error, ParamValidationError):
        return Verdict(outcome=Outcome.REJECTED, code=name)
    return Verdict(outcome=Outcome.NOT_AUTHORISED if isinstance(error, _OPERATOR) else Outcome.UNAVAILABLE, code=name)


def named(ask: Ask, verdict: Verdict) -> VendorError:
    """Make the named error of a verdict; for the outcomes that are errors."""
    code = verdict.code
    match verdict.outcome:
        case Outcome.NO_USER:
            return no_user(ask, code)
        case Outcome.NO_GROUP:
            return no_group(ask, code)
        case Outcome.NOT_AUTHORISED | Outcome.NO_STORE | Outcome.KEY_UNUSABLE:
            return NotAuthorised(AWS, ask.operation, _refusal(ask, verdict), code=code)
        case Outcome.REJECTED:
            said = f" AWS says: {verdict.said}" if verdict.said else ""
            return Rejected(AWS, ask.operation, f"AWS refused {ask.operation} for good ({code}).{said}", code=code)
        case _:
            return unusable(ask, code, verdict.retry_after)


def unusable(ask: Ask, code: str, retry_after: timedelta | None = None) -> Unavailable:
    """Make the error for "nothing is known": down, slow, throttled, malformed, or changing right now."""
    sentence = f"AWS gave no usable answer to {ask.operation} ({code or 'no code'}); accessbot will try again."
    return Unavailable(AWS, ask.operation, sentence, code=code, retry_after=retry_after)


def no_user(ask: Ask, code: str = "") -> Missing:
    """Make the error for a user that the identity store does not have."""
    sentence = (
        f"AWS IAM Identity Center does not know the user {ask.user} yet; new accounts reach AWS with the next sync "
        "from Google, ask your AWS administrator if it takes longer."
    )
    return Missing(AWS, ask.operation, sentence, what="user", code=code)


def no_group(ask: Ask, code: str = "") -> Missing:
    """Make the error for a group that the identity store does not have."""
    sentence = (
        f"AWS IAM Identity Center does not know the group {ask.group}; ask your AWS administrator to create it or "
        "correct the catalog."
    )
    return Missing(AWS, ask.operation, sentence, what="group", code=code)


def _refusal(ask: Ask, verdict: Verdict) -> str:
    if verdict.outcome is Outcome.NO_STORE:
        return (
            "AWS does not know the Identity Center instance of the settings; correct AWS_SSO_INSTANCE_ARN, "
            "AWS_IDENTITY_STORE_ID and the region."
        )
    if verdict.outcome is Outcome.KEY_UNUSABLE:
        return (
            f"AWS cannot use the encryption key of the identity store for {ask.operation}; an administrator has to let "
            "accessbot's role use that KMS key."
        )
    if verdict.code == NoRegionError.__name__:
        return "No AWS region is set; set AWS_REGION to the region of the Identity Center instance."
    if re.fullmatch(_FORBIDDEN, verdict.code):
        return f"AWS does not let accessbot's role call {ask.operation}; allow the IAM action {ask.action}."
    return (
        f"AWS does not accept accessbot's credentials ({verdict.code}); an operator has to renew them. The call needs "
        f"the IAM action {ask.action}."
    )


def _pause(answer: dict[str, Any]) -> timedelta | None:
    """Read the pause asked for: a member of the throttling error, or the Retry-After header, in seconds."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    asked = str(answer.get("RetryAfterSeconds") or headers.get("retry-after") or "").strip()
    return timedelta(seconds=min(int(asked), 86_400)) if asked.isascii() and asked.isdigit() else None
