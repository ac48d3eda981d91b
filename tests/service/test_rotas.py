"""On call: what goes with a shift is there from its start to its end, for exactly whoever has it."""

from __future__ import annotations

from dataclasses import replace

from accessbot.domain import registers
from accessbot.domain.model import EndCause, GrantState, RequestState
from accessbot.domain.notices import NoticeKind
from accessbot.domain.work import Work, WorkKind
from accessbot.ports import Change
from accessbot.service import ticking, working
from tests.service.rotating import (
    ADMIN,
    DAY,
    HOUR,
    MINUTE,
    PAYMENTS,
    ROTA,
    SECOND,
    book,
    live,
    of,
    offer,
    say,
    shift,
    sleep,
)
from tests.support.company import slack_id
from tests.support.world import World

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


def test_what_schedules_last_said_may_be_lost(world: World) -> None:
    """As after a restore of the store: whoever is on call keeps the grant they have, and no second one is made."""
    say(world, shift(world, "maya", -5 * DAY, 5 * HOUR), shift(world, "noah", 5 * HOUR, 6 * HOUR))
    offer(world, ADMIN)
    sleep(world, HOUR)
    world.client.delete(f"accessbot:shifts:{ROTA}")
    world.advance(2 * MINUTE)
    (grant,) = of(world, "maya")
    assert (grant.state, live(world)) == (GrantState.ACTIVE, {("maya", ADMIN)})
    assert "grant.rescheduled" not in world.actions(grant.id)


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
