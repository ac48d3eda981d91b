"""Screening: a stored request is looked at live, then opened to its approvers or refused with the reason."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from accessbot.domain import lifecycle, policy
from accessbot.domain.errors import Ambiguous, Conflict, Missing, NotAuthorised, Refused, Rejected, Unavailable
from accessbot.domain.lifecycle import SYSTEM
from accessbot.domain.model import RequestState
from accessbot.domain.work import Work, WorkKind
from accessbot.ports import Change
from accessbot.service import authority
from accessbot.service.context import save, soon

if TYPE_CHECKING:
    from accessbot.domain.model import Entitlement, Identity, Request
    from accessbot.service.context import Context

_log = structlog.get_logger(__name__)


def screen(ctx: Context, request_id: str) -> None:
    """Look the requester up, check that they may ask and that somebody can decide; then announce, or refuse.

    Raises `Unavailable` while a vendor cannot tell; the request then says for whom it waits, and is kept.
    """
    request = ctx.store.request(request_id)
    if request is None or request.state is not RequestState.PENDING or request.announced:
        return
    try:
        person = authority.identify(ctx, request.requester)
        entitlement = entitlement_of(ctx, request)
        policy.check_requester(entitlement, authority.holds(ctx, person))
        authority.check_somebody_can_decide(ctx, entitlement, person)
        _check_known_to_aws(ctx, person)
    except Unavailable as error:
        note_waiting(ctx, request, error.vendor)
        raise
    except NotAuthorised as error:
        refuse(ctx, request, error.sentence, Work(WorkKind.ALERT, f"not_authorised:{error.vendor}"))
        return
    except (Refused, Missing, Ambiguous, Rejected) as error:
        refuse(ctx, request, error.sentence)
        return
    now = ctx.store.now()
    step = lifecycle.announced(request, person.email, now, google_id=person.google_id)
    change = Change(
        op=f"announce:{request.id}",
        puts=(step.record,),
        events=(step.event,),
        due=(soon(Work(WorkKind.CARD, request.id), now),),
    )
    save(ctx, change, now)


def entitlement_of(ctx: Context, request: Request) -> Entitlement:
    """Find what a request asks for in the catalog in force; the file is read again if it changed since.

    Raises `Refused` when the catalog no longer offers it, or as something else, or not for that long.
    """
    if ctx.catalog.current().hash != request.catalog_hash:
        ctx.catalog.refresh()
    entitlement = ctx.catalog.current().entitlements.get(request.entitlement)
    if entitlement is None:
        msg = f"{request.entitlement} is no longer in the catalog; ask for something else with /request-aws."
        raise Refused(msg)
    if request.opens not in ("", entitlement.opens):
        msg = f"What {entitlement.id} opens was changed since it was asked for; ask again to have that decided."
        raise Refused(msg)
    if request.duration > entitlement.policy.max_duration:
        msg = f"The policy of {entitlement.id} no longer allows that long; ask again for less."
        raise Refused(msg)
    return entitlement


def refuse(ctx: Context, request: Request, sentence: str, *more: Work) -> None:
    """Close a pending request because the rules say no, and tell the requester alone why; `more` is to be done too."""
    now = ctx.store.now()
    step = lifecycle.denied(request, SYSTEM, now, sentence)
    due = [soon(work, now) for work in (Work(WorkKind.TELL, f"refused:{request.id}"), *more)]
    if request.announced:
        due.append(soon(Work(WorkKind.CARD, request.id), now))
    change = Change(
        op=f"refuse:{request.id}",
        puts=(step.record,),
        events=(step.event,),
        due=tuple(due),
        dropped=(Work(WorkKind.LAPSE, request.id),),
    )
    save(ctx, change, now)


def note_waiting(ctx: Context, request: Request, vendor: str) -> None:
    """Show on the request, once, which vendor it waits for."""
    if request.waiting_for == vendor or request.state is not RequestState.PENDING:
        return
    now = ctx.store.now()
    due = [soon(Work(WorkKind.CARD, request.id), now)] if request.announced else []
    if not request.announced:
        due.append(soon(Work(WorkKind.TELL, f"waiting:{request.id}"), now))
    change = Change(op=f"wait:{request.id}:{request.rev}", puts=(replace(request, waiting_for=vendor),), due=tuple(due))
    try:
        save(ctx, change, now)
    except Conflict:
        _log.info("request changed before its wait was noted", request=request.id, vendor=vendor)


def _check_known_to_aws(ctx: Context, person: Identity) -> None:
    """Refuse early somebody whom Identity Center does not know yet; while AWS is away, provisioning checks it."""
    try:
        authority.aws_user(ctx, person)
    except Unavailable as error:
        _log.info("AWS could not be asked at screening", person=person.slack, code=error.code)
