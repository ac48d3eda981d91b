"""Grants that overlap, and members who were there before: what may be removed, and what never is."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from accessbot.domain.model import GrantState
from tests.support.world import SYNC_PERIOD, World

ONE = ("production-admin", "production-oncall")
"""Two entitlements that one Google group carries."""


def test_the_first_end_leaves_the_second_grant_alone(world: World) -> None:
    """Of two grants on one group the shorter one's end removes nothing; the membership goes with the longer one."""
    short, long = world.granted("maya", duration="30m"), world.granted("maya", duration="1h")
    world.advance(timedelta(minutes=30))
    assert world.grant(short).state is GrantState.REVOKED
    assert world.grant(short).kept == "overlap"
    assert world.sides("maya") == (True, True)
    world.advance(timedelta(minutes=30))
    assert world.grant(long).state is GrantState.REVOKED
    assert world.sides("maya") == (False, False)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_membership_goes_with_the_last_grant_whatever_the_order(world: World, order: tuple[int, ...]) -> None:
    """However three grants on one group, over two entitlements, end, the membership is there until the last one."""
    grants = [world.granted("maya", name, "1h") for name in (*ONE, ONE[0])]
    for left, which in enumerate(order, start=1):
        world.end(grants[which])
        assert world.sides("maya") == ((True, True) if left < 3 else (False, False))


def test_grants_that_end_in_the_same_instant_leave_nothing(world: World) -> None:
    """Two grants whose time is over at once both end, and the membership with them."""
    grants = [world.granted("maya", name, "30m") for name in ONE]
    world.advance(timedelta(minutes=30))
    assert [world.grant(g).state for g in grants] == [GrantState.REVOKED] * 2
    assert world.sides("maya") == (False, False)


def test_a_grant_right_after_the_end_of_another_is_its_own(world: World) -> None:
    """Asked for again at once, the membership is ours again, and gone again at the end."""
    for _ in range(3):
        grant = world.granted("maya")
        assert world.sides("maya") == (True, True)
        world.end(grant)
        assert world.sides("maya") == (False, False)


def test_what_a_sync_kept_between_two_grants_is_not_taken_for_standing(world: World) -> None:
    """A membership that a sync put back after the end is ours still, so the next grant's end removes it."""
    world.end(world.granted("maya"))
    world.put("maya", "aws")
    world.put("maya", "google")
    world.end(world.granted("maya"))
    assert world.sides("maya") == (False, False)


def test_a_crash_after_a_failed_grant_does_not_make_ours_theirs(world: World) -> None:
    """A membership we wrote and could not take back yet stays ours for the grant after it."""
    world.aws.fail("add", times=None)
    world.google.fail("remove", times=None)
    request = world.approve("priya", world.ask("maya", duration="5m"))
    world.advance(timedelta(minutes=5))
    assert world.sides("maya") == (True, False)
    world.google.recover()
    world.aws.recover()
    world.end(world.granted("maya"))
    world.advance(timedelta(minutes=1))
    assert world.grant(request.grant_id).state is GrantState.PROVISION_FAILED
    assert world.sides("maya") == (False, False)


@pytest.mark.parametrize("standing", [("google",), ("aws",), ("google", "aws")])
def test_a_standing_member_keeps_what_they_had(world: World, standing: tuple[str, ...]) -> None:
    """Each side's membership that was there before stays there afterwards; what was added is removed."""
    for side in standing:
        world.put("maya", side)
    before = world.sides("maya")
    grant = world.granted("maya", duration="5m")
    assert world.sides("maya") == (True, True)
    assert "was a member before" in world.events(grant.id)[-1].reason
    world.advance(timedelta(minutes=5))
    world.settle()
    assert world.sides("maya") == before
    assert world.grant(grant).kept == "standing"


def test_whoever_becomes_a_standing_member_afterwards_is_one(world: World) -> None:
    """Two sync periods after the last end an administrator's membership is read anew as somebody else's."""
    world.end(world.granted("maya"))
    world.advance(2 * SYNC_PERIOD + timedelta(minutes=1))
    world.put("maya", "google")
    world.end(world.granted("maya"))
    assert world.sides("maya") == (True, False)


def test_nobody_else_is_touched(world: World) -> None:
    """The first and the last of a group, and everybody beside, stay as they are."""
    world.put("noah", "google")
    world.put("noah", "aws")
    world.end(world.granted("maya"))
    assert world.sides("noah") == (True, True)
    assert world.google.emails("aws-production-admin@example.com") == {"noah@example.com"}
