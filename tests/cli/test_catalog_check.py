"""`catalog check`: every mistake, one per line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalog.examples import RIGHT
from tests.cli.conftest import Run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A right catalog file."""
    path = tmp_path / "catalog.yml"
    path.write_text(RIGHT)
    return path


def test_a_right_catalog_is_told_with_what_it_holds(run: Run, file: Path) -> None:
    """Exit status 0 and one line; Redis is not needed."""
    told = run("catalog", "check", str(file), REDIS_URL="")
    assert (told.status, told.err) == (0, "")
    assert told.out.startswith(f"{file} is right: 1 entitlement, 1 account, 1 policy; hash ")


def test_the_catalog_of_the_settings_is_checked_by_default(run: Run, file: Path) -> None:
    """Without a path it is ACCESSBOT_CATALOG, and --json tells the whole hash."""
    (row,) = json.loads(run("catalog", "check", "--json", ACCESSBOT_CATALOG=str(file)).out)
    assert len(row.pop("hash")) == 64
    assert row == {"path": str(file), "accounts": 1, "entitlements": 1, "policies": 1}


def test_every_mistake_is_a_line(run: Run, file: Path) -> None:
    """Exit status 1, each mistake as file, line and sentence, and nothing on standard output."""
    file.write_text(RIGHT.replace("approvals: 1", "approvals: 0").replace("reconcile: report", "reconcile: no"))
    for args in (["catalog", "check", str(file)], ["catalog", "check", str(file), "--json"]):
        told = run(*args)
        assert (told.status, told.out) == (1, "")
        assert [line.removeprefix(f"{file}:").split(":")[0] for line in told.err.splitlines()] == ["2", "17"]


def test_the_shortest_grant_of_the_settings_counts(run: Run, file: Path) -> None:
    """What is right for one company's shortest grant is a mistake under another's."""
    assert run("catalog", "check", str(file), ACCESSBOT_MIN_DURATION="2h").status == 1
    assert run("catalog", "check", str(file), ACCESSBOT_MIN_DURATION="1s").status == 0


def test_a_missing_file_is_told(run: Run, tmp_path: Path) -> None:
    """One line that names the file."""
    told = run("catalog", "check", str(tmp_path / "none.yml"))
    assert told.status == 1
    assert told.err.startswith(f"{tmp_path}/none.yml:1: the catalog cannot be read (no such file or directory)")


def test_a_live_check_takes_the_settings_of_a_worker(run: Run, file: Path) -> None:
    """Without the way to Google and Slack nothing is looked at, and what is missing is told by its name."""
    told = run("catalog", "check", str(file), "--live", SLACK_BOT_TOKEN="", GOOGLE_APPLICATION_CREDENTIALS="")
    assert (told.status, told.out) == (1, "")
    assert "SLACK_BOT_TOKEN is not set" in told.err
