"""On call: what goes with a shift is there from its start to its end, for exactly whoever has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from accessbot.domain import registers
from accessbot.domain.errors import Rejected, Unavailable
from accessbot.domain.model import EndCause, GrantState, RequestState, Selector, SelectorKind
from accessbot.domain.notices import NoticeKind
from accessbot.domain.oncall import Override, PagerDuty, Rotation, UserGroup
from accessbot.domain.work import Work, WorkKind
from accessbot.ports import Change
from accessbot.service import ending, ticking, working
from tests.service.rotating import (
    ADMIN,
    DAY,
    HOUR,
    MINUTE,
    PAYMENTS,
    ROTA,
    SECOND,
    STOCKHOLM,
    book,
    feeds,
    live,
    look,
    of,
    offer,
    say,
    shift,
    sleep,
)
from tests.support.company import email, slack_id, without
from tests.support.world import World


def user(name: str) -> Selector:
    """Name one person."""
    return Selector(SelectorKind.USER, email(name))


def rotation(
    world: World, *people: Selector, every: timedelta = HOUR, overrides: tuple[Override, ...] = ()
) -> Rotation:
    """Make a rotation whose first hand-over is now."""
    since = world.clock.now.astimezone(STOCKHOLM).replace(tzinfo=None)
    return Rotation(people=people, every=every, since=since, zone=STOCKHOLM, overrides=overrides)


# --- shifts begin and end


def test_a_shift_gives_access_from_its_start_to_its_end(world: World) -> None:
    """Within a second of the start both memberships are there, within a second of the end both are gone."""
    say(world, shift(world, "maya", 10 * MINUTE, 20 * MINUTE))
    offer(world, ADMIN, PAYMENTS)
    began = world.clock.now + 10 * MINUTE
    world.advance(10 * MINUTE - SECOND)
    assert live(world) == set()
    world.advance(2 * SECOND)
    assert live(world) == {("maya", ADMIN), ("maya", PAYMENTS)}
    assert world.sides("maya") == world.sides("maya", PAYMENTS) == (True, True)
    (grant,) = of(world, "maya")
    assert grant.state is GrantState.ACTIVE
    assert grant.expires_at == began + 10 * MINUTE
    world.advance(10 * MINUTE - 2 * SECOND)
    assert world.sides("maya") == (True, True)
    world.advance(2 * SECOND)
    assert world.sides("maya") == world.sides("maya", PAYMENTS) == (False, False)
    assert of(world, "maya")[0].end_cause is EndCause.EXPIRED
    assert world.has_each_step_once()


def test_nobody_is_asked_and_the_holder_is_told(world: World) -> None:
    """The request is approved by accessbot in the step that makes it; whoever is on call hears until when it lasts."""
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world, ADMIN)
    (grant,) = of(world, "maya")
    request = world.request(grant.request_id)
    assert (request.state, request.decided_by, request.schedule) == (RequestState.APPROVED, "accessbot", ROTA)
    assert request.reason == "On call on payments until 2026-11-24 11:00 UTC."
    assert world.actions(request.id) == ["request.submitted", "request.announced", "request.auto_approved"]
    assert world.notifier.notices(slack_id("maya")) == [NoticeKind.READY]
    told = world.notifier.last_notice(slack_id("maya")).grant
    assert told is not None
    assert told.expires_at == world.clock.now + HOUR
    assert world.notifier.cards[-1].request.id == request.id


def test_a_schedule_without_rotation_grants_is_read_all_the_same(world: World) -> None:
    """Who is on call is known for approvals and rules, and nobody is given anything."""
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world)
    world.advance(5 * MINUTE)
    assert book(world).read_at == world.clock.now
    assert live(world) == set()


def test_shifts_that_follow_one_another_are_one(world: World) -> None:
    """Whoever has two shifts in a row, or two that overlap, keeps one grant until the last of them ends."""
    say(world, shift(world, "maya", -MINUTE, HOUR), shift(world, "maya", HOUR / 2, 2 * HOUR))
    offer(world, ADMIN)
    (grant,) = of(world, "maya")
    assert grant.expires_at == world.clock.now + 2 * HOUR
    world.advance(HOUR + MINUTE)
    assert of(world, "maya") == [world.grant(grant)]
    assert world.sides("maya") == (True, True)


def test_two_people_at_once_hold_it_both(world: World) -> None:
    """Where shifts of two people overlap, each has a grant of their own, to the end of their own shift."""
    say(world, shift(world, "maya", -MINUTE, 10 * MINUTE), shift(world, "noah", 5 * MINUTE, HOUR))
    offer(world, ADMIN)
    world.advance(6 * MINUTE)
    assert live(world) == {("maya", ADMIN), ("noah", ADMIN)}
    world.advance(5 * MINUTE)
    assert live(world) == {("noah", ADMIN)}
    assert (world.sides("maya"), world.sides("noah")) == ((False, False), (True, True))


# --- changes of a shift


def test_a_swap_moves_access_within_a_minute(world: World) -> None:
    """Whoever gave a shift away loses the access, whoever took it gets it; the first ends as a shift that is over."""
    first = world.clock.now
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world, ADMIN)
    world.advance(70 * SECOND)
    assert live(world) == {("maya", ADMIN)}
    say(world, shift(world, "noah", -MINUTE, HOUR, since=first))
    world.advance(MINUTE)
    assert live(world) == {("noah", ADMIN)}
    assert (world.sides("maya"), world.sides("noah")) == ((False, False), (True, True))
    (taken,) = of(world, "maya")
    assert (taken.end_cause, taken.end_actor) == (EndCause.SHIFT_OVER, "accessbot")
    assert of(world, "noah")[0].expires_at == first + HOUR


def test_a_swap_that_is_taken_back_gives_the_access_again(world: World) -> None:
    """The same shift as before the swap is given anew, as nobody ended it on purpose."""
    first = world.clock.now
    for who in ("maya", "noah", "maya", "noah"):
        say(world, shift(world, who, -MINUTE, HOUR, since=first))
        offer(world, ADMIN)
        world.advance(MINUTE)
        assert live(world) == {(who, ADMIN)}
    assert [g.end_cause for g in of(world, "maya")] == [EndCause.SHIFT_OVER] * 2
    assert world.has_each_step_once()


def test_a_shift_that_gets_longer_moves_the_end(world: World) -> None:
    """The grant stays the same, its end is the shift's new one; nothing is taken away in between."""
    first = world.clock.now
    say(world, shift(world, "maya", -MINUTE, 10 * MINUTE))
    offer(world, ADMIN)
    say(world, shift(world, "maya", -MINUTE, HOUR, since=first))
    world.advance(MINUTE)
    (grant,) = of(world, "maya")
    assert grant.expires_at == first + HOUR
    assert world.actions(grant.id).count("grant.rescheduled") == 1
    world.advance(HOUR - 2 * MINUTE)
    assert world.sides("maya") == (True, True)
    world.advance(2 * MINUTE)
    assert world.sides("maya") == (False, False)


