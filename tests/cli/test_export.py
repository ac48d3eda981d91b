"""`accessbot audit export`: what the file holds, who may read it, and that it is whole or not there."""

from __future__ import annotations

import hashlib
import json
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from accessbot.adapters import archive
from accessbot.adapters.redis_store import RedisStore
from accessbot.domain.groups import GroupMapping, Roster
from accessbot.domain.model import AuditEvent, PermissionSet
from accessbot.ports import Change
from tests.cli.conftest import Run
from tests.cli.records import NOW, event

MAPPING = GroupMapping(
    key="aws-a@example.com",
    aws_group_id="G-1",
    permission_set=PermissionSet(arn="arn:1", name="Admin", session=timedelta(hours=1)),
    account_id="111122223333",
    checked_at=NOW,
)
ROSTER = Roster(key="aws-a@example.com", aws_group_id="G-1", google=("100",))


def fill(store: RedisStore, count: int) -> list[AuditEvent]:
    """Write events of which some are at one time, and one is older than the one before it."""
    first = store.count()["audit"]
    for n in range(first, first + count):
        at = NOW + timedelta(milliseconds=(n // 3) * 700 - (n % 5 == 4) * 50)
        store.commit(Change(op=f"e{n}", events=(event("grant.active", at, reason=f"#{n} ü\u2028"),)))
    return list(store.audit())


def lines(file: Path) -> list[dict[str, Any]]:
    """Read every line of a file."""
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def test_an_export_holds_every_event_in_order_between_a_header_and_a_sum(
    run: Run, store: RedisStore, tmp_path: Path
) -> None:
    """Each line is what `audit list` shows, with whose it is and what its record can be made again from."""
    at, data = NOW, {"ends_ms": 1_800_000_000_000}
    store.commit(
        Change(op="a", puts=(MAPPING, ROSTER), events=(event("grant.active", at, entitlement="e", data=data),))
    )
    file = tmp_path / "log.ndjson"
    told = run("audit", "export", str(file))
    assert (told.status, told.out, told.err) == (0, "", "Exported 1 events, up to 1.\n")
    header, first, mapping, roster, trailer = lines(file)
    assert (header["format"], header["version"], header["since_seq"]) == ("accessbot-audit", 1, 0)
    listed = json.loads(run("audit", "list", "--json").out)[0]
    assert first == listed | {"person": "U1", "entitlement": "e", "data": data}
    assert [(each["record"], each["key"]) for each in (mapping, roster)] == [
        ("mapping", "aws-a@example.com"),
        ("roster", "aws-a@example.com"),
    ]
    whole = file.read_bytes().splitlines(keepends=True)
    assert trailer == {"count": 1, "last_seq": 1, "sha256": hashlib.sha256(b"".join(whole[:-1])).hexdigest()}


def test_only_its_owner_may_read_it(run: Run, store: RedisStore, tmp_path: Path) -> None:
    """Even where an older file of that name was open to all; nothing else is left in the folder."""
    fill(store, 3)
    file = tmp_path / "log.ndjson"
    file.write_text("old")
    file.chmod(0o644)
    assert run("audit", "export", str(file)).status == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("since", [0, 1, 2, 29, 399, 400])
def test_an_increment_holds_exactly_what_came_after(run: Run, store: RedisStore, tmp_path: Path, since: int) -> None:
    """Also where several events have one time, and where one is older than the one before it."""
    written = fill(store, 400)
    file = tmp_path / "increment.ndjson"
    assert run("audit", "export", str(file), "--since-seq", str(since)).status == 0
    assert [line["seq"] for line in lines(file) if "seq" in line] == [e.seq for e in written[since:]]
    assert lines(file)[-1]["last_seq"] == 400


def test_an_export_and_its_increments_are_read_as_one_log(run: Run, store: RedisStore, tmp_path: Path) -> None:
    """What is read back are the very events."""
    files = [tmp_path / name for name in ("whole", "more", "most")]
    last = 0
    for file in files:
        written = fill(store, 7)
        assert run("audit", "export", str(file), "--since-seq", str(last)).status == 0
        last = written[-1].seq
    read = [placed.value for placed in archive.read(files)]
    assert read == list(store.audit())


def test_standard_output_takes_it_too(run: Run, store: RedisStore, program: Run) -> None:
    """With `-` nothing but the export is printed there."""
    fill(store, 2)
    told = program("audit", "export", "-")
    assert [json.loads(line).get("seq") for line in told.out.splitlines()] == [None, 1, 2, None]
    assert run("audit", "export", "-", "--since-seq", "3").status == 1


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("nowhere/log.ndjson",), 1, "nowhere/log.ndjson cannot be written: No such file or directory."),
        (("log.ndjson", "--since-seq", "9"), 1, "The audit log ends with event 2, so there is nothing after 9"),
        (("log.ndjson", "--since-seq", "-1"), 2, "--since-seq"),
        ((), 2, "FILE"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    run: Run,
    store: RedisStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    arguments: tuple[str, ...],
    status: int,
    says: str,
) -> None:
    """It says what to do, and leaves no file."""
    monkeypatch.chdir(tmp_path)
    fill(store, 2)
    told = run("audit", "export", *arguments)
    assert (told.status, told.err.count("\n")) == (status, 1)
    assert says in told.err
    assert list(tmp_path.iterdir()) == []


def test_a_log_with_a_hole_is_not_exported(run: Run, store: RedisStore, redis_url: str, tmp_path: Path) -> None:
    """Somebody trimmed the stream by hand: that is said, and the file that was there stays."""
    fill(store, 5)
    store._caller.command("XTRIM", "accessbot:audit", "MAXLEN", "3")  # noqa: SLF001 - as a person at redis-cli would
    file = tmp_path / "log.ndjson"
    file.write_text("old")
    told = run("audit", "export", str(file))
    assert (told.status, told.err) == (1, "Event 1 is missing from the audit log, so nothing was exported.\n")
    assert file.read_text() == "old"
    assert redis_url
