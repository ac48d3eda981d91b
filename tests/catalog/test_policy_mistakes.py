"""Every mistake in policies, rules, schedules and emergencies is told once, with its line and what to do."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from accessbot.adapters.catalog_file import catalog_of
from accessbot.domain.errors import CatalogInvalid
from tests.catalog.examples import FULL, marked

SHORTEST = timedelta(minutes=5)

TABLE = Path(__file__).with_name("mistakes.txt")
"""What is replaced in the full catalog, by what, and a part of what is said: see there."""


def rows() -> list[tuple[str, str, str]]:
    """The rows of the table."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("# ")]
    cells = [[cell.replace("⏎", "\n") for cell in line.split(" ⇒ ")] for line in lines]
    return [(old, new, says) for old, new, says in cells]


def test_an_emergency_is_shorter() -> None:
    """A policy's emergency cannot last longer than what it gives the normal way."""
    (line,) = told(FULL.replace("max_duration: 1h\n    step_down", "max_duration: 12h\n    step_down").encode())
    assert "lasts up to 12h, longer than the max_duration of 8h that it goes past; an emergency is for less" in line


def test_somebody_has_to_be_there_to_close_a_review() -> None:
    """Nobody closes their own: where the only owner alone is eligible, only administrators could."""
    owned = FULL.replace("owners: [group:platform-security@example.com, manager]", "owners: [user:a@example.com]")
    alone = owned.replace("eligible: [on-call:payments, group:sre@example.com]", "eligible: [user:a@example.com]")
    assert catalog_of(alone.encode(), "catalog.yml", SHORTEST).policies
    (line,) = told("\n".join(alone.splitlines()[1:]).encode())
    assert "who alone is eligible: nobody could close a review; name another" in line


def told(data: bytes) -> tuple[str, ...]:
    """What is said about a file, without its name."""
    with pytest.raises(CatalogInvalid) as caught:
        catalog_of(data, "catalog.yml", SHORTEST)
    return tuple(line.removeprefix("catalog.yml:") for line in caught.value.mistakes)


@pytest.mark.parametrize(("old", "new", "says"), rows())
def test_one_mistake_is_one_line(old: str, new: str, says: str) -> None:
    """Each single mistake is told once, on its own line, with what to write instead."""
    data, line = marked(old, new)
    found = told(data)
    assert len(found) == 1, found
    assert found[0].startswith(f"{line}: ")
    assert says in found[0]


POLICY = """\
accounts: {a: {id: "111122223333"}}
entitlements: [{id: e, account: a, permission_set: P, group: aws-e@example.com, policy: p}]
policies:
  p: {requesters: [%s], default_duration: 1h, max_duration: 1h, %s}
"""
ROTATION = """\
schedules: {r: {rotation: {people: [%s], every: 1w, since: "2026-01-05 09:00", zone: UTC}}}
"""

UNDECIDABLE = [
    ("everyone", "approvers: [user:a@x.io, user:A@X.io], approvals: 2", "takes 2 approvals, but there is 1 approver."),
    ("everyone", "approvers: [manager], approvals: 2", "takes 2 approvals, but there is 1 approver."),
    (
        "everyone",
        "steps: [{approvers: [user:a@x.io]}, {approvers: [user:a@x.io]}]",
        "takes 2 distinct people in 2 of its steps together, but there is 1 approver.",
    ),
    (
        "everyone",
        "steps: [{approvers: [manager]}, {approvers: [group:g@x.io]}, {approvers: [manager]}]",
        "takes 2 distinct people in 2 of its steps together, but there is 1 approver.",
    ),
    (
        "everyone",
        "steps: [{name: a, approvers: [user:a@x.io, user:b@x.io], approvals: 2}, {name: b, approvers: [user:b@x.io]}]",
        "takes 3 distinct people in steps “a” and “b” together, but there are 2 approvers.",
    ),
    (
        "user:a@x.io",
        "approvers: [user:a@x.io]",
        "takes 1 approval, but there are 0 approvers beside who asks, and nobody decides on their own request.",
    ),
    (
        "user:a@x.io, user:b@x.io",
        "approvers: [user:b@x.io, user:a@x.io], approvals: 2",
        "takes 2 approvals, but there is 1 approver beside who asks, and nobody decides on their own request.",
    ),
]

DECIDABLE = [
    ("everyone", "approvers: [user:a@x.io], timeout: 1h, escalate: [user:b@x.io], approvals: 2"),
    ("everyone", "distinct: false, steps: [{approvers: [user:a@x.io]}, {approvers: [user:a@x.io]}]"),
    ("everyone", "steps: [{approvers: [user:a@x.io]}, {approvers: [user:a@x.io, user:b@x.io]}]"),
    ("everyone", "approvers: [manager, user:a@x.io], approvals: 2"),
    ("user:a@x.io, user:b@x.io", "approvers: [user:a@x.io]"),
    ("everyone", "approvers: [group:g@x.io], approvals: 5"),
]


