"""What a catalog's rules come to: every kind of condition, every effect, and the order in which they count."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from accessbot.domain.errors import Refused, Unavailable
from accessbot.domain.model import Account, Selector
from accessbot.domain.rules import Condition, Day, Effect, Hours, Policy, Rule, Ticket
from accessbot.domain.verdicts import Look, looks, variables, within
from tests.domain.examples import EVERYONE, HOUR, LEADS, NOW, POLICY, a_policy
from tests.domain.ruling import (
    ASKER,
    MAYA,
    NIGHT,
    NOAH,
    ONCALL,
    PRODUCTION,
    SRE,
    STOCKHOLM,
    WEEKEND,
    a_question,
    a_rule,
    among,
    judged,
    nobody,
    unasked,
)

MINUTE = timedelta(minutes=1)
TWO = a_policy(name="two-people")
OPS = Ticket(pattern=r"OPS-\d+")
CHANGE = Ticket(pattern=r"CHG-\d+")
AWAY = Unavailable("Google", "members.hasMember", "Google is down.")
SATURDAY = datetime(2026, 11, 28, 10, tzinfo=UTC)


def away(_: Selector) -> bool:
    """Stand for a look-up while Google is down."""
    raise AWAY


CONDITIONS: dict[str, tuple[dict[str, Any], bool]] = {
    "its id": ({"entitlements": ("production-admin",)}, True),
    "another id": ({"entitlements": ("production-readonly",)}, False),
    "one of several ids": ({"entitlements": ("a", "production-admin")}, True),
    "a star at the end": ({"entitlements": ("production-*",)}, True),
    "a star at the start": ({"entitlements": ("*-admin",)}, True),
    "a star within": ({"entitlements": ("prod*admin",)}, True),
    "a star for nothing": ({"entitlements": ("production*-admin",)}, True),
    "two stars": ({"entitlements": ("*duct*min",)}, True),
    "pieces in another order": ({"entitlements": ("*min*duct*",)}, False),
    "pieces that would overlap": ({"entitlements": ("production-ad*admin",)}, False),
    "a star of another name": ({"entitlements": ("staging-*",)}, False),
    "a lone star": ({"entitlements": ("*",)}, True),
    "signs of regular expressions": ({"entitlements": ("production.admin", "production-admi[n]")}, False),
    "an id in other case": ({"entitlements": ("Production-Admin",)}, False),
    "its account": ({"accounts": ("production",)}, True),
    "accounts by a star": ({"accounts": ("prod*",)}, True),
    "another account": ({"accounts": ("staging",)}, False),
    "the account's number is not its key": ({"accounts": ("111122223333",)}, False),
    "its unit": ({"units": ("prod/payments",)}, True),
    "the unit above": ({"units": ("prod",)}, True),
    "a unit with a name that begins alike": ({"units": ("pro", "prod/pay")}, False),
    "a unit below": ({"units": ("prod/payments/eu",)}, False),
    "a tag of its own": ({"tags": {"risk": "high"}}, True),
    "the account's tag beneath its own": ({"tags": {"risk": "medium"}}, False),
    "a tag of the account": ({"tags": {"env": "production"}}, True),
    "all tags": ({"tags": {"env": "production", "risk": "high"}}, True),
    "one tag of two": ({"tags": {"env": "production", "team": "payments"}}, False),
    "a tag that nobody has": ({"tags": {"team": ""}}, False),
    "its permission set": ({"permission_sets": ("AdministratorAccess",)}, True),
    "permission sets by a star": ({"permission_sets": ("Administrator*",)}, True),
    "a permission set in other case": ({"permission_sets": ("administrator*",)}, False),
    "above less": ({"above": 59 * MINUTE}, True),
    "above the very duration": ({"above": HOUR}, False),
    "at most the very duration": ({"at_most": HOUR}, True),
    "at most less": ({"at_most": 59 * MINUTE}, False),
    "between": ({"above": 59 * MINUTE, "at_most": 61 * MINUTE}, True),
    "the requester": ({"requesters": (MAYA,)}, True),
    "somebody else": ({"requesters": (NOAH,)}, False),
    "everyone": ({"requesters": (EVERYONE,)}, True),
    "any of several people": ({"requesters": (NOAH, SRE)}, True),
    "on call": ({"requesters": (ONCALL,)}, False),
    "hours of today": ({"hours": (Hours(days=frozenset({Day.TUE}), zone=STOCKHOLM),)}, True),
    "hours of the weekend": ({"hours": (WEEKEND,)}, False),
    "hours of the night": ({"hours": (NIGHT,)}, False),
    "any of several hours": ({"hours": (WEEKEND, Hours(begins=time(11), ends=time(12), zone=STOCKHOLM))}, True),
    "hours by another clock": ({"hours": (Hours(begins=time(11), ends=time(12), zone=ZoneInfo("UTC")),)}, False),
    "an expression that gives true": ({"expression": "true"}, True),
    "an expression that gives false": ({"expression": "false"}, False),
    "all of several conditions": ({"accounts": ("production",), "at_most": HOUR, "requesters": (SRE,)}, True),
    "all but the last of several": ({"accounts": ("production",), "at_most": HOUR, "requesters": (NOAH,)}, False),
    "all but the first of several": ({"accounts": ("staging",), "at_most": HOUR, "requesters": (SRE,)}, False),
}


@pytest.mark.parametrize(("when", "matches"), CONDITIONS.values(), ids=CONDITIONS)
@pytest.mark.parametrize("effect", [Effect.DENY, Effect.APPROVE])
def test_a_condition(when: dict[str, Any], matches: bool, effect: Effect) -> None:  # noqa: FBT001 - a row's outcome
    """A rule matches exactly when everything in its condition holds, whatever it comes to."""
    verdict = judged(
        a_rule(effect, **when), holds=among(MAYA, SRE, EVERYONE), evaluate=lambda expression, _: expression == "true"
    )
    assert (verdict.rule, verdict.effect) == (("rule", effect) if matches else ("", Effect.POLICY))


DENY = a_rule(Effect.DENY, name="closed", reason="Closed.", accounts=("*",))
DENY_TOO = a_rule(Effect.DENY, name="closed too", reason="Also closed.", accounts=("*",))
APPROVE = a_rule(name="at once", accounts=("*",), told=(LEADS,), ticket=OPS)
OTHER_POLICY = a_rule(Effect.POLICY, name="two", policy=TWO, accounts=("*",), ticket=OPS)
SAME = a_rule(Effect.POLICY, name="same", accounts=("*",), ticket=OPS)
MISSES = a_rule(name="misses", accounts=("staging",))

ORDERS: dict[
    str, tuple[tuple[Rule, ...], tuple[Effect, str, Policy, str, tuple[Ticket, ...], tuple[Selector, ...]]]
] = {
    "no rule": ((), (Effect.POLICY, "", POLICY, "", (), ())),
    "no rule that matches": ((MISSES,), (Effect.POLICY, "", POLICY, "", (), ())),
    "a deny rule": ((DENY,), (Effect.DENY, "closed", POLICY, "Closed.", (), ())),
    "a deny rule after others": ((APPROVE, SAME, DENY), (Effect.DENY, "closed", POLICY, "Closed.", (), ())),
    "the first of two deny rules": ((DENY, DENY_TOO), (Effect.DENY, "closed", POLICY, "Closed.", (), ())),
    "an approve rule": ((APPROVE,), (Effect.APPROVE, "at once", POLICY, "", (OPS,), (LEADS,))),
    "an approve rule, whatever policy it names": (
        (replace(APPROVE, policy=TWO),),
        (Effect.APPROVE, "at once", POLICY, "", (OPS,), (LEADS,)),
    ),
    "the first of two others": ((OTHER_POLICY, APPROVE), (Effect.POLICY, "two", TWO, "", (OPS,), ())),
    "the first that matches": ((MISSES, SAME, APPROVE), (Effect.POLICY, "same", POLICY, "", (OPS,), ())),
}


@pytest.mark.parametrize(("rules", "expected"), ORDERS.values(), ids=ORDERS)
def test_an_order(rules: tuple[Rule, ...], expected: tuple[object, ...]) -> None:
    """Deny rules are looked at first and win, of the others the first match decides, else the entitlement's policy."""
    found = judged(*rules)
    assert (found.effect, found.rule, found.policy, found.reason, found.tickets, found.told) == expected


