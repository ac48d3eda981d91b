"""The due-index and leases, over a fake and a real server: examples, and random interleavings against a model."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import fakeredis
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accessbot.adapters.redis_client import connect
from accessbot.adapters.redis_store import RedisStore
from accessbot.domain.errors import LeaseBusy, LeaseLost
from accessbot.domain.work import Due, Lane, Work, WorkKind
from accessbot.ports import Change, Claim

if TYPE_CHECKING:
    from collections.abc import Callable

HOLD = timedelta(minutes=5)
NO_TIME = timedelta(0)
HOUR = timedelta(hours=1)
WORK = Work(WorkKind.END, "g_1")
NUMBERS = iter(range(10**9))


def set_due(store: RedisStore, at: datetime, work: Work = WORK) -> None:
    """Set a work due, in a commit of its own."""
    store.commit(Change(op=f"due-{next(NUMBERS)}", due=(Due(work, at),)))


def drop(store: RedisStore, work: Work = WORK) -> None:
    """Drop a work, in a commit of its own."""
    store.commit(Change(op=f"drop-{next(NUMBERS)}", dropped=(work,)))


def begun(store: RedisStore, hold: timedelta = HOLD, work: Work = WORK) -> Claim:
    """Begin a work that can be begun."""
    claim = store.begin(work, hold)
    assert claim is not None
    return claim


def test_what_came_up_is_taken_oldest_first_and_only_of_its_lane(store: RedisStore) -> None:
    """Work of the future stays, and no more is taken than asked for."""
    now = store.now()
    for minutes in (3, 1, 2, -1):
        set_due(store, now - timedelta(minutes=minutes), Work(WorkKind.END, f"g_{minutes}"))
    set_due(store, now - HOUR, Work(WorkKind.TELL, "ready:g_1"))
    assert [w.subject for w in store.due(Lane.ENDS, 2, HOLD)] == ["g_3", "g_2"]
    assert [w.subject for w in store.due(Lane.ENDS, 9, HOLD)] == ["g_1"]
    assert store.due(Lane.FAST, 9, HOLD) == ()


def test_what_was_handed_over_and_never_begun_comes_up_again(store: RedisStore) -> None:
    """After the hand-over time, not before."""
    set_due(store, store.now() - HOUR)
    assert store.due(Lane.ENDS, 9, NO_TIME) == (WORK,)
    assert store.due(Lane.ENDS, 9, HOLD) == (WORK,)
    assert store.due(Lane.ENDS, 9, HOLD) == ()


def test_a_work_can_be_claimed_by_one_only_and_is_gone_when_it_is_finished(store: RedisStore) -> None:
    """A second begin gives nothing, during the claim and after the end."""
    now = store.now()
    set_due(store, now - HOUR)
    claim = begun(store)
    assert claim.attempt == 1
    assert now + HOLD <= claim.until <= store.now() + HOLD
    assert store.begin(WORK, HOLD) is None
    assert store.due(Lane.ENDS, 9, HOLD) == ()
    assert store.finish(claim) is True
    assert store.begin(WORK, HOLD) is None
    assert store.count()["due.ends"] == 0


def test_a_work_that_was_never_due_cannot_be_begun(store: RedisStore) -> None:
    """A job that outlived its work finds nothing to do."""
    assert store.begin(WORK, HOLD) is None


def test_attempts_count_until_the_work_is_finished(store: RedisStore) -> None:
    """Postponed or abandoned, the next attempt is one more; after the end they start anew."""
    set_due(store, store.now())
    store.postpone(begun(store), store.now())
    assert begun(store, NO_TIME).attempt == 2
    claim = begun(store)
    assert claim.attempt == 3
    assert store.finish(claim) is True
    set_due(store, store.now())
    assert begun(store).attempt == 1


def test_what_is_set_due_anew_is_tried_as_if_for_the_first_time(store: RedisStore) -> None:
    """News does not wait as long as what was tried in vain, whether it comes before, during or after a try."""
    for _ in range(3):
        set_due(store, store.now())
        store.postpone(begun(store), store.now() - HOUR)
        store.postpone(begun(store), store.now() - HOUR)
    claim = begun(store)
    assert claim.attempt == 3
    set_due(store, store.now())
    store.postpone(claim, store.now() + HOUR)
    assert begun(store, NO_TIME).attempt == 1
    abandoned = begun(store, timedelta(milliseconds=20))
    assert abandoned.attempt == 2
    set_due(store, store.now())
    time.sleep(0.03)
    assert begun(store).attempt == 1


def test_a_postponed_work_comes_up_at_its_time(store: RedisStore) -> None:
    """Not before."""
    set_due(store, store.now() - HOUR)
    store.postpone(begun(store), store.now() + HOUR)
    assert store.due(Lane.ENDS, 9, HOLD) == ()
    store.postpone(begun(store), store.now() - HOUR)
    assert store.due(Lane.ENDS, 9, HOLD) == (WORK,)


def test_a_work_set_due_anew_while_claimed_runs_again(store: RedisStore) -> None:
    """The end of the claim leaves it in the index, due at the new time; attempts start anew."""
    set_due(store, store.now() - HOUR)
    claim = begun(store)
    set_due(store, store.now() - timedelta(minutes=1))
    assert store.due(Lane.ENDS, 9, HOLD) == ()
    assert store.begin(WORK, HOLD) is None
    assert store.finish(claim) is False
    assert store.due(Lane.ENDS, 9, HOLD) == (WORK,)
    assert begun(store).attempt == 1


def test_postponing_does_not_delay_what_was_set_due_earlier_meanwhile(store: RedisStore) -> None:
    """The earlier of both times counts."""
    now = store.now()
    set_due(store, now)
    claim = begun(store)
    set_due(store, now - HOUR)
    store.postpone(claim, now + HOUR)
    assert store.due(Lane.ENDS, 9, HOLD) == (WORK,)
    claim = begun(store)
    set_due(store, now + 2 * HOUR)
    store.postpone(claim, now - HOUR)
    assert store.due(Lane.ENDS, 9, HOLD) == (WORK,)


def test_the_work_of_a_dead_worker_comes_up_again_and_its_claim_is_worth_nothing(store: RedisStore) -> None:
    """Once another has the work, the late one can neither end it nor put it off."""
    set_due(store, store.now() - HOUR)
    late = begun(store, NO_TIME)
    assert store.due(Lane.ENDS, 9, HOLD) == (WORK,)
    claim = begun(store)
    assert claim.token != late.token
    assert store.finish(late) is False
    store.postpone(late, store.now() - HOUR)
    assert store.due(Lane.ENDS, 9, HOLD) == ()
    assert store.finish(claim) is True
    assert store.finish(late) is True


def test_a_new_time_set_under_a_claim_that_ran_out_is_done_with_by_the_next_one(store: RedisStore) -> None:
    """Whoever begins after the new time does what it was set for: it does not run a third time."""
    set_due(store, store.now())
    begun(store, timedelta(milliseconds=100))
    set_due(store, store.now())
    deadline = time.monotonic() + 10
    while (claim := store.begin(WORK, HOLD)) is None:
        assert time.monotonic() < deadline
    assert claim.attempt == 1
    assert store.finish(claim) is True


def test_a_late_worker_whose_work_nobody_took_can_still_end_it(store: RedisStore) -> None:
    """Its claim ran out, but nobody else did the work."""
    set_due(store, store.now())
    assert store.finish(begun(store, NO_TIME)) is True


def test_a_dropped_work_is_gone_for_its_holder_too(store: RedisStore) -> None:
    """It cannot be begun, postponing does not bring it back, and nothing of it is left."""
    set_due(store, store.now())
    claim = begun(store)
    drop(store)
    assert store.begin(WORK, HOLD) is None
    store.postpone(claim, store.now())
    assert store.due(Lane.ENDS, 9, HOLD) == ()
    assert store.finish(claim) is True
    assert not store._caller.command("EXISTS", f"accessbot:work:{WORK}")  # noqa: SLF001 - the port does not tell


def test_a_work_dropped_and_set_due_anew_waits_for_the_old_claim(store: RedisStore) -> None:
    """Never two at once, even over a drop."""
    set_due(store, store.now())
    claim = begun(store)
    drop(store)
    set_due(store, store.now())
    assert store.begin(WORK, HOLD) is None
    assert store.finish(claim) is False
    assert begun(store).attempt == 1


def test_a_work_that_this_version_does_not_know_is_left_for_one_that_does(store: RedisStore) -> None:
    """It neither stops the lane nor is lost."""
    store._caller.command("ZADD", "accessbot:due:ends", 1, "levitate|g_1")  # noqa: SLF001 - a newer version wrote it
    set_due(store, store.now() - HOUR)
    assert store.due(Lane.ENDS, 9, HOLD) == (WORK,)
    assert store.count()["due.ends"] == 2


# --- leases ---


def test_a_lease_is_one_owners_until_its_end(store: RedisStore) -> None:
    """A second is busy at once; after the release it is free; other names do not matter."""
    with store.lease("pair", HOLD), store.lease("other", HOLD), pytest.raises(LeaseBusy), store.lease("pair", HOLD):
        raise AssertionError
    with store.lease("pair", HOLD) as lease:
        lease.ensure(timedelta(seconds=1))


def test_a_lease_is_released_when_its_block_fails(store: RedisStore) -> None:
    """The error goes on."""
    with pytest.raises(KeyError), store.lease("pair", HOLD):
        raise KeyError
    with store.lease("pair", HOLD):
        pass


def test_a_lease_outlasts_the_call_that_it_was_proven_for(store: RedisStore) -> None:
    """It is extended when less than the call and a margin is left, and left alone otherwise."""
    with store.lease("pair", timedelta(seconds=2)) as lease:
        lease.ensure(timedelta(seconds=30))
        left = int(store._caller.command("PTTL", lease.key))  # noqa: SLF001 - the port does not tell
        assert 30_000 < left <= 30_500
        lease.ensure(timedelta(seconds=1))
        assert int(store._caller.command("PTTL", lease.key)) <= left  # noqa: SLF001 - the lease's own key, read as Redis sees it


def test_a_lost_lease_is_noticed_and_not_taken_back(store: RedisStore) -> None:
    """Run out or passed on, the old owner gets no proof, and its exit does not release the new owner's hold."""
    with store.lease("pair", HOLD) as old:
        store._caller.command("DEL", old.key)  # noqa: SLF001 - as if it had run out
        with pytest.raises(LeaseLost):
            old.ensure(timedelta(seconds=1))
        new = store.lease("pair", HOLD)
        lease = new.__enter__()
        with pytest.raises(LeaseLost):
            old.ensure(timedelta(seconds=1))
    lease.ensure(timedelta(seconds=1))
    new.__exit__(None, None, None)


