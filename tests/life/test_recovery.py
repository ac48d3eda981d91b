"""Processes killed, frozen and sent away in the middle of slow calls: how soon it is made up for, and that only once.

The figures are printed: `pytest tests/life/test_recovery.py -s`.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import redis
from rq import SimpleWorker
from rq.worker.base import WorkerStatus

from accessbot.domain.model import GrantState
from accessbot.domain.work import Work, WorkKind
from tests.life.test_processes import ORDERLY, TAKEN_UP, alive, children

if TYPE_CHECKING:
    from accessbot.domain.model import Grant
    from accessbot.sandbox.slack.actor import Actor
    from tests.life.conftest import Life

SLOW = 0.4
"""What every vendor call takes in these tests, in seconds."""

CALLS = 8.0
"""What the calls of one step take at most, looking up, writing and reading back, all being slow, in seconds."""

WAITED = timedelta(seconds=1)
MISSED = 20.0
"""Seconds after which the absence of clock and workers is told: fifteen, and the time between two looks."""

EMAIL = "noah@example.com"


def kill(*names: str) -> Callable[[Life], None]:
    """Make a blow that kills processes with all that they supervise; whoever runs the Procfile starts them again."""

    def blow(life: Life) -> None:
        running = life.box.processes.running
        orphans = [pid for name in names for pid in children(running[name].pid)]
        for name in names:
            os.killpg(running[name].pid, signal.SIGKILL)
            running[name].wait()
        life.wait("the killed to be gone", lambda: not any(alive(pid) for pid in orphans))
        for name in names:
            life.box.processes.spawn(name, [str(word) for word in running[name].args])  # type: ignore[union-attr]  # our own Popen has a list of args

    return blow


def kill_slots(life: Life) -> None:
    """Kill every worker slot; their supervisor lives."""
    for pid in children(life.box.processes.running["worker"].pid):
        os.kill(pid, signal.SIGKILL)


BLOWS = {
    "all worker slots": kill_slots,
    "workers and supervisor": kill("worker"),
    "everything": kill("worker", "clock", "web"),
}


def timed(life: Life, what: str, blow: Callable[[Life], None], done: Callable[[], object]) -> None:
    """Strike, and measure how long it takes from then on until something is done."""
    began = time.monotonic()
    blow(life)
    life.wait(what, done, timeout=2 * TAKEN_UP + CALLS)
    took = time.monotonic() - began
    print(f"{what}: {took:.1f} s, slow calls included")  # noqa: T201 - the figure
    assert took <= TAKEN_UP + CALLS


def press(life: Life, who: Actor, card: dict[str, object], label: str) -> None:
    """Press a button, as often as it takes until somebody listens."""
    life.wait("the press to be taken", lambda: who.click(card, label, stale=True).ok)


@pytest.mark.parametrize("killed", BLOWS)
def test_slow_work_of_the_dead_is_done_within_ten_seconds(life: Life, killed: str) -> None:
    """Killed in the middle of a slow write, others do the rest, once: within ten seconds and what calls take."""
    noah, priya, world = life.person("noah"), life.person("priya"), life.box.world
    journal = world.google.directory.journal
    card = life.ask(noah, f"data-analyst 30m lost with {killed}")
    for pattern in ("google.*", "aws.*"):
        world.faults.slow(pattern, SLOW)
    write = world.faults.slow("google.members.insert", SLOW)
    press(life, priya, card, "Approve")
    life.wait("the write to begin", lambda: write.hits)
    (grant,) = life.grants_for(f"lost with {killed}")
    timed(life, f"given although {killed} died", BLOWS[killed], lambda: is_now(life, grant, GrantState.ACTIVE))
    assert life.is_in("data-analyst", EMAIL) == (True, True)
    card = priya.wait_for_message("approvals", f"lost with {killed}", "Active until", timeout=TAKEN_UP)
    removal = world.faults.slow("google.members.delete", SLOW)
    press(life, priya, card, "Revoke")
    life.wait("the removal to begin", lambda: removal.hits)
    timed(life, f"taken although {killed} died", BLOWS[killed], lambda: is_now(life, grant, GrantState.REVOKED))
    assert life.is_in("data-analyst", EMAIL) == (False, False)
    priya.wait_for_message("approvals", f"lost with {killed}", "Ended", timeout=TAKEN_UP)
    world.faults.clear()
    actions = [event.action for event in life.box.store.audit() if event.subject == grant.id]
    assert actions == ["grant.provisioning", "grant.intent", "grant.active", "grant.revoking", "grant.revoked"]
    changes = [c.action for c in journal.changes() if c.member == EMAIL and "data-analyst" in c.group]
    assert changes[-2:] == ["added", "removed"]


def is_now(life: Life, grant: Grant, state: GrantState) -> bool:
    """Tell whether a grant is in a state by now."""
    found = life.box.store.grant(grant.id)
    return found is not None and found.state is state


def kill_all_of(life: Life, *supervisors: int) -> None:
    """Kill every slot that there is, and wait until the first one is back."""
    gone = [pid for supervisor in supervisors for pid in children(supervisor)]
    for pid in gone:
        os.kill(pid, signal.SIGKILL)
    life.wait("a slot to come back", lambda: set(children(supervisors[0])) - set(gone))


def test_slots_that_die_again_and_again_come_back_each_time(life: Life) -> None:
    """Killed eight times as soon as they are back, all slots are there ten seconds later, and at work."""
    noah = life.person("noah")
    worker, clock = (life.box.processes.running[name].pid for name in ("worker", "clock"))
    slots = {pid: len(children(pid)) for pid in (worker, clock)}
    for _ in range(8):
        kill_all_of(life, worker, clock)
    began = time.monotonic()
    life.wait("all slots", lambda: {pid: len(children(pid)) for pid in slots} == slots)
    life.granted(noah, "staging-admin 30m after many deaths")
    assert time.monotonic() - began <= TAKEN_UP


def test_a_worker_that_stood_still_changes_nothing_when_it_goes_on(life: Life) -> None:
    """Frozen in the middle of a write while others give and take that access, it wakes up to find it is not its own."""
    noah, priya, world = life.person("noah"), life.person("priya"), life.box.world
    card = life.ask(noah, "data-analyst 30m held up by a standstill")
    slow = world.faults.slow("google.members.insert", 1.0)
    press(life, priya, card, "Approve")
    life.wait("the write to begin", lambda: slow.hits)
    slow.off()
    slots = children(life.box.processes.running["worker"].pid)
    frozen = [pid for pid in at_work(life) if pid in slots]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    assert 0 < len(frozen) < len(slots)
    try:
        card = priya.wait_for_message("approvals", "by a standstill", "Active until", timeout=TAKEN_UP + CALLS)
        press(life, priya, card, "Revoke")
        priya.wait_for_message("approvals", "by a standstill", "Ended", timeout=TAKEN_UP + CALLS)
        assert life.is_in("data-analyst", EMAIL) == (False, False)
        changes = len(world.google.directory.journal.changes())
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    life.granted(noah, "staging-admin 30m after the standstill")
    assert all(alive(pid) for pid in frozen)
    assert life.is_in("data-analyst", EMAIL) == (False, False)
    later = world.google.directory.journal.changes()[changes:]
    assert [change for change in later if "data-analyst" in change.group] == []


def at_work(life: Life) -> list[int]:
    """List the worker slots that do something right now, as RQ knows them."""
    with redis.Redis.from_url(life.box.environment["REDIS_URL"]) as client:
        workers = SimpleWorker.all(connection=client)
        return [worker.pid for worker in workers if worker.pid and worker.get_state() == WorkerStatus.BUSY]


@pytest.mark.parametrize("write", ["google.members.insert", "aws.identitystore.CreateGroupMembership"])
def test_a_worker_that_is_sent_away_gives_back_what_it_was_at(life: Life, write: str) -> None:
    """SIGTERM in the middle of a slow call: gone within five seconds, claim and lease with it; the next one does it."""
    noah, priya, world = life.person("noah"), life.person("priya"), life.box.world
    worker = life.box.processes.running["worker"]
    card = life.ask(noah, f"data-analyst 30m handed back in {write}")
    slow = world.faults.slow(write, 3.9)
    press(life, priya, card, "Approve")
    life.wait("a call to begin", lambda: slow.hits)
    began = time.monotonic()
    worker.terminate()
    assert worker.wait(ORDERLY) == 0
    assert time.monotonic() - began <= 5.0
    slow.off()
    store = life.box.store
    (grant,) = life.grants_for(f"handed back in {write}")
    with store.lease(f"pair:{grant.pair}", WAITED):
        pass
    at = store.begin(Work(WorkKind.PROVISION, grant.id), WAITED)
    assert at is not None
    store.postpone(at, store.now())
    life.box.processes.spawn("worker", [str(word) for word in worker.args])  # type: ignore[union-attr]  # our own Popen has a list of args
    card = priya.wait_for_message("approvals", f"handed back in {write}", "Active until", timeout=TAKEN_UP + CALLS)
    press(life, priya, card, "Revoke")
    priya.wait_for_message("approvals", f"handed back in {write}", "Ended", timeout=TAKEN_UP)


def test_a_company_without_clock_and_workers_is_told_of_by_the_web(life: Life) -> None:
    """Dead and not started again, they are missed after fifteen seconds, in one message for each; back again, too."""
    noah, priya, running = life.person("noah"), life.person("priya"), life.box.processes.running
    life.granted(noah, "staging-admin 30m before all stand still")
    commands = {name: [str(word) for word in running[name].args] for name in ("worker", "clock")}  # type: ignore[union-attr]  # our own Popen has a list of args
    began = time.monotonic()
    for name in commands:
        os.killpg(running[name].pid, signal.SIGKILL)
        running[name].wait()
    for what in ("No clock is alive", "No worker of the lane ends is alive", "No worker of the lane talk is alive"):
        priya.wait_for_message("alerts", what, timeout=2 * MISSED)
    told = time.monotonic() - began
    print(f"no clock, no worker: told after {told:.1f} s")  # noqa: T201 - the figure
    for name, command in commands.items():
        life.box.processes.spawn(name, command)
    priya.wait_for_message("alerts", "There is a living clock again", timeout=MISSED)
    said = [priya.read(message) for message in priya.messages("alerts")]
    assert len([text for text in said if "living clock" in text or "No clock is alive" in text]) == 1
    assert told <= MISSED
