"""Stored records for the command line to show."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from accessbot.adapters.redis_store import RedisStore
from accessbot.domain.lifecycle import SYSTEM
from accessbot.domain.model import AuditEvent, Grant, GrantState, Record, Request, RequestState
from accessbot.ports import Change

NOW = datetime(2026, 11, 24, 10, 0, 0, 123000, tzinfo=UTC)
HOUR = timedelta(hours=1)

PENDING = Request(
    id="r_1",
    requester="U1",
    entitlement="production-admin",
    duration=timedelta(minutes=90),
    reason='INC-42: "why"\n\x1b[31mis it down',
    created_at=NOW,
    expires_at=NOW + 24 * HOUR,
    catalog_hash="c0ffee",
)
APPROVED = replace(
    PENDING,
    id="r_2",
    requester="U2",
    email="ben@example.com",
    entitlement="staging-admin",
    reason="deploy",
    created_at=NOW + HOUR,
    state=RequestState.APPROVED,
    decided_by="U9",
    grant_id="g_2",
)
ACTIVE = Grant(
    id="g_1",
    request_id="r_1",
    requester="U1",
    email="ann@example.com",
    entitlement="production-admin",
    account_id="111122223333",
    account_name="Production",
    permission_set="AdministratorAccess",
    google_group="aws-production-admin@example.com",
    google_user_id="100",
    aws_group_id="a-1",
    aws_user_id="u-1",
    state=GrantState.ACTIVE,
    duration=HOUR,
    approved_at=NOW,
    starts_at=NOW,
    expires_at=NOW + HOUR,
)
REVOKED = replace(
    ACTIVE,
    id="g_2",
    request_id="r_2",
    requester="U2",
    email="ben@example.com",
    entitlement="staging-admin",
    google_group="aws-staging-admin@example.com",
    state=GrantState.REVOKED,
    starts_at=NOW + HOUR,
    expires_at=NOW + 2 * HOUR,
    ended_at=NOW + 2 * HOUR + timedelta(milliseconds=400),
)


def event(action: str, at: datetime, **more: Any) -> AuditEvent:  # noqa: ANN401 - whatever field a test is about
    """One step that accessbot took for U1."""
    return AuditEvent(**{"time": at, "actor": SYSTEM, "action": action, "subject": "g_1", "person": "U1", **more})


def fill(store: RedisStore) -> None:
    """Store two requests, two grants and three events."""
    events = (
        event("grant.provisioning", NOW, entitlement="production-admin", after="provisioning", reason="INC-42"),
        event("grant.active", NOW + HOUR, entitlement="production-admin", before="provisioning", after="active"),
        event(
            "grant.revoked", NOW + 2 * HOUR, entitlement="staging-admin", person="U2", after="revoked", subject="g_2"
        ),
    )
    records: tuple[Record, ...] = (PENDING, APPROVED, ACTIVE, REVOKED)
    for number, record in enumerate(records):
        store.commit(Change(op=f"fill:{number}", puts=(record,), events=events if number == 0 else ()))
