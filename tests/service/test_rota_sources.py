"""On call: what each kind of source, its failures, and the catalog mean for what goes with a shift."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from accessbot.domain.model import EndCause, Selector, SelectorKind
from accessbot.domain.oncall import Override, PagerDuty, Rotation, UserGroup
from tests.service.rotating import (
    ADMIN,
    DAY,
    HOUR,
    MINUTE,
    PAYMENTS,
    ROTA,
    SECOND,
    STOCKHOLM,
    away,
    book,
    feeds,
    garbage,
    live,
    of,
    offer,
    rotation,
    say,
    shift,
    sleep,
    user,
)
from tests.support.company import email, slack_id, without
from tests.support.world import World

# --- the feed


def test_a_feed_that_fails_keeps_its_last_word_until_that_is_too_old(world: World) -> None:
    """Shifts begin by what was last said; past the stated age none begins, and what is given ends at its own end."""
    first = world.clock.now
    say(
        world,
        shift(world, "maya", -MINUTE, 30 * MINUTE),
        shift(world, "noah", 20 * MINUTE, 2 * HOUR),
        shift(world, "maya", 90 * MINUTE, 3 * HOUR),
    )
    offer(world, ADMIN)
    feeds(world).trouble = away()
    world.advance(25 * MINUTE)
    assert live(world) == {("maya", ADMIN), ("noah", ADMIN)}
    world.advance(95 * MINUTE - SECOND)
    assert world.clock.now == first + 2 * HOUR - SECOND
    assert live(world) == {("noah", ADMIN)}
    world.advance(2 * SECOND)
    assert (live(world), world.sides("noah")) == (set(), (False, False))
    feeds(world).trouble = None
    world.advance(MINUTE)
    assert live(world) == {("maya", ADMIN)}
    assert of(world, "maya")[-1].expires_at == first + 3 * HOUR


def test_operators_hear_of_a_failing_feed_after_two_minutes_and_when_it_is_over(world: World) -> None:
    """A short failure is not told; a longer one once, again when nothing counts any more, and when it is over."""
    say(world, shift(world, "maya", -MINUTE, 3 * HOUR))
    offer(world, ADMIN, max_age=30 * MINUTE)
    for trouble, lasting in ((away(), MINUTE), (None, 5 * MINUTE), (garbage(), 2 * MINUTE - SECOND)):
        feeds(world).trouble = trouble
        world.advance(lasting)
    assert world.notifier.posted == []
    world.advance(5 * MINUTE)
    assert world.notifier.posted == ["schedule_stale"]
    assert "No calendar." in world.notifier.alerts[-1].headline
    assert "counts until" in world.notifier.alerts[-1].action
    world.advance(30 * MINUTE)
    assert len(world.notifier.alerts) == 2
    assert "Nobody counts as on call" in world.notifier.alerts[-1].action
    assert live(world) == {("maya", ADMIN)}
    feeds(world).trouble = None
    world.advance(MINUTE)
    assert world.notifier.alerts[-1].resolved
    assert world.notifier.posted == ["schedule_stale"]
    assert (book(world).fault, book(world).failing_since) == ("", None)


def test_a_feed_that_names_a_crowd_is_not_believed(world: World) -> None:
    """More people at once than any schedule has are an answer that is refused whole: its last word counts."""
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world, ADMIN)
    crowd = [replace(shift(world, "noah", -MINUTE, HOUR), who=f"p{number}@example.com") for number in range(51)]
    say(world, *crowd)
    world.advance(3 * MINUTE)
    assert live(world) == {("maya", ADMIN)}
    assert world.notifier.posted == ["schedule_stale"]
    assert "puts 51 people on call at once" in book(world).fault
    say(world, shift(world, "noah", -MINUTE, HOUR), *crowd[:5])
    world.advance(MINUTE)
    assert live(world) == {("noah", ADMIN)}


def test_a_feed_that_never_answered_gives_nothing(world: World) -> None:
    """Garbage from the start: nobody is on call, nobody is given anything, operators are told."""
    feeds(world).trouble = garbage()
    offer(world, ADMIN)
    world.advance(5 * MINUTE)
    assert (live(world), world.notifier.posted) == (set(), ["schedule_stale"])
    assert book(world).read_at is None


def test_a_feed_is_asked_twice_a_minute_however_often_shifts_change(world: World) -> None:
    """A shift's start within the half minute is looked at in time, by what was read before."""
    say(world, shift(world, "maya", 20 * SECOND, 50 * SECOND), shift(world, "noah", 55 * SECOND, 2 * MINUTE))
    offer(world, ADMIN)
    world.advance(21 * SECOND)
    assert live(world) == {("maya", ADMIN)}
    world.advance(99 * SECOND)
    assert feeds(world).asked == [ROTA] * 5


