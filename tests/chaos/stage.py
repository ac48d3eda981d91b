"""The stage: a whole sandbox on a Redis that can be killed, with somebody who restarts what ends, and who sees all."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal, TypeVar

import redis

from accessbot.domain.errors import AccessbotError
from accessbot.domain.model import Grant, Request
from accessbot.domain.work import Lane
from accessbot.sandbox.journal import Change as Seen
from accessbot.sandbox.processes import ROOT
from accessbot.sandbox.redis_server import RedisServer
from accessbot.sandbox.run import Sandbox, sandbox
from accessbot.sandbox.slack.controls import controls
from accessbot.sandbox.sync_job import SyncJob
from accessbot.sandbox.world import OPENINGS
from tests.chaos import judging
from tests.chaos.evidence import OURS, Asked, Change, Evidence, Outage, Place, Terms, Told
from tests.chaos.plan import TWO_PEOPLE

APPROVALS: Final = "C01APPROVALS"
SYNC: Final = timedelta(seconds=20)
BROKEN: Final = Path(__file__).with_name("broken")
Found = TypeVar("Found")

_LOOK_S: Final = 0.06
_NEWEST: Final = 300
_SLOTS: Final = {Lane.FAST: 3, Lane.ENDS: 3, Lane.TALK: 2}
_SETTINGS: Final = {
    "ACCESSBOT_SYNC_PERIOD": f"{SYNC.total_seconds():.0f}s",
    "ACCESSBOT_MIN_DURATION": "1s",
    "ACCESSBOT_WORKER_SLOTS": ",".join(f"{lane}:{_SLOTS.get(lane, 1)}" for lane in Lane),
    "ACCESSBOT_CLOCK_SLOTS": "2",
    "PYTHONPATH": str(ROOT),
}
_EVENT_ID: Final = re.compile(r"^[rg]_")


class Stuck(AssertionError):
    """Something that somebody waited for did not come, long after all was well again."""


@dataclass(slots=True)
class Stage:
    """A running sandbox and all that is known of it.

    `patience`: seconds without any trouble after which whatever somebody waits for has to have happened.
    """

    box: Sandbox
    server: RedisServer
    evidence: Evidence
    sync: SyncJob
    patience: float
    begun: float = field(default_factory=time.monotonic)
    kills: dict[str, int] = field(default_factory=dict)
    notes: list[tuple[datetime, str]] = field(default_factory=list)
    timers: list[threading.Timer] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _gathering: threading.Lock = field(default_factory=threading.Lock)
    _troubles: int = 0
    _calm_since: float = field(default_factory=time.monotonic)
    _open: set[str] = field(default_factory=set)
    _events: set[int] = field(default_factory=set)
    _read_until: datetime | None = None
    _heard: dict[str, int] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)

    # ---- time and troubles

    def note(self, what: str) -> None:
        """Write a line into the timeline."""
        with self._lock:
            self.notes.append((datetime.now(UTC), what))

    @contextmanager
    def trouble(self, what: str, *, interrupts: bool = False) -> Iterator[None]:
        """Do something bad inside; it counts as an outage from now until the block ends."""
        begin = datetime.now(UTC)
        with self._lock:
            self._troubles += 1
        self.note(f"trouble begins: {what}")
        try:
            yield
        finally:
            with self._lock:
                self._troubles -= 1
                self._calm_since = time.monotonic()
                self.evidence.outages.append(Outage(what, begin, datetime.now(UTC), interrupts))
            self.note(f"trouble ends: {what}")

    def later(self, seconds: float, do: Callable[[], object]) -> None:
        """Do something later, in whatever round it then is."""
        timer = threading.Timer(seconds, do)
        timer.daemon = True
        self.timers.append(timer)
        timer.start()

    def counted(self, kind: str) -> None:
        """Count one thing that was killed, frozen or made to fail."""
        with self._lock:
            self.kills[kind] = self.kills.get(kind, 0) + 1

    @property
    def calm(self) -> float:
        """Seconds since the last trouble ended; 0 while there is one."""
        with self._lock:
            return 0.0 if self._troubles else time.monotonic() - self._calm_since

    def wait(self, what: str, look: Callable[[], Found | None], most: float | None = None) -> Found | None:
        """Look until it is there, and give it; None when `most` seconds are over.

        Raises `Stuck` when nothing has been wrong for `patience` seconds and it is not there.
        """
        begun = time.monotonic()
        while True:
            found = look()
            if found:
                return found
            if most is not None and time.monotonic() - begun > most:
                return None
            if min(self.calm, time.monotonic() - begun) > self.patience:
                raise Stuck(f"waited for {what} through {self.patience:.0f} s without any trouble")
            self._stopping.wait(_LOOK_S)

    def tries(self, what: str) -> Iterator[None]:
        """Give one more try after the other. Raises `Stuck` like `wait`."""
        begun = time.monotonic()
        while min(self.calm, time.monotonic() - begun) <= self.patience:
            yield
        raise Stuck(f"tried for {what} through {self.patience:.0f} s without any trouble")

    # ---- records; None while the store is away

    def request(self, request_id: str) -> Request | None:
        """Read a request."""
        with suppress(AccessbotError):
            return self.box.store.request(request_id)
        return None

    def grant(self, grant_id: str) -> Grant | None:
        """Read a grant."""
        with suppress(AccessbotError):
            return self.box.store.grant(grant_id)
        return None

    def grant_of(self, request_id: str) -> Grant | None:
        """Read the grant that a request has led to."""
        request = self.request(request_id)
        return self.grant(request.grant_id) if request is not None and request.grant_id else None

    # ---- what is seen

    def witness(self, side: Literal["google", "aws"], client: redis.Redis) -> Callable[[Seen], None]:
        """Make the listener that writes each change of a membership down, with what the log held at that moment."""

        def listener(change: Seen) -> None:
            by = OURS if change.by in ("api", self.box.world.aws.caller_arn) else change.by
            group = change.group if "@" in change.group else f"{change.group}@example.com"
            place = Place(side, group.casefold(), change.member.casefold())
            seen = None
            if by == OURS:
                with suppress(redis.RedisError):
                    seen = int(client.hget("accessbot:audit:state", "seq") or 0)
            self.evidence.changes.append(Change(change.at, place, change.action, by, seen))

        return listener

    def asked(self, who: str, reason: str, *, clear: bool) -> None:
        """Write down what somebody asked for."""
        self.evidence.asked.append(Asked(datetime.now(UTC), who, reason, clear))

    def gather(self) -> bool:
        """Read the log, what it tells of, and the messages anew; give False while the store is away."""
        with self._gathering:
            return self._gather()

    def _gather(self) -> bool:
        self._listen()
        try:
            since = self._read_until - timedelta(seconds=10) if self._read_until else None
            for event in self.box.store.audit(since=since):
                if event.seq in self._events:
                    continue
                self._events.add(event.seq)
                self.evidence.events.append(event)
                self._read_until = max(self._read_until or event.time, event.time)
                if _EVENT_ID.match(event.subject):
                    self._open.add(event.subject)
            for subject in tuple(self._open):
                self._read(subject)
            self._look_at_cards()
        except AccessbotError:
            return False
        return True

    def _read(self, subject: str) -> None:
        if subject.startswith("g_"):
            grant = self.box.store.grant(subject)
            if grant is not None:
                self.evidence.grants[subject] = grant
                if grant.ended:
                    self._open.discard(subject)
            return
        request = self.box.store.request(subject)
        if request is not None:
            self.evidence.requests[subject] = request
            if request.state != "pending":
                self._open.discard(subject)

    def _look_at_cards(self) -> None:
        """Read the approvers' newest message of each request that they may not have seen the end of yet."""
        evidence = self.evidence
        behind = {request_id for request_id, _ in judging.behind(evidence.view())}
        live = {grant.request_id for grant in evidence.grants.values() if not grant.ended}
        messages = self.box.workspace.state.visible(APPROVALS, "U03PRIYA")
        shown = [(str(message.blocks), message.text) for message in messages[-_NEWEST:]]
        for request_id in behind | live:
            reason = evidence.requests[request_id].reason if request_id in evidence.requests else ""
            if not reason:
                continue
            found = next((text for blocks, text in reversed(shown) if reason in blocks), None)
            if found is None:  # a long-lived grant's message has scrolled up
                found = next((message.text for message in reversed(messages) if reason in str(message.blocks)), None)
            if found is not None:
                evidence.cards[request_id] = found

    def _listen(self) -> None:
        state = self.box.workspace.state
        for person in state.people():
            if person.is_bot or person.team_id != state.cast.team_id:
                continue
            channel = state.im_of(person).id
            messages = state.visible(channel, person.id)
            for message in messages[self._heard.get(channel, 0) :]:
                if message.by_bot:
                    ids = tuple(str(c.element["value"]) for c in controls(message.blocks) if c.element.get("value"))
                    at = datetime.fromtimestamp(float(message.ts), UTC)
                    self.evidence.told.append(Told(at, person.id, message.text, ids))
            self._heard[channel] = len(messages)

    # ---- whoever runs the Procfile

    def keep(self) -> None:
        """Start what has ended again, until the stage is left."""
        while not self._stopping.wait(0.1):
            for name, process in tuple(self.box.processes.running.items()):
                if process.poll() is not None and not self._stopping.is_set():
                    self.note(f"{name} has ended with status {process.returncode}, it is started again")
                    self.box.processes.respawn(name)

    def leave(self) -> None:
        """Let the stage be left."""
        self._stopping.set()
        for timer in self.timers:
            timer.cancel()
            timer.join()


