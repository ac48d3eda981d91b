"""Every id that Slack hands back to us, in one place: actions, forms and blocks."""

from __future__ import annotations

import hashlib
from typing import Final

REQUEST_COMMAND: Final = "/request-aws"
MY_ACCESS_COMMAND: Final = "/my-access"

# buttons of the approvers' message
APPROVE: Final = "request.approve"
DENY: Final = "request.deny"
ASK: Final = "request.ask"
MORE: Final = "request.decide"
APPROVE_ALL: Final = "bundle.approve"
DENY_ALL: Final = "bundle.deny"
REVOKE: Final = "grant.revoke"
# buttons of /my-access and of messages to a requester
END_ACCESS: Final = "grant.end"
EXTEND: Final = "grant.extend"
CANCEL: Final = "request.cancel"
CONFIRM: Final = "request.confirm"
DECLINE: Final = "request.decline"
ANSWER: Final = "request.answer"
ESCALATE: Final = "request.escalate"
DELEGATE: Final = "delegation.set"
TAKE_BACK: Final = "delegation.end"
LINK: Final = "link"
# buttons of an emergency's message
JUSTIFY: Final = "review.justify"
NOT_JUSTIFY: Final = "review.not_justify"

# controls of the forms
ACCESS: Final = "access"
DURATION: Final = "duration"
REASON: Final = "reason"
EMERGENCY: Final = "emergency"
MORE_OPTIONS: Final = "more_options"
MORE_ACCESS: Final = "more_access"
FOR: Final = "for"
STARTS: Final = "starts"
COMMENT: Final = "comment"
QUESTION: Final = "question"
REPLY: Final = "reply"
TO: Final = "to"
FROM: Final = "from"
UNTIL: Final = "until"

# forms
REQUEST_FORM: Final = "form.request"
DENY_FORM: Final = "form.deny"
EXTEND_FORM: Final = "form.extend"
DECIDE_FORM: Final = "form.decide"
DENY_ALL_FORM: Final = "form.deny_all"
ASK_FORM: Final = "form.ask"
ANSWER_FORM: Final = "form.answer"
ESCALATE_FORM: Final = "form.escalate"
DELEGATE_FORM: Final = "form.delegate"
REVIEW_FORM: Final = "form.review"


def stable_id(prefix: str, *parts: str) -> str:
    """Make an id that is the same for the same parts: what makes a delivery that comes twice harmless."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
    return f"{prefix}_{digest[:40]}"
