"""What the store does with each way in which a server refuses: wait until it has passed, or tell what is wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
import redis

from accessbot.adapters.redis_client import connect, within
from accessbot.adapters.redis_store import RedisStore
from accessbot.domain.errors import StoreUnavailable
from accessbot.domain.model import GrantState, RequestState
from accessbot.ports import Change
from accessbot.sandbox.redis_server import RedisServer
from tests.contract.records import a_grant, a_request, an_event
from tests.support.redis_proxy import Proxy

SHORT = timedelta(milliseconds=400)
LONG = timedelta(seconds=20)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """Run a real server for one test, which may change its settings."""
    with RedisServer() as server:
        yield server


def store_on(url: str, patience: timedelta = SHORT) -> RedisStore:
    """Make a store of its own client."""
    return RedisStore(connect(url, patience=patience), patience=patience)


PASSING = (
    "LOADING Redis is loading the dataset in memory",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "NOREPLICAS Not enough good replicas to write.",
    "ERR max number of clients reached",
)
LASTING = {
    "MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist on disk.": "its disk",
    "OOM command not allowed when used memory > 'maxmemory'.": "out of memory",
}


@pytest.mark.parametrize("refusal", PASSING, ids=lambda text: text.split()[0])
def test_a_refusal_that_passes_is_waited_for(real_url: str, refusal: str) -> None:
    """The commit is made once it has passed, and once only; when patience ends before, nothing was written."""
    proxy = Proxy(real_url, refusal=refusal, refusals=6)
    store = store_on(proxy.url, LONG)
    assert store.commit(Change(op="a", puts=(a_request(),), events=(an_event(),))) is True
    assert len(list(store.audit())) == 1
    proxy.refusals = 10_000
    hasty = store_on(proxy.url)
    for each in (hasty, store):
        with within(SHORT), pytest.raises(StoreUnavailable):
            each.commit(Change(op="b", events=(an_event(),)))
        each.close()
    proxy.close()


@pytest.mark.parametrize("refusal", LASTING, ids=lambda text: text.split()[0])
def test_a_refusal_that_lasts_is_told_at_once(real_url: str, refusal: str) -> None:
    """With what is wrong at the server; the same operation is done when that is mended."""
    proxy = Proxy(real_url)
    store = store_on(proxy.url, LONG)
    store.now()
    proxy.refusal, proxy.refusals = refusal, 1
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match=LASTING[refusal]):
        store.commit(Change(op="a", puts=(a_request(),)))
    assert time.monotonic() - began < 2
    assert store.commit(Change(op="a", puts=(a_request(),))) is True
    store.close()
    proxy.close()


def test_a_server_with_too_many_clients_is_waited_for(server: RedisServer) -> None:
    """A real one: the call is answered once there is room."""
    with redis.Redis.from_url(server.url) as admin:
        admin.config_set("maxclients", 1)
        store = store_on(server.url)
        with pytest.raises(StoreUnavailable):
            store.commit(Change(op="a", puts=(a_request(),)))
        admin.config_set("maxclients", 100)
        assert store.commit(Change(op="a", puts=(a_request(),))) is True
        store.close()


def test_a_server_that_loads_its_data_is_waited_for(server: RedisServer) -> None:
    """A real one that is started again with much to read: what was written is there, and so is what comes next."""
    store = store_on(server.url, LONG)
    for n in range(20):
        grants = tuple(a_grant(id=f"g_{n}_{k}", state=GrantState.ACTIVE) for k in range(100))
        store.commit(Change(op=f"op-{n}", puts=grants))
    server.kill()
    threading.Thread(target=server.start).start()
    assert store.commit(Change(op="after", puts=(a_request(),))) is True
    assert sum(1 for _ in store.grants()) == 2000
    store.close()


def test_a_full_server_refuses_before_anything_is_written(server: RedisServer) -> None:
    """The sentence says so; reads go on."""
    store = store_on(server.url)
    store.commit(Change(op="a", puts=(a_request(),)))
    with redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory", "1mb")
    with pytest.raises(StoreUnavailable, match="maxmemory"):
        store.commit(Change(op="b", puts=(a_request(rev=1, state=RequestState.DENIED),), events=(an_event(),)))
    assert store.request("r_1") == a_request(rev=1)
    assert [r.id for r in store.pending_of("U1")] == ["r_1"]
    assert list(store.audit()) == []
    store.close()


def test_a_server_that_forgot_the_scripts_is_taught_them_again(server: RedisServer) -> None:
    """Nobody notices."""
    store = store_on(server.url)
    store.commit(Change(op="a", puts=(a_request(),)))
    with redis.Redis.from_url(server.url) as client:
        client.script_flush()
    assert store.commit(Change(op="b", puts=(a_grant(),))) is True
    store.close()


def test_a_user_without_rights_is_told_so(server: RedisServer) -> None:
    """Facts that may not be asked for are unknown; a write that is not allowed is a clear refusal."""
    with redis.Redis.from_url(server.url) as client:
        client.execute_command("ACL", "SETUSER", "reader", "on", ">pw", "~*", "+get", "+ping", "+client", "+hello")
    store = store_on(server.url.replace("127", "reader:pw@127"), LONG)
    facts = store.facts()
    assert (facts.version, facts.eviction, facts.append_only, facts.keeps) == (None, None, None, None)
    with pytest.raises(StoreUnavailable, match="ACL"):
        store.commit(Change(op="a"))
    store.close()
