"""Google's own end of a membership, with real processes: it comes although nothing of accessbot is left."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import timedelta

import pytest

from accessbot.domain.model import Grant
from accessbot.sandbox.run import sandbox
from tests.life.conftest import PATIENCE, Life
from tests.life.test_processes import alive, children

GRACE = timedelta(minutes=1)
GROUP = "aws-production-admin@example.com"
MAYA = "maya@example.com"
SECOND = timedelta(seconds=1)


@pytest.fixture
def life() -> Iterator[Life]:
    """Run a sandbox in which Google is asked to end memberships by itself."""
    with sandbox(extra={"ACCESSBOT_MEMBERSHIP_EXPIRY": "1m"}) as box:
        yield Life(box)


def kill_all(life: Life) -> None:
    """Kill every process of accessbot, supervisors first, so that nobody starts one again."""
    running = life.box.processes.running.values()
    orphans = [pid for process in running for pid in children(process.pid)]
    for process in running:
        os.killpg(process.pid, signal.SIGKILL)
    for process in running:
        process.wait()
    life.wait("the killed to be gone", lambda: not any(alive(pid) for pid in orphans))


def end_at_google(life: Life, email: str) -> object:
    """Give when Google ends a membership by itself; None while it does not."""
    members = life.box.world.google.directory.members(GROUP)
    return next((member.expires_at for member in members if member.email == email), None)


def active(life: Life, reason: str) -> Grant:
    """Give the one grant of a request."""
    [grant] = life.grants_for(reason)
    return grant


def test_a_membership_ends_at_google_with_all_of_accessbot_gone(life: Life) -> None:
    """Killed for good after a grant is active: the membership is there until end and grace, and then it is not."""
    life.granted(life.person("maya"), "production-admin 10m last-of-its-kind")
    life.wait("Google to know the end", lambda: end_at_google(life, MAYA))
    grant = active(life, "last-of-its-kind")
    end = end_at_google(life, MAYA)
    kill_all(life)
    assert end == (grant.expires_at + GRACE).replace(microsecond=0) + SECOND
    directory = life.box.world.google.directory
    directory.pass_time(timedelta(minutes=10) + GRACE - timedelta(seconds=PATIENCE * 2))
    assert life.is_in("production-admin", MAYA) == (True, True)
    directory.pass_time(timedelta(seconds=PATIENCE * 2 + 1))
    assert life.is_in("production-admin", MAYA) == (False, True)  # AWS follows with the customer's own sync
    assert "membership.expiry" in life.audit(grant.pair)
    assert life.audit(grant.id)[-1] == "grant.active"


def test_a_grant_that_ends_in_time_leaves_nothing_to_google(life: Life) -> None:
    """With accessbot alive its own end comes first, on both sides, and Google's has nothing to take."""
    life.granted(life.person("noah"), "production-admin 8s ends-by-itself")
    life.wait("the end", lambda: active(life, "ends-by-itself").ended, timeout=PATIENCE * 2)
    assert life.is_in("production-admin", "noah@example.com") == (False, False)
    life.box.world.google.directory.pass_time(timedelta(hours=1))
    changes = life.box.world.google.directory.journal.changes(GROUP, "noah@example.com")
    assert [(change.action, change.by) for change in changes] == [("added", "api"), ("removed", "api")]


def test_a_refusal_of_google_costs_no_grant(life: Life) -> None:
    """In an edition without it access comes as fast as ever, and operators read why there is no net."""
    life.box.world.google.directory.premium = False
    life.granted(life.person("maya"), "production-admin 10m without-a-net")
    alert = life.person("priya").wait_for_message("alerts", "refuses to end memberships by itself", timeout=PATIENCE)
    assert alert
    assert end_at_google(life, MAYA) is None
    assert life.is_in("production-admin", MAYA) == (True, True)