# --- rotations and user groups


def test_a_rotation_hands_over_at_its_hour(world: World) -> None:
    """Access passes from one to the next at the hand-over, and to whoever an override names."""
    begins = world.clock.now.astimezone(STOCKHOLM).replace(tzinfo=None)
    override = Override(who=user("tomas"), begins=begins + 90 * MINUTE, ends=begins + 2 * HOUR)
    offer(world, ADMIN, source=rotation(world, user("maya"), user("noah"), overrides=(override,)))
    assert live(world) == {("maya", ADMIN)}
    world.advance(HOUR + SECOND)
    assert live(world) == {("noah", ADMIN)}
    world.advance(HOUR / 2)
    assert live(world) == {("tomas", ADMIN)}
    assert (world.sides("noah"), world.sides("tomas")) == ((False, False), (True, True))
    world.advance(HOUR / 2)
    assert live(world) == {("maya", ADMIN)}
    assert len(of(world, "noah")) == 1


def test_a_rotation_over_a_group_goes_by_its_members(world: World) -> None:
    """Members take turns by address; while Google does not answer, those known last take them."""
    group = Selector(SelectorKind.GROUP, "sre-leads@example.com")
    offer(world, ADMIN, source=rotation(world, group))
    assert live(world) == {("priya", ADMIN)}
    world.advance(HOUR - MINUTE)
    world.google.fail("members", times=None)
    world.advance(2 * MINUTE)
    assert live(world) == {("tomas", ADMIN)}
    assert book(world).fault


def test_a_rotation_of_one_goes_on_without_an_end(world: World) -> None:
    """Whoever is always on call has one grant that is prolonged, not one for each turn."""
    offer(world, ADMIN, source=rotation(world, user("maya")))
    for _ in range(6):
        sleep(world, HOUR / 2)
    (grant,) = of(world, "maya")
    assert grant.expires_at > world.clock.now + 12 * HOUR
    assert world.actions(grant.id).count("grant.rescheduled") == 0


def test_a_night_shift_over_a_change_of_clocks_is_held_by_the_wall_clock(world: World) -> None:
    """From eight to eight in the night that has eleven hours, access is there for exactly those eleven."""
    world.clock.now = datetime(2027, 3, 27, 18, 0, tzinfo=UTC)
    since = datetime(2027, 3, 27, 8, 0)  # noqa: DTZ001 - a wall clock's
    offer(
        world,
        ADMIN,
        source=Rotation(people=(user("maya"), user("noah")), every=12 * HOUR, since=since, zone=STOCKHOLM),
    )
    world.advance(HOUR + SECOND)
    (grant,) = of(world, "noah")
    assert grant.expires_at == datetime(2027, 3, 28, 6, 0, tzinfo=UTC)
    assert grant.approved_at == datetime(2027, 3, 27, 19, 0, tzinfo=UTC)
    sleep(world, 11 * HOUR - 2 * SECOND)
    assert (world.sides("maya"), world.sides("noah")) == ((False, False), (True, True))
    world.advance(2 * SECOND)
    assert (world.sides("maya"), world.sides("noah")) == ((True, True), (False, False))


