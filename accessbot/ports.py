"""The sockets: what the rules need from the world, as Protocols. Adapters plug in; the service knows only these.

Every method may raise the named errors of `accessbot.domain.errors`, and nothing else, for what goes wrong outside:
`StoreUnavailable` / `Unclear` / `Conflict` from the store, a `VendorError` from Google, AWS and Slack.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

from accessbot.domain.work import Urgency

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from accessbot.domain.groups import GroupMapping, Roster
    from accessbot.domain.model import (
        AuditEvent,
        Board,
        Catalog,
        Click,
        DirectoryUser,
        Grant,
        GrantState,
        GroupMember,
        MessageRef,
        Pair,
        PermissionSet,
        Record,
        Remark,
        Request,
        RequestState,
        SlackPerson,
    )
    from accessbot.domain.notices import Alert, Answer, Card, Notice, Nudge, ReviewCard
    from accessbot.domain.oncall import Schedule, Shift
    from accessbot.domain.records import Delegation, Freeze, Review, ShiftBook
    from accessbot.domain.rules import Ticket
    from accessbot.domain.work import Due, Lane, Work


urgency: ContextVar[Urgency] = ContextVar("accessbot_urgency", default=Urgency.GRANTING)
"""How urgent the vendor calls made from here are; set for each work that is done."""

calls_until: ContextVar[float | None] = ContextVar("accessbot_calls_until", default=None)
"""Until when, on this machine's monotonic clock, vendor calls made from here may last; None outside of a lease.

A lease sets it whenever it is proven. So a process that stood still after the proof sends nothing when it wakes up.
"""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class GateState:
    """A vendor's gate as operators see it: is the breaker open, how long calls wait, what the bucket still holds.

    `since` is when the breaker opened for the first time without an answer after it.
    """

    vendor: str
    open: bool
    wait: timedelta
    left: float
    since: datetime | None = None


class Gate(Protocol):
    """What stands before every call to a vendor: its quota, shared by all workers, and its circuit breaker."""

    @property
    def vendor(self) -> str:
        """Name the vendor."""

    def __call__(self) -> AbstractContextManager[None]:
        """Make one call in here. Raises `Unavailable` instead of making it too early."""

    def state(self) -> GateState:
        """Read the gate without passing it. Raises `StoreUnavailable`."""


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


class Directory(Protocol):
    """Google Workspace: users and group memberships. `group` is an email, `user` an immutable id unless said."""

    def warm(self) -> None:
        """Build all that the first call would have to build, without a call."""

    def user(self, key: str) -> DirectoryUser:
        """Read a user by id, primary email or alias. Raises `Missing` (`user`)."""

    def holds(self, group: str, email: str) -> bool:
        """Tell, live, whether a person is in a group, directly or nested. Raises `Missing` (`group`), never guesses."""

    def is_member(self, group: str, user: str) -> bool:
        """Tell, live, whether a user is a direct member. Raises `Missing` (`group`), never guesses."""

    def add(self, group: str, user: DirectoryUser) -> None:
        """Make a user a direct member; being one already is success. Visible later: read it back."""

    def remove(self, group: str, user: str) -> None:
        """Take a user's direct membership away; having none is success."""

    def members(self, group: str) -> tuple[GroupMember, ...]:
        """List all direct members, every page. Raises rather than give a part."""

    def manager(self, user: str) -> str | None:
        """Give the address of a user's manager as the directory tells it, in lower case; None where it names none.

        `user` is an id or an address. Raises `Missing` (`user`).
        """


class Expiry(Protocol):
    """Google's own end of a group membership, which comes even when every process of ours is gone. Optional.

    Raises `NotAuthorised` where the edition, the scope or a privilege does not allow it.
    """

    def warm(self) -> None:
        """Build all that the first call would have to build."""

    def check(self, group: str, email: str) -> None:
        """Prove, by reading alone, that a user's membership of a group can be given an end; raises why not."""

    def find(self, group: str, email: str) -> str | None:
        """Give Google's name of a direct membership; None while none is visible. Raises `Missing` (`group`)."""

    def end_at(self, membership: str, at: datetime) -> bool:
        """Have Google end a membership (by its name) at a time, not before it; False when it is there no more."""


