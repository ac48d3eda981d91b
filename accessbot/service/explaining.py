"""Explaining: what would come of a request, and why, without making one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from accessbot.domain import policy, verdicts
from accessbot.domain.errors import Refused
from accessbot.domain.model import Request, RequestState, SelectorKind
from accessbot.domain.rules import Effect
from accessbot.service import authority, freezing, judging, oncall, screening, steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime, timedelta

    from accessbot.domain.model import Entitlement, Identity, Selector
    from accessbot.domain.rules import Policy, Rule, Ticket
    from accessbot.domain.verdicts import Look, Question, Verdict
    from accessbot.ports import Expressions
    from accessbot.service.context import Context


class Comes(StrEnum):
    """What a request comes to."""

    DENY = "deny"
    APPROVE = "approve"
    STEPS = "steps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A ticket or incident that the reason has to name, and what it names; "" for nothing."""

    pattern: str
    found: str
    check: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What a request comes to and why.

    `refusals` are all reasons why it would be refused. `looks` are the rules that were looked at, up to the one that
    decides. `verdict` is None when a rule could not be judged, which refuses as well.
    """

    comes: Comes
    verdict: Verdict | None
    refusals: tuple[str, ...]
    looks: tuple[Look, ...]
    named: tuple[Named, ...]

    @property
    def rule(self) -> str:
        """Name the rule that decides, "" for none."""
        return self.verdict.rule if self.verdict is not None else ""

    def policy_of(self, entitlement: Entitlement) -> Policy:
        """Give the policy that decides."""
        return self.verdict.policy if self.verdict is not None else entitlement.policy


def usual_duration(entitlement: Entitlement, *, emergency: bool) -> timedelta:
    """Give the time that is asked for unless another is chosen."""
    glass = entitlement.policy.emergency if emergency else None
    return glass.default_duration if glass is not None else entitlement.policy.default_duration


def explain(
    rules: Sequence[Rule],
    question: Question,
    holds: Callable[[Selector], bool],
    expressions: Expressions,
    shortest: timedelta,
) -> Explained:
    """Tell what comes of a request by policy and rules alone; a ticket's own system is not asked.

    Every reason to refuse it is collected. Raises `VendorError` when it cannot be told who somebody is.
    """
    entitlement, request = question.entitlement, _request_of(question)
    refusals = list(_said(lambda: judging.check_requester(request, entitlement, holds)))
    looked: list[Look] = []
    verdict: Verdict | None = None
    try:
        for look in verdicts.looks(rules, question, holds, expressions.holds):
            looked.append(look)
            if look.matches:
                break
        match = looked[-1].rule if looked and looked[-1].matches else None
        if question.emergency and match is not None and match.effect is not Effect.DENY:
            match = None  # of the rules only those that deny count in an emergency
        verdict = verdicts.verdict_of(match, entitlement.policy)
    except Refused as error:
        refusals.append(error.sentence)
    named: tuple[Named, ...] = ()
    emergency = question.emergency
    if verdict is not None:
        if verdict.effect is Effect.DENY:
            refusals.append(verdict.reason)
        own, decides = entitlement.policy, verdict.policy
        told = list(_said(lambda: policy.check_duration(own, question.duration, shortest, emergency=emergency)))
        refusals += told or _said(lambda: screening.check_time(request, decides, request.duration))
        named = tuple(_named(question, verdict, expressions))
        refusals += [_unnamed(question, one.pattern) for one in named if not one.found]
    refusals += _said(lambda: policy.check_reason(question.reason))
    at_once = emergency or (verdict is not None and verdict.effect is Effect.APPROVE)
    comes = Comes.DENY if refusals else Comes.APPROVE if at_once else Comes.STEPS
    return Explained(comes=comes, verdict=verdict, refusals=tuple(refusals), looks=tuple(looked), named=named)


def _named(question: Question, verdict: Verdict, expressions: Expressions) -> Iterator[Named]:
    """Find what the reason has to name: in an emergency the incident alone."""
    emergency = question.entitlement.policy.emergency
    if question.emergency:
        if emergency is not None:
            yield Named(pattern=emergency.incident, found=expressions.find(emergency.incident, question.reason))
        return
    wanted: tuple[Ticket, ...] = () if verdict.effect is Effect.DENY else verdict.tickets
    for ticket in wanted:
        found = expressions.find(ticket.pattern, question.reason)
        yield Named(pattern=ticket.pattern, found=found, check=ticket.check)


def _unnamed(question: Question, pattern: str) -> str:
    """Say what a request is told that does not name what it has to."""
    if question.emergency:
        return f"Name the incident in the reason of an emergency: a word like {pattern}."
    return f"{question.entitlement.id} needs a ticket: name it in the reason, as a word like {pattern}."


def _said(check: Callable[[], object]) -> Iterator[str]:
    """Give what a check refuses with, if it does."""
    try:
        check()
    except Refused as error:
        yield error.sentence


def _request_of(question: Question) -> Request:
    """Make the request that a question is about; it is stored nowhere."""
    return Request(
        id="",
        requester=question.requester.slack,
        entitlement=question.entitlement.id,
        duration=question.duration,
        reason=question.reason,
        state=RequestState.PENDING,
        created_at=question.at,
        expires_at=question.at,
        catalog_hash="",
        email=question.requester.email,
        google_id=question.requester.google_id,
        emergency=question.emergency,
    )


# --- live -------------------------------------------------------------------------------------------------------------


def holds_at(ctx: Context, person: Identity, at: datetime) -> Callable[[Selector], bool]:
    """Make the question "does this selector cover the person?", with who is on call read from its source at a time."""
    covered = authority.holds(ctx, person)
    names = {person.slack, person.email.casefold()}

    def held(selector: Selector) -> bool:
        if selector.kind is SelectorKind.ON_CALL:
            return bool(names & on_call(ctx, selector.value, at))
        return covered(selector)

    return held


def on_call(ctx: Context, name: str, at: datetime) -> frozenset[str]:
    """Read from a schedule's source who is on call at a time: emails in lower case, or Slack user ids.

    A Slack user group only tells who it is now. Raises `Refused` for an unknown schedule, and what its source raises.
    """
    schedule = ctx.catalog.current().schedules.get(name)
    if schedule is None:
        msg = f"There is no on-call schedule “{name}” in the catalog."
        raise Refused(msg)
    return frozenset(shift.who for shift in oncall.current(oncall.read(ctx, schedule, at), at))


def refusals_now(ctx: Context, question: Question, decides: Policy, now: datetime) -> tuple[str, ...]:
    """Give what beside policy and rules would refuse a request now: a freeze, a total per day, a pause."""
    request = _request_of(question)
    checks: tuple[Callable[[], object], ...] = (
        lambda: freezing.check(ctx, request.requester, request.entitlement),
        lambda: judging.check_limits(ctx, request, decides, request.duration, now),
    )
    return tuple(sentence for check in checks for sentence in _said(check))


def refusals_of_deciders(ctx: Context, person: Identity, found: Explained) -> tuple[str, ...]:
    """Give why nobody could decide what people have to decide: it would be refused at once."""
    verdict = found.verdict
    if found.comes is not Comes.STEPS or verdict is None:
        return ()
    listing = steps.Listing(ctx, person.email)
    return tuple(_said(lambda: steps.check_somebody_can_decide(listing, verdict.policy, person)))
