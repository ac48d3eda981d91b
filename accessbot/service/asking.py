"""Asking: a new access request, an extension, a withdrawal. No vendor is called here, so it fits before an ack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain import lifecycle, policy, progress
from accessbot.domain.errors import Conflict, FieldRefused, Refused
from accessbot.domain.lifecycle import SYSTEM
from accessbot.domain.model import AuditEvent, GrantState, Request, RequestKind, RequestState
from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change
from accessbot.service import judging
from accessbot.service.context import id_from, new_id, save, soon
from accessbot.service.viewing import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from accessbot.domain.model import Catalog, Entitlement, Grant
    from accessbot.service.context import Context

_LONGEST_NAME = 150

MOST_TOGETHER = 10
"""How many entitlements may be asked for at once."""


def ask(  # noqa: PLR0913 - all that a form can hold, by name
    ctx: Context,
    *,
    ask_id: str,
    requester: str,
    entitlement: str,
    duration: timedelta,
    reason: str,
    answer_to: str = "",
    emergency: bool = False,
    not_before: datetime | None = None,
    asked_by: str = "",
    bundle: str = "",
) -> Request:
    """Store a new access request and give it; the same `ask_id` of the same person again gives the same request.

    With `asked_by` it is for a colleague, the `requester`, who has to confirm it first. With `not_before` the access
    begins then. `bundle` names what is asked for together.

    Raises `FieldRefused` for an unknown entitlement, a duration outside of the policy, an unacceptable reason;
    `Refused` for somebody who has too many pending ones; `StoreUnavailable` or `Unclear` when it is not known to be
    stored.
    """
    catalog = ctx.catalog.current()
    now = ctx.store.now()
    request_id = id_from("r", asked_by or requester, ask_id)
    try:
        wanted = _find(catalog, entitlement)
        policy.check_duration(wanted.policy, duration, ctx.terms.shortest, emergency=emergency)
        policy.check_start(not_before, now, emergency=emergency)
        policy.check_colleague(requester, asked_by, emergency=emergency)
        text = policy.check_reason(reason)
        for who in dict.fromkeys((requester, asked_by or requester)):
            policy.check_pending(len(_others_pending(ctx, who, request_id)))
    except Refused as refusal:
        _record_refusal(ctx, requester, entitlement, refusal.sentence, now)
        raise
    request = Request(
        id=request_id,
        requester=requester,
        entitlement=wanted.id,
        duration=duration,
        reason=text,
        created_at=now,
        expires_at=now + policy.REQUEST_LIFETIME,
        catalog_hash=catalog.hash,
        opens=wanted.opens,
        answer_to=answer_to,
        asked_by=asked_by,
        unconfirmed=bool(asked_by),
        bundle=bundle,
        not_before=not_before if not_before is not None and not_before > now else None,
        emergency=emergency,
    )
    return _submit(ctx, request, now)


def ask_many(  # noqa: PLR0913 - as above
    ctx: Context,
    *,
    ask_id: str,
    requester: str,
    entitlements: Sequence[str],
    duration: timedelta,
    reason: str,
    answer_to: str = "",
    emergency: bool = False,
    not_before: datetime | None = None,
    asked_by: str = "",
) -> tuple[Request, ...]:
    """Store a request for each of several entitlements, asked for together, and give them in that order.

    Each is judged and decided by itself, or all by one press. Nothing is stored unless all can be asked for; what was
    stored when the store went away is the same again when it is played again. Raises what `ask` raises.
    """
    catalog, now = ctx.catalog.current(), ctx.store.now()
    try:
        names = tuple(dict.fromkeys(_find(catalog, name).id for name in entitlements))
        if not 1 <= len(names) <= MOST_TOGETHER:
            raise FieldRefused("access", f"Ask for one to {MOST_TOGETHER} things at once.")
        for name in names:
            policy.check_duration(_find(catalog, name).policy, duration, ctx.terms.shortest, emergency=emergency)
        policy.check_start(not_before, now, emergency=emergency)
        policy.check_reason(reason)
        own = {id_from("r", asked_by or requester, f"{ask_id}:{name}") for name in names}
        waiting = [each for each in ctx.store.pending_of(asked_by or requester) if each.id not in own]
        policy.check_pending(len(waiting) + len(names) - 1)
    except Refused as refusal:
        _record_refusal(ctx, asked_by or requester, ",".join(entitlements), refusal.sentence, now)
        raise
    bundle = id_from("b", asked_by or requester, ask_id) if len(names) > 1 else ""
    return tuple(
        ask(
            ctx,
            ask_id=f"{ask_id}:{name}" if bundle else ask_id,
            requester=requester,
            entitlement=name,
            duration=duration,
            reason=reason,
            answer_to=answer_to,
            emergency=emergency,
            not_before=not_before,
            asked_by=asked_by,
            bundle=bundle,
        )
        for name in names
    )


def confirm(ctx: Context, *, requester: str, request_id: str) -> Request:
    """Take the requester's word that they want what somebody asked for on their behalf; twice is fine.

    Raises `Refused` for anybody else, and once it is closed.
    """
    while True:
        request = ctx.store.request(request_id)
        if request is None or request.requester != requester or not request.asked_by:
            msg = "That request is not yours to confirm; /my-access lists what waits for you."
            raise Refused(msg)
        if request.state is not RequestState.PENDING:
            msg = f"Too late to confirm: this request is already {request.state}."
            raise Refused(msg)
        if not request.unconfirmed:
            return request
        now = ctx.store.now()
        step = progress.confirmed(request, now)
        due = (soon(Work(WorkKind.SCREEN, request.id), now),)
        change = Change(op=f"confirm:{request.id}", puts=(step.record,), events=(step.event,), due=due)
        try:
            save(ctx, change, now)
        except Conflict:
            continue
        return step.record


def make_emergency(ctx: Context, *, requester: str, request_id: str, duration: timedelta, reason: str) -> Request:
    """Turn one's own pending request into one for emergency access, which is judged anew.

    Raises `Refused` for somebody else's or a closed one, `FieldRefused` for a duration or reason that does not do.
    """
    while True:
        request = ctx.store.request(request_id)
        if request is None or request.requester != requester or request.kind is not RequestKind.ACCESS:
            msg = "That request is not yours to escalate; /my-access lists what you asked for."
            raise Refused(msg)
        if request.state is not RequestState.PENDING or request.unconfirmed:
            msg = f"Too late to escalate: this request is {request.state}."
            raise Refused(msg)
        if request.emergency:
            return request
        wanted = _find(ctx.catalog.current(), request.entitlement)
        policy.check_duration(wanted.policy, duration, ctx.terms.shortest, emergency=True)
        policy.check_start(request.not_before, ctx.store.now(), emergency=True)
        text = policy.check_reason(reason)
        try:
            judging.incident_of(ctx, judging.emergency_of(wanted), text)
        except Refused as refusal:  # now, as it would be closed for that, and with it what waits the normal way
            raise FieldRefused("reason", refusal.sentence) from refusal
        now = ctx.store.now()
        step = progress.made_emergency(request, duration, text, now)
        change = Change(
            op=f"emergency:{request.id}:{request.rev}",
            puts=(step.record,),
            events=(step.event,),
            due=(soon(Work(WorkKind.SCREEN, request.id), now),),
            dropped=(Work(WorkKind.STEP, request.id), Work(WorkKind.NUDGE, request.id)),
        )
        try:
            save(ctx, change, now)
        except Conflict:
            continue
        return step.record


def extend(
    ctx: Context,
    *,
    ask_id: str,
    requester: str,
    grant_id: str,
    added: timedelta,
    reason: str,
    answer_to: str = "",
) -> Request:
    """Store a request to move the end of one's own live grant; the same policy decides. One at a time per grant.

    Raises `Refused` for somebody else's or an ended grant, `FieldRefused` for a time beyond the policy or no reason.
    """
    catalog = ctx.catalog.current()
    now = ctx.store.now()
    request_id = id_from("r", requester, ask_id)
    grant = ctx.store.grant(grant_id)
    if grant is None or grant.requester != requester:
        msg = "That grant is not yours to extend; /my-access lists what you hold."
        raise Refused(msg)
    if grant.state is not GrantState.ACTIVE:
        msg = "Only access that is active can be extended; ask for a new grant with /request-aws."
        raise Refused(msg)
    if grant.schedule:
        msg = "This access goes with a shift on call and ends with it; ask for access of your own with /request-aws."
        raise Refused(msg)
    wanted = _find(catalog, grant.entitlement)
    text = policy.check_reason(reason)
    try:
        policy.check_unchanged(wanted, grant)
        policy.check_extension(grant, wanted.policy, added, ctx.terms.shortest, now)
        _one_extension_at_a_time(ctx, requester, grant, request_id)
    except Refused as refusal:
        _record_refusal(ctx, requester, wanted.id, refusal.sentence, now)
        raise
    request = Request(
        id=request_id,
        kind=RequestKind.EXTEND,
        requester=requester,
        entitlement=wanted.id,
        duration=added,
        reason=text,
        created_at=now,
        expires_at=grant.expires_at,
        catalog_hash=catalog.hash,
        opens=wanted.opens,
        grant_id=grant.id,
        answer_to=answer_to,
    )
    return _submit(ctx, request, now)


def withdraw(ctx: Context, *, requester: str, request_id: str) -> Request:
    """Cancel one's own pending request; withdrawing it twice is fine. Raises `Refused` once it is decided."""
    while True:
        request = ctx.store.request(request_id)
        if request is None or requester not in (request.requester, request.asked_by):
            msg = "That request is not yours to cancel; /my-access lists what you asked for."
            raise Refused(msg)
        if request.state is RequestState.CANCELLED:
            return request
        if request.state is not RequestState.PENDING:
            msg = f"Too late to cancel: this request is already {request.state}."
            raise Refused(msg)
        now = ctx.store.now()
        step = lifecycle.cancelled(request, requester, now)
        change = Change(
            op=f"cancel:{request.id}",
            puts=(step.record,),
            events=(step.event,),
            due=(soon(Work(WorkKind.CARD, request.id), now), *beside(ctx, request, now)),
            dropped=_undone(request),
        )
        try:
            save(ctx, change, now)
        except Conflict:
            continue
        return step.record


