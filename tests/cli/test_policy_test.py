"""`policy test`: whether a catalog comes to what a file expects, without any vendor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run, Told
from tests.cli.test_policy_explain import CATALOG
from tests.docs import pages

PEOPLE = """\
zone: Europe/Stockholm
at: "2026-11-24 11:00"
people:
  maya@example.com: {groups: [sre-leads@example.com], on_call: [payments], manager: ines@example.com, slack: U0MAYA}
  noah@example.com: {manager: ines@example.com, slack_usergroups: [S0123ABCD]}
  priya@example.com: {groups: [sre-leads@example.com]}
  ines@example.com:
cases:
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a right catalog."""
    (tmp_path / "catalog.yml").write_text(CATALOG)
    return tmp_path


def tried(run: Run, files: Path, cases: str, *args: str) -> Told:
    """Write a file with these cases, and try it."""
    path = files / "expected.yml"
    path.write_text(cases if cases.startswith("#") else PEOPLE + cases)
    return run("policy", "test", str(path), "--catalog", str(files / "catalog.yml"), *args, REDIS_URL="")


HOLD = """\
  - name: on call at once
    who: maya@example.com
    entitlement: production-admin
    expect: approve
    rule: on call at once
  - name: the usual way
    who: noah@example.com
    entitlement: production-admin
    expect: steps
    rule: ""
    policy: sensitive
    approvals: 2
    may_decide: [ines@example.com, priya@example.com]
    may_not_decide: [noah@example.com]
  - name: closed on Saturday
    who: noah@example.com
    entitlement: production-admin
    at: "2026-11-28 11:00"
    expect: deny
    rule: closed on weekends
    says: closed on weekends
  - {name: not by UTC, who: noah@example.com, entitlement: production-admin, at: "2026-11-27T22:59:59Z", expect: steps}
  - {name: but so, who: noah@example.com, entitlement: production-admin, at: "2026-11-27T23:00:00Z", expect: deny}
  - {who: noah@example.com, entitlement: production-admin, duration: 5h, expect: deny, says: needs a ticket}
  - {who: noah@example.com, entitlement: production-admin, duration: 5h, reason: OPS-1, expect: steps}
  - {who: noah@example.com, entitlement: production-readonly, expect: deny, says: does not list you}
  - {who: maya@example.com, entitlement: production-admin, emergency: true, reason: INC-1, expect: approve, rule: ""}
  - {who: noah@example.com, entitlement: production-admin, emergency: true, reason: INC-1, expect: deny, says: not elig}
