"""A life told step by step: whatever is not known to be done is done again, by whoever did it, in whichever process."""

from __future__ import annotations

import random
import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import pytest

from accessbot.domain.durations import parse_duration
from accessbot.domain.errors import Refused, StoreUnavailable, Unavailable, Unclear
from accessbot.domain.model import Click, ClickAction, Grant, Request, RequestState, pair_key
from accessbot.domain.policy import REQUEST_LIFETIME
from accessbot.service import asking, ending, pressing
from accessbot.service.context import id_from
from tests.support.company import email, slack_id
from tests.support.evidence import Evidence, Place, Span
from tests.support.watch import VENDORS, Killed, Step
from tests.support.world import World, new_world

Value = TypeVar("Value")

SYNC_PERIOD = timedelta(minutes=1)
SWEEP_PERIOD = timedelta(minutes=10)
ADMIN, ONCALL, PAYMENTS = "production-admin", "production-oncall", "payments-admin"
_OVER_AFTER = timedelta(minutes=6)
"""Longer than the last look at a pair after its end."""

_TRIES = 50
_GAPS_S = (0.0, 0.0, 0.0, 0.3, 3.0, 9.0)
"""How long nobody works after a crash, in seconds."""


@dataclass(slots=True)
class Story:
    """One company, the people in it, and other tools at work there; `chance` decides what the story leaves open."""

    world: World
    chance: random.Random
    takeover: random.Random
    on_restart: Callable[[], None] = lambda: None
    outages: list[Span] = field(default_factory=list)
    turned_away: list[tuple[str, str, str]] = field(default_factory=list)
    presses: list[str] = field(default_factory=list)
    _serial: int = 0
    _events: list[tuple[datetime, Callable[[], object]]] = field(default_factory=list)

    # --- what people do, until it is known to be done

    def ask(self, who: str, duration: str = "30s", entitlement: str = ADMIN, reason: str = "INC-42") -> str:
        """Send the form of a new request until it is taken; gives the request's id."""
        ask_id = self.new_id()
        self._until_done(
            lambda: asking.ask(
                self.world.ctx,
                ask_id=ask_id,
                requester=slack_id(who),
                entitlement=entitlement,
                duration=parse_duration(duration),
                reason=reason,
            )
        )
        self.work()
        return id_from("r", slack_id(who), ask_id)

    def extend(self, grant_id: str, added: str = "30s") -> str:
        """Send the form of an extension until it is taken or refused; gives the request's id, "" if it was refused."""
        ask_id = self.new_id()
        grant = self.grant(grant_id)

        def send() -> str:
            try:
                asked = asking.extend(
                    self.world.ctx,
                    ask_id=ask_id,
                    requester=grant.requester,
                    grant_id=grant.id,
                    added=parse_duration(added),
                    reason="still at it",
                )
            except Refused:
                return ""
            return asked.id

        request_id = self._until_done(send)
        self.work()
        return request_id

    def press(self, who: str, action: ClickAction, subject: str, reason: str = "") -> None:
        """Press a button until that is kept or refused, and let the workers follow."""
        self.keep_press(who, action, subject, reason)
        self.work()

    def keep_press(self, who: str, action: ClickAction, subject: str, reason: str = "") -> None:
        """Press a button until that is kept or refused, without letting the workers at it."""
        press_id = self.new_id()
        again = self.chance.random() < 0.5  # the same press delivered again, or a new one

        def press() -> Click | None:
            nonlocal press_id
            self.presses.append(id_from("c", slack_id(who), press_id))
            try:
                return pressing.press(
                    self.world.ctx,
                    press_id=press_id,
                    action=action,
                    subject=subject,
                    actor=slack_id(who),
                    reason=reason,
                )
            except Refused as refusal:
                self.turned_away.append((slack_id(who), subject, refusal.sentence))
                return None
            finally:
                press_id = press_id if again else self.new_id()

        self._until_done(press)

    def approve(self, who: str, request_id: str) -> str:
        """Press Approve; gives the id of the grant that there is now, "" if there is none."""
        self.press(who, ClickAction.APPROVE, request_id)
        return self.request(request_id).grant_id

    def granted(self, who: str = "maya", duration: str = "30s", entitlement: str = ADMIN) -> str:
        """Ask, have priya approve once she sees it, and give the grant's id, "" if it took too long."""
        request_id = self.ask(who, duration, entitlement)
        for _ in range(_TRIES):
            if self.request(request_id).announced:
                break
            self.wait(3)
        self.press("priya", ClickAction.APPROVE, request_id)
        for _ in range(_TRIES):
            if self.request(request_id).state is not RequestState.PENDING:
                break
            self.wait(3)
        return self.request(request_id).grant_id

    def end(self, grant_id: str) -> None:
        """Press End access until it is taken, and let the workers follow."""
        holder = self.grant(grant_id).requester

        def end() -> None:
            try:
                ending.end_access(self.world.ctx, requester=holder, grant_id=grant_id)
            except Refused:
                return  # it has ended already

        self._until_done(end)
        self.work()

    def withdraw(self, request_id: str) -> None:
        """Cancel a request until that is taken or too late, and let the workers follow."""
        who = self.request(request_id).requester

        def cancel() -> None:
            try:
                asking.withdraw(self.world.ctx, requester=who, request_id=request_id)
            except Refused:
                return

        self._until_done(cancel)
        self.work()

    # --- time, and what else happens

    def work(self) -> None:
        """Let the workers do what there is to do now."""
        self._until_done(self.world.run_until_idle)

    def wait(self, seconds: float) -> None:
        """Let time pass, and what was planned happen at its time."""
        target = self.world.clock.now + timedelta(seconds=seconds)
        while self._events and self._events[0][0] <= target:
            at, happen = self._events.pop(0)
            self._pass_to(at)
            happen()
            self.work()
        self._pass_to(target)

    def pass_aside(self, seconds: float) -> None:
        """Let another process work for a time, or just at this moment, while the present one stands still."""
        self.world.advance(timedelta(seconds=seconds))

    def later(self, seconds: float, happen: Callable[[], object]) -> None:
        """Plan what happens in so many seconds."""
        self._events.append((self.world.clock.now + timedelta(seconds=seconds), happen))
        self._events.sort(key=lambda event: event[0])

    def finish(self) -> None:
        """Let everything come to its end in fine weather."""
        ahead = [*(at for at, _ in self._events), *(end for _, end in self.outages)]
        last = max((self.world.clock.now, *ahead))
        self.wait((last - self.world.clock.now).total_seconds())
        self.world.watch.weather = lambda *_: None
        self.wait(_OVER_AFTER.total_seconds())
        for _ in range(_TRIES):
            if all(grant.ended for grant in self.grants()):
                break
            self.wait(60)
        if self._has_pending():
            self.wait(REQUEST_LIFETIME.total_seconds())
        self.wait(_OVER_AFTER.total_seconds())

    def trouble(self, seconds: float, whom: tuple[str, ...] = VENDORS, share: float = 1.0) -> None:
        """Let a share of the calls to somebody fail for a time, before or after they took effect."""
        begin = self.world.clock.now
        end = begin + timedelta(seconds=seconds)
        before = self.world.watch.weather
        drawn = luck(f"weather {self.chance.random()}")

        def weather(step: Step, done: bool) -> None:  # noqa: FBT001 - as the watch asks
            before(step, done)
            if step.whom in whom and begin <= self.world.clock.now < end and drawn.random() < share / 2:
                raise Unavailable(step.whom, step.method, f"{step.whom} is away.")

        self.world.watch.weather = weather
        if set(whom) & set(VENDORS):
            self.outages.append((begin, end + timedelta(seconds=15)))  # whoever waits may look again so much later

    # --- what is there

    def request(self, request_id: str) -> Request:
        """Read a request, beside what the story counts."""
        with self.world.watch.aside():
            return self.world.request(request_id)

    def grant(self, grant_id: str) -> Grant:
        """Read a grant, beside what the story counts."""
        with self.world.watch.aside():
            return self.world.grant(grant_id)

    def grants(self) -> list[Grant]:
        """Read all grants, beside what the story counts."""
        with self.world.watch.aside():
            return list(self.world.ctx.store.grants())

    def evidence(self, *, over: bool) -> Evidence:
        """Give what can be seen of the story so far."""
        world = self.world
        world.journal.catch_up()
        with world.watch.aside():
            store = world.ctx.store
            clicks = [click for click in map(store.click, dict.fromkeys(self.presses)) if click is not None]
            return Evidence(
                now=world.clock.now,
                over=over,
                sync_period=world.ctx.terms.sync_period,
                events=list(store.audit()),
                requests=list(store.requests()),
                grants=list(store.grants()),
                clicks=clicks,
                cards={card.request.id: (card.request, card.grant) for card in world.notifier.cards},
                writes=world.journal.writes,
                shifts=world.journal.shifts,
                said=world.journal.said,
                turned_away=self.turned_away,
                outages=self.outages,
                pairs=self._pairs(),
            )

    # --- inside

    def _pairs(self) -> dict[Place, str]:
        """Name the pair of each membership that there can be."""
        world = self.world
        users = [(world.google.id_of(email(name)), aws_id) for name, aws_id in world.aws_ids.items()]
        found = {}
        for group, aws_group in world.aws_groups.items():
            for google_id, aws_id in users:
                found[Place("google", group, google_id)] = found[Place("aws", aws_group, aws_id)] = pair_key(
                    group, google_id
                )
        return found

    def _until_done(self, step: Callable[[], Value]) -> Value:
        while True:
            try:
                return step()
            except Killed:
                self._take_over()
            except (StoreUnavailable, Unclear):
                self._gap(1)

    def _take_over(self) -> None:
        self.world.restart(queue_lost=self.takeover.random() < 0.7)
        self._gap(self.takeover.choice(_GAPS_S))
        self.on_restart()

    def _gap(self, seconds: float) -> None:
        begin = self.world.clock.now
        self.world.clock.move(timedelta(seconds=seconds))
        self.outages.append((begin, self.world.clock.now))

    def _pass_to(self, at: datetime) -> None:
        self._until_done(lambda: self.world.advance(max(timedelta(0), at - self.world.clock.now)))

    def _has_pending(self) -> bool:
        with self.world.watch.aside():
            return any(True for _ in self.world.ctx.store.requests([RequestState.PENDING]))

    def new_id(self) -> str:
        """Give a new name for something."""
        self._serial += 1
        return f"delivery-{self._serial}"


@contextmanager
def new_story(name: str, fate: str) -> Iterator[Story]:
    """Begin a story; what is left open in it is decided by its name, what follows a crash by its `fate`."""
    with seeded(name), new_world(sync_period=SYNC_PERIOD, sweep_period=SWEEP_PERIOD, wide=True) as world:
        yield Story(world=world, chance=luck(name), takeover=luck(fate))


@contextmanager
def seeded(name: str) -> Iterator[None]:
    """Draw every id, token and jitter of this block from a name, so that the same story is told again."""
    draw = luck(name)

    def token(size: int | None = None) -> str:
        return draw.randbytes(size or 32).hex()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "token_hex", token)
        patch.setattr(secrets, "token_urlsafe", token)
        patch.setattr(uuid, "uuid4", lambda: uuid.UUID(bytes=draw.randbytes(16)))
        patch.setattr(random, "uniform", draw.uniform)
        yield


def luck(name: str) -> random.Random:
    """Give the draws that belong to a name, the same each time."""
    return random.Random(name)  # noqa: S311 - draws that can be repeated, not secrets
