"""Voting: whose yes counts, in which step and in whose stead; with each new one the earlier ones are judged again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from accessbot.domain import policy, progress
from accessbot.domain.durations import spoken
from accessbot.domain.errors import Refused
from accessbot.domain.judged import Judged
from accessbot.domain.model import Identity, Vote
from accessbot.service import authority, delegating, judging, screening, steps

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from accessbot.domain.model import AuditEvent, Click, Entitlement, Request, Selector
    from accessbot.domain.rules import Policy, Ticket
    from accessbot.service.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """A request as the rules in force now have it decided; `events` tell of what that changed, nothing is stored.

    The reason has to name all `tickets`, for the request to be approved.
    """

    request: Request
    policy: Policy
    tickets: tuple[Ticket, ...] = ()
    rejudged: bool = False
    events: tuple[AuditEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A request with all earlier approvals that still count, and the new one, which is not in it yet.

    `missing` is how many more its step takes after it; `further` tells that another step follows when none is missing.
    """

    request: Request
    policy: Policy
    vote: Vote
    missing: int
    further: bool
    rejudged: bool
    events: tuple[AuditEvent, ...]


def judged_anew(ctx: Context, request: Request, entitlement: Entitlement, now: datetime) -> Judging:
    """Judge a pending request by the rules in force now.

    When another policy decides than when it was announced, its steps begin anew and no approval counts any more. Raises
    `Refused` when the rules deny it now.
    """
    found = judging.verdict(ctx, request, entitlement, judging.requester_of(request), now)
    screening.check_time(request, found.policy, judging.in_all(ctx, request))
    if request.step_at is None or request.policy in ("", found.policy.name):
        return Judging(request=request, policy=found.policy, tickets=found.tickets)
    panel = steps.panel(steps.Listing(ctx, request.email), found.policy.steps[0].approvers)
    judged = Judged(rule=found.rule, policy=found.policy.name, panel=panel)
    step = progress.rejudged(replace(request, votes=()), judged, 0, now)
    return Judging(request=step.record, policy=found.policy, tickets=found.tickets, rejudged=True, events=(step.event,))


def check_decider(
    ctx: Context, judged: Judging, entitlement: Entitlement, person: Identity, now: datetime
) -> Identity | None:
    """Let whoever may decide in any step deny or ask. Gives the one in whose stead they do, None if in their own."""
    return _entitled(ctx, judged, entitlement, person, judged.policy.approvers, now, any_time=True)


def count(
    ctx: Context, judged: Judging, entitlement: Entitlement, person: Identity, click: Click, now: datetime
) -> Counted:
    """Count an approval in the step that is open. Raises `Refused` when it does not count."""
    request, policy_ = _recounted(ctx, judged, entitlement), judged.policy
    number, begun = _open_step(request, policy_), request
    events = judged.events
    if number != request.step:  # an approval of an earlier step does not count any more, or the policy is shorter
        panel = steps.panel(steps.Listing(ctx, request.email), policy_.steps[number].approvers)
        back = progress.step_begun(request, number, panel, now)
        begun, events = back.record, (*events, back.event)
    step = policy_.steps[number]
    who = steps.selectors(step, escalated=begun.escalated)
    if _names(person) & _counted_names(begun, policy_, number):
        msg = "Your approval is counted already; another approver has to agree as well."
        raise Refused(msg)
    away = _entitled(ctx, replace(judged, request=begun), entitlement, person, who, now, any_time=False)
    if away is not None and _names(away) & _counted_names(begun, policy_, number):
        msg = f"The approval of {away.email} is counted already; another approver has to agree as well."
        raise Refused(msg)
    vote = Vote(
        approver=person.slack,
        email=person.email,
        at=click.at,
        google_id=person.google_id,
        step=number,
        comment=click.reason,
        duration=_less(ctx, request, click),
        for_email=away.email if away is not None else "",
        for_google_id=away.google_id if away is not None else "",
    )
    had = sum(v.step == number for v in begun.votes)
    return Counted(
        request=begun,
        policy=policy_,
        vote=vote,
        missing=max(0, step.approvals - had - 1),
        further=number + 1 < len(policy_.steps),
        rejudged=judged.rejudged or begun is not request,
        events=events,
    )


def allowed(request: Request, vote: Vote) -> timedelta:
    """Give for how long all who approved allow it together: the least of what they said."""
    return min((v.duration for v in (*request.votes, vote) if v.duration is not None), default=request.duration)


