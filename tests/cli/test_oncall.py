"""`oncall list`: who is on call on each schedule, and how sure that is."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from accessbot.adapters.redis_store import RedisStore
from accessbot.cli.output import rfc3339
from accessbot.domain.instants import from_ms, to_ms
from accessbot.domain.oncall import Shift
from accessbot.domain.records import ShiftBook
from accessbot.ports import Change
from tests.catalog.examples import RIGHT
from tests.cli.conftest import Run

SCHEDULES = """\
schedules:
  payments:
    rotation:
      people: [user:maya@example.com, user:noah@example.com]
      every: 1w
      since: "2026-01-05 09:00"
      zone: Europe/Stockholm
  sre: {ical: "https://rota.example.com/sre.ics", zone: Europe/Berlin, max_age: 30m}
  dba: {slack_usergroup: S0123ABCD}
  web: {pagerduty: PABC123}
"""
HOUR = timedelta(hours=1)


@pytest.fixture
def catalog(tmp_path: Path) -> str:
    """Give the path of a catalog with four schedules."""
    path = tmp_path / "catalog.yml"
    path.write_text(RIGHT + SCHEDULES, encoding="utf-8")
    return str(path)


@pytest.fixture
def now(store: RedisStore) -> datetime:
    """Have three of them been read: one just now, one two hours ago and failing since, one whose group has two."""
    at = from_ms(to_ms(store.now()))
    maya = Shift(who="maya@example.com", begins=at - HOUR, ends=at + HOUR)
    noah = Shift(who="noah@example.com", begins=at + HOUR, ends=at + 2 * HOUR)
    both = tuple(Shift(who=who, begins=at - HOUR, ends=None) for who in ("U1", "U2"))
    fault = "The feed does not answer."
    books = (
        ShiftBook(key="payments", shifts=(maya, noah), read_at=at),
        ShiftBook(key="sre", shifts=(maya,), read_at=at - 2 * HOUR, failing_since=at - HOUR, fault=fault),
        ShiftBook(key="dba", shifts=both, read_at=at),
    )
    store.commit(Change(op="books", puts=books))
    return at


def test_schedules_for_programs(run: Run, catalog: str, now: datetime) -> None:
    """An object for each schedule and person on call; whoever a stale schedule named is not told as on call."""
    told = run("oncall", "list", "--json", ACCESSBOT_CATALOG=catalog)
    assert (told.status, told.err) == (0, "")
    nothing = {"on_call": None, "until": None, "next": None, "next_from": None, "failing_since": None, "fault": None}
    group = nothing | {"schedule": "dba", "source": "slack_usergroup", "known": 1, "read_at": rfc3339(now)}
    assert json.loads(told.out) == [
        group | {"on_call": "U1"},
        group | {"on_call": "U2"},
        {
            "schedule": "payments",
            "source": "rotation",
            "known": 1,
            "on_call": "maya@example.com",
            "until": rfc3339(now + HOUR),
            "next": "noah@example.com",
            "next_from": rfc3339(now + HOUR),
            "read_at": rfc3339(now),
            "failing_since": None,
            "fault": None,
        },
        nothing
        | {
            "schedule": "sre",
            "source": "ical",
            "known": 0,
            "read_at": rfc3339(now - 2 * HOUR),
            "failing_since": rfc3339(now - HOUR),
            "fault": "The feed does not answer.",
        },
        nothing | {"schedule": "web", "source": "pagerduty", "known": 0, "read_at": None},
    ]


@pytest.mark.usefixtures("now")
def test_schedules_for_people(run: Run, catalog: str) -> None:
    """A table that says nobody is on call only where that is known."""
    told = run("oncall", "list", ACCESSBOT_CATALOG=catalog)
    lines = told.out.splitlines()
    assert lines[0].split() == ["SCHEDULE", "SOURCE", "ON", "CALL", "UNTIL", "NEXT", "FROM", "READ", "FAULT"]
    assert [line.split()[:3] for line in lines[1:4]] == [
        ["dba", "slack_usergroup", "U1"],
        ["dba", "slack_usergroup", "U2"],
        ["payments", "rotation", "maya@example.com"],
    ]
    assert "not known" in lines[4]
    assert lines[4].rstrip().endswith("The feed does not answer.")
    assert lines[5].rstrip().endswith("not yet")
    assert "nobody" not in told.out


def test_a_catalog_without_schedules(run: Run, tmp_path: Path) -> None:
    """Nothing is listed, and that is said."""
    path = tmp_path / "catalog.yml"
    path.write_text(RIGHT, encoding="utf-8")
    told = run("oncall", "list", ACCESSBOT_CATALOG=str(path))
    assert (told.status, told.out, told.err) == (0, "", "No on-call schedules.\n")
