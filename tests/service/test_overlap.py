"""Grants that overlap, and members who were there before: what may be removed, and what never is."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from accessbot.domain.model import Grant, GrantState
from tests.support.world import SYNC_PERIOD, World, new_world

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


class Overlaps(RuleBasedStateMachine):
    """Grants of one person on one group, against a model: there if, and only if, wanted or standing before."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self.world = self._stack.enter_context(new_world())
        self.grants: list[Grant] = []
        self.standing = (False, False)

    def teardown(self) -> None:
        """Everything over: nothing is left but what was there before."""
        self.world.google.recover()
        self.world.aws.recover()
        self.world.advance(timedelta(hours=9))
        assert self.world.live() == []
        assert self.world.sides("maya") == self.standing
        assert self.world.has_each_step_once()
        self._stack.close()

    @initialize(google=st.booleans(), aws=st.booleans())
    def begin(self, google: bool, aws: bool) -> None:  # noqa: FBT001 - hypothesis gives them by name
        """Somebody may be a member already."""
        self.standing = (google, aws)
        for side, there in (("google", google), ("aws", aws)):
            if there:
                self.world.put("maya", side)

    @precondition(lambda self: len(self.wanted()) < 3)
    @rule(name=st.sampled_from(ONE), minutes=st.sampled_from([1, 5, 10, 30]))
    def grant(self, name: str, minutes: int) -> None:
        """Have one more grant approved."""
        self.grants.append(self.world.granted("maya", name, f"{minutes}m"))

    @precondition(lambda self: self.wanted())
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        """End one early."""
        self.world.end(data.draw(st.sampled_from(self.wanted())))

    @rule(seconds=st.sampled_from([1, 10, 60, 300, 1800]))
    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.world.advance(timedelta(seconds=seconds))

    @rule(vendor=st.sampled_from(["google", "aws"]), method=st.sampled_from(["add", "remove", "is_member"]))
    def blip(self, vendor: str, method: str) -> None:
        """Let one call to come fail, after it took effect."""
        getattr(self.world, vendor).fail(method, times=1, applied=True)

    @precondition(lambda self: not any(self.standing) and not self.wanted())
    @rule()
    def undo(self) -> None:
        """Let a sync bring a membership back that was just removed."""
        pair = self.world.ctx.store.pair(self.grants[-1].pair) if self.grants and self.grants[-1].pair else None
        if pair is None or pair.last_ended_at is None or self.world.clock.now >= pair.last_ended_at + SYNC_PERIOD:
            return
        self.world.put("maya", "aws")
        self.world.advance(SYNC_PERIOD)

    @rule(by=st.sampled_from(["google", "aws"]))
    def drift(self, by: str) -> None:
        """Let a sync drop what we put there; a standing member loses nothing by it."""
        side = ("google", "aws").index(by)
        if self.standing[side] or not self.wanted():
            return
        self.world.drop("maya", by)
        first = min(g.activated_at or g.starts_at for g in self.wanted())
        if self.world.clock.now - first > timedelta(minutes=4):
            self.world.put("maya", by)  # after the last look it would be gone for long, which is another test's matter
            return
        self.world.advance(timedelta(minutes=5))

    def wanted(self) -> list[Grant]:
        """List the grants that are active or coming."""
        now = [self.world.grant(grant) for grant in self.grants]
        return [grant for grant in now if grant.state in (GrantState.PROVISIONING, GrantState.ACTIVE)]

    @invariant()
    def nothing_of_a_standing_member_is_removed(self) -> None:
        """What was there before is there always."""
        google, aws = self.world.sides("maya")
        assert google >= self.standing[0]
        assert aws >= self.standing[1]

    @invariant()
    def whoever_is_active_is_in(self) -> None:
        """An active grant has both memberships; with no grant in any state but the ends, ours are gone."""
        live = self.world.live()
        if any(grant.state is GrantState.ACTIVE for grant in live):
            assert self.world.sides("maya") == (True, True)
        elif not live:
            assert self.world.sides("maya") == self.standing


class TestOverlaps(Overlaps.TestCase):  # type: ignore[misc,valid-type] # made by hypothesis
    """Run the machine."""

    settings = settings(max_examples=40, stateful_step_count=12, deadline=None)
