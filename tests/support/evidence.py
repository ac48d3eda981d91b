"""What a run of some lives leaves behind, as plain data, and the same sorted by what it is about.

Whoever runs lives fills in an `Evidence`; `tests.support.invariants` judges it. `logged` is always the number of audit
events that were stored when something happened: so what is in the log stands in one order with what is not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from accessbot.domain.model import GOOGLE_SIDE, AuditEvent, Click, Grant, GrantState, Request, aws_side

OURS, OTHERS = "accessbot", "others"
NEVER = 1 << 62
"""A place in the log that is never reached."""

_NOT_YET, _FOR_EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Place(NamedTuple):
    """One membership: a user (id) of a group (email at `google`, GroupId at `aws`)."""

    side: str
    group: str
    member: str

    def __str__(self) -> str:
        """Name it for people."""
        return f"{self.member} in {self.group} at {self.side}"

    @property
    def key(self) -> str:
        """Name it as a pair's standing decision does."""
        return GOOGLE_SIDE if self.side == "google" else aws_side(self.group, self.member)


@dataclass(frozen=True, slots=True)
class Write:
    """A change that accessbot asked a vendor for, whether anything came of it or not."""

    at: datetime
    place: Place
    adds: bool
    logged: int


@dataclass(frozen=True, slots=True)
class Shift:
    """A membership that truly came (`there`) or went, and by whose hand: `accessbot` or `others`."""

    at: datetime
    place: Place
    there: bool
    by: str
    logged: int


@dataclass(slots=True)
class Said:
    """Something said: a notice about a request, an answer (`subject` is its sentence), or an alert (to no person).

    `recorded` once whoever said it has written down that it is said.
    """

    at: datetime
    person: str
    kind: str
    subject: str
    recorded: bool = False


@dataclass(frozen=True, slots=True)
class Stay:
    """A membership from when it came to when it went (None: it is there still)."""

    came: Shift
    went: Shift | None

    @property
    def ours(self) -> bool:
        """Tell whether accessbot made it."""
        return self.came.by == OURS


Span = tuple[datetime, datetime]


@dataclass(slots=True, kw_only=True)
class Evidence:
    """All that was seen up to `now`; `over` once everything had the time to come to its end.

    `outages` are the times in which a vendor failed or nobody worked. `readded` is how long what another tool puts back
    may stay. `pairs` names the (Google group, Google user) pair of memberships, where that is known without a grant.
    `turned_away` are the sentences with which a press was refused at the door: who, which request, sentence.
    """

    now: datetime
    over: bool
    sync_period: timedelta
    grace: timedelta = timedelta(seconds=60)
    readded: timedelta = timedelta(seconds=60)
    events: list[AuditEvent] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    clicks: list[Click] = field(default_factory=list)
    cards: dict[str, tuple[Request, Grant | None]] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    shifts: list[Shift] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    turned_away: list[tuple[str, str, str]] = field(default_factory=list)
    outages: list[Span] = field(default_factory=list)
    pairs: dict[Place, str] = field(default_factory=dict)


