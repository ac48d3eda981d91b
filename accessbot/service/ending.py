"""Ending: the holder's early end, an operator's or approver's revoke, and the end of a grant's time."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from accessbot.domain import lifecycle
from accessbot.domain.errors import Conflict, Refused, VendorError
from accessbot.domain.model import EndCause, GrantState, RequestKind
from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change
from accessbot.service import concluding, converging, schedule
from accessbot.service.context import new_id, save, soon

if TYPE_CHECKING:
    from datetime import datetime

    from accessbot.domain.model import Grant
    from accessbot.ports import Store
    from accessbot.service.context import Context

_MOST_LOOKED_AT = 1_000


def end_access(ctx: Context, *, requester: str, grant_id: str) -> Grant:
    """Begin the end of one's own grant now, whatever it is doing; doing it twice is fine.

    Raises `Refused` for somebody else's grant, and when it has ended already.
    """
    grant = ctx.store.grant(grant_id)
    if grant is None or grant.requester != requester:
        msg = "That access is not yours to end; /my-access lists what you hold."
        raise Refused(msg)
    return _end_now(ctx, grant_id, EndCause.ENDED_EARLY, requester, "")


def revoke_by_operator(ctx: Context, *, operator: str, grant_id: str, reason: str) -> Grant:
    """Begin the end of any grant; `operator` is `cli:<user>`. Raises `Refused` if there is none."""
    return _end_now(ctx, grant_id, EndCause.REVOKED, operator, reason)


def vouch(ctx: Context, *, operator: str, grant_id: str, reason: str) -> Grant:
    """Take an operator's word that the Google group of a grant that ends was deleted, and try to end it at once.

    A missing group proves nothing to us, since it goes by its email; the word counts only while Google says that there
    is no such group. AWS's side is read back as ever. Raises `Refused` for a grant that is unknown or not ending.
    """
    while True:
        grant = ctx.store.grant(grant_id)
        if grant is None:
            msg = f"There is no grant {grant_id}; `accessbot grants list` shows all."
            raise Refused(msg)
        if grant.ended:
            msg = "This access has ended already."
            raise Refused(msg)
        if grant.state is not GrantState.REVOKING and not grant.failure:
            msg = f"{grant_id} is not ending; revoke it first."
            raise Refused(msg)
        now = ctx.store.now()
        step = lifecycle.vouched(grant, operator, now, reason)
        due = soon(Work(WorkKind.REVOKE, grant_id), now)
        try:
            save(ctx, Change(op=new_id("vouch"), puts=(step.record,), events=(step.event,), due=(due,)), now)
        except Conflict:
            continue
        return step.record


def overdue(store: Store) -> int:
    """Count the ends that are not proven although they ought to be by now, among the first thousand that go on."""
    late = store.now() - schedule.OVERDUE_AFTER
    going_on = islice(store.grants([GrantState.REVOKING]), _MOST_LOOKED_AT)
    return sum(grant.ending_at is not None and grant.ending_at < late for grant in going_on)


def begin(ctx: Context, grant: Grant, cause: EndCause, actor: str, now: datetime, reason: str = "") -> Change:
    """Make the change that begins a grant's end; the caller commits it. An unfinished extension lapses with it."""
    step = lifecycle.ending(grant, cause, actor, now, reason)
    kind = WorkKind.END if cause is EndCause.EXPIRED else WorkKind.REVOKE
    lapsing = tuple(
        soon(Work(WorkKind.LAPSE, request.id), now)
        for request in ctx.store.pending_of(grant.requester)
        if request.kind is RequestKind.EXTEND and request.grant_id == grant.id
    )
    return Change(
        op=f"ending:{grant.id}",
        puts=(step.record,),
        events=(step.event,),
        due=(
            soon(Work(kind, grant.id), now),
            Due(Work(WorkKind.OVERDUE, grant.id), now + schedule.OVERDUE_AFTER),
            soon(Work(WorkKind.CARD, grant.request_id), now),
            *lapsing,
        ),
    )


def finish(ctx: Context, grant_id: str) -> datetime | None:
    """Take a grant away: begin its end if its time is over, then remove both memberships and read them back gone.

    Gives the time to look again when its time is not over. Raises what `converging.converge` raises until it is
    proven; the caller tries again for as long as it takes.
    """
    grant = ctx.store.grant(grant_id)
    if grant is None or grant.ended:
        return None
    now = ctx.store.now()
    if lifecycle.is_wanted(grant, now) or lifecycle.is_early(grant, now):
        return grant.expires_at
    if grant.state is GrantState.ACTIVE:
        grant = _begin_expiry(ctx, grant, now)
    elif grant.state is GrantState.PROVISIONING and not grant.failure:
        grant = concluding.give_up(ctx, grant, "It did not become usable before its time was over.")
    if not grant.pair:
        concluding.leave_unpinned(ctx, grant)
        return None
    try:
        converging.converge(ctx, grant.pair)
    except VendorError as error:
        concluding.note_waiting(ctx, grant_id, error.vendor)
        raise
    return None


def _begin_expiry(ctx: Context, grant: Grant, now: datetime) -> Grant:
    change = begin(ctx, grant, EndCause.EXPIRED, lifecycle.SYSTEM, now)
    # This very work carries on with it, so it is not put into the queue a second time.
    kept = tuple(due for due in change.due if due.work.kind is not WorkKind.END)
    save(ctx, Change(op=change.op, puts=change.puts, events=change.events, due=kept), now)
    return ctx.store.grant(grant.id) or grant


def _end_now(ctx: Context, grant_id: str, cause: EndCause, actor: str, reason: str) -> Grant:
    while True:
        grant = ctx.store.grant(grant_id)
        if grant is None:
            msg = f"There is no grant {grant_id}; `accessbot grants list` shows all."
            raise Refused(msg)
        if grant.ended:
            msg = "This access has ended already."
            raise Refused(msg)
        if grant.state is GrantState.REVOKING:
            return grant
        now = ctx.store.now()
        change = begin(ctx, grant, cause, actor, now, reason)
        try:
            save(ctx, change, now)
        except Conflict:
            continue
        return ctx.store.grant(grant_id) or grant
