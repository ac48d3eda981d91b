"""The workers: every kind of work is done by somebody, what fails comes up again, and a lease has one owner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessbot.domain.errors import (
    LeaseBusy,
    LeaseLost,
    Rejected,
    StoreUnavailable,
    Unavailable,
    Unclear,
)
from accessbot.domain.model import ClickAction, GrantState
from accessbot.domain.work import LANES, Due, Lane, Work, WorkKind
from accessbot.ports import Beat, Change
from accessbot.service import converging, ending, ticking, working
from accessbot.service.schedule import back_off
from tests.support.company import slack_id
from tests.support.watch import STORE, Step, Watch, WatchedStore
from tests.support.world import World

MINUTE = timedelta(minutes=1)


def put_due(world: World, work: Work) -> None:
    """Make a work due now."""
    world.ctx.store.commit(Change(op=world.unique(), due=(Due(work, world.clock.now),)))


def test_every_kind_of_work_has_a_handler_and_a_lane() -> None:
    """No kind of work can be written that nobody does."""
    assert set(working.HANDLERS) == set(WorkKind) == set(LANES)


@pytest.mark.parametrize("kind", list(WorkKind))
def test_work_on_what_is_not_there_is_done(world: World, kind: WorkKind) -> None:
    """A work whose subject is not known comes to its end without a word."""
    subject = {WorkKind.TELL: "ready:g_none", WorkKind.ALERT: "revoke_overdue:g_none"}.get(kind, "none/none")
    put_due(world, Work(kind, subject))
    world.run_until_idle()
    assert world.due_index() == []
    assert world.notifier.told == []
    assert world.notifier.alerts == []


def test_work_that_is_not_due_is_not_done(world: World) -> None:
    """A work that nobody wrote, or that is done already, is nothing."""
    grant = world.granted("maya")
    working.run(world.ctx, Work(WorkKind.REVOKE, grant.id))
    assert world.grant(grant).state is GrantState.ACTIVE


def test_a_defect_is_logged_given_back_and_raised(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw carries a reference in the log, is tried again later, and is not swallowed."""

    def broken(*_: object) -> None:
        msg = "a defect"
        raise ZeroDivisionError(msg)

    work = Work(WorkKind.MAPPING, "group@example.com")
    put_due(world, work)
    monkeypatch.setitem(working.HANDLERS, WorkKind.MAPPING, broken)
    with pytest.raises(ZeroDivisionError):
        working.run(world.ctx, work)
    assert "reference" in capsys.readouterr().out
    [(at, name)] = world.due_index()
    assert name == str(work)
    assert world.clock.now < at <= world.clock.now + timedelta(seconds=1)
    monkeypatch.undo()
    world.advance(MINUTE)
    assert world.due_index() == []


@pytest.mark.parametrize("error", [StoreUnavailable("away"), Unclear("silent")])
@pytest.mark.parametrize("place", range(4))
def test_a_store_that_is_away_is_no_defect(world: World, error: Exception, place: int) -> None:
    """A worker whose store is away returns quietly, and the work comes up again by itself."""
    grant = world.granted("maya")
    ending.end_access(world.ctx, requester=grant.requester, grant_id=grant.id)
    start = world.watch.count

    def away(step: Step) -> None:
        if step.place >= start + place:
            raise error

    world.watch.before = away
    working.run(world.ctx, Work(WorkKind.REVOKE, grant.id))
    world.watch.rest()
    world.queue.works.clear()
    world.advance(timedelta(seconds=20))
    assert world.grant(grant).state is GrantState.REVOKED


def test_a_message_that_slack_refuses_for_good_is_given_up(world: World) -> None:
    """What cannot be said to somebody is logged and not tried for ever; the rest goes on."""
    world.notifier.trouble = Rejected("Slack", "chat.postMessage", "That account is gone.", code="account_inactive")
    grant = world.granted("maya")
    assert grant.state is GrantState.ACTIVE
    assert [name for _, name in world.due_index() if name.startswith(("tell|ready", "card|", "answer|"))] == []


def test_slack_down_holds_up_nothing_but_words(world: World) -> None:
    """Without Slack's messages access comes and goes on time, and what is still true is said later."""
    world.notifier.trouble = Unavailable("Slack", "chat.postMessage", "Slack is down.")
    grant = world.granted("maya", duration="10m")
    assert world.sides("maya") == (True, True)
    world.advance(timedelta(minutes=10))
    assert world.grant(grant).state is GrantState.REVOKED
    world.notifier.trouble = None
    world.advance(timedelta(minutes=2))
    assert world.notifier.notices(slack_id("maya")) == ["ended"]
    assert world.notifier.cards[-1].grant == world.grant(grant)


@given(attempt=st.integers(1, 10_000), most=st.integers(1, 60), asked=st.none() | st.integers(0, 100))
def test_the_pause_between_tries_has_bounds(attempt: int, most: int, asked: int | None) -> None:
    """At least a quarter of a second, at most what the lane allows, never less than what the vendor asked for."""
    wanted = None if asked is None else timedelta(seconds=asked)
    pause = back_off(attempt, timedelta(seconds=most), wanted)
    assert pause >= timedelta(seconds=0.25)
    assert pause <= max(timedelta(seconds=most), wanted or timedelta(0))
    assert wanted is None or pause >= wanted


