"""How much a person may have of one entitlement: per day, and how soon after an end. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from accessbot.domain.durations import spoken
from accessbot.domain.errors import Refused
from accessbot.domain.model import GrantState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from accessbot.domain.model import Grant
    from accessbot.domain.rules import Emergency, Policy

DAY = timedelta(hours=24)


def check_limits(
    policy: Policy, known: Iterable[Grant], entitlement: str, duration: timedelta, at: datetime, *, more: bool = False
) -> None:
    """Refuse what passes the policy's total for 24 hours, or comes too close to an end.

    It is for a `duration` that begins `at` a time. `known` are the person's grants of the last days, and those that are
    still to come. Shifts do not count: nobody asked for them. An extension is `more` of what is held, which needs no
    pause.
    """
    counted = [g for g in known if g.entitlement == entitlement and not g.schedule and _counts(g)]
    if policy.cool_down and not more:
        _check_pause(policy, counted, at, at + duration)
    if policy.per_day is None:
        return
    had = sum((_time_of(g, at) for g in counted if g.starts_at < at + duration + DAY), timedelta(0))
    if had + duration > policy.per_day:
        left = max(timedelta(0), policy.per_day - had)
        still = f"{spoken(left)} of that are left" if left >= timedelta(minutes=1) else "nothing of that is left"
        msg = f"The policy “{policy.name}” allows {spoken(policy.per_day)} in 24 hours; {still} right now."
        raise Refused(msg)


def is_too_often(emergency: Emergency, recent: Iterable[Grant], now: datetime) -> bool:
    """Tell whether a person had as many emergencies lately as the policy allows before it steps down."""
    since = now - emergency.within
    return sum(g.emergency and g.approved_at > since for g in recent) >= emergency.most


def _counts(grant: Grant) -> bool:
    """Tell whether a grant was usable at some time, or is to be."""
    return grant.activated_at is not None or (grant.state is GrantState.PROVISIONING and not grant.failure)


def _check_pause(policy: Policy, grants: Sequence[Grant], begins: datetime, ends: datetime) -> None:
    pause = policy.cool_down
    last = max((g.ended_at for g in grants if g.ended_at is not None), default=None)
    if last is not None and begins < last + pause:
        left = spoken(_minutes(last + pause - begins))
        msg = f"This access ended a short while ago; it can be asked for again in {left}."
        raise Refused(msg)
    if any(begins < g.expires_at + pause and g.starts_at < ends + pause for g in grants if g.ended_at is None):
        msg = f"You have this already, or are to have it: the policy “{policy.name}” wants {spoken(pause)} between."
        raise Refused(msg)


def _time_of(grant: Grant, at: datetime) -> timedelta:
    """Give how much of a grant falls into the 24 hours before a time, or comes after it."""
    end = grant.ended_at or grant.ending_at or grant.expires_at
    return max(timedelta(0), end - max(grant.starts_at, at - DAY))


def _minutes(left: timedelta) -> timedelta:
    minute = timedelta(minutes=1)
    return -(-left // minute) * minute
