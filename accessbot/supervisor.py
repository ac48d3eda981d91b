"""Supervision: `worker` and `clock` run as one process each that keeps its slots alive.

A slot that dies is started again at once (with a growing pause when it dies young); SIGHUP goes on to every slot, and
SIGTERM ends them in an orderly way within five seconds. A slot whose supervisor is gone ends by itself.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import signal
import threading
import time
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

import structlog

from accessbot import wiring
from accessbot.adapters.rq_queue import work_lane
from accessbot.domain.errors import AccessbotError, StoreUnavailable, Unclear
from accessbot.domain.work import Lane
from accessbot.service import ticking

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.context import ForkProcess
    from types import FrameType

    from accessbot.settings import Settings

_log = structlog.get_logger(__name__)

_MISCONFIGURED = 78  # what sysexits.h calls EX_CONFIG: starting again would not help
_ORDERLY_S = 5.0
_YOUNG_S = 5.0
_LONGEST_PAUSE_S = 2.0
_WATCH_S = 0.5
_BEAT_S = 3.0
_TICK_S = 0.05
_CATALOGS_S = 5.0
_SHARED = (
    "accessbot.jobs",
    "accessbot.adapters.aws_identity",
    "accessbot.adapters.google_auth",
    "accessbot.adapters.google_directory",
    "accessbot.service.working",
    "accessbot.slack.notifier",
    "accessbot.slack.people",
)
"""What worker slots use beside this module's own imports: loaded before the first fork, all slots share one copy."""


@dataclass(slots=True)
class _Slot:
    """One supervised process: how to run it, the process, and how often it died young in a row."""

    name: str
    target: Callable[[], None]
    process: ForkProcess | None = None
    started: float = 0.0
    early_deaths: int = 0
    not_before: float = 0.0


@dataclass(slots=True)
class _Supervisor:
    """Keeps slots alive until it is told to stop."""

    slots: list[_Slot]
    stopping: bool = field(default=False)
    status: int = field(default=0)

    def run(self) -> int:
        """Start every slot and stay until SIGTERM or SIGINT; give the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._pass_on)
        while not self.stopping:
            self._start_missing()
            sentinels = [slot.process.sentinel for slot in self.slots if slot.process is not None]
            with contextlib.suppress(InterruptedError):
                wait(sentinels, timeout=_WATCH_S)
            self._bury()
        return self._end_all()

    def _start_missing(self) -> None:
        now = time.monotonic()
        for slot in self.slots:
            if slot.process is None and now >= slot.not_before and not self.stopping:
                slot.process = multiprocessing.get_context("fork").Process(
                    target=_in_slot, args=(slot.name, slot.target, os.getpid()), name=slot.name
                )
                slot.started = now
                slot.process.start()

    def _bury(self) -> None:
        now = time.monotonic()
        for slot in self.slots:
            process = slot.process
            if process is None or process.is_alive():
                continue
            process.join()
            slot.process = None
            slot.early_deaths = slot.early_deaths + 1 if now - slot.started < _YOUNG_S else 0
            pause = min(_LONGEST_PAUSE_S, 0.1 * 2**slot.early_deaths) if slot.early_deaths else 0.0
            slot.not_before = now + pause
            if process.exitcode == _MISCONFIGURED:
                self.status, self.stopping = 1, True
            if not self.stopping:
                _log.warning("slot ended, starting it again", slot=slot.name, code=process.exitcode, pause_s=pause)

    def _stop(self, number: int, _: FrameType | None) -> None:
        _log.info("stopping", signal=signal.Signals(number).name)
        self.stopping = True

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        self._signal(number)

    def _signal(self, number: int) -> None:
        for slot in self.slots:
            if slot.process is not None and slot.process.pid is not None and slot.process.is_alive():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(slot.process.pid, number)

    def _end_all(self) -> int:
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + _ORDERLY_S
        for slot in self.slots:
            if slot.process is None:
                continue
            slot.process.join(max(0.0, deadline - time.monotonic()))
            if slot.process.is_alive():
                _log.warning("slot did not end in time, killing it; its work is taken up again", slot=slot.name)
                slot.process.kill()
                slot.process.join()
        return self.status


def _in_slot(name: str, target: Callable[[], None], supervisor: int) -> None:
    """Run a slot's own process: default signals, and an end of its own when the supervisor is gone."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor ends the slots
    threading.Thread(target=_follow, args=(supervisor,), name="follow", daemon=True).start()
    try:
        target()
    except AccessbotError as error:
        _log.error("slot cannot go on", slot=name, error=error.sentence)
        raise SystemExit(_MISCONFIGURED if isinstance(error, wiring.WrongDatabase) else 1) from error