def test_the_policys_ticket_comes_before_the_rules_and_the_same_is_asked_for_once() -> None:
    """A rule's ticket is asked for beside the one of the policy that decides, and an equal one only once."""
    asking = replace(PRODUCTION, policy=a_policy(ticket=CHANGE))
    both = (CHANGE, OPS)
    question = a_question(entitlement=asking)
    assert judged(question=question).tickets == (CHANGE,)
    assert judged(APPROVE, question=question).tickets == both
    assert judged(SAME, question=question).tickets == both
    assert judged(OTHER_POLICY, question=question).tickets == (OPS,)
    assert judged(replace(SAME, ticket=CHANGE), question=question).tickets == (CHANGE,)
    assert judged(DENY, question=question).tickets == ()


def test_what_decides_is_said_in_words() -> None:
    """A verdict names for people the rule that matched, or the policy where none did."""
    assert judged(APPROVE).said == "rule “at once”"
    assert judged().said == "policy “sensitive”"


UNLESS: dict[str, tuple[Condition, bool]] = {
    "it does not hold": (Condition(accounts=("staging",)), True),
    "it holds": (Condition(accounts=("production",)), False),
    "the requester is no exception": (Condition(requesters=(NOAH,)), True),
    "the requester is an exception": (Condition(requesters=(SRE,)), False),
    "an expression makes the exception": (Condition(expression="true"), False),
    "an expression makes none": (Condition(expression="false"), True),
    "an expression makes none for this requester": (Condition(expression="false", requesters=(SRE,)), True),
    "a part of it holds": (Condition(requesters=(SRE,), at_most=MINUTE), True),
    "all of it holds": (Condition(requesters=(SRE,), at_most=HOUR), False),
}


