"""What holds for every set of rules: no verdict without a matching rule, a deny never widens, no order matters."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from accessbot.domain.model import Account, Selector, SelectorKind
from accessbot.domain.rules import Condition, Day, Effect, Hours, Rule, Ticket
from accessbot.domain.verdicts import Question, judge, named, within
from tests.domain.examples import EVERYONE, POLICY, a_policy
from tests.domain.ruling import ASKER, PRODUCTION

if TYPE_CHECKING:
    from accessbot.domain.verdicts import Verdict

WIDTH = {Effect.DENY: 0, Effect.POLICY: 1, Effect.APPROVE: 2}
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Stockholm", "America/New_York", "Australia/Lord_Howe")]
PEOPLE = [EVERYONE, *(Selector(SelectorKind.GROUP, f"{name}@example.com") for name in "abc")]
IDS = ["prod-admin", "prod-read", "staging-admin"]
NAMES = st.sampled_from([*IDS, "prod-*", "*-admin", "*", "p*a*n", "none"])
UNITS = ["", "prod", "prod/pay", "production"]
DURATIONS = st.sampled_from([timedelta(minutes=m) for m in (30, 60, 240)])
EXPRESSIONS = ["yes", "no"]
QUARTERS = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))


def some(values: Sequence[str] | st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    """Give a condition's list, which mostly is not given."""
    one = values if isinstance(values, st.SearchStrategy) else st.sampled_from(values)
    return st.lists(one, max_size=3).map(tuple) | st.just(())


