"""Reconciling: the members of every mapped group, on both sides, against the grants; again and again.

A look only ever ends in a whole picture: a read that fails or gives a part raises, and then nothing is changed. What
differs about somebody's grant is settled by that pair's own work; what nobody granted is judged by the roster.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

import structlog

from accessbot.domain import rosters
from accessbot.domain.errors import Conflict, Missing, VendorError
from accessbot.domain.groups import Roster
from accessbot.domain.lifecycle import SYSTEM
from accessbot.domain.model import AuditEvent, pair_key
from accessbot.domain.rosters import Members, Reconcile
from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change
from accessbot.service import evicting, mapping, schedule
from accessbot.service.context import new_id, save, soon

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from accessbot.domain.model import Entitlement, Grant, Pair
    from accessbot.domain.rosters import Stranger, Verdict
    from accessbot.ports import Store
    from accessbot.service.context import Context

_MAPPING_EVERY = 10
"""Every so many looks the group's mapping is read again, too."""

_LOOK_NOTED = timedelta(minutes=5)
_TRIES = 10
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One whole look at a group: what the roster said before, who is there, and what differs."""

    group: str
    policy: Reconcile
    roster: Roster
    members: Members
    grants: tuple[Grant, ...]
    verdict: Verdict
    hot: bool

    @property
    def first(self) -> bool:
        """Tell whether nobody looked before: then whoever is there is standing."""
        return self.roster.looked_at is None


def sweep(ctx: Context, group: str) -> datetime | None:
    """Look at one mapped group on both sides and settle what differs; give the time of the next look.

    Gives None for a group that the catalog does not have and that no grant is on. Raises the `VendorError` of a read
    that failed, with nothing changed.
    """
    entitlement = _entitlement(ctx, group)
    trouble = _keep_mapping_fresh(ctx, entitlement)
    try:
        seen = look(ctx, group)
    except Missing as error:
        return _gone(ctx, group, entitlement, error)
    if seen is None:
        return None
    if entitlement is not None:
        mapping.google_group_is(ctx, entitlement, "")
    strangers = _settle(ctx, seen, entitlement)
    if strangers and seen.policy is Reconcile.REMOVE:
        evicting.evict(ctx, group, seen.members, strangers)
    if trouble is not None:
        raise trouble
    return ctx.store.now() + (min(schedule.SWEEP_AFTER_END, ctx.terms.sweep_period) if seen.hot else _period(ctx))


def look(ctx: Context, group: str) -> Look | None:
    """Read a group's members on both sides and compare them with the grants; change nothing.

    Gives None when the catalog does not have the group and no grant is or was lately on it. Raises the `VendorError`
    of a read that failed.
    """
    before = tuple(ctx.store.grants_in(group))
    lately = ctx.store.now() - 3 * ctx.terms.sync_period
    if not before and not ctx.store.left(group, lately) and not ctx.catalog.current().of_group(group):
        return None
    roster = ctx.store.roster(group) or Roster(key=group)
    members = _read(ctx, group, before)
    after = tuple(ctx.store.grants_in(group))
    left = ctx.store.left(group, lately)  # after the members: who came and went meanwhile is here, or in `after`
    if roster.looked_at is not None:
        members = _named(ctx, roster, members, (*before, *after))
    now = ctx.store.now()
    return Look(
        group=group,
        policy=Reconcile(ctx.catalog.current().reconcile),
        roster=roster,
        members=members,
        grants=(*before, *after),
        verdict=rosters.judge(roster, members, before, after, _pairs(ctx, group, left)),
        hot=any(now - at < 2 * ctx.terms.sync_period for at in left.values()),
    )


def ask(store: Store, group: str) -> None:
    """Have a group looked at, and its mapping read, by the next worker that is free; `asked_at` is there until then.

    Raises `Conflict` while sweeps keep changing the group's roster.
    """
    for _ in range(_TRIES):
        now = store.now()
        roster = store.roster(group) or Roster(key=group)
        due = Due(Work(WorkKind.SWEEP, group), now)
        try:
            store.commit(Change(op=new_id("look"), puts=(replace(roster, asked_at=now),), due=(due,)))
        except Conflict:
            continue  # a sweep wrote its look down meanwhile
        return
    raise Conflict(f"The roster of {group} keeps changing; run this again.")


def adopt(ctx: Context, group: str, *, operator: str) -> tuple[Stranger, ...]:
    """Look at a group and count all its out-of-band members as standing from now on; give them.

    Raises the `VendorError` of a read that failed, and `Conflict` when a sweep came in between.
    """
    entitlement = _entitlement(ctx, group)
    seen = look(ctx, group)
    if seen is None or not seen.verdict.strangers:
        return ()
    now = ctx.store.now()
    strangers = seen.verdict.strangers
    event = _event(seen, seen.roster, "membership.adopted", entitlement, now, strangers, operator)
    counted = rosters.adopted(seen.roster, seen.members, present(ctx, seen))
    roster = rosters.looked_at(counted, seen.members, (), now)
    due = soon(Work(WorkKind.ALERT, f"drift:{group}"), now)
    save(ctx, Change(op=new_id("adopt"), puts=(roster,), events=(event,), due=(due,)), now)
    return strangers


def _period(ctx: Context) -> timedelta:
    groups = {entitlement.group for entitlement in ctx.catalog.current().entitlements.values()}
    return max(ctx.terms.sweep_period, len(groups) * schedule.FOR_EACH_GROUP)


def _entitlement(ctx: Context, group: str) -> Entitlement | None:
    found = ctx.catalog.current().of_group(group)
    if not found and ctx.catalog.refresh():
        found = ctx.catalog.current().of_group(group)
    return found[0] if found else None


def _keep_mapping_fresh(ctx: Context, entitlement: Entitlement | None) -> VendorError | None:
    """Read what the group opens, and by which GroupId it goes, if that was not read lately or an operator asks.

    Gives what kept it from being read where an earlier reading is known: the members are looked at all the same.
    """
    if entitlement is None:
        return None
    known = ctx.store.mapping(entitlement.group)
    roster = ctx.store.roster(entitlement.group)
    asked = roster is not None and roster.asked_at is not None
    if known is not None and not asked and ctx.store.now() - known.checked_at < _MAPPING_EVERY * _period(ctx):
        return None
    try:
        mapping.recheck(ctx, entitlement.group)
    except VendorError as error:
        if known is None:
            raise
        return error
    return None


def _read(ctx: Context, group: str, grants: Iterable[Grant]) -> Members:
    """Read both member lists; in AWS of the pinned group, else of the one that the grants were made with."""
    known = ctx.store.mapping(group)
    aws_group_id = known.aws_group_id if known is not None else next((g.aws_group_id for g in grants), "")
    google = {member.id: member for member in ctx.directory.members(group)}
    aws = ctx.identity_center.members(aws_group_id) if aws_group_id else frozenset()
    return Members(google=MappingProxyType(google), aws_group_id=aws_group_id, aws=aws)


def _named(ctx: Context, roster: Roster, members: Members, grants: Iterable[Grant]) -> Members:
    """Look up the addresses of the AWS users whom nothing accounts for, to tell a sync's copy from a stranger."""
    _, unknown = rosters.unexplained(roster, members, grants)
    found = {user: ctx.identity_center.addresses(user) for user in sorted(unknown)}
    nested: frozenset[str] = frozenset()
    if rosters.has_standing_group(roster, members):
        nested = frozenset(
            user
            for user, addresses in found.items()
            if any("@" in address and ctx.directory.holds(roster.key, address) for address in addresses)
        )
    return replace(members, addresses=MappingProxyType(found), nested=nested)


