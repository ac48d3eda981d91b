"""What the contract suites run over: a fake and a real server, each test with an empty database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import fakeredis
import pytest
import redis

from accessbot.adapters.redis_client import connect
from accessbot.adapters.redis_store import RedisStore
from accessbot.adapters.rq_queue import rq_connection
from accessbot.sandbox.redis_server import RedisServer

PATIENCE = timedelta(seconds=2)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Run a real server for this process of the test run."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def real_url(redis_server: RedisServer) -> str:
    """Give the address of an empty database on the real server."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


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
