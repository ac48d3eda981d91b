"""Emergencies in the company of the tests: leads own them, maya, noah and the leads may have them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

from accessbot.domain.model import Grant, Selector, SelectorKind
from accessbot.domain.records import Review
from accessbot.domain.rules import Emergency
from accessbot.service import asking, schedule
from tests.support import company
from tests.support.company import email, slack_id
from tests.support.world import World

DAY = timedelta(days=1)
HALF_AN_HOUR = timedelta(minutes=30)

BREAK_GLASS = Emergency(
    name="break-glass",
    eligible=(*(Selector(SelectorKind.USER, email(name)) for name in ("maya", "noah")), company.LEADS),
    owners=(company.LEADS,),
    incident=r"INC-\d+",
    default_duration=HALF_AN_HOUR,
    max_duration=timedelta(hours=1),
)


def allow(world: World, emergency: Emergency | None = BREAK_GLASS) -> None:
    """Have the catalog in force allow such emergencies for `production-admin`, or none at all."""
    old = world.catalog.now
    changed = replace(old.entitlements["production-admin"].policy, emergency=emergency)
    entitlement = replace(old.entitlements["production-admin"], policy=changed)
    policies = MappingProxyType({**old.policies, changed.name: changed})
    world.catalog.now = replace(company.having(old, entitlement), policies=policies)


def ask_for(world: World, who: str = "maya", reason: str = "INC-42 all is down") -> Grant:
    """Ask for an emergency, let the workers do all that follows, and give the grant as it is then."""
    asked = asking.ask(
        world.ctx,
        ask_id=world.unique(),
        requester=slack_id(who),
        entitlement="production-admin",
        duration=HALF_AN_HOUR,
        reason=reason,
        emergency=True,
    )
    world.run_until_idle()
    return world.grant(world.request(asked).grant_id)


def over(world: World, who: str = "maya") -> Grant:
    """Have an emergency that its holder ends at once."""
    return world.end(ask_for(world, who))


def review_of(world: World, grant: Grant) -> Review:
    """Read the review of an emergency."""
    found = world.ctx.store.review(schedule.review_of(grant))
    assert found is not None
    return found
