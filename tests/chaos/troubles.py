"""What goes wrong in a round: each trouble begins at its time, lasts as long as was drawn, and is over when it ends."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from accessbot.sandbox.faults import Fault, Refusal, Rule
from accessbot.sandbox.faults import Kind as FaultKind
from accessbot.sandbox.loopback import ConnectionDropped
from tests.chaos.plan import Trouble
from tests.chaos.sockets import caller, children
from tests.chaos.stage import Stage

_UP_S: Final = 30.0
_LATE_S: Final = (3.5, 6.0)
_HALF: Final = 0.5
_WRITES: Final = (
    "google.members.insert",
    "google.members.delete",
    "aws.identitystore.CreateGroupMembership",
    "aws.identitystore.DeleteGroupMembership",
)
_REDIS_BACK_S: Final = 1.5


def strike(stage: Stage, trouble: Trouble) -> None:
    """Let a trouble happen, from its beginning to its end; to be run in a thread of its own."""
    interrupts = trouble.kind.startswith(("kill", "freeze", "stop", "slack"))
    with stage.trouble(f"{trouble.kind} ({trouble.seconds} s)", interrupts=interrupts):
        HOW[trouble.kind](stage, trouble)


# --- processes --------------------------------------------------------------------------------------------------------


def _slots(stage: Stage, name: str) -> list[int]:
    process = stage.box.processes.running[name]
    return children(process.pid)


def _kill(stage: Stage, kind: str, pids: list[int], number: signal.Signals = signal.SIGKILL) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            stage.counted(kind)


def kill_supervisor(*names: str) -> Callable[[Stage, Trouble], None]:
    """Make the trouble that kills processes of the Procfile outright, all at once; they are started again."""

    def happen(stage: Stage, _: Trouble) -> None:
        killed = {name: stage.box.processes.running[name] for name in names}
        for name, process in killed.items():
            _kill(stage, f"{name} supervisor", [process.pid])
        stage.wait(
            "the processes to be started again",
            lambda: all(stage.box.processes.running[name] is not process for name, process in killed.items()),
            most=_UP_S,
        )

    return happen


def kill_everything(stage: Stage, _: Trouble) -> None:
    """Kill every process of accessbot, supervisors and slots, at the same moment."""
    killed = dict(stage.box.processes.running)
    stage.counted("everything")
    for process in killed.values():
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    stage.wait(
        "the processes to be started again",
        lambda: all(stage.box.processes.running[name] is not process for name, process in killed.items()),
        most=_UP_S,
    )


def kill_slots(name: str) -> Callable[[Stage, Trouble], None]:
    """Make the trouble that kills what a process supervises: all of it, or some."""

    def happen(stage: Stage, trouble: Trouble) -> None:
        slots = _slots(stage, name)
        some = slots if trouble.luck < _HALF else slots[int(trouble.luck * 10) % 2 :: 2]
        _kill(stage, f"{name} slot", some)

    return happen


def stop_worker(stage: Stage, _: Trouble) -> None:
    """Tell the workers to leave in good order; they are started again."""
    process = stage.box.processes.running["worker"]
    with suppress(ProcessLookupError):
        process.terminate()
        stage.counted("worker told to stop")
    stage.wait("the worker to be started again", lambda: stage.box.processes.running["worker"] is not process, _UP_S)


def freeze(name: str) -> Callable[[Stage, Trouble], None]:
    """Make the trouble that stops what a process supervises, or some of it, for a while."""

    def happen(stage: Stage, trouble: Trouble) -> None:
        slots = _slots(stage, name)
        some = slots if name == "web" else slots[int(trouble.luck * 10) % 2 :: 2]
        _kill(stage, f"{name} slot frozen", some, signal.SIGSTOP)
        time.sleep(trouble.seconds)
        _thaw(some)

    return happen


def _thaw(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def strike_in_a_call(stage: Stage, trouble: Trouble) -> None:
    """Kill or freeze the very worker that makes a call, before it takes effect or after, before its answer."""
    struck = threading.Event()
    frozen: list[int] = []

    def do(port: int) -> None:
        pid = caller(port, _slots(stage, "worker"))
        if pid is None or struck.is_set():
            return
        struck.set()
        stage.note(f"{trouble.kind}: {trouble.call} by {pid}")
        if trouble.kind.startswith("freeze"):
            _kill(stage, "caller frozen", [pid], signal.SIGSTOP)
            frozen.append(pid)
            return
        _kill(stage, "caller", [pid])
        if trouble.luck < 1 / 3:
            raise ConnectionDropped  # what it sent never took effect

    fault = stage.box.world.faults.strike(trouble.call, do, applied=trouble.luck > 2 / 3)
    try:
        struck.wait(4.0)
        if frozen:
            time.sleep(trouble.seconds)
    finally:
        fault.off()
        _thaw(frozen)


# --- Redis ------------------------------------------------------------------------------------------------------------


def kill_redis(stage: Stage, trouble: Trouble) -> None:
    """Kill Redis and start it again from its append-only file."""
    with _REDIS:
        stage.counted("redis")
        stage.server.kill()
        time.sleep(min(trouble.seconds, _REDIS_BACK_S))
        stage.server.start()


def freeze_redis(stage: Stage, trouble: Trouble) -> None:
    """Stop Redis answering for a while, connections open."""
    with _REDIS:
        stage.counted("redis frozen")
        stage.server.freeze()
        time.sleep(trouble.seconds)
        stage.server.thaw()


_REDIS = threading.Lock()

# --- Google and AWS ---------------------------------------------------------------------------------------------------


def fault(make: Callable[[Stage, Trouble], Fault]) -> Callable[[Stage, Trouble], None]:
    """Make the trouble in which calls to a vendor fail in one way, for a while."""

    def happen(stage: Stage, trouble: Trouble) -> None:
        laid = make(stage, trouble)
        try:
            time.sleep(trouble.seconds)
        finally:
            laid.off()
            if laid.hits:
                stage.counted(f"calls: {trouble.kind}")

    return happen


def _refuse(pattern: str, status: int, reason: str) -> Callable[[Stage, Trouble], Fault]:
    return lambda stage, _: stage.box.world.faults.lay(Rule(pattern, FaultKind.REFUSE, Refusal(status, reason)))


def _over_quota(stage: Stage, trouble: Trouble) -> Fault:
    """Let Google say that its quota is used up, in one of the two ways in which it does."""
    status, reason = (403, "quotaExceeded") if trouble.luck < _HALF else (429, "rateLimitExceeded")
    return stage.box.world.faults.lay(Rule("google.*", FaultKind.REFUSE, Refusal(status, reason)))


def _lose(vendor: str) -> Callable[[Stage, Trouble], Fault]:
    """Drop the answers of writes that took effect; sometimes after a long silence."""

    def make(stage: Stage, trouble: Trouble) -> Fault:
        writes = [call for call in _WRITES if call.startswith(vendor)]
        call = writes[int(trouble.luck * 100) % len(writes)]
        faults = stage.box.world.faults
        return faults.drop(call, applied=True) if trouble.luck < 0.7 else faults.hang(call, applied=True)

    return make


def _late(vendor: str) -> Callable[[Stage, Trouble], Fault]:
    """Let one write take effect only after whoever made it has given it up."""

    def make(stage: Stage, trouble: Trouble) -> Fault:
        writes = [call for call in _WRITES if call.startswith(vendor)]
        call = writes[int(trouble.luck * 100) % len(writes)]
        low, high = _LATE_S
        return stage.box.world.faults.slow(call, low + trouble.luck * (high - low), times=1)

    return make


def late(vendor: str) -> Callable[[Stage, Trouble], None]:
    """Make the trouble of a write that takes effect late; it is over when the write is done."""

    def happen(stage: Stage, trouble: Trouble) -> None:
        laid = _late(vendor)(stage, trouble)
        time.sleep(trouble.seconds)
        laid.off()
        if laid.hits:
            stage.counted(f"calls: {trouble.kind}")
            time.sleep(laid.rule.seconds)

    return happen


def google_lags(stage: Stage, trouble: Trouble) -> None:
    """Let Google's reads show changes only after a while."""
    directory = stage.box.world.google.directory
    directory.visible_after = 0.5 + 2.5 * trouble.luck
    stage.counted("google lagging")
    time.sleep(trouble.seconds)
    directory.visible_after = 0.0
    time.sleep(0.5 + 2.5 * trouble.luck)


