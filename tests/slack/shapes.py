"""Requests, grants and times that the tests of messages are made of, and the files that hold what is expected."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from accessbot.domain.model import EndCause, Grant, GrantState, Remark, RemarkKind, Request, RequestState, Vote
from accessbot.sandbox.slack.limits import check_message, check_view
from tests.slack.harness import MAYA, PRIYA

if TYPE_CHECKING:
    from accessbot.slack.blocks import Json, Message

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SNAPSHOTS = Path(__file__).with_name("snapshots")


def request(**changes: object) -> Request:
    """Make a pending request of two hours, announced at noon."""
    fields: dict[str, object] = {
        "id": "r_0123456789",
        "requester": MAYA,
        "entitlement": "production-admin",
        "duration": 2 * HOUR,
        "reason": "INC-42: payments are stuck",
        "created_at": NOON,
        "expires_at": NOON + 24 * HOUR,
        "catalog_hash": "hash-1",
        "email": "maya@example.com",
        "announced": True,
    }
    return Request(**{**fields, **changes})  # type: ignore[arg-type] # the names are the record's own


def approved(**changes: object) -> Request:
    """Make a request that one approver has approved."""
    decided: dict[str, object] = {
        "state": RequestState.APPROVED,
        "votes": (vote(PRIYA),),
        "decided_by": PRIYA,
        "decided_at": NOON + MINUTE,
        "grant_id": "g_0123456789",
    }
    return request(**{**decided, **changes})


def vote(person: str, **changes: object) -> Vote:
    """Make a yes."""
    fields: dict[str, object] = {"approver": person, "email": f"{person}@example.com", "at": NOON + MINUTE}
    return Vote(**{**fields, **changes})  # type: ignore[arg-type] # the names are the record's own


def remark(kind: RemarkKind, who: str, text: str) -> Remark:
    """Make a question or an answer."""
    return Remark(kind=kind, who=who, at=NOON + 2 * MINUTE, text=text)


def grant(**changes: object) -> Grant:
    """Make an active grant of two hours from a minute past noon."""
    fields: dict[str, object] = {
        "id": "g_0123456789",
        "request_id": "r_0123456789",
        "requester": MAYA,
        "email": "maya@example.com",
        "entitlement": "production-admin",
        "account_id": "111122223333",
        "account_name": "Production",
        "permission_set": "AdministratorAccess",
        "google_user_id": "1000",
        "google_group": "aws-production-admin@example.com",
        "state": GrantState.ACTIVE,
        "duration": 2 * HOUR,
        "approved_at": NOON + MINUTE,
        "starts_at": NOON + MINUTE,
        "expires_at": NOON + MINUTE + 2 * HOUR,
        "activated_at": NOON + MINUTE,
        "session": HOUR,
    }
    return Grant(**{**fields, **changes})  # type: ignore[arg-type] # the names are the record's own


def ended(cause: EndCause = EndCause.EXPIRED, actor: str = "accessbot", **changes: object) -> Grant:
    """Make a grant that ended at two o'clock."""
    end: dict[str, object] = {
        "state": GrantState.REVOKED,
        "end_cause": cause,
        "end_actor": actor,
        "ending_at": NOON + 2 * HOUR,
        "ended_at": NOON + 2 * HOUR,
    }
    return grant(**{**end, **changes})


def hold(name: str, message: Message) -> None:
    """Compare a whole message with the file of that name, and hold it against Slack's limits.

    With UPDATE_SNAPSHOTS=1 in the environment the file is written anew.
    """
    check_message(message.text, message.blocks)
    assert message.text.strip()
    _compare(name, {"text": message.text, "blocks": message.blocks})


def hold_view(name: str, view: Json) -> None:
    """Compare a whole form with the file of that name, and hold it against Slack's limits."""
    check_view(view)
    _compare(name, view)


def _compare(name: str, whole: Json) -> None:
    shown = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
    path = SNAPSHOTS / f"{name}.json"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown)
    assert path.read_text() == shown
