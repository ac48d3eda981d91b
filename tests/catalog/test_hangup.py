"""SIGHUP: the catalog is read again, however often and at whatever moment it comes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue

import pytest

from accessbot.adapters.catalog_file import CatalogFile
from accessbot.wiring import on_hangup
from tests.catalog.examples import RIGHT

_PATIENCE_S = 5.0


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


class Impatient(type(Path())):  # type: ignore[misc] # the class of a path is known only at run time
    """A file during whose first two readings another SIGHUP comes."""

    readings = 0

    def read_bytes(self) -> bytes:
        """Read it, interrupted."""
        self.readings += 1
        if self.readings <= 2:
            signal.raise_signal(signal.SIGHUP)
        return bytes(super().read_bytes())


def test_a_second_hangup_while_the_first_is_served_stops_nothing(tmp_path: Path) -> None:
    """A SIGHUP in the middle of the reading that another one asked for is served after it, and both come to an end."""
    path = Impatient(tmp_path / "catalog.yml")
    path.write_text(RIGHT, encoding="utf-8")
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    catalog = CatalogFile(path, timedelta(minutes=5))
    path.write_text(RIGHT.replace("Full control of production", "All of production"), encoding="utf-8")
    served: SimpleQueue[bool] = SimpleQueue()
    on_hangup(lambda: served.put(catalog.refresh()))
    signal.raise_signal(signal.SIGHUP)
    assert [served.get(timeout=_PATIENCE_S) for _ in range(2)] == [True, False]


def test_a_hangup_that_fails_is_followed_by_one_that_works() -> None:
    """What goes wrong at one SIGHUP is logged, and the next one is served all the same."""
    served: SimpleQueue[str] = SimpleQueue()
    faults = iter([RuntimeError("once")])

    def serve() -> None:
        for fault in faults:
            raise fault
        served.put("served")

    on_hangup(serve)
    signal.raise_signal(signal.SIGHUP)
    signal.raise_signal(signal.SIGHUP)
    assert served.get(timeout=_PATIENCE_S) == "served"
