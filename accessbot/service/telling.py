"""Telling: cards, direct messages, answers and alerts, each made from the records as they are when it is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from accessbot.domain import lifecycle
from accessbot.domain.errors import StoreUnavailable
from accessbot.domain.model import Board, GrantState, RequestState
from accessbot.domain.notices import AlertKind, Answer, Card, Notice, NoticeKind, Tone
from accessbot.service import answering, boards, judging
from accessbot.service.alerting import ALERTS

if TYPE_CHECKING:
    from accessbot.domain.model import Grant, Request
    from accessbot.domain.notices import Alert
    from accessbot.service.context import Context

_AGAIN = {
    AlertKind.REVOKE_OVERDUE: timedelta(minutes=5),
    AlertKind.NOBODY_ALIVE: timedelta(minutes=1),
    AlertKind.CLOCK_SKEW: timedelta(minutes=1),
    AlertKind.VENDOR_AWAY: timedelta(minutes=1),
}
"""Alerts that are looked at again while they last, as nothing that is written down ends them."""

_UNCHANGING = (AlertKind.NOBODY_ALIVE, AlertKind.VENDOR_AWAY)
_log = structlog.get_logger(__name__)

_NEWS_AFTER = timedelta(hours=1)
_OVER = "over"

REMARK = "remark"
"""How the subject begins of a remark to be written into the thread of a card: `remark:<request>:<number>`."""

_TO_BOTH = (NoticeKind.QUESTION, NoticeKind.DENIED, NoticeKind.REFUSED, NoticeKind.EXPIRED)
"""What is told to whoever asked for a colleague as well."""

_WITHOUT_END = (AlertKind.RESURRECTED, AlertKind.NOT_AUTHORISED, AlertKind.EVICTED, AlertKind.EXPIRY_REFUSED)
"""Alerts that nothing ends: one of these an hour after the last is news, and gets a message of its own."""


def card(ctx: Context, request_id: str) -> None:
    """Post the approvers' message of a request, or bring every copy up to date; none before it is announced."""
    shown: Card | None = None
    while True:
        data = _card(ctx, request_id)
        if data is None or (shown is not None and replace(data, now=shown.now) == shown):
            return
        # Whoever stood still before this may have posted over news that came meanwhile: so it is read once more.
        shown, board = data, boards.board_of(ctx, f"card:{request_id}")
        boards.keep(ctx, board, ctx.notifier.show_card(data, board.refs), "")


def _card(ctx: Context, request_id: str) -> Card | None:
    request = ctx.store.request(request_id)
    if request is None or not (request.announced or boards.board_of(ctx, f"card:{request_id}").refs):
        return None
    entitlement = ctx.catalog.current().entitlements.get(request.entitlement)
    decides = judging.policy_of(ctx, request, entitlement) if entitlement is not None else None
    together = ctx.store.bundle(request.bundle) if request.bundle else ()
    return Card(
        request=request,
        entitlement=entitlement,
        approvals=decides.approvals if decides is not None else max(1, len(request.votes)),
        policy=decides,
        bundle=tuple(other for other in together if other.id != request.id),
        grant=ctx.store.grant(request.grant_id) if request.grant_id else None,
        now=ctx.store.now(),
    )


def tell(ctx: Context, subject: str) -> None:
    """Tell a requester one thing, unless it is no longer true; `subject` is `<notice kind>:<request or grant id>`."""
    kind_name, _, record_id = subject.partition(":")
    if kind_name == REMARK:
        request_id, _, number = record_id.partition(":")
        answering.post_remark(ctx, request_id, int(number))
        return
    kind = NoticeKind(kind_name)
    notice = _of_grant(ctx, kind, record_id) if record_id.startswith("g_") else _of_request(ctx, kind, record_id)
    if notice is None:
        return
    request = notice.request
    if kind is NoticeKind.REFUSED and request.answer_to and not request.asked_by:
        # Somebody the rules do not know may have no direct channel; the place where they asked always works.
        answer_ = Answer(tone=Tone.REFUSED, sentence=request.decision_reason)
        ctx.notifier.answer(request.requester, answer_, request.answer_to)
        return
    if kind in _TO_BOTH and request.asked_by:
        ctx.notifier.tell(request.asked_by, notice)
    ctx.notifier.tell(request.requester, notice)


