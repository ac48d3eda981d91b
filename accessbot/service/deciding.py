"""Deciding: what comes of a kept press. Who pressed is looked up live; the decision is one compare-and-swap."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from accessbot.domain import lifecycle, policy, progress
from accessbot.domain.errors import Conflict, NotAuthorised, Refused, Unavailable, VendorError
from accessbot.domain.model import (
    ClickAction,
    EndCause,
    GrantState,
    Identity,
    Remark,
    RemarkKind,
    RequestKind,
    RequestState,
)
from accessbot.domain.notices import Tone
from accessbot.domain.work import Due, Urgency, Work, WorkKind
from accessbot.ports import Change, urgency
from accessbot.service import (
    asking,
    authority,
    ending,
    freezing,
    granting,
    judging,
    reviewing,
    schedule,
    screening,
    steps,
    voting,
)
from accessbot.service.context import new_id, save, soon
from accessbot.service.outcomes import Outcome
from accessbot.service.pressing import closed_sentence

if TYPE_CHECKING:
    from datetime import datetime

    from accessbot.domain.model import AuditEvent, Click, Entitlement, Grant, Request
    from accessbot.service.context import Context
    from accessbot.service.voting import Counted, Judging

_OF_NO_REQUEST = (ClickAction.REVOKE, ClickAction.JUSTIFY, ClickAction.NOT_JUSTIFY)


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


def _outcome(ctx: Context, click: Click, person: Identity, now: datetime) -> Outcome:
    if click.action is ClickAction.REVOKE:
        return _revoke(ctx, click, person, now)
    if click.action in (ClickAction.JUSTIFY, ClickAction.NOT_JUSTIFY):
        return reviewing.outcome(ctx, click, person, now)
    request = _open_request(ctx, click)
    entitlement: Entitlement | None = None
    try:
        entitlement = screening.entitlement_of(ctx, request)
        judged = voting.judged_anew(ctx, request, entitlement, now)
    except Refused as refusal:
        if entitlement is not None:  # it is theirs to bring about who may decide, and nobody else's
            before = voting.Judging(request=request, policy=judging.policy_of(ctx, request, entitlement))
            voting.check_decider(ctx, before, entitlement, person, now)
        return _no_longer_offered(ctx, request, refusal, now)
    match click.action:
        case ClickAction.DENY:
            voting.check_decider(ctx, judged, entitlement, person, now)
            return _deny(ctx, request, click, now)
        case ClickAction.ASK:
            voting.check_decider(ctx, judged, entitlement, person, now)
            return _ask(request, click, now)
    return _approve(ctx, judged, entitlement, person, click, now)


def _approve(
    ctx: Context, judged: Judging, entitlement: Entitlement, person: Identity, click: Click, now: datetime
) -> Outcome:
    counted = voting.count(ctx, judged, entitlement, person, click, now)
    request, vote = counted.request, counted.vote
    try:
        judging.check_tickets(ctx, judged.tickets, request)
    except Refused as refusal:
        return _no_longer_offered(ctx, request, refusal, now)
    if counted.missing or counted.further:
        return _voted(ctx, counted, now)
    if request.kind is RequestKind.EXTEND:
        return _approve_extension(ctx, counted, entitlement, now)
    try:
        freezing.check(ctx, request.requester, request.entitlement)
        judging.check_limits(ctx, request, counted.policy, voting.allowed(request, vote), now)
    except Refused as refusal:
        return _no_longer_offered(ctx, request, refusal, now)
    closed = lifecycle.approved(request, vote, now, new_id("g"))
    begun = lifecycle.granted(closed.record, entitlement, closed.record.grant_id, vote.at, now)
    later = f" It begins {begun.record.starts_at:%Y-%m-%d %H:%M} UTC." if begun.record.not_before else ""
    return Outcome(
        sentence=f"Approved; {entitlement.id} is being prepared." if not later else f"Approved.{later}",
        puts=(closed.record, begun.record),
        events=(*counted.events, closed.event, begun.event),
        due=(*granting.dues(begun.record, now), *asking.beside(ctx, request, now)),
        dropped=granting.dropped(request),
    )


def _voted(ctx: Context, counted: Counted, now: datetime) -> Outcome:
    """Keep a yes that does not decide yet; with it a step may be complete, and the next one begin."""
    step = lifecycle.voted(counted.request, counted.vote)
    request, events = step.record, (*counted.events, step.event)
    due = [soon(Work(WorkKind.CARD, request.id), now)]
    if counted.missing:
        more = "one more is" if counted.missing == 1 else f"{counted.missing} more are"
        sentence = f"Your approval is counted; {more} needed."
    else:
        policy_ = counted.policy
        number = counted.vote.step + 1
        panel = steps.panel(steps.Listing(ctx, request.email), policy_.steps[number].approvers)
        further = progress.step_begun(request, number, panel, now)
        request, events = further.record, (*events, further.event)
        due += steps.begun(policy_, request, now)
        name = policy_.steps[number].name or f"step {number + 1} of {len(policy_.steps)}"
        sentence = f"Your approval is counted, and this step is complete; next is “{name}”."
    if counted.rejudged and counted.missing:
        due += steps.begun(counted.policy, request, now)
    return Outcome(sentence=sentence, puts=(request,), events=events, due=tuple(due))


def _approve_extension(ctx: Context, counted: Counted, entitlement: Entitlement, now: datetime) -> Outcome:
    request, vote = counted.request, counted.vote
    grant = ctx.store.grant(request.grant_id)
    if grant is None or grant.state is not GrantState.ACTIVE or now >= grant.expires_at:
        asking.expire(ctx, request, "The grant ended before the extension was approved.", now)
        msg = "Too late: the grant has ended, so it cannot be extended; a new request is needed."
        raise Refused(msg)
    added = voting.allowed(request, vote)
    try:
        policy.check_extension(grant, entitlement.policy, added, added, now)
        requester = authority.identify(ctx, request.requester)
        _check_same_access(grant, entitlement, requester)
        judging.check_may_have(ctx, request, entitlement, requester)
        judging.check_limits(ctx, request, counted.policy, added, now)
    except Refused as refusal:
        return _no_longer_offered(ctx, request, refusal, now)
    longer = lifecycle.extended(grant, replace(request, duration=added), vote.approver, now)
    closed = lifecycle.approved(request, vote, now, grant.id)
    return Outcome(
        sentence="Approved; the grant now ends later.",
        puts=(closed.record, longer.record),
        events=(*counted.events, closed.event, longer.event),
        due=(
            Due(Work(WorkKind.END, grant.id), longer.record.expires_at),
            *schedule.warning(longer.record, now),
            *schedule.expiry(grant.pair, now, wanted=ctx.expiry is not None),
            soon(Work(WorkKind.CARD, request.id), now),
            soon(Work(WorkKind.CARD, grant.request_id), now),
            soon(Work(WorkKind.TELL, f"extended:{request.id}"), now),
        ),
        dropped=granting.dropped(request),
    )


def _deny(ctx: Context, request: Request, click: Click, now: datetime) -> Outcome:
    step = lifecycle.denied(request, click.actor, now, click.reason)
    return Outcome(
        sentence="Denied; the requester is told your reason.",
        puts=(step.record,),
        events=(step.event,),
        due=(
            soon(Work(WorkKind.CARD, request.id), now),
            soon(Work(WorkKind.TELL, f"denied:{request.id}"), now),
            *asking.beside(ctx, request, now),
        ),
        dropped=granting.dropped(request),
    )


def _ask(request: Request, click: Click, now: datetime) -> Outcome:
    remark = Remark(kind=RemarkKind.QUESTION, who=click.actor, at=click.at, text=click.reason)
    step = progress.remarked(request, remark)
    number = len(step.record.remarks) - 1
    return Outcome(
        sentence="Asked; the answer comes in the thread.",
        puts=(step.record,),
        events=(step.event,),
        due=(
            soon(Work(WorkKind.CARD, request.id), now),
            soon(Work(WorkKind.TELL, f"question:{request.id}"), now),
            soon(Work(WorkKind.TELL, f"remark:{request.id}:{number}"), now),
        ),
    )


def _revoke(ctx: Context, click: Click, person: Identity, now: datetime) -> Outcome:
    grant = ctx.store.grant(click.subject)
    if grant is None or grant.ended or grant.state is GrantState.REVOKING:
        return Outcome(sentence="This access is ending or has ended already.")
    if not _may_revoke(ctx, grant, person):
        msg = "Only an approver of this access or an administrator may revoke it; the holder can end it in /my-access."
        raise Refused(msg)
    change = ending.begin(ctx, grant, EndCause.REVOKED, click.actor, now, click.reason)
    return Outcome(
        sentence="Revoking: the card shows when both memberships are gone.",
        puts=change.puts,
        events=change.events,
        due=change.due,
    )


def _may_revoke(ctx: Context, grant: Grant, person: Identity) -> bool:
    catalog = ctx.catalog.current()
    entitlement = catalog.entitlements.get(grant.entitlement)
    request = ctx.store.request(grant.request_id)
    who = list(catalog.admins)
    if entitlement is not None:
        who += entitlement.policy.approvers
        who += judging.policy_of(ctx, request, entitlement).approvers if request is not None else ()
        who += entitlement.policy.emergency.owners if grant.emergency and entitlement.policy.emergency else ()
    return policy.covers(tuple(dict.fromkeys(who)), authority.holds(ctx, person, requester=grant.email))


def _check_same_access(grant: Grant, entitlement: Entitlement, requester: Identity) -> None:
    """Refuse more time for what the policy at hand is not about, or for somebody else than holds it."""
    policy.check_unchanged(entitlement, grant)
    if requester.google_id != grant.google_user_id:
        msg = "This Slack account leads to another Google account than the one that holds the access; ask again."
        raise Refused(msg)


def _no_longer_offered(ctx: Context, request: Request, refusal: Refused, now: datetime) -> Outcome:
    step = lifecycle.denied(request, lifecycle.SYSTEM, now, refusal.sentence)
    return Outcome(
        tone=Tone.REFUSED,
        sentence=f"The rules changed since it was asked, so it was closed: {refusal.sentence}",
        puts=(step.record,),
        events=(step.event,),
        due=(
            soon(Work(WorkKind.CARD, request.id), now),
            soon(Work(WorkKind.TELL, f"refused:{request.id}"), now),
            *asking.beside(ctx, request, now),
        ),
        dropped=granting.dropped(request),
    )


def _check_still_open(ctx: Context, click: Click) -> None:
    """Refuse a press that came too late, before anybody is looked up for it."""
    if click.action not in _OF_NO_REQUEST:
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
    if _is_older(click, request):
        msg = "This request was changed after you pressed; look at it again before you decide."
        raise Refused(msg)
    if click.at >= request.expires_at:
        asking.expire(ctx, request, "Nobody decided in time.", ctx.store.now())
        msg = "Too late: this request has expired; the requester can ask again."
        raise Refused(msg)
    return request


def _is_older(click: Click, request: Request) -> bool:
    """Tell whether a press was made on what was asked before it was made an emergency, and opened anew since."""
    opened = request.step_at if request.step == 0 and not request.votes and not request.escalated else None
    return opened is not None and click.at < opened


def _refused(ctx: Context, click: Click, error: Refused | VendorError, now: datetime) -> Outcome:
    events: tuple[AuditEvent, ...] = ()
    if click.action is ClickAction.REVOKE:
        grant = ctx.store.grant(click.subject)
        if grant is not None:
            events = (lifecycle.refused_revoke(grant, click.actor, now, error.sentence),)
    elif click.action not in _OF_NO_REQUEST:
        request = ctx.store.request(click.subject)
        if request is not None:
            events = (lifecycle.refused_click(request, click.actor, now, str(click.action), error.sentence),)
    due: tuple[Due, ...] = ()
    if isinstance(error, NotAuthorised):
        due = (soon(Work(WorkKind.ALERT, f"not_authorised:{error.vendor}"), now),)
    return Outcome(tone=Tone.REFUSED, sentence=error.sentence, events=events, due=due)


def _write(ctx: Context, click: Click, outcome: Outcome, now: datetime) -> None:
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
    request = None if click.action in _OF_NO_REQUEST else ctx.store.request(click.subject)
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
