"""Reviewing: every emergency is looked at once it is over, by an owner, who is reminded until it is closed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from accessbot.domain import policy, registers
from accessbot.domain.errors import Conflict, FieldRefused, Missing, Refused, Rejected
from accessbot.domain.lifecycle import SYSTEM
from accessbot.domain.model import AuditEvent, ClickAction
from accessbot.domain.notices import ReviewCard, Tone
from accessbot.domain.records import ReviewState
from accessbot.domain.work import Work, WorkKind
from accessbot.ports import Change
from accessbot.service import authority, boards, owners, schedule
from accessbot.service.context import new_id, save, soon
from accessbot.service.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from accessbot.domain.model import Board, Click, Grant, Identity, MessageRef
    from accessbot.domain.records import Review
    from accessbot.domain.rules import Emergency
    from accessbot.service.context import Context

_log = structlog.get_logger(__name__)

REMIND = timedelta(days=1)
"""How often owners are reminded where the catalog no longer says it."""

_POST_AGAIN = timedelta(minutes=10)
_TOLD = str(ReviewState.NOT_JUSTIFIED)
"""What a board's `digest` says once the administrators were told; before it is when owners were reminded last."""

OPERATOR = "cli:"
"""How the name of an operator begins."""

STATES = {ClickAction.JUSTIFY: ReviewState.JUSTIFIED, ClickAction.NOT_JUSTIFY: ReviewState.NOT_JUSTIFIED}
"""What becomes of a review by each press."""

_SAID = {ReviewState.JUSTIFIED: "justified", ReviewState.NOT_JUSTIFIED: "not justified"}


def opened(grant: Grant, emergency: Emergency, incident: str, now: datetime) -> Change:
    """Begin the review of an emergency: what belongs into the change that makes its grant. The caller commits it."""
    step = registers.review_opened(grant, schedule.review_of(grant), emergency.name, incident, now)
    return Change(
        op=f"review:{step.record.id}",
        puts=(step.record,),
        events=(step.event,),
        due=(soon(Work(WorkKind.REVIEW, step.record.id), now),),
    )


# --- telling of it --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shown:
    """The message as it was sent last: what it told, and where it is."""

    card: ReviewCard
    board: Board


def show(ctx: Context, review_id: str) -> datetime | None:
    """Post the message about an emergency or bring it up to date; once the access is over, remind of its review.

    Gives the time of the next reminder, None when there is none: the review is closed, or the end of the access makes
    this due again.
    """
    shown = _shown(ctx, review_id)
    if shown is None:
        return None
    review = shown.card.review
    if review.state is ReviewState.NOT_JUSTIFIED:
        _tell_admins(ctx, shown)
    if review.state is not ReviewState.OPEN:
        return None
    if not shown.board.refs:
        return shown.card.now + _POST_AGAIN
    return _remind(ctx, shown) if is_over(shown.card.grant) else None


def _shown(ctx: Context, review_id: str) -> _Shown | None:
    card, pinged = None, None
    while True:
        review = ctx.store.review(review_id)
        request = ctx.store.request(review.request_id) if review is not None else None
        if review is None or request is None:
            return None
        pinged = pinged or owners.pinged(ctx, review)
        new = ReviewCard(
            review=review,
            request=request,
            entitlement=ctx.catalog.current().entitlements.get(review.entitlement),
            grant=ctx.store.grant(review.grant_id),
            owners=pinged.people,
            unowned=pinged.unowned,
            now=ctx.store.now(),
        )
        board = boards.board_of(ctx, f"review:{review_id}")
        if card is not None and replace(new, now=card.now) == card:
            return _Shown(new, board)
        # Whoever stood still before this may have posted over news that came meanwhile: so it is read once more.
        card = new
        boards.keep(ctx, board, _sent(ctx, card, board.refs), board.digest)


def _sent(ctx: Context, card: ReviewCard, refs: tuple[MessageRef, ...]) -> tuple[MessageRef, ...]:
    return _said(card.review, partial(ctx.notifier.show_review, card, refs)) or refs


def _said(review: Review, say: Callable[[], tuple[MessageRef, ...] | None]) -> tuple[MessageRef, ...] | None:
    """Say something; what Slack does not take for good is logged, since it must not end the reminders."""
    try:
        return say()
    except (Missing, Rejected) as error:
        _log.error("not said about a review", review=review.id, code=error.code, error=error.sentence)
        return None


def _remind(ctx: Context, shown: _Shown) -> datetime:
    every = _every(ctx, shown.card.review)
    last = datetime.fromisoformat(shown.board.digest) if shown.board.digest else None
    now = shown.card.now
    if last is not None and now < last + every:
        return last + every
    try:
        ctx.notifier.remind_review(shown.card, shown.board.refs)
    except (Missing, Rejected) as error:
        _log.error("not reminded of a review", review=shown.card.review.id, code=error.code, error=error.sentence)
        boards.keep(ctx, shown.board, shown.board.refs, now.isoformat())
    else:
        _note_reminder(ctx, shown.card.review.id, now)
    return now + every


def _note_reminder(ctx: Context, review_id: str, at: datetime) -> None:
    """Record a reminder that was sent, whatever else was written meanwhile."""
    while True:
        review = ctx.store.review(review_id)
        if review is None or review.state is not ReviewState.OPEN:
            return
        board = boards.board_of(ctx, f"review:{review_id}")
        event = _event(review, "review.reminded", SYSTEM, at, number=review.reminded + 1)
        change = Change(
            op=new_id("reminder"),
            puts=(replace(review, reminded=review.reminded + 1), replace(board, digest=at.isoformat())),
            events=(event,),
        )
        try:
            save(ctx, change, at)
        except Conflict:
            continue
        return


