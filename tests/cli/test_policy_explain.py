"""`policy explain`: what would come of a request, read live from a whole workspace on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accessbot.sandbox.run import Sandbox, sandbox
from tests.cli.conftest import Run

CATALOG = """\
accounts:
  production: {id: "111122223333", name: Production, unit: prod, tags: {env: production}}
entitlements:
  - id: production-admin
    account: production
    permission_set: AdministratorAccess
    group: aws-production-admin@example.com
    policy: sensitive
    description: Full control of production
  - id: production-readonly
    account: production
    permission_set: ReadOnlyAccess
    group: aws-production-readonly@example.com
    policy: leads
    description: Look at production
schedules:
  payments:
    rotation:
      people: [user:maya@example.com, user:noah@example.com]
      every: 1w
      since: "2026-01-05 09:00"
      zone: Europe/Stockholm
emergency_policies:
  break-glass:
    eligible: [user:maya@example.com]
    owners: [group:platform-security@example.com]
    incident: 'INC-\\d+'
    default_duration: 30m
    max_duration: 1h
policies:
  sensitive:
    requesters: [everyone]
    steps:
      - name: manager
        approvers: [manager]
      - name: leads
        approvers: [group:sre-leads@example.com]
        timeout: 30m
        escalate: [user:ines@example.com]
    default_duration: 1h
    max_duration: 8h
    max_per_day: 12h
    emergency: break-glass
  leads:
    requesters: [group:sre-leads@example.com]
    approvers: [group:platform-security@example.com]
    approvals: 1
    default_duration: 1h
    max_duration: 4h
rules:
  - name: closed on weekends
    deny: Production is closed on weekends.
    when: {accounts: [production], hours: {days: [sat, sun], zone: Europe/Stockholm}}
    unless: {requesters: ["on-call:payments"]}
  - name: on call at once
    approve: true
    when: {entitlements: [production-*], requesters: ["on-call:payments"], duration: {at_most: 1h}}
  - name: long ones name a ticket
    policy: same
    when: {duration: {above: 4h}}
    ticket: {pattern: 'OPS-\\d+', check: "https://tickets.example.com/allowed"}
  - name: nobody gets here
    approve: true
    when: {entitlements: [production-readonly], requesters: [group:platform-security@example.com]}
"""
OPENS = "AdministratorAccess in Production 111122223333"
LEADS = "(now priya@example.com, tomas@example.com)"
TUESDAY, SATURDAY = "2026-11-24T10:00:00Z", "2026-11-28T10:00:00Z"


@pytest.fixture(scope="module")
def workspace() -> Iterator[Sandbox]:
    """Run a whole workspace: stand-ins, web, worker and clock."""
    with sandbox() as running:
        yield running


@pytest.fixture
def catalog(tmp_path: Path) -> str:
    """Give the path of a catalog with rules, schedules and emergencies."""
    path = tmp_path / "catalog.yml"
    path.write_text(CATALOG)
    return str(path)


@pytest.fixture
def explained(run: Run, workspace: Sandbox, catalog: str) -> Any:  # noqa: ANN401 - a function
    """Explain in the environment of the workspace's own processes, with the catalog of these tests."""
    environment = {**workspace.environment, "ACCESSBOT_CATALOG": catalog}

    def explain(*args: str) -> Any:  # noqa: ANN401 - the one object, or what was told
        told = run("policy", "explain", *args, **environment)
        if "--json" not in args:
            return told
        assert (told.status, told.err) == (0, "")
        (row,) = json.loads(told.out)
        return row

    return explain


def test_steps_are_told_with_who_could_decide(explained: Any) -> None:  # noqa: ANN401 - the fixture
    """Without a rule that matches the policy's steps are told, with the people in them and what comes late."""
    told = explained("maya@example.com", "production-admin", "--at", TUESDAY, "--duration", "2h", "--reason", "mend")
    assert (told.status, told.err) == (0, "")
    assert told.out.splitlines() == [
        f"maya@example.com asks for production-admin ({OPENS}) for 2 h at 2026-11-24 10:00:00Z.",
        "Takes 2 approvals by the policy “sensitive”.",
        "Rules",
        "  · “closed on weekends” (denies) does not match: hours",
        "  · “on call at once” (approves) does not match: duration",
        "  · “long ones name a ticket” (leaves it to a policy) does not match: duration",
        "  · “nobody gets here” (approves) does not match: entitlements",
        "Step 1, manager: 1 of manager (now priya@example.com)",
        f"Step 2, leads: 1 of group:sre-leads@example.com {LEADS}; after 30 min also user:ines@example.com",
        "Durations: 1 h unless chosen, at most 8 h; offered: 5m, 15m, 30m, 1h, 2h, 4h, 8h; 12 h in 24 hours.",
    ]


