"""Judging: how a request is decided, by the rules in force now; asked for at submission and again at every decision."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from accessbot.domain import limits, policy, verdicts
from accessbot.domain.errors import Refused
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


def verdict(ctx: Context, request: Request, entitlement: Entitlement, person: Identity, now: datetime) -> Verdict:
    """Judge a request of a person by the rules of the catalog in force.

    Raises `Refused` where a rule denies it or cannot be judged, `VendorError` where it cannot be told.
    """
    rules = ctx.catalog.current().rules
    question = Question(
        entitlement=entitlement,
        duration=request.duration,
        requester=person,
        at=now,
        reason=request.reason,
        emergency=request.emergency,
    )
    found = verdicts.judge(rules, question, authority.holds(ctx, person), ctx.expressions.holds)
    if found.effect is Effect.DENY:
        msg = f"{found.reason.rstrip('.')}. (The {found.said} says so.)"
        raise Refused(msg)
    return found


def check_may_have(ctx: Context, request: Request, entitlement: Entitlement, person: Identity) -> None:
    """Refuse whom the policy does not let ask, and what operators hold back."""
    freezing.check(ctx, request.requester, request.entitlement)
    check_requester(request, entitlement, authority.holds(ctx, person))


def check_limits(ctx: Context, request: Request, decides: Policy, duration: timedelta, now: datetime) -> None:
    """Refuse what passes the limits of the policy that decides; an emergency has limits of its own."""
    if request.emergency or (decides.per_day is None and not decides.cool_down):
        return
    recent = recent_grants(ctx, request.requester, now)
    more = request.kind is RequestKind.EXTEND
    limits.check_limits(decides, recent, request.entitlement, duration, now, more=more)


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
