"""Replies in the thread of a message: pings, questions and answers, reminders. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.model import RemarkKind, RequestState
from accessbot.domain.records import ReviewState
from accessbot.slack.blocks import Message, section
from accessbot.slack.phrases import approved_by, asked_for, opens, who_asks
from accessbot.slack.text import escape, listing, mention, quoted

if TYPE_CHECKING:
    from accessbot.domain.model import Remark, Request
    from accessbot.domain.notices import Nudge, ReviewCard

_MOST_NAMED = 30


def nudge(made: Nudge) -> Message:
    """Give the ping for those whose decision it is now, or who are to know of what a rule approved."""
    request = made.request
    whom = called([*made.people], [*made.usergroups])
    asked = f"{who_asks(request)} for {asked_for(request, opens(None, None, request.entitlement))}"
    if request.state is RequestState.APPROVED:
        said = f"{whom}: for you to know. {asked}, {approved_by(request)}."
    elif made.escalated:
        late = f" in the step “{escape(made.step)}”" if made.step else ""
        said = f"{whom}: nobody decided in time{late}, so you may decide now. {asked}."
    else:
        step = f", in the step “{escape(made.step)}”" if made.step else ""
        said = f"{whom}: a decision waits for you{step}. {asked}."
    return Message(said.replace("*", ""), [section(said)])


def remark(request: Request, made: Remark) -> Message:
    """Give a question, or an answer, as it stands in the thread of the request's message."""
    who = mention(made.who)
    if made.kind is RemarkKind.QUESTION:
        people = listing([mention(one) for one in dict.fromkeys((request.asked_by, request.requester)) if one])
        lead = f"{who} asks {people}"
    else:
        lead = f"{who} answers"
    words = quoted(made.text)
    return Message(f"{lead}: {escape(made.text)}", [section(f"{lead}:\n{words}")])


def review_reminder(card: ReviewCard) -> Message:
    """Give the ping for the owners who have to close a review, or for administrators of one that was not justified."""
    review = card.review
    whom = called([*card.owners], [])
    lead = f"{whom}: the" if whom else "The"
    what = f"{lead} emergency access of {mention(review.requester)} to {_what(card)}"
    if review.state is ReviewState.NOT_JUSTIFIED:
        said = f"{what} was *not justified*, says {mention(review.closed_by)}: administrators, please follow up."
    elif card.unowned:
        said = f"{what} still waits for its review. No owner can be found any more: an administrator closes it above."
    else:
        said = f"{what} still waits for its review. Close it above."
    return Message(said.replace("*", ""), [section(said)])


def _what(card: ReviewCard) -> str:
    return opens(card.entitlement, card.grant, card.review.entitlement)


def called(people: list[str], usergroups: list[str]) -> str:
    """Call people and Slack user groups by name, so that they are notified; what does not fit is left out."""
    names = [mention(one) for one in people] + [f"<!subteam^{escape(one)}>" for one in usergroups]
    return " ".join(names[:_MOST_NAMED])
