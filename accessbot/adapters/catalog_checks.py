"""What a catalog must not come to, whatever its single lines say: nobody who decides, or everybody who may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from accessbot.adapters.catalog_fields import Mistakes
from accessbot.domain.model import Selector, SelectorKind
from accessbot.domain.oncall import Rotation, Schedule
from accessbot.domain.rules import Policy, Step


def expression(text: str) -> str | None:
    """Tell what is wrong with a CEL expression, as the end of a sentence."""
    from accessbot.adapters import cel_expressions  # noqa: PLC0415 - a catalog without expressions starts without it

    return cel_expressions.check(text)


def pattern(text: str) -> str | None:
    """Tell what is wrong with a regular expression, as the end of a sentence."""
    from accessbot.adapters import cel_expressions  # noqa: PLC0415 - a catalog without patterns starts without it

    return cel_expressions.check_pattern(text)


# --- policies that nobody can decide ----------------------------------------------------------------------------------


def undecidable(policy: Policy, schedules: Mapping[str, object]) -> str:
    """Give the end of a sentence that tells why nobody could ever decide by a policy; "" when somebody can."""
    found = _short_of(policy, schedules, frozenset())
    if found or any(one.kind is not SelectorKind.USER for one in policy.requesters):
        return found
    each = [_short_of(policy, schedules, frozenset({one.value})) for one in policy.requesters]
    if not all(each):
        return ""
    return f"{each[0].rstrip('.')} beside who asks, and nobody decides on their own request."


def _short_of(policy: Policy, schedules: Mapping[str, object], without: frozenset[str]) -> str:
    """Tell which steps take more people than they name; those who are `without` do not count."""
    for step in policy.steps:
        people = _people(step, schedules, at_once=True)
        if people is not None and len(people - without) < step.approvals:
            return _too_few((step,), len(people - without))
    if not policy.distinct:
        return ""
    counted = [(step, people) for step in policy.steps if (people := _people(step, schedules)) is not None]
    for size in range(2, len(counted) + 1):
        for some in combinations(counted, size):
            everybody = frozenset[str]().union(*(people for _, people in some)) - without
            if len(everybody) < sum(step.approvals for step, _ in some):
                return _too_few([step for step, _ in some], len(everybody))
    return ""


def _people(step: Step, schedules: Mapping[str, object], *, at_once: bool = False) -> frozenset[str] | None:
    """Give those who can decide in a step, if it is known how many at most; None if it is not.

    A requester has one manager, and at any time one person is on call in a rotation, if more over time.
    """
    found: set[str] = set()
    for one in step.deciders:
        if one.kind is SelectorKind.USER:
            found.add(one.value)
        elif one.kind is SelectorKind.MANAGER or (at_once and _is_one_at_a_time(one, schedules)):
            found.add(str(one))
        else:
            return None
    return frozenset(found)


def _is_one_at_a_time(one: Selector, schedules: Mapping[str, object]) -> bool:
    schedule = schedules.get(one.value) if one.kind is SelectorKind.ON_CALL else None
    return isinstance(schedule, Schedule) and isinstance(schedule.source, Rotation)


def _too_few(steps: Sequence[Step], people: int) -> str:
    takes = sum(step.approvals for step in steps)
    there_are = "there is 1 approver" if people == 1 else f"there are {people} approvers"
    names = [f"“{step.name}”" for step in steps if step.name]
    if len(steps) == 1:
        within = f" in its step {names[0]}" if names else ""
        return f"takes {takes} approval{'s' if takes > 1 else ''}{within}, but {there_are}."
    within = f"steps {' and '.join(names)}" if len(names) == len(steps) else f"{len(steps)} of its steps"
    return f"takes {takes} distinct people in {within} together, but {there_are}."


# --- groups into which people can be granted --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Approvers:
    """All who may decide by one policy, each with its line, and the groups it allows although they are mapped."""

    deciders: tuple[tuple[Selector, int], ...]
    allowed: frozenset[str]


def refuse_mapped(
    policies: Mapping[str, Approvers],
    schedules: Mapping[str, Schedule | None],
    mapped: Iterable[str],
    allow: str,
    mistakes: Mistakes,
) -> None:
    """Refuse approver groups that people can be granted into, as a grant would then make an approver."""
    granted = frozenset(mapped)
    for name, approvers in policies.items():
        for one, line in approvers.deciders:
            group = _group_of(one, schedules)
            if group not in granted or group in approvers.allowed:
                continue
            if one.kind is SelectorKind.GROUP:
                mistakes.add(
                    line,
                    f"policy “{name}” lets {group} approve, but an entitlement maps that group, so a grant would make "
                    f"approvers; name another, or list group:{group} under {allow}.",
                )
            else:
                mistakes.add(
                    line,
                    f"policy “{name}” lets {one} approve, whose rotation takes turns in {group}, but an entitlement "
                    "maps that group, so a grant would make approvers; let another group take turns.",
                )


def _group_of(one: Selector, schedules: Mapping[str, Schedule | None]) -> str:
    """Give the Google group that a selector counts on, "" if it is none."""
    if one.kind is SelectorKind.GROUP:
        return one.value
    schedule = schedules.get(one.value) if one.kind is SelectorKind.ON_CALL else None
    if schedule is None or not isinstance(schedule.source, Rotation):
        return ""
    return next((who.value for who in schedule.source.people if who.kind is SelectorKind.GROUP), "")
