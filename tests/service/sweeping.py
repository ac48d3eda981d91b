"""What tests of sweeps do and look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change

if TYPE_CHECKING:
    from accessbot.domain.groups import Roster
    from accessbot.domain.model import Entitlement
    from tests.support.world import World

MINUTE = timedelta(minutes=1)
ADMIN, PAYMENTS = "production-admin", "payments-admin"


def often(world: World) -> None:
    """Have every group swept each minute."""
    world.ctx = replace(world.ctx, terms=replace(world.ctx.terms, sweep_period=MINUTE))


def group_of(world: World, entitlement: str = ADMIN) -> str:
    """Give the Google group of an entitlement."""
    return entitlement_of(world, entitlement).group


def entitlement_of(world: World, name: str = ADMIN) -> Entitlement:
    """Give an entitlement of the catalog in force."""
    return world.catalog.now.entitlements[name]


def policy(world: World, reconcile: str) -> None:
    """Have the catalog say what becomes of out-of-band members."""
    world.catalog.now = replace(world.catalog.now, reconcile=reconcile)


def sweep(world: World, entitlement: str = ADMIN) -> None:
    """Look at a group now, and let the workers do what follows."""
    work = Work(WorkKind.SWEEP, group_of(world, entitlement))
    world.ctx.store.commit(Change(op=world.unique(), due=(Due(work, world.clock.now),)))
    world.run_until_idle()


def roster(world: World, entitlement: str = ADMIN) -> Roster:
    """Read a group's roster."""
    found = world.ctx.store.roster(group_of(world, entitlement))
    assert found is not None
    return found


def put(world: World, *people: str, entitlement: str = ADMIN) -> None:
    """Put people into a group on both sides, behind our back."""
    for who in people:
        world.put(who, "google", entitlement)
        world.put(who, "aws", entitlement)


def actions(world: World, action: str) -> list[str]:
    """List the reasons that the log gives for an action."""
    return [event.reason for event in world.ctx.store.audit() if event.action == action]
