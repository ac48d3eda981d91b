"""When things are looked at: the warning before an end, the checks after a change, the patience with a revoke."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

from accessbot.domain.work import Due, Work, WorkKind
from accessbot.service.context import id_from, soon

if TYPE_CHECKING:
    from datetime import datetime

    from accessbot.domain.model import Grant

OVERDUE_AFTER = timedelta(minutes=2)
"""How long a revoke may go unproven before the operators are told."""

SWEEP_AFTER_END = timedelta(seconds=15)
"""How often a group is looked at whose grants ended lately: what another tool puts back is gone within a minute."""

_AFTER_THE_CHANGE = timedelta(seconds=3)
FOR_EACH_GROUP = timedelta(milliseconds=250)
"""With many groups a round takes so long for each: about a quarter of the usual quota in AWS, which others use too."""

_GROUPS_AT_ONCE = 40
_CHECKPOINTS = (timedelta(seconds=10), timedelta(seconds=60), timedelta(minutes=5))
_WARN_AT_MOST = timedelta(minutes=10)
_WARN_NOT_BELOW = timedelta(minutes=15)
_FIRST_RETRY = timedelta(milliseconds=500)
_LAST_DOUBLING = 10


def warning(grant: Grant, now: datetime) -> tuple[Due, ...]:
    """Say when a holder is warned that the end comes: a quarter of the time before it, ten minutes at most.

    A grant of under a quarter of an hour is not warned about: the warning would come with "ready".
    """
    if grant.expires_at - grant.starts_at < _WARN_NOT_BELOW:
        return ()
    at = grant.expires_at - min(_WARN_AT_MOST, (grant.expires_at - grant.starts_at) / 4)
    return (Due(Work(WorkKind.TELL, f"ending_soon:{grant.id}"), max(at, now)),)


def first_check(pair: str, now: datetime) -> Due:
    """Say when a pair is looked at again after a change that was just proven."""
    return Due(Work(WorkKind.VERIFY, pair), now + _CHECKPOINTS[0])


def first_sweep(group: str, now: datetime) -> Due:
    """Say by when a group is looked at after a grant on it has ended; then as often for two sync periods."""
    return Due(Work(WorkKind.SWEEP, group), now + SWEEP_AFTER_END, sooner=True)


def expiry(pair: str, now: datetime, *, wanted: bool) -> tuple[Due, ...]:
    """Say when Google is told anew when to end a pair's membership, if that is `wanted`: once a change is done."""
    return (Due(Work(WorkKind.EXPIRY, pair), now + _AFTER_THE_CHANGE),) if wanted else ()


def review_of(grant: Grant) -> str:
    """Name the review of an emergency."""
    return id_from("v", grant.id)


def review(grant: Grant, now: datetime) -> tuple[Due, ...]:
    """Say when the message about a grant that changed is brought up to date, if it is an emergency: at once."""
    return (soon(Work(WorkKind.REVIEW, review_of(grant)), now),) if grant.emergency else ()


def first_look(person: str, now: datetime, period: timedelta) -> Due:
    """Say by when somebody who holds access (Slack user id) is looked up at Google, whether they still work here."""
    return Due(Work(WorkKind.LEAVER, person), now + period, sooner=True)


def planned_sweep(number: int) -> timedelta:
    """Say how long the look at group number `number` of all is put off where every group is to be looked at.

    Few at a time, so that a group on which a grant has just ended does not wait behind all of them.
    """
    return number // _GROUPS_AT_ONCE * _GROUPS_AT_ONCE * FOR_EACH_GROUP


def next_check(changed_at: datetime, sync_period: timedelta, now: datetime) -> datetime | None:
    """Say when a pair that changed at `changed_at` is looked at next; None once two sync periods have passed.

    A sync job that read Google before our change and AWS after it undoes the change until its next run, so the last
    two looks are after one and after two of its periods.
    """
    points = (*_CHECKPOINTS, sync_period, 2 * sync_period)
    return min((changed_at + point for point in points if changed_at + point > now), default=None)


def back_off(attempt: int, most: timedelta, asked: timedelta | None = None) -> timedelta:
    """Give the pause before try number `attempt` + 1: doubling from half a second up to `most`, jittered by half.

    Never shorter than what the vendor asked for.
    """
    full = min(most, _FIRST_RETRY * (1 << min(attempt - 1, _LAST_DOUBLING)))
    pause = full * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
    return max(pause, asked) if asked is not None else pause
