"""The watch over all processes: who is missing, whose clock is wrong, which vendor is away; told once, and its end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from accessbot.adapters.redis_client import Caller
from accessbot.adapters.redis_gate import RedisGate
from accessbot.domain.errors import StoreUnavailable, Unavailable
from accessbot.domain.notices import AlertKind
from accessbot.ports import Beat, GateState
from accessbot.service import alerting, watching
from accessbot.service.comparing import TOLERATED, Timepiece
from accessbot.service.watching import Watcher
from tests.support.watch import Step
from tests.support.world import World

SECOND = timedelta(seconds=1)
KEEP = 15 * SECOND


def watcher(world: World, *, all_clear: bool = False) -> Watcher:
    """Make the watch of one process, on the clock that tests move."""
    return Watcher(world.ctx, all_clear=all_clear, steady=world.clock.time)


def live(world: World, *but: str, skew: timedelta = timedelta(0), jump: timedelta = timedelta(0)) -> None:
    """Let one process of every role say that it lives, but for some roles; the web process has the clock given."""
    for role in alerting.ROLES:
        if role not in but:
            world.ctx.store.beat(Beat(f"host:{role}", role, "hash"), KEEP)
    world.ctx.store.beat(Beat("host:web", "web", "hash", skew, jump), KEEP)


def watch(world: World, span: timedelta, *watchers: Watcher, dead: tuple[str, ...] = ()) -> None:
    """Let time pass in which all but the dead say that they live, and the watchers look."""
    end = world.clock.now + span
    while world.clock.now < end:
        live(world, *dead)
        for each in watchers:
            each.look()
        world.clock.move(watching.EVERY)


def test_while_all_live_nothing_is_told(world: World) -> None:
    """A healthy company hears nothing of it."""
    watch(world, 120 * SECOND, watcher(world))
    assert world.notifier.alerts == []


@pytest.mark.parametrize("role", alerting.ROLES)
def test_whoever_is_missing_is_told_once_by_any_number_of_watchers(world: World, role: str) -> None:
    """Fifteen seconds after the last beat there is one message, however many watch; back again, it says so."""
    both = watcher(world), watcher(world)
    watch(world, 30 * SECOND, *both)
    died = world.clock.now
    watch(world, 12 * SECOND, *both, dead=(role,))
    assert world.notifier.alerts == []
    watch(world, 9 * SECOND, *both, dead=(role,))
    [alert] = world.notifier.alerts
    assert (alert.kind, alert.subject, alert.resolved) == (AlertKind.NOBODY_ALIVE, role, False)
    assert alert.since - died <= KEEP + watching.EVERY
    watch(world, 300 * SECOND, *both, dead=(role,))
    assert len(world.notifier.alerts) == 1
    watch(world, 6 * SECOND, *both)
    assert [alert.resolved for alert in world.notifier.alerts] == [False, True]
    watch(world, 120 * SECOND, *both)
    assert world.notifier.posted == ["nobody_alive"]


def test_whoever_is_missing_from_the_start_may_take_a_moment(world: World) -> None:
    """Processes that are started one after the other give no alarm; one that never comes does."""
    one = watcher(world)
    watch(world, 12 * SECOND, one, dead=tuple(alerting.ROLES))
    assert world.notifier.alerts == []
    watch(world, 9 * SECOND, one, dead=("clock",))
    assert [alert.subject for alert in world.notifier.alerts] == ["clock"]


def test_a_store_that_was_away_makes_nobody_missing(world: World) -> None:
    """Nobody could say that he lives meanwhile: afterwards all get the time of a start."""
    one = watcher(world)
    watch(world, 30 * SECOND, one)

    def away(_: Step) -> None:
        raise StoreUnavailable("away")

    for _ in range(10):
        world.watch.before = away
        one.look()
        world.clock.move(watching.EVERY)
    world.watch.rest()
    one.look()
    watch(world, 30 * SECOND, one)
    assert world.notifier.alerts == []


def test_nobody_works_and_slack_is_away_too(world: World) -> None:
    """Without clock and workers the watch itself tries again until it is told, and then not again."""
    one = watcher(world)
    watch(world, 30 * SECOND, one)
    world.notifier.trouble = Unavailable("Slack", "chat.postMessage", "Slack is down.")
    watch(world, 60 * SECOND, one, dead=tuple(alerting.ROLES))
    world.notifier.trouble = None
    watch(world, 33 * SECOND, one, dead=tuple(alerting.ROLES))
    assert sorted(alert.subject for alert in world.notifier.alerts) == sorted(alerting.ROLES)
    watch(world, 120 * SECOND, one, dead=tuple(alerting.ROLES))
    assert len(world.notifier.alerts) == len(alerting.ROLES)


def test_an_alert_of_a_watcher_that_died_is_ended_by_the_next_one(world: World) -> None:
    """A web process that starts looks at all that may be open still; what is well is ended, what is not stays."""
    watch(world, 60 * SECOND, watcher(world), dead=("clock", "worker:ends"))
    assert world.notifier.posted == ["nobody_alive", "nobody_alive"]
    live(world, "worker:ends")
    next_one = watcher(world, all_clear=True)
    next_one.look()
    assert [alert.subject for alert in world.notifier.alerts if alert.resolved] == ["clock"]


def test_workers_end_the_alert_that_they_are_missing(world: World) -> None:
    """Back again, they find the alert due and end it, whoever told of it."""
    watch(world, 60 * SECOND, watcher(world), dead=("worker:fast",))
    for _ in range(20):
        live(world)
        world.advance(4 * SECOND)
    assert [alert.resolved for alert in world.notifier.alerts] == [False, True]


# --- clocks


@pytest.mark.parametrize("off", [{"skew": 5 * SECOND}, {"skew": -5 * SECOND}, {"jump": 90 * SECOND}])
def test_clocks_that_disagree_are_told_of_until_they_agree(world: World, off: dict[str, timedelta]) -> None:
    """One message names the process or the jump; it is ended when all agree again."""
    one = watcher(world)
    way = "ahead" if off.get("skew", SECOND) < timedelta(0) else "behind"
    live(world, **off)
    one.look()
    [alert] = world.notifier.alerts
    assert alert.kind is AlertKind.CLOCK_SKEW
    assert (
        "jumped forwards by 90.0 s" if "jump" in off else f"host is 5 s {way} (1 of its processes)"
    ) in alert.headline
    watch(world, 6 * SECOND, one)
    assert world.notifier.alerts[-1].resolved
    assert world.notifier.posted == ["clock_skew"]


def test_a_small_difference_is_nobody_s_business(world: World) -> None:
    """Clocks are never quite equal."""
    live(world, skew=TOLERATED, jump=-TOLERATED)
    watcher(world).look()
    assert world.notifier.alerts == []


@dataclass
class Clocks:
    """The store's clock, this machine's, and time itself, moved by hand; `slow` is what the way to the store takes."""

    store: float = 1_700_000_000.0
    wall: float = 1_700_000_000.0
    steady: float = 0.0
    slow: float = 0.0

    def now(self) -> datetime:
        """Give the store's time, half way through the call."""
        self.pass_(self.slow / 2)
        told = datetime.fromtimestamp(self.store, UTC)
        self.pass_(self.slow / 2)
        return told

    def pass_(self, seconds: float) -> None:
        """Let time pass, for all three."""
        self.store += seconds
        self.wall += seconds
        self.steady += seconds


