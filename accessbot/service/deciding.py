"""Deciding: what comes of a kept press. Who pressed is looked up live; the decision is one compare-and-swap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from accessbot.domain import lifecycle, policy
from accessbot.domain.errors import Conflict, NotAuthorised, Refused, Unavailable, VendorError
from accessbot.domain.model import (
    ClickAction,
    EndCause,
    GrantState,
    Identity,
    RequestKind,
    RequestState,
    Vote,
)
from accessbot.domain.notices import Tone
from accessbot.domain.work import Due, Urgency, Work, WorkKind
from accessbot.ports import Change, urgency
from accessbot.service import asking, authority, ending, schedule, screening
from accessbot.service.context import new_id, save, soon
from accessbot.service.pressing import closed_sentence

if TYPE_CHECKING:
    from datetime import datetime

    from accessbot.domain.model import AuditEvent, Click, Entitlement, Grant, Record, Request
    from accessbot.service.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What a press leads to, before it is written: the answer, and what changes with it."""

    sentence: str
    tone: Tone = Tone.DONE
    puts: tuple[Record, ...] = ()
    events: tuple[AuditEvent, ...] = ()
    due: tuple[Due, ...] = ()
    dropped: tuple[Work, ...] = ()


def carry_out(ctx: Context, click_id: str) -> None:
    """Authorise a kept press and do what it says; whoever pressed is answered, the winner as the loser.

    Raises `Unavailable` while a vendor cannot tell who pressed: the press is kept and the card says for whom it waits.
    """
    person: Identity | None = None
    while True:
        click = ctx.store.click(click_id)
        if click is None or click.done:
            return
        if click.action is ClickAction.REVOKE:
            urgency.set(Urgency.ENDING)  # who may revoke is looked up before any grant's calls, as the revoke itself is
        now = ctx.store.now()
        try:
            _check_still_open(ctx, click)
            person = person or authority.identify(ctx, click.actor)
            outcome = _outcome(ctx, click, person, now)
        except Unavailable as error:
            _note_waiting(ctx, click, error.vendor)
            raise
        except (Refused, VendorError) as error:
            outcome = _refused(ctx, click, error, now)
        try:
            _write(ctx, click, outcome, now)
        except Conflict:
            continue  # somebody else changed it first: judge again what is there now
        return


def _outcome(ctx: Context, click: Click, person: Identity, now: datetime) -> _Outcome:
    if click.action is ClickAction.REVOKE:
        return _revoke(ctx, click, person, now)
    request = _open_request(ctx, click)
    try:
        entitlement = screening.entitlement_of(ctx, request)
    except Refused as refusal:
        return _no_longer_offered(request, refusal, now)
    policy.check_decider(request, entitlement, person, authority.holds(ctx, person))
    if click.action is ClickAction.DENY:
        return _deny(request, click, now)
    vote = Vote(approver=person.slack, email=person.email, at=click.at, google_id=person.google_id)
    return _approve(ctx, request, entitlement, vote, now)


def _approve(ctx: Context, request: Request, entitlement: Entitlement, vote: Vote, now: datetime) -> _Outcome:
    if any(_same_person(v, vote) for v in request.votes):
        msg = "Your approval is counted already; another approver has to agree as well."
        raise Refused(msg)
    request = replace(request, votes=tuple(v for v in request.votes if _still_counts(ctx, request, entitlement, v)))
    missing = entitlement.policy.approvals - len(request.votes) - 1
    card = soon(Work(WorkKind.CARD, request.id), now)
    if missing > 0:
        step = lifecycle.voted(request, vote)
        more = "one more is" if missing == 1 else f"{missing} more are"
        return _Outcome(
            sentence=f"Your approval is counted; {more} needed.", puts=(step.record,), events=(step.event,), due=(card,)
        )
    if request.kind is RequestKind.EXTEND:
        return _approve_extension(ctx, request, entitlement, vote, now)
    begun = lifecycle.granted(request, entitlement, new_id("g"), vote.at, now)
    closed = lifecycle.approved(request, vote, now, begun.record.id)
    return _Outcome(
        sentence=f"Approved; {entitlement.id} is being prepared.",
        puts=(closed.record, begun.record),
        events=(closed.event, begun.event),
        due=(
            soon(Work(WorkKind.PROVISION, begun.record.id), now),
            Due(Work(WorkKind.END, begun.record.id), begun.record.expires_at),
            card,
        ),
        dropped=(Work(WorkKind.LAPSE, request.id),),
    )


