"""What a living process keeps and a dead one loses: claims that are prolonged, and leases that end its calls."""

from __future__ import annotations

import time
from datetime import timedelta

import fakeredis
import pytest
import redis

from accessbot.adapters.redis_store import RedisStore
from accessbot.domain.errors import LeaseLost
from accessbot.domain.work import Due, Lane, Work, WorkKind
from accessbot.ports import Change, Claim, calls_until
from accessbot.service import keeping
from accessbot.service.keeping import Keeper
from tests.support.clock import movable_clock

SECOND = timedelta(seconds=1)
SOON = timedelta(milliseconds=1)
HOLD = timedelta(minutes=5)
WORK = Work(WorkKind.END, "g_1")


def claimed(store: RedisStore, hold: timedelta = HOLD) -> Claim:
    """Set the work due, and begin it."""
    store.commit(Change(op="due", due=(Due(WORK, store.now()),)))
    claim = store.begin(WORK, hold)
    assert claim is not None
    return claim


def test_a_prolonged_claim_does_not_come_up(store: RedisStore) -> None:
    """Prolonged, a work is nobody else's, even if the claim had run out already when nobody took it."""
    claim = claimed(store, timedelta(0))
    assert store.renew(claim, HOLD)
    assert store.begin(WORK, HOLD) is None
    assert store.due(Lane.ENDS, 9, HOLD) == ()
    assert store.finish(claim)
    assert store.count()["due.ends"] == 0


def test_a_claim_that_another_has_cannot_be_prolonged(store: RedisStore) -> None:
    """Whoever was taken for dead learns of it, and changes nothing for the new owner."""
    claim = claimed(store, timedelta(0))
    other = store.begin(WORK, timedelta(0))
    assert other is not None
    assert not store.renew(claim, HOLD)
    assert store.due(Lane.ENDS, 9, timedelta(0)) == (WORK,)
    assert store.finish(other)
    assert not store.renew(claim, HOLD)
    assert not store.renew(other, HOLD)


def test_a_work_dropped_while_it_is_done_stays_dropped(store: RedisStore) -> None:
    """Prolonging brings nothing back into the index; set due anew it still waits for the claim's end."""
    claim = claimed(store)
    store.commit(Change(op="drop", dropped=(WORK,)))
    assert store.renew(claim, HOLD)
    assert store.count()["due.ends"] == 0
    store.commit(Change(op="anew", due=(Due(WORK, store.now()),)))
    assert store.begin(WORK, HOLD) is None
    assert not store.finish(claim)
    assert store.begin(WORK, HOLD) is not None


@pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=1)], ids=["now", "later"])
def test_a_work_set_due_anew_keeps_its_new_time(store: RedisStore, later: timedelta) -> None:
    """What was set due while it is done comes up at its time, or when the prolonged claim ends."""
    claim = claimed(store)
    store.commit(Change(op="anew", due=(Due(WORK, store.now() + later),)))
    assert store.renew(claim, HOLD)
    assert store.due(Lane.ENDS, 9, HOLD) == ()
    assert not store.finish(claim)
    assert store.due(Lane.ENDS, 9, HOLD) == (() if later else (WORK,))


def test_a_keeper_prolongs_the_work_at_hand_and_not_for_ever() -> None:
    """For as long as a work is done nobody else gets it, up to the time after which its worker counts as stuck."""
    with movable_clock() as clock:
        client = fakeredis.FakeRedis(decode_responses=True, encoding_errors="surrogateescape", protocol=2)
        store = RedisStore(client, patience=SECOND)
        keeper = Keeper(store)
        claim = claimed(store, keeping.HOLD)
        with keeper(claim):
            for _ in range(20):
                clock.move(keeping.EVERY)
                keeper.renew()
                assert store.begin(WORK, keeping.HOLD) is None
            keeper.most = timedelta(0)
        with keeper(claim):
            keeper.renew()
            clock.move(keeping.HOLD)
            assert store.begin(WORK, keeping.HOLD) is not None


def test_a_keeper_lets_go_of_what_another_has() -> None:
    """A process that stood still for longer than its claim does not take the work back when it wakes up."""
    with movable_clock() as clock:
        client = fakeredis.FakeRedis(decode_responses=True, encoding_errors="surrogateescape", protocol=2)
        store = RedisStore(client, patience=SECOND)
        keeper = Keeper(store)
        claim = claimed(store, keeping.HOLD)
        with keeper(claim):
            clock.move(keeping.HOLD)
            other = store.begin(WORK, keeping.HOLD)
            assert other is not None
            keeper.renew()
            clock.move(keeping.HOLD - SOON)
            assert store.begin(WORK, keeping.HOLD) is None
            clock.move(SOON)
            assert store.begin(WORK, keeping.HOLD) is not None


def test_a_lease_says_until_when_calls_may_last(store: RedisStore) -> None:
    """From its beginning on, and anew with each proof, always before it ends itself; afterwards nothing holds."""
    assert calls_until.get() is None
    began = time.monotonic()
    with store.lease("pair", timedelta(seconds=2)) as lease:
        first = calls_until.get()
        assert first is not None
        assert began + 1 < first < time.monotonic() + 2
        lease.ensure(timedelta(seconds=4))
        proven = calls_until.get()
        assert proven is not None
        assert began + 4 <= proven < time.monotonic() + 4.5
    assert calls_until.get() is None


def test_a_lease_that_is_lost_gives_calls_no_more_time(client: redis.Redis) -> None:
    """A proof that fails does not move the time on."""
    with RedisStore(client, patience=SECOND).lease("pair", HOLD) as lease:
        before = calls_until.get()
        client.delete("accessbot:lease:pair")
        with pytest.raises(LeaseLost):
            lease.ensure(timedelta(seconds=4))
        assert calls_until.get() == before
