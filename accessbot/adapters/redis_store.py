"""The store on Redis or Valkey: what is written, and that it is. Reads, the due-index and leases stand beside it.

The keys are listed in `redis_keys`, the stored form of records in `redis_codec`, the scripts in `redis_scripts`.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from accessbot.adapters import redis_facts
from accessbot.adapters import redis_scripts as scripts
from accessbot.adapters.redis_client import Caller, Effect, Word, send
from accessbot.adapters.redis_codec import Unreadable
from accessbot.adapters.redis_commit import layout
from accessbot.adapters.redis_connections import is_watched
from accessbot.adapters.redis_due import DueIndex
from accessbot.adapters.redis_exports import Exports
from accessbot.adapters.redis_keys import AUDIT, AUDIT_STATE, BEATS, CONFIRM, MARK, RESTORING, TALLIES, key
from accessbot.domain.errors import Conflict, StoreUnavailable
from accessbot.ports import Beat

if TYPE_CHECKING:
    import redis

    from accessbot.ports import Change

_REPLICAS_KNOWN_S: Final = 10.0
_CONFIRM_KEPT_MS: Final = 60_000
_HALF: Final = "The access store is being restored, so nothing was changed; try again in some minutes."


class RedisStore(Exports, DueIndex):
    """`accessbot.ports.Store` on one Redis or Valkey server, with or without replicas; not on a Redis Cluster."""

    def __init__(self, client: redis.Redis, *, patience: timedelta, admit: Callable[[str], None] | None = None) -> None:
        """Take a client made by `redis_client.connect`, and how long a call may try to get its answer.

        `admit` is given the database's mark before the first call does anything, and raises where this process has no
        business; it is asked again until it lets a call pass.
        """
        super().__init__(Caller(client, patience, admit))
        self._restores = ""
        self._replicas = 0
        self._replicas_until = 0.0

    def now(self) -> datetime:
        """Give the store server's time, aware, in UTC, cut to the millisecond as everything stored is."""
        seconds, micros = self._caller.command("TIME")
        return datetime.fromtimestamp(int(seconds), UTC) + timedelta(milliseconds=int(micros) // 1000)

    def commit(self, change: Change) -> bool:
        """Write a change; give False when this `op` had been written before (nothing is doubled), else True.

        Raises `Conflict` when a record's `rev` is not the stored one (nothing is written), `StoreUnavailable` when
        nothing was written, `Unclear` when it may have been.
        """
        token = secrets.token_urlsafe(6)
        args = [self._restores, *layout(change, token)]
        outcome, *rest = self._caller.script(scripts.COMMIT, [AUDIT, AUDIT_STATE], args, Effect.WRITE)
        if outcome == "restoring":
            raise StoreUnavailable(_HALF)
        if outcome == "again":
            return bool(rest[0] == token)  # written by this very call, whose first answer was lost
        if outcome == "conflict":
            label, stored = rest
            if stored == "unreadable":
                raise Unreadable(f"The stored {label} cannot be read, so nothing was written.")
            raise Conflict(f"The {label} changed meanwhile (it is at {stored} now); look at it again.")
        return True

    def confirm(self) -> None:
        """Wait until what this process wrote is held by a replica too, where the server has replicas.

        Where Sentinels watch it, it has to have one: a primary without might have been replaced already.
        One more write and the wait for it go over one connection: a replica that has it has all that came before it.
        Raises `StoreUnavailable` when none confirmed in time.
        """
        if not is_watched(self._caller.client) and not self._replica_count():
            return
        deadline = time.monotonic() + self._caller.patience.total_seconds()
        wait_ms = max(50, int(self._caller.patience.total_seconds() * 1000 / 8))  # well below the socket's time-out
        while True:
            if self._caller.call(lambda client: _write_and_wait(client, wait_ms)) > 0:
                return
            if time.monotonic() >= deadline:
                self._replicas_until = 0.0
                raise StoreUnavailable("No replica of Redis confirmed the write in time; it is tried again.")

    def first_sight(self, key: str, keep: timedelta) -> bool:
        """Tell whether `key` was not seen within `keep`; remembers it in the same step (for replayed deliveries)."""
        args: list[Word] = [secrets.token_hex(8), _ms(keep)]
        return bool(self._caller.script(scripts.FIRST_SIGHT, [_seen(key)], args, Effect.WRITE))

    # --- processes ---

    def beat(self, beat: Beat, keep: timedelta) -> None:
        """Say that a process lives; forgotten after `keep`."""
        millisecond = timedelta(milliseconds=1)
        told = json.dumps([beat.role, beat.catalog, beat.skew // millisecond, beat.jump // millisecond])
        self._caller.script(scripts.BEAT, [BEATS], [beat.process, told, keep // millisecond])

    def beats(self) -> tuple[Beat, ...]:
        """List the living processes, by name."""
        living = self._caller.script(scripts.BEATS, [BEATS], [])
        return tuple(sorted(_beat(process, text) for process, text in zip(living[::2], living[1::2], strict=True)))

    def tally(self, name: str) -> None:
        """Count something that happened; asked again for want of an answer, it may be counted twice."""
        self._caller.command("HINCRBY", TALLIES, name, 1)

    # --- the database itself ---

    def mark(self) -> str:
        """Read what this database is for: `sandbox`, or "" on a real one."""
        return self._caller.command("GET", MARK) or ""

    def set_mark(self, value: str) -> None:
        """Say for good what this database is for."""
        self._caller.command("SET", MARK, value)

    def restoring(self) -> bool:
        """Tell whether a restore began and has not ended: nobody writes and works until then."""
        return bool(self._caller.command("EXISTS", RESTORING))

    def is_empty(self) -> bool:
        """Tell whether the database holds nothing at all, not even of other programs."""
        return int(self._caller.command("DBSIZE")) == 0

    def facts(self) -> redis_facts.StoreFacts:
        """Ask the server what it is and how it keeps what it is given."""
        return redis_facts.gather(self._caller, self.mark())

    def ping(self) -> None:
        """Raises `StoreUnavailable` when the server does not answer."""
        self._caller.command("PING")

    def close(self) -> None:
        """Close every connection."""
        self._caller.client.close()
        self._caller.client.connection_pool.disconnect()

    def _replica_count(self) -> int:
        if time.monotonic() >= self._replicas_until:
            said = redis_facts.info(self._caller) or {}
            self._replicas = int(said.get("connected_slaves", 0))
            self._replicas_until = time.monotonic() + _REPLICAS_KNOWN_S
        return self._replicas


def _write_and_wait(client: redis.Redis, wait_ms: int) -> int:
    with client.pipeline(transaction=False) as pipe:
        send(pipe, "SET", CONFIRM, "1", "PX", _CONFIRM_KEPT_MS)
        send(pipe, "WAIT", 1, wait_ms)
        return int(pipe.execute()[1])


def _beat(process: str, text: str) -> Beat:
    """Read what is told of a process; one of an older version says nothing of its clock."""
    role, catalog, *clocks = json.loads(text)
    skew, jump = (timedelta(milliseconds=int(each)) for each in clocks or (0, 0))
    return Beat(process, str(role), str(catalog), skew, jump)


def _seen(name: str) -> str:
    return key("seen", name)


def _ms(span: timedelta) -> int:
    return max(1, span // timedelta(milliseconds=1))
