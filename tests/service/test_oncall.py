"""Who is on call, as approvals and rules ask: live where that is quick, else as last read, and never a guess."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from accessbot.domain.errors import Missing, Rejected, Unavailable
from accessbot.domain.errors import Refused as RuledOut
from accessbot.domain.model import Identity, Selector, SelectorKind
from accessbot.domain.oncall import UserGroup
from accessbot.service import authority, oncall
from tests.service.rotating import DAY, HOUR, MINUTE, ROTA, SECOND, feeds, offer, rotation, say, shift, sleep
from tests.support.company import LEADS, email, slack_id

if TYPE_CHECKING:
    from tests.support.world import World


def on_call(world: World) -> set[str]:
    """Ask who is on call."""
    return set(oncall.now(world.ctx, ROTA))


def test_a_feed_counts_as_last_read_for_its_age(world: World) -> None:
    """Whoever has the shift now by what was read last is on call; past the stated age nobody knows."""
    say(world, shift(world, "maya", -MINUTE, 20 * MINUTE), shift(world, "noah", 20 * MINUTE, 3 * HOUR))
    offer(world)
    assert on_call(world) == {email("maya")}
    feeds(world).trouble = Rejected("the iCal feed of payments", "GET", "No calendar.")
    sleep(world, HOUR)
    assert on_call(world) == {email("noah")}
    world.clock.now += 2 * SECOND
    with pytest.raises(Unavailable, match="Who is on call on “payments” is not known right now"):
        on_call(world)
    feeds(world).trouble = None
    world.advance(MINUTE)
    assert on_call(world) == {email("noah")}


def test_a_feed_that_was_never_read_is_not_an_empty_one(world: World) -> None:
    """Before the first reading nobody can tell; after one that says so, nobody is on call."""
    feeds(world).trouble = Unavailable("the iCal feed of payments", "GET", "The feed is down.")
    offer(world)
    with pytest.raises(Unavailable):
        on_call(world)
    feeds(world).trouble = None
    world.advance(MINUTE)
    assert on_call(world) == set()


def test_a_rotation_is_reckoned_at_once(world: World) -> None:
    """No worker has to have looked; the hand-over counts from its second on."""
    people = [Selector(SelectorKind.USER, email(name)) for name in ("maya", "noah")]
    offer(world, source=rotation(world, *people, every=DAY))
    world.clock.now += DAY - SECOND
    assert on_call(world) == {email("maya")}
    world.clock.now += SECOND
    assert on_call(world) == {email("noah")}


def test_a_rotation_over_a_group_asks_for_its_members(world: World) -> None:
    """Members who are users take turns by address, as they are now; while Google is away those known last count."""
    offer(world, source=rotation(world, LEADS, every=DAY))
    assert on_call(world) == {email("priya")}
    world.google.put(LEADS.value, email("ines"))
    assert on_call(world) == {email("ines")}
    world.google.fail("members", times=None)
    assert on_call(world) == {email("priya")}
    sleep(world, HOUR + 2 * SECOND)
    with pytest.raises(Unavailable):
        on_call(world)


def test_a_group_that_is_gone_is_not_an_empty_one(world: World) -> None:
    """Once its last word is too old, nobody can tell who is on call on a rotation over a group that is not there."""
    offer(world, source=rotation(world, Selector(SelectorKind.GROUP, "nowhere@example.com")))
    with pytest.raises(Unavailable):
        on_call(world)
    assert world.google.calls("members")


def test_a_user_group_is_asked_for_now(world: World) -> None:
    """Whoever is in it at this moment is on call, by Slack user id; while Slack is away, whoever was last."""
    world.slack.groups["S1"] = frozenset({slack_id("maya")})
    offer(world, source=UserGroup(id="S1"))
    world.slack.groups["S1"] = frozenset({slack_id("noah"), slack_id("tomas")})
    assert on_call(world) == {slack_id("noah"), slack_id("tomas")}
    world.slack.trouble = Unavailable("Slack", "usergroups.users.list", "Slack is down.")
    assert on_call(world) == {slack_id("maya")}
    world.slack.trouble = Missing("Slack", "usergroups.users.list", "No such group.", what="group")
    sleep(world, HOUR + 2 * SECOND)
    with pytest.raises(Unavailable):
        on_call(world)


def test_a_schedule_that_is_not_in_the_catalog_has_nobody(world: World) -> None:
    """Who asks for it is told that it is gone, which is a refusal and never a yes."""
    with pytest.raises(RuledOut, match="no on-call schedule “payments” in the catalog any more"):
        on_call(world)


def test_a_selector_covers_whoever_is_on_call_by_either_name(world: World) -> None:
    """A feed names people by address, a user group by Slack user id: both lead to the same person."""
    selector = Selector(SelectorKind.ON_CALL, ROTA)
    maya, noah = (Identity(slack=slack_id(n), name=n, email=email(n), google_id=n) for n in ("maya", "noah"))
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world)
    assert [authority.holds(world.ctx, who)(selector) for who in (maya, noah)] == [True, False]
    world.slack.groups["S1"] = frozenset({slack_id("noah")})
    offer(world, source=UserGroup(id="S1"))
    assert [authority.holds(world.ctx, who)(selector) for who in (maya, noah)] == [False, True]
