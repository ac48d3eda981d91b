"""`catalog check --live` against a whole workspace on this machine: what a catalog names is there, or is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from accessbot.sandbox.run import Sandbox, sandbox
from tests.cli.conftest import Run
from tests.cli.test_policy_explain import CATALOG


@pytest.fixture(scope="module")
def workspace() -> Iterator[Sandbox]:
    """Run a whole workspace: stand-ins, web, worker and clock."""
    with sandbox() as running:
        yield running


def test_a_catalog_is_held_against_google_slack_and_schedules(run: Run, workspace: Sandbox, tmp_path: Path) -> None:
    """All there is exit status 0; a group, a person, a user group and a shift that are not are a line each, and 1."""
    file = tmp_path / "catalog.yml"
    file.write_text(CATALOG)
    told = run("catalog", "check", str(file), "--live", **workspace.environment)
    assert (told.status, told.err) == (0, "")
    assert told.out.startswith(f"{file} is right, and so is all that it names: 2 entitlements")

    file.write_text(
        CATALOG.replace("[user:ines@example.com]", "[user:nobody@example.com, slack-usergroup:S0NOBODY0]")
        .replace("requesters: [group:sre-leads@example.com]", "requesters: [group:nowhere@example.com]")
        .replace('since: "2026-01-05 09:00"', 'since: "2099-01-05 09:00"')
    )  # fmt: skip
    told = run("catalog", "check", str(file), "--live", "--json", **workspace.environment)
    assert told.status == 1
    (row,) = json.loads(told.out)
    lines = [line.removeprefix(f"{file}: ") for line in told.err.splitlines()]
    assert row["findings"] == len(lines) == 4
    assert [line.partition(": ")[0] for line in lines] == [
        "requesters of policy “leads”",
        "escalate of step “leads” of policy “sensitive”",
        "escalate of step “leads” of policy “sensitive”",
        "schedule “payments”",
    ]
    assert "nowhere@example.com: Google does not know" in lines[0]
    assert "nobody@example.com is not known to Google" in lines[1]
    assert "Slack does not know that user group" in lines[2]
    assert "has nobody on call from" in lines[3]
