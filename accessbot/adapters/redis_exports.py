"""Reading the store for an export: the audit log from a number on, and the records that it does not tell of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from accessbot.adapters import redis_codec as codec
from accessbot.adapters.redis_keys import AUDIT, AUDIT_STATE, GROUPS
from accessbot.adapters.redis_reads import Reads
from accessbot.domain.groups import GroupMapping, Roster
from accessbot.domain.model import AuditEvent


class Exports(Reads):
    """What an export is made of."""

    def events_after(self, seq: int) -> Iterator[AuditEvent]:
        """Walk the audit log in order, from the event whose `seq` follows the given one; 0 begins at the first."""
        for entry, raw in self._stream(self._shortly_before(seq)):
            event = codec.read_event(entry, raw)
            if event.seq > seq:
                yield event

    def beside_events(self) -> Iterator[GroupMapping | Roster]:
        """Walk the mappings, then the rosters, by name."""
        names = sorted(self._caller.command("SMEMBERS", GROUPS))
        kinds: tuple[codec.Kind[Any], ...] = (codec.MAPPINGS, codec.ROSTERS)
        for kind in kinds:
            for name in names:
                record = self._one(kind, name)
                if record is not None:
                    yield record

    def _shortly_before(self, seq: int) -> int:
        """Find, in milliseconds, the latest time before which or at which the event of that `seq` was written.

        Ids in the stream are times, and both they and the numbers only grow, so halving finds it in some forty steps.
        """
        if not seq:
            return 0
        low, high = 0, int(self._caller.command("HGET", AUDIT_STATE, "ms") or 0) + 1
        while high - low > 1:
            middle = (low + high) // 2
            found = self._caller.command("XRANGE", AUDIT, f"{middle}-0", "+", "COUNT", 1)
            later = not found or int(found[0][0].partition("-")[2]) > seq
            low, high = (low, middle) if later else (middle, high)
        return low