@pytest.mark.parametrize(("unless", "matches"), UNLESS.values(), ids=UNLESS)
def test_an_exception(unless: Condition, matches: bool) -> None:  # noqa: FBT001 - a row's outcome
    """A rule does not match where its `unless` holds, all of it."""
    rule = replace(DENY, unless=unless)
    found = judged(rule, holds=among(SRE), evaluate=lambda expression, _: expression == "true")
    assert found.effect is (Effect.DENY if matches else Effect.POLICY)


@pytest.mark.parametrize(
    "rule",
    [
        a_rule(Effect.DENY, requesters=(SRE,)),
        a_rule(Effect.DENY, accounts=("production",), unless=Condition(requesters=(SRE,))),
        a_rule(requesters=(NOAH, SRE)),
        a_rule(Effect.POLICY, requesters=(ONCALL,), ticket=OPS),
    ],
    ids=["deny", "the exception of a deny", "approve", "policy"],
)
def test_a_rule_that_cannot_be_judged_gives_no_verdict(rule: Rule) -> None:
    """A look-up that fails is neither a yes nor a no, even where a later rule or the policy would decide."""
    with pytest.raises(Unavailable):
        judged(rule, APPROVE, holds=away)


def test_an_expression_that_fails_names_its_rule() -> None:
    """A refusal out of an expression says which rule of the catalog it belongs to."""

    def fail(_: str, __: object) -> bool:
        raise Refused("It divides by zero.")

    with pytest.raises(Refused, match=r"The rule “odd” cannot be judged, .*: It divides by zero\."):
        judged(a_rule(name="odd", expression="1/0 == 1"), evaluate=fail)


