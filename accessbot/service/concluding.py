"""Concluding: what is written once the memberships were read back, or once provisioning is given up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from accessbot.domain import lifecycle
from accessbot.domain.errors import Conflict
from accessbot.domain.lifecycle import SYSTEM
from accessbot.domain.model import AuditEvent, GrantState
from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change
from accessbot.service import schedule, sides
from accessbot.service.context import new_id, save, soon

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from accessbot.domain.model import Grant, Pair
    from accessbot.service.context import Context
    from accessbot.service.sides import Side

_log = structlog.get_logger(__name__)


def arrive(ctx: Context, wanted: Sequence[Grant], pair: Pair) -> None:
    """Make the provisioning grants of a pair active: every side they need was read back in this pass."""
    for grant in wanted:
        if grant.state is not GrantState.PROVISIONING:
            continue
        now = ctx.store.now()
        if now >= grant.expires_at:
            continue  # too late to be of use: its end is due and takes back what was written
        before = [str(side) for side in sides.of_grants((grant,)) if pair.standing.get(side.key)]
        step = lifecycle.activated(grant, now, f"was a member before: {', '.join(before)}" if before else "")
        new = step.record
        change = Change(
            op=f"activate:{grant.id}",
            puts=(new,),
            events=(step.event,),
            due=(
                Due(Work(WorkKind.END, grant.id), new.expires_at),
                soon(Work(WorkKind.TELL, f"ready:{grant.id}"), now),
                soon(Work(WorkKind.CARD, grant.request_id), now),
                *schedule.warning(new, now),
                *schedule.review(new, now),
                schedule.first_check(grant.pair, now),
                schedule.first_look(grant.requester, now, ctx.terms.look_period),
                *schedule.expiry(grant.pair, now, wanted=ctx.expiry is not None),
            ),
        )
        save(ctx, change, now)


def leave(ctx: Context, leaving: Sequence[Grant], pair: Pair, *, needed: Sequence[Side], busy: bool) -> None:
    """End the leaving grants of a pair: every side that is ours and not needed was read back gone in this pass.

    In the same step the pair goes out of use, unless it is `busy` with other grants; the last one's event says so.
    """
    if not leaving:
        return
    now = ctx.store.now()
    still_needed = {side.key for side in needed}
    unused = not busy and pair.rev > 0
    steps = []
    due: list[Due] = []
    dropped: list[Work] = []
    for grant in leaving:
        own = sides.of_grants((grant,))
        standing = any(pair.standing.get(side.key) for side in own)
        overlap = any(side.key in still_needed for side in own)
        kept = "overlap" if overlap else "standing" if standing else ""
        step = _ended(grant, now, kept, unused=unused and grant is leaving[-1])
        steps.append(step)
        due += _after_end(grant, now)
        dropped += _no_longer_due(grant)
    puts = [step.record for step in steps]
    change = Change(
        op=f"ended:{':'.join(f'{grant.id}:{grant.rev}' for grant in leaving)}",
        puts=(*puts, *((replace(pair, last_ended_at=now),) if unused else ())),
        events=tuple(step.event for step in steps),
        due=(
            *due,
            schedule.first_check(pair.key, now),
            schedule.first_sweep(leaving[0].google_group, now),
            *schedule.expiry(pair.key, now, wanted=busy and ctx.expiry is not None),
        ),
        dropped=tuple(dropped),
    )
    save(ctx, change, now)


def leave_unpinned(ctx: Context, grant: Grant) -> None:
    """End a grant for which nothing was ever asked of a vendor, since its ids were never read."""
    now = ctx.store.now()
    step = _ended(grant, now, "")
    change = Change(
        op=f"ended:{grant.id}:{grant.rev}",
        puts=(step.record,),
        events=(step.event,),
        due=tuple(_after_end(grant, now)),
        dropped=tuple(_no_longer_due(grant)),
    )
    save(ctx, change, now)


def give_up(ctx: Context, grant: Grant, sentence: str) -> Grant:
    """Record that a grant cannot be provisioned and why; what was written of it is still to be taken back.

    Where the mapping was taken as right, it is read again: a group that was made anew looks like this.
    """
    if grant.failure:
        return grant
    now = ctx.store.now()
    step = lifecycle.given_up(grant, sentence, now)
    recheck = (soon(Work(WorkKind.MAPPING, grant.google_group), now),) if grant.pair else ()
    change = Change(
        op=f"give-up:{grant.id}",
        puts=(step.record,),
        events=(step.event,),
        due=(
            Due(Work(WorkKind.END, grant.id), now),
            Due(Work(WorkKind.OVERDUE, grant.id), now + schedule.OVERDUE_AFTER),
            *recheck,
        ),
    )
    save(ctx, change, now)
    return replace(step.record, rev=grant.rev + 1)


def note_waiting(ctx: Context, grant_id: str, vendor: str) -> None:
    """Show on a grant that comes or goes which vendor it waits for; whoever waits for access is told once."""
    grant = ctx.store.grant(grant_id)
    if grant is None or grant.ended or grant.state is GrantState.ACTIVE or grant.waiting_for == vendor:
        return
    now = ctx.store.now()
    due = [soon(Work(WorkKind.CARD, grant.request_id), now)]
    if grant.state is GrantState.PROVISIONING and not grant.waiting_for:
        due.append(soon(Work(WorkKind.TELL, f"waiting:{grant.request_id}"), now))
    change = Change(op=f"wait:{grant.id}:{grant.rev}", puts=(replace(grant, waiting_for=vendor),), due=tuple(due))
    try:
        save(ctx, change, now)
    except Conflict:
        _log.info("grant changed before its wait was noted", grant=grant.id, vendor=vendor)


def restoring(ctx: Context, pair: Pair, grant: Grant, absent: Sequence[Side]) -> Pair:
    """Record that a live grant's membership has vanished and is put back now; give the pair as it is stored then.

    Raises `Conflict` when another process worked on the pair since it was read.
    """
    names = " and ".join(str(side) for side in absent)
    now = ctx.store.now()
    net = schedule.expiry(grant.pair, now, wanted=ctx.expiry is not None)  # what is put back has no end of Google's
    return _record(ctx, pair, grant, "membership.restored", f"put back at {names}", due=net)


def resurrected(ctx: Context, pair: Pair, side: Side) -> Pair:
    """Record, and tell the operators, that a membership came back after its grant ended and is removed again now.

    Gives the pair as it is stored then. Raises `Conflict` when another process worked on it since it was read.
    """
    return _record(
        ctx,
        pair,
        None,
        "membership.removed",
        f"came back at {side} after its grant ended",
        due=(soon(Work(WorkKind.ALERT, f"resurrected:{pair.key}"), ctx.store.now()),),
    )


def _ended(grant: Grant, now: datetime, kept: str, *, unused: bool = False) -> lifecycle.GrantStep:
    if grant.state is GrantState.PROVISIONING:
        return lifecycle.failed(grant, now, kept, unused=unused)
    return lifecycle.revoked(grant, now, kept, unused=unused)


def _after_end(grant: Grant, now: datetime) -> list[Due]:
    kind = "failed" if grant.failure and grant.state is GrantState.PROVISIONING else "ended"
    due = [
        *(soon(Work(WorkKind.CARD, request_id), now) for request_id in (grant.request_id, *grant.extension_ids)),
        soon(Work(WorkKind.TELL, f"{kind}:{grant.id}"), now),
        *schedule.review(grant, now),
    ]
    if kind == "failed":
        due.append(soon(Work(WorkKind.ALERT, f"provision_failed:{grant.id}"), now))
    if grant.ending_at is not None and now >= grant.ending_at + schedule.OVERDUE_AFTER:
        due.append(soon(Work(WorkKind.ALERT, f"revoke_overdue:{grant.id}"), now))
    return due


def _no_longer_due(grant: Grant) -> list[Work]:
    return [
        Work(WorkKind.END, grant.id),
        Work(WorkKind.REVOKE, grant.id),
        Work(WorkKind.OVERDUE, grant.id),
        Work(WorkKind.TELL, f"ending_soon:{grant.id}"),
        Work(WorkKind.PROVISION, grant.id),
    ]


def _record(ctx: Context, pair: Pair, grant: Grant | None, action: str, reason: str, due: tuple[Due, ...] = ()) -> Pair:
    """Log what is done to a pair right now; stored with the pair, so that whoever woke up too late logs nothing."""
    now = ctx.store.now()
    event = AuditEvent(
        time=now,
        actor=SYSTEM,
        action=action,
        subject=pair.key,
        person=grant.requester if grant else "",
        entitlement=grant.entitlement if grant else "",
        reason=reason,
    )
    save(ctx, Change(op=new_id("membership"), puts=(pair,), events=(event,), due=due), now)
    return replace(pair, rev=pair.rev + 1)
