"""The store and the queue on a primary that fails and is replaced: what was confirmed is there, and work goes on."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest

from accessbot.adapters.redis_client import WEB_PATIENCE, connect
from accessbot.adapters.redis_store import RedisStore
from accessbot.adapters.rq_queue import RqQueue, rq_connection
from accessbot.domain.errors import StoreUnavailable, Unclear
from accessbot.domain.model import GrantState
from accessbot.domain.work import Due, Lane, Work, WorkKind
from accessbot.ports import Change
from tests.contract.records import HOUR, a_grant, a_request, an_event
from tests.support.redis_group import Group, redis_group, until

PATIENCE = timedelta(seconds=15)


@pytest.fixture
def group() -> Iterator[Group]:
    """Run a primary, two replicas and a Sentinel."""
    with redis_group() as running:
        yield running


def store_on(group: Group, patience: timedelta = PATIENCE) -> RedisStore:
    """Make a store that asks the Sentinel."""
    return RedisStore(connect(group.url, patience=patience), patience=patience)


class Writer(threading.Thread):
    """Writes grant after grant until it is told to stop; what was confirmed by a replica is kept in `confirmed`."""

    def __init__(self, store: RedisStore) -> None:
        super().__init__()
        self.store = store
        self.confirmed: list[str] = []
        self.errors: list[Exception] = []
        self.stop = threading.Event()

    def run(self) -> None:
        """Write, confirm, and do what gave no answer again, under its own name."""
        n = 0
        while not self.stop.is_set():
            grant = a_grant(id=f"g_{n}", state=GrantState.ACTIVE)
            change = Change(op=f"op-{n}", puts=(grant,), events=(an_event(subject=grant.id),))
            try:
                self.store.commit(change)
                self.store.confirm()
            except (StoreUnavailable, Unclear) as error:
                self.errors.append(error)
                continue
            self.confirmed.append(grant.id)
            n += 1


def test_nothing_that_was_confirmed_is_lost_with_the_primary(group: Group) -> None:
    """Killed in the middle of writes: another takes its place, each call that waited goes on, nothing is doubled."""
    store = store_on(group)
    writer = Writer(store)
    writer.start()
    until("some grants", lambda: len(writer.confirmed) > 50)
    lost = group.primary()
    lost.kill()
    before = len(writer.confirmed)
    until("another primary", lambda: group.primary() is not lost)
    until("writes to go on", lambda: len(writer.confirmed) > before + 50)
    writer.stop.set()
    writer.join()
    after = store_on(group)
    assert {g.id for g in after.grants_of("U1")} >= set(writer.confirmed)
    subjects = [e.subject for e in after.audit()]
    assert set(subjects) >= set(writer.confirmed)
    assert len(subjects) == len(set(subjects))
    for each in (store, after):
        each.close()


def test_a_demoted_primary_is_left_by_itself(group: Group) -> None:
    """With all servers alive: used connections of the store and of the queue find the new one, and no call fails."""
    store, queue = store_on(group), RqQueue(rq_connection(group.url))
    work = Work(WorkKind.END, "g_1")
    store.commit(Change(op="a", puts=(a_request(),), due=(Due(work, store.now()),)))
    store.confirm()
    queue.push(work)
    group.fail_over()
    assert store.request("r_1") == a_request(rev=1)
    assert store.commit(Change(op="b", puts=(a_request(rev=1, reason="after"),))) is True
    assert store.begin(work, HOUR) is not None
    before = queue.waiting(Lane.ENDS)
    queue.push(work)
    assert queue.waiting(Lane.ENDS) == before + 1
    store.confirm()
    store.close()


def test_without_a_primary_nothing_was_written_and_that_is_said_in_time(group: Group) -> None:
    """While nobody is primary yet a write is refused, on used connections and on new ones; then it is done."""
    used, new = store_on(group, timedelta(seconds=0.4)), store_on(group, timedelta(seconds=0.4))
    used.now()
    group.primary().kill()
    for store in (used, new):
        with pytest.raises(StoreUnavailable):
            store.commit(Change(op="a", puts=(a_request(),)))
    patient = store_on(group)
    assert patient.commit(Change(op="a", puts=(a_request(),))) is True
    for store in (used, new, patient):
        store.close()


def test_a_primary_without_replicas_confirms_nothing(group: Group) -> None:
    """Cut off from all others it might be no primary any more: the intent is not taken as kept."""
    store = store_on(group, timedelta(seconds=2))
    store.commit(Change(op="a", puts=(a_request(),)))
    primary = group.primary()
    for server in group.servers:
        if server is not primary:
            server.kill()
    with pytest.raises(StoreUnavailable):
        store.confirm()
    store.close()


def test_sentinels_that_fall_silent_are_told_in_under_three_seconds() -> None:
    """Three that take connections and never answer: a process that people wait for says "not now" in time."""
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        hosts = ",".join(f"127.0.0.1:{each.getsockname()[1]}" for each in silent)
        store = RedisStore(connect(f"redis+sentinel://{hosts}/main", patience=WEB_PATIENCE), patience=WEB_PATIENCE)
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            store.commit(Change(op="a"))
        assert time.monotonic() - began < 3
        store.close()


def test_a_service_that_the_sentinels_do_not_know_is_told(group: Group) -> None:
    """With the name of the variable that holds it."""
    url = group.url.replace("/accessbot/", "/mymaster/")
    store = RedisStore(connect(url, patience=timedelta(seconds=0.4)), patience=timedelta(seconds=0.4))
    with pytest.raises(StoreUnavailable, match="service in REDIS_URL"):
        store.now()
    store.close()
