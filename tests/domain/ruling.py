"""Questions and rules for the tests of verdicts; every field can be given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

from accessbot.domain.model import Account, Identity, Selector, SelectorKind
from accessbot.domain.rules import Condition, Day, Effect, Hours, Rule
from accessbot.domain.verdicts import Question, Verdict, judge
from tests.domain.examples import ENTITLEMENT, HOUR, NOW

STOCKHOLM = ZoneInfo("Europe/Stockholm")
ONCALL = Selector(SelectorKind.ON_CALL, "payments")
SRE = Selector(SelectorKind.GROUP, "sre@example.com")
MAYA = Selector(SelectorKind.USER, "maya@example.com")
NOAH = Selector(SelectorKind.USER, "noah@example.com")
ASKER = Identity(slack="U_MAYA", name="Maya", email="maya@example.com", google_id="1001")
PRODUCTION = replace(
    ENTITLEMENT,
    account=Account(
        key="production",
        id="111122223333",
        name="Production",
        unit="prod/payments",
        tags={"env": "production", "risk": "medium"},
    ),
    tags={"risk": "high"},
)
WEEKEND = Hours(days=frozenset({Day.SAT, Day.SUN}), zone=STOCKHOLM)
NIGHT = Hours(begins=time(22), ends=time(6), zone=STOCKHOLM)

Evaluate = Callable[[str, Mapping[str, object]], bool]


def a_question(**given: Any) -> Question:  # noqa: ANN401 - whatever field a test is about
    """Give a question for an hour of an administrator's access to production, on a Tuesday at 11 in Stockholm."""
    return replace(Question(entitlement=PRODUCTION, duration=HOUR, requester=ASKER, at=NOW, reason="OPS-1"), **given)


def a_rule(effect: Effect = Effect.APPROVE, **given: Any) -> Rule:  # noqa: ANN401 - whatever a test is about
    """Give a rule; what belongs to its condition goes there."""
    fields: dict[str, Any] = {"name": "rule"}
    for key in ("name", "unless", "reason", "policy", "ticket", "told"):
        if key in given:
            fields[key] = given.pop(key)
    return Rule(effect=effect, when=Condition(**given), **fields)


def among(*selectors: Selector) -> Callable[[Selector], bool]:
    """Give a look-up that finds the requester in these."""
    return lambda selector: selector in selectors


def nobody(selector: Selector) -> bool:
    """Stand for a look-up that must not happen."""
    raise AssertionError(f"{selector} was looked up")


def unasked(expression: str, _: Mapping[str, object]) -> bool:
    """Stand for an evaluation that must not happen."""
    raise AssertionError(f"{expression} was evaluated")


def judged(
    *rules: Rule,
    question: Question | None = None,
    holds: Callable[[Selector], bool] = nobody,
    evaluate: Evaluate = unasked,
) -> Verdict:
    """Give the verdict of the rules."""
    return judge(rules, question or a_question(), holds, evaluate)
