"""Pressing: a click on Approve, Deny or Revoke is kept before it is acknowledged; who may is judged next, live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain import policy
from accessbot.domain.errors import Conflict, Refused
from accessbot.domain.model import Click, ClickAction, RequestState
from accessbot.domain.work import Work, WorkKind
from accessbot.ports import Change
from accessbot.service.context import id_from, save, soon

if TYPE_CHECKING:
    from accessbot.service.context import Context


def press(
    ctx: Context,
    *,
    press_id: str,
    action: ClickAction,
    subject: str,
    actor: str,
    reason: str = "",
    answer_to: str = "",
) -> Click:
    """Keep a press with its time; the same `press_id` of the same person again is the same press.

    Raises `Refused` when there is nothing left to press, `FieldRefused` for a denial without a reason, and
    `StoreUnavailable` or `Unclear` when it is not known to be kept.
    """
    text = policy.check_reason(reason) if action is ClickAction.DENY else reason.strip()[: policy.REASON_LIMIT]
    click_id = id_from("c", actor, press_id)
    try:
        _check_open(ctx, action, subject, actor)
    except Refused:
        known = ctx.store.click(click_id)
        if known is None:
            raise
        return known  # this very press is what closed it, or came in time
    now = ctx.store.now()
    click = Click(
        id=click_id,
        action=action,
        subject=subject,
        actor=actor,
        at=now,
        reason=text,
        answer_to=answer_to,
    )
    change = Change(op=f"press:{click.id}", puts=(click,), due=(soon(Work(WorkKind.CLICK, click.id), now),))
    try:
        save(ctx, change, now)
    except Conflict:  # its operation was forgotten, the press was not
        return ctx.store.click(click.id) or click
    return click


def _check_open(ctx: Context, action: ClickAction, subject: str, actor: str) -> None:
    if action is ClickAction.REVOKE:
        grant = ctx.store.grant(subject)
        if grant is None:
            msg = "This grant is not known any more; nothing was changed."
            raise Refused(msg)
        if grant.ended:
            msg = "This access has ended already; there is nothing left to revoke."
            raise Refused(msg)
        return
    request = ctx.store.request(subject)
    if request is None:
        msg = "This request is not known any more; nothing was changed."
        raise Refused(msg)
    if request.state is not RequestState.PENDING:
        raise Refused(closed_sentence(request.state, request.decided_by, actor))


def closed_sentence(state: RequestState, decided_by: str, actor: str) -> str:
    """Say, to somebody who came too late, what became of a request and by whom; whoever decided it did not lose."""
    if decided_by == actor:
        return f"You {state} this request already; nothing happens twice."
    by = f" by <@{decided_by}>" if decided_by and decided_by != "accessbot" else ""
    return f"Too late: this request was already {state}{by}."
