"""Screening: a stored request is looked at live, then opened to its approvers or refused with the reason."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from accessbot.domain import lifecycle, limits, progress
from accessbot.domain.durations import spoken
from accessbot.domain.errors import Ambiguous, Conflict, Missing, NotAuthorised, Refused, Rejected, Unavailable
from accessbot.domain.judged import Judged
from accessbot.domain.lifecycle import SYSTEM
from accessbot.domain.model import RequestKind, RequestState
from accessbot.domain.rules import Effect
from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change
from accessbot.service import authority, granting, judging, reviewing, steps
from accessbot.service.context import GRACE, save, soon

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from accessbot.domain.model import AuditEvent, Entitlement, Identity, Request
    from accessbot.domain.rules import Policy
    from accessbot.domain.verdicts import Verdict
    from accessbot.service.context import Context

_log = structlog.get_logger(__name__)


def screen(ctx: Context, request_id: str) -> None:
    """Look the requester up, check that they may ask and that somebody can decide; then announce, or refuse.

    Raises `Unavailable` while a vendor cannot tell; the request then says for whom it waits, and is kept.
    """
    request = ctx.store.request(request_id)
    if request is None or request.state is not RequestState.PENDING or request.announced or request.unconfirmed:
        return
    try:
        change = _looked_at(ctx, request)
    except Unavailable as error:
        note_waiting(ctx, request, error.vendor)
        raise
    except NotAuthorised as error:
        refuse(ctx, request, error.sentence, Work(WorkKind.ALERT, f"not_authorised:{error.vendor}"))
        return
    except (Refused, Missing, Ambiguous, Rejected) as error:
        refuse(ctx, request, error.sentence)
        return
    save(ctx, change, ctx.store.now())


def _looked_at(ctx: Context, request: Request) -> Change:
    """Judge a request of somebody who was just looked up, and make the change that it comes to."""
    person = authority.identify(ctx, request.requester)
    entitlement = entitlement_of(ctx, request)
    now = ctx.store.now()
    judging.check_may_have(ctx, request, entitlement, person)
    found = judging.verdict(ctx, request, entitlement, person, now)
    check_time(request, entitlement.policy if request.emergency else found.policy, judging.in_all(ctx, request))
    judging.check_limits(ctx, request, found.policy, request.duration, now)
    _check_known_to_aws(ctx, person)
    if request.emergency:
        return _emergency(ctx, request, entitlement, person, now)
    ticket = judging.tickets_of(ctx, found.tickets, request)
    if found.effect is Effect.APPROVE and request.kind is RequestKind.ACCESS:
        judged = Judged(rule=found.rule, policy=found.policy.name, ticket=ticket)
        step = lifecycle.announced(request, person.email, now, google_id=person.google_id, judged=judged)
        _, change = granting.approved_by_rule(step.record, entitlement, f"by the {found.said}", now, step.event)
        nudge = (Due(Work(WorkKind.NUDGE, request.id), now + GRACE),) if found.told else ()
        return replace(change, due=(*change.due, *nudge))
    return _announced(ctx, request, person, found, ticket, now)


def _announced(
    ctx: Context, request: Request, person: Identity, found: Verdict, ticket: str, now: datetime, *before: AuditEvent
) -> Change:
    """Open a request to those who decide its first step."""
    listing = steps.Listing(ctx, person.email)
    steps.check_somebody_can_decide(listing, found.policy, person, judging.asker_of(ctx, request))
    panel = steps.panel(listing, found.policy.steps[0].approvers)
    judged = Judged(rule=found.rule, policy=found.policy.name, ticket=ticket, panel=panel)
    step = lifecycle.announced(request, person.email, now, google_id=person.google_id, judged=judged)
    return Change(
        op=f"announce:{request.id}:{request.rev}",
        puts=(step.record,),
        events=(*before, step.event),
        due=(soon(Work(WorkKind.CARD, request.id), now), *steps.begun(found.policy, step.record, now)),
    )


def _emergency(ctx: Context, request: Request, entitlement: Entitlement, person: Identity, now: datetime) -> Change:
    """Approve an emergency at once; after too many of them, have it decided the normal way."""
    emergency = judging.emergency_of(entitlement)
    incident = judging.incident_of(ctx, emergency, request.reason)
    if limits.is_too_often(emergency, judging.recent_grants(ctx, request.requester, now), now):
        return _stepped_down(ctx, request, entitlement, person, now)
    judged = Judged(policy=entitlement.policy.name, ticket=incident)
    step = lifecycle.announced(request, person.email, now, google_id=person.google_id, judged=judged)
    said = f"by the emergency policy “{emergency.name}”"
    grant, change = granting.approved_by_rule(step.record, entitlement, said, now, step.event)
    review = reviewing.opened(grant, emergency, incident, now)
    return replace(
        change,
        puts=(*change.puts, *review.puts),
        events=(*change.events, *review.events),
        due=(*change.due, *review.due),
    )


def _stepped_down(ctx: Context, request: Request, entitlement: Entitlement, person: Identity, now: datetime) -> Change:
    down = progress.stepped_down(request, now, "too many emergencies lately")
    normal = down.record
    judging.check_may_have(ctx, normal, entitlement, person)
    found = judging.verdict(ctx, normal, entitlement, person, now)
    check_time(normal, found.policy, normal.duration)
    judging.check_limits(ctx, normal, found.policy, normal.duration, now)
    ticket = judging.tickets_of(ctx, found.tickets, normal)
    change = _announced(ctx, normal, person, found, ticket, now, down.event)
    return replace(change, due=(*change.due, soon(Work(WorkKind.TELL, f"stepped_down:{request.id}"), now)))


def check_time(request: Request, decides: Policy, duration: timedelta) -> None:
    """Refuse to have it for a `duration` in all that the policy which decides does not allow, or an emergency."""
    emergency = decides.emergency if request.emergency else None
    longest = emergency.max_duration if emergency is not None else decides.max_duration
    if duration > longest:
        msg = f"The policy “{decides.name}” allows at most {spoken(longest)} of {request.entitlement}; ask for less."
        raise Refused(msg)


def entitlement_of(ctx: Context, request: Request) -> Entitlement:
    """Find what a request asks for in the catalog in force; the file is read again if it changed since.

    Raises `Refused` when the catalog no longer offers it, or as something else, or not for that long.
    """
    if ctx.catalog.current().hash != request.catalog_hash:
        ctx.catalog.refresh()
    entitlement = ctx.catalog.current().entitlements.get(request.entitlement)
    if entitlement is None:
        msg = f"{request.entitlement} is no longer in the catalog; ask for something else with /request-aws."
        raise Refused(msg)
    if request.opens not in ("", entitlement.opens):
        msg = f"What {entitlement.id} opens was changed since it was asked for; ask again to have that decided."
        raise Refused(msg)
    if not request.emergency and request.duration > entitlement.policy.max_duration:
        msg = f"The policy of {entitlement.id} no longer allows that long; ask again for less."
        raise Refused(msg)
    return entitlement


def refuse(ctx: Context, request: Request, sentence: str, *more: Work) -> None:
    """Close a pending request because the rules say no, and tell the requester alone why; `more` is to be done too."""
    now = ctx.store.now()
    step = lifecycle.denied(request, SYSTEM, now, sentence)
    due = [soon(work, now) for work in (Work(WorkKind.TELL, f"refused:{request.id}"), *more)]
    if request.announced or request.emergency:  # which may have a card from before it was made one
        due.append(soon(Work(WorkKind.CARD, request.id), now))
    change = Change(
        op=f"refuse:{request.id}",
        puts=(step.record,),
        events=(step.event,),
        due=tuple(due),
        dropped=granting.dropped(request),
    )
    save(ctx, change, now)


def note_waiting(ctx: Context, request: Request, vendor: str) -> None:
    """Show on the request, once, which vendor it waits for."""
    if request.waiting_for == vendor or request.state is not RequestState.PENDING:
        return
    now = ctx.store.now()
    due = [soon(Work(WorkKind.CARD, request.id), now)] if request.announced else []
    if not request.announced:
        due.append(soon(Work(WorkKind.TELL, f"waiting:{request.id}"), now))
    change = Change(op=f"wait:{request.id}:{request.rev}", puts=(replace(request, waiting_for=vendor),), due=tuple(due))
    try:
        save(ctx, change, now)
    except Conflict:
        _log.info("request changed before its wait was noted", request=request.id, vendor=vendor)


def _check_known_to_aws(ctx: Context, person: Identity) -> None:
    """Refuse early somebody whom Identity Center does not know yet; while AWS is away, provisioning checks it."""
    try:
        authority.aws_user(ctx, person)
    except Unavailable as error:
        _log.info("AWS could not be asked at screening", person=person.slack, code=error.code)
