"""Who is on call: schedules as the catalog defines them, and the shifts that come of them. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from accessbot.domain.model import Selector


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Somebody takes a shift, or a part of one, in place of whoever the rotation names."""

    who: Selector
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """People who take turns: the first of them from `since` on, each for `every` by the wall clock of `zone`.

    `since` is the wall clock's date and time of the first hand-over, without a zone of its own; every later one is at
    the same time of day, whatever the clocks do meanwhile.
    """

    people: tuple[Selector, ...]
    every: timedelta
    since: datetime
    zone: ZoneInfo
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """An iCal feed: each event is a shift of the person whose address it names.

    `address` is the URL, or the name of the environment variable that holds it (as feeds carry secrets in theirs).
    """

    address: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGroup:
    """A Slack user group that a paging tool keeps in step with who is on call."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerDuty:
    """A schedule of PagerDuty, by its id; read with the token in `PAGERDUTY_API_TOKEN`."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Somebody on call, from one source. What was last read counts for `max_age` when its source fails."""

    name: str
    source: Rotation | Feed | UserGroup | PagerDuty
    max_age: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationGrant:
    """Whoever is on call on a schedule holds these entitlements (ids) for exactly the shift."""

    schedule: str
    entitlements: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One person's time on call: `who` is an email in lower case or a Slack user id.

    A source that does not tell times (a user group) gives shifts that began when they were first seen, and end None.
    """

    who: str
    begins: datetime
    ends: datetime | None


def covers(shifts: tuple[Shift, ...], who: frozenset[str], now: datetime) -> bool:
    """Tell whether anybody of these names (emails in lower case, Slack user ids) is on call."""
    return any(s.who in who and s.begins <= now and (s.ends is None or now < s.ends) for s in shifts)
