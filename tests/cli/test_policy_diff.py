"""`policy diff`: who gains and who loses what by a change of the catalog."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalog.examples import RIGHT
from tests.cli.conftest import Run, Told


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The catalog before."""
    path = tmp_path / "old.yml"
    path.write_text(RIGHT)
    return path


def compared(run: Run, old: Path, text: str, *args: str) -> Told:
    """Compare the catalog with another text."""
    new = old.with_name("new.yml")
    new.write_text(text)
    return run("policy", "diff", str(old), str(new), *args, REDIS_URL="")


def test_gains_and_losses_stand_under_what_they_are_about(run: Run, old: Path) -> None:
    """Each difference has its sign; what changes nobody's access has =, what can be either ±; the status is 0."""
    text = RIGHT.replace("max_duration: 8h", "max_duration: 9h").replace("approvals: 1", "approvals: 2")
    text = text.replace("default_duration: 1h", "default_duration: 2h").replace(
        "[group:platform-security@example.com]", "[]"
    )
    rules = "rules:\n  - {name: two, policy: sensitive, when: {accounts: [production]}}\n"
    told = compared(run, old, text + rules)
    assert (told.status, told.err) == (0, "")
    assert told.out.splitlines() == [
        "the catalog",
        "  - is no administrator any more: group:platform-security@example.com",
        "production-admin",
        "  - takes 2 approvals instead of 1",
        "  + at most 9 h at once instead of 8 h",
        "  = 2 h unless chosen instead of 1 h",
        "rules",
        "  ± added: “two” leaves it to the policy “sensitive” on every entitlement",
    ]


def test_programs_get_an_array(run: Run, old: Path) -> None:
    """With --json there is an object for each difference."""
    told = compared(run, old, RIGHT.replace("8h", "4h"), "--json")
    assert json.loads(told.out) == [
        {"about": "production-admin", "sign": "loss", "text": "at most 4 h at once instead of 8 h"}
    ]


def test_nothing_that_differs_is_said_on_the_side(run: Run, old: Path) -> None:
    """Comments and the order of people differ for nobody: nothing is printed, and --json gives an empty array."""
    same = "# the same\n" + RIGHT.replace(
        "[group:sre-leads@example.com, user:cto@example.com]", "[user:cto@example.com, group:sre-leads@example.com]"
    )
    told = compared(run, old, same, "--fail-on-gain")
    assert (told.status, told.out, told.err) == (0, "", "Nobody gains or loses anything.\n")
    assert json.loads(compared(run, old, same, "--json").out) == []


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        ("max_duration: 8h", "max_duration: 9h", 1),
        ("permission_set: AdministratorAccess", "permission_set: Other", 1),
        ("max_duration: 8h", "max_duration: 4h", 0),
        ("default_duration: 1h", "default_duration: 2h", 0),
    ],
    ids=["a gain", "either", "a loss", "neither"],
)
def test_a_gain_can_fail_a_pipeline(run: Run, old: Path, before: str, after: str, status: int) -> None:
    """With --fail-on-gain the exit status is 1 for a gain, and for what can be one; without it always 0."""
    text = RIGHT.replace(before, after)
    assert compared(run, old, text, "--fail-on-gain").status == status
    assert compared(run, old, text).status == 0


def test_a_wrong_catalog_has_its_lines(run: Run, old: Path) -> None:
    """A file with mistakes is compared with nothing: each mistake has its line."""
    told = compared(run, old, RIGHT.replace("approvals: 1", "approvals: 0"))
    assert (told.status, told.out) == (1, "")
    assert told.err.startswith(f"{old.with_name('new.yml')}:")
