"""How requests and grants change: one transition table each, and one function per step.

Every step returns the changed record together with the audit event that tells of it; the store writes both at once.
A step that the table does not hold raises `IllegalTransition`, so no path can invent a state.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from accessbot.domain.errors import IllegalTransition
from accessbot.domain.instants import span_ms, to_ms
from accessbot.domain.judged import Judged
from accessbot.domain.model import (
    AuditEvent,
    EndCause,
    Grant,
    GrantState,
    Request,
    RequestKind,
    RequestState,
    Vote,
)

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from accessbot.domain.model import Entitlement, Fact

SYSTEM = "accessbot"

REQUEST_TRANSITIONS: dict[RequestState, frozenset[RequestState]] = {
    RequestState.PENDING: frozenset(
        {RequestState.APPROVED, RequestState.DENIED, RequestState.CANCELLED, RequestState.EXPIRED}
    ),
    RequestState.APPROVED: frozenset(),
    RequestState.DENIED: frozenset(),
    RequestState.CANCELLED: frozenset(),
    RequestState.EXPIRED: frozenset(),
}

GRANT_TRANSITIONS: dict[GrantState, frozenset[GrantState]] = {
    GrantState.PROVISIONING: frozenset({GrantState.ACTIVE, GrantState.REVOKING, GrantState.PROVISION_FAILED}),
    GrantState.ACTIVE: frozenset({GrantState.REVOKING}),
    GrantState.REVOKING: frozenset({GrantState.REVOKED}),
    GrantState.REVOKED: frozenset(),
    GrantState.PROVISION_FAILED: frozenset(),
}


class RequestStep(NamedTuple):
    """A changed request and the event that tells of it."""

    record: Request
    event: AuditEvent


class GrantStep(NamedTuple):
    """A changed grant and the event that tells of it."""

    record: Grant
    event: AuditEvent


def event_of(
    old: Request | Grant, new: Request | Grant, action: str, actor: str, at: datetime, reason: str = "", **data: Fact
) -> AuditEvent:
    """Tell of a step of a request or a grant; the facts are what its record can be made again from: see `replaying`."""
    return AuditEvent(
        time=at,
        actor=actor,
        action=action,
        subject=new.id,
        person=new.requester,
        entitlement=new.entitlement,
        reason=reason,
        before=str(old.state),
        after=str(new.state),
        data=MappingProxyType({name: fact for name, fact in data.items() if fact not in ("", False)}),
    )


def moved(request: Request, state: RequestState) -> Request:
    """Give the request in another state. Raises `IllegalTransition` for one that cannot follow."""
    if state not in REQUEST_TRANSITIONS[request.state]:
        msg = f"request {request.id} cannot go from {request.state} to {state}"
        raise IllegalTransition(msg)
    return replace(request, state=state, waiting_for="")


def _shifted(grant: Grant, state: GrantState) -> Grant:
    if state not in GRANT_TRANSITIONS[grant.state]:
        msg = f"grant {grant.id} cannot go from {grant.state} to {state}"
        raise IllegalTransition(msg)
    return replace(grant, state=state, waiting_for="")


# --- requests -------------------------------------------------------------------------------------------------------


def submitted(request: Request) -> RequestStep:
    """Begin the life of a request."""
    event = event_of(
        request,
        request,
        "request.submitted",
        request.requester,
        request.created_at,
        request.reason,
        kind="" if request.kind is RequestKind.ACCESS else str(request.kind),
        grant=request.grant_id,
        duration_ms=span_ms(request.duration),
        expires_ms=to_ms(request.expires_at),
        catalog=request.catalog_hash,
        opens=request.opens,
        asked_by=request.asked_by,
        unconfirmed=request.unconfirmed,
        bundle=request.bundle,
        not_before_ms="" if request.not_before is None else to_ms(request.not_before),
        emergency=request.emergency,
        schedule=request.schedule,
    )
    return RequestStep(request, replace(event, before=None))


def announced(
    request: Request, email: str, at: datetime, *, google_id: str = "", judged: Judged | None = None
) -> RequestStep:
    """Open a looked-up request to its approvers; from now on it is for that Google user and nobody else.

    `judged` says how it is decided, and by whom first.
    """
    if request.state is not RequestState.PENDING:
        msg = f"request {request.id} is {request.state}, it cannot be announced"
        raise IllegalTransition(msg)
    judged = judged or Judged()
    new = replace(
        request,
        email=email,
        google_id=google_id,
        announced=True,
        waiting_for="",
        rule=judged.rule,
        policy=judged.policy,
        ticket=judged.ticket,
        eligible=judged.panel.eligible,
        unlisted=judged.panel.unlisted,
        step_at=at if judged.policy else None,
    )
    event = event_of(
        request,
        new,
        "request.announced",
        SYSTEM,
        at,
        "",
        email=email,
        google_id=google_id,
        rule=judged.rule,
        policy=judged.policy,
        ticket=judged.ticket,
        **judged.panel.facts(),
    )
    return RequestStep(new, event)


def voted(request: Request, vote: Vote) -> RequestStep:
    """Count one approver's yes that does not yet decide."""
    if request.state is not RequestState.PENDING or seat(vote) in map(seat, request.votes):
        msg = f"request {request.id} cannot take another vote of {vote.approver}"
        raise IllegalTransition(msg)
    new = replace(request, votes=(*request.votes, vote), waiting_for="")
    facts = _vote(request, vote)
    return RequestStep(new, event_of(request, new, "request.vote", vote.approver, vote.at, vote.comment, **facts))


