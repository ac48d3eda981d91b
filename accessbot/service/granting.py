"""Granting: the one step in which an approved request becomes a grant, with its end, before any vendor is called."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from accessbot.domain import lifecycle
from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change
from accessbot.service.context import new_id, soon

if TYPE_CHECKING:
    from datetime import datetime

    from accessbot.domain.lifecycle import RequestStep
    from accessbot.domain.model import AuditEvent, Entitlement, Grant, Request


LOOK_AFTER = timedelta(minutes=1)
"""When somebody who was given something is looked up at Google for the first time, and then again and again."""


def approved_by_rule(
    request: Request, entitlement: Entitlement, said: str, now: datetime, *before: AuditEvent
) -> tuple[Grant, Change]:
    """Approve a request that nobody has to decide; `said` names the rule. Gives the grant and the change, uncommitted.

    `before` are the events that led to the request as it is given, and are told first.
    """
    begun = lifecycle.granted(request, entitlement, new_id("g"), now, now)
    closed = lifecycle.auto_approved(request, now, begun.record.id, said)
    return begun.record, _change(request, closed, begun, now, before)


def _change(
    request: Request,
    closed: RequestStep,
    begun: lifecycle.GrantStep,
    now: datetime,
    before: tuple[AuditEvent, ...] = (),
) -> Change:
    return Change(
        op=f"grant:{request.id}",
        puts=(closed.record, begun.record),
        events=(*before, closed.event, begun.event),
        due=dues(begun.record, now),
        dropped=dropped(request),
    )


def dues(grant: Grant, now: datetime) -> tuple[Due, ...]:
    """Say what is due once a grant began: it is made usable, now or when its time comes; it ends; its card is shown."""
    ready = Work(WorkKind.PROVISION, grant.id)
    due = [
        soon(ready, now) if grant.not_before is None else Due(ready, grant.not_before),
        Due(Work(WorkKind.END, grant.id), grant.expires_at),
        soon(Work(WorkKind.CARD, grant.request_id), now),
        Due(Work(WorkKind.LEAVER, grant.requester), now + LOOK_AFTER, sooner=True),
    ]
    if grant.not_before is not None:
        due.append(soon(Work(WorkKind.TELL, f"scheduled:{grant.id}"), now))
    return tuple(due)


def dropped(request: Request) -> tuple[Work, ...]:
    """Say what is not due any more once a request is decided."""
    return tuple(Work(kind, request.id) for kind in (WorkKind.LAPSE, WorkKind.STEP))
