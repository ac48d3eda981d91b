"""Delegating: somebody who is away leaves their decisions in another's hands for some time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from accessbot.domain import registers
from accessbot.domain.durations import spoken
from accessbot.domain.errors import Conflict, FieldRefused
from accessbot.ports import Change
from accessbot.service.context import new_id, save

if TYPE_CHECKING:
    from datetime import datetime

    from accessbot.domain.records import Delegation
    from accessbot.domain.registers import DelegationStep
    from accessbot.service.context import Context

LONGEST = timedelta(days=30)
"""For how long decisions can be left in somebody's hands at once."""

LATEST_BEGIN = timedelta(days=90)
"""How far ahead that may begin."""


def delegate(ctx: Context, *, person: str, delegate: str, begins: datetime, ends: datetime) -> Delegation:
    """Leave a person's decisions in a delegate's hands between two times, in place of what they said before.

    Both are Slack user ids. A begin in the past is taken as now. Whether a policy lets a delegate decide, and whether
    both may decide on a request at all, is judged with each decision. Raises `FieldRefused` (`begins`, `ends`,
    `delegate`) for times or a delegate that do not do, `Refused` for somebody who is no full member, and `VendorError`
    while Slack does not tell.
    """
    _check_times(begins, ends, ctx.store.now())
    if delegate == person:
        raise FieldRefused("delegate", "That is you: choose somebody else to decide in your stead.")
    away, stands_in = ctx.workspace.person(person), ctx.workspace.person(delegate)
    if stands_in.email.casefold() == away.email.casefold():
        raise FieldRefused("delegate", "That account is yours too: choose somebody else to decide in your stead.")
    while True:
        now = ctx.store.now()
        begin = max(begins, now)
        old = ctx.store.delegation(person)
        if old is not None and _same(old, delegate, begin, ends, now):
            return old
        step = registers.delegated(old, person, delegate, begin, ends, actor=person, at=now)
        if _saved(ctx, step, now):
            return step.record


def take_back(ctx: Context, *, person: str) -> Delegation | None:
    """Take a person's decisions back into their own hands now; gives what was ended, None when nothing was."""
    while True:
        old, now = ctx.store.delegation(person), ctx.store.now()
        if old is None or old.ends <= now:
            return None
        step = registers.delegated(old, person, old.delegate, min(old.begins, now), now, actor=person, at=now)
        if _saved(ctx, step, now):
            return step.record


def in_stead_of(ctx: Context, slack_id: str, now: datetime) -> tuple[str, ...]:
    """Give the Slack ids of those whose own decisions are in a person's hands at a time.

    What somebody decides in another's stead they cannot pass on: a delegate of a delegate stands in for the latter
    alone.
    """
    return tuple(sorted(d.key for d in ctx.store.delegations_to(slack_id) if d.begins <= now < d.ends))


def _check_times(begins: datetime, ends: datetime, now: datetime) -> None:
    if ends <= now:
        raise FieldRefused("ends", "That time is over; choose a later end.")
    if ends <= begins:
        raise FieldRefused("ends", "The end has to come after the beginning.")
    if begins > now + LATEST_BEGIN:
        raise FieldRefused("begins", f"It can begin within {spoken(LATEST_BEGIN)}; choose an earlier beginning.")
    if ends - max(begins, now) > LONGEST:
        raise FieldRefused("ends", f"Decisions can be left to somebody for {spoken(LONGEST)} at most.")


def _same(old: Delegation, delegate: str, begins: datetime, ends: datetime, now: datetime) -> bool:
    """Tell whether what is wanted is what is stored already, since a form was sent twice."""
    return old.delegate == delegate and old.ends == ends and max(old.begins, now) == begins


def _saved(ctx: Context, step: DelegationStep, now: datetime) -> bool:
    try:
        save(ctx, Change(op=new_id("delegation"), puts=(step.record,), events=(step.event,)), now)
    except Conflict:
        return False
    return True
