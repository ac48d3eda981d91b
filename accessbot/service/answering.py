"""Answering: what is asked and answered about a request before it is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from accessbot.domain import policy, progress
from accessbot.domain.errors import Conflict, FieldRefused, Refused
from accessbot.domain.model import Remark, RemarkKind, RequestState
from accessbot.domain.work import Work, WorkKind
from accessbot.ports import Change
from accessbot.service.context import id_from, save, soon

if TYPE_CHECKING:
    from accessbot.domain.model import Request
    from accessbot.service.context import Context

_log = structlog.get_logger(__name__)


def answer(ctx: Context, *, requester: str, request_id: str, text: str, answer_id: str) -> Request:
    """Answer the last question that approvers asked about one's own request, or about one asked for a colleague.

    The same `answer_id` of the same person again is the same answer. Raises `Refused` where there is nothing to answer,
    `FieldRefused` (`reason`) for no text or too much, `StoreUnavailable` or `Unclear` when it is not known to be kept.
    """
    if not text.strip():
        raise FieldRefused("reason", "Write an answer first.")
    text = policy.check_reason(text)
    while True:
        request = ctx.store.request(request_id)
        if request is None or requester not in (request.requester, request.asked_by):
            msg = "That request is not yours to answer for; /my-access lists what you asked for."
            raise Refused(msg)
        if request.state is not RequestState.PENDING:
            msg = f"Too late to answer: this request is already {request.state}."
            raise Refused(msg)
        if not _has_question(request):
            if _said_last(request, requester, text):
                return request  # this very answer came before
            msg = "There is no open question about this request."
            raise Refused(msg)
        now = ctx.store.now()
        remark = Remark(kind=RemarkKind.ANSWER, who=requester, at=now, text=text)
        step = progress.remarked(request, remark)
        change = Change(
            op=f"answer:{request.id}:{id_from('a', requester, answer_id)}",
            puts=(step.record,),
            events=(step.event,),
            due=(
                soon(Work(WorkKind.CARD, request.id), now),
                soon(Work(WorkKind.TELL, f"remark:{request.id}:{len(step.record.remarks) - 1}"), now),
            ),
        )
        try:
            fresh = save(ctx, change, now)
        except Conflict:
            continue
        return step.record if fresh else (ctx.store.request(request.id) or request)


def post_remark(ctx: Context, request_id: str, number: int) -> None:
    """Write a remark, by its place in the request's list, into the thread of the card; nothing where there is no card.

    It may be written twice when a process dies in between, never left out while there is a card.
    """
    request, board = ctx.store.request(request_id), ctx.store.board(f"card:{request_id}")
    if request is None or board is None or not board.refs or number >= len(request.remarks):
        _log.info("no thread for a remark", request=request_id, number=number)
        return
    ctx.notifier.remark(request, request.remarks[number], board.refs)


def _has_question(request: Request) -> bool:
    """Tell whether more was asked than answered, among what the request keeps."""
    unanswered = 0
    for remark in request.remarks:
        unanswered = unanswered + 1 if remark.kind is RemarkKind.QUESTION else max(0, unanswered - 1)
    return unanswered > 0


def _said_last(request: Request, who: str, text: str) -> bool:
    last = request.remarks[-1] if request.remarks else None
    return last is not None and (last.kind, last.who, last.text) == (RemarkKind.ANSWER, who, text)