@contextmanager
def stage(*, broken: str = "", grace: timedelta = timedelta(seconds=60)) -> Iterator[Stage]:
    """Set the stage; `grace` is what ends get beside an outage, and people's patience; `broken` what is broken."""
    settings = dict(_SETTINGS)
    if broken:
        settings |= {"CHAOS_BREAK": broken, "PYTHONPATH": os.pathsep.join((str(BROKEN), str(ROOT)))}
    with ExitStack() as stack:
        server = stack.enter_context(RedisServer(fsync="always"))
        box = stack.enter_context(sandbox(redis_url=server.url, extra=settings))
        directory = box.world.google.directory
        sync = SyncJob(directory, box.world.aws, {opening.group: opening.aws_group for opening in OPENINGS})
        terms = Terms(sync_period=SYNC, grace=grace, approvals={TWO_PEOPLE: 2})
        made = Stage(box, server, Evidence(terms), sync, grace.total_seconds())
        client = redis.Redis.from_url(server.url, socket_timeout=0.4, socket_connect_timeout=0.4, decode_responses=True)
        stack.callback(client.close)
        for side, journal in (("google", directory.journal), ("aws", box.world.aws.journal)):
            listener = made.witness("google" if side == "google" else "aws", client)
            for change in journal.changes():
                listener(change)
            stack.callback(journal.subscribe(listener))
        keeper = threading.Thread(target=made.keep, name="keeper", daemon=True)
        keeper.start()
        stack.callback(keeper.join)
        stack.callback(made.leave)
        yield made


def logs(stage: Stage) -> dict[str, Path]:
    """Give the log file of each process."""
    return {path.stem: path for path in sorted(stage.box.processes.logs.glob("*.log"))}
