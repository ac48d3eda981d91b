"""Policies, rules and people for the tests of how requests are decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from accessbot.domain.durations import parse_duration
from accessbot.domain.model import Click, ClickAction, Request, Selector, SelectorKind
from accessbot.domain.rules import Condition, Effect, Policy, Rule, Step
from accessbot.service import asking, pressing
from tests.support import company
from tests.support.company import email, slack_id
from tests.support.world import World

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
MANAGER = Selector(SelectorKind.MANAGER)


def user(name: str) -> Selector:
    """Select one person."""
    return Selector(SelectorKind.USER, email(name))


def under(world: World, name: str = "production-admin", **given: Any) -> Policy:  # noqa: ANN401 - any field of a policy
    """Have an entitlement decided by a changed policy, and give that."""
    old = world.catalog.now
    changed = replace(old.entitlements[name].policy, **given)
    catalog = company.having(old, replace(old.entitlements[name], policy=changed))
    world.catalog.now = replace(catalog, policies=MappingProxyType({**old.policies, changed.name: changed}))
    return changed


def ruled(world: World, *rules: Rule) -> None:
    """Have the catalog hold these rules."""
    world.catalog.now = replace(world.catalog.now, rules=rules)


def denies(name: str = "closed", reason: str = "Production is closed.", **when: Any) -> Rule:  # noqa: ANN401 - as above
    """Make a deny rule."""
    return Rule(name=name, effect=Effect.DENY, reason=reason, when=Condition(**when))


def approves(name: str = "at once", **when: Any) -> Rule:  # noqa: ANN401 - as above
    """Make a rule that approves."""
    return Rule(name=name, effect=Effect.APPROVE, when=Condition(**when), told=(company.LEADS,))


def two_steps(**given: Any) -> tuple[Step, ...]:  # noqa: ANN401 - as above
    """Make a manager's step, then one of the leads."""
    return (
        Step(name="manager", approvers=(MANAGER,)),
        Step(name="leads", approvers=(company.LEADS, company.CTO), **given),
    )


def ask(world: World, who: str = "maya", duration: str = "1h", **given: Any) -> Request:  # noqa: ANN401 - as above
    """Ask, let the workers look at it, and give the request as it is then."""
    given = {"entitlement": "production-admin", "reason": "INC-42", **given}
    asked = asking.ask(
        world.ctx, ask_id=world.unique(), requester=slack_id(who), duration=parse_duration(duration), **given
    )
    world.run_until_idle()
    return world.request(asked)


def press(world: World, who: str, action: ClickAction, subject: Request, **given: Any) -> Click:  # noqa: ANN401 - as above
    """Press, and let the workers do all that follows."""
    click = pressing.press(
        world.ctx, press_id=world.unique(), action=action, subject=subject.id, actor=slack_id(who), **given
    )
    world.run_until_idle()
    return click


def told(world: World, who: str) -> str:
    """Give the last sentence that somebody was answered with."""
    return world.notifier.answers(slack_id(who))[-1]
