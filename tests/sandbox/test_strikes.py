"""Blows in the middle of a call, and processes that are started again: what runs with real processes are made of."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import httplib2
import pytest

from accessbot.sandbox.faults import Faults
from accessbot.sandbox.google import Google
from accessbot.sandbox.loopback import ConnectionDropped, caller_port
from accessbot.sandbox.processes import Processes, clean_environment

GROUP, ADA = "g@example.com", "ada@example.com"


def insert(google: Google) -> int:
    """Ask for a membership; give the status, 0 when there was no answer."""
    client = httplib2.Http(timeout=5)
    address = f"{google.url}/admin/directory/v1/groups/{GROUP}/members"
    try:
        answer, _ = client.request(address, "POST", f'{{"email": "{ADA}"}}', {"Content-Type": "application/json"})
    except OSError:
        return 0
    return int(answer.status)


@pytest.mark.parametrize("applied", [False, True])
def test_a_blow_falls_before_a_call_takes_effect_or_after(*, applied: bool) -> None:
    """The one who strikes is told the caller's port, and sees the call's effect or does not; the call goes on."""
    faults, seen = Faults(), []
    with Google(faults=faults) as google:
        google.directory.add_user(ADA)
        google.directory.add_group(GROUP)

        def blow(port: int) -> None:
            seen.append((port > 0, google.directory.is_member(GROUP, ADA)))

        faults.strike("google.members.insert", blow, times=1, applied=applied)
        assert insert(google) == 200
        assert seen == [(True, applied)]
        assert insert(google) == 409, "it falls as often as it was laid on"
    assert caller_port() == 0


def test_a_blow_can_stop_the_call() -> None:
    """What is dropped before it took effect never does, and has no answer."""
    faults = Faults()
    with Google(faults=faults) as google:
        google.directory.add_user(ADA)
        google.directory.add_group(GROUP)

        def blow(_: int) -> None:
            raise ConnectionDropped

        faults.strike("google.members.insert", blow)
        assert insert(google) == 0
        assert not google.directory.is_member(GROUP, ADA)


def test_what_has_ended_is_started_again(tmp_path: Path) -> None:
    """A process is started again by its own command, and what was started last is what ends with the sandbox."""
    processes = Processes(clean_environment(tmp_path), tmp_path)
    processes.spawn("sleeper", [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"])
    first = processes.running["sleeper"]
    first.kill()
    first.wait()
    processes.respawn("sleeper")
    second = processes.running["sleeper"]
    deadline = time.monotonic() + 10
    while "up" not in processes.tail("sleeper") and time.monotonic() < deadline:
        assert second.poll() is None
    processes.stop()
    assert second.poll() is not None
    assert second.pid != first.pid
