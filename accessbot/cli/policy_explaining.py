"""`accessbot policy explain`: what would come of a request of one person, read live, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.console import Console
from rich.text import Text

from accessbot.cli.output import plain, rfc3339, shown
from accessbot.cli.planned import vendors_context
from accessbot.domain import policy
from accessbot.domain.durations import compact, spoken
from accessbot.domain.errors import Refused, VendorError
from accessbot.domain.rotations import instant
from accessbot.domain.rules import Effect
from accessbot.domain.verdicts import Question
from accessbot.service import authority, explaining, steps
from accessbot.service.explaining import Comes, Explained

if TYPE_CHECKING:
    from accessbot.domain.model import Identity, SlackPerson
    from accessbot.domain.rules import Policy, Step
    from accessbot.service.context import Context

_DOES = {Effect.DENY: "denies", Effect.APPROVE: "approves", Effect.POLICY: "leaves it to a policy"}
_STYLES = {Comes.DENY: "bold red", Comes.APPROVE: "bold green", Comes.STEPS: "bold"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked about; `at` is a wall clock's time where it has no zone, None for now."""

    email: str
    entitlement: str
    at: datetime | None
    duration: timedelta | None
    reason: str
    emergency: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deciding:
    """One step, and who could decide it now: None where they cannot all be listed."""

    step: Step
    who: tuple[str, ...] | None


def run(wanted: Wanted, *, as_json: bool) -> int:
    """Explain what would come of a request; give 0 whatever that is. Raises what cannot be told."""
    ctx = vendors_context()
    catalog = ctx.catalog.current()
    entitlement = catalog.entitlements.get(wanted.entitlement)
    if entitlement is None:
        raise Refused(
            f"There is no entitlement “{wanted.entitlement}” in the catalog; `accessbot catalog check` reads it."
        )
    slack = ctx.workspace.by_email(wanted.email.strip().casefold())
    person = authority.identify(ctx, slack.id)
    now = ctx.store.now()
    at = now if wanted.at is None else _instant(wanted.at, slack)
    holds = authority.holds(ctx, person) if wanted.at is None else explaining.holds_at(ctx, person, at)
    question = Question(
        entitlement=entitlement,
        duration=wanted.duration or explaining.usual_duration(entitlement, emergency=wanted.emergency),
        requester=person,
        at=at,
        # Without a reason of one's own none is missing, but no ticket is named either.
        reason=wanted.reason or "(none given)",
        emergency=wanted.emergency,
    )
    found = explaining.explain(catalog.rules, question, holds, ctx.expressions, ctx.terms.shortest)
    decides = found.policy_of(entitlement)
    also = explaining.refusals_now(ctx, question, decides, now) if wanted.at is None else ()
    also += explaining.refusals_of_deciders(ctx, person, found)
    deciding = _deciding(ctx, person, decides) if found.comes is Comes.STEPS else ()
    unseen = len(catalog.rules) - len(found.looks)
    if as_json:
        typer.echo(json.dumps([_json(question, found, also, deciding, ctx.terms.shortest)]))
    else:
        _print(question, found, also, deciding, unseen, ctx.terms.shortest)
    return 0