@pytest.mark.parametrize(
    "when",
    [
        {"entitlements": ("staging-*",)},
        {"accounts": ("staging",)},
        {"units": ("staging",)},
        {"tags": {"risk": "low"}},
        {"permission_sets": ("ReadOnly*",)},
        {"above": HOUR},
        {"at_most": MINUTE},
        {"hours": (WEEKEND,)},
        {"accounts": ("production",), "unless": Condition(accounts=("production",))},
    ],
    ids=lambda when: next(iter(reversed(when))),
)
def test_what_costs_nothing_rules_out_before_anybody_is_asked(when: dict[str, Any]) -> None:
    """A rule that is ruled out by its names, tags, duration or hours asks nobody, so no outage matters to it."""
    rule = a_rule(Effect.DENY, requesters=(SRE,), expression="true", **when)
    assert judged(rule, holds=nobody, evaluate=unasked).rule == ""


def test_an_expression_that_gives_false_spares_the_look_up() -> None:
    """People are looked up last of all."""
    assert judged(a_rule(requesters=(SRE,), expression="false"), evaluate=lambda *_: False, holds=nobody).rule == ""


def test_an_exception_that_cannot_apply_asks_nobody() -> None:
    """An `unless` that its own names rule out is not looked up, and the rule matches."""
    unless = Condition(requesters=(ONCALL,), accounts=("staging",))
    assert judged(replace(DENY, unless=unless), holds=nobody).rule == "closed"


def test_rules_after_the_one_that_decides_are_not_looked_at() -> None:
    """A rule that cannot be judged does not matter where an earlier one has decided."""
    assert judged(DENY, a_rule(Effect.DENY, requesters=(SRE,)), holds=away).rule == "closed"


def test_looks_tell_the_first_condition_that_failed() -> None:
    """Every rule in the order in which it counts, with why it does not match; "" for one that does."""
    rules = (
        MISSES,
        a_rule(name="short", accounts=("production",), at_most=MINUTE),
        a_rule(name="people", requesters=(NOAH,)),
        a_rule(Effect.DENY, name="weekend", hours=(WEEKEND,), requesters=(SRE,)),
        replace(DENY, unless=Condition(requesters=(MAYA,))),
        APPROVE,
    )
    found = list(looks(rules, a_question(), among(MAYA), unasked))
    assert [(look.rule.name, look.missed) for look in found] == [
        ("weekend", "hours"),
        ("closed", "unless"),
        ("misses", "accounts"),
        ("short", "duration"),
        ("people", "requesters"),
        ("at once", ""),
    ]
    assert found[-1].matches
    assert not Look(MISSES, "accounts").matches


def test_an_account_without_a_unit_is_in_none() -> None:
    """A rule about a unit leaves alone what has none."""
    bare = replace(PRODUCTION, account=Account(key="production", id="111122223333", name="Production"))
    assert judged(a_rule(Effect.DENY, units=("prod",)), question=a_question(entitlement=bare)).rule == ""


def test_expressions_know_what_is_asked_for() -> None:
    """An expression sees who asks for what and when, and an entitlement's tags with its account's beneath them."""
    seen: list[object] = []

    def evaluate(_: str, given: object) -> bool:
        seen.append(given)
        return False

    judged(a_rule(expression="a"), a_rule(Effect.DENY, expression="b"), evaluate=evaluate)
    assert seen[0] is seen[1]
    assert seen[0] == {
        "requester": {"email": "maya@example.com", "slack": "U_MAYA"},
        "entitlement": {"id": "production-admin", "tags": {"env": "production", "risk": "high"}},
        "account": {
            "key": "production",
            "id": "111122223333",
            "name": "Production",
            "unit": "prod/payments",
            "tags": {"env": "production", "risk": "medium"},
        },
        "permission_set": "AdministratorAccess",
        "duration": HOUR,
        "now": NOW,
        "emergency": False,
        "reason": "OPS-1",
    }
    assert variables(a_question(requester=replace(ASKER, email="x@example.com"), emergency=True))["emergency"] is True


