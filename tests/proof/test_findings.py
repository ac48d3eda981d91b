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
