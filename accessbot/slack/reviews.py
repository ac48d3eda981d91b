"""The loud message about an emergency, which becomes its review. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.durations import spoken
from accessbot.domain.records import ReviewState
from accessbot.slack import ids
from accessbot.slack.blocks import Json, Message, actions, button, context, header, section
from accessbot.slack.cards import revoke_button
from accessbot.slack.phrases import clock_for, grant_state, opens, opens_plainly
from accessbot.slack.text import escape, mention, quoted
from accessbot.slack.threads import called

if TYPE_CHECKING:
    from accessbot.domain.notices import ReviewCard
    from accessbot.slack.phrases import Clock

_REASON_LIMIT = 1200


def render(card: ReviewCard) -> Message:
    """Give the message for how the emergency and its review stand at `card.now`."""
    review, request = card.review, card.request
    what = opens(card.entitlement, card.grant, review.entitlement)
    clock = clock_for(request.duration)
    blocks = [header("Emergency access"), section(_lead(card, what))]
    whom = called([*card.owners], [])
    if whom and review.state is ReviewState.OPEN:
        blocks.append(section(f"{whom}: {_asked_of_owners(card)}"))
    blocks += [
        section(f"*Why*\n{quoted(request.reason)}"),
        section(f"*State*\n{_state(card, clock)}"),
        section(f"*Review*\n{_review(card, clock)}"),
        context(" · ".join(_facts(card))),
    ]
    buttons = _buttons(card)
    if buttons:
        blocks.append(actions(buttons, block_id="review"))
    return Message(_fallback(card), blocks)


def _facts(card: ReviewCard) -> tuple[str, ...]:
    review = card.review
    return escape(review.entitlement), f"emergency policy “{escape(review.policy)}”", f"grant {escape(review.grant_id)}"


def is_over(card: ReviewCard) -> bool:
    """Tell whether the access has ended, so that its review can be closed."""
    return card.grant is None or card.grant.ended


def _lead(card: ReviewCard, what: str) -> str:
    review, request = card.review, card.request
    return (
        f":rotating_light: {mention(review.requester)} took {what} for {spoken(request.duration)}"
        f" because of *{escape(review.incident)}*. Nobody had to approve it."
    )


def _asked_of_owners(card: ReviewCard) -> str:
    if is_over(card):
        return "look at what was done, and close the review."
    return "please take note. *Revoke* ends it now; once it is over one of you closes its review."


def _state(card: ReviewCard, clock: Clock) -> str:
    if card.grant is None:
        return "Nothing is known of the access any more."
    return grant_state(card.grant, card.now, clock)


def _review(card: ReviewCard, clock: Clock) -> str:
    review = card.review
    if review.state is ReviewState.OPEN:
        owner = (
            "an administrator closes it, as no owner can be found any more" if card.unowned else "an owner closes it"
        )
        who = f"{owner}, never the holder"
        return f"Open: {who}." if is_over(card) else f"Not yet: once the access is over, {who}."
    said = "Justified" if review.state is ReviewState.JUSTIFIED else "*Not justified*"
    closed = f" ({clock(review.closed_at)})" if review.closed_at is not None else ""
    why = f"\n{quoted(review.reason, _REASON_LIMIT)}" if review.reason else ""
    return f"{said}, says {mention(review.closed_by)}{closed}.{why}"


def _buttons(card: ReviewCard) -> list[Json]:
    review = card.review
    if review.state is not ReviewState.OPEN:
        return []
    if not is_over(card):
        grant = card.grant
        what = opens_plainly(card.entitlement, grant, review.entitlement)
        return [revoke_button(grant, what)] if grant is not None and not grant.failure else []
    return [
        button("Justified", ids.JUSTIFY, review.id, style="primary"),
        button("Not justified", ids.NOT_JUSTIFY, review.id, style="danger"),
    ]


def _fallback(card: ReviewCard) -> str:
    what = opens_plainly(card.entitlement, card.grant, card.review.entitlement)
    clock = clock_for(card.request.duration, plainly=True)
    lead = _lead(card, what).replace("*", "").removeprefix(":rotating_light: ")
    whom = called([*card.owners], []) if card.review.state is ReviewState.OPEN else ""
    review = _review(card, clock).replace("*", "").partition("\n")[0]
    return f"Emergency access. {lead} {_state(card, clock)} Review: {review} {whom}".rstrip()
