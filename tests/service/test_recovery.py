"""A process that dies at any call: whatever it held is taken up by another, and done, within seconds."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

import pytest

from accessbot.domain.errors import Interrupted, Unavailable
from accessbot.domain.model import ClickAction, GrantState, Request
from accessbot.service import ending
from tests.support.watch import STORE, Killed, Step
from tests.support.world import World, new_world

WORST = timedelta(seconds=6)
"""The most of claim, lease and hand-over, and a moment for the clock and the queue; without the calls themselves."""

SLOW = timedelta(seconds=3)
TICK = timedelta(milliseconds=50)


def pending(world: World) -> Request:
    """Ask, and press Approve: the press is stored, nothing was done yet."""
    request = world.ask("maya")
    world.press("priya", ClickAction.APPROVE, request.id)
    return request


def ending_early(world: World) -> Request:
    """Hold access, and press End access: the end is stored, nothing was done yet."""
    grant = world.granted("maya")
    ending.end_access(world.ctx, requester=grant.requester, grant_id=grant.id)
    return world.request(grant.request_id)


def die_at(world: World, place: int) -> datetime | None:
    """Let the workers work, each vendor's call taking seconds, and kill the process at its call of that place.

    Gives when it died, None when it had come to rest before.
    """
    died: list[datetime] = []

    def strike(step: Step) -> None:
        if step.whom != STORE:
            world.clock.move(SLOW)
        if step.place == place:
            died.append(world.clock.now)
            world.watch.kill()

    world.watch.count = 0
    world.watch.before = strike
    with suppress(Killed):
        world.run_until_idle()
    world.restart()
    return died[0] if died else None


def test_work_that_is_interrupted_is_given_back_at_once(world: World) -> None:
    """A process that leaves in the middle gives back claim and lease; another need not wait for either to run out."""
    request = pending(world)

    def cut(step: Step) -> None:
        if step.method == "add":
            world.watch.rest()
            raise Interrupted

    world.watch.before = cut
    before = world.clock.now
    world.run_until_idle()
    assert state_of(world, request) is GrantState.PROVISIONING
    world.advance(timedelta(milliseconds=200))
    assert state_of(world, request) is GrantState.ACTIVE
    assert world.clock.now - before < timedelta(seconds=1)


def test_news_does_not_wait_as_long_as_what_was_tried_in_vain(world: World) -> None:
    """What happens after half an hour without Slack is shown seconds after it is back, not a minute."""
    request = world.ask("maya")
    world.notifier.trouble = Unavailable("Slack", "chat.update", "Slack is down.")
    world.press("tomas", ClickAction.APPROVE, request.id)
    world.advance(timedelta(minutes=30))
    grant = world.grant(world.request(request).grant_id)
    ending.end_access(world.ctx, requester=grant.requester, grant_id=grant.id)
    world.advance(timedelta(seconds=2))
    assert world.grant(grant).state is GrantState.REVOKED
    world.notifier.trouble = None
    world.advance(timedelta(seconds=5))
    shown = [card.grant for card in world.notifier.cards if card.request.id == request.id]
    assert shown[-1] == world.grant(grant)


def state_of(world: World, request: Request) -> GrantState | None:
    """Give the state of the grant that a request has led to, None while there is none."""
    grant = world.ctx.store.grant(world.request(request).grant_id or "none")
    return grant.state if grant is not None else None


@pytest.mark.parametrize(
    ("begin", "wanted"), [(pending, GrantState.ACTIVE), (ending_early, GrantState.REVOKED)], ids=["begins", "ends"]
)
def test_what_a_dead_process_held_is_done_by_another_within_seconds(
    begin: Callable[[World], Request], wanted: GrantState
) -> None:
    """Killed at each call in turn, vendors slow and the queue lost: the next one waits for nothing for long."""
    worst = timedelta(0)
    for place in itertools.count():
        with new_world() as world:
            request = begin(world)
            died = die_at(world, place)
            if died is None:
                break
            while state_of(world, request) is not wanted:
                assert world.clock.now - died <= WORST, (place, world.due_index())
                world.advance(TICK)
            worst = max(worst, world.clock.now - died)
            assert world.has_each_step_once()
    assert place > 10
    assert timedelta(seconds=1) < worst <= WORST
    print(f"killed at {place} places: done by another after {worst.total_seconds():.2f} s at most")  # noqa: T201 - a figure
