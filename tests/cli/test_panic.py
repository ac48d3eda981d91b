"""`panic`: what it asks, what holds it, what it reports, and how new access is let through again."""

from __future__ import annotations

import getpass
import json
import os
import pty
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from accessbot.adapters.redis_store import RedisStore
from accessbot.domain import lifecycle
from accessbot.domain.model import EndCause, Grant, GrantState, RequestState
from accessbot.domain.work import Lane
from accessbot.ports import Change
from tests.cli.conftest import PROGRAM, Run
from tests.cli.records import ACTIVE, PENDING

ME = f"cli:{getpass.getuser()}"
WHY = ("--reason", "stolen laptop")
NOWHERE = {"ACCESSBOT_CATALOG": "/nowhere/catalog.yml"}


def fill(store: RedisStore, number: int = 3) -> list[Grant]:
    """Store live grants of U0, U1, … for an hour, every other one of staging, and a pending request of U0."""
    now = store.now()
    grants = [
        replace(
            ACTIVE,
            id=f"g_{place}",
            requester=f"U{place}",
            email=f"p{place}@example.com",
            entitlement="staging-admin" if place % 2 else "production-admin",
            google_user_id=f"10{place}",
            approved_at=now,
            starts_at=now,
            expires_at=now + timedelta(hours=1),
        )
        for place in range(number)
    ]
    pending = replace(PENDING, requester="U0", created_at=now, expires_at=now + timedelta(hours=1))
    store.commit(Change(op="fill", puts=(*grants, pending)))
    return grants