def test_a_shift_that_gets_shorter_ends_earlier(world: World) -> None:
    """The new end counts, to the second."""
    first = world.clock.now
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world, ADMIN)
    say(world, shift(world, "maya", -MINUTE, 5 * MINUTE, since=first))
    world.advance(5 * MINUTE - SECOND)
    assert world.sides("maya") == (True, True)
    world.advance(2 * SECOND)
    assert world.sides("maya") == (False, False)


def test_a_shift_that_is_made_longer_at_the_last_moment_goes_on(world: World) -> None:
    """What ended with the shift as it was is given again once the longer one is read."""
    first = world.clock.now
    say(world, shift(world, "maya", -MINUTE, 10 * MINUTE))
    offer(world, ADMIN)
    world.advance(10 * MINUTE - SECOND)
    say(world, shift(world, "maya", -MINUTE, HOUR, since=first))
    world.advance(MINUTE)
    assert world.sides("maya") == (True, True)
    assert of(world, "maya")[-1].expires_at == first + HOUR


def test_a_shift_of_many_days_is_one_shift(world: World) -> None:
    """Though only a day back is read, a shift that began long ago keeps its grant, and goes by the begin first seen."""
    first = world.clock.now
    say(world, shift(world, "maya", -5 * DAY, 6 * HOUR))
    offer(world, ADMIN)
    begun = book(world).shifts[0].begins
    sleep(world, 4 * HOUR)
    world.advance(HOUR / 2)
    assert book(world).shifts[0].begins == begun == first - DAY
    (grant,) = of(world, "maya")
    assert grant.expires_at == first + 6 * HOUR
    assert "grant.rescheduled" not in world.actions(grant.id)


