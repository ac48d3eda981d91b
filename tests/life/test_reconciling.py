"""Reconcile through real processes: whoever is in a mapped group without a grant, and whoever is missing with one."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accessbot.sandbox.run import sandbox
from accessbot.sandbox.world import CATALOG, OPENINGS
from tests.life.conftest import Life

OF = {opening.entitlement: opening for opening in OPENINGS}
EXTRA = {"ACCESSBOT_SWEEP_PERIOD": "2s", "ACCESSBOT_SYNC_PERIOD": "20s"}
SOON = 15.0
"""Seconds in which a look every two seconds has to have come, with all that follows from it, on a busy machine."""


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """Run a sandbox whose groups are looked at every two seconds, once each was looked at for the first time.

    It has a catalog of its own, which a test may change.
    """
    catalog = tmp_path_factory.mktemp("catalog") / "catalog.yml"
    catalog.write_text(CATALOG.read_text(encoding="utf-8"), encoding="utf-8")
    with sandbox(extra={**EXTRA, "ACCESSBOT_CATALOG": str(catalog)}) as box:
        made = Life(box)
        made.wait("the first looks", lambda: all(looks(made, each.group) for each in OPENINGS))
        yield made


def looks(life: Life, group: str) -> bool:
    """Tell whether a group was ever looked at."""
    roster = life.box.store.roster(group)
    return roster is not None and roster.looked_at is not None


def put(life: Life, entitlement: str, *names: str, google: bool = True, aws: bool = True) -> None:
    """Put people into the group of an entitlement, as an administrator would."""
    for name in names:
        if google:
            life.box.world.google.directory.add_member(OF[entitlement].group, f"{name}@example.com")
        if aws:
            life.box.world.aws.add_member(OF[entitlement].aws_group, f"{name}@example.com")


def take(life: Life, entitlement: str, name: str) -> None:
    """Take somebody out of the group of an entitlement on both sides, as an administrator would."""
    life.box.world.google.directory.remove_member(OF[entitlement].group, f"{name}@example.com")
    life.box.world.aws.remove_member(OF[entitlement].aws_group, f"{name}@example.com")


def policy(life: Life, reconcile: str) -> None:
    """Have the catalog say what becomes of out-of-band members, and every process read it."""
    path = Path(life.box.environment["ACCESSBOT_CATALOG"])
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("reconcile:")]
    path.write_text("\n".join([f"reconcile: {reconcile}", *lines, ""]), encoding="utf-8")
    for process in life.box.processes.running.values():
        os.kill(process.pid, signal.SIGHUP)
    life.wait("one catalog", lambda: len({beat[2] for beat in life.box.store.beats()}) == 1)


def alerts(life: Life, *words: str) -> list[str]:
    """List the messages in the operators' channel that hold all of these words."""
    ines = life.person("ines")
    told = [ines.read(message) for message in ines.messages("alerts")]
    return [text for text in told if all(word in text for word in words)]


def plan(life: Life, entitlement: str, status: int) -> list[dict[str, Any]]:
    """Run the dry-run for one group, and give what it found."""
    told = life.cli("reconcile", "--dry-run", "--json", "--group", OF[entitlement].group, status=status)
    rows: list[dict[str, Any]] = json.loads(told)
    return rows


@pytest.mark.parametrize("side", ["google", "aws"])
def test_a_stranger_is_reported_once_and_it_is_over_when_they_are_gone(life: Life, side: str) -> None:
    """By default nobody is touched: one alert names the member and the side, and says when it is over."""
    entitlement = "staging-admin" if side == "google" else "data-analyst"
    group, name = OF[entitlement].group, "Google" if side == "google" else "AWS"
    put(life, entitlement, "noah", google=side == "google", aws=side == "aws")
    life.wait("the alert", lambda: alerts(life, "Alert", group, f"noah@example.com ({name})"), SOON)
    assert [(row["differs"], row["would"]) for row in plan(life, entitlement, 1)] == [("out_of_band", "report")]
    told = life.cli("reconcile", "--group", group, status=1)
    assert "without a grant" in told
    assert "noah@example.com" in told
    assert life.is_in(entitlement, "noah@example.com") == (side == "google", side == "aws")
    if side == "google":
        life.box.world.google.directory.remove_member(group, "noah@example.com")
    else:
        life.box.world.aws.remove_member(OF[entitlement].aws_group, "noah@example.com")
    life.wait("the end of it", lambda: alerts(life, "Over", group), SOON)
    assert len(alerts(life, group, "without a grant")) == 1
    assert plan(life, entitlement, 0)[0]["differs"] is None


