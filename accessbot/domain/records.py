"""The records beside requests and grants: reviews, delegations, what schedules last said, freezes. Plain frozen data.

As for all records, times are aware UTC and `rev` counts the stored versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accessbot.domain.oncall import Shift


class ReviewState(StrEnum):
    """The after-use review of an emergency: open until an owner closed it, one way or the other."""

    OPEN = "open"
    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """The review that an emergency's owner has to close; begun in the same step as the grant it is about.

    `policy` names the emergency policy whose owners may close it, `incident` what the reason named. `reminded` counts
    the reminders so far.
    """

    id: str
    rev: int = 0
    grant_id: str
    request_id: str
    requester: str
    email: str
    entitlement: str
    policy: str
    incident: str
    state: ReviewState = ReviewState.OPEN
    opened_at: datetime
    reminded: int = 0
    closed_by: str = ""
    closed_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """Somebody decides in another's stead for some time; `key` is the Slack user id of the one who is away.

    One at a time per person; setting another replaces it. It ends early when `ends` is set to the past.
    """

    key: str
    rev: int = 0
    delegate: str
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftBook:
    """What an on-call schedule last said; `key` is its name.

    `read_at` is when its source last answered, `failing_since` when it first failed after that, with why in `fault`.
    """

    key: str
    rev: int = 0
    shifts: tuple[Shift, ...] = ()
    read_at: datetime | None = None
    failing_since: datetime | None = None
    fault: str = ""


EVERYTHING = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """New access is held back until an operator says otherwise; `lifted` tells that it is over.

    `key` is `all`, `user:<Slack user id>` or `entitlement:<id>`.
    """

    key: str
    rev: int = 0
    by: str
    at: datetime
    reason: str
    lifted: bool = False
