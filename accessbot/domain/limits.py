"""How much a person may have of one entitlement: per day, and how soon after an end. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from accessbot.domain.durations import spoken
from accessbot.domain.errors import Refused
from accessbot.domain.model import GrantState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from accessbot.domain.model import Grant
    from accessbot.domain.rules import Emergency, Policy

DAY = timedelta(hours=24)


def check_limits(
    policy: Policy, recent: Iterable[Grant], entitlement: str, duration: timedelta, now: datetime, *, more: bool = False
) -> None:
    """Refuse what passes the policy's total for 24 hours, or comes too soon after an end.

    `recent` are the person's grants of the last days. Shifts do not count: nobody asked for them. An extension is
    `more` of what is held, which needs no pause.
    """
    counted = [g for g in recent if g.entitlement == entitlement and not g.schedule and g.activated_at is not None]
    if policy.cool_down and not more:
        _check_pause(policy.cool_down, counted, now)
    if policy.per_day is None:
        return
    had = sum((_time_of(grant, now) for grant in counted), timedelta(0))
    if had + duration > policy.per_day:
        left = max(timedelta(0), policy.per_day - had)
        still = f"{spoken(left)} of that are left" if left >= timedelta(minutes=1) else "nothing of that is left"
        msg = f"The policy “{policy.name}” allows {spoken(policy.per_day)} in 24 hours; {still} right now."
        raise Refused(msg)


def is_too_often(emergency: Emergency, recent: Iterable[Grant], now: datetime) -> bool:
    """Tell whether a person had as many emergencies lately as the policy allows before it steps down."""
    since = now - emergency.within
    return sum(g.emergency and g.approved_at > since for g in recent) >= emergency.most


def _check_pause(pause: timedelta, grants: Iterable[Grant], now: datetime) -> None:
    ends = [g.ended_at for g in grants if g.ended_at is not None and g.state is GrantState.REVOKED]
    last = max(ends, default=None)
    if last is not None and now < last + pause:
        left = spoken(_minutes(last + pause - now))
        msg = f"This access ended a short while ago; it can be asked for again in {left}."
        raise Refused(msg)


def _time_of(grant: Grant, now: datetime) -> timedelta:
    """Give how much of a grant falls into the last 24 hours, or is still to come."""
    end = grant.ended_at or grant.ending_at or grant.expires_at
    return max(timedelta(0), end - max(grant.starts_at, now - DAY))


def _minutes(left: timedelta) -> timedelta:
    minute = timedelta(minutes=1)
    return -(-left // minute) * minute
