"""What people are told, as data. The words and the look are made where it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from accessbot.domain.model import Entitlement, Grant, Request
    from accessbot.domain.records import Delegation, Review
    from accessbot.domain.rules import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The approvers' message: one projection of a request and of the grant it made.

    `entitlement` is None when the catalog no longer has it. `policy` is the one that decides, None when it is not known
    yet or any more; `approvals` is how many approvals all of its steps take together. For an extension `grant` is the
    grant to extend. `bundle` are the other requests that were asked for together with it.
    """

    request: Request
    entitlement: Entitlement | None
    approvals: int
    grant: Grant | None = None
    policy: Policy | None = None
    bundle: tuple[Request, ...] = ()
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Nudge:
    """A ping in the thread of a request's card: whoever is to hear that a decision is theirs now.

    `people` are Slack user ids, `usergroups` Slack user group ids. `step` is the name of the step, "" if it has none;
    `escalated` tells that nobody else decided in time.
    """

    request: Request
    people: tuple[str, ...] = ()
    usergroups: tuple[str, ...] = ()
    step: str = ""
    escalated: bool = False
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewCard:
    """The loud message about an emergency, in the operators' channel, which becomes its review.

    While `review` is open and the grant has ended its owners are asked to close it. `owners` are Slack user ids that
    are pinged, in the first message and in each reminder; where it is `unowned`, as no owner can be found any more,
    they are the administrators, who may close it too. A reminder of a review that was closed as not justified tells
    the administrators alone.
    """

    review: Review
    request: Request
    entitlement: Entitlement | None
    grant: Grant | None
    owners: tuple[str, ...] = ()
    unowned: bool = False
    now: datetime


class NoticeKind(StrEnum):
    """What a requester is told directly."""

    READY = "ready"
    DENIED = "denied"
    REFUSED = "refused"  # the rules said no; nobody was asked
    EXPIRED = "expired"  # nobody decided in time
    ENDED = "ended"
    FAILED = "failed"
    EXTENDED = "extended"
    WAITING = "waiting"  # a vendor is down; it is being retried
    ENDING_SOON = "ending_soon"
    CONFIRM = "confirm"  # somebody asked on their behalf; they have to confirm
    QUESTION = "question"  # an approver asks something before deciding
    SCHEDULED = "scheduled"  # approved, to begin later
    STEPPED_DOWN = "stepped_down"  # an emergency that is decided the normal way, as there were too many


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message to a requester. `grant` is there for all but denied, refused and expired.

    `took` is approval click → usable. `start_url` is the AWS access portal, "" when not configured.
    """

    kind: NoticeKind
    request: Request
    entitlement: Entitlement | None
    grant: Grant | None = None
    took: timedelta | None = None
    start_url: str = ""
    region: str = ""
    now: datetime


class Tone(StrEnum):
    """How an answer is marked."""

    DONE = "done"
    NOT_NOW = "not_now"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a press, in one sentence of plain text."""

    tone: Tone
    sentence: str


class AlertKind(StrEnum):
    """What operators are told."""

    REVOKE_OVERDUE = "revoke_overdue"
    MAPPING_WRONG = "mapping_wrong"
    RESURRECTED = "resurrected"
    NOT_AUTHORISED = "not_authorised"
    CATALOGS_DIFFER = "catalogs_differ"
    PROVISION_FAILED = "provision_failed"
    DRIFT = "drift"
    EVICTED = "evicted"
    BRAKE = "brake"
    NOBODY_ALIVE = "nobody_alive"
    CLOCK_SKEW = "clock_skew"
    VENDOR_AWAY = "vendor_away"
    EXPIRY_REFUSED = "expiry_refused"
    SCHEDULE_STALE = "schedule_stale"  # an on-call schedule cannot be read
    SHIFT_REFUSED = "shift_refused"  # somebody on call cannot be given what goes with it
    OFFBOARDED = "offboarded"  # a Google account is gone or suspended, and what it held ends
    PANIC = "panic"  # an operator ended a lot at once, or holds back new access


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One message to the operators: what is wrong, what to do, and whether it is over."""

    kind: AlertKind
    subject: str
    headline: str
    action: str
    since: datetime
    resolved: bool = False
    grant: Grant | None = None
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One live grant as `/my-access` shows it."""

    grant: Grant
    entitlement: Entitlement | None
    left: timedelta
    extensions: tuple[timedelta, ...]
    extension: Request | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """All that `/my-access` shows to one `person` (Slack user id).

    `pending` has what they asked for on behalf of colleagues as well.
    """

    person: str
    holdings: tuple[Holding, ...]
    ending: tuple[Grant, ...]
    preparing: tuple[Grant, ...]
    pending: tuple[Request, ...]
    scheduled: tuple[Grant, ...] = ()
    delegation: Delegation | None = None
    start_url: str = ""
    now: datetime