def sync(stage: Stage, trouble: Trouble) -> None:
    """Let the sync job run: it reads Google now and writes AWS later, undoing what happened meanwhile."""
    stage.counted("sync run")
    stage.sync.run(between=lambda: time.sleep(trouble.seconds))


# --- Slack ------------------------------------------------------------------------------------------------------------


@contextmanager
def _slack(stage: Stage, seconds: float) -> Iterator[None]:
    with _SLACK:
        yield
        time.sleep(seconds)
        stage.box.workspace.outages.clear()


_SLACK = threading.Lock()


def slack_down(stage: Stage, trouble: Trouble) -> None:
    """Let Slack answer 503 to everything."""
    with _slack(stage, trouble.seconds):
        stage.box.workspace.outages.down()


def slack_limits(stage: Stage, trouble: Trouble) -> None:
    """Let Slack answer 429 to everything."""
    with _slack(stage, trouble.seconds):
        stage.box.workspace.outages.rate_limit()


def slack_fails(stage: Stage, trouble: Trouble) -> None:
    """Let Slack fail in posting and changing messages."""
    with _slack(stage, trouble.seconds):
        for method in ("chat.postMessage", "chat.update", "chat.postEphemeral"):
            stage.box.workspace.outages.error(method, "internal_error")


def slack_slow(stage: Stage, trouble: Trouble) -> None:
    """Let Slack take its time."""
    with _slack(stage, trouble.seconds):
        stage.box.workspace.outages.latency(0.7)


