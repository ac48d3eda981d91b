"""Attacks on the mapping: two Google groups that lead to one Identity Center group."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from accessbot.domain.model import GrantState
from tests.support.world import World

TWIN = "aws-production-admin@other.example.com"


def add_twin(world: World) -> None:
    """Map a second Google group, whose local part is the same, to what production-admin opens."""
    admin = world.catalog.now.entitlements["production-admin"]
    twin = replace(admin, id="production-twin", group=TWIN)
    world.google.add_group(TWIN)
    world.aws_groups[TWIN] = world.aws_groups[admin.group]
    entitlements = MappingProxyType({**world.catalog.now.entitlements, twin.id: twin})
    world.catalog.now = replace(world.catalog.now, entitlements=entitlements)


def test_the_end_of_one_grant_takes_nothing_from_a_grant_through_another_google_group(world: World) -> None:
    """One Identity Center group belongs to one Google group: the second one is closed, so nothing is counted apart."""
    add_twin(world)
    first = world.granted("maya", "production-admin", "1h")
    second = world.granted("maya", "production-twin", "8h")
    world.end(first)
    held = world.grant(second)
    assert held.state is GrantState.PROVISION_FAILED or world.in_aws("maya", "production-twin")
    assert held.state is not GrantState.ACTIVE or world.in_aws("maya", "production-twin")


def test_a_second_google_group_on_the_same_identity_center_group_is_closed(world: World) -> None:
    """The operators and the requester are told which two groups collide; the first one goes on."""
    add_twin(world)
    assert world.granted("maya").state is GrantState.ACTIVE
    second = world.granted("noah", "production-twin")
    assert second.state is GrantState.PROVISION_FAILED
    assert "aws-production-admin@example.com" in second.failure
    assert "mapping_wrong" in world.notifier.posted
    assert world.granted("noah").state is GrantState.ACTIVE
