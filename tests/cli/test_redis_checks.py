"""What the doctor says of a Redis, by what that says of itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import redis

from accessbot.adapters.redis_client import connect
from accessbot.adapters.redis_facts import StoreFacts
from accessbot.adapters.redis_store import RedisStore
from accessbot.cli.findings import Status
from accessbot.cli.redis_checks import judge
from tests.support.redis_docs import make_user
from tests.support.redis_group import redis_group, until

PATIENCE = timedelta(seconds=5)
HEALTHY = StoreFacts(
    server="redis",
    version="7.0.15",
    append_only=True,
    snapshots=False,
    fsync="everysec",
    disk_fails=False,
    eviction="noeviction",
    max_memory=0,
    used_memory=2**20,
    role="master",
    replicas=0,
    needs_replicas=False,
    watched=False,
    cluster=False,
    mark="",
)


def said(facts: StoreFacts) -> list[tuple[Status, str]]:
    """Judge a server that is not being restored."""
    return [(found.status, found.detail) for found in judge(facts, restoring=False)]


def test_a_healthy_server_is_told_with_what_it_is() -> None:
    """Alone, with a replica, with two; Valkey as Redis."""
    assert said(HEALTHY) == [(Status.OK, "Redis 7.0.15 answers, 1.0 MB in use")]
    assert said(replace(HEALTHY, replicas=1, needs_replicas=True))[0][1].endswith("in use, 1 replica")
    two = replace(HEALTHY, server="valkey", version="8.1", replicas=2, needs_replicas=True, watched=True)
    assert said(two) == [(Status.OK, "Valkey 8.1 answers, 1.0 MB in use, 2 replicas")]


@pytest.mark.parametrize(
    ("changed", "status", "says"),
    [
        ({"version": "6.2.14"}, Status.WRONG, "is too old: use Redis 7.0 or newer"),
        ({"cluster": True}, Status.WRONG, "is a cluster"),
        ({"role": "slave"}, Status.WRONG, "is a read-only replica"),
        ({"append_only": False}, Status.WARNING, "keeps nothing on disk"),
        ({"append_only": False, "snapshots": True}, Status.WARNING, "saves snapshots only"),
        ({"append_only": None, "snapshots": None}, Status.WARNING, "does not say whether it keeps anything"),
        ({"fsync": "no"}, Status.WARNING, "set appendfsync always"),
        ({"disk_fails": True}, Status.WRONG, "its last write to its disk failed"),
        ({"eviction": "allkeys-lru"}, Status.WARNING, "set maxmemory-policy noeviction"),
        ({"eviction": None}, Status.WARNING, "does not say whether it may evict"),
        ({"max_memory": 2**20 + 2**14}, Status.WARNING, "98 % of its memory is in use"),
        ({"replicas": 1}, Status.WARNING, "set min-replicas-to-write 1"),
        ({"watched": True}, Status.WRONG, "no replica follows the primary"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_what_is_not_as_it_should_be_is_told_with_what_to_do(
    changed: dict[str, Any], status: Status, says: str
) -> None:
    """One finding for one thing."""
    (found,) = [each for each in said(replace(HEALTHY, **changed)) if each[0] is not Status.OK]
    assert found[0] is status
    assert says in found[1]


def test_the_documented_user_can_tell_all_that_matters(redis_url: str) -> None:
    """Without a right to read the configuration."""
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("appendonly", "yes")
    store = RedisStore(connect(make_user(redis_url), patience=PATIENCE), patience=PATIENCE)
    (found,) = said(store.facts())
    assert found[0] is Status.OK
    store.close()


def test_what_a_watched_primary_says_of_its_replicas() -> None:
    """They are counted, and that it needs one is known; with all of them gone that is wrong."""
    with redis_group() as group:
        store = RedisStore(connect(group.url, patience=PATIENCE), patience=PATIENCE)
        facts = store.facts()
        assert (facts.watched, facts.replicas, facts.needs_replicas) == (True, 2, True)
        primary = group.primary()
        for server in group.servers:
            if server is not primary:
                server.kill()
        until("the replicas to be gone", lambda: store.facts().replicas == 0)
        assert any("no replica follows" in detail for _, detail in said(store.facts()))
        store.close()
