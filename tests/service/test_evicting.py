"""Out-of-band members: reported, removed or adopted as the catalog says, and never too many at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessbot.domain.groups import ALL_GROUPS
from accessbot.domain.notices import AlertKind
from accessbot.service import evicting, reconciling
from tests.service.sweeping import (
    ADMIN,
    MINUTE,
    PAYMENTS,
    actions,
    group_of,
    often,
    policy,
    put,
    roster,
    sweep,
)
from tests.support.company import email
from tests.support.world import World


@pytest.fixture(autouse=True)
def _often(world: World) -> None:
    often(world)


# --- out of band ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["google", "aws"])
def test_out_of_band_members_are_reported_in_one_message(world: World, side: str) -> None:
    """A new member without a grant is told to the operators once, by name and side, and told again when over."""
    sweep(world)
    world.put("noah", side)
    for _ in range(3):
        sweep(world)
    assert world.sides("noah") == (side == "google", side == "aws")
    assert world.notifier.posted == ["drift"]
    (alert,) = world.notifier.alerted(AlertKind.DRIFT)
    assert f"noah@example.com ({'Google' if side == 'google' else 'AWS'})" in alert.headline
    world.drop("noah", side)
    sweep(world)
    assert world.notifier.posted == ["drift"]
    assert world.notifier.alerted(AlertKind.DRIFT)[-1].resolved


def test_out_of_band_members_are_removed_where_the_catalog_says_so(world: World) -> None:
    """With `remove` they go from both sides, logged before it is done, and told; holders and standing members stay."""
    policy(world, "remove")
    put(world, "ines")
    sweep(world)
    world.granted("maya", duration="1h")
    put(world, "noah")
    sweep(world)
    assert world.sides("noah") == (False, False)
    assert world.sides("maya") == world.sides("ines") == (True, True)
    assert actions(world, "membership.removed") == ["out of band: noah@example.com (Google and AWS)"]
    assert world.notifier.posted == ["evicted"]
    sweep(world)
    assert roster(world).strangers == ()


def test_a_member_who_comes_back_is_another_removal(world: World) -> None:
    """Each removal has its own event, and counts for the brake."""
    policy(world, "remove")
    sweep(world)
    for _ in range(3):
        put(world, "noah")
        sweep(world)
    assert world.sides("noah") == (False, False)
    assert len(actions(world, "membership.removed")) == 3
    put(world, "noah")
    sweep(world)
    assert world.sides("noah") == (True, True)
    assert "brake" in world.notifier.posted


def test_out_of_band_members_are_adopted_where_the_catalog_says_so(world: World) -> None:
    """With `adopt` they count as standing from then on, which is logged and not alerted."""
    policy(world, "adopt")
    sweep(world)
    put(world, "noah")
    sweep(world)
    policy(world, "remove")
    sweep(world)
    assert world.sides("noah") == (True, True)
    assert actions(world, "membership.adopted") == ["noah@example.com (Google and AWS)"]
    assert world.notifier.alerts == []


def test_an_operator_adopts_what_was_reported(world: World) -> None:
    """Adopted by hand, a reported member is standing, the message says it is over, and the log names the operator."""
    sweep(world)
    put(world, "noah")
    sweep(world)
    adopted = reconciling.adopt(world.ctx, group_of(world), operator="cli:ada")
    world.run_until_idle()
    assert [each.who for each in adopted] == [email("noah")]
    assert [e.actor for e in world.ctx.store.audit() if e.action == "membership.adopted"] == ["cli:ada"]
    assert world.notifier.alerted(AlertKind.DRIFT)[-1].resolved
    assert reconciling.adopt(world.ctx, group_of(world), operator="cli:ada") == ()


def test_somebody_granted_meanwhile_is_not_removed(world: World) -> None:
    """Between the look and the removal a grant may begin: then the membership is wanted, and stays."""
    policy(world, "remove")
    sweep(world)
    put(world, "maya")
    seen = reconciling.look(world.ctx, group_of(world))
    assert seen is not None
    world.granted("maya", duration="1h")
    evicting.evict(world.ctx, group_of(world), seen.members, seen.verdict.strangers)
    assert world.sides("maya") == (True, True)


def test_a_removal_that_fails_is_tried_again_and_counted_once(world: World) -> None:
    """While Google refuses to remove, AWS's side is gone already; later both are, in one logged removal."""
    policy(world, "remove")
    sweep(world)
    put(world, "noah")
    world.google.fail("remove", times=None)
    sweep(world)
    assert world.sides("noah") == (True, False)
    world.google.recover()
    world.advance(2 * MINUTE)
    assert world.sides("noah") == (False, False)
    assert len(actions(world, "membership.removed")) == 1


# --- the brake --------------------------------------------------------------------------------------------------------


CROWD = ("maya", "noah", "priya", "tomas")


def test_too_many_removals_stop_before_the_first(world: World) -> None:
    """Four strangers at once in a small group are not removed: the brake is on, and told once, with what to do."""
    policy(world, "remove")
    sweep(world)
    put(world, *CROWD)
    sweep(world)
    sweep(world)
    assert all(world.sides(who) == (True, True) for who in CROWD)
    assert world.notifier.posted == ["brake"]
    assert actions(world, "membership.removed") == []
    (alert,) = world.notifier.alerted(AlertKind.BRAKE)
    assert "maya@example.com" in alert.headline
    assert "--release" in alert.action


def test_the_brake_holds_until_an_operator_releases_it(world: World) -> None:
    """Hours later nobody is removed still; released, all go, and the message says that it is over."""
    policy(world, "remove")
    sweep(world)
    put(world, *CROWD)
    world.advance(timedelta(hours=3))
    assert all(world.sides(who) == (True, True) for who in CROWD)
    assert evicting.release(world.ctx, group_of(world), operator="cli:ada")
    assert evicting.release(world.ctx, ALL_GROUPS, operator="cli:ada") is False
    world.advance(MINUTE)
    held = world.ctx.store.roster(ALL_GROUPS)
    if held is not None and held.braked_at is not None:
        assert evicting.release(world.ctx, ALL_GROUPS, operator="cli:ada")
        world.advance(MINUTE)
    assert all(world.sides(who) == (False, False) for who in CROWD)
    assert world.notifier.alerted(AlertKind.BRAKE)[-1].resolved


def test_the_brake_counts_all_groups_together(world: World) -> None:
    """Two here and two there within an hour are too many of all."""
    policy(world, "remove")
    for entitlement in (ADMIN, PAYMENTS):
        sweep(world, entitlement)
    put(world, "noah", "ines")
    sweep(world)
    assert world.sides("noah") == (False, False)
    put(world, "noah", "ines", entitlement=PAYMENTS)
    sweep(world, PAYMENTS)
    assert world.sides("noah", PAYMENTS) == (True, True)
    assert f"brake:{ALL_GROUPS}" in {f"brake:{a.subject}" for a in world.notifier.alerted(AlertKind.BRAKE)}


def test_the_brake_never_holds_up_an_end(world: World) -> None:
    """With the brake on a grant still ends, and what comes back of it is still removed."""
    policy(world, "remove")
    sweep(world)
    grant = world.granted("cto", duration="5m")
    put(world, *CROWD)
    sweep(world)
    assert world.sides("noah") == (True, True)
    world.end(grant)
    assert world.sides("cto") == (False, False)
    world.put("cto", "aws")
    world.advance(timedelta(seconds=16))
    assert world.sides("cto") == (False, False)
