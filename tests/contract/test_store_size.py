"""How much memory of a real server the store takes, by the server's own word."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from accessbot.domain.model import GrantState, RequestState, Vote, aws_side
from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change
from tests.contract.records import HOUR, NOW, a_grant, a_pair, a_request, an_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from accessbot.adapters.redis_store import RedisStore

COUNT = 500


def test_a_live_grant_with_all_that_belongs_to_it_takes_at_most_two_kilobytes(
    real_store: RedisStore, used: Callable[[], int]
) -> None:
    """Request, grant, pair, indexes, due work and operation of 500 people, with ids and texts of usual length."""
    end = real_store.now() + HOUR
    for n in range(COUNT):
        unique = f"{n:06d}"
        request = a_request(
            id=f"r_4kfHqT{unique}Zx",
            requester=f"U04K{unique}",
            email=f"firstname.surname{unique}@example.com",
            announced=True,
            state=RequestState.APPROVED,
            votes=(Vote(approver="U04KAPPROVE", email="an.approver@example.com", at=NOW),),
            decided_by="U04KAPPROVE",
            decided_at=NOW,
            catalog_hash="9fc8c69a9c4dada5",
            grant_id=f"g_8sPwLm{unique}Qy",
            answer_to='{"channel":"D0123456789","response_url":"https://hooks.slack.com/commands/T01/123/'
            + unique * 4
            + '"}',
        )
        grant = a_grant(
            id=request.grant_id,
            request_id=request.id,
            requester=request.requester,
            email=request.email,
            google_user_id=f"10000000000000{unique}",
            aws_group_id=f"f4a85418-90b1-7071-0f2c-9def83{unique}",
            aws_user_id=f"f4b81458-40d1-70c2-0f2c-6df92d{unique}",
            state=GrantState.ACTIVE,
            activated_at=NOW,
            session=HOUR,
            expires_at=end,
        )
        standing = {"google": False, aws_side(grant.aws_group_id, grant.aws_user_id): False}
        due = Due(Work(WorkKind.END, grant.id), end)
        puts = (request, grant, replace(a_pair(key=grant.pair), standing=standing))
        real_store.commit(Change(op=f"active-{unique}", puts=puts, due=(due,)))
    assert used() / COUNT <= 2048


def test_an_audit_event_with_its_indexes_takes_at_most_six_hundred_bytes(
    real_store: RedisStore, used: Callable[[], int]
) -> None:
    """Each found by requester, actor and entitlement, and holding all that a grant can be made again from."""
    for n in range(COUNT):
        event = an_event(
            time=real_store.now(),
            subject=f"g_8sPwLm{n:06d}Qy",
            person=f"U04K{n % 25:06d}",
            actor="accessbot" if n % 2 else "U04KAPPROVE",
            entitlement=f"production-admin-{n % 10}",
            reason="INC-42: looking into the failed deployment",
            data={
                "email": f"firstname.surname{n:06d}@example.com",
                "google_user": f"10000000000000{n:06d}",
                "aws_group": f"f4a85418-90b1-7071-0f2c-9def83{n:06d}",
                "aws_user": f"f4b81458-40d1-70c2-0f2c-6df92d{n:06d}",
                "session_ms": 3_600_000,
            },
        )
        real_store.commit(Change(op=f"event-{n}", events=(event,)))
    assert used() / COUNT <= 600
