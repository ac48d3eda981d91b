"""Asking: `/request-aws`, typed or by form, and `/my-access`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot import log
from accessbot.domain.durations import compact, spoken
from accessbot.domain.errors import FieldRefused, Refused, VendorError
from accessbot.service import asking, viewing
from accessbot.slack import holdings, ids
from accessbot.slack.blocks import Message, section
from accessbot.slack.desk import FormsUnavailable
from accessbot.slack.failures import naming
from accessbot.slack.forms import Draft, read_filled, request_form
from accessbot.slack.guard import Reply
from accessbot.slack.parsing import Typed, parse_command, wants_help
from accessbot.slack.phrases import asked_for, opens
from accessbot.slack.text import escape

if TYPE_CHECKING:
    from datetime import timedelta

    from accessbot.domain.model import Request
    from accessbot.slack.blocks import Json
    from accessbot.slack.delivery import Delivery
    from accessbot.slack.desk import Desk
    from accessbot.slack.options import AccessIndex

_log = log.get("accessbot.slack")

_ROWS = 50
_EMPTY = "The catalog is empty: there is nothing to ask for yet. Your administrators fill it."


def request_aws(desk: Desk, delivery: Delivery) -> Reply:
    """Answer `/request-aws`: a form; with words, at once what they ask for; with `help`, how it works.

    The empty form opens from memory: neither the store nor a vendor is asked before.
    """
    index = desk.index()
    if wants_help(delivery.text):
        return _ephemeral(_help(index))
    if not index.by_id:
        raise Refused(_EMPTY)
    typed = parse_command(delivery.text)
    if typed.empty:
        return _form(desk, delivery, index, Draft())
    entitlement = index.find(typed.entitlement)
    if entitlement is not None and typed.complete and typed.duration is not None:
        desk.once(delivery)
        try:
            request = _ask(desk, delivery, delivery.key, entitlement.id, typed.duration, typed.reason)
        except FieldRefused as refusal:
            return _form(desk, delivery, index, _draft(index, typed, refusal.sentence))
        return _ephemeral(_confirmation(desk, request))
    return _form(desk, delivery, index, _draft(index, typed, _what_is_missing(desk, index, typed)))


def submit_request(desk: Desk, delivery: Delivery) -> Reply:
    """Take the form of `/request-aws`: the request is stored, then the form closes and the person reads so."""
    desk.once(delivery)
    filled = read_filled(delivery.view)
    if not filled.entitlement:
        raise FieldRefused("access", "Choose what you need access to.")
    view_id = str(delivery.view.get("id") or delivery.key)
    request = _ask(desk, delivery, view_id, filled.entitlement, filled.duration(), filled.reason)
    said = _confirmation(desk, request)
    return Reply(later=(lambda: desk.whisper(delivery, said),))


def choose_access(desk: Desk, delivery: Delivery) -> Reply:
    """Bring *Duration* in line with the policy of what was chosen; the form works as well without."""
    index = desk.index()
    filled = read_filled(delivery.view)
    entitlement = index.find(delivery.value or filled.entitlement)
    view_id = delivery.view.get("id")
    if entitlement is None or not view_id:
        return Reply()
    draft = Draft(entitlement, filled.duration_text, filled.reason)
    view = request_form(index, str(delivery.view.get("private_metadata") or ""), draft)
    try:
        with naming("views.update"):
            desk.client.views_update(view_id=str(view_id), hash=delivery.view.get("hash"), view=view)
    except VendorError as error:
        _log.info("the form was not brought in line with the choice", code=error.code)
    return Reply()


def suggest(desk: Desk, delivery: Delivery) -> Reply:
    """Answer while somebody types into *Access*."""
    groups = desk.index().search(delivery.text)
    return Reply({"option_groups": groups} if groups else {"options": []})


def my_access(desk: Desk, delivery: Delivery) -> Reply:
    """Answer `/my-access`, to that person alone."""
    desk.once(delivery)
    return _ephemeral(holding_list(desk, delivery.person))


def holding_list(desk: Desk, person: str, said: str = "") -> Message:
    """Give the list of what a person holds right now; `said` stands on top of it."""
    held = viewing.holdings(desk.ctx, requester=person)
    return holdings.render(held, desk.ctx.catalog.current(), said)


def _ask(desk: Desk, delivery: Delivery, ask_id: str, entitlement: str, duration: timedelta, reason: str) -> Request:
    return asking.ask(
        desk.ctx,
        ask_id=ask_id,
        requester=delivery.person,
        entitlement=entitlement,
        duration=duration,
        reason=reason,
        answer_to=delivery.place.pack(),
    )


def _form(desk: Desk, delivery: Delivery, index: AccessIndex, draft: Draft) -> Reply:
    try:
        desk.open_form(delivery, request_form(index, delivery.place.pack(), draft))
    except FormsUnavailable:
        problem = f"{escape(draft.problem)} " if draft.problem else ""
        text = f"{problem}This Slack cannot open the form; type it in one line, like `{_example(index)}`."
        return _ephemeral(Message(text, []))
    return Reply()


def _draft(index: AccessIndex, typed: Typed, problem: str) -> Draft:
    duration = compact(typed.duration) if typed.duration else typed.duration_text
    return Draft(index.find(typed.entitlement), duration, typed.reason, problem)


def _what_is_missing(desk: Desk, index: AccessIndex, typed: Typed) -> str:
    if index.find(typed.entitlement) is None:
        near = viewing.nearest(desk.ctx.catalog.current(), typed.entitlement)
        hint = f" Did you mean {' or '.join(near)}?" if near else " Choose from the list."
        return f"There is no “{typed.entitlement[:60]}” in the catalog.{hint}"
    if typed.refusal is not None:
        return typed.refusal.sentence
    missing = [word for word, there in (("for how long", typed.duration), ("why", typed.reason)) if not there]
    return f"Still to be said: {' and '.join(missing)}."


def _confirmation(desk: Desk, request: Request) -> Message:
    entitlement = desk.ctx.catalog.current().entitlements.get(request.entitlement)
    what = opens(entitlement, None, request.entitlement)
    rest = "You get a direct message once it is decided; `/my-access` shows how it stands."
    shown = f"You asked for {asked_for(request, what)}. {rest}"
    return Message(shown.replace("*", "").replace("`", ""), [section(shown)])


def _example(index: AccessIndex) -> str:
    first = next(iter(index.by_id.values()))
    return f"{ids.REQUEST_COMMAND} {first.id} {compact(first.policy.default_duration)} fixing INC-42"


def _help(index: AccessIndex) -> Message:
    lines = [
        f"`{ids.REQUEST_COMMAND}` opens a form.",
        f"`{ids.MY_ACCESS_COMMAND}` shows what you hold; there you extend it, end it or cancel a request.",
    ]
    if index.by_id:
        first = next(iter(index.by_id.values()))
        asks = f"asks at once for {escape(first.permission_set)} in {escape(first.account.name)}"
        lines.insert(1, f"`{_example(index)}` {asks} for {spoken(first.policy.default_duration)}, and says why.")
        lines.append("Durations are written like `45m`, `1h30m` or `2d`.")
    text = "*AWS access that ends by itself*\n" + "\n".join(f"• {line}" for line in lines)
    return Message(text.replace("*", "").replace("`", ""), [section(text)])


def _ephemeral(message: Message) -> Reply:
    body: Json = {"response_type": "ephemeral", "text": message.text}
    if message.blocks:
        body["blocks"] = message.blocks[:_ROWS]
    return Reply(body)
