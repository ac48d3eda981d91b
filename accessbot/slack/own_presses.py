"""Pressing: what people do about their own access and requests, and in whose hands they leave their decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.durations import spoken
from accessbot.domain.errors import FieldRefused, Refused, VendorError
from accessbot.domain.model import RequestState
from accessbot.service import answering, asking, delegating, ending, viewing
from accessbot.slack import ids
from accessbot.slack.blocks import Message, section
from accessbot.slack.commands import holding_list
from accessbot.slack.desk import FormsUnavailable
from accessbot.slack.discussion import open_question
from accessbot.slack.filled import read_filled
from accessbot.slack.forms import answer_form, delegate_form, escalate_form, extend_form
from accessbot.slack.guard import Reply
from accessbot.slack.phrases import opens
from accessbot.slack.text import sentence, utc

if TYPE_CHECKING:
    from accessbot.domain.model import Request
    from accessbot.slack.blocks import Json
    from accessbot.slack.delivery import Delivery
    from accessbot.slack.desk import Desk


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


def confirm(desk: Desk, delivery: Delivery) -> Reply:
    """Take a person's word that they want what a colleague asked for on their behalf."""
    desk.once(delivery)
    request = asking.confirm(desk.ctx, requester=delivery.person, request_id=delivery.value)
    return _said(desk, delivery, f"Confirmed; {request.entitlement} is decided now, and you are told of it.")


def decline(desk: Desk, delivery: Delivery) -> Reply:
    """Close what a colleague asked for on a person's behalf, as they do not want it."""
    desk.once(delivery)
    request = asking.withdraw(desk.ctx, requester=delivery.person, request_id=delivery.value)
    return _said(desk, delivery, f"Declined; nobody is asked about {request.entitlement}.")


def extend(desk: Desk, delivery: Delivery) -> Reply:
    """Open the form that asks for more time, with what the policy still allows."""
    held = viewing.holdings(desk.ctx, requester=delivery.person)
    holding = next((h for h in held.holdings if h.grant.id == delivery.value), None)
    if holding is None:
        raise Refused("That access is not active any more; ask for a new grant with /request-aws.")
    if holding.grant.schedule:
        raise Refused("You hold this for your time on call, and it ends with that; ask for more with /request-aws.")
    if holding.extension is not None:
        raise Refused("You asked for more time already, and that waits for a decision; cancel it to ask differently.")
    if not holding.extensions:
        raise Refused("This grant has its longest time already; ask for a new one with /request-aws.")
    view = extend_form(holding, delivery.place.pack(subject=holding.grant.id))
    return _open(desk, delivery, view, "ask for a new grant with /request-aws instead")


def submit_extension(desk: Desk, delivery: Delivery) -> Reply:
    """Store the request for more time; the form closes and the person reads so."""
    desk.once(delivery)
    filled = read_filled(delivery.view)
    request = asking.extend(
        desk.ctx,
        ask_id=_form_id(delivery),
        requester=delivery.person,
        grant_id=delivery.more.get("subject", ""),
        added=filled.duration(),
        reason=filled.reason,
        answer_to=delivery.place.pack(),
    )
    return _told(
        desk, delivery, f"You asked for {spoken(request.duration)} more; you get a direct message once it is decided."
    )


def escalate(desk: Desk, delivery: Delivery) -> Reply:
    """Open the form that turns a pending request into one for emergency access."""
    request = _own(desk, delivery)
    entitlement = desk.ctx.catalog.current().entitlements.get(request.entitlement)
    if entitlement is None or entitlement.policy.emergency is None:
        raise Refused(f"There is no emergency access to {request.entitlement}; it is decided the normal way.")
    view = escalate_form(request, entitlement, desk.ctx.terms.shortest, delivery.place.pack(subject=request.id))
    return _open(desk, delivery, view, f"type /request-aws emergency {entitlement.id} instead")


def submit_escalation(desk: Desk, delivery: Delivery) -> Reply:
    """Turn the pending request into one for emergency access; it is judged anew."""
    desk.once(delivery)
    filled = read_filled(delivery.view)
    request = asking.make_emergency(
        desk.ctx,
        requester=delivery.person,
        request_id=delivery.more.get("subject", ""),
        duration=filled.duration(),
        reason=filled.reason,
    )
    return _told(desk, delivery, f"Your request for {request.entitlement} is an emergency now; you hear in seconds.")


