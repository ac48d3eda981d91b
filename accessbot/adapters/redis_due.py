"""The due-index and leases: who does what next, and who alone may do it now.

A work's entry in its lane says when it comes up. A claim moves that to the claim's end, so the work of a dead worker
comes up again by itself; a hand-over does the same for a worker that never began.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from accessbot.adapters import redis_codec as codec
from accessbot.adapters import redis_scripts as scripts
from accessbot.adapters.redis_client import Effect, Script, Word
from accessbot.adapters.redis_keys import key
from accessbot.domain.errors import LeaseBusy, LeaseLost, StoreUnavailable, Unclear
from accessbot.domain.work import Lane, Work
from accessbot.ports import Claim, calls_until

if TYPE_CHECKING:
    from accessbot.adapters.redis_client import Caller

_log = structlog.get_logger(__name__)

_MARGIN: Final = timedelta(milliseconds=500)
"""What a lease must outlast a call by: the caller's own way from the proof to the call, and a difference of clocks."""

_PROOFS: Final = 3

_RENEW: Final = Script(
    scripts.CLOCK
    + """
-- KEYS: the lane, the work. ARGV: name, token, hold. Gives 1 when the claim is that owner's still. A dropped work
-- stays dropped; one that was set due anew comes up when the claim ends, or later if it is due later.
local claim = redis.call('HMGET', KEYS[2], 'token', 'again')
if claim[1] ~= ARGV[2] then return 0 end
local till = now + tonumber(ARGV[3])
redis.call('HSET', KEYS[2], 'until', whole(till))
if redis.call('PTTL', KEYS[2]) >= 0 then redis.call('PEXPIREAT', KEYS[2], whole(till)) end
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  redis.call('ZADD', KEYS[1], whole(math.max(till, tonumber(claim[2] or '0'))), ARGV[1])
end
return 1
"""
)


def _ms(span: timedelta) -> int:
    return max(0, span // timedelta(milliseconds=1))


def _used_up(asked: float, left_ms: int) -> float:
    """Say when a lease is used up that had so much left at some time after `asked`; half the margin stays in hand."""
    return asked + (left_ms - _ms(_MARGIN) / 2) / 1000


def _new_token() -> str:
    return secrets.token_hex(8)


def _place(work: Work) -> list[str]:
    return [key("due", work.lane), key("work", str(work))]


class DueIndex:
    """The due-index."""

    def __init__(self, caller: Caller) -> None:
        """Work through `caller`."""
        self._caller = caller

    def due(self, lane: Lane, limit: int, hand_over: timedelta) -> tuple[Work, ...]:
        """Take up to `limit` works of a lane whose time has come, oldest first, to hand them to workers.

        Each is moved `hand_over` into the future in the same step, so that it comes up again if no worker begins it.
        A name that this accessbot does not know (a newer one wrote it) is left there for one that does.
        """
        names = self._caller.script(scripts.TAKE_DUE, [key("due", lane)], [limit, _ms(hand_over)])
        works = []
        for name in names:
            try:
                works.append(Work.parse(name))
            except ValueError:
                _log.warning("due.unknown", work=name)
        return tuple(works)

    def begin(self, work: Work, hold: timedelta) -> Claim | None:
        """Claim a work for `hold`; None when it is done already, or when somebody else has it."""
        token = _new_token()
        claim = self._caller.script(scripts.BEGIN, _place(work), [str(work), token, _ms(hold)])
        if not claim:
            return None
        return Claim(work, token, int(claim[0]), codec.from_ms(int(claim[1])))

    def renew(self, claim: Claim, hold: timedelta) -> bool:
        """Prolong a claim to `hold` from now; give False when it ran out and another has it, or had it."""
        return bool(self._caller.script(_RENEW, _place(claim.work), [str(claim.work), claim.token, _ms(hold)]))

    def finish(self, claim: Claim) -> bool:
        """Remove a claimed work from the due-index; True when it is out of the index.

        False when it was set due anew meanwhile (it stays, due then), or when the claim ran out and another has it.
        """
        args = [str(claim.work), claim.token]
        return bool(self._caller.script(scripts.FINISH, _place(claim.work), args, Effect.WRITE))

    def postpone(self, claim: Claim, at: datetime) -> None:
        """Give a claimed work back, due at `at`, unless it was set due for an earlier time meanwhile.

        Does nothing when the work was dropped, or when the claim ran out and another has it.
        """
        args: list[Word] = [str(claim.work), claim.token, codec.to_ms(at)]
        self._caller.script(scripts.POSTPONE, _place(claim.work), args, Effect.WRITE)

    @contextmanager
    def lease(self, name: str, hold: timedelta) -> Iterator[HeldLease]:
        """Hold a name exclusively; raises `LeaseBusy` at once when another has it. Released on exit."""
        lease = HeldLease(self._caller, name, hold, _new_token())
        asked = time.monotonic()
        if not self._caller.script(scripts.LEASE, [lease.key], [lease.token, _ms(hold)]):
            raise LeaseBusy(f"Another process works on {name} right now; it is taken up again in a moment.")
        calls_until.set(_used_up(asked, _ms(hold)))
        try:
            yield lease
        finally:
            calls_until.set(None)  # one lease at a time: around another's, the next proof sets it again
            lease.release()


@dataclass(frozen=True, slots=True)
class HeldLease:
    """An exclusive hold on a name, proven by a token that only its owner knows."""

    caller: Caller
    name: str
    hold: timedelta
    token: str

    @property
    def key(self) -> str:
        """Give the lease's key."""
        return key("lease", self.name)

    def ensure(self, call: timedelta) -> None:
        """Prove, right before a call that may take `call`, that the lease is ours and outlasts it; extend it if needed.

        The time that the proof itself took counts against it, and `calls_until` says from now on when it is used up.
        Raises `LeaseLost` when the lease is not ours any more, `StoreUnavailable` when the store cannot tell.
        """
        need = call + _MARGIN
        for _ in range(_PROOFS):
            asked = time.monotonic()
            args: list[Word] = [self.token, _ms(need), _ms(max(need, self.hold))]
            left = int(self.caller.script(scripts.LEASE_EXTEND, [self.key], args))
            if left < 0:
                raise LeaseLost(f"The lease on {self.name} ran out or passed to another process.")
            if left - (time.monotonic() - asked) * 1000 >= _ms(call):
                calls_until.set(_used_up(asked, left))
                return
        raise LeaseLost(f"The lease on {self.name} cannot be proven fast enough for a call of {call}.")

    def release(self) -> None:
        """Let go, if it is still ours. A store that is away is logged: the lease then runs out by itself."""
        try:
            self.caller.script(scripts.LEASE_RELEASE, [self.key], [self.token])
        except (StoreUnavailable, Unclear) as error:
            _log.warning("lease.not_released", lease=self.name, error=error.sentence)
