"""Freezing: an operator holds back new access, of everybody, of one person or to one entitlement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.errors import Refused
from accessbot.domain.records import EVERYTHING

if TYPE_CHECKING:
    from accessbot.service.context import Context


def check(ctx: Context, requester: str, entitlement: str) -> None:
    """Let new access through unless it is held back. Raises `Refused` with who holds it back, and why."""
    keys = (EVERYTHING, f"user:{requester}", f"entitlement:{entitlement}")
    for freeze in ctx.store.freezes(keys):
        msg = f"New access is held back by {freeze.by}: {freeze.reason}"
        raise Refused(msg)
