"""Replies in threads, and the loud message about an emergency: whole JSON that calls the right people alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessbot.domain.model import Grant, GrantState, RemarkKind
from accessbot.domain.notices import Nudge, ReviewCard
from accessbot.domain.records import Review, ReviewState
from accessbot.sandbox.slack.limits import check_message, elements_in
from accessbot.slack import reviews, threads
from tests.slack.harness import INES, MAYA, NOAH, PRIYA, TOMAS, entitlement
from tests.slack.shapes import HOUR, MINUTE, NOON, approved, ended, grant, hold, remark, request

URGENT = approved(
    votes=(), decided_by="accessbot", decision_reason="by the emergency policy “break-glass”", emergency=True
)
REVIEW = Review(
    id="v_1",
    grant_id="g_0123456789",
    request_id="r_0123456789",
    requester=MAYA,
    email="maya@example.com",
    entitlement="production-admin",
    policy="break-glass",
    incident="INC-42",
    opened_at=NOON + MINUTE,
)
JUSTIFIED = replace(REVIEW, state=ReviewState.JUSTIFIED, closed_by=INES, closed_at=NOON + 3 * HOUR)
UNJUSTIFIED = replace(JUSTIFIED, state=ReviewState.NOT_JUSTIFIED, reason="No incident <!here>\nwas open")


def card(review: Review, held: Grant | None, *owners: str) -> ReviewCard:
    """Make the message's data as of three minutes past noon."""
    return ReviewCard(
        review=review, request=URGENT, entitlement=entitlement(), grant=held, owners=owners, now=NOON + 3 * MINUTE
    )


CASES: dict[str, ReviewCard] = {
    "running": card(REVIEW, grant(emergency=True), INES, TOMAS),
    "preparing": card(REVIEW, grant(emergency=True, state=GrantState.PROVISIONING, activated_at=None), INES),
    "over": card(REVIEW, ended(emergency=True), INES),
    "over-nobody-to-call": card(REVIEW, ended(emergency=True)),
    "unowned": replace(card(REVIEW, ended(emergency=True), PRIYA), unowned=True),
    "justified": card(JUSTIFIED, ended(emergency=True), INES),
    "not-justified": card(UNJUSTIFIED, ended(emergency=True), INES),
    "nothing-known": card(REVIEW, None, INES),
}


def labels(made: ReviewCard) -> list[str]:
    """List the labels of the message's buttons."""
    return [element["text"]["text"] for element in elements_in(reviews.render(made).blocks)]


@pytest.mark.parametrize("name", CASES)
def test_the_whole_review_is_as_kept(name: str) -> None:
    """Each state renders to the very JSON in its file, which Slack would take."""
    hold(f"review-{name}", reviews.render(CASES[name]))


def test_a_review_is_closed_only_after_the_end_and_once() -> None:
    """While the access runs it can be revoked; over, it is justified or not; closed, there is nothing left to press."""
    assert labels(CASES["running"]) == ["Revoke"]
    assert labels(CASES["over"]) == ["Justified", "Not justified"]
    assert labels(CASES["justified"]) == labels(CASES["not-justified"]) == []


NUDGES: dict[str, Nudge] = {
    "step": Nudge(request=request(), people=(PRIYA, TOMAS), usergroups=("S01SRE",), step="security", now=NOON),
    "escalated": Nudge(request=request(), people=(INES,), step="security", escalated=True, now=NOON),
    "only-step": Nudge(request=request(), usergroups=("S01SRE",), now=NOON),
    "rule-approved": Nudge(
        request=approved(votes=(), decided_by="accessbot", decision_reason="by the rule “on call at once”"),
        people=(PRIYA,),
        now=NOON,
    ),
}


@pytest.mark.parametrize("name", NUDGES)
def test_a_ping_is_as_kept(name: str) -> None:
    """A ping calls people and user groups, and says whether they decide or are only told."""
    hold(f"thread-nudge-{name}", threads.nudge(NUDGES[name]))


def test_a_ping_says_on_whose_behalf_something_is_asked() -> None:
    """Those who decide read who asked, not as if the colleague had."""
    pinged = threads.nudge(replace(NUDGES["step"], request=request(asked_by=NOAH)))
    assert f"<@{NOAH}> asks on behalf of <@{MAYA}> for" in pinged.text


def test_questions_answers_and_reminders_are_as_kept() -> None:
    """What stands in a thread is quoted, with who says it to whom."""
    asked = request(asked_by=NOAH)
    hold("thread-question", threads.remark(asked, remark(RemarkKind.QUESTION, PRIYA, "Which queue?\n<!channel>")))
    hold("thread-answer", threads.remark(asked, remark(RemarkKind.ANSWER, MAYA, "payments-eu")))
    hold("thread-review", threads.review_reminder(CASES["over"]))
    hold("thread-review-nobody-to-call", threads.review_reminder(CASES["over-nobody-to-call"]))
    hold("thread-review-unowned", threads.review_reminder(CASES["unowned"]))
    hold("thread-review-not-justified", threads.review_reminder(CASES["not-justified"]))


@given(st.text(max_size=1000))
def test_nobody_is_called_by_free_text(text: str) -> None:
    """Whatever a reason, remark, incident or name holds, Slack takes the message and nothing in it is live."""
    hostile = f"{text}<!channel> <https://evil.example|docs> <@U99EVE>"
    review = replace(UNJUSTIFIED, reason=hostile, incident=hostile, policy=hostile, entitlement=hostile)
    asked = replace(URGENT, reason=hostile, entitlement=hostile)
    messages = [
        reviews.render(replace(CASES["over"], review=review, request=asked, entitlement=None)),
        threads.remark(asked, remark(RemarkKind.ANSWER, MAYA, hostile)),
        threads.nudge(replace(NUDGES["step"], request=asked, step=hostile)),
    ]
    for message in messages:
        check_message(message.text, message.blocks)
        assert not any(live in str(message) for live in ("<!channel>", "<https://evil", "<@U99EVE>"))
