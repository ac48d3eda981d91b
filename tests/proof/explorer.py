"""The crash explorer: live a life, strike the process at one call or at two, let another take over, and judge the end.

A point is where that happens, and has a name that leads to it again: `plain:7:112:after` strikes the life `plain`, told
by seed 7, after its call number 112, and `plain:7:112:after:140:before` strikes again before call 140.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from itertools import count, pairwise

from accessbot.domain.errors import StoreUnavailable, Unclear
from tests.proof.scenes import SCENES
from tests.proof.story import Story, luck, new_story
from tests.support.invariants import Violation, judge
from tests.support.watch import STORE, WRITES, Step, WatchedStore

LIFE = "LIFE"
"""What a life that could not be lived to its end violates."""


class Blow(StrEnum):
    """What strikes the process at a call."""

    BEFORE = "before"  # it is killed before the call is made
    AFTER = "after"  # it is killed when the call took effect
    STALL = "stall"  # it stands still before the call, for longer than its leases last, and then goes on
    AWAY = "away"  # the store refuses the call
    SILENT = "silent"  # the store makes the write and never answers


@dataclass(frozen=True, slots=True)
class Strike:
    """A blow at the call of a number."""

    call: int
    blow: Blow


@dataclass(frozen=True, slots=True)
class Point:
    """A life, and where it is struck."""

    scene: str
    seed: int
    strikes: tuple[Strike, ...] = ()

    def __str__(self) -> str:
        """Give its name."""
        return ":".join((self.scene, str(self.seed), *(f"{s.call}:{s.blow}" for s in self.strikes)))

    @classmethod
    def parse(cls, name: str) -> Point:
        """Read a name; raises ValueError for one that leads nowhere."""
        scene, _, rest = name.partition(":")
        seed, *words = rest.split(":")
        numbers, names = words[::2], words[1::2]
        known = scene in SCENES and len(numbers) == len(names) and set(names) <= set(Blow)
        if not known or not all(number.isdecimal() for number in (seed, *numbers)):
            msg = f"{name!r} is no point; one is written like plain:7:112:after"
            raise ValueError(msg)
        strikes = (Strike(int(number), Blow(blow)) for number, blow in zip(numbers, names, strict=True))
        return cls(scene, int(seed), tuple(strikes))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a point: the violations, how many of its strikes hit, how long it took, which calls were made."""

    point: Point
    violations: tuple[Violation, ...]
    hits: int
    seconds: float
    calls: tuple[Step, ...] = ()


def live(point: Point) -> Outcome:
    """Live a life to its end, struck where the point says, and judge what is left of it."""
    begun = time.perf_counter()
    with new_story(f"{point.scene}:{point.seed}", str(point)) as story:
        striker = _Striker(story, point.strikes)
        story.on_restart = striker.arm
        striker.arm()
        broken: tuple[Violation, ...] = ()
        try:
            SCENES[point.scene](story)
            story.finish()
        except Exception as error:  # noqa: BLE001 - whatever breaks a life is what is looked for
            broken = (Violation(LIFE, f"broke off: {type(error).__name__}: {error}"),)
        found = (*broken, *judge(story.evidence(over=not broken)))
        return Outcome(point, found, striker.hits, time.perf_counter() - begun, tuple(story.world.watch.steps))


class _Striker:
    """Deals the blows of a point, each once."""

    def __init__(self, story: Story, strikes: Sequence[Strike]) -> None:
        self.story = story
        self.left = list(strikes)
        self.hits = 0

    def arm(self) -> None:
        """Watch out for the next strike."""
        self.story.world.watch.before = lambda step: self._meet(step, done=False)
        self.story.world.watch.after = lambda step: self._meet(step, done=True)

    def _meet(self, step: Step, *, done: bool) -> None:
        if not self.left or step.place != self.left[0].call:
            return
        blow = self.left[0].blow
        if done is not (blow in (Blow.AFTER, Blow.SILENT)):
            return
        self.left.pop(0)
        self.hits += 1
        world = self.story.world
        match blow:
            case Blow.BEFORE | Blow.AFTER:
                world.watch.kill()
            case Blow.STALL:
                self._stall()
            case Blow.AWAY:
                world.journal.lose_track()
                raise StoreUnavailable("The store is away.")
            case Blow.SILENT:
                world.journal.lose_track()
                raise Unclear("Nobody knows whether that was written.")

    def _stall(self) -> None:
        """Let another process work while this one stands still."""
        story = self.story
        world, ctx, begin = story.world, story.world.ctx, story.world.clock.now
        world.journal.lose_track()
        seconds = story.takeover.choice((0.0, 0.0, 4.0, 30.0))
        said_before = len(world.journal.said)
        with world.watch.aside():
            world.ctx = replace(ctx, store=WatchedStore(world.client, world.watch))
            story.pass_aside(seconds)
            world.ctx = ctx
        for said in world.journal.said[said_before:]:
            said.recorded = False  # whoever stood still for longer than its claim knows nothing of it
        story.outages.append((begin, world.clock.now))


# --- which points -----------------------------------------------------------------------------------------------------


@cache
def calls_of(scene: str, seed: int) -> tuple[Step, ...]:
    """List the calls of a life that nothing strikes."""
    return live(Point(scene, seed)).calls


def strikes_at(step: Step) -> Iterator[Strike]:
    """Give what can strike at a call."""
    yield Strike(step.place, Blow.BEFORE)
    yield Strike(step.place, Blow.AFTER)
    if step.whom == STORE:
        yield Strike(step.place, Blow.AWAY)
        if step.method == "write":
            yield Strike(step.place, Blow.SILENT)
    if step.method not in WRITES:  # frozen between the proof of its lease and a write, it sends nothing any more
        yield Strike(step.place, Blow.STALL)


def points_of(scene: str, seed: int) -> list[Point]:
    """List every single point of a life."""
    return [Point(scene, seed, (strike,)) for step in calls_of(scene, seed) for strike in strikes_at(step)]


def plan(number: int, seed: int) -> list[Point]:
    """Choose so many distinct points, spread evenly over all lives: seven in ten are struck once, the others twice.

    Every life is told by `seed`, and by one seed more for each thousand points, up to eight; more only if the points of
    those are too few.
    """
    draw = luck(f"plan:{seed}")
    singles = -(-number * 7 // 10)
    all_points: list[Point] = []
    for told_by in count(seed):
        if told_by >= seed + min(8, max(1, number // 1000)) and len(all_points) >= singles:
            break
        all_points += [point for scene in SCENES for point in points_of(scene, told_by)]
    chosen = dict.fromkeys(_spread(all_points, singles, draw))
    while len(chosen) < number:
        chosen[_struck_again(draw.choice(all_points), draw)] = None
    return list(chosen)


def _spread(points: Sequence[Point], number: int, draw: random.Random) -> list[Point]:
    """Draw one from each of so many slices of equal size."""
    cuts = [round(i * len(points) / number) for i in range(number + 1)]
    return [points[draw.randrange(low, high)] for low, high in pairwise(cuts)]


def _struck_again(point: Point, draw: random.Random) -> Point:
    """Add a second crash soon after the first strike: the sooner, the likelier."""
    first = point.strikes[0]
    second = Strike(first.call + 1 + int(draw.expovariate(1 / 25)), draw.choice((Blow.BEFORE, Blow.AFTER)))
    return replace(point, strikes=(first, second))
