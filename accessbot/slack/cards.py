"""The approvers' message: one pure projection of a request and the grant it made. It decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.durations import spoken
from accessbot.domain.lifecycle import is_early
from accessbot.domain.model import GrantState, RequestKind, RequestState
from accessbot.slack import ids
from accessbot.slack.blocks import Json, Message, actions, button, confirm, context, header, section
from accessbot.slack.discussion import comments, last_question
from accessbot.slack.phrases import (
    allowed,
    approval,
    approver_names,
    asked_for,
    clock_for,
    grant_state,
    joined,
    opens,
    opens_plainly,
    request_state,
    steps,
    who_asks,
)
from accessbot.slack.text import count, elide_escaped, escape, mention, quoted, who

if TYPE_CHECKING:
    from accessbot.domain.model import Grant
    from accessbot.domain.notices import Card
    from accessbot.domain.rules import Policy
    from accessbot.slack.phrases import Clock

_DESCRIPTION_LIMIT = 500
_DECISION_LIMIT = 1200
_NAME_LIMIT = 100


def render(card: Card) -> Message:
    """Give the approvers' message for how things stand at `card.now`."""
    request = card.request
    extends = request.kind is RequestKind.EXTEND
    what = opens(card.entitlement, card.grant, request.entitlement)
    duration = card.grant.duration if card.grant is not None else request.duration
    clock = clock_for(duration)
    lead = _lead(card, what, clock)
    if extends and card.grant is not None and request.state is RequestState.PENDING:
        lead += f" The access ends {clock(card.grant.expires_at)} otherwise."
    blocks = [
        header(_title(card)),
        section(lead),
        *_small_print(card),
        section(f"*Why*\n{quoted(request.reason)}"),
        section(f"*State*\n{_state(card, clock)}"),
        *comments(request),
        *last_question(request),
    ]
    if request.state is RequestState.DENIED and request.decision_reason:
        blocks.append(section(f"*Why denied*\n{quoted(request.decision_reason, _DECISION_LIMIT)}"))
    if request.state is RequestState.PENDING:
        blocks.append(context(_who_may_decide(card)))
    blocks += [actions(row, block_id=name) for name, row in _rows(card) if row]
    return Message(_fallback(card), blocks)


def _title(card: Card) -> str:
    if card.request.kind is RequestKind.EXTEND:
        return "Request for more time"
    if card.request.emergency:
        return "Emergency access"
    return "Access on call" if card.request.schedule else "Access request"


def _lead(card: Card, what: str, clock: Clock) -> str:
    request = card.request
    if request.schedule:
        return f"{mention(request.requester)} has {what} for their shift on “{escape(request.schedule)}”."
    starts = f", from {clock(request.not_before)} on" if request.not_before is not None else ""
    urgent = ", in an *emergency*" if request.emergency else ""
    return f"{who_asks(request)} for {asked_for(request, what)}{starts}{urgent}."


def _state(card: Card, clock: Clock) -> str:
    request, grant = card.request, card.grant
    far = steps(request, _policy(card), card.approvals)
    if request.state is RequestState.PENDING:
        stands = request_state(request, clock)
        if request.escalated:
            stands += " Nobody decided in time, so it was escalated."
        return f"{stands}\n" + "\n".join(far) if len(far) > 1 else joined(stands, *far)
    if request.state is not RequestState.APPROVED:
        return joined(request_state(request, clock), *(far if request.votes else ()))
    if grant is None:
        return f"{request_state(request, clock)} The access is being prepared."
    stands, by = grant_state(grant, card.now, clock), approval(request)
    if request.kind is RequestKind.EXTEND:
        return f"Extended by {spoken(allowed(request))}, {by}. {stands}"
    lines = "\n" + "\n".join(far) if len(far) > 1 and request.votes else ""
    return f"{stands} {by[:1].upper()}{by[1:]}.{lines}"


def _policy(card: Card) -> Policy | None:
    return card.policy or (card.entitlement.policy if card.entitlement is not None else None)


