"""Trouble at every single call that a life makes: the process is killed, or the store is away, or it stays silent."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from accessbot.domain.errors import Refused, StoreUnavailable, Unclear
from accessbot.domain.model import ClickAction, GrantState
from tests.support.company import slack_id
from tests.support.watch import STORE, Killed, Step
from tests.support.world import World, new_world

if TYPE_CHECKING:
    from collections.abc import Callable


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


def calls_of_a_life() -> list[Step]:
    """List the calls that a life makes when all goes well."""
    with new_world() as world:
        live_on(world)
        return world.watch.steps


def lived_through(
    call: Step, *, before: Callable[[World], None] | None = None, after: Callable[[World], None] | None = None
) -> None:
    """Live a life in which one call meets with trouble, and see that it comes to the same end."""

    def at(strike: Callable[[World], None] | None) -> Callable[[Step], None]:
        return lambda step: strike(world) if strike is not None and step.place == call.place else None

    with new_world() as world:
        if call.place % 4 == 0:
            world.put("maya", "google")
        there = world.sides("maya")
        world.watch.before, world.watch.after = at(before), at(after)
        live_on(world)
        world.watch.rest()
        grants = list(world.ctx.store.grants())
        assert [grant.state for grant in grants] == [GrantState.REVOKED], call
        assert world.sides("maya") == there, call
        assert world.has_each_step_once(), call
        assert list(dict.fromkeys(world.notifier.notices(slack_id("maya")))) == ["ready", "ended"], call
        assert world.due_of(grants[0].id) == [], call


def _kill(world: World) -> None:
    world.watch.kill()


def _away(_: World) -> None:
    msg = "The store is away."
    raise StoreUnavailable(msg)


def _silent(_: World) -> None:
    msg = "Nobody knows whether that was written."
    raise Unclear(msg)


def test_a_crash_at_any_call_of_a_life_changes_nothing_in_the_end() -> None:
    """Killed at any call, to the store or to a vendor, another process goes on, and the life is the same life."""
    calls = calls_of_a_life()
    assert len(calls) > 100
    for call in calls:
        lived_through(call, before=_kill)


def test_a_store_that_is_away_for_any_one_call_loses_nothing() -> None:
    """A call that the store refuses is made up for, by the person where it was theirs, else by a worker later."""
    for call in calls_of_a_life()[::2]:
        if call.whom == STORE:
            lived_through(call, before=_away)


def test_a_store_that_stays_silent_after_any_one_write_doubles_nothing() -> None:
    """Of a write that was made and never answered nothing happens twice, and no winner is told that he lost."""
    for call in calls_of_a_life():
        if (call.whom, call.method) == (STORE, "write"):
            lived_through(call, after=_silent)
