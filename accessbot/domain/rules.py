"""What a catalog says about asking and deciding: policies with their steps, rules with their conditions. Plain data.

How they are judged is in `verdicts`; nothing here looks anything up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from accessbot.domain.model import Selector


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One round of decisions: who may decide, and how many distinct people it takes.

    `told` are those who are pinged when the step begins; they need not be all who may decide. After `timeout` without
    enough approvals those in `escalation` may decide too and are pinged; after another `timeout` the request expires.
    """

    name: str = ""
    approvers: tuple[Selector, ...]
    approvals: int = 1
    told: tuple[Selector, ...] = ()
    timeout: timedelta | None = None
    escalation: tuple[Selector, ...] = ()

    @property
    def deciders(self) -> tuple[Selector, ...]:
        """List all who may ever decide in this step, escalation included."""
        return tuple(dict.fromkeys((*self.approvers, *self.escalation)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket that the reason has to name.

    `pattern` is a regular expression (CEL's, which is RE2: it cannot blow up) that has to be found in the reason; what
    it finds is the ticket. `check` is an address that is asked, "" for none, and has to allow it within `timeout`.
    """

    pattern: str
    check: str = ""
    timeout: timedelta = timedelta(seconds=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """A policy for emergency access: approved at once, for a shorter time, told loudly and reviewed afterwards.

    `incident` is the pattern of the incident's reference, which the reason has to name. After `most` emergencies of one
    person within `within` the next one goes the normal way. `owners` are told, and one of them (never the holder)
    closes the review; they are reminded every `remind`.
    """

    name: str
    eligible: tuple[Selector, ...]
    owners: tuple[Selector, ...]
    incident: str
    default_duration: timedelta
    max_duration: timedelta
    most: int = 3
    within: timedelta = timedelta(days=7)
    remind: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Who may ask, who decides in which steps, and for how long.

    `durations` are the only ones offered and taken, () for any up to the maximum. `per_day` bounds a person's total on
    one entitlement within 24 hours; after an end `cool_down` has to pass. With `distinct` nobody counts in two steps.
    """

    name: str
    requesters: tuple[Selector, ...]
    steps: tuple[Step, ...]
    default_duration: timedelta
    max_duration: timedelta
    durations: tuple[timedelta, ...] = ()
    per_day: timedelta | None = None
    cool_down: timedelta = timedelta(0)
    distinct: bool = True
    delegation: bool = True
    ticket: Ticket | None = None
    emergency: Emergency | None = None

    @property
    def approvers(self) -> tuple[Selector, ...]:
        """List all who may decide in any step, in order."""
        return tuple(dict.fromkeys(one for step in self.steps for one in step.deciders))

    @property
    def approvals(self) -> int:
        """Count the approvals that all steps take together."""
        return sum(step.approvals for step in self.steps)


class Day(StrEnum):
    """A day of the week, as catalogs write it; in the order of `datetime.weekday`."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """A part of the week in a time zone: on these `days`, from `begins` up to but not at `ends`.

    With `ends` at or before `begins` it goes on over midnight, and belongs to the day on which it began.
    """

    days: frozenset[Day] = frozenset(Day)
    begins: time = time(0)
    ends: time = time(0)
    zone: ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What must hold for a rule to match: everything that is given, and of each list any one.

    `entitlements`, `accounts` (catalog keys) and `permission_sets` are names in which `*` stands for any text. `units`
    are organizational units, which hold all below them. `tags` must all be there. `above` is left out and `at_most`
    included. `expression` is CEL and has to give true.
    """

    entitlements: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    permission_sets: tuple[str, ...] = ()
    requesters: tuple[Selector, ...] = ()
    above: timedelta | None = None
    at_most: timedelta | None = None
    hours: tuple[Hours, ...] = ()
    expression: str = ""


class Effect(StrEnum):
    """What a rule that matches comes to."""

    DENY = "deny"
    APPROVE = "approve"
    POLICY = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: it matches when `when` holds and `unless` (if there is one) does not.

    `reason` is told to whoever is denied. `policy` decides in place of the entitlement's own with the effect POLICY.
    `ticket` is asked for beside the policy's own. With the effect APPROVE those in `told` hear of it.
    """

    name: str
    effect: Effect
    when: Condition
    unless: Condition | None = None
    reason: str = ""
    policy: Policy | None = None
    ticket: Ticket | None = None
    told: tuple[Selector, ...] = ()
