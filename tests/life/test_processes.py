"""Processes that are killed, stopped and started in the middle of a life: their work is taken up, once, in seconds."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.life.conftest import Life

TAKEN_UP = 10.0
ORDERLY = 6.0


def children(pid: int) -> list[int]:
    """List the processes that a process has started itself."""
    try:
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except FileNotFoundError:
        return []
    return [int(word) for word in words]


def alive(pid: int) -> bool:
    """Tell whether a process runs still (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def kill_slots(name: str) -> Callable[[Life], None]:
    """Make a blow that kills everything which a process supervises."""

    def blow(life: Life) -> None:
        for slot in children(life.box.processes.running[name].pid):
            os.kill(slot, signal.SIGKILL)

    return blow


def kill_and_start(name: str) -> Callable[[Life], None]:
    """Make a blow that kills the process itself; whoever runs the Procfile starts it again."""

    def blow(life: Life) -> None:
        process = life.box.processes.running[name]
        slots = children(process.pid)
        process.kill()
        process.wait()
        if name == "web":  # a server killed outright leaves its port only when its own processes see it
            life.wait("the orphans to leave", lambda: not any(alive(slot) for slot in slots))
        life.box.processes.spawn(name, [str(word) for word in process.args])  # type: ignore[union-attr]  # our own Popen has a list of args

    return blow


BLOWS = {
    "the clocks": kill_slots("clock"),
    "the web server": kill_slots("web"),
    "the worker supervisor": kill_and_start("worker"),
    "the clock supervisor": kill_and_start("clock"),
    "the web supervisor": kill_and_start("web"),
}


@pytest.mark.parametrize("killed", BLOWS)
def test_what_is_killed_in_the_middle_is_taken_up(life: Life, killed: str) -> None:
    """Killed while a grant is prepared, and again while it ends: both are done soon, once, and nothing is left over."""
    noah, priya, world = life.person("noah"), life.person("priya"), life.box.world
    journal = world.google.directory.journal
    card = life.ask(noah, f"data-analyst 30m kill {killed}")
    slow = world.faults.slow("google.members.insert", 0.7)
    priya.click(card, "Approve")
    life.wait("the write to begin", lambda: slow.hits)
    began = time.monotonic()
    BLOWS[killed](life)
    slow.off()
    card = priya.wait_for_message("approvals", f"kill {killed}", "Active until", timeout=TAKEN_UP + 5)
    assert time.monotonic() - began < TAKEN_UP + 5
    assert life.is_in("data-analyst", "noah@example.com") == (True, True)
    slow = world.faults.slow("google.members.delete", 0.7)
    life.wait("the press to be taken", lambda: priya.click(card, "Revoke", stale=True).ok)
    life.wait("the removal to begin", lambda: slow.hits)
    BLOWS[killed](life)
    slow.off()
    priya.wait_for_message("approvals", f"kill {killed}", "Ended", timeout=TAKEN_UP + 5)
    assert life.is_in("data-analyst", "noah@example.com") == (False, False)
    (grant,) = life.grants_for(f"kill {killed}")
    actions = [event.action for event in life.box.store.audit() if event.subject == grant.id]
    assert actions == ["grant.provisioning", "grant.intent", "grant.active", "grant.revoking", "grant.revoked"]
    changes = [c.action for c in journal.changes() if c.member == "noah@example.com" and "data-analyst" in c.group]
    assert changes[-2:] == ["added", "removed"]


def test_the_door_opens_again_after_all_that(life: Life) -> None:
    """Commands and forms work after the web processes were killed, without anybody doing anything."""
    maya = life.person("maya")
    life.wait("the door", lambda: maya.command("/my-access").ok)
    maya.command("/request-aws")
    maya.open_view()
    maya.close()


def test_an_end_that_came_while_nothing_ran_is_made_up_for(life: Life) -> None:
    """With clock and workers stopped in good order a grant outlives its time; started again, it ends at once."""
    maya, priya, processes = life.person("maya"), life.person("priya"), life.box.processes
    life.granted(maya, "staging-admin 5s ends while nothing runs")
    (grant,) = life.grants_for("ends while nothing runs")
    stopped = {name: processes.running[name] for name in ("clock", "worker")}
    began = time.monotonic()
    for process in stopped.values():
        process.terminate()
    assert [process.wait(ORDERLY) for process in stopped.values()] == [0, 0]
    assert time.monotonic() - began < ORDERLY
    life.wait("its time to be over", lambda: life.box.store.now() > grant.expires_at)
    assert life.is_in("staging-admin", "maya@example.com") == (True, True)
    for name, process in stopped.items():
        processes.spawn(name, [str(word) for word in process.args])  # type: ignore[union-attr]  # our own Popen has a list of args
    life.wait("the end", lambda: life.is_in("staging-admin", "maya@example.com") == (False, False))
    priya.wait_for_message("approvals", "ends while nothing runs", "Ended")


def test_everything_leaves_in_good_order(life: Life) -> None:
    """SIGTERM ends each process with status 0 within seconds, in the middle of work too; nothing of it is left."""
    maya, priya, processes = life.person("maya"), life.person("priya"), life.box.processes
    card = life.ask(maya, "staging-admin 30m being prepared at the end")
    life.box.world.faults.slow("google.*", 1.0)
    priya.click(card, "Approve")
    everything = [p for root in processes.running.values() for p in (root.pid, *children(root.pid))]
    began = time.monotonic()
    for process in processes.running.values():
        process.terminate()
    assert [process.wait(ORDERLY + 1) for process in processes.running.values()] == [0, 0, 0]
    assert time.monotonic() - began < ORDERLY
    assert not [pid for pid in everything if alive(pid)]
