"""Deliberate bugs, one guard taken out each, and the lives in which the invariant that the guard is for must fail.

`make mutations` lives them and prints which point caught which bug. A bug that nothing catches means that the proof has
gone blind, not that the guard is superfluous.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pytest
from rich.console import Console

from accessbot.adapters import redis_due, redis_scripts
from accessbot.adapters.redis_client import Script
from accessbot.adapters.redis_store import RedisStore
from accessbot.domain.errors import LeaseLost, VendorError
from accessbot.domain.work import WorkKind
from accessbot.ports import Change
from accessbot.service import concluding, converging, provisioning, sides, voting
from tests.proof.crashes import quiet
from tests.proof.explorer import Blow, Outcome, Point, Strike, calls_of, live
from tests.support.watch import QUEUE, SLACK, STORE, WRITES, Step

SEEDS = range(1, 13)
Places = Callable[[Sequence[Step]], Iterator[int]]
Break = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True, slots=True)
class Mutation:
    """A bug: which guard is out, for which invariant it is there, and in which life, struck where, it must show."""

    name: str
    invariant: str
    scene: str
    break_it: Break
    blow: Blow | None = None
    places: Places | None = None
    seed: int = 1

    def points(self) -> Iterator[Point]:
        """Give where to look for it, the likeliest first."""
        for seed in dict.fromkeys((self.seed, *SEEDS)):
            if self.blow is None or self.places is None:
                yield Point(self.scene, seed)
                continue
            for place in self.places(calls_of(self.scene, seed)):
                yield Point(self.scene, seed, (Strike(place, self.blow),))

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Have the bug in this block."""
        with pytest.MonkeyPatch.context() as patch:
            self.break_it(patch)
            yield


def hunt(mutation: Mutation) -> Outcome | None:
    """Give the first life in which the invariant fails that the guard is for; None if it fails in none of them."""
    for point in list(mutation.points()):
        with mutation.at_work():
            outcome = live(point)
        if mutation.invariant in {violation.invariant for violation in outcome.violations}:
            return outcome
    return None


# --- where a process is struck ----------------------------------------------------------------------------------------


def at(whom: str, method: str) -> Places:
    """Strike at each call of one kind."""
    return lambda steps: (step.place for step in steps if (step.whom, step.method) == (whom, method))


def pushing(kind: WorkKind) -> Places:
    """Strike at each hand-over of a kind of work to the queue."""
    return lambda steps: (
        step.place for step in steps if step.whom == QUEUE and str(step.args[0]).startswith(f"{kind}|")
    )


def writing_after(method: str) -> Places:
    """Strike at the first write to the store after each such call to a vendor: at what was decided by its answer."""

    def places(steps: Sequence[Step]) -> Iterator[int]:
        asked = False
        for step in steps:
            asked = asked or step.method == method
            if asked and (step.whom, step.method) == (STORE, "write"):
                yield step.place
                asked = False

    return places


def right_before(methods: Sequence[str]) -> Places:
    """Strike at the call to the store right before one of these calls to a vendor: the proof of the lease."""
    return lambda steps: (step.place for step, then in pairwise(steps) if step.whom == STORE and then.method in methods)


# --- how guards are taken out -----------------------------------------------------------------------------------------


def without_due(*kinds: WorkKind) -> Break:
    """Keep works of some kinds out of the due-index: they are in the queue alone, or nowhere."""

    def break_it(patch: pytest.MonkeyPatch) -> None:
        commit = RedisStore.commit

        def forgetful(self: RedisStore, change: Change) -> bool:
            return commit(self, replace(change, due=tuple(due for due in change.due if due.work.kind not in kinds)))

        patch.setattr(RedisStore, "commit", forgetful)

    return break_it


def unsaved(module: Any, op: str, *, log_alone: bool = False) -> Break:  # noqa: ANN401 - any module of the service
    """Save nothing of what a module writes under an operation, or all but its audit events."""

    def break_it(patch: pytest.MonkeyPatch) -> None:
        save = module.save

        def forgetful(ctx: Any, change: Change, now: Any) -> bool:  # noqa: ANN401 - passed on as they are
            if not change.op.startswith(op):
                return bool(save(ctx, change, now))
            return not log_alone or bool(save(ctx, replace(change, events=()), now))

        patch.setattr(module, "save", forgetful)

    return break_it


def idle(module: Any, name: str, answer: object = None) -> Break:  # noqa: ANN401 - any module of the service
    """Let a function do nothing, and give always the same."""
    return lambda patch: patch.setattr(module, name, lambda *_, **__: answer)


def _conflict_is_no_news(patch: pytest.MonkeyPatch) -> None:
    decide = converging._decide  # noqa: SLF001 - what is broken is inside
    blind = lambda ctx, seen, there: decide(ctx, seen, dict.fromkeys(there, False))  # noqa: E731 - one line says it
    patch.setattr(converging, "_decide", blind)


def _decided_each_time(patch: pytest.MonkeyPatch) -> None:
    decide = converging._decide  # noqa: SLF001 - what is broken is inside

    def forgetful(ctx: Any, seen: Any, there: dict[str, bool]) -> object:  # noqa: ANN401 - passed on as they are
        return decide(ctx, replace(seen, pair=replace(seen.pair, standing={})), there)

    patch.setattr(converging, "_decide", forgetful)