def answer(desk: Desk, delivery: Delivery) -> Reply:
    """Open the form for the answer to the last question."""
    request = desk.ctx.store.request(delivery.value)
    if request is None or delivery.person not in (request.requester, request.asked_by):
        raise Refused("That request is not yours to answer for; /my-access lists what you asked for.")
    question = open_question(request)
    if request.state is not RequestState.PENDING or question is None:
        raise Refused("There is nothing to answer any more: it was answered, or the request is decided.")
    view = answer_form(question.who, question.text, delivery.place.pack(subject=request.id))
    return _open(desk, delivery, view, "answer whoever asked by a direct message")


def submit_answer(desk: Desk, delivery: Delivery) -> Reply:
    """Keep the answer; it goes into the thread of the request's message."""
    desk.once(delivery)
    answering.answer(
        desk.ctx,
        requester=delivery.person,
        request_id=delivery.more.get("subject", ""),
        text=read_filled(delivery.view).text(ids.REPLY),
        answer_id=_form_id(delivery),
    )
    return _told(desk, delivery, "Answered; those who decide read it now.")


def delegate(desk: Desk, delivery: Delivery) -> Reply:
    """Open the form with which a person leaves their decisions to somebody else."""
    return _open(desk, delivery, delegate_form(delivery.place.pack()), "decide yourself meanwhile")


def submit_delegation(desk: Desk, delivery: Delivery) -> Reply:
    """Leave a person's decisions to somebody else for some time."""
    filled = read_filled(delivery.view)
    ends = filled.moment(ids.UNTIL)
    if not filled.text(ids.TO):
        raise FieldRefused(ids.TO, "Choose who decides in your stead.")
    if ends is None:
        raise FieldRefused(ids.UNTIL, "Say until when.")
    desk.once(delivery)
    begins = filled.moment(ids.FROM) or desk.ctx.store.now()
    try:
        made = delegating.delegate(
            desk.ctx, person=delivery.person, delegate=filled.text(ids.TO), begins=begins, ends=ends
        )
    except VendorError as error:
        raise FieldRefused(ids.TO, f"It cannot be told who that is right now: {error.sentence}") from error
    return _told(desk, delivery, f"Your decisions are with <@{made.delegate}> until {utc(made.ends)}.")


def take_back(desk: Desk, delivery: Delivery) -> Reply:
    """Take a person's decisions back into their own hands."""
    desk.once(delivery)
    ended = delegating.take_back(desk.ctx, person=delivery.person)
    said = "Your decisions are in your own hands again." if ended else "Your decisions were in your own hands already."
    return _said(desk, delivery, said)


def follow_link(_desk: Desk, _delivery: Delivery) -> Reply:
    """Take note of a press that opened an address in the browser, or of a choice that needs nothing done."""
    return Reply()


def _own(desk: Desk, delivery: Delivery) -> Request:
    request = desk.ctx.store.request(delivery.value)
    if request is None or request.requester != delivery.person:
        raise Refused("That request is not yours; /my-access lists what you asked for.")
    if request.state is not RequestState.PENDING:
        raise Refused(f"Too late: this request is already {request.state}.")
    return request


def _open(desk: Desk, delivery: Delivery, view: Json, instead: str) -> Reply:
    try:
        desk.open_form(delivery, view)
    except FormsUnavailable as error:
        raise Refused(f"This Slack cannot open the form; {instead}.") from error
    return Reply()


def _form_id(delivery: Delivery) -> str:
    return str(delivery.view.get("id") or delivery.key)


def _told(desk: Desk, delivery: Delivery, words: str) -> Reply:
    """Tell what was done with a form, beside the place where it was opened."""
    return Reply(later=(lambda: desk.whisper(delivery, Message(sentence(words), [])),))


def _said(desk: Desk, delivery: Delivery, words: str) -> Reply:
    """Tell what was done: in the private list itself when it was pressed there, else beside it."""

    def later() -> None:
        if delivery.is_ephemeral:
            desk.replace(delivery, holding_list(desk, delivery.person, words))
        else:
            desk.whisper(delivery, Message(sentence(words), [section(sentence(words))]))

    return Reply(later=(later,))
