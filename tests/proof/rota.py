"""On-call schedules in the lives that are lived at the risk of a crash."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from accessbot.domain.oncall import Feed, RotationGrant, Schedule, Shift
from accessbot.service import ticking
from tests.support import clock
from tests.support.company import email

if TYPE_CHECKING:
    from tests.fakes.oncall import FakeFeeds
    from tests.proof.story import Story

_ROTA = "payments"


def feeds(story: Story) -> FakeFeeds:
    """Give what stands outside."""
    return cast("FakeFeeds", story.world.ctx.feeds)


def say(story: Story, *shifts: tuple[str, int, int]) -> None:
    """Have the feed say who is on call, from when to when, in seconds since the story began."""
    start = clock.START
    found = (
        Shift(who=email(who), begins=start + timedelta(seconds=begins), ends=start + timedelta(seconds=ends))
        for who, begins, ends in shifts
    )
    feeds(story).put(_ROTA, *found)


def offer(story: Story, *entitlements: str) -> None:
    """Have the catalog give these to whoever is on call; without any it has no schedule."""
    world = story.world
    feed = Feed(address="https://rota.example.com", zone=ZoneInfo("Europe/Stockholm"))
    schedules = {_ROTA: Schedule(name=_ROTA, source=feed)} if entitlements else {}
    given = (RotationGrant(schedule=_ROTA, entitlements=entitlements),) if entitlements else ()
    world.catalog.now = replace(world.catalog.now, hash=story.new_id(), schedules=schedules, rotation_grants=given)
    with world.watch.aside():
        ticking.plan_rotas(world.ctx.store, world.catalog.now)
    story.work()