def stockholm(text: str) -> datetime:
    """Read a wall clock in Stockholm, `+` for what it shows the second time."""
    second = text.endswith("+")
    return datetime.fromisoformat(text.rstrip("+")).replace(tzinfo=STOCKHOLM, fold=int(second)).astimezone(UTC)


EARLY = Hours(begins=time(1), ends=time(2, 30), zone=STOCKHOLM)
LATE = Hours(begins=time(2, 30), ends=time(4), zone=STOCKHOLM)
FRIDAY_NIGHT = replace(NIGHT, days=frozenset({Day.FRI}))
SUNDAY_NIGHT = replace(NIGHT, days=frozenset({Day.SUN}))
FROM_NINE = Hours(days=frozenset({Day.MON}), begins=time(9), ends=time(9), zone=STOCKHOLM)

HOURS: dict[str, tuple[Hours, str, bool]] = {
    "the weekend has not begun": (WEEKEND, "2026-11-27T23:59:59", False),
    "the weekend begins at local midnight": (WEEKEND, "2026-11-28T00:00", True),
    "the weekend lasts to its last second": (WEEKEND, "2026-11-29T23:59:59", True),
    "the week begins at local midnight": (WEEKEND, "2026-11-30T00:00", False),
    "before a night": (NIGHT, "2026-11-24T21:59:59", False),
    "a night begins": (NIGHT, "2026-11-24T22:00", True),
    "a night goes over midnight": (NIGHT, "2026-11-25T05:59:59", True),
    "a night ends": (NIGHT, "2026-11-25T06:00", False),
    "Friday's night goes on in Saturday's morning": (FRIDAY_NIGHT, "2026-11-28T03:00", True),
    "Friday's morning belongs to Thursday's night": (FRIDAY_NIGHT, "2026-11-27T03:00", False),
    "Saturday's night is not Friday's": (FRIDAY_NIGHT, "2026-11-28T23:00", False),
    "Sunday's night goes on in the next week": (SUNDAY_NIGHT, "2026-11-30T03:00", True),
    "the same begin and end are a whole day": (FROM_NINE, "2026-11-30T09:00", True),
    "which goes on to the next one's morning": (FROM_NINE, "2026-12-01T08:59:59", True),
    "and no longer": (FROM_NINE, "2026-12-01T09:00", False),
    "nor begins it earlier": (FROM_NINE, "2026-11-30T08:59:59", False),
    "autumn: before what is shown twice": (EARLY, "2026-10-25T02:00", True),
    "autumn: it ends when the clock first shows its end": (EARLY, "2026-10-25T02:30", False),
    "autumn: and does not begin again": (EARLY, "2026-10-25T02:15+", False),
    "autumn: what adjoins has begun by then": (LATE, "2026-10-25T02:15+", True),
    "autumn: it lasts to its end": (LATE, "2026-10-25T03:59:59", True),
    "autumn: a night is one hour longer": (NIGHT, "2026-10-25T02:30+", True),
    "spring: the last second before the gap": (EARLY, "2026-03-29T01:59:59", True),
    "spring: what ends in the gap ends with it": (EARLY, "2026-03-29T03:00", False),
    "spring: what begins in the gap begins after it": (LATE, "2026-03-29T03:00", True),
    "spring: a night ends on time": (NIGHT, "2026-03-29T06:00", False),
}


@pytest.mark.parametrize(("hours", "at", "inside"), HOURS.values(), ids=HOURS)
def test_hours(hours: Hours, at: str, inside: bool) -> None:  # noqa: FBT001 - a row's outcome
    """Hours follow the clock of their zone over midnights, weeks and changes of the clock."""
    assert within(hours, stockholm(at)) is inside


def test_a_verdict_follows_the_clock() -> None:
    """The same question is denied on the weekend and not before."""
    rule = a_rule(Effect.DENY, hours=(WEEKEND,))
    assert judged(rule, question=a_question(at=SATURDAY)).effect is Effect.DENY
    assert judged(rule, question=a_question(at=SATURDAY - timedelta(days=1))).effect is Effect.POLICY
