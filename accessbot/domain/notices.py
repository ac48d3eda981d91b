"""What people are told, as data. The words and the look are made where it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from accessbot.domain.model import Entitlement, Grant, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The approvers' message: one projection of a request and of the grant it made.

    `entitlement` is None when the catalog no longer has it. `approvals` is how many distinct people it takes.
    For an extension `grant` is the grant to extend.
    """

    request: Request
    entitlement: Entitlement | None
    approvals: int
    grant: Grant | None = None
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
    """All that `/my-access` shows to one person."""

    holdings: tuple[Holding, ...]
    ending: tuple[Grant, ...]
    preparing: tuple[Grant, ...]
    pending: tuple[Request, ...]
    start_url: str = ""
    now: datetime
