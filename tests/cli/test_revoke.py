"""`grants revoke`: recorded at once, and done only when it was read back gone."""

from __future__ import annotations

import getpass
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from accessbot.adapters.redis_store import RedisStore
from accessbot.domain import lifecycle
from accessbot.domain.model import EndCause, Grant, GrantState
from accessbot.domain.work import Lane, Work, WorkKind
from accessbot.ports import Change
from tests.cli.conftest import Run
from tests.cli.records import ACTIVE, REVOKED, fill


def live(store: RedisStore) -> Grant:
    """Store a grant that is live for an hour still."""
    now = store.now()
    grant = replace(ACTIVE, starts_at=now, approved_at=now, expires_at=now + timedelta(hours=1))
    store.commit(Change(op="live", puts=(grant,)))
    return grant


@contextmanager
def a_worker(store: RedisStore, kept: str = "") -> Iterator[None]:
    """Prove the end of the grant as soon as it is asked for, as a worker does."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.02):
            grant = store.grant(ACTIVE.id)
            if grant is not None and grant.state is GrantState.REVOKING:
                step = lifecycle.revoked(grant, store.now(), kept)
                store.commit(Change(op="proven", puts=(step.record,), events=(step.event,)))
                return

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


def test_a_revoke_is_done_when_it_is_read_back_gone(run: Run, store: RedisStore) -> None:
    """Exit status 0 once a worker proved it; the operator, the reason and both steps are in the audit log."""
    grant = live(store)
    with a_worker(store):
        told = run("grants", "revoke", grant.id, "--reason", "left the company", "--timeout", "10s")
    assert (told.status, told.err) == (0, "")
    assert told.out.startswith("g_1 has ended at ")
    assert "both memberships were read back gone" in told.out
    stored = store.grant(grant.id)
    assert stored is not None
    assert (stored.state, stored.end_cause, stored.end_reason) == (
        GrantState.REVOKED,
        EndCause.REVOKED,
        "left the company",
    )
    assert stored.end_actor == f"cli:{getpass.getuser()}"
    assert [(e.actor, e.action) for e in store.audit()] == [
        (f"cli:{getpass.getuser()}", "grant.revoking"),
        ("accessbot", "grant.revoked"),
    ]


def test_a_revoke_for_programs_is_the_grant(run: Run, store: RedisStore) -> None:
    """With --json the ended grant is the one element of the array."""
    live(store)
    with a_worker(store):
        told = run("grants", "revoke", "g_1", "--timeout", "10s", "--json")
    (row,) = json.loads(told.out)
    assert (told.status, row["id"], row["state"]) == (0, "g_1", "revoked")


@pytest.mark.parametrize("kept", ["standing", "overlap"])
def test_a_membership_that_stays_is_told(run: Run, store: RedisStore, kept: str) -> None:
    """The grant has ended although the membership stays, and the line says why it does."""
    live(store)
    with a_worker(store, kept):
        told = run("grants", "revoke", "g_1", "--timeout", "10s")
    assert told.status == 0
    assert "the membership stays, because" in told.out


def test_a_revoke_that_is_not_proven_in_time_goes_on(run: Run, store: RedisStore) -> None:
    """Exit status 1 and one line after the timeout; the end is recorded and due, so it is retried."""
    live(store)
    began = time.monotonic()
    told = run("grants", "revoke", "g_1", "--timeout", "1s", "--json")
    assert time.monotonic() - began < 5
    assert (told.status, told.out) == (1, "")
    assert told.err.count("\n") == 1
    assert "the revoke goes on" in told.err
    stored = store.grant("g_1")
    assert stored is not None
    assert stored.state is GrantState.REVOKING
    assert store.count()[f"due.{Lane.FAST}"] == 1
    assert store.begin(Work(WorkKind.REVOKE, "g_1"), timedelta(seconds=5)) is not None


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_an_unknown_grant_is_refused(run: Run, as_json: list[str]) -> None:
    """Exit status 1, one line that says where the ids are, and nothing on standard output."""
    told = run("grants", "revoke", "g_none", *as_json)
    assert (told.status, told.out) == (1, "")
    assert told.err == "There is no grant 'g_none'; `accessbot grants list` shows all.\n"


def test_revoking_what_has_ended_is_done(run: Run, store: RedisStore) -> None:
    """A grant that has ended needs nothing more: exit status 0, and nothing is recorded twice."""
    fill(store)
    before = len(list(store.audit()))
    told = run("grants", "revoke", REVOKED.id)
    assert told.status == 0
    assert told.out.startswith("g_2 has ended at 2026-11-24T12:00:00.523Z")
    assert len(list(store.audit())) == before


def test_revoking_needs_neither_vendors_nor_a_catalog(program: Run, store: RedisStore) -> None:
    """The installed program, given REDIS_URL alone, ends a grant."""
    live(store)
    with a_worker(store):
        told = program("grants", "revoke", "g_1", "--timeout", "20s", ACCESSBOT_CATALOG="/nowhere/catalog.yml")
    assert (told.status, told.err) == (0, "")
