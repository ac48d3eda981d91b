"""Records for the tests of the rules; every field can be given."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from accessbot.domain.model import Account, Entitlement, Grant, Identity, Request, Selector, SelectorKind
from accessbot.domain.rules import Policy, Step

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
LEADS = Selector(SelectorKind.GROUP, "sre-leads@example.com")
CTO = Selector(SelectorKind.USER, "cto@example.com")
EVERYONE = Selector(SelectorKind.EVERYONE)
PRIYA = Identity(slack="U_PRIYA", name="priya", email="priya@example.com", google_id="1002")

POLICY = Policy(
    name="sensitive",
    requesters=(EVERYONE,),
    steps=(Step(approvers=(LEADS, CTO)),),
    default_duration=HOUR,
    max_duration=8 * HOUR,
)
ENTITLEMENT = Entitlement(
    id="production-admin",
    account=Account(key="production", id="111122223333", name="Production"),
    permission_set="AdministratorAccess",
    group="aws-production-admin@example.com",
    identity_center_group=None,
    policy=POLICY,
    description="Full control",
)
REQUEST = Request(
    id="r_1",
    requester="U_MAYA",
    entitlement="production-admin",
    duration=HOUR,
    reason="INC-42",
    created_at=NOW,
    expires_at=NOW + 24 * HOUR,
    catalog_hash="c1",
    email="maya@example.com",
)
GRANT = Grant(
    id="g_1",
    request_id="r_1",
    requester="U_MAYA",
    email="maya@example.com",
    entitlement="production-admin",
    account_id="111122223333",
    account_name="Production",
    permission_set="AdministratorAccess",
    google_group="aws-production-admin@example.com",
    duration=HOUR,
    approved_at=NOW,
    starts_at=NOW,
    expires_at=NOW + HOUR,
)


def a_policy(**given: Any) -> Policy:  # noqa: ANN401 - whatever field a test is about
    """Give a policy."""
    return replace(POLICY, **given)


def a_request(**given: Any) -> Request:  # noqa: ANN401 - whatever field a test is about
    """Give a pending request."""
    return replace(REQUEST, **given)


def a_grant(**given: Any) -> Grant:  # noqa: ANN401 - whatever field a test is about
    """Give a grant that is being provisioned."""
    return replace(GRANT, **given)
