"""What the store does when the server is away, slow, full, read-only, restarted, or asked by many at once."""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis

from accessbot.adapters.redis_client import WEB_PATIENCE, connect, within
from accessbot.adapters.redis_store import RedisStore
from accessbot.adapters.rq_queue import RqQueue, rq_connection
from accessbot.domain.errors import AccessbotError, Conflict, StoreUnavailable, Unclear
from accessbot.domain.model import GrantState, RequestState
from accessbot.domain.work import Due, Lane, Work, WorkKind
from accessbot.ports import Change
from accessbot.sandbox.redis_server import RedisServer, find_server
from tests.contract.records import HOUR, a_grant, a_request, an_event
from tests.support.redis_proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable

SHORT = timedelta(milliseconds=400)
LONG = timedelta(seconds=20)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """Run a real server for one test, which may end it."""
    with RedisServer() as server:
        yield server


def store_on(url: str, patience: timedelta = SHORT) -> RedisStore:
    """Make a store of its own client."""
    return RedisStore(connect(url, patience=patience), patience=patience)


def lasts(do: Callable[[], object], expected: type[AccessbotError]) -> float:
    """Do what must fail; give the seconds it took."""
    began = time.monotonic()
    with pytest.raises(expected):
        do()
    return time.monotonic() - began


# --- away ---


def test_a_server_that_is_away_is_told_in_under_three_seconds(server: RedisServer) -> None:
    """A read and a commit both say that nothing was written, on used connections and on new ones."""
    used, new = store_on(server.url, WEB_PATIENCE), store_on(server.url, WEB_PATIENCE)
    used.commit(Change(op="a", puts=(a_request(),)))
    server.kill()
    assert lasts(lambda: used.commit(Change(op="b")), StoreUnavailable) < 3
    assert lasts(lambda: new.request("r_1"), StoreUnavailable) < 3
    for store in (used, new):
        store.close()


def test_a_server_that_falls_silent_is_told_in_under_three_seconds(server: RedisServer) -> None:
    """A read is unavailable; a write on an open connection may have happened, on a new one it cannot have."""
    used, new = store_on(server.url, WEB_PATIENCE), store_on(server.url, WEB_PATIENCE)
    used.now()
    server.freeze()
    assert lasts(lambda: used.commit(Change(op="b", events=(an_event(),))), Unclear) < 3
    assert lasts(lambda: used.request("r_1"), StoreUnavailable) < 3
    assert lasts(lambda: new.commit(Change(op="c")), StoreUnavailable) < 3
    server.thaw()
    for store in (used, new):
        store.close()


def test_several_calls_can_share_one_deadline(server: RedisServer) -> None:
    """A verb of several calls ends in the time of one."""
    store = store_on(server.url, LONG)
    store.now()
    server.kill()
    began = time.monotonic()
    with within(timedelta(seconds=0.5)), within(LONG):
        for _ in range(3):
            assert lasts(store.now, StoreUnavailable) < 1
    assert time.monotonic() - began < 2
    store.close()


def test_a_store_finds_its_server_again_by_itself(server: RedisServer) -> None:
    """A call that began while the server was away gets its answer when it is back."""
    store = store_on(server.url, LONG)
    store.commit(Change(op="a", puts=(a_request(),)))
    server.kill()
    back = threading.Timer(0.3, server.start)
    back.start()
    assert store.request("r_1") == a_request(rev=1)
    back.join()
    store.close()


def test_a_wrong_password_is_told_without_the_password(server: RedisServer) -> None:
    """One clear sentence, at once."""
    with redis.Redis.from_url(server.url) as client:
        client.config_set("requirepass", "right-horse")
    for url in (server.url.replace("127", ":wrong-staple@127"), server.url):
        store = store_on(url, LONG)
        with pytest.raises(StoreUnavailable, match=r"password in REDIS_URL") as caught:
            store.commit(Change(op="a"))
        assert "staple" not in str(caught.value) + caught.value.sentence
        store.close()


def test_another_scheme_is_a_mistake_of_the_setting() -> None:
    """It is told before anything is tried."""
    with pytest.raises(ValueError, match="no Redis address"):
        connect("https://127.0.0.1", patience=SHORT)