def seat(vote: Vote) -> str:
    """Name whose approval it is and in which step, as `AuditEvent.data` does: `U1`, in a later step `U1/1`."""
    return f"{vote.approver}/{vote.step}" if vote.step else vote.approver


def _vote(request: Request, vote: Vote) -> dict[str, Fact]:
    """Tell whose yes it was and what for, and which earlier ones still counted beside it."""
    return {
        "email": vote.email,
        "google_id": vote.google_id,
        "beside": " ".join(map(seat, request.votes)),
        "step": vote.step or "",
        "less_ms": "" if vote.duration is None else span_ms(vote.duration),
        "for_email": vote.for_email,
        "for_google_id": vote.for_google_id,
    }


def approved(request: Request, vote: Vote, at: datetime, grant_id: str) -> RequestStep:
    """Close a request with the yes that completes it; `grant_id` is the grant that it made or extended."""
    new = replace(
        moved(request, RequestState.APPROVED),
        votes=(*request.votes, vote),
        decided_by=vote.approver,
        decided_at=at,
        grant_id=grant_id,
    )
    facts = _vote(request, vote)
    event = event_of(request, new, "request.approved", vote.approver, at, vote.comment, grant=grant_id, **facts)
    return RequestStep(new, replace(event, data={**event.data, "clicked_ms": to_ms(vote.at)}))


def auto_approved(request: Request, at: datetime, grant_id: str, reason: str) -> RequestStep:
    """Close a request that the rules approve without anybody's yes; `reason` says which rule."""
    new = replace(
        moved(request, RequestState.APPROVED),
        decided_by=SYSTEM,
        decided_at=at,
        decision_reason=reason,
        grant_id=grant_id,
    )
    return RequestStep(new, event_of(request, new, "request.auto_approved", SYSTEM, at, reason, grant=grant_id))


def denied(request: Request, actor: str, at: datetime, reason: str) -> RequestStep:
    """Close a request with a no; `actor` is an approver, or accessbot where the rules decide."""
    new = replace(moved(request, RequestState.DENIED), decided_by=actor, decided_at=at, decision_reason=reason)
    return RequestStep(new, event_of(request, new, "request.denied", actor, at, reason))


def cancelled(request: Request, actor: str, at: datetime) -> RequestStep:
    """Close a request because the requester withdrew it."""
    new = replace(moved(request, RequestState.CANCELLED), decided_by=actor, decided_at=at)
    return RequestStep(new, event_of(request, new, "request.cancelled", actor, at))


def expired(request: Request, at: datetime, reason: str) -> RequestStep:
    """Close a request that nobody decided in time, or whose grant ended before it was decided."""
    new = replace(moved(request, RequestState.EXPIRED), decided_by=SYSTEM, decided_at=at, decision_reason=reason)
    return RequestStep(new, event_of(request, new, "request.expired", SYSTEM, at, reason))


