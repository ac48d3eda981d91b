"""Leaving: whoever holds access is looked up at Google again and again; with their account, all of it goes.

An account that is suspended or archived is gone at once. One that Google does not find is gone only when it is not
found twice, some seconds apart: a user id is never given out again, but a reading may be late. A look-up that fails
says nothing, and is tried again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from accessbot.domain.errors import Missing, VendorError
from accessbot.domain.lifecycle import SYSTEM
from accessbot.domain.model import EndCause, GrantState
from accessbot.domain.work import Work, WorkKind
from accessbot.ports import Change
from accessbot.service import closing
from accessbot.service.context import save, soon

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from accessbot.domain.model import Grant
    from accessbot.service.context import Context

APART = timedelta(seconds=3)
"""How long after it was not found for the first time an account is looked up once more."""

_SHARE = 5
"""All looks together use at most one of so many parts of the calls to Google."""

_PROOF = timedelta(seconds=10)
_TOGETHER = timedelta(minutes=10)
_RECENT = timedelta(days=30)
_log = structlog.get_logger(__name__)


def look(ctx: Context, person: str) -> datetime | None:
    """Look somebody who holds access (Slack user id) up at Google; end all of it once their account is gone.

    Gives the time of the next look, None when they hold nothing any more. Raises the `VendorError` of a look-up that
    failed, with nothing changed.
    """
    known = ctx.store.grants_of(person)
    held = [grant for grant in known if closing.is_held(grant)]
    gone = _gone(ctx, held)
    told = not held or gone or any(grant.end_cause is EndCause.OFFBOARDED for grant in known)
    while gone and held:
        # The ends come last: as long as one has not begun, whoever takes this up does all of it again.
        for request in ctx.store.pending_of(person):
            if request.requester == person:
                closing.deny(ctx, request.id, gone)
        for grant in held:
            closing.end(ctx, grant.id, EndCause.OFFBOARDED, SYSTEM, gone)
        held = [grant for grant in ctx.store.grants_of(person) if closing.is_held(grant)]
    again = [_follow(ctx, person) if told else None, ctx.store.now() + period(ctx) if held else None]
    return min((at for at in again if at is not None), default=None)


def period(ctx: Context) -> timedelta:
    """Say how often each holder is looked up: every minute, or less often where so many hold access."""
    counted = ctx.store.count()
    live = sum(counted[f"grants.{state}"] for state in (GrantState.PROVISIONING, GrantState.ACTIVE))
    return max(ctx.terms.look_period, live * timedelta(seconds=_SHARE / ctx.terms.google_per_second))


def offboarded(ctx: Context, person: str) -> tuple[Grant, ...]:
    """List the grants that ended together as a person's account was last found gone; by when they began to end."""
    known = {grant.id: grant for grant in ctx.store.recent_grants(person, ctx.store.now() - _RECENT)}
    known |= {grant.id: grant for grant in ctx.store.grants_of(person)}
    found = [grant for grant in known.values() if grant.end_cause is EndCause.OFFBOARDED]
    last = max((grant.ending_at for grant in found if grant.ending_at is not None), default=None)
    return tuple(
        sorted(
            (g for g in found if g.ending_at is not None and last is not None and last - g.ending_at < _TOGETHER),
            key=lambda g: (g.ending_at, g.id),
        )
    )


def _follow(ctx: Context, person: str) -> datetime | None:
    """Have the operators told of what ends, once it began and once all of it is proven; give the time to look again."""
    going = [g for g in ctx.store.grants_of(person) if g.end_cause is EndCause.OFFBOARDED]
    together = offboarded(ctx, person)
    if not together:
        return None
    now, first = ctx.store.now(), together[0].id
    due = (soon(Work(WorkKind.ALERT, f"offboarded:{first}"), now),)
    # One operation for what began and one for its proof: seen again it adds nothing.
    save(ctx, Change(op=f"offboarded:{first}:{len(together)}:{'ends' if going else 'ended'}", due=due), now)
    return now + _PROOF if going else None


def _gone(ctx: Context, held: Iterable[Grant]) -> str:
    """Say why somebody's access has to go, "" if it has not to; raises what keeps it from being known."""
    trouble: VendorError | None = None
    for key, email in {_account(ctx, grant): grant.email for grant in held}.items():
        try:
            gone = _why(ctx, key, email)
        except VendorError as error:
            trouble = trouble or error
            continue
        if gone:
            _log.warning("a holder's Google account is gone", account=key, why=gone)
            return gone
    if trouble is not None:
        raise trouble
    return ""


def _account(ctx: Context, grant: Grant) -> str:
    """Give the Google user id that a grant is for; what was not prepared yet is for the one who was looked up."""
    if grant.google_user_id:
        return grant.google_user_id
    request = ctx.store.request(grant.request_id)
    return (request.google_id if request is not None else "") or grant.email


def _why(ctx: Context, key: str, email: str) -> str:
    for tried in range(2):
        try:
            user = ctx.directory.user(key)
        except Missing as error:
            if error.what != "user":
                raise
            if not tried:
                ctx.pause(APART)
            continue
        if user.suspended or user.archived:
            return f"The Google account {user.email} is {'suspended' if user.suspended else 'archived'}."
        return ""
    return f"The Google account {email} was deleted."