def _follow(supervisor: int) -> None:
    while os.getppid() == supervisor:
        time.sleep(_WATCH_S)
    os.kill(os.getpid(), signal.SIGTERM)


def _beat(process: wiring.Process, role: str, stop: threading.Event) -> None:
    while not stop.is_set():
        process.beat(role)
        stop.wait(_BEAT_S)


def _worker_slot(lane: str) -> Callable[[], None]:
    def run() -> None:
        process = wiring.process()
        stop = threading.Event()
        process.reload_on_hangup()
        process.catalog.refresh()  # the one that was forked may be an old one
        process.wait_for_store(stop)
        threading.Thread(target=_beat, args=(process, f"worker:{lane}", stop), name="beat", daemon=True).start()
        process.warm()
        threading.Thread(target=process.watch, args=(stop,), name="watch", daemon=True).start()
        work_lane(Lane(lane), process.rq_connection())
        stop.set()

    return run


def _clock_slot() -> Callable[[], None]:
    def run() -> None:
        process = wiring.clock_process()
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
        process.reload_on_hangup()
        process.catalog.refresh()
        process.wait_for_store(stop)
        threading.Thread(target=_beat, args=(process, "clock", stop), name="beat", daemon=True).start()
        _tick_until(stop, process)

    return run


def _tick_until(stop: threading.Event, process: wiring.Process) -> None:
    """Hand over what is due, ten times a second and without a pause while there is more; the catalogs now and then."""
    look_at_catalogs = 0.0
    catalogs = swept = looked = on_call = ""
    while not stop.is_set():
        try:
            handed = ticking.tick(process.store, process.queue)
            if time.monotonic() >= look_at_catalogs:
                look_at_catalogs = time.monotonic() + _CATALOGS_S
                catalogs = ticking.watch_catalogs(process.store, process.queue, catalogs)
                swept = ticking.plan_sweeps(process.store, process.catalog.current(), swept)
                looked = ticking.plan_looks(process.store, looked)
                on_call = ticking.plan_rotas(process.store, process.catalog.current(), on_call)
        except (StoreUnavailable, Unclear) as error:
            _log.warning("store away, the clock waits", error=error.sentence)
            handed = 0
        if not handed:
            stop.wait(_TICK_S)


def run_workers(settings: Settings) -> int:
    """Run the worker slots of `ACCESSBOT_WORKER_SLOTS` until told to stop; give the exit status.

    Raises `WrongDatabase` for a Redis that is not for this process, `CatalogInvalid`, and what the vendors' credentials
    raise: with those no slot could do anything.
    """
    process = wiring.process()
    wiring.check_database(settings)
    for module in _SHARED:
        importlib.import_module(module)
    process.preload()
    slots = [
        _Slot(name=f"worker-{lane}-{number}", target=_worker_slot(str(lane)))
        for lane, count in settings.worker_slots.items()
        for number in range(1, count + 1)
    ]
    return _Supervisor(slots).run()


def run_clocks(settings: Settings) -> int:
    """Run the clock slots of `ACCESSBOT_CLOCK_SLOTS` until told to stop; give the exit status.

    Raises `WrongDatabase` for a Redis that is not for this process, and `CatalogInvalid`.
    """
    wiring.clock_process()
    wiring.check_database(settings)
    slots = [_Slot(name=f"clock-{number}", target=_clock_slot()) for number in range(1, settings.clock_slots + 1)]
    return _Supervisor(slots).run()
