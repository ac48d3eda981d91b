"""How long a verdict takes under many rules, for any of many entitlements."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from statistics import median
from zoneinfo import ZoneInfo

from accessbot.adapters.cel_expressions import CelExpressions
from accessbot.domain.model import Account, Entitlement, Identity, Selector, SelectorKind
from accessbot.domain.rules import Condition, Day, Effect, Hours, Policy, Rule, Step
from accessbot.domain.verdicts import Question, judge
from bench.figures import percentiles, plain

_GROUP = Selector(SelectorKind.GROUP, "sre@example.com")
_ON_CALL = Selector(SelectorKind.ON_CALL, "payments")
_ZONE = ZoneInfo("Europe/Stockholm")
_WEEKEND = (Hours(days=frozenset({Day.SAT, Day.SUN}), zone=_ZONE), Hours(begins=clock(22), ends=clock(6), zone=_ZONE))
_ASKER = Identity(slack="U04K000001", name="Maya", email="maya@example.com", google_id="1001")
_NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
_PER_ACCOUNT = 50


def entitlements(many: int) -> list[Entitlement]:
    """Make up entitlements in accounts of fifty, with units and tags."""
    policy = Policy(
        name="usual",
        requesters=(_GROUP,),
        steps=(Step(approvers=(_GROUP,)),),
        default_duration=timedelta(hours=1),
        max_duration=timedelta(hours=8),
    )
    made = []
    for number in range(many):
        at, own = divmod(number, _PER_ACCOUNT)
        account = Account(
            key=f"account-{at:04d}",
            id=f"{900_000_000_000 + at}",
            name=f"Account {at}",
            unit=f"prod/team-{at % 20}",
            tags={"env": "production" if at % 2 else "staging"},
        )
        made.append(
            Entitlement(
                id=f"{account.key}-set-{own}",
                account=account,
                permission_set=f"PermissionSet{own}",
                group=f"aws-bench-{number}@example.com",
                identity_center_group=None,
                policy=policy,
                description="",
            )
        )
    return made


def rules(many: int) -> list[Rule]:
    """Make up rules of every kind, of which none matches, so that each is looked at for every verdict."""
    kinds = (
        Condition(entitlements=("account-*-other-*", "legacy-*"), requesters=(_GROUP,)),
        Condition(accounts=("production", "staging", "legacy-*")),
        Condition(units=("sandbox", "prod/team-99"), above=timedelta(hours=4)),
        Condition(tags={"env": "sandbox"}, requesters=(_ON_CALL,)),
        Condition(permission_sets=("Administrator*", "*Billing*")),
        Condition(at_most=timedelta(minutes=5), requesters=(_ON_CALL,)),
        Condition(hours=_WEEKEND),
        Condition(requesters=(_ON_CALL,)),
        Condition(expression='requester.email.endsWith("@contractor.example.com")'),
        Condition(expression='duration > duration("6h") && account.unit.startsWith("prod/")'),
    )
    effects = (Effect.DENY, Effect.APPROVE, Effect.POLICY)
    return [Rule(name=f"rule {n}", effect=effects[n % 3], when=kinds[n % len(kinds)]) for n in range(many)]


def judged(some: list[Entitlement], listed: list[Rule]) -> list[float]:
    """Judge each of the entitlements once; give the seconds that each took."""
    expressions, took = CelExpressions(), []
    for entitlement in some:
        question = Question(entitlement=entitlement, duration=timedelta(hours=1), requester=_ASKER, at=_NOW)
        began = time.perf_counter()
        verdict = judge(listed, question, lambda selector: selector == _GROUP, expressions.holds)
        took.append(time.perf_counter() - began)
        assert verdict.rule == ""
    return took


def run(many: int = 10_000, ruled: int = 200) -> list[str]:
    """Judge every one of many entitlements under many rules and under one, with look-ups that take no time."""
    some = entitlements(many)
    listed = rules(ruled)
    # The tenth kind has an expression: one rule that costs as much as a rule can.
    under_one, under_all = judged(some, listed[9:10] or listed[:1]), judged(some, listed)
    ratio = median(under_all) / median(under_one)
    return [
        f"{many} entitlements, {ruled} rules of ten kinds of which none matches; people are looked up in no time",
        percentiles("a verdict under all rules", under_all, "≤ 5 ms"),
        percentiles("a verdict under one rule", under_one),
        plain("all rules in times of one", f"{ratio:6.1f}"),
    ]