class Case:
    """The evidence, sorted."""

    def __init__(self, evidence: Evidence) -> None:
        self.seen = evidence
        self._about: dict[tuple[str, str], list[AuditEvent]] = defaultdict(list)
        for event in evidence.events:
            self._about[event.subject, event.action].append(event)
        self.shifts: dict[Place, list[Shift]] = defaultdict(list)
        for shift in evidence.shifts:
            self.shifts[shift.place].append(shift)
        self.pairs = {grant.pair for grant in evidence.grants if grant.pair}
        self._at: dict[Place, list[Grant]] = defaultdict(list)
        for grant in evidence.grants:
            for place in places_of(grant):
                self._at[place].append(grant)

    # --- the log

    def about(self, subject: str, action: str) -> list[AuditEvent]:
        """List the events of an action about a subject."""
        return self._about.get((subject, action), [])

    def seq(self, subject: str, *actions: str) -> int:
        """Give the number of the first event of one of these actions about a subject; `NEVER` without one."""
        return min((event.seq for action in actions for event in self.about(subject, action)), default=NEVER)

    def intent(self, grant: Grant) -> int:
        """Give when (as a place in the log) the grant was stored with all its ids."""
        return self.seq(grant.id, "grant.intent")

    def leaving(self, grant: Grant) -> int:
        """Give when it was stored that the grant is to go."""
        return self.seq(grant.id, "grant.revoking", "grant.giving_up")

    def ended(self, grant: Grant) -> int:
        """Give when it was stored that it is gone."""
        return self.seq(grant.id, "grant.revoked", "grant.provision_failed")

    # --- memberships

    def pairs_of(self, place: Place) -> set[str]:
        """Name the pairs that a membership is one side of."""
        known = {grant.pair for grant in self.grants_at(place)}
        return known | ({self.seen.pairs[place]} if place in self.seen.pairs else set())

    def grants_at(self, place: Place) -> list[Grant]:
        """List the grants that are about a membership."""
        return self._at.get(place, [])

    def live_at(self, place: Place, logged: int) -> list[Grant]:
        """List the grants about a membership that had their ids and had not ended."""
        return [g for g in self.grants_at(place) if self.intent(g) <= logged < self.ended(g)]

    def there(self, place: Place, logged: int) -> bool:
        """Tell whether a membership was there when so many events were stored."""
        last = self.last_shift(place, logged)
        return last is not None and last.there

    def last_shift(self, place: Place, logged: int) -> Shift | None:
        """Give the last change of a membership before there were more events than that."""
        return next((shift for shift in reversed(self.shifts[place]) if shift.logged <= logged), None)

    def stays(self, place: Place) -> Iterator[Stay]:
        """List when a membership was there."""
        came: Shift | None = None
        for shift in self.shifts[place]:
            if shift.there and came is None:
                came = shift
            elif not shift.there and came is not None:
                yield Stay(came, shift)
                came = None
        if came is not None:
            yield Stay(came, None)

    def use_of(self, place: Place, logged: int) -> tuple[int, datetime]:
        """Give since when (as a place in the log) the pair of a membership was in use at `logged`, and until when.

        A pair is in use from the intent of a grant until two sync periods after the end of its last one. A grant that
        ended before it was decided whose the memberships are asked nothing of a vendor, and does not count.
        """
        since, until = NEVER, _NOT_YET
        for grant in sorted(self._pair_of(place), key=self.intent):
            begun = self.about(grant.id, "grant.intent")
            if not begun or begun[0].seq > logged:
                break
            if not any(event.seq < self.ended(grant) for event in self.about(grant.pair, "membership.decided")):
                continue
            if begun[0].time >= until:
                since, until = begun[0].seq, _NOT_YET
            ends = [*self.about(grant.id, "grant.revoked"), *self.about(grant.id, "grant.provision_failed")]
            over = bool(ends) and ends[0].seq <= logged
            until = max(until, ends[0].time + 2 * self.seen.sync_period if over else _FOR_EVER)
        return since, until

    def is_standing(self, stay: Stay, logged: int) -> bool:
        """Tell whether a stay, looked at from a place in the log, is somebody else's: not made or provoked by us.

        It is when it began, by somebody else's hand, before the pair came into use or after it went out of use.
        """
        since, until = self.use_of(stay.came.place, logged)
        return not stay.ours and (stay.came.logged < since or stay.came.at > until)

    def stay_at(self, place: Place, logged: int) -> Stay | None:
        """Give the stay that lasts at a place in the log."""
        return next(
            (
                stay
                for stay in self.stays(place)
                if stay.came.logged <= logged and (stay.went is None or stay.went.logged > logged)
            ),
            None,
        )

    def unwanted(self, stay: Stay) -> list[Span]:
        """List the times of a stay in which no grant wanted it."""
        begin, end = stay.came.at, stay.went.at if stay.went is not None else self.seen.now
        wanted = []
        for grant in self.grants_at(stay.came.place):
            begun = self.about(grant.id, "grant.intent")
            if begun:
                wanted.append((begun[0].time, end_of(grant)))
        return list(gaps(begin, end, joined(wanted)))

    def working(self, begin: datetime, end: datetime) -> timedelta:
        """Give how much of a time was no outage."""
        return sum((stop - start for start, stop in gaps(begin, end, self._outages)), timedelta(0))

    @cached_property
    def _outages(self) -> list[Span]:
        return joined(self.seen.outages)

    def _pair_of(self, place: Place) -> list[Grant]:
        pairs = {grant.pair for grant in self.grants_at(place)}
        return [grant for grant in self.seen.grants if grant.pair in pairs]


def places_of(grant: Grant) -> list[Place]:
    """Give both memberships that a grant is about, Google's first; none before its ids were read."""
    if not grant.pair:
        return []
    return [
        Place("google", grant.google_group.casefold(), grant.google_user_id),
        Place("aws", grant.aws_group_id, grant.aws_user_id),
    ]


def end_of(grant: Grant) -> datetime:
    """Give when a grant is over: when it was told to go, else the end of its time."""
    return min(grant.ending_at, grant.expires_at) if grant.ending_at is not None else grant.expires_at


def was_used(grant: Grant) -> bool:
    """Tell whether a grant ever became active."""
    return grant.activated_at is not None or grant.state is GrantState.ACTIVE


def joined(spans: Iterable[Span]) -> list[Span]:
    """Join the times that touch or overlap."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found


def gaps(begin: datetime, end: datetime, spans: Iterable[Span]) -> Iterator[Span]:
    """Give what is left of a time when joined times are taken out."""
    at = begin
    for start, stop in spans:
        if start > at and at < end:
            yield at, min(start, end)
        at = max(at, stop)
    if at < end:
        yield at, end