# --- many at once, on a real server ---


def at_once(count: int, do: Callable[[int], object]) -> list[object]:
    """Do something in many threads that start together."""
    gate = threading.Barrier(count)
    results: list[object] = [None] * count

    def run(index: int) -> None:
        gate.wait()
        results[index] = do(index)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def begin_on(stores: list[RedisStore], work: Work, index: int) -> Claim | None:
    """Begin a work through one of many stores."""
    return stores[index].begin(work, HOLD)


def test_of_many_workers_one_gets_the_work(real_store: RedisStore, real_url: str) -> None:
    """However many begin at the same moment; and what is due is handed to one clock only."""
    stores = [RedisStore(connect(real_url, patience=HOLD), patience=HOLD) for _ in range(8)]
    for n in range(20):
        set_due(real_store, real_store.now() - HOUR, Work(WorkKind.END, f"g_{n}"))
    taken = at_once(8, lambda i: stores[i].due(Lane.ENDS, 5, HOLD))
    works = [work for part in taken if isinstance(part, tuple) for work in part]
    assert len(works) == len(set(works)) == 20
    for work in works[:5]:
        claims = at_once(8, partial(begin_on, stores, work))
        assert sum(claim is not None for claim in claims) == 1
    for each in stores:
        each.close()


# --- the model ---


