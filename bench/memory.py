"""How much memory a real server takes for a live grant, and for an audit event."""

from __future__ import annotations

from datetime import timedelta

from accessbot.adapters.redis_client import connect
from accessbot.adapters.redis_store import RedisStore
from accessbot.ports import Change
from accessbot.sandbox.redis_server import RedisServer
from bench import records
from bench.figures import plain

_PATIENCE = timedelta(seconds=5)
_AT_ONCE = 50


def used(store: RedisStore) -> int:
    """Give the server's own figure for all it holds, less what its clients' connections take."""
    client = store._caller.client  # noqa: SLF001 - the port does not tell
    said = client.info("memory")
    return int(said["used_memory"]) - int(said.get("mem_clients_normal", 0))


def run(grants: int = 20_000, events: int = 50_000) -> list[str]:
    """Store many of each, and tell the growth of the server's used memory for one."""
    with RedisServer() as server:
        store = RedisStore(connect(server.url, patience=_PATIENCE), patience=_PATIENCE)
        now, empty = store.now(), used(store)
        # One commit for each, as in life: the operation that it remembers is part of what a grant takes.
        for number in range(grants):
            records.store(store, [records.made_up(number, requester=f"U04K{number:06d}", now=now)])
        with_grants = used(store)
        for first in range(0, events, _AT_ONCE):
            some = range(first, min(first + _AT_ONCE, events))
            happened = tuple(records.event(number, now) for number in some)
            store.commit(Change(op=f"bench:events:{first}", events=happened))
        with_events = used(store)
        store.close()
    return [
        f"growth of used_memory on a real server, {grants} grants and {events} events",
        plain("a live grant, with request, pair and indexes", f"{(with_grants - empty) / grants:6.0f} B", "≤ 2,048 B"),
        plain("an audit event, with its indexes", f"{(with_events - with_grants) / events:6.0f} B", "≤ 600 B"),
    ]
