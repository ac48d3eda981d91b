"""Working: take one work up, do it, and say when it is due again. The one place where anything is retried."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

import structlog

from accessbot.domain.errors import (
    Conflict,
    Interrupted,
    LeaseBusy,
    LeaseLost,
    Missing,
    NotAuthorised,
    Rejected,
    StoreUnavailable,
    Unavailable,
    Unclear,
    VendorError,
)
from accessbot.domain.work import Lane, Work, WorkKind
from accessbot.ports import Change, urgency
from accessbot.service import (
    asking,
    converging,
    deciding,
    ending,
    expiring,
    leaving,
    mapping,
    provisioning,
    reconciling,
    reviewing,
    rotas,
    screening,
    steps,
    telling,
)
from accessbot.service.context import save, soon
from accessbot.service.keeping import HOLD
from accessbot.service.schedule import back_off

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from accessbot.ports import Claim
    from accessbot.service.context import Context

_log = structlog.get_logger(__name__)

Handler: TypeAlias = "Callable[[Context, str], datetime | None]"

_HOUR_S = 3600
_SHORTLY = timedelta(milliseconds=150)
_MOST = {
    Lane.FAST: timedelta(seconds=10),
    Lane.ENDS: timedelta(seconds=15),
    Lane.TALK: timedelta(seconds=60),
    Lane.SWEEP: timedelta(seconds=60),
}


def _overdue(ctx: Context, grant_id: str) -> None:
    grant = ctx.store.grant(grant_id)
    if grant is not None and not grant.ended and grant.ending_at is not None:
        now = ctx.store.now()
        due = soon(Work(WorkKind.ALERT, f"revoke_overdue:{grant_id}"), now)
        save(ctx, Change(op=f"overdue:{grant_id}:{now.timestamp()}", due=(due,)), now)


HANDLERS: dict[WorkKind, Handler] = {
    WorkKind.SCREEN: screening.screen,
    WorkKind.CLICK: deciding.carry_out,
    WorkKind.PROVISION: provisioning.provision,
    WorkKind.REVOKE: ending.finish,
    WorkKind.END: ending.finish,
    WorkKind.VERIFY: converging.verify,
    WorkKind.LAPSE: asking.lapse,
    WorkKind.STEP: steps.timeout,
    WorkKind.NUDGE: steps.nudge,
    WorkKind.OVERDUE: _overdue,
    WorkKind.MAPPING: mapping.recheck,
    WorkKind.SWEEP: reconciling.sweep,
    WorkKind.ROTA: rotas.keep,
    WorkKind.EXPIRY: expiring.expire,
    WorkKind.LEAVER: leaving.look,
    WorkKind.REVIEW: reviewing.show,
    WorkKind.CARD: telling.card,
    WorkKind.TELL: telling.tell,
    WorkKind.ALERT: telling.alert,
    WorkKind.ANSWER: telling.answer,
}


def run(ctx: Context, work: Work) -> None:
    """Do one work if it is still to be done and nobody else is at it; what fails is due again, later.

    Returns quietly when the store is away: the claim lapses by itself and the work comes up again. Anything that is
    not a named error is logged with a reference id, given back, and raised.
    """
    try:
        claim = ctx.store.begin(work, HOLD)
    except (StoreUnavailable, Unclear) as error:
        _log.warning("store away, work comes up again", work=str(work), error=error.sentence)
        return
    if claim is None:
        return
    urgency.set(work.urgency)
    try:
        with ctx.keep(claim):
            again = _attempt(ctx, claim)
            if again is not None:
                ctx.store.postpone(claim, again)
            elif not ctx.store.finish(claim):
                ctx.queue.push(work)  # it was set due anew while it ran
    except (StoreUnavailable, Unclear) as error:
        _log.warning("store away, work comes up again", work=str(work), error=error.sentence)


def _attempt(ctx: Context, claim: Claim) -> datetime | None:
    """Do the work once; give the time at which it is due again, None when it is done."""
    work = claim.work
    try:
        return HANDLERS[work.kind](ctx, work.subject)
    except (LeaseBusy, LeaseLost, Conflict, Interrupted) as error:
        if isinstance(error, Interrupted):
            _log.warning("work interrupted, another process takes it up", work=str(work), attempt=claim.attempt)
        return ctx.store.now() + _SHORTLY
    except (StoreUnavailable, Unclear):
        raise
    except Unavailable as error:
        pause = back_off(claim.attempt, _MOST[work.lane], error.retry_after)
        _log.warning(
            "vendor away, retrying",
            work=str(work),
            attempt=claim.attempt,
            vendor=error.vendor,
            operation=error.operation,
            code=error.code,
            error=error.sentence,
            pause_s=round(pause.total_seconds(), 2),
        )
        return ctx.store.now() + pause
    except (Missing, Rejected) as error:
        if work.lane is Lane.TALK:
            # Nothing is left to wait for: that person or message is gone, or does not take what is said.
            _log.error("not said, and never will be", work=str(work), code=error.code, error=error.sentence)
            return None
        return _operator_needed(ctx, claim, error)
    except VendorError as error:
        return _operator_needed(ctx, claim, error)
    except Exception:
        reference = secrets.token_hex(4)
        _log.exception("work failed unexpectedly", work=str(work), attempt=claim.attempt, reference=reference)
        ctx.store.postpone(claim, ctx.store.now() + back_off(claim.attempt, _MOST[work.lane]))
        raise


def _operator_needed(ctx: Context, claim: Claim, error: VendorError) -> datetime:
    """Keep trying what must happen, and tell the operators who can mend it; never told about through itself."""
    work = claim.work
    now = ctx.store.now()
    _log.error(
        "vendor refused, operator needed",
        work=str(work),
        attempt=claim.attempt,
        vendor=error.vendor,
        operation=error.operation,
        code=error.code,
        error=error.sentence,
    )
    if isinstance(error, NotAuthorised) and work.kind is not WorkKind.ALERT:
        due = soon(Work(WorkKind.ALERT, f"not_authorised:{error.vendor}"), now)
        # One operation an hour: who meets the same refusal meanwhile, at whatever attempt, adds nothing to it.
        hour = int(now.timestamp()) // _HOUR_S
        save(ctx, Change(op=f"not-authorised:{error.vendor}:{hour}", due=(due,)), now)
    return now + back_off(claim.attempt + 2, _MOST[work.lane])
