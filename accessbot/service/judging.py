"""Judging: how a request is decided, by the rules in force now; asked for at submission and again at every decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from accessbot.domain import limits, policy, verdicts
from accessbot.domain.errors import Refused
from accessbot.domain.lifecycle import SYSTEM
from accessbot.domain.model import Identity, RequestKind
from accessbot.domain.rules import Effect
from accessbot.domain.verdicts import Question
from accessbot.service import authority, freezing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from accessbot.domain.model import Entitlement, Grant, Request, Selector
    from accessbot.domain.rules import Emergency, Policy, Ticket
    from accessbot.domain.verdicts import Verdict
    from accessbot.service.context import Context

_RECENT = timedelta(days=30)


def requester_of(request: Request) -> Identity:
    """Give the requester as they were looked up when the request was announced."""
    return Identity(slack=request.requester, name="", email=request.email, google_id=request.google_id)


def asker_of(ctx: Context, request: Request) -> Identity | None:
    """Look up who asked on the requester's behalf; None where nobody did, or nobody who could decide anything."""
    try:
        return authority.identify(ctx, request.asked_by) if request.asked_by else None
    except Refused:
        return None


def verdict(ctx: Context, request: Request, entitlement: Entitlement, person: Identity, now: datetime) -> Verdict:
    """Judge a request of a person by the rules of the catalog in force.

    What is to begin later is judged as of then; a rule that denies it now denies it, too. Raises `Refused` where a rule
    denies it or cannot be judged, `VendorError` where it cannot be told.
    """
    question = Question(
        entitlement=entitlement,
        duration=in_all(ctx, request),
        requester=person,
        at=now,
        reason=request.reason,
        emergency=request.emergency,
    )
    found, later = _judged(ctx, question), begins(request, now)
    return found if later == now else _judged(ctx, replace(question, at=later))


def _judged(ctx: Context, question: Question) -> Verdict:
    holds = authority.holds(ctx, question.requester)
    found = verdicts.judge(ctx.catalog.current().rules, question, holds, ctx.expressions.holds)
    if found.effect is Effect.DENY:
        msg = f"{found.reason.rstrip('.')}. (The {found.said} says so.)"
        raise Refused(msg)
    return found


def begins(request: Request, now: datetime) -> datetime:
    """Say when the access would begin: now, or when the request says if that is later."""
    return now if request.not_before is None else max(now, request.not_before)


def in_all(ctx: Context, request: Request) -> timedelta:
    """Say for how long it would be held in all: an extension adds to what is held, and is judged by the sum."""
    grant = ctx.store.grant(request.grant_id) if request.kind is RequestKind.EXTEND else None
    return request.duration if grant is None else grant.expires_at - grant.starts_at + request.duration


def check_begins(ctx: Context, request: Request, entitlement: Entitlement, person: Identity, now: datetime) -> None:
    """Judge what was approved for later once more as it begins: no rule may deny it, and what approved it has to still.

    Raises like `verdict`.
    """
    found = verdict(ctx, request, entitlement, person, now)
    if request.decided_by == SYSTEM and found.effect is not Effect.APPROVE:
        msg = f"It was approved {request.decision_reason}, which does not approve it any more; ask again."
        raise Refused(msg)


def check_may_have(ctx: Context, request: Request, entitlement: Entitlement, person: Identity) -> None:
    """Refuse whom the policy does not let ask, and what operators hold back."""
    freezing.check(ctx, request.requester, request.entitlement)
    check_requester(request, entitlement, authority.holds(ctx, person))


def check_limits(ctx: Context, request: Request, decides: Policy, duration: timedelta, now: datetime) -> None:
    """Refuse what passes the limits of the policy that decides; an emergency has limits of its own."""
    if request.emergency or (decides.per_day is None and not decides.cool_down):
        return
    held = {each.id: each for each in ctx.store.grants_of(request.requester)}
    known = {each.id: each for each in recent_grants(ctx, request.requester, now)} | held
    more, at = request.kind is RequestKind.EXTEND, begins(request, now)
    limits.check_limits(decides, known.values(), request.entitlement, duration, at, more=more)


def check_requester(request: Request, entitlement: Entitlement, holds: Callable[[Selector], bool]) -> None:
    """Refuse whom the policy does not let ask; in an emergency, who is not eligible for that."""
    if not request.emergency:
        policy.check_requester(entitlement, holds)
        return
    if not policy.covers(emergency_of(entitlement).eligible, holds):
        msg = f"You are not eligible for emergency access to {entitlement.id}; ask for it the normal way."
        raise Refused(msg)


def recent_grants(ctx: Context, requester: str, now: datetime) -> tuple[Grant, ...]:
    """List what a person was given within the last 30 days."""
    return ctx.store.recent_grants(requester, now - _RECENT)


def emergency_of(entitlement: Entitlement) -> Emergency:
    """Give the emergency policy. Raises `Refused` where there is none."""
    found = entitlement.policy.emergency
    if found is None:
        msg = f"There is no emergency access to {entitlement.id}; ask for it the normal way."
        raise Refused(msg)
    return found


def incident_of(ctx: Context, emergency: Emergency, reason: str) -> str:
    """Give the incident that the reason names. Raises `Refused` if it names none."""
    incident = ctx.expressions.find(emergency.incident, reason)
    if not incident:
        msg = f"Name the incident in the reason of an emergency: a word like {emergency.incident}."
        raise Refused(msg)
    return incident


def check_tickets(ctx: Context, tickets: Sequence[Ticket], request: Request) -> None:
    """See to it that the reason names what is asked for by now; what was named and allowed before is not asked again.

    Raises what `tickets_of` raises.
    """
    allowed = request.ticket.split()
    new = [ticket for ticket in tickets if ctx.expressions.find(ticket.pattern, request.reason) not in allowed]
    tickets_of(ctx, new, request)


def tickets_of(ctx: Context, tickets: Sequence[Ticket], request: Request) -> str:
    """Give the tickets that the reason names, after asking the company's system about each.

    Raises `Refused` when one is not named or may not be used, `VendorError` while the system does not tell.
    """
    named: list[str] = []
    for ticket in tickets:
        reference = ctx.expressions.find(ticket.pattern, request.reason)
        if not reference:
            msg = f"{request.entitlement} needs a ticket: name it in the reason, as a word like {ticket.pattern}."
            raise Refused(msg)
        if ticket.check:
            ctx.tickets.check(ticket, reference, request)
        named.append(reference)
    return " ".join(dict.fromkeys(named))


def policy_of(ctx: Context, request: Request, entitlement: Entitlement) -> Policy:
    """Give the policy that was found to decide a request; the entitlement's own while it was not, and if it is gone."""
    return ctx.catalog.current().policies.get(request.policy, entitlement.policy)