def lapse(ctx: Context, request_id: str) -> datetime | None:
    """Expire a request that nobody decided in time, or whose grant is no longer there to be extended.

    Gives the time to look again when it is not due yet.
    """
    request = ctx.store.request(request_id)
    if request is None or request.state is not RequestState.PENDING:
        return None
    now = ctx.store.now()
    reason = "Nobody decided in time."
    if request.kind is RequestKind.EXTEND:
        grant = ctx.store.grant(request.grant_id)
        live = grant is not None and grant.state is GrantState.ACTIVE and now < grant.expires_at
        reason = "The grant ended before anybody decided."
        if live and grant is not None and now < request.expires_at:
            return request.expires_at
    elif now < request.expires_at:
        return request.expires_at
    expire(ctx, request, reason, now)
    return None


def expire(ctx: Context, request: Request, reason: str, now: datetime) -> None:
    """Close a pending request as expired, and tell. Raises `Conflict` when it was decided meanwhile."""
    step = lifecycle.expired(request, now, reason)
    change = Change(
        op=f"expire:{request.id}",
        puts=(step.record,),
        events=(step.event,),
        due=(
            soon(Work(WorkKind.CARD, request.id), now),
            soon(Work(WorkKind.TELL, f"expired:{request.id}"), now),
            *beside(ctx, request, now),
        ),
        dropped=_undone(request),
    )
    save(ctx, change, now)


