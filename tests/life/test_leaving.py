"""The sandbox as people run it: however it is told to leave, nothing of it keeps running and nothing stays on disk."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from accessbot.sandbox.processes import clean_environment

READY = re.compile(r"Logs: (\S+)/logs ")
LEAVE_S = 12.0


def running_for(folder: str) -> list[str]:
    """List the processes whose home is a sandbox's folder or whose words name it: all that it has started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            ours = f"HOME={folder}\0".encode() in (process / "environ").read_bytes() + b"\0"
        except OSError:
            continue  # it left while we looked, or is somebody else's
        if words and (ours or folder in words):
            found.append(words)
    return found


def start(tmp_path: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a sandbox as people do; give it and its folder once it is ready."""
    command = [str(Path(sys.executable).with_name("accessbot")), "sandbox", "--port", "0"]
    box = subprocess.Popen(command, cwd=tmp_path, env=clean_environment(tmp_path), stdout=subprocess.PIPE, text=True)
    assert box.stdout is not None
    said = ""
    while (seen := READY.search(said)) is None:
        line = box.stdout.readline()
        assert line, f"it ended before it was ready:\n{said}"
        said += line
    return box, seen[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_sandbox_that_is_told_to_leave_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C, a closed terminal and kill all end it with status 0; its processes, Redis and folder are gone."""
    box, folder = start(tmp_path)
    with box:
        assert len(running_for(folder)) > 3
        box.send_signal(number)
        began = time.monotonic()
        assert box.wait(LEAVE_S) == 0
        assert time.monotonic() - began < LEAVE_S
    assert running_for(folder) == []
    assert not Path(folder).exists()


def test_a_sandbox_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    """Killed outright it cannot tidy up; all that it has started is gone a moment later all the same."""
    box, folder = start(tmp_path)
    with box:
        box.kill()
    deadline = time.monotonic() + LEAVE_S
    while running_for(folder) and time.monotonic() < deadline:
        pass
    assert running_for(folder) == []
    shutil.rmtree(folder)
