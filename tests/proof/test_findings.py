"""What the crash explorer found, each as the shortest life that shows it."""

from __future__ import annotations

from datetime import timedelta

from accessbot.domain.model import GrantState
from tests.support.watch import SLACK, Step
from tests.support.world import new_world


def test_a_card_of_a_process_that_stood_still_is_brought_up_to_date() -> None:
    """Whoever posts an old state of a request over a newer one sees that, and posts what is so now."""
    with new_world(wide=True) as world:
        grant = world.granted("maya", duration="20s")

        def stand_still(step: Step) -> None:
            if (step.whom, step.method) == (SLACK, "show_card"):
                world.watch.rest()
                with world.watch.aside():
                    world.advance(timedelta(minutes=1))

        world.aws.fail("remove")
        world.watch.before = stand_still
        world.end(grant)
        shown = world.notifier.cards[-1].grant
        assert shown is not None
        assert shown.state is world.grant(grant).state is GrantState.REVOKED


def test_a_process_that_stood_still_logs_nothing_that_it_does_not_do() -> None:
    """Whoever read that a membership is missing, and wakes up after its grant ended, logs no putting back."""
    with new_world() as world:
        grant = world.granted("maya", duration="20s")
        world.drop("maya", "aws")

        def stand_still(step: Step) -> None:
            if (step.whom, step.method) == ("AWS", "is_member"):
                world.watch.rest()
                with world.watch.aside():
                    world.advance(timedelta(minutes=1))

        world.watch.before = stand_still
        world.advance(timedelta(seconds=15))
        assert world.grant(grant).state is GrantState.REVOKED
        ended = world.events(grant.id)[-1].seq
        assert [event.seq for event in world.events(grant.pair) if event.seq > ended] == []
        assert world.sides("maya") == (False, False)


def test_a_process_that_stood_still_logs_no_removal_again() -> None:
    """Whoever read that a membership came back, and wakes up after another removed it, does not log that once more."""
    with new_world() as world:
        grant = world.granted("maya", duration="20s")
        world.end(grant)
        world.put("maya", "aws")
        stalled: list[Step] = []

        def stand_still(step: Step) -> None:
            if (step.whom, step.method) == ("store", "write") and world.in_aws("maya") and not stalled:
                stalled.append(step)
                with world.watch.aside():
                    world.advance(timedelta(minutes=1))

        world.watch.before = stand_still
        world.advance(timedelta(minutes=2))
        assert stalled
        assert world.actions(grant.pair).count("membership.removed") == 1
        assert world.sides("maya") == (False, False)
