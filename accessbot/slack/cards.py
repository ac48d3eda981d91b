"""The approvers' message: one pure projection of a request and the grant it made. It decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.durations import spoken
from accessbot.domain.model import GrantState, RequestKind, RequestState
from accessbot.slack import ids
from accessbot.slack.blocks import Json, Message, actions, button, confirm, context, header, section
from accessbot.slack.phrases import (
    approved_by,
    approver_names,
    asked_for,
    clock_for,
    grant_state,
    joined,
    opens,
    opens_plainly,
    progress,
    request_state,
)
from accessbot.slack.text import count, elide_escaped, escape, mention, quoted, who

if TYPE_CHECKING:
    from accessbot.domain.model import Grant
    from accessbot.domain.notices import Card
    from accessbot.slack.phrases import Clock

_DESCRIPTION_LIMIT = 500
_DECISION_LIMIT = 1200


def render(card: Card) -> Message:
    """Give the approvers' message for how things stand at `card.now`."""
    request = card.request
    extends = request.kind is RequestKind.EXTEND
    what = opens(card.entitlement, card.grant, request.entitlement)
    duration = card.grant.duration if card.grant is not None else request.duration
    clock = clock_for(duration)
    lead = f"{mention(request.requester)} asks for {asked_for(request, what)}."
    if extends and card.grant is not None and request.state is RequestState.PENDING:
        lead += f" The access ends {clock(card.grant.expires_at)} otherwise."
    blocks = [
        header("Request for more time" if extends else "Access request"),
        section(lead),
        *_small_print(card),
        section(f"*Why*\n{quoted(request.reason)}"),
        section(f"*State*\n{_state(card, clock)}"),
    ]
    if request.state is RequestState.DENIED and request.decision_reason:
        blocks.append(section(f"*Why denied*\n{quoted(request.decision_reason, _DECISION_LIMIT)}"))
    if request.state is RequestState.PENDING:
        blocks.append(context(_who_may_decide(card)))
    buttons = _buttons(card)
    if buttons:
        blocks.append(actions(buttons, block_id="decide"))
    return Message(_fallback(card), blocks)


def _state(card: Card, clock: Clock) -> str:
    request, grant = card.request, card.grant
    if request.state is RequestState.PENDING:
        return joined(request_state(request, clock), progress(request, card.approvals))
    if request.state is not RequestState.APPROVED:
        return joined(request_state(request, clock), progress(request, card.approvals) if request.votes else "")
    if grant is None:
        return f"{request_state(request, clock)} The access is being prepared."
    stands = grant_state(grant, card.now, clock)
    by = approved_by(request)
    if request.kind is RequestKind.EXTEND:
        return f"Extended by {spoken(request.duration)}, {by}. {stands}"
    return f"{stands} {by[:1].upper()}{by[1:]}."


def _small_print(card: Card) -> list[Json]:
    if card.entitlement is None:
        return [context(f"{escape(card.request.entitlement)} · no longer in the catalog")]
    description = elide_escaped(card.entitlement.description, _DESCRIPTION_LIMIT)
    return [context(" · ".join(part for part in (description, escape(card.entitlement.id)) if part))]


def _who_may_decide(card: Card) -> str:
    if card.entitlement is None:
        return "Nobody can decide: the entitlement is no longer in the catalog."
    approvers = approver_names([who(selector) for selector in card.entitlement.policy.approvers])
    return f"May decide: {approvers}. It takes {count(card.approvals, 'approval')}, never the requester’s own."


def _buttons(card: Card) -> list[Json]:
    request, what = card.request, opens_plainly(card.entitlement, card.grant, card.request.entitlement)
    if request.state is RequestState.PENDING:
        return [
            button("Approve", ids.APPROVE, request.id, style="primary", spoken_as=f"Approve {what}"),
            button("Deny", ids.DENY, request.id, spoken_as=f"Deny {what}"),
        ]
    if request.kind is RequestKind.ACCESS and card.grant is not None and _is_live(card.grant):
        return [revoke_button(card.grant, what)]
    return []


def _is_live(grant: Grant) -> bool:
    return grant.state in (GrantState.PROVISIONING, GrantState.ACTIVE) and not grant.failure


def revoke_button(grant: Grant, what: str) -> Json:
    """Give the button with which approvers and admins end a grant, after a question."""
    question = confirm(
        "Revoke this access?",
        "The membership is removed within seconds. AWS sessions that are already open can last until their own end.",
        "Revoke",
        "Keep it",
    )
    return button("Revoke", ids.REVOKE, grant.id, style="danger", spoken_as=f"Revoke {what}", confirm=question)


def _fallback(card: Card) -> str:
    request = card.request
    duration = card.grant.duration if card.grant is not None else request.duration
    what = opens_plainly(card.entitlement, card.grant, request.entitlement)
    stands = _state(card, clock_for(duration, plainly=True))
    return f"{mention(request.requester)} asks for {asked_for(request, what)}. {stands}"
