"""Mapping: a Google group must open exactly what the catalog says, no more and no less, or nothing is granted on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from accessbot.domain.errors import Ambiguous, Conflict, Missing, Refused
from accessbot.domain.groups import GroupMapping
from accessbot.domain.model import PermissionSet
from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change
from accessbot.service.context import save, soon

if TYPE_CHECKING:
    from datetime import datetime

    from accessbot.domain.errors import VendorError
    from accessbot.domain.model import Entitlement
    from accessbot.service.context import Context

FRESH = timedelta(hours=24)
"""How long a mapping that was read right is taken as right."""


def check(ctx: Context, entitlement: Entitlement) -> GroupMapping:
    """Give the pinned Identity Center group and permission set of an entitlement whose group opens exactly that.

    A mapping read right for a grant within the last day is not read again. Raises `Refused` with what is wrong when it
    opens more or less, or when the pinned group is no longer the one of that name; raises a `VendorError` when it
    cannot be read.
    """
    now = ctx.store.now()
    known = ctx.store.mapping(entitlement.group)
    if known is not None and _holds_still(known, entitlement, now):
        owner = _other_owner(ctx, entitlement, known.aws_group_id, now)
        if owner:
            raise Refused(_closed(entitlement, owner))
        return known
    found = replace(_found(ctx, entitlement, known, now), used=True)
    _keep(ctx, found, known, now)
    if found.faults:
        raise Refused(found.faults)
    return found


def recheck(ctx: Context, group: str) -> datetime | None:
    """Read a group's mapping again, day by day; what is wrong stops new grants and is told to the operators."""
    entitlements = ctx.catalog.current().of_group(group)
    if not entitlements:
        return None
    known = ctx.store.mapping(group)
    now = ctx.store.now()
    try:
        found = _found(ctx, entitlements[0], known, now)
    except (Missing, Ambiguous) as error:
        found = _never_found(entitlements[0], error, now)
    _keep(ctx, found, known, now)
    return now + FRESH


def google_group_is(ctx: Context, entitlement: Entitlement, fault: str) -> None:
    """Keep what is wrong with the Google group itself, "" when it is there; told to the operators when that changes."""
    known = ctx.store.mapping(entitlement.group)
    if known is None or known.google_fault == fault:
        return
    now = ctx.store.now()
    due = soon(Work(WorkKind.ALERT, f"mapping_wrong:{known.key}"), now)
    op = f"google-group:{known.key}:{known.rev}"
    save(ctx, Change(op=op, puts=(replace(known, google_fault=fault),), due=(due,)), now)


def read(ctx: Context, entitlement: Entitlement, known: GroupMapping | None, now: datetime) -> GroupMapping:
    """Read from AWS what the entitlement's group opens; the answer's `fault` is "" when that is exactly right."""
    group_id = _group_id(ctx, entitlement)
    permission_set = ctx.identity_center.permission_set(entitlement.permission_set)
    accounts = sorted({account.id for account in ctx.catalog.current().accounts.values()})
    opened = ctx.identity_center.opens(group_id, accounts)
    wanted = (entitlement.account.id, permission_set.arn)
    faults = []
    named = entitlement.identity_center_group or ""
    pinned = known.aws_group_id if known is not None and known.aws_group_id and known.named == named else group_id
    if pinned != group_id:
        faults.append(
            f"the Identity Center group of {entitlement.group} is now {group_id}, it was {pinned}"
            " (somebody or some sync recreated it)"
        )
    if wanted not in opened:
        faults.append(f"{entitlement.permission_set} in {entitlement.account.name} is not assigned to its group")
    extra = len(opened - {wanted})
    if extra:
        faults.append(f"its group opens {extra} more than the catalog says")
    fault = _closed(entitlement, "; ".join(faults)) if faults else ""
    return GroupMapping(
        key=entitlement.group,
        rev=known.rev if known else 0,
        aws_group_id=pinned,
        permission_set=permission_set,
        account_id=entitlement.account.id,
        named=named,
        checked_at=now,
        fault=fault,
    )