def _small_print(card: Card) -> list[Json]:
    request = card.request
    if card.entitlement is None:
        return [context(f"{escape(request.entitlement)} · no longer in the catalog")]
    policy = _policy(card)
    parts = [elide_escaped(card.entitlement.description, _DESCRIPTION_LIMIT), escape(card.entitlement.id)]
    if request.rule:
        parts.append(f"rule “{elide_escaped(request.rule, _NAME_LIMIT)}”")
    elif policy is not None:
        parts.append(f"policy “{elide_escaped(policy.name, _NAME_LIMIT)}”")
    if request.ticket:
        parts.append(f"{'incident' if request.emergency else 'ticket'} {elide_escaped(request.ticket, _NAME_LIMIT)}")
    if card.bundle:
        parts.append(f"asked for together with {count(len(card.bundle), 'other request')}")
    return [context(" · ".join(part for part in parts if part))]


def _who_may_decide(card: Card) -> str:
    policy = _policy(card)
    if card.entitlement is None or policy is None:
        return "Nobody can decide: the entitlement is no longer in the catalog."
    step = policy.steps[min(card.request.step, len(policy.steps) - 1)]
    who_may = step.deciders if card.request.escalated else step.approvers
    approvers = approver_names([who(selector) for selector in who_may])
    now = "May decide now" if len(policy.steps) > 1 else "May decide"
    once = " Nobody counts in two steps." if len(policy.steps) > 1 and policy.distinct else ""
    return f"{now}: {approvers}. It takes {count(step.approvals, 'approval')}, never the requester’s own.{once}"


def _rows(card: Card) -> list[tuple[str, list[Json]]]:
    request, what = card.request, opens_plainly(card.entitlement, card.grant, card.request.entitlement)
    if request.state is RequestState.PENDING:
        return [("decide", _decisions(request.id, what)), ("decide-all", _decisions_on_all(card))]
    if request.kind is RequestKind.ACCESS and card.grant is not None and _is_live(card.grant):
        return [("decide", [revoke_button(card.grant, what, early=is_early(card.grant, card.now))])]
    return []


def _decisions(request_id: str, what: str) -> list[Json]:
    return [
        button("Approve", ids.APPROVE, request_id, style="primary", spoken_as=f"Approve {what}"),
        button("Deny", ids.DENY, request_id, spoken_as=f"Deny {what}"),
        button("Ask…", ids.ASK, request_id, spoken_as=f"Ask about {what}"),
        button("More…", ids.MORE, request_id, spoken_as=f"Approve for less, or with a comment: {what}"),
    ]


def _decisions_on_all(card: Card) -> list[Json]:
    """Give the buttons for all that were asked for together, while more than one of them waits.

    Those that are still being looked at count as well: the message is not sent anew once that is done.
    """
    waiting = 1 + sum(other.state is RequestState.PENDING for other in card.bundle)
    if waiting == 1 or not card.request.bundle:
        return []
    return [
        button(f"Approve all ({waiting})", ids.APPROVE_ALL, card.request.bundle),
        button("Deny all", ids.DENY_ALL, card.request.bundle),
    ]


def _is_live(grant: Grant) -> bool:
    return grant.state in (GrantState.PROVISIONING, GrantState.ACTIVE) and not grant.failure


def revoke_button(grant: Grant, what: str, *, early: bool = False) -> Json:
    """Give the button with which approvers and admins end a grant, after a question; `early` before it began."""
    told = (
        "It is taken back before it begins."
        if early
        else "The membership is removed within seconds. AWS sessions already open can last until their own end."
    )
    question = confirm("Revoke this access?", told, "Revoke", "Keep it")
    return button("Revoke", ids.REVOKE, grant.id, style="danger", spoken_as=f"Revoke {what}", confirm=question)


def _fallback(card: Card) -> str:
    request = card.request
    duration = card.grant.duration if card.grant is not None else request.duration
    clock = clock_for(duration, plainly=True)
    what = opens_plainly(card.entitlement, card.grant, request.entitlement)
    lead = _lead(card, what, clock).replace("*", "")
    return " ".join(f"{lead} {_state(card, clock)}".split("\n"))
