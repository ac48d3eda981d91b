"""Every call that a process makes, one by one: tests look in before each, make it fail, or kill the process there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import redis

from accessbot.adapters.redis_client import Caller, Effect
from accessbot.adapters.redis_store import RedisStore
from accessbot.domain.errors import VendorError
from tests.fakes.vendors import FakeDirectory, FakeIdentityCenter

Answer = TypeVar("Answer")

PATIENCE = timedelta(seconds=2)
STORE = "store"


class Killed(BaseException):
    """The process is gone: like a signal, no handler of errors sees it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call: to whom, which, and the how-manieth of those that count."""

    whom: str
    method: str
    args: tuple[object, ...]
    place: int


@dataclass(slots=True)
class Watch:
    """Sees every call to the store and to the vendors; `counted` says which of them are counted.

    `before` and `after` are asked at each counted call; what they raise, the call raises. A process that was killed
    can make no call at all any more, not even one that tidies up, until it is `revived`.
    """

    counted: Callable[[Step], bool] = lambda _: True
    before: Callable[[Step], None] = lambda _: None
    after: Callable[[Step], None] = lambda _: None
    count: int = 0
    dead: bool = False
    steps: list[Step] = field(default_factory=list)

    def kill(self) -> None:
        """Kill the process that makes the present call."""
        self.dead = True
        raise Killed

    def revive(self) -> None:
        """Start a new process, that nothing happens to."""
        self.dead = False
        self.rest()

    def rest(self) -> None:
        """Let calls pass again."""
        self.before = self.after = lambda _: None

    def around(self, whom: str, method: str, args: tuple[object, ...], do: Callable[[], Answer]) -> Answer:
        """Make a call under watch."""
        if self.dead:
            raise Killed
        step = Step(whom, method, args, self.count)
        if not self.counted(step):
            return do()
        self.count += 1
        self.steps.append(step)
        self.before(step)
        answer = do()
        self.after(step)
        return answer

    def fail_at(self, place: int, error: VendorError, *, applied: bool = False) -> None:
        """Let the counted call of that place fail, before or after it took effect."""

        def strike(step: Step) -> None:
            if step.place == place:
                raise error

        if applied:
            self.after = strike
        else:
            self.before = strike


class WatchedStore(RedisStore):
    """The real store, each of its round trips under watch."""

    def __init__(self, client: redis.Redis, watch: Watch) -> None:
        super().__init__(client, patience=PATIENCE)
        self._caller = _WatchedCaller(client, watch)


class _WatchedCaller(Caller):
    def __init__(self, client: redis.Redis, watch: Watch) -> None:
        super().__init__(client, PATIENCE)
        self._watch = watch

    def call(self, do: Callable[[redis.Redis], Answer], effect: Effect = Effect.NONE) -> Answer:
        """Make one round trip."""
        return self._watch.around(STORE, effect.value, (), lambda: super(_WatchedCaller, self).call(do, effect))


class WatchedDirectory(FakeDirectory):
    """The fake Google, each call under watch."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def _call(self, method: str, args: tuple[object, ...], work: Callable[[], Answer]) -> Answer:
        return self._watch.around(
            self.vendor, method, args, lambda: super(WatchedDirectory, self)._call(method, args, work)
        )


class WatchedIdentityCenter(FakeIdentityCenter):
    """The fake Identity Center, each call under watch."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def _call(self, method: str, args: tuple[object, ...], work: Callable[[], Answer]) -> Answer:
        return self._watch.around(
            self.vendor, method, args, lambda: super(WatchedIdentityCenter, self)._call(method, args, work)
        )
