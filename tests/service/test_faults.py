"""Faults at every single call to a vendor, before and after it took effect: what holds afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from accessbot.domain.errors import Missing, NotAuthorised, Unavailable, VendorError
from accessbot.domain.model import ClickAction, GrantState
from accessbot.service import ending
from tests.support.company import slack_id
from tests.support.watch import STORE, Step
from tests.support.world import World, new_world

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE = timedelta(minutes=1)
FAULTS: dict[str, VendorError] = {
    "unavailable": Unavailable("Google", "call", "It is down."),
    "not authorised": NotAuthorised("Google", "call", "It is not allowed."),
    "missing user": Missing("Google", "call", "There is no such user.", what="user"),
    "missing group": Missing("Google", "call", "There is no such group.", what="group"),
}
CASES = [
    *(((), name, False) for name in FAULTS),
    *((standing, "unavailable", True) for standing in ((), ("google",), ("aws",), ("google", "aws"))),
]
"""Who was a member where before, what fails, and whether it took effect before it failed."""


def vendor_calls(step: Step) -> bool:
    """Count the calls to the vendors only."""
    return step.whom != STORE


def with_standing(world: World, standing: tuple[str, ...]) -> tuple[bool, bool]:
    """Make maya a member before she asks; gives what has to be there for ever."""
    for side in standing:
        world.put("maya", side)
    return world.sides("maya")


def calls_of(life: Callable[[World], None]) -> int:
    """Count the calls to vendors that a life makes when all goes well."""
    with new_world(sync_period=MINUTE) as world:
        life(world)
        return world.watch.count


def provision(world: World) -> None:
    """Have an announced request approved, and let the workers do what they can for a minute."""
    if not world.watch.count:
        world.watch.counted = lambda _: False
        request = world.ask("maya", duration="20m")
        world.watch.counted = vendor_calls
        world.press("priya", ClickAction.APPROVE, request.id)
    world.advance(timedelta(minutes=1))


def test_every_fault_while_access_is_prepared_leaves_it_whole_or_not_at_all() -> None:
    """Whichever call fails, and how: the grant becomes active, or fails with nothing left and the person told."""
    calls = calls_of(provision)
    assert calls > 12
    outcomes = set()
    for number, (standing, name, applied) in enumerate(CASES):
        for place in range(number % 2, calls, 2):  # each call meets half of the cases
            with new_world(sync_period=MINUTE) as world:
                before = with_standing(world, standing)
                world.watch.fail_at(place, FAULTS[name], applied=applied)
                provision(world)
                case = f"{name} applied={applied} at {place} of {standing}"
                outcomes.add(_prepared_or_nothing(world, before, case))
    assert outcomes == {GrantState.ACTIVE, GrantState.PROVISION_FAILED, None}


def _prepared_or_nothing(world: World, before: tuple[bool, bool], case: str) -> GrantState | None:
    world.watch.rest()
    grants = list(world.ctx.store.grants())
    state = grants[0].state if grants else None
    if state is GrantState.ACTIVE:
        assert world.sides("maya") == (True, True), case
    elif state is None:  # the press itself was refused, the request waits for another one
        assert world.notifier.answers(slack_id("priya")), case
        assert world.sides("maya") == before, case
    else:
        assert state is GrantState.PROVISION_FAILED, case
        assert world.sides("maya") == before, case
        assert world.notifier.notices(slack_id("maya"))[-1] == "failed", case
        assert "provision_failed" in world.notifier.posted, case
    world.advance(timedelta(minutes=22))
    assert world.sides("maya") == before, case
    assert world.has_each_step_once(), case
    assert world.live() == [], case
    return state


def end(world: World) -> None:
    """Have an active grant ended early, and let the workers do what they can for some minutes."""
    if not world.watch.count:
        world.watch.counted = lambda _: False
        grant = world.granted("maya", duration="2h")
        world.watch.counted = vendor_calls
        ending.end_access(world.ctx, requester=grant.requester, grant_id=grant.id)
    world.advance(timedelta(minutes=6))


def test_every_fault_while_access_is_taken_away_is_overcome() -> None:
    """Whichever call fails, and how: the grant ends as revoked, with nothing left but what was there before."""
    calls = calls_of(end)
    assert calls >= 4
    for number, (standing, name, applied) in enumerate(CASES):
        for place in range(number % 2, calls, 2):  # each call meets half of the cases
            with new_world(sync_period=MINUTE) as world:
                before = with_standing(world, standing)
                world.watch.fail_at(place, FAULTS[name], applied=applied)
                end(world)
                world.watch.rest()
                case = f"{name} applied={applied} at {place} of {standing}"
                assert [g.state for g in world.ctx.store.grants()] == [GrantState.REVOKED], case
                assert world.sides("maya") == before, case
                assert world.has_each_step_once(), case


def test_a_vendor_that_is_down_throughout_delays_and_nothing_more() -> None:
    """With each vendor down for a while, before access and again at its end, the life goes on afterwards."""
    for vendor in ("google", "aws"):
        with new_world(sync_period=MINUTE) as world:
            fake = getattr(world, vendor)
            request = world.ask("maya", duration="10m")
            fake.fail("*", times=None)
            world.press("priya", ClickAction.APPROVE, request.id)
            world.advance(timedelta(minutes=1))
            assert world.sides("maya")[1] is False
            fake.recover()
            world.advance(timedelta(seconds=20))
            grant = world.grant(world.request(request).grant_id)
            assert grant.state is GrantState.ACTIVE
            fake.fail("*", times=None)
            world.advance(timedelta(minutes=12))
            assert world.grant(grant).state is GrantState.REVOKING
            fake.recover()
            world.advance(timedelta(seconds=20))
            assert world.grant(grant).state is GrantState.REVOKED
            assert world.sides("maya") == (False, False)
            assert world.has_each_step_once()
