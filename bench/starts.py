"""How long the web process takes until it answers."""

from __future__ import annotations

import http.client
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from accessbot.sandbox.processes import Processes, free_port
from bench.catalogs import write_large
from bench.company import company
from bench.figures import percentiles

_TICK_S = 0.005
_LIMIT_S = 30.0


def healthy(port: int) -> bool:
    """Tell whether `/healthz` answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def start(environment: dict[str, str], folder: Path) -> float:
    """Start one more web process, and end it once it answers; give the seconds until then."""
    port = free_port()
    processes = Processes(environment | {"PORT": str(port)}, folder)
    began = time.monotonic()
    processes.spawn("web", [sys.executable, "app.py"])
    try:
        while not healthy(port):
            processes.check()
            if time.monotonic() - began > _LIMIT_S:
                raise TimeoutError("the web process does not answer")
            time.sleep(_TICK_S)
        return time.monotonic() - began
    finally:
        processes.stop()


def run(rounds: int = 7, entitlements: int = 10_000) -> list[str]:
    """Start it some times, with the sandbox's catalog and with a large one."""
    with company() as running, TemporaryDirectory() as folder:
        logs = running.box.folder / "starts"
        logs.mkdir()
        small = [start(running.box.environment, logs) for _ in range(rounds)]
        large = {"ACCESSBOT_CATALOG": str(write_large(Path(folder), entitlements))}
        big = [start(running.box.environment | large, logs) for _ in range(max(1, rounds // 2))]
    return [
        "python app.py → /healthz answers 200, beside a running sandbox",
        percentiles("catalog of 5", small, "≤ 2 s"),
        percentiles(f"catalog of {entitlements} more", big),
    ]
