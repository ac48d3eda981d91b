"""A world whose store is lost and restored: what was exported before, and what is compared afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from accessbot.adapters import archive
from accessbot.adapters import redis_codec as codec
from accessbot.adapters.redis_client import send
from accessbot.adapters.redis_restorer import RedisRestorer
from accessbot.adapters.redis_store import RedisStore
from accessbot.domain.model import AuditEvent, Record
from accessbot.service import restoring
from accessbot.service.restoring import Plan
from tests.support.world import World

PATIENCE = timedelta(seconds=2)


def exported(world: World, *, since_seq: int = 0) -> bytes:
    """Give an export of the store as its file would hold it."""
    store = RedisStore(world.client, patience=PATIENCE)
    with tempfile.TemporaryFile() as out:
        archive.write(out, store.events_after(since_seq), store.beside_events(), since_seq, store.now())
        out.seek(0)
        return out.read()


def read(*exports: bytes) -> list[archive.Placed]:
    """Read an export and its increments."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, export in enumerate(exports):
            files.append(Path(folder, f"{number}.ndjson"))
            files[-1].write_bytes(export)
        return list(archive.read(files))


def planned(placed: Iterable[archive.Placed]) -> tuple[Plan, list[AuditEvent]]:
    """Replay what was read; give the plan, and the events alone."""
    plan, events = Plan(), []
    for each in placed:
        plan.take(each.value)
        if isinstance(each.value, AuditEvent):
            events.append(each.value)
    return plan, events


def restore_into(store: RedisRestorer, *exports: bytes) -> None:
    """Restore into a store all that exports hold."""
    plan, events = planned(read(*exports))
    restoring.restore(store, plan, events, "source", "cli:root", lambda *_: None)


def lose_and_restore(world: World, *exports: bytes) -> None:
    """Lose everything in the world's store, and the queue with it, and restore it."""
    world.client.flushall()
    restore_into(RedisRestorer(world.client, patience=PATIENCE), *exports)
    world.restart()


def records(world: World) -> dict[str, Record]:
    """Give every record that a restore brings back, less what it does not."""
    store = RedisStore(world.client, patience=PATIENCE)
    found: list[Record] = [replace(r, waiting_for="", answer_to="") for r in store.requests()]
    found += [replace(grant, waiting_for="") for grant in store.grants()]
    for key in send(world.client, "KEYS", "accessbot:pair:*"):
        pair = store.pair(key.removeprefix("accessbot:pair:"))
        assert pair is not None
        found.append(pair)
    found += store.beside_events()
    return {f"{type(each).__name__} {codec.name_of(each)}": replace(each, rev=0) for each in found}


def log(world: World) -> dict[str, AuditEvent]:
    """Give the audit log, each event by the id that it is stored under."""
    entries = send(world.client, "XRANGE", "accessbot:audit", "-", "+")
    return {entry: codec.read_event(entry, fields["e"]) for entry, fields in entries}
