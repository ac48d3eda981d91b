"""What is told of a request before it is made is what then becomes of it."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest

from accessbot.domain.durations import parse_duration
from accessbot.domain.errors import FieldRefused, Refused, Unavailable
from accessbot.domain.model import Request, RequestState, Selector, SelectorKind
from accessbot.domain.oncall import Rotation, Schedule, UserGroup
from accessbot.domain.records import EVERYTHING
from accessbot.domain.rules import Day, Effect, Hours, Rule, Ticket
from accessbot.domain.verdicts import Question
from accessbot.service import asking, authority, explaining, freezing
from accessbot.service.explaining import Comes, Explained
from tests.domain.ruling import STOCKHOLM
from tests.service import emergencies
from tests.service.policies import HOUR, approves, denies, ruled, two_steps, under, user
from tests.support import company
from tests.support.company import slack_id
from tests.support.world import World, new_world

WEEK = timedelta(days=7)
ON_CALL = Selector(SelectorKind.ON_CALL, "payments")
STATES = {RequestState.DENIED: Comes.DENY, RequestState.APPROVED: Comes.APPROVE, RequestState.PENDING: Comes.STEPS}
RULES = (
    denies("closed", "It is closed.", requesters=(user("noah"),)),
    denies("never so long", above=6 * HOUR),
    denies("on that day", hours=(Hours(days=frozenset({Day.TUE}), zone=STOCKHOLM),), expression="emergency"),
    approves("for leads", requesters=(company.LEADS,)),
    approves("short ones", at_most=HOUR, requesters=(user("maya"), user("noah"))),
    approves("named ones", expression='reason.contains("INC-")', requesters=(user("maya"),), above=HOUR),
    replace(approves("with a ticket", requesters=(user("maya"),)), ticket=Ticket(pattern=r"OPS-\d+")),
    Rule(
        name="needs a ticket",
        effect=Effect.POLICY,
        when=approves(at_most=3 * HOUR).when,
        ticket=Ticket(pattern="OPS-1"),
    ),
    replace(denies("fails", expression="1 / (reason.size() - 5) > 0"), reason="Odd."),
)


def explained(world: World, who: str, duration: timedelta, reason: str, *, emergency: bool = False) -> Explained:
    """Explain what would come of a request for production, with who could decide it."""
    ctx = world.ctx
    person = authority.identify(ctx, slack_id(who))
    question = Question(
        entitlement=world.catalog.now.entitlements["production-admin"],
        duration=duration,
        requester=person,
        at=ctx.store.now(),
        reason=reason,
        emergency=emergency,
    )
    holds = authority.holds(ctx, person)
    told = explaining.explain(world.catalog.now.rules, question, holds, ctx.expressions, ctx.terms.shortest)
    also = explaining.refusals_of_deciders(ctx, person, told)
    return replace(told, comes=Comes.DENY, refusals=(*told.refusals, *also)) if also else told


@pytest.mark.parametrize("seed", range(30))
def test_it_is_what_becomes_of_the_request(seed: int) -> None:
    """For any rules, person, duration and reason, the request is denied, approved or left to people as was told."""
    chance = random.Random(seed)  # noqa: S311 - chosen at random, and the same again
    with new_world() as world:
        under(world, steps=two_steps() if chance.random() < 0.3 else world.catalog.now.policies["sensitive"].steps)
        if chance.random() < 0.7:
            emergencies.allow(world)
        if chance.random() < 0.3:
            under(world, requesters=(company.LEADS, user("maya")))
        ruled(world, *chance.sample(RULES, chance.randint(0, 4)))
        who, emergency = chance.choice(["maya", "noah", "priya"]), chance.random() < 0.4
        duration = parse_duration(chance.choice(["30m", "1h", "2h", "7h", "9h"]))
        reason = chance.choice(["INC-42", "OPS-1 and INC-7", "five.", "other"])
        told = explained(world, who, duration, reason, emergency=emergency)
        asked: Request | None = None
        with suppress(FieldRefused):  # told on the form, before there is a request
            asked = asking.ask(
                world.ctx,
                ask_id=world.unique(),
                requester=slack_id(who),
                entitlement="production-admin",
                duration=duration,
                reason=reason,
                emergency=emergency,
            )
        if asked is None:
            assert told.comes is Comes.DENY
            return
        world.run_until_idle()
        request = world.request(asked)
        assert told.comes is STATES[request.state], f"{told.refusals} {request.decision_reason}"
        if request.state is RequestState.DENIED:
            assert any(sentence.rstrip(".") in request.decision_reason for sentence in told.refusals), told.refusals
        else:
            assert request.rule == told.rule


def on_call(world: World, source: Rotation | UserGroup) -> None:
    """Have the catalog define the schedule."""
    schedules = MappingProxyType({"payments": Schedule(name="payments", source=source)})
    world.catalog.now = replace(world.catalog.now, schedules=schedules)


def test_who_is_on_call_is_read_for_the_time(world: World) -> None:
    """A rotation tells who it will be; somebody else is it a week later."""
    begin = datetime(2026, 1, 5, 9, tzinfo=UTC)
    turns = Rotation(people=(user("maya"), user("noah")), every=WEEK, since=begin.replace(tzinfo=None), zone=STOCKHOLM)
    on_call(world, turns)
    later = begin + HOUR
    people = {who: authority.identify(world.ctx, slack_id(who)) for who in ("maya", "noah")}
    held = {
        (who, weeks): explaining.holds_at(world.ctx, person, later + weeks * WEEK)(ON_CALL)
        for who, person in people.items()
        for weeks in (0, 1)
    }
    assert held == {("maya", 0): True, ("maya", 1): False, ("noah", 0): False, ("noah", 1): True}
    assert explaining.holds_at(world.ctx, people["noah"], later)(user("noah"))


def test_an_unknown_schedule_is_refused(world: World) -> None:
    """It is no empty one."""
    with pytest.raises(Refused, match="no on-call schedule “payments”"):
        explaining.on_call(world.ctx, "payments", world.ctx.store.now())


def test_a_rule_that_cannot_be_judged_refuses(world: World) -> None:
    """An expression that fails is told as the reason to refuse, with its rule, and no rule decides."""
    ruled(world, denies("odd", expression="1 / (reason.size() - 5) > 0"))
    told = explained(world, "maya", HOUR, "five.")
    assert (told.comes, told.verdict, told.rule) == (Comes.DENY, None, "")
    assert "The rule “odd” cannot be judged" in told.refusals[0]
    assert told.policy_of(world.catalog.now.entitlements["production-admin"]).name == "sensitive"


def test_an_outage_gives_no_explanation(world: World) -> None:
    """While it cannot be told who is in a group, nothing is told."""
    ruled(world, approves(requesters=(company.LEADS,)))
    world.google.fail("holds")
    with pytest.raises(Unavailable):
        explained(world, "maya", HOUR, "INC-42")


def test_what_operators_hold_back_is_told_for_now(world: World) -> None:
    """A freeze and the total of a day refuse a request that policy and rules would let through."""
    policy = under(world, per_day=HOUR)
    world.granted("maya")
    person = authority.identify(world.ctx, slack_id("maya"))
    entitlement = world.catalog.now.entitlements["production-admin"]
    question = Question(entitlement=entitlement, duration=HOUR, requester=person, at=world.ctx.store.now(), reason="x")
    (limit,) = explaining.refusals_now(world.ctx, question, policy, world.ctx.store.now())
    assert "allows 1 h in 24 hours" in limit
    freezing.freeze(world.ctx, EVERYTHING, operator="cli:ines", reason="an audit")
    held_back, _ = explaining.refusals_now(world.ctx, question, policy, world.ctx.store.now())
    assert "an audit" in held_back