def refused_click(request: Request, actor: str, at: datetime, action: str, reason: str) -> AuditEvent:
    """Tell of a press that was refused; the request stays as it is."""
    return event_of(request, request, f"request.{action}_refused", actor, at, reason)


# --- grants ---------------------------------------------------------------------------------------------------------


def granted(
    request: Request, entitlement: Entitlement, grant_id: str, approved_at: datetime, now: datetime
) -> GrantStep:
    """Begin a grant, with its end, before anything is asked of a vendor.

    It is for the shortest time that an approver allowed, and begins now, or when the request says if that is later.
    """
    duration = min((v.duration for v in request.votes if v.duration is not None), default=request.duration)
    later = request.not_before if request.not_before is not None and request.not_before > now else None
    begins = later or now
    grant = Grant(
        id=grant_id,
        request_id=request.id,
        requester=request.requester,
        email=request.email,
        entitlement=entitlement.id,
        account_id=entitlement.account.id,
        account_name=entitlement.account.name,
        permission_set=entitlement.permission_set,
        google_group=entitlement.group,
        duration=duration,
        approved_at=approved_at,
        starts_at=begins,
        expires_at=begins + duration,
        not_before=later,
        schedule=request.schedule,
        emergency=request.emergency,
    )
    event = event_of(
        grant,
        grant,
        "grant.provisioning",
        SYSTEM,
        now,
        request.reason,
        request=request.id,
        email=request.email,
        account=entitlement.account.id,
        account_name=entitlement.account.name,
        permission_set=entitlement.permission_set,
        group=entitlement.group,
        approved_ms=to_ms(approved_at),
        ends_ms=to_ms(grant.expires_at),
        begins_ms="" if later is None else to_ms(later),
        schedule=request.schedule,
        emergency=request.emergency,
    )
    return GrantStep(grant, replace(event, before=None))


def pinned(
    grant: Grant,
    *,
    google_user_id: str,
    email: str,
    aws_group_id: str,
    aws_user_id: str,
    session: timedelta,
    at: datetime,
) -> GrantStep:
    """Fix the ids that the grant is made with and will be revoked by; still before the first write."""
    if grant.state is not GrantState.PROVISIONING or grant.google_user_id:
        msg = f"grant {grant.id} is {grant.state} with ids {grant.google_user_id!r}: it cannot be pinned again"
        raise IllegalTransition(msg)
    new = replace(
        grant,
        google_user_id=google_user_id,
        email=email,
        aws_group_id=aws_group_id,
        aws_user_id=aws_user_id,
        session=session,
        waiting_for="",
    )
    event = event_of(
        grant,
        new,
        "grant.intent",
        SYSTEM,
        at,
        email=email,
        google_user=google_user_id,
        aws_group=aws_group_id,
        aws_user=aws_user_id,
        session_ms=span_ms(session),
    )
    return GrantStep(new, event)


def activated(grant: Grant, at: datetime, note: str = "") -> GrantStep:
    """Make a grant usable: both memberships were read back. Its time starts to count now."""
    ends = grant.expires_at if grant.schedule else at + grant.duration  # a shift ends when it ends
    new = replace(
        _shifted(grant, GrantState.ACTIVE), activated_at=at, starts_at=at, expires_at=ends, duration=ends - at
    )
    return GrantStep(new, event_of(grant, new, "grant.active", SYSTEM, at, note, ends_ms=to_ms(new.expires_at)))


def extended(grant: Grant, extension: Request, actor: str, at: datetime) -> GrantStep:
    """Move a live grant's end by what an approved request asks for; its id, start and memberships stay."""
    added = extension.duration
    if grant.state is not GrantState.ACTIVE or at >= grant.expires_at:
        msg = f"grant {grant.id} is {grant.state} and ends {grant.expires_at}: it cannot be extended"
        raise IllegalTransition(msg)
    new = replace(
        grant,
        duration=grant.duration + added,
        expires_at=grant.expires_at + added,
        extension_ids=(*grant.extension_ids, extension.id),
    )
    told = f"now until {new.expires_at.isoformat()}"
    ends = to_ms(new.expires_at)
    event = event_of(grant, new, "grant.extended", actor, at, told, request=extension.id, ends_ms=ends)
    return GrantStep(new, event)