def test_a_user_group_holds_as_long_as_one_is_in_it(world: World) -> None:
    """Within a minute of coming access is there, within a minute of leaving it is gone; it lasts a day at most."""
    world.slack.groups["S1"] = frozenset({slack_id("maya")})
    offer(world, ADMIN, source=UserGroup(id="S1"))
    assert of(world, "maya")[0].expires_at == world.clock.now + DAY
    world.slack.groups["S1"] = frozenset({slack_id("noah")})
    world.advance(MINUTE)
    assert live(world) == {("noah", ADMIN)}
    assert (world.sides("maya"), world.sides("noah")) == ((False, False), (True, True))
    world.slack.groups["S1"] = frozenset({slack_id("maya"), slack_id("noah")})
    sleep(world, 13 * HOUR)
    assert live(world) == {("maya", ADMIN), ("noah", ADMIN)}
    assert [len(of(world, who)) for who in ("maya", "noah")] == [2, 1]
    assert of(world, "noah")[0].expires_at > world.clock.now + 11 * HOUR


def test_pagerduty_is_read_as_a_feed_is(world: World) -> None:
    """A schedule of PagerDuty gives shifts too."""
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world, ADMIN, source=PagerDuty(id="PABC"))
    assert live(world) == {("maya", ADMIN)}


# --- the catalog


def test_what_goes_with_a_schedule_follows_the_catalog(world: World) -> None:
    """An entitlement that is added is given, one that is taken out of the list ends, at the next look."""
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world, ADMIN)
    offer(world, PAYMENTS)
    world.advance(SECOND)
    assert live(world) == {("maya", PAYMENTS)}
    assert (world.sides("maya"), world.sides("maya", PAYMENTS)) == ((False, False), (True, True))
    assert of(world, "maya")[0].end_cause is EndCause.SHIFT_OVER


def test_a_schedule_that_leaves_the_catalog_takes_what_it_gave(world: World) -> None:
    """All that was given for it ends within half a minute, and the alert about its source is over."""
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world, ADMIN)
    feeds(world).trouble = away()
    world.advance(3 * MINUTE)
    world.catalog.now = replace(world.catalog.now, hash="other", schedules={}, rotation_grants=())
    world.advance(MINUTE)
    assert (live(world), world.sides("maya")) == (set(), (False, False))
    assert world.notifier.alerts[-1].resolved
    assert world.due_of(f"rota|{ROTA}") == []


def test_a_feed_that_fails_does_not_keep_what_the_catalog_took_back(world: World) -> None:
    """Also while nobody knows who is on call, what is not offered any more ends."""
    say(world, shift(world, "maya", -MINUTE, 5 * HOUR))
    offer(world, ADMIN, PAYMENTS)
    feeds(world).trouble = away()
    world.advance(2 * HOUR)
    assert live(world) == {("maya", ADMIN), ("maya", PAYMENTS)}
    offer(world, PAYMENTS)
    world.advance(SECOND)
    assert live(world) == {("maya", PAYMENTS)}


def test_a_worker_with_an_old_catalog_reads_it_again_before_it_takes_anything(world: World) -> None:
    """A process that has not seen the new file does not end what that file gives."""
    say(world, shift(world, "maya", -MINUTE, HOUR))
    old = world.catalog.now
    offer(world, ADMIN)
    world.catalog.publish(world.catalog.now)
    world.catalog.now = old
    world.advance(MINUTE)
    assert live(world) == {("maya", ADMIN)}


def test_an_entitlement_that_is_gone_is_given_to_nobody(world: World) -> None:
    """A rotation grant of something the catalog does not have any more ends, and is not tried again."""
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world, ADMIN)
    world.catalog.now = without(world.catalog.now, ADMIN)
    world.advance(MINUTE)
    assert live(world) == set()
    assert world.in_google("maya", "production-oncall") is False


def test_an_entitlement_that_opens_something_else_is_given_anew(world: World) -> None:
    """What was given under its name ends, and what the name means now is given."""
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world, ADMIN)
    payments = world.catalog.now.entitlements[PAYMENTS]
    changed = replace(world.catalog.now.entitlements[ADMIN], group=payments.group, account=payments.account)
    kept = dict(world.catalog.now.entitlements) | {ADMIN: changed}
    old_group = of(world, "maya")[0].google_group
    world.catalog.now = replace(world.catalog.now, entitlements=kept)
    world.advance(2 * MINUTE)
    assert live(world) == {("maya", ADMIN)}
    assert world.sides("maya") == (True, True)
    assert email("maya") not in world.google.emails(old_group)
