"""Leaving one's decisions in somebody's hands: when, to whom, and in whose stead that somebody decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accessbot.domain.errors import FieldRefused, Refused, Unavailable
from accessbot.domain.model import RequestState, SlackPerson
from accessbot.domain.records import Delegation
from accessbot.service import delegating
from tests.support.company import email, slack_id
from tests.support.world import World, new_world

DAY = timedelta(days=1)
PRIYA, NOAH, CTO = slack_id("priya"), slack_id("noah"), slack_id("cto")


def delegate(world: World, who: str = "priya", to: str = "noah", *, begins: float = 0, ends: float = 7) -> Delegation:
    """Leave the decisions of one person to another, between two times in days from now."""
    now = world.clock.now
    return delegating.delegate(
        world.ctx, person=slack_id(who), delegate=slack_id(to), begins=now + begins * DAY, ends=now + ends * DAY
    )


def stands_in_for(world: World, who: str = "noah") -> tuple[str, ...]:
    """Tell in whose stead somebody decides now."""
    return delegating.in_stead_of(world.ctx, slack_id(who), world.clock.now)


def test_a_delegate_stands_in_from_the_first_moment_to_the_last(world: World) -> None:
    """From the beginning on, up to but not at the end; and the log tells of it."""
    made = delegate(world, begins=1, ends=3)
    assert (made.key, made.delegate) == (PRIYA, NOAH)
    assert stands_in_for(world) == ()
    world.clock.now += DAY
    assert stands_in_for(world) == (PRIYA,)
    world.clock.now += 2 * DAY - timedelta(milliseconds=1)
    assert stands_in_for(world) == (PRIYA,)
    world.clock.now += timedelta(milliseconds=1)
    assert stands_in_for(world) == ()
    (event,) = world.events(PRIYA)
    assert (event.action, event.actor, event.person) == ("delegation.set", PRIYA, NOAH)


@pytest.mark.parametrize(
    ("begins", "ends", "field"),
    [(2, 1, "ends"), (1, 1, "ends"), (-2, -1, "ends"), (0, 30.01, "ends"), (1, 31.01, "ends"), (90.01, 91, "begins")],
)
def test_times_that_do_not_do_are_refused_on_their_field(world: World, begins: float, ends: float, field: str) -> None:
    """An end before the beginning or over already, more than 30 days, or a beginning more than 90 days ahead."""
    with pytest.raises(FieldRefused) as refused:
        delegate(world, begins=begins, ends=ends)
    assert refused.value.field == field
    assert world.ctx.store.delegation(PRIYA) is None


@pytest.mark.parametrize(("begins", "ends"), [(0, 30), (90, 120), (-5, 30)])
def test_the_longest_and_the_latest_are_taken(world: World, begins: float, ends: float) -> None:
    """Thirty days from now on or from ninety days ahead; a beginning in the past is now, as the log says."""
    made = delegate(world, begins=begins, ends=ends)
    assert made.begins == max(world.clock.now, world.clock.now + begins * DAY)


@pytest.mark.parametrize("to", ["priya", "other"])
def test_nobody_stands_in_for_themself(world: World, to: str) -> None:
    """Neither under the same Slack account nor under another with the same address."""
    world.slack.people[slack_id("other")] = SlackPerson(id=slack_id("other"), email=email("Priya"), name="other")
    with pytest.raises(FieldRefused) as refused:
        delegate(world, to=to)
    assert refused.value.field == "delegate"


@pytest.mark.parametrize("who", ["priya", "noah"])
def test_both_have_to_be_full_members(world: World, who: str) -> None:
    """Slack vouches for whoever is away and for whoever stands in, or nothing is stored; so while it does not tell."""
    world.slack.refused[slack_id(who)] = "Guests of the workspace cannot hold or decide on AWS access."
    with pytest.raises(Refused):
        delegate(world)
    world.slack.refused.clear()
    world.slack.trouble = Unavailable("Slack", "users.info", "away")
    with pytest.raises(Unavailable):
        delegate(world)
    assert world.ctx.store.delegation(PRIYA) is None


def test_another_delegation_takes_the_place_of_the_last(world: World) -> None:
    """One at a time per person: the first delegate stands in no more."""
    delegate(world)
    delegate(world, to="cto")
    assert stands_in_for(world) == ()
    assert stands_in_for(world, "cto") == (PRIYA,)


def test_a_form_that_is_sent_twice_is_one_delegation(world: World) -> None:
    """The same again, a moment later, is stored and logged once."""
    now = world.clock.now
    for _ in range(2):
        delegating.delegate(world.ctx, person=PRIYA, delegate=NOAH, begins=now, ends=now + DAY)
        world.clock.now += timedelta(seconds=3)
    assert len(world.events(PRIYA)) == 1


def test_decisions_are_taken_back_at_once(world: World) -> None:
    """From that moment on the delegate stands in no more; before it began, it never will."""
    delegate(world)
    taken = delegating.take_back(world.ctx, person=PRIYA)
    assert taken is not None
    assert taken.ends == world.clock.now
    assert stands_in_for(world) == ()
    assert delegating.take_back(world.ctx, person=PRIYA) is None
    delegate(world, begins=2, ends=3)
    delegating.take_back(world.ctx, person=PRIYA)
    world.clock.now += 2.5 * DAY
    assert stands_in_for(world) == ()
    assert len(world.events(PRIYA)) == 4


def test_nothing_to_take_back_is_fine(world: World) -> None:
    """Somebody who left nothing to anybody, or whose time away is over, changes nothing."""
    assert delegating.take_back(world.ctx, person=PRIYA) is None
    delegate(world, ends=1)
    world.clock.now += 1.5 * DAY
    assert delegating.take_back(world.ctx, person=PRIYA) is None
    assert len(world.events(PRIYA)) == 1


def test_several_may_leave_their_decisions_to_one(world: World) -> None:
    """Whoever is away, each decides through the same delegate; always in the same order."""
    delegate(world, "tomas")
    delegate(world, "priya")
    assert stands_in_for(world) == (PRIYA, slack_id("tomas"))


def test_a_delegate_decides(world: World) -> None:
    """A request is approved by whoever stands in for an approver, and its card tells for whom."""
    request = world.ask("maya")
    delegate(world)
    decided = world.approve("noah", request)
    assert decided.state is RequestState.APPROVED
    assert [(vote.approver, vote.for_email) for vote in decided.votes] == [(NOAH, email("priya"))]


def test_a_delegate_of_a_delegate_decides_nothing(world: World) -> None:
    """What was left to somebody they cannot leave to the next."""
    request = world.ask("maya")
    delegate(world, "priya", "noah")
    delegate(world, "noah", "ines")
    assert world.approve("ines", request).state is RequestState.PENDING


def test_nobody_decides_on_their_own_request_through_another(world: World) -> None:
    """Whoever asked is not let in by standing in for an approver, nor by having been left by one who is the asker."""
    request = world.ask("noah")
    delegate(world)
    assert world.approve("noah", request).state is RequestState.PENDING
    other = world.ask("priya")
    assert world.approve("noah", other).state is RequestState.PENDING


def test_a_policy_may_have_no_delegates(world: World) -> None:
    """Where the policy says so, only approvers themselves decide."""
    entitlement = world.catalog.now.entitlements["production-admin"]
    strict = replace(entitlement.policy, delegation=False)
    changed = replace(entitlement, policy=strict)
    policies = {**world.catalog.now.policies, strict.name: strict}
    entitlements = {**world.catalog.now.entitlements, changed.id: changed}
    world.catalog.now = replace(world.catalog.now, entitlements=entitlements, policies=policies)
    request = world.ask("maya")
    delegate(world)
    assert world.approve("noah", request).state is RequestState.PENDING


SPANS = st.floats(-100, 130, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(begins=SPANS, ends=SPANS, later=st.floats(0, 130, allow_nan=False))
def test_whatever_is_stored_is_within_bounds(begins: float, ends: float, later: float) -> None:
    """Every delegation begins now or later, is over within 30 days of that, and counts at no other time."""
    with new_world() as world:
        now = world.clock.now
        try:
            made = delegate(world, begins=begins, ends=ends)
        except FieldRefused:
            assert world.ctx.store.delegation(PRIYA) is None
            return
        assert now <= made.begins < made.ends <= made.begins + delegating.LONGEST
        assert made.begins <= now + delegating.LATEST_BEGIN
        at = now + later * DAY
        assert delegating.in_stead_of(world.ctx, NOAH, at) == ((PRIYA,) if made.begins <= at < made.ends else ())