def _pairs(ctx: Context, group: str, left: Iterable[str]) -> dict[str, Pair]:
    found = ((user, ctx.store.pair(pair_key(group, user))) for user in left)
    return {user: pair for user, pair in found if pair is not None}


def _settle(ctx: Context, seen: Look, entitlement: Entitlement | None) -> tuple[Stranger, ...]:
    """Write the look down, once there is news, and have what differs about grants settled by their pairs.

    Gives the out-of-band members that are left to report or to remove.
    """
    now = ctx.store.now()
    if seen.verdict.unsettled:
        _log.warning("memberships differ from the grants", group=seen.group, pairs=seen.verdict.unsettled)
    due = [soon(Work(WorkKind.VERIFY, pair), now) for pair in seen.verdict.unsettled]
    roster, strangers = rosters.rebased(seen.roster, seen.members, seen.verdict.strangers)
    events: list[AuditEvent] = []
    if seen.first:
        roster, strangers = rosters.adopted(seen.roster, seen.members, present(ctx, seen)), ()
        events.append(_event(seen, roster, "roster.begun", entitlement, now))
    elif strangers and seen.policy is Reconcile.ADOPT:
        events.append(_event(seen, roster, "membership.adopted", entitlement, now, strangers))
        roster, strangers = rosters.adopted(roster, seen.members, strangers), ()
    roster = replace(rosters.looked_at(roster, seen.members, strangers, now), asked_at=None)
    if seen.roster.braked_at is not None and roster.braked_at is None:
        due.append(soon(Work(WorkKind.ALERT, f"brake:{seen.group}"), now))
    reported = not roster.strangers or seen.policy is not Reconcile.REMOVE
    if roster.strangers != seen.roster.strangers and reported:
        due.append(soon(Work(WorkKind.ALERT, f"drift:{seen.group}"), now))
    if due or events or _is_news(seen.roster, roster):
        op = f"sweep:{seen.group}:{seen.roster.rev}:{now.timestamp()}"
        save(ctx, Change(op=op, puts=(roster,), events=tuple(events), due=tuple(due)), now)
    return strangers


