"""Converging: make the memberships of one (group, person) pair what its live grants want, and prove it by reading.

This is the only place that writes to Google or AWS. Everything on a pair runs under one lease; the wanted state is
read afresh from the grants under it, so a late insert cannot follow a revoke and a revoke cannot take what a new grant
just added. Every step may run twice, stop anywhere, and be taken up by another process.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from accessbot.domain import lifecycle, pairs
from accessbot.domain.errors import Conflict, LeaseBusy, Missing, NotAuthorised, Rejected, VendorError
from accessbot.domain.model import GOOGLE_SIDE, GrantState, Pair
from accessbot.ports import Change
from accessbot.service import concluding, schedule, sides
from accessbot.service.context import save

if TYPE_CHECKING:
    from datetime import datetime

    from accessbot.domain.model import Grant
    from accessbot.ports import Lease
    from accessbot.service.context import Context
    from accessbot.service.sides import Side

HOLD = timedelta(seconds=4)
"""How long the lease outlives a holder that died; it is prolonged before every call."""

_PASSES = 8
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picture:
    """A pair as it stands at `now`: which grants want it, which are leaving it, and the sides the wanted ones need.

    `over` are those in neither: their time is over, and their own end, which is due, has not begun to take them away.
    """

    pair: Pair
    wanted: tuple[Grant, ...]
    leaving: tuple[Grant, ...]
    over: tuple[Grant, ...]
    needed: tuple[Side, ...]
    now: datetime

    @property
    def busy(self) -> bool:
        """Tell whether the pair has grants beside those that are leaving."""
        return bool(self.wanted or self.over)


def converge(ctx: Context, key: str) -> None:
    """Bring a pair to what its grants want; grants that got there become active, revoked or provision_failed.

    Raises `LeaseBusy` when another process is at it, and the `VendorError` of whatever could not be done or proven:
    what was done stays done, what was proven is recorded, and the rest is for the next try.
    """
    with ctx.store.lease(f"pair:{key}", HOLD) as lease:
        for _ in range(_PASSES):
            try:
                _pass(ctx, key, lease)
            except Conflict:
                continue  # a grant changed under our hands, say by an early end: look at it afresh
            return
    msg = "The grants of this pair keep changing; it is tried again in a moment."
    raise LeaseBusy(msg)


def verify(ctx: Context, key: str) -> datetime | None:
    """Look again at a pair that changed lately; put back what vanished, remove what came back after its end.

    Gives the time of the next look, None when there is none.
    """
    converge(ctx, key)
    pair = ctx.store.pair(key)
    live = [g.activated_at for g in ctx.store.grants_on(key) if g.activated_at is not None]
    changed_at = pair.last_ended_at if pair is not None and pair.last_ended_at is not None else max(live, default=None)
    if changed_at is None:
        return None
    return schedule.next_check(changed_at, ctx.terms.sync_period, ctx.store.now())


def _look(ctx: Context, key: str) -> _Picture:
    now = ctx.store.now()
    grants = ctx.store.grants_on(key)
    wanted = tuple(g for g in grants if lifecycle.is_wanted(g, now))
    leaving = tuple(g for g in grants if g.state is GrantState.REVOKING or g.failure)
    return _Picture(
        pair=ctx.store.pair(key) or Pair(key=key),
        wanted=wanted,
        leaving=leaving,
        over=tuple(g for g in grants if g not in wanted and g not in leaving),
        needed=sides.of_grants(wanted),
        now=now,
    )


def _pass(ctx: Context, key: str, lease: Lease) -> None:
    seen = _look(ctx, key)
    trouble: VendorError | None = None
    try:
        _take_away(ctx, lease, seen)
        concluding.leave(ctx, seen.leaving, seen.pair, needed=seen.needed, busy=seen.busy)
    except VendorError as error:
        trouble = error  # a removal that cannot be done yet does not hold up the grants that live
    if seen.wanted:
        _arrive(ctx, lease, seen)
    if trouble is not None:
        raise trouble


def _arrive(ctx: Context, lease: Lease, seen: _Picture) -> None:
    try:
        pair = _make_present(ctx, lease, seen)
    except (Missing, NotAuthorised, Rejected) as error:
        hopeless = [g for g in seen.wanted if g.state is GrantState.PROVISIONING]
        for grant in hopeless:
            concluding.give_up(ctx, grant, error.sentence)
        if not hopeless:
            raise
        raise Conflict(error.sentence) from error  # what was written of them is taken back in the next pass
    concluding.arrive(ctx, seen.wanted, pair)


def _make_present(ctx: Context, lease: Lease, seen: _Picture) -> Pair:
    """See to it that every side the wanted grants need is there: decide whose it is, write, read back."""
    there = {}
    for side in seen.needed:
        lease.ensure(sides.CALL)
        there[side.key] = sides.read(ctx, side)
    pair = _decide(ctx, seen, there)
    absent = [side for side in seen.needed if not there[side.key]]
    live = [grant for grant in seen.wanted if grant.state is GrantState.ACTIVE]
    if absent and live:
        pair = concluding.restoring(ctx, pair, live[0], absent)  # the log knows of every change before it is made
    if absent:
        ctx.store.confirm()
    for side in absent:  # Google first: if it fails, nothing is written to AWS
        lease.ensure(sides.CALL)
        sides.write(ctx, side)
    for side in absent:
        sides.prove(ctx, lease, side, there=True)
    return pair


def _decide(ctx: Context, seen: _Picture, there: dict[str, bool]) -> Pair:
    """Store, before the first write, of each side whether its membership was there before us.

    What was decided holds while the pair is in use, and for two sync periods after: a membership that shows up by then
    may be our own, put back late by a sync. A pair in use has no `last_ended_at`; taking it into use and deciding are
    one write, so a crash after it cannot make our own membership look like somebody else's. A side that is absent is
    ours from the moment we write it; one that shows up in AWS while Google's is ours was copied from our own.
    """
    old = seen.pair
    lapsed = old.last_ended_at is not None and seen.now >= old.last_ended_at + 2 * ctx.terms.sync_period
    standing = {} if lapsed else dict(old.standing)
    google_is_ours = standing.get(GOOGLE_SIDE) is False
    for side in seen.needed:
        if not there[side.key]:
            standing[side.key] = False
        elif side.key not in standing:
            standing[side.key] = side.is_google or not google_is_ours
    if dict(old.standing) == standing and old.last_ended_at is None and old.rev:
        return old
    step = pairs.decided(old, standing, seen.wanted[0], seen.now)
    op = f"pair:{old.key}:{old.rev}:{seen.now.timestamp()}"
    save(ctx, Change(op=op, puts=(step.record,), events=(step.event,)), seen.now)
    return replace(step.record, rev=old.rev + 1)


def _ours(ctx: Context, seen: _Picture) -> list[Side]:
    """List the sides that were made by us and that no wanted grant needs.

    On a pair without grants a membership is ours only if it can be our own, put back by a sync: not long after the last
    look was due, and not in AWS for somebody who stands in the Google group, since the sync copies that.
    """
    pair, needed = seen.pair, {side.key for side in seen.needed}
    unused = not (seen.busy or seen.leaving)
    if unused and pair.last_ended_at is not None and seen.now > pair.last_ended_at + 3 * ctx.terms.sync_period:
        return []
    copied = unused and pair.standing.get(GOOGLE_SIDE, False)
    vouched = any(grant.vouched_by for grant in seen.leaving)
    return [
        replace(side, vouched=vouched)
        for side in sides.of_pair(pair)
        if pair.standing[side.key] is False and side.key not in needed and (side.is_google or not copied)
    ]


def _take_away(ctx: Context, lease: Lease, seen: _Picture) -> None:
    """Remove every side that is ours and that no wanted grant needs; AWS first, since that is what opens accounts.

    A failure on one side does not spare the other; the first one is raised when both were tried.
    """
    trouble: VendorError | None = None
    removed = []
    pair = seen.pair
    ended = not seen.leaving and not seen.over
    for side in sorted(_ours(ctx, seen), key=lambda s: s.is_google):
        try:
            lease.ensure(sides.CALL)
            # A grant that leaves is erased without asking first: a write of ours may not be visible yet.
            if seen.leaving or sides.is_there(ctx, side):
                if ended:
                    pair = concluding.resurrected(ctx, pair, side)
                lease.ensure(sides.CALL)
                sides.erase(ctx, side)
                removed.append(side)
        except VendorError as error:
            _log.warning("membership not removed yet", pair=seen.pair.key, side=str(side), error=error.sentence)
            trouble = trouble or error
    for side in removed:
        try:
            sides.prove(ctx, lease, side, there=False)
        except VendorError as error:
            _log.warning("removal not proven yet", pair=seen.pair.key, side=str(side), error=error.sentence)
            trouble = trouble or error
    if trouble is not None:
        raise trouble
