"""`reconcile`: what differs, looks that are asked for, adopting and releasing; and what each refuses, in one line."""

from __future__ import annotations

import getpass
import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from accessbot.adapters.catalog_file import read_catalog
from accessbot.adapters.redis_store import RedisStore
from accessbot.domain.groups import ALL_GROUPS, GroupMapping, Roster
from accessbot.domain.model import PermissionSet
from accessbot.domain.work import Lane
from accessbot.ports import Beat, Change
from tests.catalog.examples import RIGHT
from tests.cli.conftest import Run


@pytest.fixture
def catalog(tmp_path: Path) -> str:
    """Give the path of a right catalog."""
    path = tmp_path / "catalog.yml"
    path.write_text(RIGHT, encoding="utf-8")
    return str(path)


@pytest.fixture
def groups(catalog: str) -> list[str]:
    """Give the groups of that catalog."""
    entitlements = read_catalog(Path(catalog), timedelta(minutes=5)).entitlements.values()
    return sorted({entitlement.group for entitlement in entitlements})


@pytest.fixture
def group(groups: list[str]) -> str:
    """Give one of them."""
    return groups[0]


def alive(store: RedisStore) -> None:
    """Have a clock and a worker of the lane say that they live."""
    for role in ("clock", f"worker:{Lane.SWEEP}"):
        store.beat(Beat(f"host:{role}", role, "c0ffee"), timedelta(seconds=60))