def test_what_a_vendor_asked_to_wait_is_waited(world: World) -> None:
    """A vendor that names a pause is not called before it is over."""
    grant = world.granted("maya")
    error = Unavailable("Google", "members.delete", "Slow down.", retry_after=timedelta(seconds=30))
    world.google.fail("remove", times=1, error=error)
    world.end(grant)
    world.advance(timedelta(seconds=9))
    assert len(world.google.calls("remove")) == 1
    world.advance(timedelta(seconds=21))
    assert world.grant(grant).state is GrantState.REVOKED


def test_the_clock_hands_over_no_more_than_workers_can_take_soon(world: World) -> None:
    """What is due beyond a full lane stays in the due-index, in order; the other lanes go on."""
    for n in range(150):
        put_due(world, Work(WorkKind.END, f"g_{n:03d}"))
    put_due(world, Work(WorkKind.SCREEN, "r_1"))
    assert ticking.tick(world.ctx.store, world.queue) == 101
    assert world.queue.waiting(Lane.ENDS) == 100
    assert world.queue.waiting(Lane.FAST) == 1
    assert ticking.tick(world.ctx.store, world.queue) == 50


def test_processes_on_different_catalogs_are_told_of_until_they_agree(world: World) -> None:
    """Two catalogs at once are told once; agreed again, the message is resolved; another time is another message."""
    store = world.ctx.store
    for _ in range(2):
        store.beat(Beat("a", "web", "hash-1"), MINUTE)
        store.beat(Beat("b", "worker", "hash-2"), MINUTE)
        for _ in range(3):
            ticking.watch_catalogs(store, world.queue)
            world.run_until_idle()
        store.beat(Beat("b", "worker", "hash-1"), MINUTE)
        ticking.watch_catalogs(store, world.queue)
        world.run_until_idle()
        assert world.notifier.alerts[-1].resolved
        world.advance(timedelta(hours=2))
    assert world.notifier.posted == ["catalogs_differ", "catalogs_differ"]


@pytest.fixture
def thief(world: World) -> Iterator[Callable[[str], None]]:
    """Give a second process that takes a pair's lease for itself, a minute after the first one stood still."""
    with ExitStack() as held:

        def take(pair: str) -> None:
            world.clock.move(MINUTE)
            other = WatchedStore(world.client, Watch())
            held.enter_context(other.lease(f"pair:{pair}", timedelta(hours=1)))

        yield take


def test_two_processes_on_one_pair_take_turns(world: World) -> None:
    """While one works on a pair another is turned away, and later finds nothing left to do."""
    grant = world.granted("maya")
    ending.end_access(world.ctx, requester=grant.requester, grant_id=grant.id)
    turned_away: list[Step] = []

    def meanwhile(step: Step) -> None:
        if step.method == "remove" and not turned_away:
            with pytest.raises(LeaseBusy):
                converging.converge(other, grant.pair)
            turned_away.append(step)

    other = replace(world.ctx, store=WatchedStore(world.client, Watch()))
    world.watch.before = meanwhile
    world.run_until_idle()
    assert turned_away
    before = len(world.watch.steps)
    converging.converge(other, grant.pair)
    writes = [step.method for step in world.watch.steps[before:] if step.whom != STORE]
    assert set(writes) <= {"is_member"}
    assert world.actions(grant.id).count("grant.revoked") == 1


def test_a_turned_away_work_comes_up_again_at_once(world: World) -> None:
    """A work that finds its pair in other hands is due again within a second, and is then done."""
    grant = world.granted("maya")
    with world.ctx.store.lease(f"pair:{grant.pair}", timedelta(seconds=60)):
        world.end(grant)
        assert world.grant(grant).state is GrantState.REVOKING
        assert world.next_due() is not None
    world.advance(timedelta(seconds=1))
    assert world.grant(grant).state is GrantState.REVOKED


@pytest.mark.parametrize("ends", [False, True], ids=["begins", "ends"])
@pytest.mark.parametrize("place", range(10))
def test_a_lease_that_is_lost_stops_every_further_write(
    world: World,
    thief: Callable[[str], None],
    place: int,
    ends: bool,  # noqa: FBT001 - given by pytest
) -> None:
    """Whoever was halted for longer than the lease writes nothing more once it passed to another process."""
    if ends:
        grant = world.granted("maya")
        ending.end_access(world.ctx, requester=grant.requester, grant_id=grant.id)
    else:
        request = world.ask("maya")
        click = world.press("priya", ClickAction.APPROVE, request.id)
        working.run(world.ctx, Work(WorkKind.CLICK, click.id))
        grant = world.grant(world.request(request).grant_id)
    pair = f"{grant.google_group}/{world.google.user('maya@example.com').id}"
    world.watch.count = 0
    world.watch.steps.clear()
    world.watch.counted = lambda step: step.whom != STORE

    halts: list[int] = []

    def halted(step: Step) -> None:
        if step.place >= place and not halts:  # after the first call from there on that is answered
            halts.append(step.place)
            thief(pair)

    world.watch.after = halted
    working.run(world.ctx, Work(WorkKind.REVOKE if ends else WorkKind.PROVISION, grant.id))
    assert not {"add", "remove"} & {step.method for step in world.watch.steps[halts[0] + 1 if halts else place :]}


def test_a_lease_lost_between_a_look_and_a_removal_stops_the_removal(
    world: World, thief: Callable[[str], None]
) -> None:
    """The later look removes what came back only if the pair is still its own after it has looked."""
    grant = world.end(world.granted("maya"))
    world.put("maya", "aws")

    def halted(step: Step) -> None:
        if step.method == "is_member":
            world.watch.rest()
            thief(grant.pair)

    world.watch.after = halted
    with pytest.raises(LeaseLost):
        converging.converge(world.ctx, grant.pair)
    assert world.in_aws("maya")