def timepiece(clocks: Clocks) -> Timepiece:
    """Make a timepiece on clocks that are moved by hand."""
    return Timepiece(wall=lambda: clocks.wall, steady=lambda: clocks.steady)


@pytest.mark.parametrize("off", [0.0, 3.5, -240.0])
@pytest.mark.parametrize("slow", [0.0, 0.8])
def test_a_clock_that_is_off_is_measured(off: float, slow: float) -> None:
    """The way to the store and back does not count as a difference."""
    clocks = Clocks(slow=slow)
    clocks.wall -= off
    measured = timepiece(clocks)
    measured.look(clocks)
    assert measured.skew.total_seconds() == pytest.approx(off, abs=0.001)


@pytest.mark.parametrize("by", [30.0, -30.0])
def test_a_store_whose_time_jumps_is_noticed_and_forgotten_later(by: float) -> None:
    """A jump between two looks is kept for ten minutes; this machine's own clock being set is none."""
    clocks = Clocks()
    measured = timepiece(clocks)
    measured.look(clocks)
    clocks.pass_(3)
    clocks.wall += 50
    measured.look(clocks)
    assert measured.jump == timedelta(0)
    clocks.store += by
    clocks.pass_(3)
    measured.look(clocks)
    assert measured.jump.total_seconds() == pytest.approx(by, abs=0.001)
    clocks.pass_(300)
    measured.look(clocks)
    assert measured.jump
    clocks.pass_(301)
    measured.look(clocks)
    assert measured.jump == timedelta(0)


def test_a_look_that_took_long_tells_nothing() -> None:
    """An answer that came late may be of any moment in between."""
    clocks = Clocks(slow=5.0)
    clocks.wall -= 100
    measured = timepiece(clocks)
    measured.look(clocks)
    assert measured.skew == timedelta(0)


# --- vendors


def test_a_vendor_that_is_away_for_a_minute_is_told_of(world: World) -> None:
    """Once, with since when; its first answer ends it."""
    gate = RedisGate(Caller(world.client, SECOND), "Google", 35.0)
    world.ctx = replace(world.ctx, gates=(gate,))
    one = watcher(world)

    def fail() -> GateState:
        for _ in range(5):
            with pytest.raises(Unavailable), gate():
                raise Unavailable("Google", "members.get", "Google is down.", code="503")
            world.clock.move(gate.state().wait)
        return gate.state()

    began = fail().since
    watch(world, 45 * SECOND, one)
    assert fail().since == began
    assert world.notifier.alerts == []
    watch(world, 30 * SECOND, one)
    [alert] = world.notifier.alerts
    assert (alert.kind, alert.subject, alert.since) == (AlertKind.VENDOR_AWAY, "Google", began)
    world.clock.move(40 * SECOND)
    with gate():
        pass
    assert not gate.state().open
    watch(world, 6 * SECOND, one)
    assert [alert.resolved for alert in world.notifier.alerts] == [False, True]
    assert world.ctx.store.count()["alerts.vendor_away"] == 1
