"""Attacks on the mapping: two Google groups that lead to one Identity Center group, together or one after the other."""

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


def rename(world: World, group: str) -> None:
    """Have the catalog carry production-admin, and what shares its group, by another Google group."""
    old = world.catalog.now.entitlements["production-admin"].group
    entitlements = {
        name: replace(each, group=group) if each.group == old else each
        for name, each in world.catalog.now.entitlements.items()
    }
    if group not in world.aws_groups:
        world.google.add_group(group)
        world.aws_groups[group] = world.aws_groups[old]
    world.catalog.now = replace(world.catalog.now, entitlements=MappingProxyType(entitlements))


def test_a_group_that_the_catalog_renames_waits_for_the_grants_of_the_old_one(world: World) -> None:
    """While a grant through the old group lives, or may come back, none begins through the new one."""
    first = world.granted("maya", duration="1h")
    rename(world, TWIN)
    refused = world.granted("maya")
    assert refused.state is GrantState.PROVISION_FAILED
    assert "have not all ended" in refused.failure
    world.end(first)
    assert world.granted("maya").state is GrantState.PROVISION_FAILED
    world.settle()
    second = world.granted("maya", duration="4h")
    assert second.state is GrantState.ACTIVE
    world.settle()
    assert world.sides("maya") == (True, True)


def test_a_group_that_the_catalog_renames_back_waits_too(world: World) -> None:
    """The old group, known as right for a day, is not granted on while a grant through the new one lives."""
    world.end(world.granted("maya", duration="5m"))
    old = world.catalog.now.entitlements["production-admin"].group
    world.settle()
    rename(world, TWIN)
    second = world.granted("maya", duration="4h")
    assert second.state is GrantState.ACTIVE
    rename(world, old)
    assert world.granted("noah").state is GrantState.PROVISION_FAILED
    assert world.in_aws("maya")
    world.end(second)
    world.settle()
    assert world.granted("noah").state is GrantState.ACTIVE
