"""The memory: what is written in one step, and how it is read, claimed and held."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from accessbot.domain.groups import GroupMapping, Roster
    from accessbot.domain.model import (
        AuditEvent,
        Board,
        Click,
        Grant,
        GrantState,
        Pair,
        Record,
        Request,
        RequestState,
    )
    from accessbot.domain.records import Delegation, Freeze, Review, ShiftBook
    from accessbot.domain.work import Due, Lane, Work


class Beat(NamedTuple):
    """A living process (`machine:pid`): its role, the hash of its catalog, and how its clock and the store's get on.

    `skew` is the store's time less its own, `jump` the furthest that the store's time jumped lately, as it saw it.
    """

    process: str
    role: str
    catalog: str
    skew: timedelta = timedelta(0)
    jump: timedelta = timedelta(0)

    @property
    def machine(self) -> str:
        """Name the machine that it runs on."""
        return self.process.rpartition(":")[0]


class Clock(Protocol):
    """The one source of "now"."""

    def now(self) -> datetime:
        """Give the store server's time, aware, in UTC. Raises `StoreUnavailable`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """All that one step writes, in one atomic piece.

    `op` names the operation: a second commit under the same name changes nothing and answers as the first did.
    `puts` replace records, each only if the stored `rev` is the one it carries (0: only if absent); they are stored
    with `rev + 1`. `events` are appended to the audit log. `due` entries are set in the due-index (an entry that is
    there already is moved to the new time, one that may only come `sooner` never to a later one), `dropped` ones
    removed.
    """

    op: str
    puts: tuple[Record, ...] = ()
    events: tuple[AuditEvent, ...] = ()
    due: tuple[Due, ...] = ()
    dropped: tuple[Work, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do one work now, until `until`; `token` proves it, `attempt` counts from 1."""

    work: Work
    token: str
    attempt: int
    until: datetime


