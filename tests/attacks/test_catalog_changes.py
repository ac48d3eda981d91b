"""Attacks by changing the catalog under a request: approvers say yes to what they read, and to nothing else."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from accessbot.domain.model import Entitlement, RequestState
from tests.support.company import slack_id
from tests.support.world import World


def turn(world: World, into: Entitlement) -> None:
    """Bring a catalog into force in which a known name stands for something else."""
    entitlements = MappingProxyType({**world.catalog.now.entitlements, into.id: into})
    world.catalog.publish(replace(world.catalog.now, entitlements=entitlements))
    world.catalog.refresh()


@pytest.mark.parametrize("what", ["account", "permission_set", "group"])
def test_a_yes_is_to_what_the_card_said(world: World, what: str) -> None:
    """A name that was turned into another account, permission set or group is not granted on the old request."""
    request = world.ask("maya")
    admin, other = (world.catalog.now.entitlements[name] for name in ("production-admin", "payments-admin"))
    match what:
        case "account":
            changed = replace(admin, account=other.account)
        case "permission_set":
            changed = replace(admin, permission_set="Owner")
        case _:
            changed = replace(admin, group=other.group)
    turn(world, changed)
    assert world.approve("priya", request).state is RequestState.DENIED
    assert list(world.ctx.store.grants()) == []
    assert "changed since it was asked" in world.notifier.answers(slack_id("priya"))[-1]


def test_other_words_for_the_same_access_do_not_close_a_request(world: World) -> None:
    """A new description leaves what was asked for as it is."""
    request = world.ask("maya")
    turn(world, replace(world.catalog.now.entitlements["production-admin"], description="Mind the traffic"))
    assert world.approve("priya", request).state is RequestState.APPROVED