def _less(ctx: Context, request: Request, click: Click) -> timedelta | None:
    if click.duration is None or click.duration == request.duration:
        return None
    if not ctx.terms.shortest <= click.duration < request.duration:
        shortest, longest = spoken(ctx.terms.shortest), spoken(request.duration)
        msg = f"It can be approved for {shortest} up to the {longest} that were asked for."
        raise Refused(msg)
    return click.duration


def _entitled(
    ctx: Context,
    judged: Judging,
    entitlement: Entitlement,
    person: Identity,
    who: tuple[Selector, ...],
    now: datetime,
    *,
    any_time: bool,
) -> Identity | None:
    """Let an approver decide, or their delegate: gives the one in whose stead. Raises `Refused` for anybody else.

    Unless `any_time`, it takes that they could decide already when the step began.
    """
    try:
        _check(ctx, judged, entitlement, person, who, any_time=any_time)
    except Refused as refusal:
        if not judged.policy.delegation:
            raise
        for slack_id in delegating.in_stead_of(ctx, person.slack, now):
            away = _in_stead(ctx, judged, entitlement, person, slack_id, who, any_time=any_time)
            if away is not None:
                return away
        raise refusal from None
    return None


def _in_stead(
    ctx: Context,
    judged: Judging,
    entitlement: Entitlement,
    person: Identity,
    slack_id: str,
    who: tuple[Selector, ...],
    *,
    any_time: bool,
) -> Identity | None:
    """Look up somebody who left their decisions in a person's hands; None unless both may decide on this request."""
    _check_not_own(ctx, judged.request, person)
    try:
        away = authority.identify(ctx, slack_id)
        _check(ctx, judged, entitlement, away, who, any_time=any_time)
    except Refused:
        return None
    return away


def _check(
    ctx: Context,
    judged: Judging,
    entitlement: Entitlement,
    person: Identity,
    who: tuple[Selector, ...],
    *,
    any_time: bool,
) -> None:
    request = judged.request
    holds = authority.holds(ctx, person, requester=request.email)
    policy.check_decider(request, entitlement, person, who, holds)
    _check_not_own(ctx, request, person)
    if not any_time and not steps.was_eligible(request, person, holds, who):
        msg = "You became an approver after this was asked, so others decide on it; it can be asked for again."
        raise Refused(msg)


def _check_not_own(ctx: Context, request: Request, person: Identity) -> None:
    """Refuse those who asked, under whatever account: who asked for a colleague is known by their Slack id alone."""
    policy.check_not_own(request, person)
    asker = judging.asker_of(ctx, request)
    if asker is not None and asker.google_id == person.google_id:
        policy.check_not_own(request, replace(person, slack=asker.slack))


def _recounted(ctx: Context, judged: Judging, entitlement: Entitlement) -> Request:
    """Look again, live, whether those who approved so far are approvers still; drop what does not count any more."""
    request = judged.request
    kept = tuple(vote for vote in request.votes if _still_counts(ctx, judged, entitlement, vote))
    return replace(request, votes=kept)


def _still_counts(ctx: Context, judged: Judging, entitlement: Entitlement, vote: Vote) -> bool:
    if vote.step >= len(judged.policy.steps):
        return False
    who = judged.policy.steps[vote.step].deciders
    try:
        person = authority.identify(ctx, vote.approver)
        away = _entitled(ctx, judged, entitlement, person, who, vote.at, any_time=True)
    except Refused:
        return False
    stands_in = away.google_id if away is not None else ""
    return vote.google_id in ("", person.google_id) and vote.for_google_id == stands_in


def _open_step(request: Request, policy_: Policy) -> int:
    """Give the number of the first step that does not have its approvals; the last one when all have."""
    for number, step in enumerate(policy_.steps):
        if sum(v.step == number for v in request.votes) < step.approvals:
            return number
    return len(policy_.steps) - 1


def _counted_names(request: Request, policy_: Policy, number: int) -> set[str]:
    """Give everything that names somebody whose approval counts where another of theirs must not."""
    votes = [v for v in request.votes if policy_.distinct or v.step == number]
    named = {name for v in votes for name in (v.approver, v.google_id, v.email.casefold())}
    return (named | {name for v in votes for name in (v.for_google_id, v.for_email.casefold())}) - {""}


def _names(person: Identity) -> set[str]:
    return {person.slack, person.google_id, person.email.casefold()} - {""}
