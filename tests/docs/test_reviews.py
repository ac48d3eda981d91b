"""What the documentation tells of reviews and delegations is what the code does."""

from __future__ import annotations

import re

from accessbot.domain.records import ReviewState
from accessbot.service import delegating, owners, reviewing
from tests.docs import pages
from tests.service.emergencies import BREAK_GLASS, DAY, allow, ask_for, over, review_of
from tests.support.company import slack_id
from tests.support.world import World

REVIEWS = pages.section(pages.OPERATION, "Reviews of emergencies")
STANDING_IN = pages.section(pages.OPERATION, "Somebody stands in")


def test_every_state_of_a_review_is_told() -> None:
    """Each state stands in the table with what follows, and no other."""
    rows = pages.table(REVIEWS, "state")
    assert [pages.ticked(name)[0] for name, *_ in rows] == list(ReviewState)
    assert all(means and follows for _, means, follows in rows)


def test_every_event_of_a_review_is_told(world: World) -> None:
    """What two reviews leave in the log, one justified and one not, is what the table lists."""
    allow(world)
    for verdict in reviewing.STATES:
        review = review_of(world, ask_for(world, "maya"))
        world.press("priya", verdict, review.id, "too early")
        world.run_until_idle()
        world.end(world.grant(review.grant_id))
        world.press("priya", verdict, review.id, "because")
        world.run_until_idle()
    logged = {event.action for event in world.ctx.store.audit() if event.action.startswith("review.")}
    listed = {name for event, _ in pages.table(REVIEWS, "event") for name in pages.ticked(event)}
    assert listed == logged


def test_how_many_owners_are_pinged_is_told() -> None:
    """The page has the code's own figure."""
    assert f"({owners.MOST_PINGED} people at most" in REVIEWS


def test_the_closers_are_those_of_the_table(world: World) -> None:
    """An owner and an administrator close a review; the holder and a stranger do not, nor anybody too early."""
    allow(world)
    closed = {}
    for who in ("priya", "ines", "maya", "cto"):
        review = review_of(world, over(world, "maya"))
        world.press(who, next(iter(reviewing.STATES)), review.id)
        world.run_until_idle()
        closed[who] = review_of(world, world.grant(review.grant_id)).closed_by == slack_id(who)
        world.clock.now += BREAK_GLASS.within
    assert closed == {"priya": True, "ines": True, "maya": False, "cto": False}


def test_the_bounds_of_delegations_are_told() -> None:
    """For how long and from when on decisions can be left to somebody is the code's own."""
    figures = [int(found) for found in re.findall(r"(\d+)\s+days", STANDING_IN)]
    assert figures == [delegating.LONGEST // DAY, delegating.LATEST_BEGIN // DAY]
