"""Faults at every single call to a vendor, and crashes at every single call of a process: what holds afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from accessbot.domain.errors import (
    Missing,
    NotAuthorised,
    Refused,
    StoreUnavailable,
    Unavailable,
    Unclear,
    VendorError,
)
from accessbot.domain.model import ClickAction, GrantState
from accessbot.service import ending
from tests.support.company import slack_id
from tests.support.watch import STORE, Killed, Step, Watch
from tests.support.world import World, new_world

if TYPE_CHECKING:
    from collections.abc import Callable

FAULTS: dict[str, VendorError] = {
    "unavailable": Unavailable("Google", "call", "It is down."),
    "not authorised": NotAuthorised("Google", "call", "It is not allowed."),
    "missing user": Missing("Google", "call", "There is no such user.", what="user"),
    "missing group": Missing("Google", "call", "There is no such group.", what="group"),
}
_FEW = (("unavailable", True), ("not authorised", False))
CASES = [((), name, False) for name in FAULTS] + [
    (standing, name, applied)
    for standing in ((), ("google",), ("aws",), ("google", "aws"))
    for name, applied in _FEW
    if standing or applied
]
"""Who was a member where before, what fails, and whether it took effect before it failed."""

ONCE = {
    "request.submitted",
    "request.announced",
    "request.approved",
    "request.denied",
    "grant.provisioning",
    "grant.intent",
    "grant.active",
    "grant.revoking",
    "grant.revoked",
    "grant.provision_failed",
}


def vendor_calls(step: Step) -> bool:
    """Count the calls to the vendors only."""
    return step.whom != STORE


def each_event_once(world: World) -> bool:
    """Tell whether no step of any record was logged twice."""
    steps = [(event.subject, event.action) for event in world.ctx.store.audit() if event.action in ONCE]
    return len(steps) == len(set(steps))


def with_standing(world: World, standing: tuple[str, ...]) -> tuple[bool, bool]:
    """Make maya a member before she asks; gives what has to be there for ever."""
    for side in standing:
        world.put("maya", side)
    return world.sides("maya")


def calls_of(life: Callable[[World], None], counted: Callable[[Step], bool] = vendor_calls) -> int:
    """Count the calls that a life makes when all goes well."""
    with new_world() as world:
        world.watch = _counting(world.watch, counted)
        life(world)
        return world.watch.count


def _counting(watch: Watch, counted: Callable[[Step], bool]) -> Watch:
    watch.counted = counted
    return watch


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
    for standing, name, applied in CASES:
        for place in range(calls):
            with new_world() as world:
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
    world.settle()
    assert world.sides("maya") == before, case
    assert each_event_once(world), case
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
    for standing, name, applied in CASES:
        for place in range(calls):
            with new_world() as world:
                before = with_standing(world, standing)
                world.watch.fail_at(place, FAULTS[name], applied=applied)
                end(world)
                world.watch.rest()
                case = f"{name} applied={applied} at {place} of {standing}"
                assert [g.state for g in world.ctx.store.grants()] == [GrantState.REVOKED], case
                assert world.sides("maya") == before, case
                assert each_event_once(world), case


def test_a_vendor_that_is_down_throughout_delays_and_nothing_more() -> None:
    """With each vendor down for a while, before access and again at its end, the life goes on afterwards."""
    for vendor in ("google", "aws"):
        with new_world() as world:
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
            assert each_event_once(world)


def live_on(world: World) -> None:
    """Live a whole life; what was not confirmed is done again: a form is sent again, a button pressed once more."""
    for step in (
        lambda: world.ask("maya", duration="20s", ask_id="form-1"),
        lambda: world.press("priya", ClickAction.APPROVE, _only_request(world)),
        world.run_until_idle,
        lambda: world.advance(timedelta(seconds=50)),
    ):
        while True:
            try:
                step()
            except Killed:
                world.restart()
            except (StoreUnavailable, Unclear):
                world.advance(timedelta(seconds=1))
            except Refused as refusal:
                assert "approved" in refusal.sentence  # noqa: PT017 - what is said to whoever presses again
                assert "Too late" not in refusal.sentence  # noqa: PT017 - it was this very person who approved
                break
            else:
                break


def _only_request(world: World) -> str:
    world.advance(timedelta(seconds=12))  # whatever a killed worker held is free again
    return next(iter(world.ctx.store.requests())).id


def _killing(watch: Watch) -> Callable[[Step], None]:
    return lambda _: watch.kill()


def _away(_: Watch) -> Callable[[Step], None]:
    return _raising(StoreUnavailable("The store is away."))


def _unclear(_: Watch) -> Callable[[Step], None]:
    return _raising(Unclear("Nobody knows."))


def _raising(error: Exception) -> Callable[[Step], None]:
    def strike(_: Step) -> None:
        raise error

    return strike


def lived_through(place: int, standing: tuple[str, ...], trouble: Callable[[Watch], Callable[[Step], None]]) -> None:
    """Live a life in which one call meets with trouble, and see that it comes to the same end."""
    with new_world() as world:
        before = with_standing(world, standing)
        strike = trouble(world.watch)

        def at(step: Step) -> None:
            if step.place == place and (trouble is _killing or step.whom == STORE):
                strike(step)

        if trouble is _unclear:
            world.watch.after = at
        else:
            world.watch.before = at
        live_on(world)
        world.watch.rest()
        case = f"{trouble.__name__} at {place} of {standing}"
        grants = list(world.ctx.store.grants())
        assert [grant.state for grant in grants] == [GrantState.REVOKED], case
        assert world.sides("maya") == before, case
        assert each_event_once(world), case
        assert list(dict.fromkeys(world.notifier.notices(slack_id("maya")))) == ["ready", "ended"], case
        assert world.due_of(grants[0].id) == [], case


def test_a_crash_at_any_call_of_a_life_changes_nothing_in_the_end() -> None:
    """Killed at any call, to the store or to a vendor, another process goes on, and the life is the same life."""
    calls = calls_of(live_on, lambda _: True)
    assert calls > 100
    for place in range(calls):
        lived_through(place, ("google",) if place % 4 == 0 else (), _killing)


@pytest.mark.parametrize("trouble", [_away, _unclear])
def test_a_store_that_does_not_answer_any_one_call_changes_nothing_in_the_end(
    trouble: Callable[[Watch], Callable[[Step], None]],
) -> None:
    """Refused before it wrote, or silent after it did: nothing happens twice, nothing is lost, and no winner loses."""
    for place in range(calls_of(live_on, lambda _: True)):
        lived_through(place, (), trouble)