def _every(ctx: Context, review: Review) -> timedelta:
    under = owners.policy_of(ctx, review)
    return under.remind if under is not None else REMIND


def _tell_admins(ctx: Context, shown: _Shown) -> None:
    """Ping the administrators, once, in the thread of an emergency that was not justified."""
    if shown.board.digest == _TOLD or not shown.board.refs:
        return
    card = replace(shown.card, owners=owners.admins(ctx, shown.card.review))
    try:
        ctx.notifier.remind_review(card, shown.board.refs)
    except (Missing, Rejected) as error:
        _log.error("administrators not told", review=card.review.id, code=error.code, error=error.sentence)
    boards.keep(ctx, shown.board, shown.board.refs, _TOLD)


# --- closing it -----------------------------------------------------------------------------------------------------


def is_over(grant: Grant | None) -> bool:
    """Tell whether the access of an emergency has ended, so that it can be reviewed; one that is not known has."""
    return grant is None or grant.ended


def check_open(ctx: Context, review_id: str, actor: str) -> Review:
    """Give a review that is open and whose access is over. Raises `Refused` for any other, with who closed it."""
    review = ctx.store.review(review_id)
    if review is None:
        msg = "This review is not known any more; nothing was changed."
        raise Refused(msg)
    if review.state is not ReviewState.OPEN:
        if review.closed_by == actor:
            msg = f"You closed this review already as {_SAID[review.state]}; nothing happens twice."
        else:
            in_slack = not any(who.startswith(OPERATOR) for who in (actor, review.closed_by))
            by = f"<@{review.closed_by}>" if in_slack else review.closed_by
            msg = f"Too late: this review was already closed as {_SAID[review.state]} by {by}."
        raise Refused(msg)
    if not is_over(ctx.store.grant(review.grant_id)):
        msg = "This access has not ended yet; it is reviewed once it has."
        raise Refused(msg)
    return review


def check_reason(state: ReviewState, reason: str) -> str:
    """Give the reason of a closing without outer white space; refuse, on the field, a missing or overlong one."""
    if state is ReviewState.JUSTIFIED and not reason.strip():
        return ""
    if not reason.strip():
        raise FieldRefused("reason", "Say why it was not justified; the administrators read it.")
    return policy.check_reason(reason)


def outcome(ctx: Context, click: Click, person: Identity, now: datetime) -> Outcome:
    """Say what a press on *Justified* or *Not justified* comes to; a refusal is an outcome too, and logged.

    Who may close it is looked up live. Raises `VendorError` while that cannot be told.
    """
    try:
        review = check_open(ctx, click.subject, click.actor)
        reason = check_reason(STATES[click.action], click.reason)
        _check_closer(ctx, review, person)
    except Refused as refusal:
        known = ctx.store.review(click.subject)
        events = () if known is None else (_event(known, "review.refused", click.actor, now, refusal.sentence),)
        return Outcome(tone=Tone.REFUSED, sentence=refusal.sentence, events=events)
    change = _closing(registers.review_closed(review, STATES[click.action], click.actor, now, reason), now)
    told = "; the administrators are told" if click.action is ClickAction.NOT_JUSTIFY else ""
    return Outcome(
        sentence=f"Closed as {_SAID[STATES[click.action]]}{told}.",
        puts=change.puts,
        events=change.events,
        due=change.due,
    )


def close(ctx: Context, *, operator: str, review_id: str, state: ReviewState, reason: str) -> Review:
    """Close a review on an operator's word, and give it; `operator` is `cli:<user>`.

    Raises `Refused` as a press would be, and `FieldRefused` without a reason: nobody sees an operator in Slack.
    """
    if not reason.strip():
        raise FieldRefused("reason", "Say why it is closed from here: the log keeps it.")
    reason = policy.check_reason(reason)
    while True:
        review = check_open(ctx, review_id, operator)
        now = ctx.store.now()
        step = registers.review_closed(review, state, operator, now, reason)
        try:
            save(ctx, _closing(step, now), now)
        except Conflict:
            continue
        return step.record


def _closing(step: registers.ReviewStep, now: datetime) -> Change:
    return Change(
        op=new_id("close"),
        puts=(step.record,),
        events=(step.event,),
        due=(soon(Work(WorkKind.REVIEW, step.record.id), now),),
    )


def _check_closer(ctx: Context, review: Review, person: Identity) -> None:
    """Refuse the holder, under whatever name, and whoever neither owns the policy nor is an administrator."""
    grant, request = ctx.store.grant(review.grant_id), ctx.store.request(review.request_id)
    theirs = {grant.google_user_id if grant else "", request.google_id if request else ""} - {""}
    same_email = person.email.casefold() == review.email.casefold()
    if person.slack == review.requester or same_email or person.google_id in theirs:
        msg = "You cannot close the review of your own emergency; another owner has to."
        raise Refused(msg)
    who = owners.closers(ctx, review)
    if not policy.covers(who, authority.holds(ctx, person, requester=review.email)):
        msg = f"You may not close this review; its owners and the administrators may: {policy.listed(who)}."
        raise Refused(msg)


def _event(review: Review, action: str, actor: str, at: datetime, reason: str = "", **data: int) -> AuditEvent:
    return AuditEvent(
        time=at,
        actor=actor,
        action=action,
        subject=review.id,
        person=review.requester,
        entitlement=review.entitlement,
        reason=reason,
        data=data,
    )
