"""What the Cloud Identity API's answers mean: one table, as for the Directory API; what is not in it is an error."""

from __future__ import annotations

from typing import Final

from accessbot.adapters import google_answers
from accessbot.adapters.google_answers import GOOGLE, Ask, Outcome, Row, Verdict
from accessbot.domain.errors import NotAuthorised, VendorError

FIND_GROUP: Final = "groups.lookup"
FIND: Final = "memberships.lookup"
MODIFY: Final = "memberships.modifyMembershipRoles"
CHECK: Final = "memberships.checkTransitiveMembership"

_ANY: Final = r".*"
_QUOTA: Final = r"(?i)rateLimitExceeded|quotaExceeded|RATE_LIMIT_EXCEEDED|RESOURCE_EXHAUSTED"
_EDITION: Final = r"(?i)licen[sc]e|edition|premium|enterprise|not (?:available|supported|enabled) for"
_DISABLED: Final = r"(?i)has not been used in project|is disabled"

TABLE: tuple[Row, ...] = (
    Row(r"memberships\.\w+", "404", _ANY, _ANY, Outcome.ABSENT),
    Row(r"groups\.lookup", "404", _ANY, _ANY, Outcome.NO_GROUP),
    Row(_ANY, "401", _ANY, _ANY, Outcome.NOT_AUTHORISED),
    Row(_ANY, "403|429", _QUOTA, _ANY, Outcome.UNAVAILABLE),
    Row(_ANY, "403", _ANY, r"(?i)quota exceeded|rate limit exceeded", Outcome.UNAVAILABLE),
    Row(_ANY, "403", _ANY, r"(?i)insufficient.*scope", Outcome.NO_SCOPE),
    Row(_ANY, "403", _ANY, _DISABLED, Outcome.NOT_AUTHORISED),
    Row(_ANY, "403", _ANY, r"(?i)\b2028\b|may not exist", Outcome.NOT_AUTHORISED),  # unknown reads like forbidden
    Row(r"memberships\.(check|modify)\w+", "403", _ANY, _ANY, Outcome.NO_EDITION),  # the group was read before it
    Row(r"memberships\.(check|modify)\w+", "400", r"FAILED_PRECONDITION", _ANY, Outcome.NO_EDITION),
    Row(r"memberships\.(check|modify)\w+", r"4\d\d", _ANY, _EDITION, Outcome.NO_EDITION),
    Row(_ANY, "403", _ANY, _ANY, Outcome.NOT_AUTHORISED),
    Row(_ANY, "408|409|429", _ANY, _ANY, Outcome.UNAVAILABLE),
    Row(_ANY, r"4\d\d", _ANY, _ANY, Outcome.REJECTED),
    Row(_ANY, _ANY, _ANY, _ANY, Outcome.UNAVAILABLE),  # 5xx, a redirect, or not this API that answered
)


def judge(ask: Ask, error: Exception) -> Verdict:
    """Say what a failure of a call means. `error` is one of `google_answers.FAILURES`."""
    return google_answers.judge(ask, error, TABLE)


def named(ask: Ask, verdict: Verdict) -> VendorError:
    """Make the named error of a verdict; for the outcomes that are errors."""
    if verdict.outcome is Outcome.NO_EDITION:
        return NotAuthorised(GOOGLE, ask.operation, _no_edition(verdict), code=verdict.code)
    if verdict.outcome is Outcome.NOT_AUTHORISED:
        return NotAuthorised(GOOGLE, ask.operation, _refusal(ask, verdict), code=verdict.code)
    return google_answers.named(ask, verdict)


def _no_edition(verdict: Verdict) -> str:
    said = f" Google says: {verdict.said}" if verdict.said else ""
    return (
        "Google does not let memberships of this customer's groups have an end: that takes Enterprise Standard, "
        "Enterprise Plus, Enterprise for Education or Cloud Identity Premium, and an administrator role for groups; "
        f"get one, or unset ACCESSBOT_MEMBERSHIP_EXPIRY.{said}"
    )


def _refusal(ask: Ask, verdict: Verdict) -> str:
    if "disabled" in verdict.said or "has not been used" in verdict.said:
        return (
            "The Cloud Identity API is off in accessbot's Google Cloud project; enable cloudidentity.googleapis.com "
            "there, or unset ACCESSBOT_MEMBERSHIP_EXPIRY."
        )
    return (
        f"Google does not let accessbot use {ask.operation} on the group {ask.group} ({verdict.code or 'no code'}): it "
        "does not exist, or the service account (the delegated subject, if there is one) lacks the scope "
        f"{ask.scope} or an administrator role for groups."
    )
