"""What tests of on-call schedules do and look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from accessbot.domain.errors import Rejected, Unavailable
from accessbot.domain.model import Selector, SelectorKind
from accessbot.domain.oncall import Feed, Override, PagerDuty, Rotation, RotationGrant, Schedule, Shift, UserGroup
from accessbot.service import ticking
from tests.fakes.oncall import FakeFeeds
from tests.support.company import email

if TYPE_CHECKING:
    from accessbot.domain.model import Grant
    from accessbot.domain.records import ShiftBook
    from tests.support.world import World

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ROTA = "payments"
ADMIN, PAYMENTS = "production-admin", "payments-admin"
STOCKHOLM = ZoneInfo("Europe/Stockholm")
FEED = Feed(address="PAYMENTS_ROTA_URL", zone=STOCKHOLM)


def user(name: str) -> Selector:
    """Name one person."""
    return Selector(SelectorKind.USER, email(name))


def rotation(
    world: World, *people: Selector, every: timedelta = HOUR, overrides: tuple[Override, ...] = ()
) -> Rotation:
    """Make a rotation whose first hand-over is now."""
    since = world.clock.now.astimezone(STOCKHOLM).replace(tzinfo=None)
    return Rotation(people=people, every=every, since=since, zone=STOCKHOLM, overrides=overrides)


def away() -> Unavailable:
    """Make the error of a feed that does not answer."""
    return Unavailable("the iCal feed of payments", "GET", "The feed is down.")


def garbage() -> Rejected:
    """Make the error of a feed that answers something else."""
    return Rejected("the iCal feed of payments", "GET", "No calendar.")


def offer(
    world: World,
    *entitlements: str,
    source: Rotation | Feed | UserGroup | PagerDuty = FEED,
    max_age: timedelta = HOUR,
) -> None:
    """Have the catalog define the schedule, and give these entitlements to whoever is on call on it."""
    schedule = Schedule(name=ROTA, source=source, max_age=max_age)
    given = (RotationGrant(schedule=ROTA, entitlements=entitlements),) if entitlements else ()
    world.catalog.now = replace(
        world.catalog.now,
        hash=world.catalog.now.hash + "+",
        schedules=MappingProxyType({ROTA: schedule}),
        rotation_grants=given,
    )
    look(world)


def look(world: World) -> None:
    """Have the clock see the catalog, and let the workers do what follows."""
    ticking.plan_rotas(world.ctx.store, world.catalog.now, world.unique())
    world.run_until_idle()


def sleep(world: World, by: timedelta) -> None:
    """Let time pass in which nobody works, and the workers take up what was due meanwhile."""
    world.run_until_idle()
    world.clock.now += by
    world.run_until_idle()


def feeds(world: World) -> FakeFeeds:
    """Give what stands outside."""
    return cast("FakeFeeds", world.ctx.feeds)


def say(world: World, *shifts: Shift) -> None:
    """Have the feed say these shifts, as of its next reading."""
    feeds(world).put(ROTA, *shifts)


def shift(world: World, who: str, begins: timedelta, ends: timedelta, *, since: datetime | None = None) -> Shift:
    """Make a shift between two times from now on, or from a time."""
    start = since or world.clock.now
    return Shift(who=email(who), begins=start + begins, ends=start + ends)


def book(world: World) -> ShiftBook:
    """Read what the schedule last said."""
    found = world.ctx.store.shift_book(ROTA)
    assert found is not None
    return found


def of(world: World, who: str, entitlement: str = ADMIN) -> list[Grant]:
    """List all the grants of a person to an entitlement, ended ones too, oldest first."""
    found = [g for g in world.ctx.store.grants() if g.email == email(who) and g.entitlement == entitlement]
    return sorted(found, key=lambda g: g.approved_at)


def live(world: World) -> set[tuple[str, str]]:
    """Tell who holds what for a shift now."""
    return {(g.email.partition("@")[0], g.entitlement) for g in world.ctx.store.grants_for(ROTA)}
