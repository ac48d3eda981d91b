"""What `accessbot doctor` looks at in Redis: that it is one for us, keeps what it is given, and outlasts a failure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from accessbot.cli.findings import Finding, ok, warning, wrong

if TYPE_CHECKING:
    from accessbot.adapters.redis_facts import StoreFacts
    from accessbot.adapters.redis_store import RedisStore

_OLDEST_REDIS = (7, 0)
_NEARLY_FULL = 0.9


def look_at_redis(store: RedisStore) -> Iterator[Finding]:
    """Give what is found, reading only."""
    store.now()
    yield from judge(store.facts(), restoring=store.restoring())


def judge(facts: StoreFacts, *, restoring: bool) -> Iterator[Finding]:
    """Give what there is to say of a server."""
    yield from _server(facts)
    if restoring:
        yield wrong(
            "redis",
            "a restore began here and did not end, so nothing works on it: run the same `accessbot restore` again.",
        )
    yield from _keeping(facts)
    yield from _memory(facts)
    yield from _replicas(facts)


def _server(facts: StoreFacts) -> Iterator[Finding]:
    name = f"{(facts.server or 'the server').capitalize()} {facts.version or ''}".strip()
    version = tuple(int(part) for part in re.findall(r"\d+", facts.version or "")[:2])
    if facts.server == "redis" and version < _OLDEST_REDIS:
        yield wrong("redis", f"{name} is too old: use Redis 7.0 or newer, or Valkey.")
    elif facts.cluster:
        yield wrong(
            "redis", f"{name} is a cluster, whose keys cannot change together: use a single server with replicas."
        )
    elif facts.role == "slave":
        yield wrong("redis", f"{name} is a read-only replica: point REDIS_URL at the primary.")
    else:
        memory = f", {facts.used_memory / 2**20:.1f} MB in use" if facts.used_memory is not None else ""
        replicas = f", {facts.replicas} replica{'s' if facts.replicas > 1 else ''}" if facts.replicas else ""
        yield ok("redis", f"{name} answers{memory}{replicas}")


def _keeping(facts: StoreFacts) -> Iterator[Finding]:
    if facts.keeps is False:
        yield warning("redis", "it keeps nothing on disk, so a restart forgets live grants: set appendonly yes.")
    elif facts.keeps is None:
        yield warning("redis", "it does not say whether it keeps anything on disk: make sure that persistence is on.")
    elif not facts.append_only:
        yield warning("redis", "it saves snapshots only, so a crash loses the latest grants: set appendonly yes.")
    elif facts.fsync == "no":
        yield warning(
            "redis",
            "a power failure can lose half a minute of grants: set appendfsync always, or everysec and a replica.",
        )
    if facts.disk_fails:
        yield wrong("redis", "its last write to its disk failed, so a restart forgets live grants: free space there.")


def _memory(facts: StoreFacts) -> Iterator[Finding]:
    if facts.eviction is None:
        yield warning(
            "redis", "it does not say whether it may evict keys: make sure that maxmemory-policy is noeviction."
        )
    elif facts.eviction != "noeviction":
        yield warning(
            "redis", f"it may evict keys ({facts.eviction}), live grants too: set maxmemory-policy noeviction."
        )
    if facts.max_memory and facts.used_memory is not None and facts.used_memory > _NEARLY_FULL * facts.max_memory:
        share = 100 * facts.used_memory // facts.max_memory
        yield warning("redis", f"{share} % of its memory is in use; full, it refuses every request: raise maxmemory.")


def _replicas(facts: StoreFacts) -> Iterator[Finding]:
    if facts.watched and facts.replicas == 0:
        yield wrong("redis", "no replica follows the primary, and behind Sentinels no grant comes without: start one.")
    elif facts.replicas and not facts.needs_replicas:
        yield warning(
            "redis",
            "it takes writes without its replicas too, lost when one of them replaces it: set min-replicas-to-write 1.",
        )
