"""Freezing: an operator holds back new access, of everybody, of one person or to one entitlement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain import registers
from accessbot.domain.errors import Conflict, Refused
from accessbot.domain.instants import to_ms
from accessbot.domain.records import EVERYTHING
from accessbot.domain.work import Work, WorkKind
from accessbot.ports import Change
from accessbot.service.context import new_id, save, soon

if TYPE_CHECKING:
    from datetime import datetime

    from accessbot.domain.records import Freeze
    from accessbot.domain.work import Due
    from accessbot.service.context import Context

_USER, _ENTITLEMENT = "user:", "entitlement:"


def of_user(slack_id: str) -> str:
    """Give the key under which one person's new access is held back."""
    return f"{_USER}{slack_id}"


def of_entitlement(entitlement: str) -> str:
    """Give the key under which new access to one entitlement is held back."""
    return f"{_ENTITLEMENT}{entitlement}"


def check(ctx: Context, requester: str, entitlement: str) -> None:
    """Let new access through unless it is held back. Raises `Refused` with who holds it back, and why."""
    keys = (EVERYTHING, of_user(requester), of_entitlement(entitlement))
    for freeze in ctx.store.freezes(keys):
        by = freeze.by.removeprefix("cli:")
        msg = f"{what(freeze.key)} is held back by the operator {by}: {freeze.reason.rstrip('.')}."
        raise Refused(msg)


def what(key: str) -> str:
    """Say in words what a freeze holds back; a person goes without a name, as it is them who read it."""
    if key.startswith(_ENTITLEMENT):
        return f"New access to {key.removeprefix(_ENTITLEMENT)}"
    return "All new access" if key == EVERYTHING else "New access of this person"


def freeze(ctx: Context, key: str, *, operator: str, reason: str) -> Freeze:
    """Hold back new access and tell the operators; one that is in force already stays as it is. Gives what is."""
    while True:
        old = ctx.store.freeze(key)
        if old is not None and not old.lifted:
            return old
        now = ctx.store.now()
        step = registers.frozen(old, key, operator, now, reason)
        change = Change(op=new_id("freeze"), puts=(step.record,), events=(step.event,), due=(told(step.record, now),))
        try:
            save(ctx, change, now)
        except Conflict:
            continue
        return step.record


def thaw(ctx: Context, key: str, *, operator: str, reason: str) -> bool:
    """Let new access through again and tell the operators; False when it was not held back."""
    while True:
        old = ctx.store.freeze(key)
        if old is None or old.lifted:
            return False
        now = ctx.store.now()
        step = registers.thawed(old, operator, now, reason)
        change = Change(op=new_id("thaw"), puts=(step.record,), events=(step.event,), due=(told(old, now),))
        try:
            save(ctx, change, now)
        except Conflict:
            continue
        return True


def told(freeze: Freeze, now: datetime) -> Due:
    """Have the operators told of a freeze; each has a message of its own."""
    return soon(Work(WorkKind.ALERT, f"panic:{freeze.key}@{to_ms(freeze.at)}"), now)