"""


def test_cases_that_hold_are_counted(run: Run, files: Path) -> None:
    """Every kind of expectation can hold: exit status 0, one line, and with --json a row for each."""
    told = tried(run, files, HOLD)
    assert (told.status, told.out, told.err) == (0, "10 cases hold.\n", "")
    rows = json.loads(tried(run, files, HOLD, "--json").out)
    assert [row["holds"] for row in rows] == [1] * 10
    assert rows[0] | {"came": ""} == {
        "line": 9,
        "name": "on call at once",
        "holds": 1,
        "expected": None,
        "came": "",
    }


FAIL = {
    "expect: approve": "approve",
    "expect: deny": "deny",
    "expect: steps, rule: on call at once": "the rule “on call at once”",
    "expect: steps, policy: leads": "the policy “leads”",
    "expect: steps, approvals: 3": "3 approvals",
    "expect: steps, says: closed": "a refusal that says “closed”",
    "expect: steps, may_decide: [noah@example.com]": "that noah@example.com may decide",
    "expect: steps, may_not_decide: [ines@example.com]": "that ines@example.com may not decide",
    "expect: deny, rule: closed on weekends": "deny; the rule “closed on weekends”",
}


@pytest.mark.parametrize(("expected", "told"), FAIL.items())
def test_a_case_that_fails_has_its_line(run: Run, files: Path, expected: str, told: str) -> None:
    """What was expected and what came are told with the line; the exit status is 1."""
    case = f"  - {{who: noah@example.com, entitlement: production-admin, {expected}}}\n"
    said = tried(run, files, case)
    came = "came steps, policy “sensitive”, 2 approvals"
    assert (said.status, said.err) == (1, "")
    assert said.out.splitlines() == [
        f"{files / 'expected.yml'}:9: case “1”: expected {told}; {came}.",
        "1 of 1 case fails.",
    ]


def test_what_a_rule_denied_is_told(run: Run, files: Path) -> None:
    """For a denial the rule and its reason are what came, and cases that hold are not listed."""
    case = '{who: noah@example.com, entitlement: production-admin, at: "2026-11-28 11:00", expect: steps}'
    told = tried(run, files, f"{HOLD}  - {case}\n")
    assert told.status == 1
    (line, count) = told.out.splitlines()
    assert line.endswith("came deny by the rule “closed on weekends”: Production is closed on weekends.")
    assert count == "1 of 11 cases fails."


CASE = "who: noah@example.com, entitlement: production-admin"
MISTAKES: dict[str, tuple[str, int, str]] = {
    "nothing": ("#\n", 1, "the file is empty; it needs people and cases."),
    "no YAML": ("#\npeople: ]\n", 2, "this is not valid YAML"),
    "no cases": ("#\npeople: {}\n", 2, "the file lacks the key “cases”."),
    "no case": ("  []\n", 9, "cases is empty"),
    "an unknown key": (
        f"  - {{{CASE}, expect: deny, expects: x}}\n",
        9,
        "has no key “expects”; did you mean “expect”?",
    ),
    "no expectation": (f"  - {{{CASE}}}\n", 9, "case 1 lacks the key “expect”."),
    "another outcome": (f"  - {{{CASE}, expect: allow}}\n", 9, "it can be deny, approve or steps."),
    "a stranger": ("  - {who: a@b.cc, entitlement: production-admin, expect: deny}\n", 9, "“a@b.cc” is not defined"),
    "another entitlement": (
        "  - {who: noah@example.com, entitlement: production-adm, expect: deny}\n",
        9,
        "“production-adm” is not defined; did you mean “production-admin”?",
    ),
    "another rule": (f"  - {{{CASE}, expect: deny, rule: closed}}\n", 9, "rule of case 1 “closed” is not defined"),
    "another policy": (f"  - {{{CASE}, expect: deny, policy: lead}}\n", 9, "did you mean “leads”?"),
    "approvals of a denial": (f"  - {{{CASE}, expect: deny, approvals: 1}}\n", 9, "go with expect: steps alone"),
    "no duration": (f"  - {{{CASE}, expect: deny, duration: 5}}\n", 9, "has to be a duration like 45m"),
    "no time": (f'  - {{{CASE}, expect: deny, at: "noon"}}\n', 9, "has to be a date and time like"),
    "nobody to decide": (
        f"  - {{{CASE}, expect: steps, may_decide: [cto@example.com]}}\n",
        9,
        "“cto@example.com” is not",
    ),
    "no truth": (f"  - {{{CASE}, expect: deny, emergency: perhaps}}\n", 9, "has to be true or false"),
    "no time anywhere": (
        f"#\npeople: {{noah@example.com: }}\ncases:\n  - {{{CASE}, expect: deny}}\n",
        4,
        "has no time",
    ),
    "an unknown zone": ("#\nzone: Europe/Stokholm\npeople: {}\ncases: []\n", 2, "did you mean “Europe/Stockholm”?"),
    "an unknown schedule": (
        "#\npeople:\n  a@b.cc: {on_call: [payment]}\ncases: []\n",
        3,
        "the schedule in on_call of the person a@b.cc “payment” is not defined; did you mean “payments”?",
    ),
    "no person": ("#\npeople: {maya: {}}\ncases: []\n", 2, "“maya” in people has to be an email address"),
    "no group": ("#\npeople:\n  a@b.cc: {groups: [sre]}\ncases: []\n", 3, "has to be a group's email address"),
    "no Slack id": ("#\npeople:\n  a@b.cc: {slack: maya}\ncases: []\n", 3, "has to be a Slack user id"),
}


@pytest.mark.parametrize(("content", "line", "mistake"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_the_file_has_its_line(run: Run, files: Path, content: str, line: int, mistake: str) -> None:
    """What is wrong with the file is told with the line, and nothing is tried."""
    told = tried(run, files, content)
    assert (told.status, told.out) == (1, "")
    found = [each for each in told.err.splitlines() if each.startswith(f"{files / 'expected.yml'}:{line}: ")]
    assert any(mistake in each for each in found), told.err


def test_every_mistake_is_told(run: Run, files: Path) -> None:
    """All mistakes of a file come at once, in file order."""
    told = tried(run, files, f"  - {{{CASE}, expect: no}}\n  - {{{CASE}, expect: deny, rule: x}}\n  - {{}}\n")
    assert [line.split(":")[1] for line in told.err.splitlines()] == ["9", "10", "11", "11", "11"]


def test_a_missing_file_and_a_wrong_catalog_are_told(run: Run, files: Path) -> None:
    """Neither is a failing case: the line says what to mend."""
    told = run("policy", "test", str(files / "none.yml"), "--catalog", str(files / "catalog.yml"))
    assert (told.status, told.out) == (1, "")
    assert told.err == f"{files / 'none.yml'}:1: the file cannot be read (no such file or directory).\n"
    (files / "catalog.yml").write_text("accounts: {}\n")
    assert f"{files / 'catalog.yml'}:1:" in tried(run, files, HOLD).err


def test_the_example_of_the_page_holds(run: Run, tmp_path: Path) -> None:
    """The catalog and the expectations in the documentation are right, and every case holds."""
    page = Path(__file__).parents[2] / "docs" / "policy-commands.md"
    for name, block in zip(("catalog.yml", "expected.yml"), pages.code(page, "yaml"), strict=True):
        (tmp_path / name).write_text(block.text)
    told = run("policy", "test", str(tmp_path / "expected.yml"), "--catalog", str(tmp_path / "catalog.yml"))
    assert (told.status, told.out, told.err) == (0, "4 cases hold.\n", "")