def test_adopted_members_stay_and_are_told_of_no_more(life: Life) -> None:
    """`--adopt` counts who is there as standing, under the operator's name; then nothing differs."""
    group = OF["payments-admin"].group
    put(life, "payments-admin", "tomas")
    life.wait("the alert", lambda: alerts(life, "Alert", group, "tomas@example.com"), SOON)
    assert "tomas@example.com (Google and AWS)" in life.cli("reconcile", "--adopt", group)
    life.wait("the end of it", lambda: alerts(life, "Over", group), SOON)
    assert "Nothing was changed" in life.cli("reconcile", "--dry-run", "--group", group)
    assert life.audit(group) == ["roster.begun", "membership.adopted"]
    assert life.is_in("payments-admin", "tomas@example.com") == (True, True)


@pytest.mark.parametrize("side", ["google", "aws"])
def test_a_missing_membership_of_a_live_grant_is_put_back(life: Life, side: str) -> None:
    """What somebody takes from a holder is there again after the next look, on either side, and logged."""
    entitlement = "staging-admin" if side == "google" else "data-analyst"
    life.granted(life.person("maya"), f"{entitlement} 30m to be put back at {side}")
    if side == "google":
        life.box.world.google.directory.remove_member(OF[entitlement].group, "maya@example.com")
    else:
        life.box.world.aws.remove_member(OF[entitlement].aws_group, "maya@example.com")
    life.wait("both sides", lambda: life.is_in(entitlement, "maya@example.com") == (True, True), SOON)
    (grant,) = life.grants_for(f"to be put back at {side}")
    life.wait("the log", lambda: "membership.restored" in str(life.cli("audit", "list", "--json")), SOON)
    life.cli("grants", "revoke", grant.id)


@pytest.mark.parametrize("later", [3.0, 13.0])
def test_what_comes_back_after_the_end_is_gone_in_seconds(life: Life, later: float) -> None:
    """Whenever another tool puts a membership back within two sync periods, it is gone at the next look."""
    reason = f"to come back after {later:.0f}"
    life.granted(life.person("noah"), f"production-admin 5s {reason}")
    life.wait("the end", lambda: all(grant.ended for grant in life.grants_for(reason)))
    moment = time.monotonic() + later
    life.wait("an arbitrary moment", lambda: time.monotonic() > moment, later + 5)
    put(life, "production-admin", "noah")
    began = time.monotonic()
    life.wait("both gone", lambda: life.is_in("production-admin", "noah@example.com") == (False, False), SOON)
    assert time.monotonic() - began < SOON
    life.wait("the alert", lambda: alerts(life, OF["production-admin"].group, "came back"), SOON)


def test_reads_that_fail_change_nothing(life: Life) -> None:
    """While Google or AWS fails nobody is reported, removed or counted; the dry-run names the group it cannot read."""
    group = OF["production-readonly"].group
    before, told = life.box.store.roster(group), len(alerts(life, group))
    fault = life.box.world.faults.refuse("aws.identitystore.ListGroupMemberships", 503, "ServiceUnavailableException")
    put(life, "production-readonly", "noah")
    rows = plan(life, "production-readonly", 1)
    assert [(row["group"], row["differs"], row["would"]) for row in rows] == [(group, "unread", "try again")]
    after = life.box.store.roster(group)
    assert before is not None
    assert after is not None
    assert (after.google, after.aws, after.strangers) == (before.google, before.aws, ())
    assert len(alerts(life, group)) == told
    take(life, "production-readonly", "noah")
    fault.off()


