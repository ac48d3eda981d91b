"""Pressing: a click on Approve, Deny or Revoke is kept before it is acknowledged; who may is judged next, live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain import policy
from accessbot.domain.errors import Conflict, FieldRefused, Refused
from accessbot.domain.model import Click, ClickAction, RequestState
from accessbot.domain.records import ReviewState
from accessbot.domain.work import Work, WorkKind
from accessbot.ports import Change
from accessbot.service.context import id_from, save, soon

if TYPE_CHECKING:
    from datetime import timedelta

    from accessbot.service.context import Context


def press(
    ctx: Context,
    *,
    press_id: str,
    action: ClickAction,
    subject: str,
    actor: str,
    reason: str = "",
    duration: timedelta | None = None,
    answer_to: str = "",
) -> Click:
    """Keep a press with its time; the same `press_id` of the same person again is the same press.

    Raises `Refused` when there is nothing left to press, `FieldRefused` for a denial without a reason, and
    `StoreUnavailable` or `Unclear` when it is not known to be kept.
    """
    says_why = action in (ClickAction.DENY, ClickAction.ASK, ClickAction.NOT_JUSTIFY)
    text = policy.check_reason(reason) if says_why else reason.strip()[: policy.REASON_LIMIT]
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
        duration=duration,
    )
    change = Change(op=f"press:{click.id}", puts=(click,), due=(soon(Work(WorkKind.CLICK, click.id), now),))
    try:
        save(ctx, change, now)
    except Conflict:  # its operation was forgotten, the press was not
        return ctx.store.click(click.id) or click
    return click


def press_all(
    ctx: Context, *, press_id: str, action: ClickAction, bundle: str, actor: str, reason: str = "", answer_to: str = ""
) -> tuple[Click, ...]:
    """Keep a press on every request of a bundle that still waits; each is judged and answered by itself.

    Raises `Refused` when none waits any more, and what `press` raises.
    """
    waiting = [each for each in ctx.store.bundle(bundle) if each.state is RequestState.PENDING]
    if not waiting:
        msg = "All of these are decided already; nothing was changed."
        raise Refused(msg)
    kept: list[Click] = []
    late: Refused | None = None
    for each in waiting:
        one = f"{press_id}:{each.id}"
        try:
            kept.append(
                press(
                    ctx, press_id=one, action=action, subject=each.id, actor=actor, reason=reason, answer_to=answer_to
                )
            )
        except FieldRefused:
            raise
        except Refused as error:  # somebody else was quicker with this one
            late = error
    if not kept and late is not None:
        raise late
    return tuple(kept)


def _check_open(ctx: Context, action: ClickAction, subject: str, actor: str) -> None:
    if action in (ClickAction.JUSTIFY, ClickAction.NOT_JUSTIFY):
        review = ctx.store.review(subject)
        if review is None or review.state is not ReviewState.OPEN:
            msg = "This review is closed already; nothing was changed."
            raise Refused(msg)
        return
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
