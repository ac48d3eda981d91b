"""What Google's answers mean: one table, first match wins; what is not in it never reads as "there" or "not there"."""

from __future__ import annotations

import http.client
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Any

import httplib2
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from googleapiclient.errors import Error as ApiError
from googleapiclient.errors import HttpError

from accessbot.adapters.retry_after import asked_pause
from accessbot.domain.errors import Missing, NotAuthorised, Rejected, Unavailable, VendorError

GOOGLE = "Google"
_QUOTA = r"userRateLimitExceeded|rateLimitExceeded|quotaExceeded|dailyLimitExceeded|RATE_LIMIT_EXCEEDED"
_SAID_LIMIT = 160


class Outcome(Enum):
    """What an answer means for the call it answers."""

    DONE = auto()  # the membership is as it was asked for, or will be once it is visible
    ABSENT = auto()  # there is no such member
    OTHER_DOMAIN = auto()  # hasMember does not look into other domains: look at direct members
    NO_USER = auto()
    NO_GROUP = auto()
    UNAVAILABLE = auto()
    NO_SCOPE = auto()
    NO_EDITION = auto()  # what was asked for is not part of what the customer has
    NOT_AUTHORISED = auto()
    REJECTED = auto()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `operation` and `status` match whole, `reason` and `message` are searched in."""

    operation: str
    status: str
    reason: str
    message: str
    outcome: Outcome


_ANY = r".*"
TABLE: tuple[Row, ...] = (
    Row(r"members\.insert", "409", r"duplicate", _ANY, Outcome.DONE),
    Row(r"members\.insert", "409", r"^conflict$", _ANY, Outcome.DONE),  # accepted, not visible yet
    Row(r"members\.insert", "409|412", _ANY, r"(?i)already exists", Outcome.DONE),
    Row(r"members\.insert", "404", _ANY, r"(?i)memberKey|userKey", Outcome.NO_USER),
    Row(r"members\.(get|delete|hasMember)", "404", _ANY, r"(?i)memberKey", Outcome.ABSENT),
    Row(r"members\.hasMember", "400", r"^invalid$", _ANY, Outcome.OTHER_DOMAIN),
    Row(r"members\.hasMember", "400", _ANY, r"(?i)memberKey", Outcome.OTHER_DOMAIN),
    Row(r"users\.get", "404", _ANY, r"(?i)userKey|domain not found", Outcome.NO_USER),
    Row(_ANY, "404", _ANY, r"(?i)groupKey", Outcome.NO_GROUP),
    Row(_ANY, "404", _ANY, _ANY, Outcome.UNAVAILABLE),  # not said what is missing: just made, or another service
    Row(_ANY, "401", _ANY, _ANY, Outcome.NOT_AUTHORISED),
    Row(_ANY, "403", rf"(?i){_QUOTA}|RESOURCE_EXHAUSTED", _ANY, Outcome.UNAVAILABLE),
    Row(_ANY, "403", _ANY, r"(?i)quota exceeded|rate limit exceeded", Outcome.UNAVAILABLE),
    Row(_ANY, "403", _ANY, r"(?i)insufficient.*scope|insufficient permission", Outcome.NO_SCOPE),
    Row(_ANY, "403", _ANY, _ANY, Outcome.NOT_AUTHORISED),
    Row(_ANY, "408|409|429", _ANY, _ANY, Outcome.UNAVAILABLE),
    Row(_ANY, r"5\d\d", _ANY, _ANY, Outcome.UNAVAILABLE),
    Row(_ANY, r"4\d\d", _ANY, _ANY, Outcome.REJECTED),
    Row(_ANY, _ANY, _ANY, _ANY, Outcome.UNAVAILABLE),  # a redirect or no status: not the Directory API that answered
)

FAILURES: tuple[type[Exception], ...] = (
    ApiError,
    GoogleAuthError,
    httplib2.HttpLib2Error,
    http.client.HTTPException,
    OSError,
    ValueError,
)
"""All that a call can raise for what goes wrong outside of this process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A call, as far as errors have to name it. `member` is an address or an id, "" where the call has none."""

    operation: str
    scope: str
    group: str = ""
    member: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An outcome, with Google's own code and words and the pause that it asked for."""

    outcome: Outcome
    code: str = ""
    said: str = ""
    retry_after: timedelta | None = None


def classify(operation: str, status: int, reason: str, message: str, table: tuple[Row, ...] = TABLE) -> Outcome:
    """Look an error answer up in a table, whose last row has to match everything."""
    for row in table:
        if (
            re.fullmatch(row.operation, operation)
            and re.fullmatch(row.status, str(status))
            and re.search(row.reason, reason)
            and re.search(row.message, message)
        ):
            return row.outcome
    raise AssertionError("the last row matches everything")