def test_a_server_behind_a_socket_file_is_reached_too() -> None:
    """Both by the store and by the queue."""
    # A socket's path is at most 107 bytes long, which a test's own folder may pass.
    with tempfile.TemporaryDirectory(prefix="ab-") as folder:
        path = Path(folder, "redis.sock")
        options = ("--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder)
        server = subprocess.Popen([str(find_server()), *options], stdout=subprocess.DEVNULL)
        try:
            store = store_on(f"unix://{path}", LONG)
            assert store.commit(Change(op="a", puts=(a_request(),))) is True
            assert RqQueue(rq_connection(f"unix://{path}")).waiting(Lane.FAST) == 0
            store.close()
        finally:
            server.kill()
            server.wait()


# --- no answer ---


def test_a_commit_whose_answer_was_lost_is_played_again_and_won(real_url: str) -> None:
    """The retry finds its own first write, and tells the winner that he won; nothing is doubled."""
    proxy = Proxy(real_url, lose=2)
    store = store_on(proxy.url, LONG)
    assert store.commit(Change(op="a", puts=(a_request(),), events=(an_event(),))) is True
    assert store.request("r_1") == a_request(rev=1)
    assert len(list(store.audit())) == 1
    assert store.commit(Change(op="a", puts=(a_request(),))) is False
    store.close()
    proxy.close()


def test_a_commit_that_is_never_answered_is_unclear_and_can_be_played_again(real_url: str) -> None:
    """Later, the same operation finds that it was written, or writes it."""
    proxy = Proxy(real_url, lose=1000)
    store = store_on(proxy.url)
    with pytest.raises(Unclear, match="nothing happens twice"):
        store.commit(Change(op="a", puts=(a_request(),)))
    proxy.lose = 0
    assert store.commit(Change(op="a", puts=(a_request(),))) is False
    assert store.request("r_1") == a_request(rev=1)
    store.close()
    proxy.close()


def test_every_other_write_survives_a_lost_answer(real_url: str) -> None:
    """A first sight stays the first, a claim and a lease stay their owner's, an end stays an end."""
    proxy = Proxy(real_url, lose=0)
    store = store_on(proxy.url, LONG)
    work = Work(WorkKind.END, "g_1")
    store.commit(Change(op="a", due=(Due(work, store.now()),)))
    proxy.lose = 1
    assert store.first_sight("Ev1", HOUR) is True
    proxy.lose = 1
    claim = store.begin(work, HOUR)
    assert claim is not None
    assert claim.attempt == 1
    proxy.lose = 1
    assert store.finish(claim) is True
    proxy.lose = 1
    with store.lease("pair", HOUR) as lease:
        proxy.lose = 1
        lease.ensure(HOUR)
    assert proxy.lose == 0
    store.close()
    proxy.close()


def test_a_lease_that_cannot_be_released_runs_out_by_itself(server: RedisServer) -> None:
    """The block's own outcome stands, and the failure is logged."""
    store = store_on(server.url)
    with store.lease("pair", timedelta(seconds=1)):
        server.kill()
    server.start()
    store.close()


def test_a_lease_is_no_proof_when_the_server_is_away(server: RedisServer) -> None:
    """No call may be made then."""
    store = store_on(server.url)
    with store.lease("pair", HOUR) as lease:
        server.kill()
        with pytest.raises(StoreUnavailable):
            lease.ensure(timedelta(seconds=1))
    store.close()


# --- replicas, and what is kept ---


def _follow(replica: RedisServer, primary: RedisServer) -> None:
    """Make a server a replica, and wait until it holds all that the primary has."""
    port = primary.url.rpartition(":")[2].partition("/")[0]
    with redis.Redis.from_url(replica.url) as client, redis.Redis.from_url(primary.url) as source:
        source.config_set("repl-diskless-sync-delay", "0")
        client.execute_command("REPLICAOF", "127.0.0.1", port)
        deadline = time.monotonic() + 15
        while not _acknowledged(source):
            assert time.monotonic() < deadline


def _acknowledged(primary: redis.Redis) -> bool:
    pipe = primary.pipeline(transaction=False)
    pipe.set("probe", "1")
    pipe.wait(1, 200)
    return bool(pipe.execute()[1])


def _confirm(store: RedisStore) -> None:
    """Confirm as its callers do: a replica that is slow, as on a busy machine, is asked again."""
    deadline = time.monotonic() + 30
    while True:
        try:
            store.confirm()
        except StoreUnavailable:
            assert time.monotonic() < deadline
        else:
            return


def test_a_replica_is_no_place_to_write(server: RedisServer) -> None:
    """The sentence says where to look."""
    with RedisServer() as replica:
        _follow(replica, server)
        store = store_on(replica.url)
        with pytest.raises(StoreUnavailable, match="read-only replica"):
            store.commit(Change(op="b"))
        store.close()


def test_with_a_replica_a_write_is_confirmed_by_it(server: RedisServer) -> None:
    """The facts know of it, confirming waits for it, and fails while it is silent."""
    with RedisServer() as replica:
        _follow(replica, server)
        store = store_on(server.url)
        assert store.facts().replicas == 1
        store.commit(Change(op="a", puts=(a_request(),)))
        _confirm(store)
        copy = store_on(replica.url)
        assert copy.request("r_1") == a_request(rev=1)
        replica.freeze()
        with pytest.raises(StoreUnavailable, match="replica"):
            store.confirm()
        replica.thaw()
        store.close()
        copy.close()


def test_all_that_was_acknowledged_survives_a_crash() -> None:
    """With every write on disk, killing the server in the middle of commits loses none that was answered."""
    with RedisServer(fsync="always") as server:
        store = store_on(server.url, timedelta(seconds=3))  # a disk of a busy machine may stall
        written: list[str] = []

        def write() -> None:
            try:
                for n in range(100_000):
                    grant = a_grant(id=f"g_{n}", state=GrantState.ACTIVE)
                    store.commit(Change(op=f"op-{n}", puts=(grant,), events=(an_event(subject=grant.id),)))
                    written.append(grant.id)
            except (StoreUnavailable, Unclear):
                return

        writer = threading.Thread(target=write)
        writer.start()
        deadline = time.monotonic() + 20
        while len(written) < 200:
            assert time.monotonic() < deadline
        server.kill()
        writer.join()
        server.start()
        after = store_on(server.url, LONG)
        assert all(after.grant(name) for name in written)
        assert {g.id for g in after.grants_of("U1")} >= set(written)
        assert {e.subject for e in after.audit()} >= set(written)
        assert not after.commit(Change(op=f"op-{len(written) - 1}"))
        store.close()
        after.close()


def test_the_facts_say_what_is_kept(server: RedisServer) -> None:
    """Version, append-only file, snapshots, eviction, role."""
    store = store_on(server.url)
    facts = store.facts()
    assert facts.version
    assert (facts.append_only, facts.snapshots, facts.keeps) == (True, False, True)
    assert (facts.eviction, facts.role, facts.replicas, facts.cluster) == ("noeviction", "master", 0, False)
    with redis.Redis.from_url(server.url) as client:
        client.config_set("appendonly", "no")
    assert store.facts().keeps is False
    with redis.Redis.from_url(server.url) as client:
        client.config_set("save", "900 1")
    assert store.facts().keeps is True
    store.close()


# --- many at once ---


def decide(gate: threading.Barrier, request_id: str, store: RedisStore, index: int) -> bool:
    """Read a request, wait for the others, and approve it; tell whether that was written."""
    mine = store.request(request_id)
    assert mine is not None
    gate.wait()
    decided = replace(mine, state=RequestState.APPROVED, decided_by=f"U{index}")
    due = Due(Work(WorkKind.PROVISION, f"{request_id}/{index}"), mine.created_at)
    try:
        return store.commit(
            Change(op=f"{request_id}-{index}", puts=(decided,), events=(an_event(),), due=(due,)),
        )
    except Conflict:
        return False


def test_of_many_approvers_at_once_one_decides(real_url: str) -> None:
    """Each reads the request and commits a decision: one is written, all others conflict."""
    stores = [store_on(real_url, LONG) for _ in range(12)]
    for n in range(10):
        request = a_request(id=f"r_{n}")
        stores[0].commit(Change(op=f"ask-{n}", puts=(request,)))
        gate = threading.Barrier(len(stores))
        with ThreadPoolExecutor(len(stores)) as pool:
            outcomes = list(pool.map(partial(decide, gate, request.id), stores, range(len(stores))))
        won = [index for index, outcome in enumerate(outcomes) if outcome]
        assert len(won) == 1
        decided = stores[0].request(f"r_{n}")
        assert decided is not None
        assert (decided.decided_by, decided.rev) == (f"U{won[0]}", 2)
    assert stores[0].count()["audit"] == 10
    assert len(stores[0].due(Lane.FAST, 99, HOUR)) == 10
    for each in stores:
        each.close()