HOW: Final[dict[str, Callable[[Stage, Trouble], None]]] = {
    "kill web": kill_supervisor("web"),
    "kill web server": kill_slots("web"),
    "kill worker supervisor": kill_supervisor("worker"),
    "kill workers": kill_slots("worker"),
    "kill clock supervisor": kill_supervisor("clock"),
    "kill clocks": kill_slots("clock"),
    "kill everything": kill_everything,
    "stop worker": stop_worker,
    "kill in a call": strike_in_a_call,
    "freeze in a call": strike_in_a_call,
    "freeze workers": freeze("worker"),
    "freeze clocks": freeze("clock"),
    "freeze web": freeze("web"),
    "kill redis": kill_redis,
    "freeze redis": freeze_redis,
    "google refuses": fault(_refuse("google.*", 503, "backendError")),
    "google over quota": fault(_over_quota),
    "google loses answers": fault(_lose("google")),
    "google drops": fault(lambda stage, _: stage.box.world.faults.drop("google.*")),
    "google silent": fault(lambda stage, _: stage.box.world.faults.hang("google.*")),
    "google garbles": fault(lambda stage, _: stage.box.world.faults.garble("google.*")),
    "google slow": fault(lambda stage, _: stage.box.world.faults.slow("google.*", 0.4)),
    "google late": late("google"),
    "google lags": google_lags,
    "aws refuses": fault(_refuse("aws.*", 503, "ServiceUnavailableException")),
    "aws throttles": fault(_refuse("aws.*", 400, "ThrottlingException")),
    "aws loses answers": fault(_lose("aws")),
    "aws drops": fault(lambda stage, _: stage.box.world.faults.drop("aws.*")),
    "aws silent": fault(lambda stage, _: stage.box.world.faults.hang("aws.*")),
    "aws slow": fault(lambda stage, _: stage.box.world.faults.slow("aws.*", 0.3)),
    "aws late": late("aws"),
    "sync": sync,
    "slack down": slack_down,
    "slack limits": slack_limits,
    "slack fails": slack_fails,
    "slack slow": slack_slow,
}