def judge(ask: Ask, error: Exception, table: tuple[Row, ...] = TABLE) -> Verdict:
    """Say what a failure of a call means, by the table of its API. `error` is one of `FAILURES`."""
    if isinstance(error, HttpError):
        reason, message = _read(error.content)
        outcome = classify(ask.operation, int(error.resp.status), reason, message, table)
        return Verdict(
            outcome=outcome, code=reason or str(error.resp.status), said=message, retry_after=asked_pause(error.resp)
        )
    if isinstance(error, RefreshError) and not error.retryable:
        return Verdict(outcome=Outcome.NOT_AUTHORISED, code=_oauth_code(error))
    if isinstance(error, TransportError) or not isinstance(error, GoogleAuthError) or error.retryable:
        return Verdict(outcome=Outcome.UNAVAILABLE, code=type(error).__name__)
    return Verdict(outcome=Outcome.NOT_AUTHORISED, code=type(error).__name__)


def named(ask: Ask, verdict: Verdict) -> VendorError:
    """Make the named error of a verdict; for the outcomes that are errors."""
    said = f" Google says: {verdict.said}" if verdict.said else ""
    match verdict.outcome:
        case Outcome.NO_USER:
            sentence = f"Google does not know the user {ask.member}; ask your Workspace administrator for the account."
            return Missing(GOOGLE, ask.operation, sentence, what="user", code=verdict.code)
        case Outcome.NO_GROUP:
            sentence = f"Google does not know the group {ask.group}; correct it in the catalog or have it created."
            return Missing(GOOGLE, ask.operation, sentence, what="group", code=verdict.code)
        case Outcome.NO_SCOPE:
            sentence = (
                f"accessbot's Google credentials lack the scope {ask.scope}; a Workspace administrator has to "
                "authorise it for the service account."
            )
            return NotAuthorised(GOOGLE, ask.operation, sentence, code=verdict.code)
        case Outcome.NOT_AUTHORISED:
            return NotAuthorised(GOOGLE, ask.operation, _refusal(ask, verdict), code=verdict.code)
        case Outcome.REJECTED:
            sentence = f"Google refused {ask.operation} for {_where(ask)} for good.{said}"
            return Rejected(GOOGLE, ask.operation, sentence, code=verdict.code)
        case _:
            return _unusable(ask, verdict)


def malformed(ask: Ask) -> Unavailable:
    """Make the error for an answer that says success but is not what the call answers."""
    return _unusable(ask, Verdict(outcome=Outcome.UNAVAILABLE, code="malformed answer"))


def _unusable(ask: Ask, verdict: Verdict) -> Unavailable:
    sentence = (
        f"Google gave no usable answer to {ask.operation} for {_where(ask)} ({verdict.code or 'no code'}); "
        "accessbot will try again."
    )
    return Unavailable(GOOGLE, ask.operation, sentence, code=verdict.code, retry_after=verdict.retry_after)


def _where(ask: Ask) -> str:
    return f"the group {ask.group}" if ask.group else f"the user {ask.member}"


def _refusal(ask: Ask, verdict: Verdict) -> str:
    if verdict.code in ("accessNotConfigured", "SERVICE_DISABLED"):
        return "The Admin SDK API is off in accessbot's Google Cloud project; enable admin.googleapis.com there."
    if verdict.code == "forbidden":
        return (
            f"Google does not let accessbot use {ask.operation} on {_where(ask)}: it does not exist, or the service "
            f"account (the delegated subject, if there is one) lacks an administrator role for it; scope {ask.scope}."
        )
    return (
        f"Google does not accept accessbot's credentials ({verdict.code}) for the scope {ask.scope}; a Workspace "
        "administrator has to authorise the service account for it."
    )


def _read(content: bytes) -> tuple[str, str]:
    """Give the reason and the message of an error body; "" for what cannot be read."""
    try:
        body = json.loads(content)
    except ValueError:
        return "", ""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return "", ""
    details: Any = error.get("errors")
    first = details[0] if isinstance(details, list) and details and isinstance(details[0], dict) else {}
    reason = str(first.get("reason") or error.get("status") or "")
    message = str(error.get("message") or first.get("message") or "")
    return reason[:60], " ".join(message.split())[:_SAID_LIMIT]


def _oauth_code(error: RefreshError) -> str:
    found = re.search(r"invalid_grant|unauthorized_client|invalid_scope|invalid_client|access_denied", str(error))
    return found.group() if found else "RefreshError"