@pytest.mark.parametrize(("requesters", "decides", "says"), UNDECIDABLE)
def test_a_policy_that_nobody_can_decide_is_a_mistake(requesters: str, decides: str, says: str) -> None:
    """Whatever the reason that too few people are left, in a step or over distinct ones, it is told in numbers."""
    assert told((POLICY % (requesters, decides)).encode()) == (f"4: policy “p” {says}",)


@pytest.mark.parametrize(("requesters", "decides"), DECIDABLE)
def test_a_policy_that_somebody_can_decide_is_none(requesters: str, decides: str) -> None:
    """Where it can be enough, or is not known, nothing is said."""
    assert catalog_of((POLICY % (requesters, decides)).encode(), "catalog.yml", SHORTEST).entitlements


def test_one_person_is_on_call_in_a_rotation() -> None:
    """Two approvals by whoever is on call in a rotation never come; of a feed it is not known."""
    text = POLICY % ("everyone", "approvers: [on-call:r], approvals: 2")
    assert told((text + ROTATION % "user:a@x.io, user:b@x.io").encode()) == (
        "4: policy “p” takes 2 approvals, but there is 1 approver.",
    )
    assert catalog_of((text + "schedules: {r: {ical: ROTA_URL}}").encode(), "catalog.yml", SHORTEST).entitlements


def test_a_rotation_over_a_mapped_group_cannot_approve() -> None:
    """A grant into the group that takes turns would make an approver as well."""
    text = POLICY % ("everyone", "approvers: [on-call:r]")
    (line,) = told((text + ROTATION % "group:aws-e@example.com").encode())
    assert line.startswith("4: policy “p” lets on-call:r approve, whose rotation takes turns in aws-e@example.com")


def test_a_mapped_escalation_group_can_be_allowed_by_name() -> None:
    """As with approvers, a line says that it is meant."""
    data, _ = marked("escalate: [group:leads@example.com]", "escalate: [group:aws-staging-admin@example.com]¶")
    allowed = b"    allow_mapped_approver_groups: [group:aws-staging-admin@example.com]\n    distinct: false"
    assert catalog_of(data.replace(b"    distinct: false", allowed), "catalog.yml", SHORTEST).entitlements


RULES_OF = """\
accounts: {a: {id: "111122223333"}}
entitlements: [{id: e, account: a, permission_set: P, group: aws-e@example.com, policy: p}]
policies: {p: {requesters: [everyone], approvers: [group:g@x.io], default_duration: 1h, max_duration: 1h}}
rules:
"""
ONE = "when: {entitlements: [e], requesters: [user:a@x.io, user:b@x.io]}"
TURNED = "when: {requesters: [user:B@x.io, user:a@x.io, user:b@x.io], entitlements: [e]}"


@pytest.mark.parametrize(
    ("first", "second", "line"),
    [
        (f"approve: true, {ONE}", f"policy: p, {TURNED}", 6),
        (f"deny: No., {ONE}", f"policy: p, {TURNED}", 6),
        (f"policy: p, {TURNED}", f"deny: No., {ONE}", 5),
        (f"policy: same, {ONE}", f"policy: p, {ONE}, unless: {{accounts: [a]}}", 6),
        (f"policy: same, {ONE}, unless: {{accounts: [a]}}", f"policy: p, {ONE}, unless: {{accounts: [a]}}", 6),
    ],
)
def test_a_rule_that_never_decides_is_a_mistake(first: str, second: str, line: int) -> None:
    """Its conditions are those of a rule that is looked at before it, in whatever order they are written."""
    (told_line,) = told(f"{RULES_OF}  - {{name: one, {first}}}\n  - {{name: two, {second}}}\n".encode())
    assert told_line.startswith(f"{line}: rule “{'one' if line == 5 else 'two'}” can never decide")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (f"policy: same, {ONE}, unless: {{accounts: [a]}}", f"policy: p, {ONE}"),
        (f"policy: same, {ONE}", "policy: p, when: {entitlements: [e], requesters: [user:a@x.io]}"),
    ],
)
def test_rules_that_overlap_only_are_none(first: str, second: str) -> None:
    """Another condition, or an exception of the first, leaves something to decide for the second."""
    text = f"{RULES_OF}  - {{name: one, {first}}}\n  - {{name: two, {second}}}\n"
    assert len(catalog_of(text.encode(), "catalog.yml", SHORTEST).rules) == 2


def test_a_policy_named_same_cannot_be_meant_by_a_rule() -> None:
    """A catalog may have a policy of that name, but a rule that says `same` could mean either."""
    text = RULES_OF.replace("{p: {", "{same: {").replace("policy: p}", "policy: same}")
    assert catalog_of(text.replace("rules:\n", "").encode(), "catalog.yml", SHORTEST).entitlements
    (line,) = told(f"{text}  - {{name: one, policy: same, {ONE}}}\n".encode())
    assert line.startswith("5: policy of rule “one” is “same”")


def test_a_broken_part_is_not_called_unknown_too() -> None:
    """A mistake in a schedule, an emergency policy or a policy is told once, wherever else it is named."""
    text = FULL.replace("every: 1w", "every: never").replace("remind: 12h", "remind: never")
    assert [line.partition(" of ")[0].partition(": ")[2] for line in told(text.encode())] == ["every", "remind"]
