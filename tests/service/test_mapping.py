"""Mappings: a group opens exactly what the catalog says, or nothing is granted on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from accessbot.domain.model import Grant, GrantState
from accessbot.domain.notices import NoticeKind
from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change
from tests.support import company
from tests.support.company import slack_id
from tests.support.world import World

ADMIN = "arn:aws:sso:::permissionSet/ssoins-0000000000000000/ps-0000000000000000"
EXTRA = "arn:aws:sso:::permissionSet/ssoins-0000000000000000/extra"


def attempt(world: World) -> Grant:
    """Ask, have it approved, and give whatever became of the grant."""
    return world.grant(world.approve("priya", world.ask("maya")).grant_id)


def group_id(world: World) -> str:
    """Give the Identity Center group of production-admin."""
    return world.aws_groups["aws-production-admin@example.com"]


def assert_nothing_was_granted(world: World, grant: Grant) -> None:
    """Nothing is left, the requester knows, the operators know."""
    assert grant.state is GrantState.PROVISION_FAILED
    assert world.sides("maya") == (False, False)
    assert world.google.calls("add") == []
    assert world.notifier.notices(slack_id("maya"))[-1] is NoticeKind.FAILED
    assert "provision_failed" in world.notifier.posted


@pytest.mark.parametrize("wrong", ["less", "more", "another account"])
def test_a_group_that_opens_something_else_grants_nothing_until_it_is_mended(world: World, wrong: str) -> None:
    """One assignment less or more stops the grant before any write and alerts; mended, the next one works."""
    extra = (group_id(world), "222233334444" if wrong == "another account" else "111122223333", EXTRA)
    if wrong == "less":
        world.aws.unassign(group_id(world), "111122223333", ADMIN)
    else:
        world.aws.assign(*extra)
    grant = attempt(world)
    assert_nothing_was_granted(world, grant)
    assert "mapping_wrong" in world.notifier.posted
    assert "closed for new grants" in grant.failure
    if wrong == "less":
        world.aws.assign(group_id(world), "111122223333", ADMIN)
    else:
        world.aws.unassign(*extra)
    assert attempt(world).state is GrantState.ACTIVE
    assert [a.resolved for a in world.notifier.alerts if a.kind == "mapping_wrong"][-1]


def test_a_group_that_aws_does_not_have_grants_nothing(world: World) -> None:
    """Without an Identity Center group of that name there is no grant, and the reason names it."""
    world.aws.delete_group(group_id(world))
    grant = attempt(world)
    assert grant.state is GrantState.PROVISION_FAILED
    assert "aws-production-admin" in grant.failure
    assert world.google.calls("add") == []


def test_two_groups_of_one_name_are_not_guessed_between(world: World) -> None:
    """An ambiguous name is a refusal."""
    world.aws.add_group("aws-production-admin")
    assert_nothing_was_granted(world, attempt(world))


def test_a_group_that_was_made_anew_is_not_followed(world: World) -> None:
    """A group of the same name with another GroupId grants nothing and is told, until the catalog names it."""
    world.end(attempt(world))
    world.aws.delete_group(group_id(world))
    anew = world.aws.add_group("aws-production-admin")
    world.aws.assign(anew, "111122223333", ADMIN)
    grant = attempt(world)
    assert grant.state is GrantState.PROVISION_FAILED
    world.aws_groups["aws-production-admin@example.com"] = anew
    world.advance(timedelta(seconds=30))
    assert world.sides("maya") == (False, False)
    assert "mapping_wrong" in world.notifier.posted
    old = world.catalog.now.entitlements["production-admin"]
    world.catalog.now = company.having(world.catalog.now, replace(old, identity_center_group=anew))
    assert attempt(world).state is GrantState.ACTIVE
    assert world.sides("maya") == (True, True)


def test_a_mapping_is_read_before_the_first_grant_and_then_daily(world: World) -> None:
    """Within a day it is not read again; after a day it is, by itself, and a fault found then is told."""
    for who in ("maya", "noah"):
        assert world.granted(who, duration="8h").state is GrantState.ACTIVE
    assert len(world.aws.calls("opens")) == 1
    world.clock.move(timedelta(hours=7))
    world.aws.assign(group_id(world), "111122223333", EXTRA)
    world.clock.move(timedelta(hours=17))
    world.run_until_idle()
    assert len(world.aws.calls("opens")) == 2
    assert world.notifier.posted == ["mapping_wrong"]


def test_what_a_sweep_has_read_is_read_again_before_the_first_grant(world: World) -> None:
    """A fault made between a sweep and the first grant stops that grant."""
    world.ctx.store.commit(
        Change(op="sweep", due=(Due(Work(WorkKind.SWEEP, "aws-production-admin@example.com"), world.clock.now),))
    )
    world.run_until_idle()
    world.aws.unassign(group_id(world), "111122223333", ADMIN)
    assert_nothing_was_granted(world, attempt(world))


def test_a_group_that_disappears_is_told_at_the_daily_look(world: World) -> None:
    """A mapped group that is gone closes its entitlement and is told once; it is looked at daily, not all the time."""
    world.end(attempt(world))
    world.aws.delete_group(group_id(world))
    world.advance(timedelta(hours=30))
    assert world.notifier.posted == ["mapping_wrong"]
    assert len(world.aws.calls("find_group")) < 10
    assert attempt(world).state is GrantState.PROVISION_FAILED


def test_a_live_grant_ends_by_the_ids_it_was_made_with(world: World) -> None:
    """Whatever the catalog says by then, the memberships that were made are the ones removed."""
    grant = attempt(world)
    world.catalog.now = company.without(world.catalog.now, "production-admin")
    ended = world.end(grant)
    assert ended.state is GrantState.REVOKED
    assert world.google.emails("aws-production-admin@example.com") == frozenset()
    assert world.aws.inside(group_id(world)) == frozenset()
