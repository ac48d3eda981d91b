"""The form of `/request-aws` while somebody fills it in: it opens from memory, follows what is chosen, and asks."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from accessbot.domain.errors import FieldRefused
from accessbot.service import asking
from accessbot.slack import ids
from accessbot.slack.blocks import Message, section
from accessbot.slack.filled import read_filled
from accessbot.slack.forms import notice_view
from accessbot.slack.guard import Reply
from accessbot.slack.phrases import asked_for, clock_for, opens
from accessbot.slack.request_form import Draft, draft_of, request_form
from accessbot.slack.text import listing, mention

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from accessbot.domain.model import Request
    from accessbot.slack.blocks import Json
    from accessbot.slack.delivery import Delivery
    from accessbot.slack.desk import Desk
    from accessbot.slack.options import AccessIndex


def open_form(desk: Desk, delivery: Delivery, draft: Draft) -> Reply:
    """Open the form with what the person sees of the catalog as far as that is known, else with everything.

    Neither the store nor a vendor is asked before. What is not known, or too old, is read behind it, and the form
    brought in line. Raises `FormsUnavailable` where there are no forms.
    """
    index = desk.index_for(delivery.person)
    shown = desk.open_form(delivery, request_form(index, delivery.place.pack(), draft))
    desk.look(delivery.person, partial(_bring_in_line, desk, delivery, index, shown, draft))
    return Reply()


def _bring_in_line(desk: Desk, delivery: Delivery, before: AccessIndex, shown: Json, draft: Draft) -> None:
    """Show an open form anew when the person sees something else of the catalog than what it was opened with."""
    hidden = desk.hidden(delivery.person)
    if hidden:
        desk.update_form(shown, notice_view("Request AWS access", hidden))
        return
    index = desk.index_for(delivery.person)
    if index is not before:
        desk.update_form(shown, request_form(index, delivery.place.pack(), draft))


def submit_request(desk: Desk, delivery: Delivery) -> Reply:
    """Take the form of `/request-aws`: what is asked for is stored, then the form closes and the person reads so."""
    desk.once(delivery)
    filled = read_filled(delivery.view)
    if not filled.entitlement:
        raise FieldRefused("access", "Choose what you need access to.")
    requests = ask(
        desk,
        delivery,
        str(delivery.view.get("id") or delivery.key),
        filled.entitlements,
        filled.duration(),
        filled.reason,
        emergency=filled.emergency,
        person=filled.text(ids.FOR),
        starts=filled.moment(ids.STARTS),
    )
    said = confirmation(desk, requests)
    return Reply(later=(lambda: desk.whisper(delivery, said),))


def follow_choice(desk: Desk, delivery: Delivery) -> Reply:
    """Bring *Duration* in line with what was chosen, or with an emergency; the form works as well without."""
    draft = draft_of(desk.index(), read_filled(delivery.view), delivery.view)
    chosen = desk.index().find(delivery.value) if delivery.name == ids.ACCESS else None
    return _show_again(desk, delivery, replace(draft, entitlement=chosen or draft.entitlement))


def more_options(desk: Desk, delivery: Delivery) -> Reply:
    """Show what is rarely needed; what was filled in stays."""
    draft = draft_of(desk.index(), read_filled(delivery.view), delivery.view)
    return _show_again(desk, delivery, replace(draft, expanded=True))


def suggest(desk: Desk, delivery: Delivery) -> Reply:
    """Answer while somebody types into *Access* or *More access*, with what they see of the catalog."""
    groups = desk.index_for(delivery.person).search(delivery.text)
    desk.look(delivery.person)
    return Reply({"option_groups": groups} if groups else {"options": []})


def ask(  # noqa: PLR0913 - all that a form can hold, by name
    desk: Desk,
    delivery: Delivery,
    ask_id: str,
    entitlements: Sequence[str],
    duration: timedelta,
    reason: str,
    *,
    emergency: bool = False,
    person: str = "",
    starts: datetime | None = None,
) -> tuple[Request, ...]:
    """Ask for something, or for several things together; for oneself, or for the colleague `person`."""
    colleague = person if person != delivery.person else ""
    requester, asked_by = colleague or delivery.person, delivery.person if colleague else ""
    answer_to = delivery.place.pack()
    if len(entitlements) == 1:
        request = asking.ask(
            desk.ctx,
            ask_id=ask_id,
            requester=requester,
            entitlement=entitlements[0],
            duration=duration,
            reason=reason,
            answer_to=answer_to,
            emergency=emergency,
            not_before=starts,
            asked_by=asked_by,
        )
        return (request,)
    return asking.ask_many(
        desk.ctx,
        ask_id=ask_id,
        requester=requester,
        entitlements=entitlements,
        duration=duration,
        reason=reason,
        answer_to=answer_to,
        emergency=emergency,
        not_before=starts,
        asked_by=asked_by,
    )


def confirmation(desk: Desk, requests: Sequence[Request]) -> Message:
    """Tell a person what they asked for, and what comes next."""
    shown = f"You asked for {listing([_asked(desk, request) for request in requests])}{_besides(requests[0])}"
    return Message(shown.replace("*", "").replace("`", ""), [section(shown)])


def _asked(desk: Desk, request: Request) -> str:
    entitlement = desk.ctx.catalog.current().entitlements.get(request.entitlement)
    return asked_for(request, opens(entitlement, None, request.entitlement))


def _besides(request: Request) -> str:
    starts = f", from {clock_for(request.duration)(request.not_before)} on" if request.not_before is not None else ""
    if request.asked_by:
        who = mention(request.requester)
        return f"{starts}, on behalf of {who}. {who} has to confirm it first; then it is decided."
    if request.emergency:
        return ", in an emergency. You get a direct message in seconds; everybody responsible is told."
    return f"{starts}. You get a direct message once it is decided; `/my-access` shows how it stands."


def _show_again(desk: Desk, delivery: Delivery, draft: Draft) -> Reply:
    metadata = str(delivery.view.get("private_metadata") or "")
    desk.update_form(delivery.view, request_form(desk.index_for(delivery.person), metadata, draft))
    return Reply()
