"""The lists: exact fields for programs, tables for people, and filters that combine."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from accessbot.adapters.redis_store import RedisStore
from accessbot.ports import Change
from tests.cli.conftest import Run
from tests.cli.records import ACTIVE, NOW, PENDING, fill


@pytest.fixture
def filled(store: RedisStore) -> RedisStore:
    """A store with two requests, two grants and three events."""
    fill(store)
    return store


@pytest.mark.usefixtures("filled")
def test_grants_for_programs(run: Run) -> None:
    """One array with all states, the documented fields, and times in UTC with Z."""
    told = run("grants", "list", "--json")
    assert (told.status, told.err) == (0, "")
    assert json.loads(told.out) == [
        {
            "id": "g_1",
            "request_id": "r_1",
            "requester": "U1",
            "email": "ann@example.com",
            "entitlement": "production-admin",
            "state": "active",
            "starts_at": "2026-11-24T10:00:00.123Z",
            "expires_at": "2026-11-24T11:00:00.123Z",
            "ended_at": None,
        },
        {
            "id": "g_2",
            "request_id": "r_2",
            "requester": "U2",
            "email": "ben@example.com",
            "entitlement": "staging-admin",
            "state": "revoked",
            "starts_at": "2026-11-24T11:00:00.123Z",
            "expires_at": "2026-11-24T12:00:00.123Z",
            "ended_at": "2026-11-24T12:00:00.523Z",
        },
    ]


@pytest.mark.usefixtures("filled")
def test_requests_for_programs(run: Run) -> None:
    """One array with the documented fields; what is not there yet is null, a reason is kept to the letter."""
    told = run("requests", "list", "--json")
    assert (told.status, told.err) == (0, "")
    assert json.loads(told.out) == [
        {
            "id": "r_1",
            "requester": "U1",
            "entitlement": "production-admin",
            "duration_s": 5400,
            "reason": 'INC-42: "why"\n\x1b[31mis it down',
            "state": "pending",
            "created_at": "2026-11-24T10:00:00.123Z",
            "decided_by": None,
            "grant_id": None,
        },
        {
            "id": "r_2",
            "requester": "U2",
            "entitlement": "staging-admin",
            "duration_s": 5400,
            "reason": "deploy",
            "state": "approved",
            "created_at": "2026-11-24T11:00:00.123Z",
            "decided_by": "U9",
            "grant_id": "g_2",
        },
    ]


@pytest.mark.usefixtures("filled")
def test_the_audit_log_for_programs(run: Run) -> None:
    """One array in order with the documented fields."""
    told = run("audit", "list", "--json")
    assert (told.status, told.err) == (0, "")
    events = json.loads(told.out)
    assert [event.pop("seq") for event in events] == [1, 2, 3]
    assert events[0] == {
        "time": "2026-11-24T10:00:00.123Z",
        "actor": "accessbot",
        "action": "grant.provisioning",
        "subject": "g_1",
        "reason": "INC-42",
        "before": None,
        "after": "provisioning",
    }
    assert [event["action"] for event in events[1:]] == ["grant.active", "grant.revoked"]


@pytest.mark.parametrize("what", ["grants", "requests", "audit"])
def test_nothing_is_an_empty_array(run: Run, what: str) -> None:
    """An empty store gives an empty array to programs, and a sentence beside the output to people."""
    assert run(what, "list", "--json").out == "[]\n"
    told = run(what, "list")
    assert (told.status, told.out) == (0, "")
    assert told.err.strip().startswith("No ")


@pytest.mark.parametrize("what", ["grants", "requests"])
@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--person", "U1"], ["1"]),
        (["--person", "Ben@Example.com"], ["2"]),
        (["--person", "U3"], []),
        (["--entitlement", "staging-admin"], ["2"]),
        (["--since", "2026-11-24T10:30:00Z"], ["2"]),
        (["--since", "2026-11-24T12:00:00+01:00"], ["2"]),
        (["--until", "2026-11-24T10:30:00"], ["1"]),
        (["--since", "2026-11-24", "--until", "2026-11-25"], ["1", "2"]),
        (["--person", "U1", "--entitlement", "staging-admin"], []),
    ],
)
@pytest.mark.usefixtures("filled")
def test_filters_combine(run: Run, what: str, options: list[str], found: list[str]) -> None:
    """Person (id or email), entitlement and time narrow grants and requests, all together."""
    told = run(what, "list", "--json", *options)
    assert [row["id"].partition("_")[2] for row in json.loads(told.out)] == found


@pytest.mark.usefixtures("filled")
def test_states_narrow(run: Run) -> None:
    """A state may be given, or several."""
    one = run("grants", "list", "--json", "--state", "revoked")
    two = run("grants", "list", "--json", "--state", "revoked", "--state", "active")
    asked = run("requests", "list", "--json", "--state", "approved")
    assert [row["id"] for row in json.loads(one.out)] == ["g_2"]
    assert [row["id"] for row in json.loads(two.out)] == ["g_1", "g_2"]
    assert [row["id"] for row in json.loads(asked.out)] == ["r_2"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--person", "U2"], [3]),
        (["--person", "accessbot"], [1, 2, 3]),
        (["--entitlement", "production-admin"], [1, 2]),
        (["--state", "active"], [2]),
        (["--since", "2026-11-24T10:30:00Z"], [2, 3]),
        (["--until", "2026-11-24T10:30:00Z", "--person", "U1"], [1]),
    ],
)
@pytest.mark.usefixtures("filled")
def test_the_audit_log_is_filtered(run: Run, options: list[str], found: list[int]) -> None:
    """By whom it is about or by, by entitlement, by the state it led to, and by time."""
    told = run("audit", "list", "--json", *options)
    assert [row["seq"] for row in json.loads(told.out)] == found


def test_times_ago_count_from_the_stores_clock(run: Run, store: RedisStore) -> None:
    """`--since 2h` is two hours before the time of the server that stamped the records."""
    for number, hours in enumerate((3, 1)):
        start = store.now() - timedelta(hours=hours)
        grant = replace(ACTIVE, id=f"g_{hours}", starts_at=start, expires_at=start + timedelta(days=1))
        store.commit(Change(op=f"fill:{number}", puts=(grant,)))
    since = run("grants", "list", "--json", "--since", "2h")
    until = run("grants", "list", "--json", "--until", "2h")
    assert [row["id"] for row in json.loads(since.out)] == ["g_1"]
    assert [row["id"] for row in json.loads(until.out)] == ["g_3"]


@pytest.mark.usefixtures("filled")
def test_grants_for_people(run: Run) -> None:
    """A table with a header, without colours or borders off a terminal, and never cut."""
    told = run("grants", "list", COLUMNS="40")
    assert (told.status, told.err) == (0, "")
    header, first, second = told.out.rstrip("\n").split("\n")
    assert header.split() == ["ID", "REQUESTER", "EMAIL", "ENTITLEMENT", "STATE", "STARTS", "EXPIRES", "ENDED"]
    assert first.split()[:5] == ["g_1", "U1", "ann@example.com", "production-admin", "active"]
    assert second.rstrip().endswith("2026-11-24 12:00:00Z")


@pytest.mark.usefixtures("filled")
def test_requests_for_people_stay_on_their_line(run: Run) -> None:
    """A reason cannot break the table or steer the terminal: line ends and escapes are blanks."""
    told = run("requests", "list")
    assert len(told.out.rstrip("\n").split("\n")) == 3
    assert "\x1b" not in told.out
    assert "1 h 30 min" in told.out
    assert 'INC-42: "why"  [31mis it down' in told.out


@pytest.mark.usefixtures("filled")
def test_the_audit_log_for_people(run: Run) -> None:
    """The log is a table too."""
    told = run("audit", "list")
    assert [line.split()[0] for line in told.out.splitlines()] == ["SEQ", "1", "2", "3"]


def test_long_tables_come_in_pages_under_one_header(run: Run, store: RedisStore) -> None:
    """Beyond a page the header is not repeated and the columns stay where they are."""
    for number in range(230):
        record = replace(PENDING, id=f"r_{number:03d}", created_at=NOW + timedelta(seconds=number))
        store.commit(Change(op=f"fill:{number}", puts=(record,)))
    lines = run("requests", "list").out.splitlines()
    assert len(lines) == 231
    assert {line.index("production-admin") for line in lines[1:]} == {lines[0].index("ENTITLEMENT")}
