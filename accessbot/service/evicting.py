"""Evicting: take an out-of-band member out of a group, where the catalog says so and the brake lets it.

It works under the lease of the person's pair, like everything that writes to Google or AWS, and looks once more whether
a grant wants the membership by now.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from accessbot.domain import rosters
from accessbot.domain.errors import LeaseBusy, Missing, Rejected, VendorError
from accessbot.domain.groups import ALL_GROUPS, Roster
from accessbot.domain.lifecycle import SYSTEM
from accessbot.domain.model import GOOGLE_SIDE, AuditEvent, aws_side, pair_key
from accessbot.domain.work import Work, WorkKind
from accessbot.ports import Change
from accessbot.service import converging, sides
from accessbot.service.context import new_id, save, soon
from accessbot.service.sides import Side

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from accessbot.domain.errors import AccessbotError
    from accessbot.domain.rosters import Members, Stranger
    from accessbot.service.context import Context

_log = structlog.get_logger(__name__)


def evict(ctx: Context, group: str, members: Members, strangers: Sequence[Stranger]) -> None:
    """Remove out-of-band members from both sides and read them back gone; all of them, or, with the brake on, none.

    Raises `LeaseBusy` while somebody works on one of the pairs, `Conflict` when another removal was counted meanwhile,
    and the `VendorError` of what could not be removed or proven; the next look tries again.
    """
    braked, new = brake(ctx, group, members, strangers)
    if braked is not None:
        _put_on(ctx, braked, new, ctx.store.now())
        return
    trouble: AccessbotError | None = None
    for stranger in strangers:
        try:
            _remove(ctx, group, members, stranger)
        except (VendorError, LeaseBusy) as error:
            _log.warning("out-of-band member not removed yet", group=group, who=stranger.words, error=error.sentence)
            trouble = trouble or error
    if trouble is not None:
        raise trouble


def brake(
    ctx: Context, group: str, members: Members, strangers: Sequence[Stranger], beside: int = 0
) -> tuple[Roster | None, int]:
    """Give the roster whose brake holds these removals, the group's or that of all, and how many would be new.

    The roster is None when they may be made; what an operator released in the group counts for that of all no more.
    `beside` are removals in other groups that are to be made as well.
    """
    now = ctx.store.now()
    own = ctx.store.roster(group) or Roster(key=group)
    new = sum(not rosters.is_counted(own, stranger.key, now) for stranger in strangers)
    if not rosters.may_remove(own, members.size, new, now):
        return own, new
    if rosters.is_released(own, now):
        return None, new
    together = ctx.store.roster(ALL_GROUPS) or Roster(key=ALL_GROUPS)
    groups = {entitlement.group for entitlement in ctx.catalog.current().entitlements.values()} - {group}
    known = [ctx.store.roster(each) for each in groups]
    size = members.size + sum(roster.size for roster in known if roster is not None)
    return (None if rosters.may_remove(together, size, new + beside, now) else together), new


def release(ctx: Context, group: str, *, operator: str) -> bool:
    """Let removals go on in a group (`*`: in all together) and start its count anew; False when no brake was on."""
    roster = ctx.store.roster(group)
    if roster is None or roster.braked_at is None:
        return False
    now = ctx.store.now()
    event = AuditEvent(time=now, actor=operator, action="brake.released", subject=group, before="on", after="off")
    due = [soon(Work(WorkKind.ALERT, f"brake:{group}"), now)]
    if group != ALL_GROUPS:
        due.append(soon(Work(WorkKind.SWEEP, group), now))
    change = Change(op=new_id("release"), puts=(rosters.released(roster, now),), events=(event,), due=tuple(due))
    save(ctx, change, now)
    return True


def _put_on(ctx: Context, roster: Roster, count: int, now: datetime) -> None:
    if roster.braked_at is not None:
        return
    event = AuditEvent(
        time=now,
        actor=SYSTEM,
        action="brake.on",
        subject=roster.key,
        reason=f"{count} more removals would be too many within an hour",
        before="off",
        after="on",
    )
    change = Change(
        op=f"brake:{roster.key}:{roster.rev}",
        puts=(replace(roster, braked_at=now),),
        events=(event,),
        due=(soon(Work(WorkKind.ALERT, f"brake:{roster.key}"), now),),
    )
    save(ctx, change, now)


def _remove(ctx: Context, group: str, members: Members, stranger: Stranger) -> None:
    key = pair_key(group, stranger.google or _google_user(ctx, stranger))
    with ctx.store.lease(f"pair:{key}", converging.HOLD) as lease:
        if ctx.store.grants_on(key) or any(g.aws_user_id == stranger.aws for g in ctx.store.grants_in(group)):
            return  # granted meanwhile
        _count(ctx, group, key, stranger)
        ctx.store.confirm()
        wrong = _sides(group, members.aws_group_id, stranger)
        for side in wrong:
            lease.ensure(sides.CALL)
            sides.erase(ctx, side)
        for side in wrong:
            sides.prove(ctx, lease, side, there=False)
        _note_done(ctx, group, stranger)
    _log.info("out-of-band member removed", group=group, who=stranger.words)


def _google_user(ctx: Context, stranger: Stranger) -> str:
    """Give the Google user of somebody found in AWS alone, under whose pair a grant to them would run."""
    try:
        return ctx.directory.user(stranger.who).id
    except (Missing, Rejected):
        return f"aws:{stranger.aws}"


def _sides(group: str, aws_group_id: str, stranger: Stranger) -> list[Side]:
    """List where the member is; AWS first, since that is what opens accounts."""
    found = []
    if stranger.aws:
        key = aws_side(aws_group_id, stranger.aws)
        found.append(Side(key=key, group=aws_group_id, member=stranger.aws))
    if stranger.google:
        found.append(Side(key=GOOGLE_SIDE, group=group, member=stranger.google))
    return found


def _count(ctx: Context, group: str, key: str, stranger: Stranger) -> None:
    """Write down, in the log and for the brakes, that a removal begins; once, however often it has to be tried."""
    now = ctx.store.now()
    own = ctx.store.roster(group) or Roster(key=group)
    if rosters.is_counted(own, stranger.key, now):
        return
    together = ctx.store.roster(ALL_GROUPS) or Roster(key=ALL_GROUPS)
    entitlement = next(iter(ctx.catalog.current().of_group(group)), None)
    event = AuditEvent(
        time=now,
        actor=SYSTEM,
        action="membership.removed",
        subject=key,
        entitlement=entitlement.id if entitlement else "",
        reason=f"out of band: {stranger.words}",
    )
    change = Change(
        op=new_id("evict"),
        puts=(
            rosters.removing(own, stranger, now),
            *(() if rosters.is_released(own, now) else (rosters.removing(together, stranger, now),)),
        ),
        events=(event,),
        due=(soon(Work(WorkKind.ALERT, f"evicted:{group}"), now),),
    )
    save(ctx, change, now)


def _note_done(ctx: Context, group: str, stranger: Stranger) -> None:
    now = ctx.store.now()
    own = ctx.store.roster(group)
    if own is not None:
        save(ctx, Change(op=new_id("evicted"), puts=(rosters.removed(own, stranger.key, now),)), now)
