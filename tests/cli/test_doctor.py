"""`doctor` looks at everything and says what to do; against a whole workspace on this machine, and against ruins."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis
import yaml

from accessbot.adapters.redis_store import RedisStore
from accessbot.cli.vendor_checks import SCOPES
from accessbot.domain.work import Lane
from accessbot.ports import Beat
from accessbot.sandbox.run import Sandbox, sandbox
from tests.catalog.examples import RIGHT
from tests.cli.conftest import PROGRAM, Run, Told

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def workspace() -> Iterator[Sandbox]:
    """Run a whole workspace: stand-ins, web, worker and clock."""
    with sandbox() as running:
        yield running


def examine(workspace: Sandbox, *args: str, **changes: str) -> Told:
    """Run the installed doctor in the environment of the workspace's own processes."""
    told = subprocess.run(
        [PROGRAM, "doctor", *args],
        env={**os.environ, **workspace.environment, **changes},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return Told(told.returncode, told.stdout, told.stderr)


def findings(told: Told, status: str = "wrong") -> list[tuple[str, str]]:
    """What is wrong, or has another status, as (check, detail)."""
    return [(row["check"], row["detail"]) for row in json.loads(told.out) if row["status"] == status]


def await_processes(workspace: Sandbox) -> None:
    """Wait until every process of the workspace has said that it lives."""
    wanted = {"web", "clock", *(f"worker:{lane}" for lane in Lane)}
    deadline = time.monotonic() + 60
    while not wanted <= {beat.role for beat in workspace.store.beats()}:
        assert time.monotonic() < deadline, "the workspace's processes do not start"
        time.sleep(0.05)


def test_a_healthy_workspace_has_nothing_wrong(workspace: Sandbox) -> None:
    """Every check is there and fine, for people a line each, and the exit status is 0."""
    await_processes(workspace)
    told = examine(workspace, "--json")
    assert (told.status, findings(told)) == (0, [])
    assert {check for check, _ in findings(told, "ok")} == {
        "settings",
        "catalog",
        "redis",
        "processes",
        "clocks",
        "grants",
        "quota",
        "slack",
        "google",
        "expiry",
        "aws",
        "groups",
    }
    people = examine(workspace)
    assert (people.status, people.err) == (0, "")
    assert all(line.startswith("ok ") for line in people.out.splitlines())


def expiry_of(told: Told) -> tuple[str, str]:
    """Give what was found of Google's own end of memberships, as (status, detail)."""
    [found] = [(row["status"], row["detail"]) for row in json.loads(told.out) if row["check"] == "expiry"]
    return found


def test_google_s_own_end_of_memberships_is_off_on_or_refused(workspace: Sandbox) -> None:
    """Three answers: it is not asked for; it is, and works; it is, and what stands in its way is named with the fix."""
    google = workspace.world.google
    assert expiry_of(examine(workspace, "--json"))[0] == "ok"
    assert expiry_of(examine(workspace, "--json"))[1].startswith("off: ")
    on = {"ACCESSBOT_MEMBERSHIP_EXPIRY": "1h"}
    status, detail = expiry_of(examine(workspace, "--json", **on))
    assert (status, detail.startswith("on: "), "1h after" in detail) == ("ok", True, True)
    google.directory.premium = False
    told = examine(workspace, "--json", **on)
    google.directory.premium = True
    status, detail = expiry_of(told)
    assert (told.status, status) == (1, "wrong")
    assert "Enterprise Standard" in detail
    assert "ACCESSBOT_MEMBERSHIP_EXPIRY" in detail
    scope = "Request had insufficient authentication scopes."
    google.faults.refuse("google.groups.lookup", 403, "PERMISSION_DENIED", scope)
    status, detail = expiry_of(examine(workspace, "--json", **on))
    google.faults.clear()
    assert status == "wrong"
    assert "https://www.googleapis.com/auth/cloud-identity.groups" in detail


def test_a_wrong_group_is_told_with_its_fault(workspace: Sandbox, tmp_path: Path) -> None:
    """A group that Google lacks, one that AWS lacks, and one that opens something else are each named."""
    await_processes(workspace)
    content = yaml.safe_load(Path(workspace.environment["ACCESSBOT_CATALOG"]).read_text())
    first, second, third = content["entitlements"][:3]
    first["group"] = "nobody-made-this@example.com"
    second["identity_center_group"] = "nor-this"
    third["permission_set"], third["identity_center_group"] = (
        second["permission_set"],
        content["entitlements"][3]["group"],
    )
    changed = tmp_path / "catalog.yml"
    changed.write_text(yaml.safe_dump(content))
    told = examine(workspace, "--json", ACCESSBOT_CATALOG=str(changed))
    faults = [detail for check, detail in findings(told) if check == "groups"]
    assert told.status == 1
    assert {"nobody-made-this@example.com", second["group"]} <= {detail.partition(":")[0] for detail in faults}
    assert [check for check, _ in findings(told, "warning")] == ["processes"]


def test_vendors_that_refuse_or_are_away_are_told(workspace: Sandbox) -> None:
    """A wrong token, and a Google and an AWS that do not answer, are a line each, and the groups are given up soon."""
    told = examine(
        workspace,
        "--json",
        SLACK_BOT_TOKEN="xoxb-wrong",
        GOOGLE_API_URL="http://127.0.0.1:1",
        AWS_ENDPOINT_URL="http://127.0.0.1:1",
    )
    checks = [check for check, _ in findings(told)]
    assert told.status == 1
    assert [checks.count(check) for check in ("slack", "google", "aws")] == [1, 2, 2]
    assert 1 <= checks.count("groups") <= 3
    assert not any("xoxb-wrong" in detail for _, detail in findings(told))


def test_the_scopes_are_those_of_the_manifest() -> None:
    """What the doctor asks the token for is what the app's manifest asks for."""
    manifest = yaml.safe_load((ROOT / "manifest.yml").read_text())
    assert sorted(manifest["oauth_config"]["scopes"]["bot"]) == list(SCOPES)


# --- ruins ------------------------------------------------------------------------------------------------------------


def test_an_empty_environment_is_told_whole(run: Run) -> None:
    """Without settings every missing variable is a line with who needs it; the rest is said not to be looked at."""
    told = run("doctor", "--json", REDIS_URL="")
    details = [detail for check, detail in findings(told) if check == "settings"]
    assert told.status == 1
    assert any(d.startswith("REDIS_URL is not set") and "web, worker, clock" in d for d in details)
    assert any(d.startswith("SLACK_SIGNING_SECRET is not set") and d.endswith("(needed by web)") for d in details)
    assert findings(told, "warning") == [("vendors", "not looked at; put settings and catalog right first.")]


def test_a_redis_that_is_away_is_wrong(run: Run) -> None:
    """Redis and the processes are wrong, and the doctor goes on."""
    told = run("doctor", "--json", REDIS_URL="redis://127.0.0.1:1/0")
    assert [check for check, _ in findings(told) if check in {"redis", "processes"}] == ["redis", "processes"]


def test_no_process_alive_is_wrong(run: Run, store: RedisStore) -> None:
    """Each kind of process that is missing is named with the command to start it."""
    store.beat(Beat("host:1", "web", "c0ffee"), timedelta(seconds=60))
    told = run("doctor", "--json")
    assert [detail for check, detail in findings(told) if check == "processes"] == [
        "no clock process is alive: start “accessbot clock”.",
        *(f"no worker:{lane} process is alive: start “accessbot worker”." for lane in Lane),
    ]


def test_different_catalogs_are_wrong(run: Run, store: RedisStore, tmp_path: Path) -> None:
    """Processes that do not agree are told with their hashes; all of them on an older file is a warning."""
    file = tmp_path / "catalog.yml"
    file.write_text(RIGHT)
    for number, role in enumerate(("web", "clock", *(f"worker:{lane}" for lane in Lane))):
        store.beat(Beat(f"host:{number}", role, "a" * 64), timedelta(seconds=60))
    told = run("doctor", "--json", ACCESSBOT_CATALOG=str(file))
    assert [detail for check, detail in findings(told, "warning") if check == "processes"] == [
        "they work on catalog aaaaaaaaaaaa, not on this file: reload them with SIGHUP."
    ]
    store.beat(Beat("host:0", "web", "b" * 64), timedelta(seconds=60))
    told = run("doctor", "--json", ACCESSBOT_CATALOG=str(file))
    (detail,) = [detail for check, detail in findings(told) if check == "processes"]
    assert "aaaaaaaaaaaa (5 processes), bbbbbbbbbbbb (1 processes)" in detail


def test_clocks_that_disagree_are_told(run: Run, store: RedisStore) -> None:
    """A process whose clock is off is wrong, a jump of the clock of Redis a warning; equal clocks are fine."""
    second = timedelta(seconds=1)
    store.beat(Beat("host:1", "web", "c0ffee", skew=second / 4), 60 * second)
    assert ("clocks", "all agree with that of Redis, within 0.25 s") in findings(run("doctor", "--json"), "ok")
    store.beat(Beat("host:2", "clock", "c0ffee", skew=-90 * second), 60 * second)
    store.beat(Beat("host:3", "web", "c0ffee", jump=30 * second), 60 * second)
    told = run("doctor", "--json")
    assert ("clocks", "host:2 (clock) is off from Redis by -90.0 s: mend its time service.") in findings(told)
    assert ("clocks", "host:3 saw the clock of Redis jump by +30.0 s: mend its time service.") in findings(
        told, "warning"
    )


def test_a_redis_that_forgets_or_evicts_is_warned_about(run: Run, redis_url: str) -> None:
    """No persistence, snapshots alone, and eviction are each a warning that says what to set."""
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("appendonly", "no")
        client.config_set("save", "")
        client.config_set("maxmemory-policy", "allkeys-lru")
        forgetful = run("doctor", "--json")
        client.config_set("save", "3600 1")
        client.config_set("maxmemory-policy", "noeviction")
        snapshots = run("doctor", "--json")
        client.config_set("save", "")
        client.config_set("appendonly", "yes")
    told = [detail for check, detail in findings(forgetful, "warning") if check == "redis"]
    assert [word in text for word, text in zip(("keeps nothing", "allkeys-lru"), told, strict=True)] == [True, True]
    assert [text for check, text in findings(snapshots, "warning") if check == "redis"] == [
        "it saves snapshots only, so a crash loses the latest grants: set appendonly yes."
    ]


def test_a_replica_is_wrong(run: Run, redis_url: str) -> None:
    """A server that only follows another cannot be the store."""
    with redis.Redis.from_url(redis_url) as client:
        client.replicaof("127.0.0.1", "1")
        try:
            told = run("doctor", "--json")
        finally:
            client.replicaof("NO", "ONE")
    assert any("read-only replica" in detail for check, detail in findings(told) if check == "redis")
