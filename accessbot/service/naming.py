"""Whom a catalog names, and in which places: for whoever looks whether all of them are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from accessbot.domain.model import Selector, SelectorKind
from accessbot.domain.oncall import Rotation, UserGroup

if TYPE_CHECKING:
    from accessbot.domain.model import Catalog
    from accessbot.domain.oncall import Schedule
    from accessbot.domain.rules import Emergency, Policy, Rule


def everybody(catalog: Catalog) -> dict[Selector, tuple[str, ...]]:
    """Give every selector of a catalog with the places that name it, in words, in the catalog's order."""
    found: dict[Selector, dict[str, None]] = {}
    for place, selectors in _places(catalog):
        for one in selectors:
            found.setdefault(one, {})[place] = None
    return {one: tuple(places) for one, places in found.items()}


def in_schedule(schedule: Schedule) -> frozenset[str]:
    """Give the addresses that a rotation names itself."""
    return frozenset(one.value for _, some in _of_schedule(schedule) for one in some if one.kind is SelectorKind.USER)


def _places(catalog: Catalog) -> Iterator[tuple[str, Iterable[Selector]]]:
    yield "admins", catalog.admins
    for schedule in catalog.schedules.values():
        yield from _of_schedule(schedule)
    emergencies = {p.emergency.name: p.emergency for p in catalog.policies.values() if p.emergency is not None}
    for emergency in emergencies.values():
        yield from _of_emergency(emergency)
    for policy in catalog.policies.values():
        yield from _of_policy(policy)
    for rule in catalog.rules:
        yield from _of_rule(rule)


def _of_schedule(schedule: Schedule) -> Iterator[tuple[str, Iterable[Selector]]]:
    source = schedule.source
    if isinstance(source, Rotation):
        yield f"rotation of schedule “{schedule.name}”", source.people
        yield f"overrides of schedule “{schedule.name}”", (override.who for override in source.overrides)
    elif isinstance(source, UserGroup):
        yield f"schedule “{schedule.name}”", (Selector(SelectorKind.SLACK_USERGROUP, source.id),)


def _of_emergency(emergency: Emergency) -> Iterator[tuple[str, Iterable[Selector]]]:
    yield f"eligible of emergency policy “{emergency.name}”", emergency.eligible
    yield f"owners of emergency policy “{emergency.name}”", emergency.owners


def _of_policy(policy: Policy) -> Iterator[tuple[str, Iterable[Selector]]]:
    yield f"requesters of policy “{policy.name}”", policy.requesters
    for step in policy.steps:
        where = f"of policy “{policy.name}”" if not step.name else f"of step “{step.name}” of policy “{policy.name}”"
        yield f"approvers {where}", step.approvers
        yield f"tell {where}", step.told
        yield f"escalate {where}", step.escalation


def _of_rule(rule: Rule) -> Iterator[tuple[str, Iterable[Selector]]]:
    yield f"when of rule “{rule.name}”", rule.when.requesters
    if rule.unless is not None:
        yield f"unless of rule “{rule.name}”", rule.unless.requesters
    yield f"tell of rule “{rule.name}”", rule.told