def test_a_shift_whose_end_is_far_is_given_a_day_at_a_time(world: World) -> None:
    """Where the end is further than is read, the grant lasts a day at most, and is prolonged twice a day."""
    first = world.clock.now
    say(world, shift(world, "maya", -MINUTE, 30 * DAY))
    offer(world, ADMIN)
    (grant,) = of(world, "maya")
    assert grant.expires_at == first + DAY
    assert world.request(grant.request_id).reason == "On call on payments."
    sleep(world, 13 * HOUR)
    assert first + DAY < world.grant(grant).expires_at <= world.clock.now + DAY
    assert world.actions(grant.id).count("grant.rescheduled") == 1


# --- who must not have it


def test_what_its_holder_ended_is_not_given_again_within_the_shift(world: World) -> None:
    """End access holds for the rest of the shift, also if the shift gets longer; the next shift gives it again."""
    first = world.clock.now
    next_shift = shift(world, "maya", HOUR, 2 * HOUR)
    say(world, shift(world, "maya", -5 * DAY, 30 * MINUTE), next_shift)
    offer(world, ADMIN)
    world.end(of(world, "maya")[0])
    world.advance(5 * MINUTE)
    say(world, shift(world, "maya", -5 * DAY, 40 * MINUTE, since=first), next_shift)
    look(world)
    world.advance(5 * MINUTE)
    assert (live(world), world.sides("maya")) == (set(), (False, False))
    assert len(of(world, "maya")) == 1
    world.advance(55 * MINUTE)
    assert live(world) == {("maya", ADMIN)}


def test_what_was_revoked_is_not_given_again_within_the_shift(world: World) -> None:
    """A revoke by an operator holds for the rest of the shift."""
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world, ADMIN)
    ending.revoke_by_operator(world.ctx, operator="cli:root", grant_id=of(world, "maya")[0].id, reason="no")
    world.advance(10 * MINUTE)
    look(world)
    assert (live(world), world.sides("maya")) == (set(), (False, False))


def test_a_stranger_in_the_feed_gets_nothing_and_holds_up_nobody(world: World) -> None:
    """Somebody whom Slack does not know is told of once for the shift; whoever is on call beside them is served."""
    stranger = replace(shift(world, "maya", -MINUTE, HOUR), who="mallory@evil.example")
    say(world, stranger, shift(world, "noah", -MINUTE, HOUR))
    offer(world, ADMIN, PAYMENTS)
    world.advance(10 * MINUTE)
    assert live(world) == {("noah", ADMIN), ("noah", PAYMENTS)}
    assert world.notifier.posted == ["shift_refused"]
    assert "mallory@evil.example is on call on payments" in world.notifier.alerts[-1].headline
    refused = [event for event in world.ctx.store.audit() if event.action == "shift.refused"]
    assert [event.subject for event in refused] == [ROTA]


