"""The reference page says what the reader knows: each key in its table, each example a right catalog."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from accessbot.adapters.catalog_file import catalog_of
from accessbot.cli import run
from accessbot.domain.errors import CatalogInvalid
from tests.catalog.examples import FULL
from tests.docs import pages

PAGE = pages.ROOT / "docs" / "policy.md"
SHORTEST = timedelta(minutes=5)
EXAMPLES = [block.text for block in pages.code(PAGE, "yaml") if "entitlements:" in block.text]

# The head of a table, and a place in the full catalog at which an unknown key is asked for all that are known.
TABLES = [
    ("key", "reconcile: report", "zzz: 1\nreconcile: report"),
    ("key of an account", '{id: "444455556666", name: Staging', '{id: "444455556666", zzz: 1, name: Staging'),
    ("key of an entitlement", "  - id: staging-admin", "  - zzz: 1\n    id: staging-admin"),
    ("key of a policy", "    distinct: false", "    zzz: 1\n    distinct: false"),
    ("key of a step", "      - name: security", "      - zzz: 1\n        name: security"),
    ("key of a ticket", "{pattern: 'OPS-\\d+', check", "{zzz: 1, pattern: 'OPS-\\d+', check"),
    ("key of a rule", "  - name: no weekends", "  - zzz: 1\n    name: no weekends"),
    ("key of a condition", "when: {accounts", "when: {zzz: 1, accounts"),
    ("key of hours", "{days: [sat, sun]", "{zzz: 1, days: [sat, sun]"),
    ("key of a schedule", "    max_age: 2h", "    zzz: 1"),
    ("key of a rotation", "      every: 1w", "      every: 1w\n      zzz: 1"),
    ("key of an emergency policy", "    remind: 12h", "    zzz: 1"),
]


@pytest.mark.parametrize(("head", "old", "new"), TABLES)
def test_a_table_has_every_key(head: str, old: str, new: str) -> None:
    """A key that the reader knows has its line in the table, and no other has."""
    assert FULL.count(old) == 1
    with pytest.raises(CatalogInvalid) as caught:
        catalog_of(FULL.replace(old, new).encode(), "catalog.yml", SHORTEST)
    (known,) = [line.partition("; its keys are ")[2] for line in caught.value.mistakes if "“zzz”" in line]
    listed = [pages.ticked(row[0])[0] for row in pages.table(pages.text(PAGE), head)]
    assert sorted(listed) == sorted(known.split(", "))


def test_every_selector_is_in_the_table() -> None:
    """Each kind of selector has its line."""
    rows = pages.table(pages.text(PAGE), "selector")
    kinds = {pages.ticked(row[0])[0].partition(":")[0] for row in rows}
    assert kinds == {"everyone", "group", "user", "slack-usergroup", "on-call", "manager"}


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_is_a_right_catalog(text: str) -> None:
    """What the page shows can be taken as it stands."""
    assert catalog_of(text.encode(), "policy.md", SHORTEST).entitlements


def test_there_are_worked_examples_of_everything() -> None:
    """Under each heading stands one whole catalog, and together they use what the page tells of."""
    examples = pages.section(PAGE, "Worked examples")
    assert len(EXAMPLES) == len(re.findall(r"^### ", examples, re.MULTILINE)) >= 8
    used = "\n".join(EXAMPLES)
    for key in ("steps", "escalate", "ticket", "check", "deny", "approve", "policy", "unless", "expression", "hours",
                "rotation", "overrides", "ical", "pagerduty", "rotation_grants", "emergency", "step_down", "durations",
                "max_per_day", "cool_down", "units", "tags", "duration"):  # fmt: skip
        assert f"{key}:" in used


def test_the_expectations_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What `policy test` is shown with is true of the example that it is shown for."""
    (expected,) = [block.text for block in pages.code(PAGE, "yaml") if "cases:" in block.text]
    (example,) = [
        block for block in EXAMPLES if block in pages.section(PAGE, "At once for whoever is on call, by PagerDuty")
    ]
    (tmp_path / "catalog.yml").write_text(example, encoding="utf-8")
    (tmp_path / "expected.yml").write_text(expected, encoding="utf-8")
    status = run(["policy", "test", str(tmp_path / "expected.yml"), "--catalog", str(tmp_path / "catalog.yml")])
    assert (status, capsys.readouterr().err) == (0, "")
