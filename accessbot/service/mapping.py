"""Mapping: a Google group must open exactly what the catalog says, no more and no less, or nothing is granted on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from accessbot.domain.errors import Ambiguous, Conflict, Missing, Refused
from accessbot.domain.model import GroupMapping
from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change
from accessbot.service.context import save, soon

if TYPE_CHECKING:
    from datetime import datetime

    from accessbot.domain.model import Entitlement
    from accessbot.service.context import Context

FRESH = timedelta(hours=24)
"""How long a mapping that was read right is taken as right."""


def check(ctx: Context, entitlement: Entitlement) -> GroupMapping:
    """Give the pinned Identity Center group and permission set of an entitlement whose group opens exactly that.

    A mapping read right within the last day is not read again. Raises `Refused` with what is wrong when it opens more
    or less, or when the pinned group is no longer the one of that name; raises a `VendorError` when it cannot be read.
    """
    now = ctx.store.now()
    known = ctx.store.mapping(entitlement.group)
    if known is not None and _holds_still(known, entitlement, now):
        return known
    found = _found(ctx, entitlement, known, now)
    _keep(ctx, found, known, now)
    if found.fault:
        raise Refused(found.fault)
    return found


def recheck(ctx: Context, group: str) -> datetime | None:
    """Read a group's mapping again, day by day; what is wrong stops new grants and is told to the operators."""
    entitlements = ctx.catalog.current().of_group(group)
    known = ctx.store.mapping(group)
    if not entitlements or known is None:
        return None
    now = ctx.store.now()
    found = _found(ctx, entitlements[0], known, now)
    _keep(ctx, found, known, now)
    return now + FRESH


def read(ctx: Context, entitlement: Entitlement, known: GroupMapping | None, now: datetime) -> GroupMapping:
    """Read from AWS what the entitlement's group opens; the answer's `fault` is "" when that is exactly right."""
    group_id = _group_id(ctx, entitlement)
    permission_set = ctx.identity_center.permission_set(entitlement.permission_set)
    accounts = sorted({account.id for account in ctx.catalog.current().accounts.values()})
    opened = ctx.identity_center.opens(group_id, accounts)
    wanted = (entitlement.account.id, permission_set.arn)
    faults = []
    named = entitlement.identity_center_group or ""
    pinned = known.aws_group_id if known is not None and known.named == named else group_id
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
    fault = f"{entitlement.id} is closed for new grants: {'; '.join(faults)}." if faults else ""
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


def _found(ctx: Context, entitlement: Entitlement, known: GroupMapping | None, now: datetime) -> GroupMapping:
    """Read a mapping; a known one is at fault where its group or permission set is gone, or not one any more."""
    try:
        found = read(ctx, entitlement, known, now)
    except (Missing, Ambiguous) as error:
        if known is None:
            raise
        return replace(known, checked_at=now, fault=f"{entitlement.id} is closed for new grants: {error.sentence}")
    owner = "" if found.fault else _other_owner(ctx, entitlement, found.aws_group_id)
    if not owner:
        return found
    fault = (
        f"{entitlement.id} is closed for new grants: its Identity Center group {found.aws_group_id} belongs to {owner}"
        " already, and each Google group needs its own."
    )
    return replace(found, fault=fault)


def _other_owner(ctx: Context, entitlement: Entitlement, aws_group_id: str) -> str:
    """Name another Google group of the catalog that the Identity Center group was pinned to first, "" if there is none.

    Grants are counted by Google group, so one through the other group would take away what one through this group gave.
    Only groups that open the very same are asked about: a group that opens anything else is at fault for that.
    """
    others = {
        other.group
        for other in ctx.catalog.current().entitlements.values()
        if other.group != entitlement.group
        and other.account.id == entitlement.account.id
        and other.permission_set == entitlement.permission_set
    }
    for group in sorted(others):
        known = ctx.store.mapping(group)
        if known is not None and not known.fault and known.aws_group_id == aws_group_id:
            return group
    return ""


def _holds_still(known: GroupMapping, entitlement: Entitlement, now: datetime) -> bool:
    same = (
        known.permission_set.name == entitlement.permission_set
        and known.account_id == entitlement.account.id
        and known.named == (entitlement.identity_center_group or "")
    )
    return same and not known.fault and now < known.checked_at + FRESH


def _group_id(ctx: Context, entitlement: Entitlement) -> str:
    if entitlement.identity_center_group is not None:
        return ctx.identity_center.find_group(entitlement.identity_center_group)
    try:
        return ctx.identity_center.find_group(entitlement.group)
    except Missing:
        return ctx.identity_center.find_group(entitlement.group.partition("@")[0])


def _keep(ctx: Context, found: GroupMapping, known: GroupMapping | None, now: datetime) -> None:
    due = [Due(Work(WorkKind.MAPPING, found.key), now + FRESH)]
    if found.fault or (known is not None and known.fault):
        due.append(soon(Work(WorkKind.ALERT, f"mapping_wrong:{found.key}"), now))
    try:
        save(ctx, Change(op=f"mapping:{found.key}:{found.rev}:{now.timestamp()}", puts=(found,), due=tuple(due)), now)
    except Conflict:
        # Another process read it at the same time; its reading is as good, and a fault is kept by either.
        latest = ctx.store.mapping(found.key)
        if latest is not None and found.fault and not latest.fault:
            _keep(ctx, replace(found, rev=latest.rev), latest, now)
