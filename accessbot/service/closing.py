"""Closing: end what somebody holds and deny what they ask for, on nobody's press. Doing it twice is fine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.errors import Conflict
from accessbot.domain.model import GrantState, RequestState
from accessbot.service import ending, screening
from accessbot.service.context import save

if TYPE_CHECKING:
    from accessbot.domain.model import EndCause, Grant, Request
    from accessbot.service.context import Context


def is_held(grant: Grant) -> bool:
    """Tell whether a grant is there or still to come, and its end has not begun."""
    return grant.state in (GrantState.PROVISIONING, GrantState.ACTIVE) and not grant.failure


def end(ctx: Context, grant_id: str, cause: EndCause, actor: str, reason: str) -> bool:
    """Begin the end of a grant unless it has begun; tell whether it was this that began it."""
    while True:
        grant = ctx.store.grant(grant_id)
        if grant is None or not is_held(grant):
            return False
        now = ctx.store.now()
        try:
            save(ctx, ending.begin(ctx, grant, cause, actor, now, reason), now)
        except Conflict:
            continue
        return True


def deny(ctx: Context, request_id: str, reason: str) -> bool:
    """Close a pending request with a no of accessbot's own; tell whether it was this that closed it."""
    while True:
        request = ctx.store.request(request_id)
        if request is None or not is_open(request):
            return False
        try:
            screening.refuse(ctx, request, reason)
        except Conflict:
            continue
        return True


def is_open(request: Request) -> bool:
    """Tell whether a request still waits for a decision."""
    return request.state is RequestState.PENDING
