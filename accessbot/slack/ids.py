"""Every id that Slack hands back to us, in one place: actions, forms and blocks."""

from __future__ import annotations

import hashlib
from typing import Final

REQUEST_COMMAND: Final = "/request-aws"
MY_ACCESS_COMMAND: Final = "/my-access"

# buttons of the approvers' message
APPROVE: Final = "request.approve"
DENY: Final = "request.deny"
REVOKE: Final = "grant.revoke"
# buttons of /my-access and of messages to a requester
END_ACCESS: Final = "grant.end"
EXTEND: Final = "grant.extend"
CANCEL: Final = "request.cancel"
LINK: Final = "link"

# controls of the forms
ACCESS: Final = "access"
DURATION: Final = "duration"
REASON: Final = "reason"

# forms
REQUEST_FORM: Final = "form.request"
DENY_FORM: Final = "form.deny"
EXTEND_FORM: Final = "form.extend"


def stable_id(prefix: str, *parts: str) -> str:
    """Make an id that is the same for the same parts: what makes a delivery that comes twice harmless."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
    return f"{prefix}_{digest[:40]}"