class Store(Clock, Protocol):
    """The memory. Records, their indexes, the audit log and the due-index change together or not at all."""

    def commit(self, change: Change) -> bool:
        """Write a change; give False when this `op` had been written before (nothing is doubled), else True.

        Raises `Conflict` when a record's `rev` is not the stored one (nothing is written), `StoreUnavailable` when
        nothing was written, `Unclear` when it may have been.
        """

    def confirm(self) -> None:
        """Wait until what this process wrote is held by a replica too, where the server has replicas.

        Raises `StoreUnavailable` when none confirmed in time.
        """

    def request(self, request_id: str) -> Request | None:
        """Read one request; None if there is none of that id."""

    def grant(self, grant_id: str) -> Grant | None:
        """Read one grant; None if there is none of that id."""

    def pair(self, key: str) -> Pair | None:
        """Read what is known of a (group, person) pair."""

    def mapping(self, google_group: str) -> GroupMapping | None:
        """Read what a Google group was last found to open."""

    def mapped_to(self, aws_group_id: str) -> frozenset[str]:
        """Give the Google groups that an Identity Center group was ever pinned to."""

    def roster(self, google_group: str) -> Roster | None:
        """Read who is in a mapped group beside those whom grants put there."""

    def click(self, click_id: str) -> Click | None:
        """Read one press of a button."""

    def board(self, key: str) -> Board | None:
        """Read which copies of a message were sent."""

    def review(self, review_id: str) -> Review | None:
        """Read the review of an emergency."""

    def open_reviews(self) -> tuple[Review, ...]:
        """List the reviews that nobody closed yet, oldest first."""

    def delegation(self, slack_id: str) -> Delegation | None:
        """Read in whose hands a person left their decisions last, whether that is over or not."""

    def delegations_to(self, slack_id: str) -> tuple[Delegation, ...]:
        """List the delegations to a person, those that are over for less than a day included."""

    def shift_book(self, schedule: str) -> ShiftBook | None:
        """Read what an on-call schedule last said."""

    def freeze(self, key: str) -> Freeze | None:
        """Read the last freeze of a key, be it in force or lifted."""

    def freezes(self, keys: Sequence[str] = ()) -> tuple[Freeze, ...]:
        """List the freezes in force: of these keys, else all."""

    def recent_grants(self, requester: str, since: datetime) -> tuple[Grant, ...]:
        """List a person's grants that were approved since (at most 30 days ago), ended ones too, in that order."""

    def grants_for(self, schedule: str) -> tuple[Grant, ...]:
        """List the grants that have not ended and are for shifts of a schedule."""

    def bundle(self, bundle: str) -> tuple[Request, ...]:
        """List the requests that were asked for together, in the order of their ids."""

    def grants_of(self, requester: str) -> tuple[Grant, ...]:
        """List a person's grants that have not ended, soonest end first; cost grows with that person's alone."""

    def grants_on(self, pair: str) -> tuple[Grant, ...]:
        """List the grants on a pair that have not ended."""

    def grants_in(self, google_group: str) -> Iterator[Grant]:
        """Walk the grants on a Google group whose ids are known and that have not ended, in pages."""

    def left(self, google_group: str, since: datetime) -> dict[str, datetime]:
        """Give the Google users whose last grant on a group ended at or after a time, each with that end."""

    def pending_of(self, requester: str) -> tuple[Request, ...]:
        """List a person's pending requests, oldest first."""

    def is_live(self, grant_id: str) -> timedelta | None:
        """Give the time a grant is live for still, by its expiry key; None when it is not live."""

    def grants(self, states: Sequence[GrantState] = ()) -> Iterator[Grant]:
        """Walk all grants (of the given states), in pages, by start."""

    def requests(self, states: Sequence[RequestState] = ()) -> Iterator[Request]:
        """Walk all requests (of the given states), in pages, by creation."""

    def audit(
        self,
        *,
        person: str | None = None,
        entitlement: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[AuditEvent]:
        """Walk the audit log in order, in pages; filters combine. `person` matches the requester or the actor."""

    def count(self) -> dict[str, int]:
        """Count requests and grants by state, due and ready work by lane, audit events, and what was tallied.

        `{"grants.active": 3, "due.ends": 7, "ready.ends": 0, "alerts.brake": 1, "audit": 21, …}`
        """

    def first_sight(self, key: str, keep: timedelta) -> bool:
        """Tell whether `key` was not seen within `keep`; remembers it in the same step (for replayed deliveries)."""

    # --- the due-index ---

    def due(self, lane: Lane, limit: int, hand_over: timedelta) -> tuple[Work, ...]:
        """Take up to `limit` works of a lane whose time has come, oldest first, to hand them to workers.

        Each is moved `hand_over` into the future in the same step, so that it comes up again if no worker begins it.
        """

    def begin(self, work: Work, hold: timedelta) -> Claim | None:
        """Claim a work for `hold`; None when it is done already, or when somebody else has it."""

    def renew(self, claim: Claim, hold: timedelta) -> bool:
        """Prolong a claim to `hold` from now; give False when it ran out and another has it, or had it."""

    def finish(self, claim: Claim) -> bool:
        """Remove a claimed work from the due-index, unless it was set due anew meanwhile; give False in that case."""

    def postpone(self, claim: Claim, at: datetime) -> None:
        """Give a claimed work back, due at `at`, unless it was set due for an earlier time meanwhile."""

    def lease(self, name: str, hold: timedelta) -> AbstractContextManager[Lease]:
        """Hold a name exclusively; raises `LeaseBusy` at once when another has it. Released on exit."""

    # --- processes ---

    def beat(self, beat: Beat, keep: timedelta) -> None:
        """Say that a process lives; forgotten after `keep`."""

    def beats(self) -> tuple[Beat, ...]:
        """List the living processes, by name."""

    def tally(self, name: str) -> None:
        """Count something that happened: `count` gives how often under this name, e.g. `alerts.brake`."""


class Rebuilt(Clock, Protocol):
    """A store that is empty, and made again by one restore alone."""

    def claim(self, source: str) -> int:
        """Take an empty store for a restore from `source`, or go on with it; give the last `seq` that is written.

        From then on nobody but this store commits, hands over or begins a work. Raises `Refused` when the store holds
        anything, or is being restored from something else.
        """

    def commit(self, change: Change) -> bool:
        """Write a change as `Store.commit` does."""

    def release(self) -> None:
        """Give the store back to everybody, whole."""


class Lease(Protocol):
    """An exclusive hold on a name, with an owner token."""

    def ensure(self, call: timedelta) -> None:
        """Prove, before a call that may take `call`, that the lease is ours and outlasts it; extend it if needed.

        Raises `LeaseLost` when it is not ours any more.
        """