@dataclass
class ModelWork:
    """One work as the port describes it; times are hours from now, claims run out at once or not within the test."""

    there: bool = False
    at: int = 0
    token: str = ""
    held: bool = False
    again: int | None = None
    attempts: int = 0

    @property
    def is_up(self) -> bool:
        """Tell whether it comes up for a clock now."""
        return self.there and not self.held and self.at <= 0


@dataclass
class Model:
    """The whole index."""

    works: dict[str, ModelWork] = field(default_factory=lambda: {name: ModelWork() for name in ("a", "b")})


class DueIndexMachine(RuleBasedStateMachine):
    """Random sets, drops, takes, begins, finishes and postpones of two works, by many workers, replays included."""

    claims: Bundle[tuple[str, Claim | None]] = Bundle("claims")
    names = st.sampled_from(["a", "b"])
    hours = st.sampled_from([-2, -1, 1, 2])

    def __init__(self) -> None:
        """Begin with an empty index."""
        super().__init__()
        client = fakeredis.FakeRedis(decode_responses=True, encoding_errors="surrogateescape", protocol=2)
        self.store = RedisStore(client, patience=HOLD)
        self.model = Model()
        self.now = self.store.now()

    def at(self, hours: int) -> datetime:
        """Give the time that many hours from the beginning."""
        return self.now + hours * HOUR

    @rule(name=names, hours=hours)
    def set_due(self, name: str, hours: int) -> None:
        """A set moves the work; a claimed one keeps its claim and is remembered."""
        set_due(self.store, self.at(hours), Work(WorkKind.END, name))
        work = self.model.works[name]
        work.there, work.at = True, hours
        if work.held:
            work.again = hours
        else:
            work.token, work.again, work.attempts = "", None, 0

    @rule(name=names)
    def drop(self, name: str) -> None:
        """A drop takes the work away; the claim of a live holder still keeps others out."""
        drop(self.store, Work(WorkKind.END, name))
        work = self.model.works[name]
        self.model.works[name] = replace(work, there=False, again=None) if work.held else ModelWork()

    @rule()
    def take(self) -> None:
        """A clock gets what is up, oldest first; it is up again at once, as it is handed over for no time."""
        taken = [work.subject for work in self.store.due(Lane.ENDS, 9, NO_TIME)]
        up = [(work.at, name) for name, work in self.model.works.items() if work.is_up]
        assert sorted(taken) == sorted(name for _, name in up)
        for name in taken:
            self.model.works[name].at = 0

    @rule(target=claims, name=names, long=st.booleans())
    def begin(self, name: str, long: bool) -> tuple[str, Claim | None]:  # noqa: FBT001 - hypothesis gives it by name
        """A begin claims a work that is there and not held."""
        claim = self.store.begin(Work(WorkKind.END, name), HOLD if long else NO_TIME)
        work = self.model.works[name]
        if not work.there or work.held:
            assert claim is None
            return name, None
        assert claim is not None
        work.attempts += 1
        assert claim.attempt == work.attempts
        work.token, work.held, work.again, work.at = claim.token, long, None, 0
        return name, claim

    @rule(claimed=claims, long=st.booleans())
    def renew(self, claimed: tuple[str, Claim | None], long: bool) -> None:  # noqa: FBT001 - hypothesis gives it by name
        """The claim's owner may prolong it, even one that ran out, if nobody took the work; any other may not."""
        name, claim = claimed
        if claim is None:
            return
        work = self.model.works[name]
        is_owner = work.token == claim.token
        if is_owner and not work.held and not work.there:
            return  # an owner of nothing: what it is told makes no difference
        assert self.store.renew(claim, HOLD if long or work.held else NO_TIME) is is_owner
        if is_owner:
            work.held = work.held or long
            work.at = 0 if not work.held else work.at

    @rule(claimed=claims)
    def finish(self, claimed: tuple[str, Claim | None]) -> None:
        """A finish by the claim's owner takes the work away unless it was set anew; by any other it does nothing."""
        name, claim = claimed
        if claim is None:
            return
        finished = self.store.finish(claim)
        work = self.model.works[name]
        if work.token == claim.token:
            if work.there and work.again is not None:
                self.model.works[name] = ModelWork(there=True, at=work.again)
            else:
                self.model.works[name] = ModelWork()
        assert finished is not self.model.works[name].there

    @rule(claimed=claims, hours=hours)
    def postpone(self, claimed: tuple[str, Claim | None], hours: int) -> None:
        """A postpone by the claim's owner moves the work, not past what was set meanwhile; by any other, nothing."""
        name, claim = claimed
        if claim is None:
            return
        self.store.postpone(claim, self.at(hours))
        work = self.model.works[name]
        if work.token == claim.token:
            if not work.there:
                self.model.works[name] = ModelWork()
                return
            work.at = hours if work.again is None else min(hours, work.again)
            work.attempts = work.attempts if work.again is None else 0
            work.token, work.held, work.again = "", False, None

    @invariant()
    def same_works_are_there(self) -> None:
        """The index holds what the model holds, and as many are up."""
        counts = self.store.count()
        assert counts["due.ends"] == sum(work.there for work in self.model.works.values())
        assert counts["ready.ends"] == sum(work.is_up for work in self.model.works.values())


def test_any_interleaving_does_what_the_port_says() -> None:
    """Random steps on the fake server agree with a model that has no server."""
    run_state_machine_as_test(DueIndexMachine, settings=settings(max_examples=60, stateful_step_count=30))
