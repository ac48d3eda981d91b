"""What can be seen from outside: memberships that came and went, records, the audit log, what people did and read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal

from accessbot.domain.model import AuditEvent, Grant, Request

OURS = "accessbot"
SIDES = ("google", "aws")


@dataclass(frozen=True, slots=True)
class Place:
    """One side of a pair: a person's membership of a group at `google` or `aws`; the group goes by its Google email."""

    side: str
    group: str
    member: str

    def __str__(self) -> str:
        """Name it for people."""
        return f"{self.member} in {self.group} at {self.side}"


@dataclass(frozen=True, slots=True)
class Change:
    """A membership that came or went, by whom.

    `seen` is the number of the last audit event that was stored when it happened; None when that could not be read.
    """

    at: datetime
    place: Place
    action: Literal["added", "removed"]
    by: str
    seen: int | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """A membership from when it came to when it went (None: it is there still), with both changes."""

    came: Change
    went: Change | None

    @property
    def ours(self) -> bool:
        """Tell whether accessbot made it."""
        return self.came.by == OURS

    def until(self, now: datetime) -> datetime:
        """Give its end, or now."""
        return self.went.at if self.went is not None else now


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asked for in words that occur once; `clear` when accessbot said that it took it."""

    at: datetime
    who: str
    reason: str
    clear: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A direct message to somebody: its text, and the ids that its buttons carry."""

    at: datetime
    who: str
    text: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which something was wrong. With `interrupts` a process was ended or frozen by it."""

    what: str
    begin: datetime
    end: datetime
    interrupts: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """What the judgement takes as given."""

    sync_period: timedelta
    grace: timedelta = timedelta(seconds=60)
    lag: timedelta = timedelta(seconds=4)
    proof: timedelta = timedelta(seconds=20)
    approvals: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Evidence:
    """All of it, in the order of time."""

    terms: Terms
    changes: list[Change] = field(default_factory=list)
    requests: dict[str, Request] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    events: list[AuditEvent] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    cards: dict[str, str] = field(default_factory=dict)
    """What the approvers' newest message of a request says, by the request's id."""

    def view(self) -> View:
        """Give it sorted by what it is about, as it is now."""
        return View(self)


class View:
    """The evidence by place, by pair and by subject."""

    def __init__(self, evidence: Evidence) -> None:
        self.of = evidence
        self.terms = evidence.terms
        self.stays: dict[Place, list[Stay]] = {}
        for change in sorted(evidence.changes, key=lambda c: c.at):
            stays = self.stays.setdefault(change.place, [])
            there = bool(stays) and stays[-1].went is None
            if change.action == "added" and not there:
                stays.append(Stay(change, None))
            elif change.action == "removed" and there:
                stays[-1] = Stay(stays[-1].came, change)
        self.on: dict[tuple[str, str], list[Grant]] = {}
        for grant in evidence.grants.values():
            self.on.setdefault((grant.google_group, grant.email), []).append(grant)
        self.about: dict[str, list[AuditEvent]] = {}
        for event in evidence.events:
            self.about.setdefault(event.subject, []).append(event)

    def grants_at(self, place: Place) -> list[Grant]:
        """List the grants on the pair of a place, by start."""
        return sorted(self.on.get((place.group, place.member), ()), key=lambda g: g.starts_at)

    def event(self, subject: str, *actions: str) -> AuditEvent | None:
        """Find the first event of some actions about a subject."""
        return next((event for event in self.about.get(subject, ()) if event.action in actions), None)

    def events_of_pair(self, place: Place, action: str) -> Iterator[AuditEvent]:
        """List the events of an action about the pair of a place."""
        for grant in self.grants_at(place)[:1]:
            yield from (event for event in self.about.get(grant.pair, ()) if event.action == action)

    def stays_at(self, place: Place) -> list[Stay]:
        """List the stays at a place."""
        return self.stays.get(place, [])

    @cached_property
    def troubled(self) -> list[tuple[datetime, datetime]]:
        """Give the times in which anything was wrong, joined where they overlap."""
        return joined((outage.begin, outage.end) for outage in self.of.outages)

    def trouble(self, begin: datetime, end: datetime) -> timedelta:
        """Give for how long anything was wrong between two times."""
        return sum((max(timedelta(0), min(e, end) - max(b, begin)) for b, e in self.troubled), timedelta(0))


def joined(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Join the spans that touch or overlap."""
    found: list[tuple[datetime, datetime]] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found


def gaps(begin: datetime, end: datetime, spans: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Give what is left of a time when joined spans are taken out."""
    left, at = [], begin
    for start, stop in spans:
        if start > at and at < end:
            left.append((at, min(start, end)))
        at = max(at, stop)
    if at < end:
        left.append((at, end))
    return left
