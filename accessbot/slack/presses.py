"""Pressing: the approvers' buttons, and a holder's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.durations import spoken
from accessbot.domain.errors import Refused
from accessbot.domain.model import ClickAction
from accessbot.service import asking, ending, pressing, viewing
from accessbot.slack import ids
from accessbot.slack.blocks import Message, section
from accessbot.slack.commands import holding_list
from accessbot.slack.desk import FormsUnavailable
from accessbot.slack.forms import deny_form, extend_form, read_filled
from accessbot.slack.guard import Reply
from accessbot.slack.phrases import opens
from accessbot.slack.text import sentence

if TYPE_CHECKING:
    from accessbot.slack.delivery import Delivery
    from accessbot.slack.desk import Desk

_UNTOLD_REASON = "No reason was given."


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
    desk.once(delivery)
    pressing.press(
        desk.ctx,
        press_id=ids.stable_id("deny", str(delivery.view.get("id") or delivery.key)),
        action=ClickAction.DENY,
        subject=delivery.more.get("subject", ""),
        actor=delivery.person,
        reason=read_filled(delivery.view).reason,
        answer_to=delivery.place.pack(),
    )
    return Reply()


def end_access(desk: Desk, delivery: Delivery) -> Reply:
    """End the holder's own grant: recorded at once, proven by a worker."""
    desk.once(delivery)
    grant = ending.end_access(desk.ctx, requester=delivery.person, grant_id=delivery.value)
    what = opens(None, grant, grant.entitlement)
    said = f"Your access to {what.replace('*', '')} is being taken away; you get a message once that is proven."
    return _said(desk, delivery, said)


def cancel(desk: Desk, delivery: Delivery) -> Reply:
    """Withdraw the person's own pending request."""
    desk.once(delivery)
    asking.withdraw(desk.ctx, requester=delivery.person, request_id=delivery.value)
    return _said(desk, delivery, "Your request was cancelled.")


def extend(desk: Desk, delivery: Delivery) -> Reply:
    """Open the form that asks for more time, with what the policy still allows."""
    held = viewing.holdings(desk.ctx, requester=delivery.person)
    holding = next((h for h in held.holdings if h.grant.id == delivery.value), None)
    if holding is None:
        raise Refused("That access is not active any more; ask for a new grant with /request-aws.")
    if holding.extension is not None:
        raise Refused("You asked for more time already, and that waits for a decision; cancel it to ask differently.")
    if not holding.extensions:
        raise Refused("This grant has its longest time already; ask for a new one with /request-aws.")
    try:
        desk.open_form(delivery, extend_form(holding, delivery.place.pack(subject=holding.grant.id)))
    except FormsUnavailable as error:
        raise Refused("This Slack cannot open the form; ask for a new grant with /request-aws instead.") from error
    return Reply()


def submit_extension(desk: Desk, delivery: Delivery) -> Reply:
    """Store the request for more time; the form closes and the person reads so."""
    desk.once(delivery)
    filled = read_filled(delivery.view)
    request = asking.extend(
        desk.ctx,
        ask_id=str(delivery.view.get("id") or delivery.key),
        requester=delivery.person,
        grant_id=delivery.more.get("subject", ""),
        added=filled.duration(),
        reason=filled.reason,
        answer_to=delivery.place.pack(),
    )
    said = Message(f"You asked for {spoken(request.duration)} more; you get a direct message once it is decided.", [])
    return Reply(later=(lambda: desk.whisper(delivery, said),))


def follow_link(_desk: Desk, _delivery: Delivery) -> Reply:
    """Take note of a press that opened an address in the browser; there is nothing to do."""
    return Reply()


def unknown(_desk: Desk, delivery: Delivery) -> Reply:
    """Answer what no listener is for: an old message, or a name that the manifest has and this version has not."""
    raise Refused(f"This version of accessbot does not know “{delivery.name[:60]}”; nothing was changed.")


def _press(desk: Desk, delivery: Delivery, action: ClickAction, reason: str = "") -> Reply:
    desk.once(delivery)
    pressing.press(
        desk.ctx,
        press_id=ids.stable_id("press", delivery.person, action, delivery.value, delivery.trigger_id or delivery.key),
        action=action,
        subject=delivery.value,
        actor=delivery.person,
        reason=reason,
        answer_to=delivery.place.pack(),
    )
    return Reply()


def _said(desk: Desk, delivery: Delivery, words: str) -> Reply:
    """Tell what was done: in the private list itself when it was pressed there, else beside it."""

    def later() -> None:
        if delivery.is_ephemeral:
            desk.replace(delivery, holding_list(desk, delivery.person, words))
        else:
            desk.whisper(delivery, Message(sentence(words), [section(sentence(words))]))

    return Reply(later=(later,))