@pytest.mark.parametrize("why", ["guest", "suspended", "unknown to Google", "unknown to AWS"])
def test_who_cannot_be_given_it_is_told_of_and_gets_it_once_that_is_mended(world: World, why: str) -> None:
    """Nothing is granted, one alert tells why; once the cause is mended the access is there and the alert over."""
    break_and_mend: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "guest": (
            lambda: world.slack.refused.update({slack_id("maya"): "Guests cannot hold AWS access."}),
            world.slack.refused.clear,
        ),
        "suspended": (
            lambda: world.google.change_user(email("maya"), suspended=True),
            lambda: world.google.change_user(email("maya")),
        ),
        "unknown to Google": (
            lambda: world.google.delete_user(email("maya")),
            lambda: world.google.add_user(email("maya")),
        ),
        "unknown to AWS": (lambda: _leave_aws(world), lambda: _join_aws(world)),
    }
    break_it, mend_it = break_and_mend[why]
    break_it()
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world, ADMIN)
    world.advance(5 * MINUTE)
    assert (live(world), world.notifier.posted) == (set(), ["shift_refused"])
    mend_it()
    world.advance(2 * MINUTE)
    assert live(world) == {("maya", ADMIN)}
    assert world.in_google("maya")
    assert world.notifier.alerts[-1].resolved


def _leave_aws(world: World) -> None:
    world.aws.delete_user(world.aws_ids["maya"])


def _join_aws(world: World) -> None:
    world.aws_ids["maya"] = world.aws.add_user(email("maya"))


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
    feeds(world).trouble = _away()
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
    for trouble, lasting in ((_away(), MINUTE), (None, 5 * MINUTE), (_garbage(), 2 * MINUTE - SECOND)):
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


def test_a_feed_that_never_answered_gives_nothing(world: World) -> None:
    """Garbage from the start: nobody is on call, nobody is given anything, operators are told."""
    feeds(world).trouble = _garbage()
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
    feeds(world).trouble = _away()
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
    feeds(world).trouble = _away()
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


# --- more than one worker


def test_looks_by_several_workers_make_one_grant(world: World) -> None:
    """However many look at once, and from however long ago they know the schedule, there is one grant per person."""
    world.queue.copies = 3
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world, ADMIN)
    for _ in range(3):
        working.HANDLERS[WorkKind.ROTA](world.ctx, ROTA)
    world.run_until_idle()
    assert len(of(world, "maya")) == 1


def test_a_person_named_in_two_ways_has_one_grant(world: World) -> None:
    """An alias in the feed leads to the same person: they hold one grant, to the end of the longer shift."""
    alias = "m.berg@example.com"
    found = world.slack.people[slack_id("maya")]
    world.slack.people["alias"] = replace(found, email=alias)
    say(
        world,
        shift(world, "maya", -MINUTE, 10 * MINUTE),
        replace(shift(world, "maya", -MINUTE, HOUR), who=alias),
    )
    offer(world, ADMIN)
    world.advance(MINUTE)
    (grant,) = of(world, "maya")
    assert grant.expires_at == world.clock.now - MINUTE + HOUR
    world.advance(20 * MINUTE)
    assert of(world, "maya") == [world.grant(grant)]


def test_the_clock_has_every_schedule_looked_at_once(world: World) -> None:
    """At the start, each hour and when the catalog is another one, each schedule is due; several clocks add nothing."""
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world, ADMIN)
    world.client.flushall()
    planned = [ticking.plan_rotas(world.ctx.store, world.catalog.now) for _ in range(3)]
    assert len(set(planned)) == 1
    assert [name for _, name in world.due_index()] == [str(Work(WorkKind.ROTA, ROTA))]


def test_a_freeze_holds_back_shifts_too(world: World) -> None:
    """While an operator holds back new access nobody is given any for a shift; afterwards they are."""
    step = registers.frozen(None, "all", "cli:root", world.clock.now, "we are under attack")
    world.ctx.store.commit(Change(op="freeze", puts=(step.record,), events=(step.event,)))
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world, ADMIN)
    world.advance(5 * MINUTE)
    assert live(world) == set()
    thaw = registers.thawed(replace(step.record, rev=1), "cli:root", world.clock.now, "over")
    world.ctx.store.commit(Change(op="thaw", puts=(thaw.record,), events=(thaw.event,)))
    world.advance(MINUTE)
    assert live(world) == {("maya", ADMIN)}


def _away() -> Unavailable:
    return Unavailable("the iCal feed of payments", "GET", "The feed is down.")


def _garbage() -> Rejected:
    return Rejected("the iCal feed of payments", "GET", "No calendar.")