def beside(ctx: Context, request: Request, now: datetime) -> tuple[Due, ...]:
    """Have the cards of those asked for together with it say anew how many wait still, once one is closed."""
    if not request.bundle:
        return ()
    others = (other for other in ctx.store.bundle(request.bundle) if other.id != request.id)
    return tuple(
        soon(Work(WorkKind.CARD, other.id), now)
        for other in others
        if other.state is RequestState.PENDING and other.announced
    )


def _undone(request: Request) -> tuple[Work, ...]:
    """List what is not to be done any more for a request that is closed without a grant."""
    kinds = (WorkKind.LAPSE, WorkKind.SCREEN, WorkKind.STEP, WorkKind.NUDGE)
    return tuple(Work(kind, request.id) for kind in kinds)


def _find(catalog: Catalog, name: str) -> Entitlement:
    wanted = catalog.entitlements.get(name) or catalog.entitlements.get(name.casefold())
    if wanted is not None:
        return wanted
    near = nearest(catalog, name)
    hint = f" Did you mean {' or '.join(near)}?" if near else " Type /request-aws to see what there is."
    raise FieldRefused("access", f"There is no “{name[:_LONGEST_NAME]}” in the catalog.{hint}")


def _submit(ctx: Context, request: Request, now: datetime) -> Request:
    step = lifecycle.submitted(request)
    screen, lapsing = Work(WorkKind.SCREEN, request.id), Work(WorkKind.LAPSE, request.id)
    if request.unconfirmed:
        screen = Work(WorkKind.TELL, f"confirm:{request.id}")
    change = Change(
        op=f"ask:{request.id}",
        puts=(step.record,),
        events=(step.event,),
        due=(soon(screen, now), Due(lapsing, request.expires_at)),
    )
    try:
        fresh = save(ctx, change, now)
    except Conflict:  # its operation was forgotten, the record was not: still the same submission
        fresh = False
    return step.record if fresh else (ctx.store.request(request.id) or step.record)


def _others_pending(ctx: Context, requester: str, request_id: str) -> tuple[Request, ...]:
    return tuple(other for other in ctx.store.pending_of(requester) if other.id != request_id)


def _one_extension_at_a_time(ctx: Context, requester: str, grant: Grant, request_id: str) -> None:
    others = _others_pending(ctx, requester, request_id)
    policy.check_pending(len(others))
    for other in others:
        if other.kind is RequestKind.EXTEND and other.grant_id == grant.id:
            msg = "An extension of this grant waits for a decision already; cancel that one first to ask differently."
            raise Refused(msg)


def _record_refusal(ctx: Context, requester: str, entitlement: str, sentence: str, now: datetime) -> None:
    event = AuditEvent(
        time=now,
        actor=SYSTEM,
        action="request.refused",
        subject=entitlement[:_LONGEST_NAME] or "-",
        person=requester,
        entitlement=entitlement[:_LONGEST_NAME],
        reason=sentence,
    )
    ctx.store.commit(Change(op=new_id("refusal"), events=(event,)))