def present(ctx: Context, seen: Look) -> tuple[Stranger, ...]:
    """List who is to count as standing: the strangers, and at the first look what stood before the grants of now."""
    if not seen.first:
        return seen.verdict.strangers
    held = _pairs(ctx, seen.group, {grant.google_user_id for grant in seen.grants})
    return (*seen.verdict.strangers, *rosters.standing_of(seen.grants, held.values(), seen.members))


def _is_news(old: Roster, new: Roster) -> bool:
    if old.looked_at is None or new.looked_at is None or new.looked_at - old.looked_at >= _LOOK_NOTED:
        return True
    return replace(new, looked_at=old.looked_at) != old


def _event(
    seen: Look,
    roster: Roster,
    action: str,
    entitlement: Entitlement | None,
    now: datetime,
    strangers: Iterable[Stranger] = (),
    actor: str = SYSTEM,
) -> AuditEvent:
    """Make the event that tells who counts as standing from now on."""
    counted = rosters.adopted(roster, seen.members, strangers)
    return AuditEvent(
        time=now,
        actor=actor,
        action=action,
        subject=seen.group,
        entitlement=entitlement.id if entitlement else "",
        reason=", ".join(each.words for each in strangers)
        or f"standing members: {len(counted.google)} at Google, {len(counted.aws)} in AWS",
    )


def _gone(ctx: Context, group: str, entitlement: Entitlement | None, error: Missing) -> datetime:
    """Have it told that a group itself is missing on one side; nothing follows from that about its members."""
    _log.warning("a mapped group is missing", group=group, vendor=error.vendor, error=error.sentence)
    if entitlement is not None and error.vendor == "Google":
        mapping.google_group_is(ctx, entitlement, f"{entitlement.id} is closed for new grants: {error.sentence}")
    elif entitlement is not None:
        mapping.recheck(ctx, group)
    roster = ctx.store.roster(group)
    if roster is not None and roster.asked_at is not None:
        ctx.store.commit(Change(op=new_id("look"), puts=(replace(roster, asked_at=None),)))  # there is no more to see
    return ctx.store.now() + _period(ctx)
