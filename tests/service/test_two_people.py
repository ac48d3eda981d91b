"""People who press at random: whatever they do and in whatever order, nothing is granted that too few others agreed to.

The judge knows nothing of how approvals are counted: from the log of presses and from who was what at which moment it
derives who truly agreed, and compares.
"""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType
from typing import TypeAlias

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accessbot.domain.errors import AccessbotError
from accessbot.domain.model import ClickAction, Request, RequestState
from accessbot.domain.rules import Step
from accessbot.service import asking, delegating, pressing
from tests.service.policies import HOUR, MANAGER, ask, under, user
from tests.support import company
from tests.support.company import email, slack_id
from tests.support.world import World, new_world

Move: TypeAlias = tuple[str, str, object, int]

PEOPLE = company.PEOPLE
POLICIES = MappingProxyType(
    {
        "two of the leads": (Step(approvers=(company.LEADS, company.CTO), approvals=2),),
        "manager, then a lead": (Step(approvers=(MANAGER,)), Step(approvers=(company.LEADS, company.CTO))),
        "the same people twice": (Step(approvers=(company.LEADS, user("ines"))), Step(approvers=(company.LEADS,))),
    }
)

who = st.sampled_from(PEOPLE)
approvers = st.sampled_from(("priya", "tomas", "cto", "ines"))
presses = st.tuples(st.just("press"), who, st.just(ClickAction.APPROVE), st.integers(0, 3))
delegations = st.tuples(st.just("delegate"), approvers, who, st.integers(1, 5))
moves = st.one_of(
    presses,
    presses,
    presses,
    st.tuples(st.just("ask"), who, st.one_of(st.none(), who), st.just(0)),
    presses,
    st.tuples(st.just("press"), who, st.sampled_from((ClickAction.DENY, ClickAction.ASK)), st.integers(0, 3)),
    delegations,
    st.tuples(st.just("join"), who, st.just(None), st.just(0)),
    st.tuples(st.just("leave"), who, st.just(None), st.just(0)),
    st.tuples(st.just("time"), who, st.just(None), st.integers(1, 90)),
)


def needed(steps: tuple[Step, ...]) -> int:
    """Give how many distinct people it takes."""
    return sum(step.approvals for step in steps)


def do(world: World, requests: list[Request], move: Move) -> None:
    """Make one move; a refusal is an answer like any other."""
    kind, person, other, number = move
    try:
        match kind:
            case "ask" if len(requests) < 4:
                given = {"asked_by": slack_id(str(other))} if other is not None else {}
                requests.append(ask(world, person, entitlement="payments-admin", **given))
                if other is not None:
                    asking.confirm(world.ctx, requester=slack_id(person), request_id=requests[-1].id)
            case "press" if requests and isinstance(other, ClickAction):
                subject = requests[number % len(requests)].id
                pressing.press(
                    world.ctx,
                    press_id=world.unique(),
                    action=other,
                    subject=subject,
                    actor=slack_id(person),
                    reason="so",
                )
            case "delegate":
                now = world.clock.now
                delegating.delegate(
                    world.ctx,
                    person=slack_id(person),
                    delegate=slack_id(str(other)),
                    begins=now,
                    ends=now + number * HOUR,
                )
            case "join":
                world.google.put(company.LEADS.value, email(person))
            case "leave":
                world.google.drop(company.LEADS.value, email(person))
            case "time":
                world.advance(timedelta(minutes=number))
            case _:
                pass
        world.run_until_idle()
    except AccessbotError:
        world.run_until_idle()


def check(world: World, request: Request, takes: int) -> None:
    """Whoever holds something had as many others agree as it takes: distinct, none of them asking or in their stead."""
    found = world.request(request)
    if found.state is not RequestState.APPROVED:
        assert not found.grant_id
        return
    own = {slack_id(name) for name in PEOPLE if slack_id(name) in (found.requester, found.asked_by)}
    own_emails = {email(name) for name in PEOPLE if slack_id(name) in own}
    agreed = [e.actor for e in world.events(found.id) if e.action in ("request.vote", "request.approved")]
    votes = found.votes
    names = [v.approver for v in votes]
    behind = [v.for_email or v.email for v in votes]
    assert len(votes) == takes
    assert len(set(names)) == len(names)
    assert len(set(behind)) == len(behind)
    assert not set(names) & own
    assert not set(behind) & own_emails
    assert not {v.email for v in votes} & ({v.for_email for v in votes} - {""})
    assert set(names) <= set(agreed)
    assert world.grant(found.grant_id).requester == found.requester


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    policy=st.sampled_from(sorted(POLICIES)),
    first=st.lists(delegations, min_size=0, max_size=4),
    script=st.lists(moves, min_size=10, max_size=40),
)
def test_nothing_is_granted_that_too_few_agreed_to(policy: str, first: list[Move], script: list[Move]) -> None:
    """Random people press, ask, delegate, come and go."""
    with new_world() as world:
        for name in ("maya", "noah", "priya"):
            world.google.set_manager(email(name), email("ines"))
        under(world, "payments-admin", steps=POLICIES[policy])
        requests = [ask(world, "maya", entitlement="payments-admin"), ask(world, "priya", entitlement="payments-admin")]
        for move in (*first, *script):
            do(world, requests, move)
        for request in requests:
            check(world, request, needed(POLICIES[policy]))