def test_a_deny_rule_is_told(explained: Any) -> None:  # noqa: ANN401 - the fixture
    """A denial has the rule, its reason, and the exit status of an explanation that could be given."""
    at = ("--at", SATURDAY)
    told = explained("tomas@example.com", "production-admin", *at)
    assert told.status == 0
    assert told.out.splitlines()[1:6] == [
        "Refused by the rule “closed on weekends”:",
        "  Production is closed on weekends.",
        "Rules",
        "  → “closed on weekends” (denies) matches",
        "  · 3 after it were not looked at",
    ]
    row = explained("tomas@example.com", "production-admin", *at, "--json")
    assert (row["verdict"], row["rule"], row["steps"]) == ("deny", "closed on weekends", [])
    assert row["rules"] == [{"name": "closed on weekends", "effect": "deny", "failed": None}]


def test_a_rotation_is_read_for_that_time(explained: Any) -> None:  # noqa: ANN401 - the fixture
    """Whose week it is gets it at once, and the other one a week later."""
    verdicts = {
        (who, at): explained(f"{who}@example.com", "production-admin", "--at", at, "--json")["verdict"]
        for who in ("maya", "noah")
        for at in ("2026-11-24T10:00:00Z", "2026-12-01T10:00:00Z")
    }
    on_call = {at: [who for who in ("maya", "noah") if verdicts[who, at] == "approve"] for _, at in verdicts}
    assert sorted(map(tuple, on_call.values())) == [("maya",), ("noah",)]
    assert set(verdicts.values()) == {"approve", "steps"}


def test_a_time_without_a_zone_is_by_the_clock_of_who_asks(explained: Any) -> None:  # noqa: ANN401 - the fixture
    """It is the same moment as with the offset of that zone, and is shown in UTC."""
    row = explained("tomas@example.com", "production-admin", "--at", "2026-11-28 18:00", "--json")
    assert row["verdict"] == "deny"
    assert row["at"] in ("2026-11-28T18:00:00.000Z", "2026-11-28T17:00:00.000Z")


def test_every_reason_to_refuse_is_told(explained: Any) -> None:  # noqa: ANN401 - the fixture
    """Who may not ask, for too long, without the ticket: all of it at once, without asking the ticket's system."""
    args = ("--at", TUESDAY, "--duration", "9h", "--json")
    row = explained("noah@example.com", "production-readonly", *args)
    assert row["verdict"] == "deny"
    assert [sentence.split(":")[0].split(",")[0] for sentence in row["refusals"]] == [
        "You may not ask for production-readonly",
        "The policy “leads” allows at most 4 h; ask for less.",
        "production-readonly needs a ticket",
    ]
    assert row["tickets"] == [{"pattern": "OPS-\\d+", "named": None, "check": "https://tickets.example.com/allowed"}]
    named = explained(
        "noah@example.com", "production-admin", *args[:2], "--duration", "8h", "--reason", "OPS-7", "--json"
    )
    assert (named["verdict"], named["rule"]) == ("steps", "long ones name a ticket")
    assert named["tickets"][0]["named"] == "OPS-7"


def test_an_emergency_has_its_own_rules(explained: Any) -> None:  # noqa: ANN401 - the fixture
    """Who is eligible and names the incident gets it at once, for an emergency's time; who is not is refused."""
    told = explained("maya@example.com", "production-admin", "--emergency", "--reason", "INC-3 down", "--at", TUESDAY)
    assert "Approved at once, by the emergency policy “break-glass”." in told.out
    assert "Durations: 30 min unless chosen, at most 1 h" in told.out
    row = explained("noah@example.com", "production-admin", "--emergency", "--at", TUESDAY, "--json")
    assert row["verdict"] == "deny"
    assert len(row["refusals"]) == 2
    assert "not eligible" in row["refusals"][0]


def test_it_is_judged_as_a_request_would_be_now(explained: Any) -> None:  # noqa: ANN401 - the fixture
    """Without a time it is now, with the store's limits and freezes looked at."""
    row = explained("priya@example.com", "production-readonly", "--json")
    assert row["policy"] == "leads"
    assert row["verdict"] in ("steps", "deny")


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (("maya@example.com", "production-x"), 1, "There is no entitlement “production-x” in the catalog"),
        (("nobody@example.com", "production-admin"), 1, "Slack does not know that person."),
        (("gabe@example.com", "production-admin"), 1, "Guests of"),
        (("maya@example.com", "production-admin", "--at", "soon"), 2, "“soon” is no time; write 2026-11-24T18:00:00Z"),
        (("maya@example.com", "production-admin", "--duration", "x"), 2, "“x” is no duration"),
    ],
)
def test_what_cannot_be_told_is_a_line(explained: Any, args: tuple[str, ...], status: int, said: str) -> None:  # noqa: ANN401 - the fixture
    """An unknown entitlement or person leaves with 1 and a line, a wrong option with 2."""
    told = explained(*args)
    assert (told.status, told.out, len(told.err.splitlines())) == (status, "", 1)
    assert said in told.err


def test_a_vendor_that_fails_gives_no_verdict(explained: Any, workspace: Sandbox) -> None:  # noqa: ANN401 - the fixture
    """While Google refuses to tell who is in a group, it is not told who may ask; the exit status is 1."""
    faults = workspace.world.google.faults
    faults.refuse("google.members.hasMember", 403, "PERMISSION_DENIED", "no")
    told = explained("priya@example.com", "production-readonly", "--at", TUESDAY)
    faults.clear()
    assert (told.status, told.out) == (1, "")
    assert "Google" in told.err