def answer(ctx: Context, click_id: str) -> None:
    """Answer whoever pressed a button, to them alone, with what came of it, or that it waits."""
    click = ctx.store.click(click_id)
    if click is None or not click.sentence:
        return
    ctx.notifier.answer(click.actor, Answer(tone=Tone(click.tone), sentence=click.sentence), click.answer_to)


def alert(ctx: Context, subject: str) -> datetime | None:
    """Tell the operators one thing, or bring the message about it up to date; `subject` is `<alert kind>:<what>`.

    Gives the time to look at it again while it lasts.
    """
    kind_name, _, what = subject.partition(":")
    made = ALERTS[AlertKind(kind_name)](ctx, what)
    if made is None:
        return None
    stored = boards.board_of(ctx, f"alert:{subject}")
    refs = () if _is_past(stored, made) else stored.refs
    if made.resolved and not refs:
        return None
    began = datetime.fromisoformat(stored.digest) if refs else made.now
    again = made.now + _AGAIN[made.kind] if made.kind in _AGAIN and not made.resolved else None
    if again is not None and refs and made.kind in _UNCHANGING:
        return again
    told = _OVER if made.resolved else began.isoformat()
    shown = replace(made, since=min(made.since, began))
    boards.keep(ctx, stored, ctx.notifier.alert(shown, refs), told)
    if not refs:
        _tally(ctx, made.kind)
    return again


def _tally(ctx: Context, kind: AlertKind) -> None:
    try:
        ctx.store.tally(f"alerts.{kind}")
    except StoreUnavailable as error:  # it was told all the same, and is not told twice for the sake of a figure
        _log.warning("alert not counted", kind=str(kind), error=error.sentence)


def _is_past(board: Board, made: Alert) -> bool:
    """Tell whether the message that was sent is about something that is over: nobody looks at it any more."""
    if board.digest in ("", _OVER):
        return board.digest == _OVER
    return made.kind in _WITHOUT_END and made.now >= datetime.fromisoformat(board.digest) + _NEWS_AFTER


def _of_request(ctx: Context, kind: NoticeKind, request_id: str) -> Notice | None:
    request = ctx.store.request(request_id)
    if request is None:
        return None
    grant = ctx.store.grant(request.grant_id) if request.grant_id else None
    return _notice(ctx, kind, request, grant) if _still_true(kind, request, grant) else None


def _still_true(kind: NoticeKind, request: Request, grant: Grant | None) -> bool:
    if kind is NoticeKind.CONFIRM:
        return request.unconfirmed and request.state is RequestState.PENDING
    if kind is NoticeKind.QUESTION:
        return bool(request.remarks) and request.state is RequestState.PENDING
    if kind is NoticeKind.EXTENDED:
        return grant is not None and grant.state is GrantState.ACTIVE
    if kind is NoticeKind.WAITING:
        held_up = grant.waiting_for if grant is not None and grant.state is GrantState.PROVISIONING else ""
        return bool(request.waiting_for or held_up)
    return True


def _of_grant(ctx: Context, kind: NoticeKind, grant_id: str) -> Notice | None:
    grant = ctx.store.grant(grant_id)
    request = ctx.store.request(grant.request_id) if grant is not None else None
    if grant is None or request is None:
        return None
    if kind in (NoticeKind.READY, NoticeKind.ENDING_SOON) and grant.state is not GrantState.ACTIVE:
        return None
    if kind is NoticeKind.SCHEDULED and not lifecycle.is_early(grant, ctx.store.now()):
        return None
    return _notice(ctx, kind, request, grant)


def _notice(ctx: Context, kind: NoticeKind, request: Request, grant: Grant | None) -> Notice:
    took = grant.activated_at - grant.approved_at if grant is not None and grant.activated_at is not None else None
    return Notice(
        kind=kind,
        request=request,
        entitlement=ctx.catalog.current().entitlements.get(request.entitlement),
        grant=grant,
        took=took,
        start_url=ctx.terms.start_url,
        region=ctx.terms.region,
        now=ctx.store.now(),
    )
