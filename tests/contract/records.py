"""Example records for the store's tests; every field can be given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from accessbot.domain.model import AuditEvent, Board, Click, ClickAction, Grant, GrantState, Pair, Request

NOW = datetime(2026, 11, 24, 10, 0, 0, 123000, tzinfo=UTC)
HOUR = timedelta(hours=1)


def a_request(**given: Any) -> Request:  # noqa: ANN401 - whatever field a test is about
    """Give a pending request."""
    fields: dict[str, Any] = {
        "id": "r_1",
        "requester": "U1",
        "entitlement": "production-admin",
        "duration": HOUR,
        "reason": "INC-42: “why” <is> it down? ünïcode ✓",
        "created_at": NOW,
        "expires_at": NOW + 24 * HOUR,
        "catalog_hash": "c0ffee",
    }
    return Request(**fields | given)


def a_grant(**given: Any) -> Grant:  # noqa: ANN401 - whatever field a test is about
    """Give a grant that is being provisioned, its ids known."""
    fields: dict[str, Any] = {
        "id": "g_1",
        "request_id": "r_1",
        "requester": "U1",
        "email": "ann@example.com",
        "entitlement": "production-admin",
        "account_id": "111122223333",
        "account_name": "Production",
        "permission_set": "AdministratorAccess",
        "google_group": "aws-production-admin@example.com",
        "google_user_id": "100",
        "duration": HOUR,
        "approved_at": NOW,
        "starts_at": NOW,
        "expires_at": NOW + HOUR,
        "state": GrantState.PROVISIONING,
    }
    return Grant(**fields | given)


def an_event(**given: Any) -> AuditEvent:  # noqa: ANN401 - whatever field a test is about
    """Give one audit event."""
    fields: dict[str, Any] = {
        "time": NOW,
        "actor": "U9",
        "action": "request.approved",
        "subject": "r_1",
        "person": "U1",
        "entitlement": "production-admin",
        "before": "pending",
        "after": "approved",
    }
    return AuditEvent(**fields | given)


def a_click(**given: Any) -> Click:  # noqa: ANN401 - whatever field a test is about
    """Give one press of Approve."""
    fields: dict[str, Any] = {"id": "c_1", "action": ClickAction.APPROVE, "subject": "r_1", "actor": "U9", "at": NOW}
    return Click(**fields | given)


def a_pair(**given: Any) -> Pair:  # noqa: ANN401 - whatever field a test is about
    """Give what is known of the example grant's pair."""
    return Pair(**{"key": a_grant().pair} | given)


def a_board(**given: Any) -> Board:  # noqa: ANN401 - whatever field a test is about
    """Give a board without copies."""
    return Board(**{"key": "request:r_1"} | given)