def _failed_read_is_no(patch: pytest.MonkeyPatch) -> None:
    read = sides.read

    def careless(ctx: Any, side: Any) -> bool:  # noqa: ANN401 - passed on as they are
        try:
            return read(ctx, side)
        except VendorError:
            return False

    patch.setattr(sides, "read", careless)


def _failed_removal_is_done(patch: pytest.MonkeyPatch) -> None:
    erase = sides.erase

    def careless(ctx: Any, side: Any) -> None:  # noqa: ANN401 - passed on as they are
        try:
            erase(ctx, side)
        except VendorError:
            return

    patch.setattr(sides, "erase", careless)
    patch.setattr(sides, "prove", lambda *_, **__: None)


def _first_end_takes_all(patch: pytest.MonkeyPatch) -> None:
    ours = converging._ours  # noqa: SLF001 - what is broken is inside
    patch.setattr(converging, "_ours", lambda ctx, seen: ours(ctx, replace(seen, needed=())))


def _no_compare_and_swap(patch: pytest.MonkeyPatch) -> None:
    guard = "if stored ~= rev then return {'conflict', label, stored} end"
    text = redis_scripts.COMMIT.text
    if guard not in text:
        msg = "the commit script's guard is not where it was: mend this mutation"
        raise ValueError(msg)
    patch.setattr(redis_scripts, "COMMIT", Script(text.replace(guard, "")))


def _lease_of_anybody(patch: pytest.MonkeyPatch) -> None:
    """Take every lease, held or not, and believe in it for ever; the store is asked as before."""
    ensure = redis_due.HeldLease.ensure

    def trusting(self: Any, *call: Any) -> None:  # noqa: ANN401 - passed on as they are
        try:
            ensure(self, *call)
        except LeaseLost:
            return

    free = Script("redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return 1")
    patch.setattr(redis_due.HeldLease, "ensure", trusting)
    patch.setattr(redis_scripts, "LEASE", free)


MUTATIONS = (
    Mutation("the decision whose it is stays in memory", "INV-1", "plain", unsaved(converging, "pair:")),
    Mutation("the intent is not logged", "INV-1", "plain", unsaved(provisioning, "pin:", log_alone=True)),
    Mutation("put back without a word in the log", "INV-1", "taken-away", idle(concluding, "restoring")),
    Mutation("removed again without a word in the log", "INV-1", "put-back", idle(concluding, "resurrected")),
    Mutation("the lease is nobody's", "INV-1", "plain", _lease_of_anybody, Blow.STALL, right_before(tuple(WRITES))),
    Mutation("the end is not in the due-index", "INV-2", "long", without_due(WorkKind.END), seed=11),
    Mutation(
        "an early end is in the queue alone",
        "INV-2",
        "long",
        without_due(WorkKind.REVOKE),
        Blow.AFTER,
        pushing(WorkKind.REVOKE),
    ),
    Mutation("whose it is is decided at every look", "INV-2", "overlap", _decided_each_time),
    Mutation("a late end is told to nobody", "INV-2", "vendor-away", without_due(WorkKind.OVERDUE)),
    Mutation("nobody looks again after the end", "INV-3", "put-back", without_due(WorkKind.VERIFY, WorkKind.SWEEP)),
    Mutation("who was there before is not asked", "INV-4", "standing-in-aws", _conflict_is_no_news),
    Mutation(
        "a failed read means absent",
        "INV-4",
        "standing-and-flaky",
        _failed_read_is_no,
        seed=10,
    ),
    Mutation(
        "the same person's vote counts again", "INV-5", "quorum", idle(voting, "_counted_names", answer=frozenset())
    ),
    Mutation(
        "records are written without a compare-and-swap",
        "INV-5",
        "two-at-once",
        _no_compare_and_swap,
        Blow.STALL,
        writing_after("holds"),
    ),
    Mutation("nothing is read back", "INV-6", "slow-vendors", idle(sides, "prove")),
    Mutation("a removal that failed counts as done", "INV-6", "vendor-away", _failed_removal_is_done),
    Mutation("the first end takes what another grant needs", "INV-6", "overlap", _first_end_takes_all),
    Mutation(
        "what is to be told is in the queue alone",
        "INV-7",
        "plain",
        without_due(WorkKind.TELL),
        Blow.BEFORE,
        at(SLACK, "tell"),
    ),
    Mutation(
        "a press is in the queue alone", "INV-7", "plain", without_due(WorkKind.CLICK), Blow.AFTER, at(STORE, "write")
    ),
    Mutation("nobody sees that a request was not decided", "INV-7", "undecided", without_due(WorkKind.LAPSE)),
)


def main() -> int:
    """Hunt every mutation and print what caught it; give 1 if one got away."""
    quiet()
    console = Console(highlight=False, markup=False, soft_wrap=True)
    away = 0
    for mutation in MUTATIONS:
        outcome = hunt(mutation)
        away += outcome is None
        if outcome is None:
            console.print(f"NOT CAUGHT  {mutation.invariant}  {mutation.name}")
            continue
        sentence = next(v.sentence for v in outcome.violations if v.invariant == mutation.invariant)
        console.print(f"caught  {mutation.invariant}  {mutation.name}  [{outcome.point}]\n        {sentence}")
    console.print(f"{len(MUTATIONS) - away} of {len(MUTATIONS)} mutations caught")
    return 1 if away else 0


if __name__ == "__main__":
    sys.exit(main())
