"""Records as the product writes them, made in bulk: what is stored of a grant that lives."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice

from accessbot.adapters.redis_store import RedisStore
from accessbot.domain.model import (
    GOOGLE_SIDE,
    AuditEvent,
    Grant,
    GrantState,
    Pair,
    Record,
    Request,
    RequestState,
    Vote,
    aws_side,
)
from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change

HOUR = timedelta(hours=1)
_CATALOG_HASH = "9fc8c69a9c4dada5b1a6c4dd31e1a8f6c3a1f1c1e0d3b7b3a6f3c2d1e0f9a8b7"
_AT_ONCE = 100


def live(  # noqa: PLR0913 - each by name
    number: int,
    *,
    requester: str,
    email: str,
    group: str,
    google_user: str,
    aws_group: str,
    aws_user: str,
    now: datetime,
    end: datetime,
) -> tuple[tuple[Record, ...], Due]:
    """Give the request, the grant and the pair of one live grant, and its end; `group` is without its domain."""
    unique = f"{number:020x}"
    request = Request(
        id=f"r_{unique}",
        requester=requester,
        entitlement=group.removeprefix("aws-"),
        duration=end - now,
        reason=f"INC-{number}: looking into the failed deployment",
        state=RequestState.APPROVED,
        created_at=now,
        expires_at=now + 24 * HOUR,
        catalog_hash=_CATALOG_HASH,
        opens=f"333344445555/AdministratorAccess/{group}@example.com",
        email=email,
        google_id=google_user,
        announced=True,
        votes=(Vote(approver="U03PRIYA", email="priya@example.com", at=now, google_id="100000000000000000003"),),
        decided_by="U03PRIYA",
        decided_at=now,
        grant_id=f"g_{unique}",
        answer_to='{"channel":"C03GENERAL"}',
    )
    grant = Grant(
        id=request.grant_id,
        request_id=request.id,
        requester=requester,
        email=email,
        entitlement=request.entitlement,
        account_id="333344445555",
        account_name="Staging",
        permission_set="AdministratorAccess",
        google_group=f"{group}@example.com",
        google_user_id=google_user,
        aws_group_id=aws_group,
        aws_user_id=aws_user,
        state=GrantState.ACTIVE,
        duration=end - now,
        approved_at=now,
        starts_at=now,
        expires_at=end,
        activated_at=now,
        session=HOUR,
    )
    pair = Pair(key=grant.pair, standing={GOOGLE_SIDE: False, aws_side(aws_group, aws_user): False})
    return (request, grant, pair), Due(Work(WorkKind.END, grant.id), end)


def made_up(number: int, *, requester: str, now: datetime) -> tuple[tuple[Record, ...], Due]:
    """Give a live grant of eight hours whose person and group are in no directory."""
    return live(
        number,
        requester=requester,
        email=f"firstname.surname{number:06d}@example.com",
        group="aws-staging-admin",
        google_user=f"1000000000{number:011d}",
        aws_group="f4a85418-90b1-7071-0f2c-9def83000001",
        aws_user=f"f4b81458-40d1-70c2-0f2c-{number:012x}",
        now=now,
        end=now + 8 * HOUR,
    )


def store(where: RedisStore, some: Iterable[tuple[tuple[Record, ...], Due]]) -> int:
    """Write live grants, a hundred in each step; give how many."""
    left, written = iter(some), 0
    while part := list(islice(left, _AT_ONCE)):
        records = tuple(record for puts, _ in part for record in puts)
        where.commit(Change(op=f"bench:{part[0][1].work}", puts=records, due=tuple(due for _, due in part)))
        written += len(part)
    return written


def event(number: int, now: datetime) -> AuditEvent:
    """Give one audit event of usual length, one of many about a few people and entitlements."""
    return AuditEvent(
        time=now,
        actor="accessbot" if number % 2 else "U03PRIYA",
        action="grant.activated",
        subject=f"g_{number:020x}",
        person=f"U04K{number % 1000:06d}",
        entitlement=f"production-admin-{number % 100}",
        reason="INC-42: looking into the failed deployment",
        before="provisioning",
        after="active",
    )
