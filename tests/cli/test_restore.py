"""`accessbot restore`: what it says, what it refuses, and that nothing is written before every line is right."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from accessbot.adapters.redis_restorer import RedisRestorer
from accessbot.adapters.redis_store import RedisStore
from accessbot.domain.model import GrantState
from tests.cli.conftest import PATIENCE, Run
from tests.support.restoring import exported, log, records
from tests.support.world import World, new_world


@pytest.fixture
def world() -> Iterator[World]:
    """Give a company with a life behind it: one grant live, one ended, one request pending."""
    with new_world() as made:
        made.end(made.granted("noah"))
        made.granted("maya")
        made.ask("noah", "payments-admin")
        yield made


@pytest.fixture
def file(world: World, tmp_path: Path) -> Path:
    """Give an export of that company."""
    path = tmp_path / "log.ndjson"
    path.write_bytes(exported(world))
    return path


def size(url: str) -> int:
    """Count the keys of the database."""
    with redis.Redis.from_url(url) as client:
        return int(client.dbsize())


def test_a_restore_brings_back_all_of_it(run: Run, store: RedisStore, world: World, file: Path) -> None:
    """It says how much that was, and who did it is in the log."""
    told = run("restore", str(file))
    assert (told.status, told.err) == (0, "")
    assert told.out.startswith(f"Restored {len(log(world))} events, 3 requests (1 pending), 2 grants (1 live")
    assert [g.state for g in store.grants([GrantState.ACTIVE])] == [GrantState.ACTIVE]
    *events, last = store.audit()
    assert events == list(world.ctx.store.audit())
    assert last.action == "store.restored"
    assert last.actor.startswith("cli:")
    found = {**records(world)}
    assert {f"Grant {g.id}" for g in store.grants()} == {name for name in found if name.startswith("Grant ")}


def test_a_dry_run_needs_no_redis_and_writes_nothing(run: Run, file: Path, redis_url: str) -> None:
    """It says what a restore would bring back."""
    told = run("restore", str(file), "--dry-run", REDIS_URL="redis://127.0.0.1:1/0")
    assert told.status == 0
    assert told.out.startswith("Checked, nothing was written; a restore would bring back")
    assert size(redis_url) == 0


def test_a_store_that_is_not_empty_is_left_alone(run: Run, file: Path, store: RedisStore) -> None:
    """What it holds is told; a second restore is refused for the same reason."""
    assert run("restore", str(file)).status == 0
    before = store.count()
    told = run("restore", str(file))
    assert told.status == 1
    assert told.err.startswith("This store is not empty, so nothing was restored: it holds 3 requests, 2 grants and ")
    assert store.count() == before


def signed(lines: list[dict[str, Any]]) -> bytes:
    """Write lines anew, with the sum that fits them."""
    body = b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines[:-1])
    return body + json.dumps(lines[-1] | {"sha256": hashlib.sha256(body).hexdigest()}).encode() + b"\n"


def changed(number: int, **fields: object) -> Callable[[bytes], bytes]:
    """Give one that changes a line (0 is the first) and signs the file anew."""

    def change(export: bytes) -> bytes:
        lines = [json.loads(line) for line in export.splitlines()]
        lines[number] |= fields
        return signed(lines)

    return change


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda export: export[: len(export) // 2], "it is no whole line of JSON; the file is cut off or was changed."),
        (lambda export: export[: export[:-1].rindex(b"\n") + 1], "the file is cut off after this line"),
        (lambda _: b"", ":0: the file is cut off after this line"),
        (lambda export: export.replace(b"INC-42", b"INC-43", 1), "or one was changed."),
        (lambda export: export + export, "it stands after the last line of the export."),
        (lambda _: b"[1]\n", ":1: it is no whole line of JSON"),
        (changed(0, format="another"), ":1: it is no export of accessbot; make one with `accessbot audit export`."),
        (changed(0, version=2), ":1: its format is version 2; restore with the newest accessbot."),
        (changed(0, since_seq=5), ":1: it begins after event 5, not after 0; name the whole export first"),
        (changed(3, seq=9), ":4: event 9 comes after 2; the log has to be whole, from 1 on."),
        (changed(3, time="yesterday"), ":4: the event cannot be read (Invalid isoformat string: 'yesterday')."),
        (changed(3, actor=7), ":4: the event cannot be read (7 is no str)."),
        (changed(2, subject="r_none"), ":3: it changes r_none, whose beginning is not in the log."),
        (changed(-2, record="soul"), ": the record cannot be read ('soul')."),
        (changed(-1, count=1), "it counts 1 events up to"),
    ],
)
def test_a_bad_line_is_told_with_its_place_and_nothing_is_written(
    run: Run, file: Path, redis_url: str, *, spoil: Callable[[bytes], bytes], says: str
) -> None:
    """One line, beginning with the file and the number of the line."""
    file.write_bytes(spoil(file.read_bytes()))
    told = run("restore", str(file))
    assert (told.status, told.out, told.err.count("\n")) == (1, "", 1)
    assert told.err.startswith(f"{file}:")
    assert says in told.err
    assert size(redis_url) == 0


def test_what_cannot_be_done_is_one_line(run: Run, file: Path, tmp_path: Path) -> None:
    """No such file, no file, and a Redis that is away."""
    told = run("restore", str(tmp_path / "none"))
    assert (told.status, told.err) == (1, f"{tmp_path / 'none'} cannot be read: No such file or directory.\n")
    assert run("restore").status == 2
    assert run("restore", str(file), REDIS_URL="redis://127.0.0.1:1/0").status == 1


def test_a_restore_that_did_not_end_is_told_by_the_doctor(run: Run, redis_url: str) -> None:
    """With what to do: until then nobody works."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        RedisRestorer(client, patience=PATIENCE).claim("source")
    found = json.loads(run("doctor", "--json").out)
    details = [each["detail"] for each in found if (each["check"], each["status"]) == ("redis", "wrong")]
    assert details == [
        "a restore began here and did not end, so nothing works on it: run the same `accessbot restore` again."
    ]