def rescheduled(grant: Grant, ends: datetime, at: datetime) -> GrantStep:
    """Move the end of a grant for a shift to where the shift's end was moved; a shift that is over is ended instead."""
    if grant.ended or grant.state is GrantState.REVOKING:
        msg = f"grant {grant.id} is {grant.state}: its end cannot be moved"
        raise IllegalTransition(msg)
    new = replace(grant, duration=ends - grant.starts_at, expires_at=ends)
    told = f"the shift now ends {ends.isoformat()}"
    return GrantStep(new, event_of(grant, new, "grant.rescheduled", SYSTEM, at, told, ends_ms=to_ms(ends)))


def ending(grant: Grant, cause: EndCause, actor: str, at: datetime, reason: str = "") -> GrantStep:
    """Begin to take a grant away."""
    new = replace(
        _shifted(grant, GrantState.REVOKING), end_cause=cause, end_actor=actor, end_reason=reason, ending_at=at
    )
    told = reason or str(cause)
    event = event_of(grant, new, "grant.revoking", actor, at, told, cause=str(cause), said=reason == str(cause))
    return GrantStep(new, event)


def revoked(grant: Grant, at: datetime, kept: str = "", *, unused: bool = False) -> GrantStep:
    """End a grant: both memberships were read back gone, or stay for the reason in `kept`.

    `unused` tells that its pair goes out of use with it.
    """
    new = replace(_shifted(grant, GrantState.REVOKED), ended_at=at, kept=kept)
    return GrantStep(new, event_of(grant, new, "grant.revoked", SYSTEM, at, kept, unused=unused))


def given_up(grant: Grant, sentence: str, at: datetime) -> GrantStep:
    """Mark a grant that cannot be provisioned; what was written of it is taken back next."""
    if grant.state is not GrantState.PROVISIONING:
        msg = f"grant {grant.id} is {grant.state}: only provisioning can be given up"
        raise IllegalTransition(msg)
    new = replace(grant, failure=grant.failure or sentence, waiting_for="", ending_at=grant.ending_at or at)
    return GrantStep(new, event_of(grant, new, "grant.giving_up", SYSTEM, at, new.failure))


def failed(grant: Grant, at: datetime, kept: str = "", *, unused: bool = False) -> GrantStep:
    """End a grant that never became usable: nothing of it is left, which was read back; `unused` as for `revoked`."""
    new = replace(_shifted(grant, GrantState.PROVISION_FAILED), ended_at=at, kept=kept)
    event = event_of(grant, new, "grant.provision_failed", SYSTEM, at, grant.failure, kept=kept, unused=unused)
    return GrantStep(new, event)


def vouched(grant: Grant, operator: str, at: datetime, reason: str) -> GrantStep:
    """Take an operator's word that the Google group of a grant that ends was deleted, and every membership with it."""
    if grant.ended or not (grant.state is GrantState.REVOKING or grant.failure):
        msg = f"grant {grant.id} is {grant.state}: there is nothing to vouch for"
        raise IllegalTransition(msg)
    new = replace(grant, vouched_by=operator)
    return GrantStep(new, event_of(grant, new, "grant.vouched", operator, at, reason))


def refused_revoke(grant: Grant, actor: str, at: datetime, reason: str) -> AuditEvent:
    """Tell of a revoke that was refused; the grant stays as it is."""
    return event_of(grant, grant, "grant.revoke_refused", actor, at, reason)


def is_wanted(grant: Grant, now: datetime) -> bool:
    """Tell whether the grant's membership should be there at `now`."""
    live = grant.state in (GrantState.PROVISIONING, GrantState.ACTIVE)
    return live and not grant.failure and now < grant.expires_at and not is_early(grant, now)


def is_early(grant: Grant, now: datetime) -> bool:
    """Tell whether a grant waits for the time from which on it was asked for."""
    return grant.state is GrantState.PROVISIONING and grant.not_before is not None and now < grant.not_before
