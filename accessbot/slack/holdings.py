"""The answer to `/my-access`: what one person holds, loses and waits for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.durations import spoken
from accessbot.slack import ids
from accessbot.slack.blocks import Json, Message, actions, button, confirm, context, link_button, section
from accessbot.slack.notices import end_button
from accessbot.slack.phrases import clock_for, console_link, grant_state, opens, progress, request_state
from accessbot.slack.text import count, elide_escaped, escape, left, listing

if TYPE_CHECKING:
    from accessbot.domain.model import Catalog, Grant, Request
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
        *(_live(holding, held) for holding in held.holdings),
        *(_other(grant, held) for grant in (*held.preparing, *held.ending)),
        *(_pending(request, catalog) for request in held.pending),
    ]
    top = [section(escape(said))] if said else []
    if not pieces:
        return Message(said or _NOTHING.replace("`", ""), [*top, section(_NOTHING)])
    blocks = [*top, section("*Your AWS access*")]
    shown, size = 0, 0
    for piece in pieces:
        size += len(str(piece))
        if len(blocks) + len(piece) > _BLOCK_LIMIT - 1 or (size > _TEXT_LIMIT and shown):
            break
        blocks += piece
        shown += 1
    if shown < len(pieces):
        blocks.append(
            context(f"And {len(pieces) - shown:,} more; an operator lists them with `accessbot grants list`.")
        )
    return Message(_summary(held, said), blocks)


def _summary(held: Holdings, said: str) -> str:
    parts = [
        count(len(things), one, many)
        for things, one, many in (
            (held.holdings, "active grant", "active grants"),
            (held.preparing, "grant being prepared", "grants being prepared"),
            (held.ending, "grant ending", "grants ending"),
            (held.pending, "pending request", "pending requests"),
        )
        if things
    ]
    return f"{said} You have {listing(parts)}.".strip()


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
    buttons += [end_button(grant), button("Extend", ids.EXTEND, grant.id, spoken_as=f"Extend {named}")]
    blocks = [section(text), actions(buttons, block_id=f"grant:{grant.id}")]
    if holding.extension is not None:
        asked = f"{spoken(holding.extension.duration)} more asked for: {request_state(holding.extension, clock)}"
        blocks.append(section(asked, block_id=f"extension:{grant.id}", accessory=_cancel(holding.extension)))
    return blocks


def _other(grant: Grant, held: Holdings) -> list[Json]:
    clock = clock_for(grant.duration)
    text = f"{opens(None, grant, grant.entitlement)}\n{grant_state(grant, held.now, clock)}"
    if grant in held.preparing and not grant.failure:
        return [section(text), actions([end_button(grant)], block_id=f"grant:{grant.id}")]
    return [section(text)]


def _pending(request: Request, catalog: Catalog) -> list[Json]:
    entitlement = catalog.entitlements.get(request.entitlement)
    what = opens(entitlement, None, request.entitlement)
    clock = clock_for(request.duration)
    approvals = entitlement.policy.approvals if entitlement is not None else 1
    reason = elide_escaped(" ".join(request.reason.split()), _REASON_LIMIT)
    state = f"{request_state(request, clock)} {progress(request, approvals)}".strip()
    text = f"{what}, asked for {spoken(request.duration)}: “{reason}”\n{state}"
    return [section(text, block_id=f"request:{request.id}", accessory=_cancel(request))]


def _cancel(request: Request) -> Json:
    question = confirm("Cancel this request?", "Nobody can approve it any more.", "Cancel request", "Keep it")
    return button(
        "Cancel", ids.CANCEL, request.id, spoken_as=f"Cancel the request for {request.entitlement}", confirm=question
    )