class IdentityCenter(Protocol):
    """AWS IAM Identity Center: users, group memberships, and what a group opens."""

    def warm(self) -> None:
        """Build all that the first call would have to build; may find the instance by a call."""

    def find_user(self, email: str) -> str:
        """Give the UserId of the one user of that userName, else of that email. Raises `Missing`, `Ambiguous`."""

    def addresses(self, user_id: str) -> tuple[str, ...]:
        """Give the userName and the emails of a user; none for a user that is gone."""

    def find_group(self, name: str) -> str:
        """Give the GroupId of the one group with that GroupId or display name. Raises `Missing`, `Ambiguous`."""

    def is_member(self, group_id: str, user_id: str) -> bool:
        """Tell, live, whether a user is in a group. Raises `Missing` (`group`), never guesses."""

    def add(self, group_id: str, user_id: str) -> None:
        """Put a user into a group; being in it already is success. Raises `Missing` (`user` or `group`)."""

    def remove(self, group_id: str, user_id: str) -> None:
        """Take a user out of a group; not being in it is success."""

    def members(self, group_id: str) -> frozenset[str]:
        """List the UserIds in a group, every page. Raises rather than give a part."""

    def permission_set(self, name: str) -> PermissionSet:
        """Find the one permission set of that name. Raises `Missing` (`permission set`)."""

    def opens(self, group_id: str, accounts: Sequence[str]) -> frozenset[tuple[str, str]]:
        """List what a group opens, as (account id, permission set ARN), every page.

        Where only account-wise listing is allowed, `accounts` are the accounts looked at.
        """


class Workspace(Protocol):
    """Slack as the source of identity."""

    def person(self, slack_id: str) -> SlackPerson:
        """Look a person up, live. Raises `Refused` for a guest, stranger, bot, deactivated or unconfirmed account."""

    def in_usergroup(self, usergroup: str, slack_id: str) -> bool:
        """Tell, live, whether a person is in a Slack user group."""

    def usergroup(self, usergroup: str) -> frozenset[str]:
        """List the Slack user ids in a user group."""

    def by_email(self, email: str) -> SlackPerson:
        """Find the full member of our Slack with that address, live. Raises `Missing` (`user`), `Refused` as above."""


class Feeds(Protocol):
    """The sources of on-call schedules that are outside: iCal feeds and PagerDuty."""

    def shifts(self, schedule: Schedule, begins: datetime, ends: datetime) -> tuple[Shift, ...]:
        """Read who is on call at any time between the two, merged and in order; addresses are in lower case.

        Raises `Unavailable`, `NotAuthorised` or `Rejected` (`vendor` names the source, never its secret address) rather
        than give a part of it; an answer that is too large, or none that can be read, is `Rejected`.
        """


class Tickets(Protocol):
    """The company's own ticket system, asked whether a ticket may be used."""

    def check(self, ticket: Ticket, reference: str, request: Request) -> None:
        """Return if the ticket may be used for the request. Raises `Refused` with the system's own word if not.

        Raises `Unavailable` when it does not answer in `ticket.timeout`, `Rejected` when it answers something else.
        """


class Expressions(Protocol):
    """CEL: expressions of the catalog, and regular expressions that take no longer than linear time."""

    def holds(self, expression: str, variables: Mapping[str, object]) -> bool:
        """Evaluate an expression. Raises `Refused` when it fails or gives no bool: that is never yes and never no."""

    def find(self, pattern: str, text: str) -> str:
        """Give the first word of a text that wholly matches, punctuation around it aside; "" if there is none."""


class Notifier(Protocol):
    """The voice. Every method renders the data it is given; none decides. Raises `Unavailable` to be retried."""

    def show_card(self, card: Card, refs: tuple[MessageRef, ...]) -> tuple[MessageRef, ...]:
        """Post the approvers' message, or bring every copy up to date; give all copies that exist now."""

    def nudge(self, nudge: Nudge, refs: tuple[MessageRef, ...]) -> None:
        """Ping people in the thread of a card's first copy."""

    def remark(self, request: Request, remark: Remark, refs: tuple[MessageRef, ...]) -> None:
        """Write a question or an answer into the thread of a card's first copy."""

    def show_review(self, card: ReviewCard, refs: tuple[MessageRef, ...]) -> tuple[MessageRef, ...]:
        """Post the message about an emergency to the operators' channel, or bring every copy up to date."""

    def remind_review(self, card: ReviewCard, refs: tuple[MessageRef, ...]) -> None:
        """Ping the owners in the thread of that message."""

    def tell(self, person: str, notice: Notice) -> None:
        """Write to a person directly."""

    def answer(self, person: str, answer: Answer, answer_to: str) -> None:
        """Answer a press to that person alone, where they pressed; directly if that place is gone."""

    def alert(self, alert: Alert, refs: tuple[MessageRef, ...]) -> tuple[MessageRef, ...]:
        """Post to the operators' channel, or bring the message up to date; give all copies that exist now."""


class Queue(Protocol):
    """The short way to a worker; the due-index is the sure one."""

    def push(self, work: Work) -> None:
        """Hand a work to a worker of its lane now. Never raises when the queue is away: the due-index has the work."""

    def waiting(self, lane: Lane) -> int:
        """Count the works handed over and not begun."""


class CatalogSource(Protocol):
    """Where the catalog in force is read from."""

    def current(self) -> Catalog:
        """Give the catalog in force in this process."""

    def refresh(self) -> bool:
        """Read the file again if it changed; keeps the old one, and logs why, when the new one is invalid."""
