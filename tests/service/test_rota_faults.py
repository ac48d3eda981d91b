"""Schedules looked at by two workers at once, by one that is killed, and while vendors fail: what holds afterwards."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from accessbot.domain.errors import Conflict, Unavailable, VendorError
from accessbot.domain.model import GrantState
from accessbot.service import rotas
from tests.service.rotating import ADMIN, HOUR, MINUTE, ROTA, SECOND, live, look, of, offer, say, shift
from tests.support.watch import STORE, Killed, Step, WatchedStore
from tests.support.world import World, new_world

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


def swapped(world: World) -> None:
    """Have maya on call, and noah take the shift without anybody having looked since."""
    begin = world.clock.now
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world, ADMIN)
    world.clock.now += 29 * SECOND
    world.run_until_idle()
    say(world, shift(world, "noah", -MINUTE, HOUR, since=begin))
    world.clock.now += 2 * SECOND


def calls_of_a_look() -> int:
    """Count the calls that a worker makes in a look that finds a swap."""
    with new_world(wide=True) as world:
        swapped(world)
        before = world.watch.count
        rotas.keep(world.ctx, ROTA)
        return world.watch.count - before


def noah_alone_holds_it(world: World, case: str) -> None:
    """Look whether access has passed from maya to noah, once each, and is taken from him in the end."""
    world.advance(MINUTE)
    assert live(world) == {("noah", ADMIN)}, case
    assert (world.sides("maya"), world.sides("noah")) == ((False, False), (True, True)), case
    assert [len(of(world, who)) for who in ("maya", "noah")] == [1, 1], case
    assert world.has_each_step_once(), case


def test_two_workers_at_once_make_one_grant() -> None:
    """Whenever another worker looks in the middle of a look, each change is made once."""
    calls = calls_of_a_look()
    assert calls > 10
    for place in range(calls):
        with new_world(wide=True) as world:
            swapped(world)

            def look_too(step: Step, world: World = world, at: int = world.watch.count + place) -> None:
                if step.place == at:
                    other = replace(world.ctx, store=WatchedStore(world.client, world.watch))
                    with world.watch.aside():
                        rotas.keep(other, ROTA)

            world.watch.before = look_too
            with suppress(Conflict):  # the worker would look again in a moment
                rotas.keep(world.ctx, ROTA)
            world.watch.rest()
            look(world)
            noah_alone_holds_it(world, f"at {place}")


def test_a_worker_that_is_killed_at_any_call_leaves_nothing_undone_or_doubled() -> None:
    """Killed before or after any call of a look, the next worker goes on with it."""
    for place in range(calls_of_a_look()):
        for after in (False, True):
            with new_world(wide=True) as world:
                swapped(world)
                strike = killer(world, world.watch.count + place)
                if after:
                    world.watch.after = strike
                else:
                    world.watch.before = strike
                with suppress(Killed):
                    world.run_until_idle()
                world.restart()
                noah_alone_holds_it(world, f"killed {'after' if after else 'before'} {place}")


def killer(world: World, at: int) -> Callable[[Step], None]:
    """Kill the process at a call."""

    def kill(step: Step) -> None:
        if step.place == at:
            world.watch.kill()

    return kill


def test_a_vendor_that_fails_at_any_call_delays_and_nothing_more() -> None:
    """With any one call failing, access passes on within a minute, and each step is taken once."""
    trouble: VendorError = Unavailable("Google", "call", "It is down.")
    with new_world(wide=True) as world:
        world.watch.counted = lambda step: step.whom != STORE
        swapped(world)
        first = world.watch.count
        world.advance(MINUTE)
        calls = world.watch.count - first
    for place in range(calls):
        with new_world(wide=True) as world:
            world.watch.counted = lambda step: step.whom != STORE
            swapped(world)
            world.watch.fail_at(first + place, trouble)
            world.advance(MINUTE)
            case = f"at {place}"
            assert live(world) == {("noah", ADMIN)}, case
            assert (world.sides("maya"), world.sides("noah")) == ((False, False), (True, True)), case
            assert [g.state for who in ("maya", "noah") for g in of(world, who)] == [
                GrantState.REVOKED,
                GrantState.ACTIVE,
            ], case
            assert world.has_each_step_once(), case


SHIFTS = st.lists(
    st.tuples(st.sampled_from(("maya", "noah", "tomas")), st.integers(-20, 20), st.integers(1, 40)), max_size=5
)
"""What a feed may say: who, from when and for how long, in minutes."""


@settings(max_examples=20)
@given(st.lists(st.tuples(SHIFTS, st.integers(60, 900)), min_size=1, max_size=5))
def test_whatever_a_feed_says_next_a_minute_later_it_is_so(said: list[tuple[list[tuple[str, int, int]], int]]) -> None:
    """However shifts are moved about, those and only those on call hold access, each once, until their shift's end."""
    with new_world() as world:
        offer(world, ADMIN)
        for shifts, seconds in said:
            begin = world.clock.now
            say(world, *(shift(world, who, after * MINUTE, (after + long) * MINUTE) for who, after, long in shifts))
            world.advance(seconds * SECOND)
            passed = seconds / 60
            on_call = {(who, ADMIN) for who, after, long in shifts if after <= passed < after + long}
            assert live(world) == on_call
            assert all(world.sides(who) == ((who, ADMIN) in on_call,) * 2 for who in ("maya", "noah", "tomas"))
            for grant in world.ctx.store.grants_for(ROTA):
                assert grant.expires_at == end_of(shifts, grant.email.partition("@")[0], passed, begin)
        assert world.has_each_step_once()


def end_of(shifts: list[tuple[str, int, int]], who: str, passed: float, begin: datetime) -> datetime:
    """Tell when the time on call ends that somebody is in, over shifts that touch or overlap."""
    at = passed
    while ends := [after + long for name, after, long in shifts if name == who and after <= at < after + long]:
        at = max(ends)
    return begin + at * MINUTE
