"""Somebody leaves, and everything is ended at once: with real processes, to the last membership."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING

from accessbot.domain.model import EndCause, GrantState
from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change

if TYPE_CHECKING:
    from accessbot.domain.model import Grant
    from tests.life.conftest import Life


def is_out(life: Life, entitlement: str) -> bool:
    """Tell whether maya is in neither group of an entitlement."""
    return life.is_in(entitlement, "maya@example.com") == (False, False)


def ended(life: Life, reason: str) -> list[Grant]:
    """List the grants of a request that have ended."""
    return [grant for grant in life.grants_for(reason) if grant.ended]


def test_whoever_is_suspended_at_google_loses_everything(life: Life) -> None:
    """Both memberships of every grant are gone soon after the account is looked at; the operators read why."""
    maya, directory = life.person("maya"), life.box.world.google.directory
    life.granted(maya, "staging-admin 30m before they left")
    life.granted(maya, "data-analyst 30m also before they left")
    life.ask(maya, "production-readonly 30m never decided")
    directory.suspend("maya@example.com")
    try:
        now = life.box.store.now()
        due = Due(Work(WorkKind.LEAVER, maya.id), now, sooner=True)  # the minute is over, so to speak
        life.box.store.commit(Change(op="look-now", due=(due,)))
        for entitlement in ("staging-admin", "data-analyst"):
            life.wait("the end", partial(is_out, life, entitlement))
        for reason in ("before they left", "also before they left"):
            (grant,) = life.wait("the proof", partial(ended, life, reason))
            assert (grant.state, grant.end_cause) == (GrantState.REVOKED, EndCause.OFFBOARDED)
        assert life.request("never decided").state == "denied"
        life.person("priya").wait_for_message("alerts", "maya@example.com is suspended", "proven", timeout=15)
    finally:
        directory.suspend("maya@example.com", suspended=False)


def test_a_panic_ends_everything_and_holds_new_access_back(life: Life) -> None:
    """`panic --all --yes` is back with 0 once nobody is in any group; then asking is refused until it is released."""
    maya, noah = life.person("maya"), life.person("noah")
    life.granted(maya, "staging-admin 30m maya before the panic")
    life.granted(noah, "data-analyst 30m noah before the panic")
    life.ask(noah, "production-readonly 30m waits at the panic")
    began = time.monotonic()
    rows = json.loads(life.cli("panic", "--all", "--yes", "--reason", "stolen laptop", "--json"))
    assert time.monotonic() - began < 30
    assert {row["email"] for row in rows} >= {"maya@example.com", "noah@example.com"}
    assert {(row["state"], row["membership"]) for row in rows} == {("revoked", "gone")}
    assert life.is_in("staging-admin", "maya@example.com") == (False, False)
    assert life.is_in("data-analyst", "noah@example.com") == (False, False)
    assert life.request("waits at the panic").state == "denied"
    try:
        maya.command("/request-aws", "staging-admin 30m asked after the panic")
        life.wait("the refusal", lambda: life.request("asked after the panic").state == "denied")
        assert "stolen laptop" in life.request("asked after the panic").decision_reason
        life.person("priya").wait_for_message("alerts", "held back by the operator", "stolen laptop", timeout=15)
        assert "stolen laptop" in life.cli("panic", "--status")
    finally:
        life.cli("panic", "--release", "--all", "--reason", "all clear")
    life.granted(maya, "staging-admin 30m after the release")
    life.person("priya").wait_for_message("alerts", "let through again", timeout=15)
