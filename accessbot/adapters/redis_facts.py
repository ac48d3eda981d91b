"""What a Redis or Valkey server says of itself: for the checks of an operator, and to know of its replicas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis
from redis.exceptions import NoPermissionError, ResponseError

from accessbot.adapters.redis_client import Caller, send
from accessbot.adapters.redis_connections import is_watched


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """What the server says of itself; None where it does not say, or the user may not ask.

    `server` is `redis` or `valkey`. `append_only` tells whether every write goes to a file, `snapshots` whether the
    whole is saved from time to time, `fsync` is its `appendfsync`, and `disk_fails` that its last write there did.
    `role` is `master` or `slave`, as the server calls it; `needs_replicas` tells whether it refuses writes without one,
    `watched` whether Sentinels watch it. `mark` is what the database is for, "" on a real one.
    """

    server: str | None
    version: str | None
    append_only: bool | None
    snapshots: bool | None
    fsync: str | None
    disk_fails: bool
    eviction: str | None
    max_memory: int | None
    used_memory: int | None
    role: str | None
    replicas: int | None
    needs_replicas: bool
    watched: bool
    cluster: bool | None
    mark: str

    @property
    def keeps(self) -> bool | None:
        """Tell whether anything survives the server's restart."""
        if self.append_only or self.snapshots:
            return True
        return None if self.append_only is None or self.snapshots is None else False


def info(caller: Caller) -> Mapping[str, Any] | None:
    """Read the server's INFO; None where there is no such command, or it is not allowed."""
    return caller.call(_info)


def _info(client: redis.Redis) -> Mapping[str, Any] | None:
    try:
        answer = send(client, "INFO")
    except (NoPermissionError, ResponseError) as error:
        if isinstance(error, NoPermissionError) or "unknown command" in str(error).lower():
            return None
        raise
    return answer if isinstance(answer, dict) else None


def config(caller: Caller, name: str) -> str | None:
    """Read one setting; None where CONFIG is not there or not allowed, as with most hosted servers."""

    def read(client: redis.Redis) -> str | None:
        try:
            answer = send(client, "CONFIG", "GET", name)
        except ResponseError:
            return None
        pairs = answer.items() if isinstance(answer, dict) else zip(answer[::2], answer[1::2], strict=True)
        return next((str(value) for key, value in pairs if key == name), None)

    return caller.call(read)


def gather(caller: Caller, mark: str) -> StoreFacts:
    """Ask the server what it is and how it keeps what it is given."""
    said = info(caller) or {}
    append_only = said.get("aof_enabled")
    saves = config(caller, "save")
    version = said.get("valkey_version", said.get("redis_version"))
    cluster = said.get("cluster_enabled")
    return StoreFacts(
        server=("valkey" if "valkey_version" in said else "redis") if version else None,
        version=None if version is None else str(version),
        append_only=None if append_only is None else bool(append_only),
        snapshots=None if saves is None else bool(saves.strip()),
        fsync=config(caller, "appendfsync"),
        disk_fails="err" in (said.get("aof_last_write_status"), said.get("rdb_last_bgsave_status")),
        eviction=said.get("maxmemory_policy", config(caller, "maxmemory-policy")),
        max_memory=said.get("maxmemory"),
        used_memory=said.get("used_memory"),
        role=said.get("role"),
        replicas=said.get("connected_slaves"),
        needs_replicas="min_slaves_good_slaves" in said,  # told only where it is set
        watched=is_watched(caller.client),
        cluster=None if cluster is None else bool(cluster),
        mark=mark,
    )
