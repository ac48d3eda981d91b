"""Expiring: have Google end a membership by itself, some time after its last grant, should all of accessbot be gone.

A net under our own ends, never in their place. It is a work of its own, done after a grant is active, so nobody waits
for it and nothing of it fails a grant. It is never set on a membership that was there before us, and never for a time
before the latest end that is wanted: a later end moves it, and every end of a grant has it looked at again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import structlog

from accessbot.domain import lifecycle
from accessbot.domain.errors import Missing, NotAuthorised, Rejected
from accessbot.domain.instants import to_ms
from accessbot.domain.lifecycle import SYSTEM
from accessbot.domain.model import GOOGLE_SIDE, AuditEvent, GrantState
from accessbot.domain.work import Work, WorkKind
from accessbot.ports import Change
from accessbot.service import converging
from accessbot.service.context import save, soon

if TYPE_CHECKING:
    from datetime import datetime

    from accessbot.domain.errors import VendorError
    from accessbot.domain.model import Grant
    from accessbot.service.context import Context

_log = structlog.get_logger(__name__)

CALL = timedelta(seconds=2)
"""Longest time that a call may take: one of them is made under the pair's lease, on which an end may wait."""

NOT_SEEN = timedelta(seconds=30)
"""When a membership is looked for again that Google does not show there, though a grant wants it."""

REFUSED = timedelta(minutes=15)
"""When a refusal that operators have to mend is tried again."""

_DAY_S = 86_400


class _Net(NamedTuple):
    """The grant that ends last on a pair, and when Google is to end the membership."""

    grant: Grant
    at: datetime


def expire(ctx: Context, key: str) -> datetime | None:
    """Have Google end a pair's membership a grace after its latest end; gives when to try again, None when done.

    Raises `Unavailable`, `LeaseBusy` to be tried again. What Google refuses is tried again much later; the operators
    are told, once a day at most.
    """
    if ctx.expiry is None:
        return None
    net = _net(ctx, key)
    if net is None:
        return None
    try:
        membership = ctx.expiry.find(net.grant.google_group, net.grant.email)
        if membership is not None and _set(ctx, key, membership):
            return None
    except (Missing, NotAuthorised, Rejected) as error:
        return _refused(ctx, key, error)
    return ctx.store.now() + NOT_SEEN


def _net(ctx: Context, key: str) -> _Net | None:
    """Say what is wanted now; None for a membership that is not ours, or that no active grant holds."""
    now = ctx.store.now()
    wanted = [grant for grant in ctx.store.grants_on(key) if lifecycle.is_wanted(grant, now)]
    pair = ctx.store.pair(key)
    if pair is None or pair.standing.get(GOOGLE_SIDE) is not False:
        return None
    if not any(grant.state is GrantState.ACTIVE for grant in wanted):
        return None
    last = max(wanted, key=lambda grant: grant.expires_at)
    return _Net(last, last.expires_at + ctx.terms.expiry_grace)


def _set(ctx: Context, key: str, membership: str) -> bool:
    """Log the end and ask for it, under the pair's lease and from its grants as they are under it.

    So no end of ours, and nobody who stands in the group after it, is caught by what was looked up before. Gives False
    when the membership is not to be seen.
    """
    if ctx.expiry is None:
        return True
    with ctx.store.lease(f"pair:{key}", converging.HOLD) as lease:
        net = _net(ctx, key)
        if net is None:
            return True
        _record(ctx, key, net)
        lease.ensure(CALL)
        return ctx.expiry.end_at(membership, net.at)


def _record(ctx: Context, key: str, net: _Net) -> None:
    """Log, before it is asked for, when Google is to end the membership; a second try of the same adds nothing."""
    now = ctx.store.now()
    event = AuditEvent(
        time=now,
        actor=SYSTEM,
        action="membership.expiry",
        subject=key,
        person=net.grant.requester,
        entitlement=net.grant.entitlement,
        reason=f"Google is to end it by itself at {net.at.isoformat()}",
        data={"ends_ms": to_ms(net.at)},
    )
    save(ctx, Change(op=f"expiry:{key}:{to_ms(net.at)}", events=(event,)), now)


def _refused(ctx: Context, key: str, error: VendorError) -> datetime:
    now = ctx.store.now()
    _log.error("Google will not end a membership by itself", pair=key, code=error.code, error=error.sentence)
    alert = soon(Work(WorkKind.ALERT, "expiry_refused:Google"), now)
    save(ctx, Change(op=f"expiry-refused:{int(now.timestamp()) // _DAY_S}", due=(alert,)), now)
    return now + REFUSED
