"""How long it takes to look at every member of a thousand groups on both sides, and whether that holds up an end."""

from __future__ import annotations

import os
import shutil
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import NamedTuple

from accessbot.domain.groups import GroupMapping, Roster
from accessbot.domain.model import PermissionSet
from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change
from accessbot.sandbox.world import CATALOG
from bench.catalogs import write_large
from bench.company import PEOPLE, Company, Path, company, until
from bench.ends import gone, hold, open_group
from bench.figures import plain

_AWS_QUOTA = 18
_BURST_S = 2.5  # seconds of the quota that the gate lets sweeps use at once
_FOR_EACH_S = 0.25  # what a round gives each group by itself
_LIMIT_S = 600.0
_AT_ONCE = 50
_SELDOM_S = 0.5
_RELOADED_S = 7.0  # the clock looks every five seconds whether there is another catalog
_HOUR = timedelta(hours=1)
_MEMBERS = ("ines", "tomas", "priya")
_SLOTS = "fast:4,ends:10,talk:2,sweep:{}"


class Swept(NamedTuple):
    """One round over all groups: how long, with which calls, and how long an early end took meanwhile."""

    seconds: float
    path: Path
    early_end: float


def found_before(running: Company, many: int) -> None:
    """Make the groups with some standing members, and store what an earlier look has found in each."""
    world, store = running.box.world, running.box.store
    now = store.now()
    emails = [f"{name}@example.com" for name in _MEMBERS]
    google = tuple(sorted(world.google.directory.user(email).id for email in emails))
    aws = tuple(sorted(world.aws.store.find_user(user_name=email).id for email in emails))
    records: list[GroupMapping | Roster] = []
    for number in range(many):
        name = f"aws-bench-{number}"
        world.google.directory.add_group(f"{name}@example.com")
        aws_group = world.aws.add_group(name).id
        for email in emails:
            world.google.directory.add_member(f"{name}@example.com", email)
            world.aws.add_member(name, email)
        opened = PermissionSet(arn=f"arn:bench:{number % 50}", name=f"PermissionSet{number % 50}", session=_HOUR)
        account = str(900_000_000_000 + number // 50 * 50)
        key = f"{name}@example.com"
        records += (
            GroupMapping(key=key, aws_group_id=aws_group, permission_set=opened, account_id=account, checked_at=now),
            Roster(key=key, aws_group_id=aws_group, google=google, aws=aws, size=len(emails), looked_at=now),
        )
    for first in range(0, len(records), _AT_ONCE):
        store.commit(Change(op=f"bench:sweeps:{first}", puts=tuple(records[first : first + _AT_ONCE])))


def looked_at(running: Company, since: datetime) -> dict[str, datetime]:
    """Give when each made-up group's members were first read in AWS, which is after Google; by GroupId."""
    found: dict[str, datetime] = {}
    for call in running.box.world.aws.journal.calls("aws.identitystore.ListGroupMemberships"):
        if call.at >= since and call.group.startswith("aws-bench-"):
            found.setdefault(call.group, call.at)
    return found


def _have_looked(running: Company, many: int) -> None:
    """Have every made-up group looked at now, each one once."""
    now = running.box.store.now()
    due = [Due(Work(WorkKind.SWEEP, f"aws-bench-{number}@example.com"), now) for number in range(many)]
    for first in range(0, many, _AT_ONCE):
        running.box.store.commit(Change(op=f"bench:looks:{first}", due=tuple(due[first : first + _AT_ONCE])))


def _wait(running: Company, since: datetime, many: int) -> None:
    """Wait until so many groups were looked at; seldom, since it is the stand-ins' own process that waits."""
    while len(looked_at(running, since)) < many:
        if datetime.now(UTC) - since > timedelta(seconds=_LIMIT_S):
            raise TimeoutError("not all of the groups were looked at")
        time.sleep(_SELDOM_S)


def sweep(many: int, slots: int) -> Swept:
    """Bring a catalog of so many groups to running processes, and wait until each group was looked at.

    What the clock plans by itself for a new catalog is spread over a round; here all are due at one moment.
    """
    with TemporaryDirectory() as folder:
        small, large = FilePath(folder) / "now.yml", write_large(FilePath(folder), many)
        shutil.copy(CATALOG, small)
        extra = {
            "ACCESSBOT_CATALOG": str(small),
            "ACCESSBOT_SWEEP_PERIOD": "1h",
            "ACCESSBOT_CLOCK_SLOTS": "1",
            "ACCESSBOT_WORKER_SLOTS": _SLOTS.format(slots),
        }
        with company(**extra) as running:
            open_group(running)
            found_before(running, many)
            held = hold(running, 1, running.box.store.now() + _HOUR, PEOPLE["noah"])
            running.slow()
            # Before its first beat a process does not listen for SIGHUP yet, which would end it.
            until(lambda: {"clock", "worker:sweep", "worker:fast"} <= {beat.role for beat in running.box.store.beats()})
            shutil.copy(large, small)
            for process in running.box.processes.running.values():
                os.kill(process.pid, signal.SIGHUP)
            time.sleep(_RELOADED_S)
            asked = datetime.now(UTC)
            _have_looked(running, many)
            _wait(running, asked, many // 10)
            noah = running.person("noah")
            assert noah.command("/my-access").ok
            pressed = datetime.now(UTC)
            assert noah.click(noah.ephemerals()[-1], "End access").ok
            until(lambda: len(gone(running, held)) > 1)
            took = (max(gone(running, held)) - pressed).total_seconds()
            _wait(running, asked, many)
            began = min(looked_at(running, asked).values())
            last = max(looked_at(running, asked).values())
            return Swept((last - began).total_seconds(), running.calls(began, last), took)


def run(many: int = 1_000, slots: int = 10) -> list[str]:
    """Measure a round as fast as the quota allows, and one with the default slots as fast as it needs to be."""
    lines = []
    for title, number in ((f"{slots} slots", slots), ("the default of 2 slots", 2)):
        swept = sweep(many, number)
        calls = swept.path.names
        aws = sum(name.startswith("aws.") for name in calls)
        must = max(0.0, aws / _AWS_QUOTA - _BURST_S) if number == slots else many * _FOR_EACH_S
        why = f"its {aws} AWS calls at {_AWS_QUOTA} a second" if number == slots else f"{_FOR_EACH_S} s for each group"
        ratio = swept.seconds / must if must else 0.0
        lines += [
            f"a round over {many} groups, both sides, slow vendors, {title}; {len(calls)} calls in all",
            plain("first to last look", f"{swept.seconds:.1f} s   {why}: {must:.1f} s   ratio {ratio:.2f}", "≤ 1.1"),
            plain("an early end pressed meanwhile", f"{swept.early_end:.2f} s", "does not wait behind them"),
        ]
    return lines
