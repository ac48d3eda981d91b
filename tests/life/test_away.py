"""What people see while Redis is silent or gone and after workers are killed, through real processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from accessbot.sandbox.redis_server import RedisServer
from accessbot.sandbox.run import sandbox
from tests.life.conftest import Life

NOT_NOW = ("Not now", "could not be confirmed")


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """Run the Redis that the tests silence and kill."""
    with RedisServer(fsync="always") as running:
        yield running


@pytest.fixture(scope="module")
def life(server: RedisServer) -> Iterator[Life]:
    """Run a sandbox on that Redis."""
    with sandbox(redis_url=server.url) as box:
        yield Life(box)


def test_a_silent_redis_is_told_in_time_and_loses_nothing(life: Life, server: RedisServer) -> None:
    """While Redis hangs, commands and clicks are answered in time with "not now"; afterwards the same click works."""
    maya, priya = life.person("maya"), life.person("priya")
    card = life.ask(maya, "staging-admin 30m asked before the silence")
    server.freeze()
    asked, listed = maya.command("/request-aws", "staging-admin 30m asked in it"), maya.command("/my-access")
    pressed = priya.click(card, "Approve")
    server.thaw()
    assert asked.ok, "the command was not acknowledged within Slack's three seconds"
    assert listed.ok
    assert pressed.ok
    for outcome in (asked, listed):
        assert any(words in maya.read(outcome.answers[0]) for words in NOT_NOW)
    priya.wait_for_ephemeral("Not now", timeout=15)
    priya.click(card, "Approve")
    priya.wait_for_message("approvals", "asked before the silence", "Active until", timeout=20)
    assert len([g for g in life.grants() if g["state"] == "active"]) == 1


def test_what_was_acknowledged_survives_a_killed_redis(life: Life, server: RedisServer) -> None:
    """After kill -9 and a restart the grant is still there, ends when it is told to, and the log has all of it."""
    maya = life.person("maya")
    server.kill()
    answer = maya.command("/my-access")
    server.start()
    assert answer.ok
    assert "Not now" in maya.read(answer.answers[0])
    answered = life.wait("the store", lambda: "End access" in str(maya.command("/my-access").answers))
    assert answered
    maya.click(maya.command("/my-access").answers[0], "End access")
    life.wait("the end", lambda: not any("maya@example.com" in side for side in life.members("staging-admin")))
    life.wait("the proof", lambda: life.grants()[-1]["state"] == "revoked")
    assert life.audit(life.grants()[-1]["id"])[-1] == "grant.revoked"


@pytest.mark.parametrize("ends", [False, True], ids=["a grant", "an end"])
def test_killed_workers_are_replaced_and_their_work_is_done_once(life: Life, *, ends: bool) -> None:
    """All worker slots killed in the middle of a grant, or of an end: it is taken up again, and done once."""
    noah, priya, faults = life.person("noah"), life.person("priya"), life.box.world.faults
    reason = "killed while ending" if ends else "killed while granting"
    card = life.granted(noah, f"data-analyst 30m {reason}") if ends else life.ask(noah, f"data-analyst 30m {reason}")
    slow = faults.slow("google.*", 0.5)
    priya.click(card, "Revoke" if ends else "Approve")
    journal = life.box.world.google.directory.journal
    begun = len(journal.calls())
    life.wait("the work to begin", lambda: len(journal.calls()) > begun)
    for slot in _slots(life):
        os.kill(slot, signal.SIGKILL)
    slow.off()
    state = "Ended" if ends else "Active until"
    priya.wait_for_message("approvals", reason, state, timeout=30)
    inside = life.members("data-analyst")
    assert all(("noah@example.com" in side) is not ends for side in inside)
    grants = [g for g in life.grants() if g["entitlement"] == "data-analyst"]
    assert len(grants) == (2 if ends else 1)
    actions = life.audit(grants[-1]["id"])
    assert len(actions) == len(set(actions))
    if not ends:
        card = priya.wait_for_message("approvals", reason, "Active until", timeout=5)
        priya.click(card, "Revoke")
        priya.wait_for_message("approvals", reason, "Ended", timeout=30)


def _slots(life: Life) -> list[int]:
    supervisor = life.box.processes.running["worker"].pid
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text(encoding="ascii")
    return [int(word) for word in children.split()]


def test_a_vendor_that_is_down_is_waited_for(life: Life) -> None:
    """With Google down the card says so, and the grant comes when it is back; an end keeps going until it is proven."""
    noah, priya, faults = life.person("noah"), life.person("priya"), life.box.world.faults
    card = life.ask(noah, "production-admin 30m while google is down")
    faults.on("google_down")
    priya.click(card, "Approve")
    priya.wait_for_message("approvals", "while google is down", "Google", "retr", timeout=20)
    faults.off("google_down")
    card = priya.wait_for_message("approvals", "while google is down", "Active until", timeout=40)
    faults.on("google_down")
    noah.click(noah.command("/my-access").answers[0], "End access")
    life.wait("AWS to be left at once", lambda: "noah@example.com" not in life.members("production-admin")[1])
    assert life.grants()[-1]["state"] == "revoking"
    faults.off("google_down")
    priya.wait_for_message("approvals", "while google is down", "Ended", timeout=40)
    assert not any("noah@example.com" in side for side in life.members("production-admin"))