def _instant(at: datetime, person: SlackPerson) -> datetime:
    """Give the instant of a time; one without a zone is what the person's own clock shows, as Slack knows its zone."""
    try:
        zone = ZoneInfo(person.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    return instant(at, zone)


def _deciding(ctx: Context, person: Identity, decides: Policy) -> tuple[_Deciding, ...]:
    """List who could decide each step now; the requester never can."""
    listing = steps.Listing(ctx, person.email)
    found = []
    for step in decides.steps:
        who: set[str] | None = set()
        for selector in step.approvers:
            try:
                some = listing.of(selector)
            except VendorError:
                some = None
            who = None if who is None or some is None else who | some
        if who is not None:
            who -= {person.email.casefold(), person.slack}
        found.append(_Deciding(step=step, who=None if who is None else tuple(sorted(who))))
    return tuple(found)


def _comes(found: Explained, also: tuple[str, ...]) -> Comes:
    return Comes.DENY if also else found.comes


def _json(
    question: Question, found: Explained, also: tuple[str, ...], deciding: tuple[_Deciding, ...], shortest: timedelta
) -> dict[str, Any]:
    entitlement = question.entitlement
    decides = found.policy_of(entitlement)
    return {
        "email": question.requester.email,
        "slack": question.requester.slack,
        "entitlement": entitlement.id,
        "duration": compact(question.duration),
        "at": rfc3339(question.at),
        "emergency": question.emergency,
        "verdict": str(_comes(found, also)),
        "rule": found.rule or None,
        "policy": decides.name,
        "refusals": [*found.refusals, *also],
        "rules": [
            {"name": look.rule.name, "effect": str(look.rule.effect), "failed": look.missed or None}
            for look in found.looks
        ],
        "steps": [
            {
                "name": one.step.name or None,
                "approvals": one.step.approvals,
                "approvers": [str(selector) for selector in one.step.approvers],
                "who": None if one.who is None else list(one.who),
                "timeout": compact(one.step.timeout) if one.step.timeout else None,
                "escalation": [str(selector) for selector in one.step.escalation],
            }
            for one in deciding
        ],
        "tickets": [{"pattern": n.pattern, "named": n.found or None, "check": n.check or None} for n in found.named],
        "durations": [compact(each) for each in policy.durations_offered(decides, shortest)],
        "default_duration": compact(explaining.usual_duration(entitlement, emergency=question.emergency)),
        "max_duration": compact(_longest(question, decides)),
    }


def _longest(question: Question, decides: Policy) -> timedelta:
    emergency = question.entitlement.policy.emergency if question.emergency else None
    return (
        min(decides.max_duration, question.entitlement.policy.max_duration)
        if emergency is None
        else (emergency.max_duration)
    )


def _print(
    question: Question,
    found: Explained,
    also: tuple[str, ...],
    deciding: tuple[_Deciding, ...],
    unseen: int,
    shortest: timedelta,
) -> None:
    console = Console(highlight=False, soft_wrap=True)
    entitlement, comes = question.entitlement, _comes(found, also)
    opens = f"{entitlement.permission_set} in {entitlement.account.name} {entitlement.account.id}"
    urgent = ", in an emergency" if question.emergency else ""
    asks = f"{question.requester.email} asks for {entitlement.id} ({opens})"

    def say(line: str, style: str = "") -> None:
        console.print(Text(plain(line), style=style))

    say(f"{asks} for {spoken(question.duration)} at {shown(question.at)}{urgent}.")
    say(_verdict(question, found, comes), _STYLES[comes])
    for sentence in (*found.refusals, *also):
        say(f"  {sentence}")
    if found.looks or unseen:
        say("Rules")
    for look in found.looks:
        why = "matches" if look.matches else f"does not match: {look.missed}"
        say(f"  {'→' if look.matches else '·'} “{look.rule.name}” ({_DOES[look.rule.effect]}) {why}")
    if unseen:
        say(f"  · {unseen:,} after it {'was' if unseen == 1 else 'were'} not looked at")
    for number, one in enumerate(deciding, 1):
        say(f"Step {number}{f', {one.step.name}' if one.step.name else ''}: {_step(one)}")
    for name in found.named:
        checked = f", and {name.check} is asked about it" if name.check else ""
        say(f"Named in the reason like {name.pattern}: {name.found or 'nothing'}{checked}")
    say(_times(question, found, shortest))


def _verdict(question: Question, found: Explained, comes: Comes) -> str:
    decides = found.policy_of(question.entitlement)
    by = f"rule “{found.rule}”" if found.rule else f"policy “{decides.name}”"
    if comes is Comes.DENY:
        return (
            f"Refused{f' by the {by}' if found.rule and found.verdict and found.verdict.effect is Effect.DENY else ''}:"
        )
    if question.emergency and question.entitlement.policy.emergency is not None:
        return f"Approved at once, by the emergency policy “{question.entitlement.policy.emergency.name}”."
    if comes is Comes.APPROVE:
        return f"Approved at once, by the {by}."
    many = decides.approvals
    return f"Takes {many} {'approval' if many == 1 else 'approvals'} by the policy “{decides.name}”" + (
        f", to which the {by} leads." if found.rule else "."
    )


def _step(one: _Deciding) -> str:
    who = ", ".join(map(str, one.step.approvers))
    now = "who they are is looked up at the click" if one.who is None else f"now {', '.join(one.who) or 'nobody'}"
    late = ""
    if one.step.timeout is not None:
        then = f"also {', '.join(map(str, one.step.escalation))}" if one.step.escalation else "it expires"
        late = f"; after {spoken(one.step.timeout)} {then}"
    return f"{one.step.approvals} of {who} ({now}){late}"


def _times(question: Question, found: Explained, shortest: timedelta) -> str:
    decides = found.policy_of(question.entitlement)
    usual = explaining.usual_duration(question.entitlement, emergency=question.emergency)
    told = f"Durations: {spoken(usual)} unless chosen, at most {spoken(_longest(question, decides))}"
    if not question.emergency:
        told += f"; offered: {', '.join(compact(each) for each in policy.durations_offered(decides, shortest))}"
    if decides.per_day is not None:
        told += f"; {spoken(decides.per_day)} in 24 hours"
    if decides.cool_down:
        told += f"; {spoken(decides.cool_down)} pause after an end"
    return f"{told}."
