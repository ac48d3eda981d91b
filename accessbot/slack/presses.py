"""Pressing: the buttons of those who decide, and the forms behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.errors import FieldRefused, Refused
from accessbot.domain.model import ClickAction, RequestState
from accessbot.domain.records import ReviewState
from accessbot.service import judging, pressing
from accessbot.slack import ids
from accessbot.slack.desk import FormsUnavailable
from accessbot.slack.filled import read_filled
from accessbot.slack.forms import ask_form, decide_form, deny_all_form, deny_form, review_form
from accessbot.slack.guard import Reply

if TYPE_CHECKING:
    from accessbot.domain.model import Request
    from accessbot.slack.delivery import Delivery
    from accessbot.slack.desk import Desk

_UNTOLD_REASON = "No reason was given."
_NO_FORMS = "This Slack cannot open the form; use Approve or Deny instead."


def approve(desk: Desk, delivery: Delivery) -> Reply:
    """Keep a press of *Approve*; what came of it is told once it was judged."""
    return _press(desk, delivery, ClickAction.APPROVE)


def revoke(desk: Desk, delivery: Delivery) -> Reply:
    """Keep a press of *Revoke*."""
    return _press(desk, delivery, ClickAction.REVOKE)


def deny(desk: Desk, delivery: Delivery) -> Reply:
    """Open the form that asks why; where there are no forms the press counts by itself."""
    try:
        desk.open_form(delivery, deny_form(delivery.place.pack(subject=delivery.value)))
    except FormsUnavailable:
        return _press(desk, delivery, ClickAction.DENY, reason=_UNTOLD_REASON)
    return Reply()


def submit_denial(desk: Desk, delivery: Delivery) -> Reply:
    """Keep the denial with its reason."""
    return _submit(desk, delivery, ClickAction.DENY, read_filled(delivery.view).reason)


def more(desk: Desk, delivery: Delivery) -> Reply:
    """Open the form with which a request is approved for less, or with a comment."""
    request = _pending(desk, delivery.value, delivery.person)
    entitlement = desk.ctx.catalog.current().entitlements.get(request.entitlement)
    decides = judging.policy_of(desk.ctx, request, entitlement) if entitlement is not None else None
    view = decide_form(request, entitlement, decides, desk.ctx.terms.shortest, delivery.place.pack(subject=request.id))
    try:
        desk.open_form(delivery, view)
    except FormsUnavailable as error:
        raise Refused(_NO_FORMS) from error
    return Reply()


def submit_decision(desk: Desk, delivery: Delivery) -> Reply:
    """Keep the approval with its comment, for as long as was chosen."""
    filled = read_filled(delivery.view)
    duration = filled.duration() if filled.duration_text else None
    desk.once(delivery)
    pressing.press(
        desk.ctx,
        press_id=_form_id("decide", delivery),
        action=ClickAction.APPROVE,
        subject=delivery.more.get("subject", ""),
        actor=delivery.person,
        reason=filled.text(ids.COMMENT),
        duration=duration,
        answer_to=delivery.place.pack(),
    )
    return Reply()


def ask(desk: Desk, delivery: Delivery) -> Reply:
    """Open the form for a question to the requester."""
    _pending(desk, delivery.value, delivery.person)
    try:
        desk.open_form(delivery, ask_form(delivery.place.pack(subject=delivery.value)))
    except FormsUnavailable as error:
        raise Refused("This Slack cannot open the form; ask in the thread, or by a direct message.") from error
    return Reply()


def submit_question(desk: Desk, delivery: Delivery) -> Reply:
    """Keep the question; the requester is asked once it is known that this person may decide."""
    question = read_filled(delivery.view).text(ids.QUESTION)
    if not question.strip():
        raise FieldRefused(ids.QUESTION, "Write your question first.")
    return _submit(desk, delivery, ClickAction.ASK, question)


def approve_all(desk: Desk, delivery: Delivery) -> Reply:
    """Keep a press of *Approve all*: one approval for each request of the bundle, each judged by itself."""
    desk.once(delivery)
    pressing.press_all(
        desk.ctx,
        press_id=_press_id(delivery, ClickAction.APPROVE),
        action=ClickAction.APPROVE,
        bundle=delivery.value,
        actor=delivery.person,
        answer_to=delivery.place.pack(),
    )
    return Reply()


def deny_all(desk: Desk, delivery: Delivery) -> Reply:
    """Open the form that asks why all of a bundle are denied; where there are no forms the press counts by itself."""
    waiting = [each for each in desk.ctx.store.bundle(delivery.value) if each.state is RequestState.PENDING]
    if not waiting:
        raise Refused("All of these are decided already; nothing was changed.")
    try:
        desk.open_form(delivery, deny_all_form(len(waiting), delivery.place.pack(subject=delivery.value)))
    except FormsUnavailable:
        return _deny_all(desk, delivery, _press_id(delivery, ClickAction.DENY), delivery.value, _UNTOLD_REASON)
    return Reply()


def submit_denial_of_all(desk: Desk, delivery: Delivery) -> Reply:
    """Keep the denials with their reason."""
    bundle, reason = delivery.more.get("subject", ""), read_filled(delivery.view).reason
    return _deny_all(desk, delivery, _form_id("deny_all", delivery), bundle, reason)


def justify(desk: Desk, delivery: Delivery) -> Reply:
    """Open the form that closes an emergency's review as justified; without forms the press counts by itself."""
    return _close_review(desk, delivery, ClickAction.JUSTIFY)