def _closed(entitlement: Entitlement, why: str) -> str:
    return f"{entitlement.id} is closed for new grants: {why.rstrip('.')}."


def _found(ctx: Context, entitlement: Entitlement, known: GroupMapping | None, now: datetime) -> GroupMapping:
    """Read a mapping; a known one is at fault where its group or permission set is gone, or not one any more."""
    google_fault, used = (known.google_fault, known.used) if known is not None else ("", False)
    try:
        found = replace(read(ctx, entitlement, known, now), google_fault=google_fault, used=used)
    except (Missing, Ambiguous) as error:
        if known is None:
            raise
        return replace(known, checked_at=now, fault=_closed(entitlement, error.sentence))
    owner = "" if found.fault else _other_owner(ctx, entitlement, found.aws_group_id, now)
    return replace(found, fault=_closed(entitlement, owner)) if owner else found


def _never_found(entitlement: Entitlement, error: VendorError, now: datetime) -> GroupMapping:
    """Make the mapping of a group whose Identity Center group or permission set was not there at the first look."""
    return GroupMapping(
        key=entitlement.group,
        aws_group_id="",
        permission_set=PermissionSet(arn="", name=entitlement.permission_set, session=timedelta()),
        account_id=entitlement.account.id,
        named=entitlement.identity_center_group or "",
        checked_at=now,
        fault=_closed(entitlement, error.sentence),
    )


def _other_owner(ctx: Context, entitlement: Entitlement, aws_group_id: str, now: datetime) -> str:
    """Say which other Google group the Identity Center group belongs to, and why that is in the way; "" if none is.

    Grants are counted by Google group, so one through the other group would take away what one through this group
    gave. A group that the catalog no longer names is in the way until its grants have ended and cannot come back.
    """
    catalog = ctx.catalog.current()
    for group in sorted(ctx.store.mapped_to(aws_group_id) - {entitlement.group}):
        other = ctx.store.mapping(group)
        if other is None or other.aws_group_id != aws_group_id:
            continue
        if catalog.of_group(group):
            if not other.fault:
                return (
                    f"its Identity Center group {aws_group_id} belongs to {group} already, and each Google group needs"
                    " its own"
                )
        elif any(ctx.store.grants_in(group)) or ctx.store.left(group, now - 2 * ctx.terms.sync_period):
            return f"grants through {group}, which had its Identity Center group before, have not all ended"
    return ""


def _holds_still(known: GroupMapping, entitlement: Entitlement, now: datetime) -> bool:
    same = (
        known.permission_set.name == entitlement.permission_set
        and known.account_id == entitlement.account.id
        and known.named == (entitlement.identity_center_group or "")
    )
    return same and known.used and not known.faults and now < known.checked_at + FRESH


def _group_id(ctx: Context, entitlement: Entitlement) -> str:
    if entitlement.identity_center_group is not None:
        return ctx.identity_center.find_group(entitlement.identity_center_group)
    try:
        return ctx.identity_center.find_group(entitlement.group)
    except Missing:
        return ctx.identity_center.find_group(entitlement.group.partition("@")[0])


def _keep(ctx: Context, found: GroupMapping, known: GroupMapping | None, now: datetime) -> None:
    due = [Due(Work(WorkKind.MAPPING, found.key), now + FRESH)]
    if found.faults or (known is not None and known.faults):
        due.append(soon(Work(WorkKind.ALERT, f"mapping_wrong:{found.key}"), now))
    try:
        save(ctx, Change(op=f"mapping:{found.key}:{found.rev}:{now.timestamp()}", puts=(found,), due=tuple(due)), now)
    except Conflict:
        # Another process read it at the same time; its reading is as good, and a fault is kept by either.
        latest = ctx.store.mapping(found.key)
        if latest is not None and found.fault and not latest.fault:
            _keep(ctx, replace(found, rev=latest.rev), latest, now)
