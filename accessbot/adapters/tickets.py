"""The company's own ticket system: one question over HTTP, to which only a plain yes is a yes.

What is sent is `{"ticket", "requester", "email", "entitlement", "duration_s", "reason"}`, the requester by Slack user
id. What is understood is status 200 with `{"allowed": true}`, or `{"allowed": false, "reason": "…"}`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from accessbot.adapters.fetching import Answer, Source, fetch, refusal
from accessbot.domain.errors import Refused, Rejected, Unavailable

if TYPE_CHECKING:
    from accessbot.domain.model import Request
    from accessbot.domain.rules import Ticket

SOURCE = Source(vendor="the ticket system", operation="the check of a ticket", written="`ticket.check` in the catalog")

_OK = 200
_LONGEST = 300
_HEADERS = {"content-type": "application/json", "accept": "application/json"}


class TicketSystem:
    """Asks the address that each `Ticket` names; safe to share over threads, as it holds no connection."""

    def check(self, ticket: Ticket, reference: str, request: Request) -> None:
        """Return if the ticket may be used for the request, or if there is no address to ask.

        Raises `Refused` with the system's own word (300 characters of it), `Unavailable` when it does not answer within
        `ticket.timeout` or has no answer now, `Rejected` for whatever else it answers.
        """
        if not ticket.check:
            return
        sent = {
            "ticket": reference,
            "requester": request.requester,
            "email": request.email,
            "entitlement": request.entitlement,
            "duration_s": int(request.duration.total_seconds()),
            "reason": request.reason,
        }
        body = json.dumps(sent).encode()
        answer = fetch(SOURCE, ticket.check, timeout=ticket.timeout, headers=_HEADERS, body=body)
        allowed, reason = _read(answer)
        if not allowed:
            raise Refused(f"The ticket system does not allow {reference} for this; it says: {reason or 'no reason'}")


def _read(answer: Answer) -> tuple[bool, str]:
    if answer.status != _OK:
        error = refusal(SOURCE, answer)
        raise error if isinstance(error, Unavailable) else _unusable(str(answer.status))
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise _unusable("no JSON") from error
    allowed = said.get("allowed") if isinstance(said, dict) else None
    if not isinstance(allowed, bool):
        raise _unusable("no “allowed” that is true or false")
    reason = said.get("reason")
    return allowed, _printable(reason) if isinstance(reason, str) else ""


def _printable(text: str) -> str:
    """Give a text on one line, without what cannot be seen, and cut."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _unusable(code: str) -> Rejected:
    sentence = (
        f"The ticket system gave neither yes nor no ({code}), which counts as no; have {SOURCE.written} corrected, or "
        "what answers there."
    )
    return Rejected(SOURCE.vendor, SOURCE.operation, sentence, code=code)
