"""The store in the hands of a restore: it alone writes, from the claim of an empty store to the release of a whole."""

from __future__ import annotations

from typing import Final

from accessbot.adapters.redis_client import Effect, Script
from accessbot.adapters.redis_keys import AUDIT, AUDIT_STATE, RESTORING, key
from accessbot.adapters.redis_store import RedisStore
from accessbot.domain.errors import Refused
from accessbot.domain.model import GrantState, RequestState

_CLAIM: Final = Script(
    """
-- KEYS: who restores, the audit stream, its state, indexes of records. ARGV: what is restored from. Takes an empty
-- store, or goes on where the same restore stopped. Gives {'', last seq}; or {what stands in the way, count, count, …}.
local before = redis.call('GET', KEYS[1])
if before == ARGV[1] then return {'', redis.call('HGET', KEYS[3], 'seq') or '0'} end
if before then return {'restoring'} end
local counts, all = {'occupied', redis.call('XLEN', KEYS[2])}, redis.call('XLEN', KEYS[2])
for i = 4, #KEYS do
  counts[i - 1] = redis.call('ZCARD', KEYS[i])
  all = all + counts[i - 1]
end
if all > 0 then return counts end
redis.call('SET', KEYS[1], ARGV[1])
return {'', '0'}
"""
)

_RELEASE: Final = Script(
    """
-- KEYS: who restores. ARGV: what was restored from. Gives 1 when it was that and is over now.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1
"""
)


class RedisRestorer(RedisStore):
    """`accessbot.ports.Rebuilt` on Redis or Valkey."""

    def claim(self, source: str) -> int:
        """Take an empty store for a restore from `source`, or go on with it; give the last `seq` that is written.

        From then on nobody but this store commits, hands over or begins a work. Raises `Refused` when the store holds
        anything, or is being restored from something else.
        """
        indexes = [key("requests", state) for state in RequestState] + [key("grants", state) for state in GrantState]
        keys = [RESTORING, AUDIT, AUDIT_STATE, *indexes]
        obstacle, *rest = self._caller.script(_CLAIM, keys, [source], Effect.WRITE)
        if obstacle == "restoring":
            raise Refused(
                "A restore from another file began here and did not end: name that file, or empty the database first."
            )
        if obstacle:
            events, *counts = map(int, rest)
            requests = sum(counts[: len(RequestState)])
            raise Refused(
                f"This store is not empty, so nothing was restored: it holds {requests:,} requests,"
                f" {sum(counts) - requests:,} grants and {events:,} audit events. Name an empty database in REDIS_URL."
            )
        self._restores = source
        return int(rest[0])

    def release(self) -> None:
        """Give the store back to everybody, whole."""
        self._caller.script(_RELEASE, [RESTORING], [self._restores], Effect.WRITE)
        self._restores = ""