def _approve_extension(ctx: Context, request: Request, entitlement: Entitlement, vote: Vote, now: datetime) -> _Outcome:
    grant = ctx.store.grant(request.grant_id)
    if grant is None or grant.state is not GrantState.ACTIVE or now >= grant.expires_at:
        asking.expire(ctx, request, "The grant ended before the extension was approved.", now)
        msg = "Too late: the grant has ended, so it cannot be extended; a new request is needed."
        raise Refused(msg)
    try:
        policy.check_extension(grant, entitlement.policy, request.duration, request.duration, now)
        requester = authority.identify(ctx, request.requester)
        _check_same_access(grant, entitlement, requester)
        policy.check_requester(entitlement, authority.holds(ctx, requester))
    except Refused as refusal:
        return _no_longer_offered(request, refusal, now)
    longer = lifecycle.extended(grant, request, vote.approver, now)
    closed = lifecycle.approved(request, vote, now, grant.id)
    return _Outcome(
        sentence="Approved; the grant now ends later.",
        puts=(closed.record, longer.record),
        events=(closed.event, longer.event),
        due=(
            Due(Work(WorkKind.END, grant.id), longer.record.expires_at),
            *schedule.warning(longer.record, now),
            *schedule.expiry(grant.pair, now, wanted=ctx.expiry is not None),
            soon(Work(WorkKind.CARD, request.id), now),
            soon(Work(WorkKind.CARD, grant.request_id), now),
            soon(Work(WorkKind.TELL, f"extended:{request.id}"), now),
        ),
        dropped=(Work(WorkKind.LAPSE, request.id),),
    )


def _deny(request: Request, click: Click, now: datetime) -> _Outcome:
    step = lifecycle.denied(request, click.actor, now, click.reason)
    return _Outcome(
        sentence="Denied; the requester is told your reason.",
        puts=(step.record,),
        events=(step.event,),
        due=(
            soon(Work(WorkKind.CARD, request.id), now),
            soon(Work(WorkKind.TELL, f"denied:{request.id}"), now),
        ),
        dropped=(Work(WorkKind.LAPSE, request.id),),
    )


def _revoke(ctx: Context, click: Click, person: Identity, now: datetime) -> _Outcome:
    grant = ctx.store.grant(click.subject)
    if grant is None or grant.ended or grant.state is GrantState.REVOKING:
        return _Outcome(sentence="This access is ending or has ended already.")
    if not _may_revoke(ctx, grant, person):
        msg = "Only an approver of this access or an administrator may revoke it; the holder can end it in /my-access."
        raise Refused(msg)
    change = ending.begin(ctx, grant, EndCause.REVOKED, click.actor, now, click.reason)
    return _Outcome(
        sentence="Revoking: the card shows when both memberships are gone.",
        puts=change.puts,
        events=change.events,
        due=change.due,
    )


def _may_revoke(ctx: Context, grant: Grant, person: Identity) -> bool:
    catalog = ctx.catalog.current()
    entitlement = catalog.entitlements.get(grant.entitlement)
    who = (*catalog.admins, *(entitlement.policy.approvers if entitlement else ()))
    return policy.covers(who, authority.holds(ctx, person))


def _same_person(one: Vote, other: Vote) -> bool:
    same_google_user = bool(one.google_id) and one.google_id == other.google_id
    return one.approver == other.approver or same_google_user or one.email.casefold() == other.email.casefold()


def _check_same_access(grant: Grant, entitlement: Entitlement, requester: Identity) -> None:
    """Refuse more time for what the policy at hand is not about, or for somebody else than holds it."""
    policy.check_unchanged(entitlement, grant)
    if requester.google_id != grant.google_user_id:
        msg = "This Slack account leads to another Google account than the one that holds the access; ask again."
        raise Refused(msg)


