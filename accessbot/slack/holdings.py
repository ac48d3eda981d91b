"""The answer to `/my-access`: what one person holds, loses and waits for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.durations import spoken
from accessbot.slack import ids
from accessbot.slack.blocks import Json, Message, actions, button, context, link_button, section
from accessbot.slack.discussion import open_question
from accessbot.slack.own_buttons import answer_button, cancel_button, confirm_buttons, end_button, escalate_button
from accessbot.slack.phrases import clock_for, console_link, grant_state, opens, request_state, standing_of
from accessbot.slack.text import count, elide_escaped, escape, left, listing, mention, sentence, when

if TYPE_CHECKING:
    from accessbot.domain.model import Catalog, Entitlement, Grant, Request
    from accessbot.domain.notices import Holding, Holdings

_BLOCK_LIMIT = 50
_TEXT_LIMIT = 10_000
_REASON_LIMIT = 150
_NOTHING = (
    "You hold no AWS access at the moment, and nothing is waiting for a decision. Ask for some with `/request-aws`."
)


def render(held: Holdings, catalog: Catalog, said: str = "") -> Message:
    """Give the list for one person alone; `said` is a sentence about what they just did, put on top.

    What does not fit into one message is counted, never dropped in silence.
    """
    pieces = [
        *(_unconfirmed(request, catalog) for request in held.pending if _is_to_confirm(request, held)),
        *(_live(holding, held) for holding in held.holdings),
        *(_other(grant, held) for grant in (*held.preparing, *held.ending, *held.scheduled)),
        *(_pending(request, catalog, held.person) for request in held.pending if not _is_to_confirm(request, held)),
    ]
    top = [section(sentence(said))] if said else []
    if not pieces:
        return Message(sentence(said) or _NOTHING.replace("`", ""), [*top, section(_NOTHING), *_delegation(held)])
    blocks = [*top, section("*Your AWS access*")]
    shown, size = 0, 0
    for piece in pieces:
        size += len(str(piece))
        if len(blocks) + len(piece) > _BLOCK_LIMIT - 2 or (size > _TEXT_LIMIT and shown):
            break
        blocks += piece
        shown += 1
    if shown < len(pieces):
        blocks.append(
            context(f"And {len(pieces) - shown:,} more; an operator lists them with `accessbot grants list`.")
        )
    return Message(_summary(held, said), [*blocks, *_delegation(held)])


def _summary(held: Holdings, said: str) -> str:
    parts = [
        count(len(things), one, many)
        for things, one, many in (
            (held.holdings, "active grant", "active grants"),
            (held.preparing, "grant being prepared", "grants being prepared"),
            (held.ending, "grant ending", "grants ending"),
            (held.scheduled, "scheduled grant", "scheduled grants"),
            (held.pending, "pending request", "pending requests"),
        )
        if things
    ]
    return f"{sentence(said)} You have {listing(parts)}.".strip()


def _live(holding: Holding, held: Holdings) -> list[Json]:
    grant = holding.grant
    clock = clock_for(grant.duration)
    what = opens(holding.entitlement, grant, grant.entitlement)
    text = f"{what}\n{left(holding.left)} left, until {clock(grant.expires_at)}"
    if grant.waiting_for:
        text += f" · {grant_state(grant, held.now, clock)}"
    buttons = []
    link = console_link(held.start_url, grant.account_id, grant.permission_set)
    if link:
        buttons.append(link_button("Open AWS console", ids.LINK, link))
    named = f"{grant.permission_set} in {grant.account_name}"
    buttons.append(end_button(grant))
    if grant.schedule:
        text += f"\nFor your shift on “{escape(grant.schedule)}”: it ends with the shift."
    else:
        buttons.append(button("Extend", ids.EXTEND, grant.id, spoken_as=f"Extend {named}"))
    blocks = [section(text), actions(buttons, block_id=f"grant:{grant.id}")]
    if holding.extension is not None:
        asked = f"{spoken(holding.extension.duration)} more asked for: {request_state(holding.extension, clock)}"
        blocks.append(section(asked, block_id=f"extension:{grant.id}", accessory=cancel_button(holding.extension)))
    return blocks


def _other(grant: Grant, held: Holdings) -> list[Json]:
    clock = clock_for(grant.duration)
    text = f"{opens(None, grant, grant.entitlement)}\n{grant_state(grant, held.now, clock)}"
    if grant in (*held.preparing, *held.scheduled) and not grant.failure:
        return [section(text), actions([end_button(grant)], block_id=f"grant:{grant.id}")]
    return [section(text)]


def _is_to_confirm(request: Request, held: Holdings) -> bool:
    """Tell whether it waits for this very person's word; whoever asked for a colleague can only take it back."""
    return request.unconfirmed and request.requester == held.person


def _pending(request: Request, catalog: Catalog, person: str) -> list[Json]:
    entitlement = catalog.entitlements.get(request.entitlement)
    decides = catalog.policies.get(request.policy) or (entitlement.policy if entitlement is not None else None)
    what = opens(entitlement, None, request.entitlement)
    clock = clock_for(request.duration)
    approvals = decides.approvals if decides is not None else 1
    reason = elide_escaped(" ".join(request.reason.split()), _REASON_LIMIT)
    state = f"{request_state(request, clock)} {standing_of(request, approvals, decides)}".strip()
    starts = f", from {clock(request.not_before)} on" if request.not_before is not None else ""
    whom = f" on behalf of {mention(request.requester)}" if request.requester != person else ""
    text = f"{what}, asked for {spoken(request.duration)}{starts}{whom}: “{reason}”\n{state}"
    buttons = []
    question = open_question(request)
    if question is not None:
        asked = elide_escaped(" ".join(question.text.split()), _REASON_LIMIT)
        text += f"\n{mention(question.who)} asks: “{asked}”"
        buttons.append(answer_button(request))
    if not whom and _can_escalate(request, entitlement):
        buttons.append(escalate_button(request))
    if not buttons:
        return [section(text, block_id=f"request:{request.id}", accessory=cancel_button(request))]
    return [section(text), actions([*buttons, cancel_button(request)], block_id=f"request:{request.id}")]


def _can_escalate(request: Request, entitlement: Entitlement | None) -> bool:
    """Tell whether to offer that a request becomes an emergency; whether its holder is eligible is judged live."""
    return (
        entitlement is not None
        and entitlement.policy.emergency is not None
        and request.announced
        and not request.emergency
        and request.not_before is None
    )


def _unconfirmed(request: Request, catalog: Catalog) -> list[Json]:
    what = opens(catalog.entitlements.get(request.entitlement), None, request.entitlement)
    reason = elide_escaped(" ".join(request.reason.split()), _REASON_LIMIT)
    clock = clock_for(request.duration)
    asked = f"{mention(request.asked_by)} asks on your behalf for {what} for {spoken(request.duration)}: “{reason}”"
    text = f"{asked}\nWaiting for you to confirm. It expires {clock(request.expires_at)} otherwise."
    return [section(text), actions(confirm_buttons(request), block_id=f"request:{request.id}")]


def _delegation(held: Holdings) -> list[Json]:
    """Say in whose hands a person's own decisions are, with the button that changes it."""
    given = held.delegation
    if given is None:
        return [actions([button("Delegate…", ids.DELEGATE, "delegate")], block_id="delegation")]
    begins = f" from {when(given.begins)}" if held.now < given.begins else ""
    text = f"Your decisions are with {mention(given.delegate)}{begins} until {when(given.ends)}."
    return [section(text, block_id="delegation", accessory=button("Take back", ids.TAKE_BACK, "take-back"))]