hours = st.builds(
    Hours, days=st.frozensets(st.sampled_from(Day), min_size=1), begins=QUARTERS, ends=QUARTERS, zone=st.just(ZONES[1])
)
tags = st.dictionaries(st.sampled_from(["env", "risk"]), st.sampled_from(["high", "low"]), max_size=2)
conditions = st.builds(
    Condition,
    entitlements=some(NAMES),
    accounts=some(["prod", "staging", "pro*"]),
    units=some(["prod", "prod/pay", "staging"]),
    tags=tags,
    permission_sets=some(["Admin*", "ReadOnly", "admin*"]),
    requesters=st.lists(st.sampled_from(PEOPLE), max_size=3, unique=True).map(tuple),
    above=st.none() | DURATIONS,
    at_most=st.none() | DURATIONS,
    hours=st.lists(hours, max_size=2).map(tuple),
    expression=st.sampled_from(["", "", *EXPRESSIONS]),
)
rules = st.builds(
    Rule,
    name=st.uuids().map(str),
    effect=st.sampled_from(Effect),
    when=conditions,
    unless=st.none() | conditions,
    policy=st.sampled_from([None, a_policy(name="two-people")]),
    ticket=st.sampled_from([None, Ticket(pattern="OPS")]),
)
lists = st.lists(rules, max_size=8)
questions = st.builds(
    Question,
    entitlement=st.builds(
        lambda id, key, unit, permission_set, own, account: replace(  # noqa: A006 - as the record calls it
            PRODUCTION,
            id=id,
            account=Account(key=key, id="111122223333", name="Production", unit=unit, tags=account),
            permission_set=permission_set,
            tags=own,
        ),
        id=st.sampled_from(IDS),
        key=st.sampled_from(["prod", "staging"]),
        unit=st.sampled_from(UNITS),
        permission_set=st.sampled_from(["AdminAccess", "ReadOnly"]),
        own=tags,
        account=tags,
    ),
    duration=DURATIONS,
    requester=st.just(ASKER),
    at=st.datetimes(datetime(2026, 3, 27), datetime(2026, 3, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - given a zone
)
known = st.frozensets(st.sampled_from(PEOPLE[1:])).map(lambda found: frozenset({EVERYONE, *found}))


def verdict(listed: Sequence[Rule], question: Question, people: frozenset[Selector]) -> Verdict:
    """Judge with look-ups that never fail."""
    return judge(listed, question, lambda one: one in people, lambda expression, _: expression == "yes")


def begun(mark: datetime, at: datetime, zone: ZoneInfo) -> bool:
    """Tell by walking whether a clock showed a wall time or a later one within the last two days."""
    start, step = at - timedelta(hours=50), timedelta(minutes=15)
    start = start.replace(minute=start.minute // 15 * 15, second=0, microsecond=0)
    times = [start + n * step for n in range(202)]
    return any(t <= at and t.astimezone(zone).replace(tzinfo=None) >= mark for t in times)


def inside(part: Hours, at: datetime) -> bool:
    """Tell the slow way whether a time is in a part of the week."""
    today = at.astimezone(part.zone).date()
    for day in (today, today - timedelta(days=1)):
        last = day if part.begins < part.ends else day + timedelta(days=1)
        begins, ends = datetime.combine(day, part.begins), datetime.combine(last, part.ends)
        if Day(f"{day:%a}".lower()) in part.days and begun(begins, at, part.zone) and not begun(ends, at, part.zone):
            return True
    return False


def any_name(names: tuple[str, ...], text: str) -> bool:
    """Match names with stars by a regular expression."""
    return any(re.fullmatch(".*".join(map(re.escape, name.split("*"))), text, re.DOTALL) for name in names)


def holds(condition: Condition, question: Question, people: frozenset[Selector]) -> bool:
    """Tell the plain way whether a condition holds: every part of it on its own, and then all of them."""
    entitlement = question.entitlement
    account = entitlement.account
    every_tag = {**account.tags, **entitlement.tags}
    return all(
        (
            not condition.entitlements or any_name(condition.entitlements, entitlement.id),
            not condition.accounts or any_name(condition.accounts, account.key),
            not condition.units or any(f"{account.unit}/".startswith(f"{unit}/") for unit in condition.units),
            condition.tags.items() <= every_tag.items(),
            not condition.permission_sets or any_name(condition.permission_sets, entitlement.permission_set),
            not condition.requesters or bool(people & set(condition.requesters)),
            condition.above is None or question.duration > condition.above,
            condition.at_most is None or question.duration <= condition.at_most,
            not condition.hours or any(inside(part, question.at) for part in condition.hours),
            condition.expression != "no",
        )
    )


def matching(listed: Sequence[Rule], question: Question, people: frozenset[Selector]) -> list[Rule]:
    """List the rules that match, deny rules first."""
    found = [
        rule
        for rule in listed
        if holds(rule.when, question, people) and not (rule.unless and holds(rule.unless, question, people))
    ]
    return sorted(found, key=lambda rule: rule.effect is not Effect.DENY)


@given(lists, questions, known)
def test_no_verdict_without_a_matching_rule(
    listed: list[Rule], question: Question, people: frozenset[Selector]
) -> None:
    """The verdict is that of the first matching rule, deny rules first, and of the own policy exactly without one."""
    found = verdict(listed, question, people)
    match = next(iter(matching(listed, question, people)), None)
    if match is None:
        assert (found.rule, found.effect, found.policy) == ("", Effect.POLICY, POLICY)
    else:
        assert (found.rule, found.effect) == (match.name, match.effect)


@given(lists, rules, st.integers(0, 8), questions, known)
def test_a_deny_rule_never_widens(
    listed: list[Rule], added: Rule, place: int, question: Question, people: frozenset[Selector]
) -> None:
    """With one more deny rule anywhere, a verdict is the same or a denial, and what was denied stays denied."""
    before = verdict(listed, question, people)
    after = verdict([*listed[:place], replace(added, effect=Effect.DENY), *listed[place:]], question, people)
    assert WIDTH[after.effect] <= WIDTH[before.effect]
    assert after == before or after.effect is Effect.DENY


@given(lists, questions, known, st.randoms(use_true_random=False))
def test_the_order_within_lists_never_matters(
    listed: list[Rule], question: Question, people: frozenset[Selector], chance: random.Random
) -> None:
    """However the people and names of a condition are ordered, or doubled, the verdict is the same."""

    def mixed(condition: Condition) -> Condition:
        def mix(values: tuple[object, ...]) -> tuple[object, ...]:
            return tuple(chance.sample(values * 2, len(values) * 2))

        lists = ("entitlements", "accounts", "units", "permission_sets", "requesters", "hours")
        return replace(condition, **{name: mix(getattr(condition, name)) for name in lists})  # type: ignore[arg-type] # fields by name

    other = [replace(r, when=mixed(r.when), unless=r.unless and mixed(r.unless)) for r in listed]
    assert verdict(other, question, people) == verdict(listed, question, people)


@given(lists, questions, known, st.randoms(use_true_random=False))
def test_the_order_of_deny_rules_never_changes_whether_it_is_denied(
    listed: list[Rule], question: Question, people: frozenset[Selector], chance: random.Random
) -> None:
    """Deny rules in any order and any place among the others deny the same, and leave the same verdict otherwise."""
    others = [rule for rule in listed if rule.effect is not Effect.DENY]
    for rule in chance.sample(listed, len(listed)):
        if rule.effect is Effect.DENY:
            others.insert(chance.randint(0, len(others)), rule)
    before, after = verdict(listed, question, people), verdict(others, question, people)
    assert after == before or after.effect is before.effect is Effect.DENY


@given(lists, questions, known)
def test_nobody_else_gains_by_a_rule_about_people(
    listed: list[Rule], question: Question, people: frozenset[Selector]
) -> None:
    """Who is in fewer groups matches no approve rule that the same person in more groups does not."""
    plain = [replace(rule, unless=None) for rule in listed if rule.effect is Effect.APPROVE]
    if verdict(plain, question, frozenset({EVERYONE})).effect is Effect.APPROVE:
        assert verdict(plain, question, people).effect is Effect.APPROVE


@given(
    st.builds(
        Hours,
        days=st.frozensets(st.sampled_from(Day), min_size=1),
        begins=QUARTERS,
        ends=QUARTERS,
        zone=st.sampled_from(ZONES),
    ),
    st.sampled_from(
        [datetime(2026, *day, tzinfo=UTC) for day in ((3, 28), (10, 24), (3, 7), (10, 31), (4, 4), (10, 3))]
    ),
    st.integers(0, 3 * 24 * 4),
)
def test_hours_are_what_the_clock_shows(part: Hours, day: datetime, quarters: int) -> None:
    """Around every change of the clock, a part of the week is what walking along the clock comes to."""
    at = day + timedelta(minutes=15 * quarters)
    assert within(part, at) is inside(part, at)


@given(QUARTERS, QUARTERS, QUARTERS, st.sampled_from(ZONES), st.integers(0, 4 * 24 * 4))
def test_parts_that_adjoin_never_overlap_and_leave_no_gap(
    first: time, second: time, third: time, zone: ZoneInfo, quarters: int
) -> None:
    """Three parts that share out the day hold every moment exactly once, over changes of the clock too."""
    marks = sorted({first, second, third})
    at = datetime(2026, 10, 23, tzinfo=UTC) + timedelta(minutes=15 * quarters)
    parts = [Hours(begins=b, ends=e, zone=zone) for b, e in zip(marks, marks[1:] + marks[:1], strict=True)]
    assert sum(within(part, at) for part in parts) == 1


@given(st.lists(st.text("ab*", max_size=6), max_size=3), st.text("ab", max_size=8))
def test_stars_stand_for_any_text(names: list[str], text: str) -> None:
    """Names match as the regular expression does that has `.*` for each star."""
    assert named(tuple(names), text) is any_name(tuple(names), text)
