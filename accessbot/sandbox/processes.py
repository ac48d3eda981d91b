"""The real processes of accessbot, unmodified, started by the sandbox and ended with it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import accessbot

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(accessbot.__file__).resolve().parent.parent
_READY_S: Final = 30.0
_ORDERLY_S: Final = 8.0
_POLL_S: Final = 0.05
# Reads a pipe that only the sandbox writes to, a line with all running groups whenever one was started: its end without
# the last word means that the sandbox is gone, however it went.
_WATCH: Final = 'while read -r line; do [ "$line" = done ] && exit; all=$line; done; kill -9 $all'


class NotStartedError(RuntimeError):
    """A process of accessbot ended or did not become ready; the message holds the end of its log."""


def clean_environment(home: Path) -> dict[str, str]:
    """Make an environment that inherits nothing which could lead anywhere but to this machine.

    No SLACK_*, GOOGLE_*, AWS_*, REDIS_URL, proxies or dot-files of the machine's user: only a PATH that finds this
    installation first, and a home of its own.
    """
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    return {
        "PATH": path,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "*",
    }


def free_port() -> int:
    """Find a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class Processes:
    """`web`, `worker` and `clock`, each in a process group of its own, each with a log file in `logs`."""

    environment: Mapping[str, str]
    logs: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    commands: dict[str, list[str]] = field(default_factory=dict)
    watch: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start all three. Raises `NotStartedError` where the installation lacks one."""
        self.logs.mkdir(parents=True, exist_ok=True)
        script = shutil.which("accessbot", path=self.environment["PATH"])
        if script is None or not (ROOT / "app.py").is_file():
            raise NotStartedError("app.py or the accessbot command is missing here: run it from a clone of the project")
        self.watch = subprocess.Popen(  # noqa: S603 - our own script
            ["/bin/sh", "-c", _WATCH, "watch"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
        self.spawn("web", [sys.executable, "app.py"])
        self.spawn("worker", [script, "worker"])
        self.spawn("clock", [script, "clock"])

    def respawn(self, name: str) -> None:
        """Start one of the processes again that has ended, as whatever runs the Procfile would."""
        self.spawn(name, self.commands[name])

    def spawn(self, name: str, command: list[str]) -> None:
        """Start one process in a group of its own, so that all of it can be ended."""
        self.commands[name] = command
        with (self.logs / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(  # noqa: S603 - our own command
                command,
                cwd=ROOT,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if self.watch is not None and self.watch.stdin is not None:
            groups = " ".join(f"-{process.pid}" for process in self.running.values())
            self.watch.stdin.write(f"{groups}\n".encode())
            self.watch.stdin.flush()

    def wait_until_listening(self, port: int) -> None:
        """Wait until the web process listens. Raises `NotStartedError` with the end of the log if it ends instead."""
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            self.check()
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(_POLL_S)
        raise NotStartedError(f"the web process does not listen after {_READY_S:.0f} s:\n{self.tail('web')}")

    def check(self) -> None:
        """Raise `NotStartedError` when one of the processes has ended."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise NotStartedError(f"{name} ended with status {process.returncode}:\n{self.tail(name)}")

    def tail(self, name: str, lines: int = 20) -> str:
        """Give the end of a process's log."""
        text = (self.logs / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def stop(self) -> None:
        """End all in an orderly way, then whatever is left of their groups."""
        for process in self.running.values():
            _signal(process, signal.SIGTERM, group=False)
        deadline = time.monotonic() + _ORDERLY_S
        for process in self.running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            _signal(process, signal.SIGKILL, group=True)
            process.wait()
        self.running.clear()
        if self.watch is not None:
            self.watch.communicate(b"done\n")
            self.watch = None


def _signal(process: subprocess.Popen[bytes], number: signal.Signals, *, group: bool) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if group:
            os.killpg(process.pid, number)
        elif process.poll() is None:
            process.send_signal(number)
