"""The command line against a running accessbot: what it ends, what it lists, and how it leaves."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.life.conftest import Life

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
GRANT = {
    "id", "request_id", "requester", "email", "entitlement", "state", "starts_at", "expires_at", "ended_at",
}  # fmt: skip
REQUEST = {
    "id", "requester", "entitlement", "duration_s", "reason", "state", "created_at", "decided_by", "grant_id",
}  # fmt: skip
EVENT = {"seq", "time", "actor", "action", "subject", "reason", "before", "after"}


def listed(life: Life, *words: str) -> list[dict[str, Any]]:
    """Run a list command with --json; give its rows."""
    rows: list[dict[str, Any]] = json.loads(life.cli(*words, "--json"))
    return rows


def test_a_revoke_leaves_with_0_once_it_is_gone(life: Life) -> None:
    """When `grants revoke` is back both memberships are gone, the log names the operator, and people are told."""
    maya = life.person("maya")
    life.granted(maya, "staging-admin 30m revoked by an operator")
    (grant,) = life.grants_for("revoked by an operator")
    life.cli("grants", "revoke", grant.id, "--reason", "laptop lost")
    assert life.is_in("staging-admin", "maya@example.com") == (False, False)
    (row,) = [row for row in listed(life, "grants", "list") if row["id"] == grant.id]
    assert row["state"] == "revoked"
    (begun,) = [
        e for e in listed(life, "audit", "list") if e["subject"] == grant.id and e["action"] == "grant.revoking"
    ]
    assert begun["actor"].startswith("cli:")
    assert begun["reason"] == "laptop lost"
    maya.wait_for_message("dm", "has ended", "laptop lost", timeout=15)
    life.cli("grants", "revoke", grant.id)


def test_a_revoke_that_is_not_proven_leaves_with_1_and_goes_on(life: Life) -> None:
    """With Google down the command gives up waiting, says for whom, and the revoke is done when Google is back."""
    maya, faults = life.person("maya"), life.box.world.faults
    life.granted(maya, "data-analyst 30m revoked while google is down")
    (grant,) = life.grants_for("revoked while google is down")
    faults.on("google_down")
    began = time.monotonic()
    life.cli("grants", "revoke", grant.id, "--timeout", "2s", status=1)
    assert time.monotonic() - began < 6
    assert life.is_in("data-analyst", "maya@example.com")[0]
    life.wait("AWS to be left", lambda: not life.is_in("data-analyst", "maya@example.com")[1])
    faults.off("google_down")
    life.wait("the end", lambda: life.is_in("data-analyst", "maya@example.com") == (False, False), timeout=40)
    life.wait("the proof", lambda: life.grants_for("revoked while google is down")[0].state == "revoked")


def test_what_cannot_be_revoked_is_said_in_a_line(life: Life) -> None:
    """An unknown id is status 1, a wrong option status 2."""
    life.cli("grants", "revoke", "g_nothing", status=1)
    life.cli("grants", "revoke", "g_nothing", "--timeout", "soon", status=2)
    life.cli("grants", "lst", status=2)


def test_lists_have_the_shape_they_promise(life: Life) -> None:
    """Every row has exactly the promised fields, times are RFC 3339 in UTC with Z, people are Slack ids."""
    noah, priya = life.person("noah"), life.person("priya")
    card = life.ask(noah, "production-admin 1h30m denied for the list")
    priya.click(card, "Deny")
    priya.open_view()
    priya.fill({"Reason": "no: not now"})
    priya.submit()
    life.wait("the denial", lambda: life.request("denied for the list").state == "denied")
    life.granted(noah, "production-readonly 30m running for the list")
    life.ask(noah, "staging-admin 30m pending for the list")
    grants, requests, events = (listed(life, *w) for w in (("grants", "list"), ("requests", "list"), ("audit", "list")))
    assert {frozenset(row) for row in grants} == {frozenset(GRANT)}
    assert {frozenset(row) for row in requests} == {frozenset(REQUEST)}
    assert {frozenset(row) for row in events} == {frozenset(EVENT)}
    moments = [row[name] for row in (*grants, *requests, *events) for name in row if name.endswith(("_at", "time"))]
    assert all(moment is None or TIME.fullmatch(moment) for moment in moments)
    assert [event["seq"] for event in events] == sorted({event["seq"] for event in events})
    (denied,) = [row for row in requests if row["reason"] == "denied for the list"]
    assert (denied["state"], denied["duration_s"], denied["requester"]) == ("denied", 5400, noah.id)
    assert (denied["decided_by"], denied["grant_id"]) == (priya.id, None)
    (running,) = [row for row in grants if row["state"] == "active"]
    assert (running["requester"], running["email"], running["ended_at"]) == (noah.id, "noah@example.com", None)
    (pending,) = [row for row in requests if row["state"] == "pending"]
    assert pending["decided_by"] is None


def test_the_audit_log_is_narrowed_by_person_entitlement_and_time(life: Life) -> None:
    """Filters give exactly the events of that person, entitlement and time, and together their common part."""
    noah = life.person("noah")
    everything = listed(life, "audit", "list")
    of_noah = listed(life, "audit", "list", "--person", noah.id)
    of_staging = listed(life, "audit", "list", "--entitlement", "staging-admin")
    both = listed(life, "audit", "list", "--person", noah.id, "--entitlement", "staging-admin")
    assert 0 < len(of_noah) < len(everything)
    assert both == [event for event in of_noah if event in of_staging]
    assert both
    middle = everything[len(everything) // 2]["time"]
    later = listed(life, "audit", "list", "--since", middle)
    assert later == [event for event in everything if event["time"] >= middle]


def test_the_catalog_and_the_connections_check_out(life: Life) -> None:
    """`catalog check` and `doctor` are content with the sandbox."""
    life.cli("catalog", "check")
    life.cli("doctor")
