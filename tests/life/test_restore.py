"""A Redis that is lost with all it held, and restored from an export: real processes, and the same ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from accessbot.sandbox.redis_server import RedisServer
from accessbot.sandbox.run import sandbox
from tests.life.conftest import Life


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """Run the Redis that the test loses."""
    with RedisServer() as running:
        yield running


@pytest.fixture(scope="module")
def life(server: RedisServer) -> Iterator[Life]:
    """Run a sandbox on that Redis."""
    with sandbox(redis_url=server.url) as box:
        yield Life(box)


def lose_everything(life: Life, server: RedisServer) -> None:
    """Stop the processes, as an operator does, and empty the database; it is a sandbox's still."""
    life.box.processes.stop()
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
    life.box.store.set_mark("sandbox")


def test_all_ends_come_after_a_total_loss(life: Life, server: RedisServer, tmp_path: Path) -> None:
    """One grant ends in the time of the loss, one after it; a request that waited is decided; all is logged."""
    maya, noah, priya = life.person("maya"), life.person("noah"), life.person("priya")
    life.granted(noah, "staging-admin 30m ended by its holder later")
    life.ask(noah, "data-analyst 30m waits for a decision")
    life.granted(maya, "staging-admin 6s over during the loss")
    file = tmp_path / "log.ndjson"
    life.cli("audit", "export", str(file))
    before = {grant["id"]: grant for grant in life.grants()}
    lose_everything(life, server)
    assert life.grants() == []
    assert "maya@example.com" in life.members("staging-admin")[1]
    told = life.cli("restore", str(file))
    assert "3 requests (1 pending), 2 grants (2 live" in told
    assert {grant["id"]: grant for grant in life.grants()} == before
    life.box.processes.start()
    life.wait("the end that was due", lambda: not any("maya@example.com" in s for s in life.members("staging-admin")))
    assert all("noah@example.com" in side for side in life.members("staging-admin"))
    life.wait("the end to be told", lambda: "Ended" in priya.screen())
    card = priya.wait_for_message("approvals", "waits for a decision", timeout=20)
    assert priya.click(card, "Approve").ok
    priya.wait_for_message("approvals", "waits for a decision", "Active until", timeout=20)
    answer = noah.command("/my-access").answers[0]
    noah.click(answer, "End access")
    life.wait("what is left", lambda: sum(grant["state"] == "active" for grant in life.grants()) == 1)
    events = json.loads(life.cli("audit", "list", "--json"))
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [e["action"] for e in events if e["subject"] == "store"] == ["store.restored"]
