"""The commands: `/request-aws`, typed or by form, and `/my-access`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.durations import compact, spoken
from accessbot.domain.errors import FieldRefused, Refused
from accessbot.service import viewing
from accessbot.slack import holdings, ids
from accessbot.slack.asking_form import ask, confirmation, open_form
from accessbot.slack.blocks import Message, section
from accessbot.slack.desk import FormsUnavailable
from accessbot.slack.guard import Reply
from accessbot.slack.parsing import Typed, parse_command, wants_help
from accessbot.slack.request_form import MOST_MORE, Draft
from accessbot.slack.text import escape, sentence

if TYPE_CHECKING:
    from accessbot.slack.blocks import Json
    from accessbot.slack.delivery import Delivery
    from accessbot.slack.desk import Desk
    from accessbot.slack.options import AccessIndex

_ROWS = 50
_EMPTY = "The catalog is empty: there is nothing to ask for yet. Your administrators fill it."


def request_aws(desk: Desk, delivery: Delivery) -> Reply:
    """Answer `/request-aws`: a form; with words, at once what they ask for; with `help`, how it works.

    The empty form opens from memory: neither the store nor a vendor is asked before.
    """
    index = desk.index()
    if wants_help(delivery.text):
        return _ephemeral(_help(desk.index_for(delivery.person)))
    if not index.by_id:
        raise Refused(_EMPTY)
    typed = parse_command(delivery.text)
    found = [index.find(name) for name in typed.entitlements]
    if typed.complete and typed.duration is not None and None not in found:
        desk.once(delivery)
        names = [entitlement.id for entitlement in found if entitlement is not None]
        try:
            requests = ask(desk, delivery, delivery.key, names, typed.duration, typed.reason, emergency=typed.emergency)
        except FieldRefused as refusal:
            return _form(desk, delivery, _draft(index, typed, refusal.sentence))
        return _ephemeral(confirmation(desk, requests))
    problem = _what_is_missing(desk, delivery.person, typed)
    return _form(desk, delivery, _draft(index, typed, problem))


def my_access(desk: Desk, delivery: Delivery) -> Reply:
    """Answer `/my-access`, to that person alone."""
    desk.once(delivery)
    return _ephemeral(holding_list(desk, delivery.person))


def holding_list(desk: Desk, person: str, said: str = "") -> Message:
    """Give the list of what a person holds right now; `said` stands on top of it."""
    held = viewing.holdings(desk.ctx, requester=person)
    return holdings.render(held, desk.ctx.catalog.current(), said)


def _form(desk: Desk, delivery: Delivery, draft: Draft) -> Reply:
    hidden = desk.hidden(delivery.person)
    if hidden:
        # It is found out anew behind this, so whoever may ask for something by now reads so with the next try.
        desk.look(delivery.person)
        return Reply({"response_type": "ephemeral", "text": sentence(hidden)})
    try:
        return open_form(desk, delivery, draft)
    except FormsUnavailable:
        problem = f"{escape(draft.problem)} " if draft.problem else ""
        example = _example(desk.index_for(delivery.person))
        text = f"{problem}This Slack cannot open the form; type it in one line, like `{example}`."
        return _ephemeral(Message(text, []))


def _draft(index: AccessIndex, typed: Typed, problem: str) -> Draft:
    duration = compact(typed.duration) if typed.duration else typed.duration_text
    more = [entitlement for entitlement in map(index.find, typed.more) if entitlement is not None][:MOST_MORE]
    return Draft(
        entitlement=index.find(typed.entitlement),
        duration_text=duration,
        reason=typed.reason,
        problem=problem,
        emergency=typed.emergency,
        expanded=bool(typed.more),
        more=tuple(more),
    )


def _what_is_missing(desk: Desk, person: str, typed: Typed) -> str:
    index = desk.index()
    if typed.emergency and not desk.index_for(person).has_emergency:
        return "There is no emergency access to anything that you may ask for; ask the normal way."
    if typed.empty:
        return ""
    for name in typed.entitlements:
        if index.find(name) is None:
            near = viewing.nearest(desk.ctx.catalog.current(), name, policies=desk.index_for(person).policies)
            hint = f" Did you mean {' or '.join(near)}?" if near else " Choose from the list."
            return f"There is no “{name[:60]}” in the catalog.{hint}"
    if typed.refusal is not None:
        return typed.refusal.sentence
    missing = [word for word, there in (("for how long", typed.duration), ("why", typed.reason)) if not there]
    return f"Still to be said: {' and '.join(missing)}."


def _example(index: AccessIndex) -> str:
    first = index.example
    if first is None:
        return f"{ids.REQUEST_COMMAND} production-admin 1h fixing INC-42"
    return f"{ids.REQUEST_COMMAND} {first.id} {compact(first.policy.default_duration)} fixing INC-42"


def _help(index: AccessIndex) -> Message:
    lines = [
        f"`{ids.REQUEST_COMMAND}` opens a form.",
        f"`{ids.REQUEST_COMMAND} a,b 1h why` asks for several things together.",
        f"`{ids.MY_ACCESS_COMMAND}` shows what you hold; there you extend it, end it, or cancel a request.",
        f"*Delegate…* in `{ids.MY_ACCESS_COMMAND}` leaves your decisions to somebody else while you are away.",
    ]
    first = index.example
    if first is not None:
        asks = f"asks at once for {escape(first.permission_set)} in {escape(first.account.name)}"
        lines.insert(1, f"`{_example(index)}` {asks} for {spoken(first.policy.default_duration)}, and says why.")
        lines.append("Durations are written like `45m`, `1h30m` or `2d`.")
    if index.has_emergency:
        asks = "in an emergency: approved at once for whoever is eligible, told to everybody responsible, and reviewed"
        lines.insert(-1, f"`{ids.REQUEST_COMMAND} emergency …` asks {asks}. The reason has to name the incident.")
    text = "*AWS access that ends by itself*\n" + "\n".join(f"• {line}" for line in lines)
    return Message(text.replace("*", "").replace("`", ""), [section(text)])


def _ephemeral(message: Message) -> Reply:
    body: Json = {"response_type": "ephemeral", "text": message.text}
    if message.blocks:
        body["blocks"] = message.blocks[:_ROWS]
    return Reply(body)