def test_a_group_made_anew_and_an_assignment_that_is_gone_are_told(life: Life) -> None:
    """One alert each, no new grants, and whoever has access keeps it until its end, which comes as ever."""
    aws, ines = life.box.world.aws, life.person("ines")
    other, lost = OF["staging-admin"], OF["data-analyst"]
    for entitlement in ("staging-admin", "data-analyst"):
        life.granted(life.person("maya"), f"{entitlement} 30m lives on in {entitlement}")
    aws.unassign(lost.account_id, lost.permission_set, lost.aws_group)
    aws.delete_group(other.aws_group)
    aws.add_group(other.aws_group)
    aws.assign(other.account_id, other.permission_set, other.aws_group)
    told = life.cli("reconcile", "--group", lost.group, "--group", other.group, status=1)
    assert "is not assigned to its group" in told
    assert "somebody or some sync recreated it" in told
    life.wait("the lost one", lambda: alerts(life, "Alert: data-analyst is closed", "not assigned"), SOON)
    life.wait("the other one", lambda: alerts(life, "Alert: staging-admin is closed", "recreated"), SOON)
    assert {row["differs"] for row in plan(life, "staging-admin", 1)} == {"mapping"}
    assert "mapping" in {row["differs"] for row in plan(life, "data-analyst", 1)}
    for entitlement in ("staging-admin", "data-analyst"):
        card = life.ask(life.person("noah"), f"{entitlement} 30m refused in {entitlement}")
        assert ines.click(card, "Approve").ok or life.person("priya").click(card, "Approve").ok
        life.person("priya").wait_for_message("approvals", f"refused in {entitlement}", "Failed", timeout=20)
        (grant,) = life.grants_for(f"lives on in {entitlement}")
        assert grant.state == "active"
        life.cli("grants", "revoke", grant.id)
    assert life.is_in("data-analyst", "maya@example.com") == (False, False)
    for entitlement in ("staging-admin", "data-analyst"):
        assert len(alerts(life, f"Alert: {entitlement} is closed for new grants")) == 1


def test_a_stranger_is_removed_where_the_catalog_says_so(life: Life) -> None:
    """Under `reconcile: remove` they are gone from both sides, who stood there before stays, and operators read it."""
    group = OF["production-readonly"].group
    policy(life, "remove")
    put(life, "production-readonly", "noah")
    life.wait("both gone", lambda: life.is_in("production-readonly", "noah@example.com") == (False, False), SOON)
    life.wait("the alert", lambda: alerts(life, "were removed", group, "noah@example.com"), SOON)
    assert life.is_in("production-readonly", "ines@example.com") == (True, True)
    assert life.is_in("payments-admin", "tomas@example.com") == (True, True)
    log = json.loads(life.cli("audit", "list", "--json"))
    reasons = [row["reason"] for row in log if row["action"] == "membership.removed" and group in row["subject"]]
    assert reasons  # more than one where a look came between the two sides
    assert all(reason.startswith("out of band: noah@example.com (") for reason in reasons)
    life.wait("nothing left", lambda: plan(life, "production-readonly", 0), SOON)


def test_the_brake_holds_what_is_too_much_until_it_is_released(life: Life) -> None:
    """Four strangers in a small group stay, all of them, with one alert, until an operator says that they are to go."""
    group = OF["production-admin"].group
    four = ("maya", "priya", "tomas", "gabe")
    put(life, "production-admin", *four)
    life.wait("the brake", lambda: alerts(life, "Alert", "Too many members", group), SOON)
    google, aws = life.members("production-admin")
    assert {f"{name}@example.com" for name in four} <= google & aws
    assert {row["would"] for row in plan(life, "production-admin", 1)} == {"held by the brake"}
    assert "held by the brake" in life.cli("reconcile", "--group", group, status=1)
    life.granted(life.person("ines"), "production-admin 5s an end under the brake")
    life.wait("its end", lambda: all(grant.ended for grant in life.grants_for("an end under the brake")))
    assert life.is_in("production-admin", "ines@example.com") == (False, False)
    assert "is off" in life.cli("reconcile", "--release", group)
    life.wait("all gone", lambda: not any(life.members("production-admin")), 30)
    life.wait("the end of it", lambda: alerts(life, "Over", group, "go on"), SOON)
    assert life.cli("reconcile", "--release", group).startswith("No brake was on")
    released = [row for row in json.loads(life.cli("audit", "list", "--json")) if row["action"] == "brake.released"]
    assert [row["actor"].partition(":")[0] for row in released] == ["cli"]


def test_no_defect_came_up(life: Life) -> None:
    """Nothing of all this was a surprise to any process, and nothing was sent that Slack would refuse."""
    assert life.box.workspace.warnings == []
    for name in ("web", "worker", "clock"):
        assert "Traceback" not in life.box.processes.tail(name, 100_000)