def not_justify(desk: Desk, delivery: Delivery) -> Reply:
    """Open the form that closes an emergency's review as not justified."""
    return _close_review(desk, delivery, ClickAction.NOT_JUSTIFY)


def submit_review(desk: Desk, delivery: Delivery) -> Reply:
    """Keep what an owner says about an emergency."""
    justified = delivery.more.get("how") == ClickAction.JUSTIFY
    action = ClickAction.JUSTIFY if justified else ClickAction.NOT_JUSTIFY
    return _submit(desk, delivery, action, read_filled(delivery.view).reason)


def unknown(_desk: Desk, delivery: Delivery) -> Reply:
    """Answer what no listener is for: an old message, or a name that the manifest has and this version has not."""
    raise Refused(f"This version of accessbot does not know “{delivery.name[:60]}”; nothing was changed.")


def _close_review(desk: Desk, delivery: Delivery, action: ClickAction) -> Reply:
    review = desk.ctx.store.review(delivery.value)
    if review is None or review.state is not ReviewState.OPEN:
        raise Refused("This review is closed already; nothing was changed.")
    metadata = delivery.place.pack(subject=review.id, how=str(action))
    try:
        desk.open_form(delivery, review_form(justified=action is ClickAction.JUSTIFY, metadata=metadata))
    except FormsUnavailable:
        reason = "" if action is ClickAction.JUSTIFY else _UNTOLD_REASON
        return _press(desk, delivery, action, reason=reason)
    return Reply()


def _deny_all(desk: Desk, delivery: Delivery, press_id: str, bundle: str, reason: str) -> Reply:
    desk.once(delivery)
    pressing.press_all(
        desk.ctx,
        press_id=press_id,
        action=ClickAction.DENY,
        bundle=bundle,
        actor=delivery.person,
        reason=reason,
        answer_to=delivery.place.pack(),
    )
    return Reply()


def _pending(desk: Desk, request_id: str, actor: str) -> Request:
    request = desk.ctx.store.request(request_id)
    if request is None:
        raise Refused("This request is not known any more; nothing was changed.")
    if request.state is not RequestState.PENDING:
        raise Refused(pressing.closed_sentence(request.state, request.decided_by, actor))
    return request


def _submit(desk: Desk, delivery: Delivery, action: ClickAction, reason: str) -> Reply:
    """Keep a press that was made with a form."""
    desk.once(delivery)
    pressing.press(
        desk.ctx,
        press_id=_form_id(str(action), delivery),
        action=action,
        subject=delivery.more.get("subject", ""),
        actor=delivery.person,
        reason=reason,
        answer_to=delivery.place.pack(),
    )
    return Reply()


def _press(desk: Desk, delivery: Delivery, action: ClickAction, reason: str = "") -> Reply:
    desk.once(delivery)
    pressing.press(
        desk.ctx,
        press_id=_press_id(delivery, action),
        action=action,
        subject=delivery.value,
        actor=delivery.person,
        reason=reason,
        answer_to=delivery.place.pack(),
    )
    return Reply()


def _press_id(delivery: Delivery, action: ClickAction) -> str:
    return ids.stable_id("press", delivery.person, action, delivery.value, delivery.trigger_id or delivery.key)


def _form_id(name: str, delivery: Delivery) -> str:
    return ids.stable_id(name, str(delivery.view.get("id") or delivery.key))