@contextmanager
def workers(store: RedisStore, kept: str = "") -> Iterator[None]:
    """Prove every end as soon as it has begun, as workers do."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.02):
            for grant in list(store.grants([GrantState.REVOKING])):
                step = lifecycle.revoked(grant, store.now(), kept)
                store.commit(Change(op=f"proven:{grant.id}", puts=(step.record,), events=(step.event,)))

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


def states(store: RedisStore) -> dict[str, GrantState]:
    """Give the state of every grant."""
    return {grant.id: grant.state for grant in store.grants()}


def test_everything_ends_and_is_reported(run: Run, store: RedisStore) -> None:
    """Exit status 0 once all is proven; each grant and the counts are told, and how to let access through again."""
    fill(store)
    with workers(store):
        told = run("panic", "--all", "--yes", *WHY, "--timeout", "20s", **NOWHERE)
    assert (told.status, told.err) == (0, "")
    assert all(f"g_{place}" in told.out for place in range(3))
    assert told.out.count("read back gone after") == 3
    assert "3 of 3 grants have ended in" in told.out
    assert "requests denied: 1." in told.out
    assert "`accessbot panic --release --all`" in told.out
    for grant in store.grants():
        assert (grant.state, grant.end_cause, grant.end_actor) == (GrantState.REVOKED, EndCause.PANIC, ME)
    assert [each.state for each in store.requests()] == [RequestState.DENIED]
    (freeze,) = store.freezes()
    assert (freeze.key, freeze.by, freeze.reason) == ("all", ME, "stolen laptop")
    assert next(e.action for e in store.audit()) == "freeze.set"


def test_for_programs_it_is_one_array_of_the_grants(run: Run, store: RedisStore) -> None:
    """With --json nothing else is on standard output; a membership that stays says why."""
    fill(store)
    with workers(store, kept="standing"):
        told = run("panic", "--user", "P1@example.com", "--yes", *WHY, "--timeout", "20s", "--json")
    (row,) = json.loads(told.out)
    assert told.status == 0
    assert (row["id"], row["state"], row["membership"], row["waiting_for"]) == ("g_1", "revoked", "standing", None)
    assert [each.key for each in store.freezes()] == ["user:U1"]
    assert states(store)["g_0"] is GrantState.ACTIVE


def test_what_is_not_proven_in_time_goes_on(run: Run, store: RedisStore) -> None:
    """Exit status 1 and the word that it goes on; every end has begun, and is due."""
    fill(store)
    told = run("panic", "--all", "--yes", *WHY, "--timeout", "1s")
    assert told.status == 1
    assert "0 of 3 grants have ended" in told.out
    assert "their ends go on and are retried" in told.out
    assert set(states(store).values()) == {GrantState.REVOKING}
    assert store.count()[f"due.{Lane.FAST}"] >= 3
    with workers(store):
        again = run("panic", "--all", "--yes", *WHY, "--timeout", "20s")
    assert again.status == 0
    assert set(states(store).values()) == {GrantState.REVOKED}


def test_the_brake_holds_before_anything_is_done(run: Run, store: RedisStore) -> None:
    """More than may end without a question: refused, with nothing ended, denied, frozen or logged."""
    fill(store)
    told = run("panic", "--all", "--yes", *WHY, "--at-most", "2")
    assert (told.status, told.out) == (1, "")
    assert told.err == (
        "Nothing was done: 3 grants would end, and without a question at most 2 may; leave --yes out, or say"
        " --at-most 3.\n"
    )
    assert set(states(store).values()) == {GrantState.ACTIVE}
    assert (store.freezes(), list(store.audit())) == ((), [])


def test_one_entitlement_is_meant_by_its_name(run: Run, store: RedisStore) -> None:
    """Its grants end and no others; it is held back alone."""
    fill(store)
    with workers(store):
        told = run("panic", "--entitlement", "staging-admin", "--yes", *WHY, "--timeout", "20s")
    assert told.status == 0
    assert states(store) == {"g_0": GrantState.ACTIVE, "g_1": GrantState.REVOKED, "g_2": GrantState.ACTIVE}
    assert [each.key for each in store.freezes()] == ["entitlement:staging-admin"]
    assert "--release --entitlement staging-admin" in told.out


def test_new_access_can_be_left_open(run: Run, store: RedisStore) -> None:
    """With --keep-open nothing is held back."""
    fill(store)
    with workers(store):
        told = run("panic", "--user", "U1", "--yes", *WHY, "--keep-open", "--timeout", "20s")
    assert told.status == 0
    assert "release" not in told.out
    assert store.freezes() == ()
    assert states(store)["g_1"] is GrantState.REVOKED


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--user", "nobody@example.com", "--yes"), "nobody@example.com never asked accessbot for anything"),
        (("--user", "UNOBODY", "--yes"), "UNOBODY never asked accessbot for anything"),
        (("--user", "maya", "--yes"), "'maya' is neither an email address nor a Slack user id."),
        (("--entitlement", "nothing", "--yes"), "No grant is of 'nothing', and the catalog could not be read"),
    ],
)
def test_a_name_that_nobody_knows_is_refused(run: Run, store: RedisStore, words: tuple[str, ...], says: str) -> None:
    """A mistyped name does not look like success: one line, and nothing is done."""
    fill(store)
    told = run("panic", *words, *WHY, **NOWHERE)
    assert (told.status, told.out) == (1, "")
    assert told.err.startswith(says)
    assert (store.freezes(), list(store.audit())) == ((), [])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--all", "--yes"), "Give it with --reason."),
        (("--all", *WHY), "there is no terminal to ask at; say --yes"),
    ],
)
def test_without_a_reason_or_a_terminal_nothing_is_done(
    run: Run, store: RedisStore, words: tuple[str, ...], says: str
) -> None:
    """Why is always told, and somebody has to confirm what --yes does not."""
    fill(store)
    told = run("panic", *words)
    assert (told.status, told.out) == (1, "")
    assert says in told.err
    assert (store.freezes(), list(store.audit())) == ((), [])


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--all", "--user", "U1"),
        ("--status", "--all"),
        ("--status", "--release"),
        ("--release", "--all", "--yes"),
        ("--release",),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(run: Run, store: RedisStore, words: tuple[str, ...]) -> None:
    """Exit status 2, and nothing is done."""
    assert run("panic", *words, *WHY).status == 2
    assert list(store.audit()) == []


def test_what_is_held_back_is_listed_and_let_through_again(run: Run, store: RedisStore) -> None:
    """`--status` tells who, since when and why; `--release` lifts one and says what is held back still."""
    assert "Nothing is held back." in run("panic", "--status").err
    with workers(store):
        assert run("panic", "--all", "--yes", *WHY).status == 0
        fill(store)
        assert run("panic", "--user", "U1", "--yes", *WHY, "--timeout", "20s").status == 0
    rows = json.loads(run("panic", "--status", "--json").out)
    assert [(row["key"], row["by"], row["reason"]) for row in rows] == [
        ("all", ME, "stolen laptop"),
        ("user:U1", ME, "stolen laptop"),
    ]
    assert "stolen laptop" in run("panic", "--status").out
    told = run("panic", "--release", "--all", "--reason", "all clear")
    assert (told.status, told.out) == (0, "New access is let through again: all.\n")
    assert told.err == "Held back still: user:U1.\n"
    assert json.loads(run("panic", "--release", "--user", "p1@example.com", "--json").out) == [
        {"key": "user:U1", "released": 1}
    ]
    assert run("panic", "--release", "--all").out == "Nothing was held back there; nothing was changed.\n"
    assert [(e.actor, e.subject, e.reason) for e in store.audit() if e.action == "freeze.lifted"] == [
        (ME, "all", "all clear"),
        (ME, "user:U1", ""),
    ]


@pytest.mark.parametrize(("typed", "status"), [("3", 0), ("yes", 1)])
def test_on_a_terminal_the_number_is_typed(redis_url: str, store: RedisStore, typed: str, status: int) -> None:
    """What would end is shown, and only its very number does it; anything else leaves all as it is."""
    fill(store)
    ours, theirs = pty.openpty()
    with workers(store):
        process = subprocess.Popen(
            [PROGRAM, "panic", "--all", "--timeout", "20s"],
            env={**os.environ, "REDIS_URL": redis_url},
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
        )
        os.close(theirs)
        seen = ""
        for question, answer in (("reads it)", "stolen laptop"), ("Type 3 to do it", typed)):
            while question not in seen:
                seen += os.read(ours, 1000).decode()
            os.write(ours, f"{answer}\n".encode())
        out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == status
    assert "This ends every grant of everybody." in seen
    assert "Grants: 3 live. Pending requests that are denied: 1." in seen
    assert ("3 of 3" in out) is (status == 0)
    assert set(states(store).values()) == {GrantState.REVOKED if status == 0 else GrantState.ACTIVE}
    assert len(store.freezes()) == (status == 0)
