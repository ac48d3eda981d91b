"""What the contract suites run over: a fake and a real server, each test with an empty database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import fakeredis
import pytest
import redis

from accessbot.adapters.redis_client import connect
from accessbot.adapters.redis_store import RedisStore
from accessbot.adapters.rq_queue import rq_connection
from accessbot.sandbox.redis_server import RedisServer
from tests.support.redis_docs import make_user

PATIENCE = timedelta(seconds=2)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Run a real server for this process of the test run."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def real_url(redis_server: RedisServer) -> str:
    """Give the address of an empty database on the real server, for a user with just the rights that it needs."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return make_user(redis_server.url)


@pytest.fixture
def real_store(real_url: str) -> Iterator[RedisStore]:
    """Give the store on the real server."""
    store = RedisStore(connect(real_url, patience=PATIENCE), patience=PATIENCE)
    yield store
    store.close()


@pytest.fixture(params=["fake", "real"])
def store(request: pytest.FixtureRequest) -> Iterator[RedisStore]:
    """Give the store, once on a fake in this process and once on a real server."""
    if request.param == "real":
        yield request.getfixturevalue("real_store")
        return
    client = fakeredis.FakeRedis(decode_responses=True, encoding_errors="surrogateescape", protocol=2)
    store = RedisStore(client, patience=PATIENCE)
    yield store
    store.close()


@pytest.fixture(params=["fake", "real"])
def client(request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    """Give the store's own kind of client, on an empty database: the fake, then a real server."""
    if request.param == "real":
        made = connect(request.getfixturevalue("real_url"), patience=PATIENCE)
    else:
        made = fakeredis.FakeRedis(decode_responses=True, encoding_errors="surrogateescape", protocol=2)
    yield made
    made.close()


@pytest.fixture(params=["fake", "real"])
def rq_client(request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    """Give RQ's client, once on a fake and once on a real server."""
    client = (
        rq_connection(request.getfixturevalue("real_url"))
        if request.param == "real"
        else fakeredis.FakeRedis(protocol=2)
    )
    yield client
    client.close()


# --- what a test looks at that accessbot itself has no right to, and never needs


@pytest.fixture
def admin_store(store: RedisStore, request: pytest.FixtureRequest) -> Iterator[RedisStore]:
    """Give the same database as `store`, for a user who may do everything."""
    if isinstance(store._caller.client, fakeredis.FakeRedis):  # noqa: SLF001 - to follow where `store` leads
        yield store
        return
    made = RedisStore(connect(request.getfixturevalue("redis_server").url, patience=PATIENCE), patience=PATIENCE)
    yield made
    made.close()


@pytest.fixture
def rq_admin(rq_client: redis.Redis, request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    """Give the same database as `rq_client`, for a user who may do everything."""
    if isinstance(rq_client, fakeredis.FakeRedis):
        yield rq_client
        return
    client = rq_connection(request.getfixturevalue("redis_server").url)
    yield client
    client.close()


@pytest.fixture
def used(real_store: RedisStore, redis_server: RedisServer) -> Callable[[], int]:
    """Give what sums up the bytes of every key of `real_store`, by the server's own word."""
    assert real_store is not None

    def count() -> int:
        with redis.Redis.from_url(redis_server.url) as client:
            return sum(int(client.memory_usage(key, samples=0) or 0) for key in client.scan_iter("accessbot:*"))

    return count