def _still_counts(ctx: Context, request: Request, entitlement: Entitlement, vote: Vote) -> bool:
    """Look again, live, whether an earlier approver is an approver still."""
    try:
        person = authority.identify(ctx, vote.approver)
        policy.check_decider(request, entitlement, person, authority.holds(ctx, person))
    except Refused:
        return False
    return vote.google_id in ("", person.google_id)


def _no_longer_offered(request: Request, refusal: Refused, now: datetime) -> _Outcome:
    step = lifecycle.denied(request, lifecycle.SYSTEM, now, refusal.sentence)
    return _Outcome(
        tone=Tone.REFUSED,
        sentence=f"The rules changed since it was asked, so it was closed: {refusal.sentence}",
        puts=(step.record,),
        events=(step.event,),
        due=(
            soon(Work(WorkKind.CARD, request.id), now),
            soon(Work(WorkKind.TELL, f"refused:{request.id}"), now),
        ),
        dropped=(Work(WorkKind.LAPSE, request.id),),
    )


def _check_still_open(ctx: Context, click: Click) -> None:
    """Refuse a press that came too late, before anybody is looked up for it."""
    if click.action is not ClickAction.REVOKE:
        _open_request(ctx, click)


def _open_request(ctx: Context, click: Click) -> Request:
    request = ctx.store.request(click.subject)
    if request is None:
        msg = "This request is not known any more; nothing was changed."
        raise Refused(msg)
    if request.state is not RequestState.PENDING:
        raise Refused(closed_sentence(request.state, request.decided_by, click.actor))
    if not request.announced:
        msg = "This request is still being looked at; it cannot be decided yet."
        raise Refused(msg)
    if click.at >= request.expires_at:
        asking.expire(ctx, request, "Nobody decided in time.", ctx.store.now())
        msg = "Too late: this request has expired; the requester can ask again."
        raise Refused(msg)
    return request


def _refused(ctx: Context, click: Click, error: Refused | VendorError, now: datetime) -> _Outcome:
    events: tuple[AuditEvent, ...] = ()
    if click.action is ClickAction.REVOKE:
        grant = ctx.store.grant(click.subject)
        if grant is not None:
            events = (lifecycle.refused_revoke(grant, click.actor, now, error.sentence),)
    else:
        request = ctx.store.request(click.subject)
        if request is not None:
            events = (lifecycle.refused_click(request, click.actor, now, str(click.action), error.sentence),)
    due: tuple[Due, ...] = ()
    if isinstance(error, NotAuthorised):
        due = (soon(Work(WorkKind.ALERT, f"not_authorised:{error.vendor}"), now),)
    return _Outcome(tone=Tone.REFUSED, sentence=error.sentence, events=events, due=due)


def _write(ctx: Context, click: Click, outcome: _Outcome, now: datetime) -> None:
    closed = replace(click, done=True, tone=str(outcome.tone), sentence=outcome.sentence)
    change = Change(
        op=f"carry-out:{click.id}",
        puts=(*outcome.puts, closed),
        events=outcome.events,
        due=(*outcome.due, soon(Work(WorkKind.ANSWER, click.id), now)),
        dropped=outcome.dropped,
    )
    save(ctx, change, now)


def _note_waiting(ctx: Context, click: Click, vendor: str) -> None:
    """Tell, once, whoever pressed that their press is kept; a request's card says for whom it waits too."""
    request = None if click.action is ClickAction.REVOKE else ctx.store.request(click.subject)
    if request is not None:
        screening.note_waiting(ctx, request, vendor)
    if click.sentence:
        return
    now = ctx.store.now()
    sentence = f"Waiting for {vendor}: your press is kept, and carried out as soon as {vendor} answers."
    change = Change(
        op=f"wait:{click.id}",
        puts=(replace(click, tone=str(Tone.NOT_NOW), sentence=sentence),),
        due=(soon(Work(WorkKind.ANSWER, click.id), now),),
    )
    save(ctx, change, now)