@contextmanager
def a_worker(store: RedisStore, groups: Iterable[str], strangers: tuple[str, ...] = ()) -> Iterator[None]:
    """Look at each group as soon as it is asked for, as a worker does, and find these."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.02):
            for name in groups:
                roster = store.roster(name)
                if roster is not None and roster.asked_at is not None:
                    looked = replace(roster, asked_at=None, looked_at=store.now(), strangers=strangers)
                    store.commit(Change(op=f"look:{name}:{roster.rev}", puts=(looked,)))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_look_waits_for_the_workers(run: Run, store: RedisStore, catalog: str, groups: list[str]) -> None:
    """With REDIS_URL and the catalog alone all groups are looked at, and the last line counts them."""
    alive(store)
    with a_worker(store, groups):
        told = run("reconcile", "--timeout", "20s", ACCESSBOT_CATALOG=catalog)
    assert told.status == 0
    count = len(groups)
    assert told.out == f"{count} of {count} groups were looked at; members without a grant: 0.\n"


def test_what_is_left_is_told(run: Run, store: RedisStore, catalog: str, group: str) -> None:
    """A stranger and a fault of the mapping leave the exit status at 1 and stand in a line each, or in the array."""
    alive(store)
    opened = PermissionSet(arn="arn:x", name="Admin", session=timedelta(hours=1))
    fault = GroupMapping(
        key=group,
        aws_group_id="g-1",
        permission_set=opened,
        account_id="111122223333",
        checked_at=store.now(),
        fault="It is closed.",
    )
    store.commit(Change(op="fault", puts=(fault,)))
    with a_worker(store, [group], strangers=("eve@example.com (AWS)",)):
        told = run("reconcile", "--group", group.upper(), ACCESSBOT_CATALOG=catalog)
        rows = run("reconcile", "--group", group, "--json", ACCESSBOT_CATALOG=catalog)
    assert (told.status, rows.status) == (1, 1)
    assert "eve@example.com (AWS)" in told.out
    assert "It is closed." in told.out
    (row,) = json.loads(rows.out)
    assert (row["group"], row["done"], row["out_of_band"], row["fault"]) == (group, 1, 1, "It is closed.")


def test_groups_not_looked_at_in_time_are_named(run: Run, store: RedisStore, catalog: str, group: str) -> None:
    """After the timeout the exit status is 1, and the look is due still."""
    alive(store)
    told = run("reconcile", "--group", group, "--timeout", "1s", ACCESSBOT_CATALOG=catalog)
    assert told.status == 1
    assert "not looked at yet" in told.out
    assert "0 of 1 groups were looked at within 1s" in told.out
    assert store.count()[f"due.{Lane.SWEEP}"] == 1


def test_without_a_clock_or_a_worker_it_is_refused_at_once(run: Run, store: RedisStore, catalog: str) -> None:
    """What could only time out is refused, with the command to start."""
    told = run("reconcile", ACCESSBOT_CATALOG=catalog)
    assert (told.status, told.out) == (1, "")
    assert told.err == "No clock process is alive, so nothing would be looked at: start `accessbot clock`.\n"
    assert store.count().get(f"due.{Lane.SWEEP}", 0) == 0


def test_an_unknown_group_is_refused(run: Run, store: RedisStore, catalog: str) -> None:
    """A group that is not mapped is named, before anything is asked of anybody."""
    alive(store)
    told = run("reconcile", "--group", "nobody@example.com", ACCESSBOT_CATALOG=catalog)
    assert (told.status, told.out) == (1, "")
    assert told.err.startswith("nobody@example.com is no group of the catalog")


@pytest.mark.parametrize(
    "words",
    [
        ("--dry-run", "--adopt", "a@example.com"),
        ("--adopt", "a@example.com", "--release", "all"),
        ("--release", "all", "--group", "a@example.com"),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(run: Run, words: tuple[str, ...]) -> None:
    """Two things at once are refused with exit status 2."""
    told = run("reconcile", *words)
    assert (told.status, told.out) == (2, "")
    assert told.err.count("\n") == 1


@pytest.mark.parametrize("words", [("--dry-run",), ("--adopt", "a@example.com")])
def test_whoever_calls_the_vendors_needs_their_settings(run: Run, catalog: str, words: tuple[str, ...]) -> None:
    """Reading both sides takes what a worker takes; what is missing is named, a line each."""
    told = run("reconcile", *words, ACCESSBOT_CATALOG=catalog)
    assert (told.status, told.out) == (1, "")
    assert "GOOGLE_APPLICATION_CREDENTIALS is not set" in told.err


@pytest.mark.parametrize("name", ["group", "all"])
def test_a_brake_is_released_once_under_the_operators_name(run: Run, store: RedisStore, group: str, name: str) -> None:
    """It is off and logged; released again, nothing is changed."""
    key = group if name == "group" else ALL_GROUPS
    store.commit(Change(op="braked", puts=(Roster(key=key, strangers=("eve",), braked_at=store.now()),)))
    word = group if name == "group" else "all"
    told, again = run("reconcile", "--release", word), run("reconcile", "--release", word, "--json")
    assert (told.status, again.status) == (0, 0)
    assert "is off" in told.out
    assert json.loads(again.out) == [{"group": word, "released": 0}]
    roster = store.roster(key)
    assert roster is not None
    assert roster.braked_at is None
    assert [(e.actor, e.action, e.subject) for e in store.audit()] == [
        (f"cli:{getpass.getuser()}", "brake.released", key)
    ]


def test_a_release_of_a_group_that_was_never_looked_at_is_refused(run: Run, store: RedisStore) -> None:
    """A mistyped name does not look like success."""
    told = run("reconcile", "--release", "nobody@example.com")
    assert (told.status, told.out) == (1, "")
    assert told.err.startswith("nobody@example.com was never looked at")
    assert list(store.audit()) == []


def test_who_releases_one_group_hears_of_the_brake_on_all(run: Run, store: RedisStore, group: str) -> None:
    """The other groups stay braked, and the command for them is told."""
    now = store.now()
    puts = (Roster(key=group, strangers=("eve",), braked_at=now), Roster(key=ALL_GROUPS, braked_at=now))
    store.commit(Change(op="braked", puts=puts))
    told = run("reconcile", "--release", group)
    assert told.status == 0
    assert "--release all" in told.err
