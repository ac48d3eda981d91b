"""The approvers' message of requests with steps, rules, bundles, delegates, questions and emergencies."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessbot.domain.model import EndCause, Entitlement, GrantState, RemarkKind, Request, RequestState
from accessbot.domain.notices import Card
from accessbot.domain.rules import Policy
from accessbot.sandbox.slack.limits import check_message, elements_in
from accessbot.slack import cards
from tests.slack.harness import INES, MAYA, NOAH, PRIYA, TOMAS, entitlement, two_steps
from tests.slack.shapes import HOUR, MINUTE, NOON, approved, ended, grant, hold, remark, request, vote

HALF = timedelta(minutes=30)
STEPS = two_steps()


def card(made: Request, **changes: object) -> Card:
    """Make a card of a request that takes a manager and two of security, three minutes past noon."""
    fields: dict[str, object] = {"entitlement": entitlement(rule=STEPS), "policy": STEPS, "approvals": 3}
    return Card(request=made, now=NOON + 3 * MINUTE, **{**fields, **changes})  # type: ignore[arg-type] # its own names


CASES: dict[str, Card] = {
    "first-step": card(request(step_at=NOON, policy="steps")),
    "second-step": card(request(step=1, step_at=NOON, votes=(vote(PRIYA),), policy="steps")),
    "escalated": card(request(step=1, step_at=NOON, votes=(vote(PRIYA),), escalated=True, policy="steps")),
    "steps-approved": card(
        approved(votes=(vote(PRIYA), vote(TOMAS, step=1, duration=HALF), vote(INES, step=1, comment="Go <!here>"))),
        grant=grant(duration=HALF),
    ),
    "delegate-and-comment": card(
        request(
            step=1,
            votes=(
                vote(PRIYA, comment="Fine by me\n> *as always*", for_email="ken@example.com"),
                vote(TOMAS, step=1, duration=HALF),
            ),
        )
    ),
    "asked": card(request(remarks=(remark(RemarkKind.QUESTION, PRIYA, "Which queue?"),))),
    "answered": card(
        request(
            remarks=(
                remark(RemarkKind.QUESTION, TOMAS, "Old question"),
                remark(RemarkKind.QUESTION, PRIYA, "Which queue?"),
                remark(RemarkKind.ANSWER, MAYA, "payments-eu"),
            )
        )
    ),
    "rule-and-ticket": card(request(rule="long ones take two", ticket="OPS-12")),
    "on-behalf-and-later": card(request(asked_by=NOAH, not_before=NOON + 5 * HOUR)),
    "bundle": card(
        request(bundle="b_1"),
        bundle=(
            request(id="r_2", bundle="b_1"),
            request(id="r_3", bundle="b_1"),
            request(id="r_4", bundle="b_1", state=RequestState.DENIED),
        ),
    ),
    "rule-approved": card(
        approved(
            votes=(), decided_by="accessbot", decision_reason="by the rule “on call at once”", rule="on call at once"
        ),
        grant=grant(),
    ),
    "emergency": card(
        approved(
            votes=(),
            decided_by="accessbot",
            decision_reason="by the emergency policy “break-glass”",
            emergency=True,
            ticket="INC-42",
        ),
        grant=grant(emergency=True),
    ),
    "scheduled": card(
        approved(not_before=NOON + 5 * HOUR),
        grant=grant(state=GrantState.PROVISIONING, activated_at=None, not_before=NOON + 5 * HOUR),
    ),
    "shift": card(
        approved(votes=(), decided_by="accessbot", decision_reason="by the schedule “payments”", schedule="payments"),
        grant=ended(EndCause.SHIFT_OVER, schedule="payments"),
    ),
    "offboarded": card(approved(), grant=ended(EndCause.OFFBOARDED)),
    "panic": card(approved(), grant=ended(EndCause.PANIC, "cli:root", end_reason="laptop stolen")),
}


def buttons(made: Card) -> list[str]:
    """List the labels of a card's buttons."""
    return [element["text"]["text"] for element in elements_in(cards.render(made).blocks)]


@pytest.mark.parametrize("name", CASES)
def test_the_whole_message_is_as_kept(name: str) -> None:
    """Each way of being decided renders to the very JSON in its file, which Slack would take."""
    hold(f"card-{name}", cards.render(CASES[name]))


def test_every_step_tells_who_decided_and_what_is_missing() -> None:
    """Each step is told by number and name, with those who approved it and how many it takes."""
    text = str(cards.render(CASES["second-step"]).blocks)
    assert "Step 1 of 2, manager: 1 of 1 approved by <@U03PRIYA>." in text
    assert "Step 2 of 2, security: 0 of 2." in text
    assert "May decide now: group sre-leads@example.com" in text


def test_a_bundle_is_decided_apart_or_together() -> None:
    """While more than one of a bundle waits all can be decided by one press; the last one alone cannot."""
    assert buttons(CASES["bundle"]) == ["Approve", "Deny", "Ask…", "More…", "Approve all (3)", "Deny all"]
    rest = replace(CASES["bundle"], bundle=CASES["bundle"].bundle[2:])
    assert buttons(rest) == ["Approve", "Deny", "Ask…", "More…"]


def test_what_is_still_looked_at_counts_in_a_bundle() -> None:
    """The first message of a bundle may be sent before the others are: it offers to decide all the same."""
    early = replace(CASES["bundle"], bundle=(request(id="r_2", bundle="b_1", announced=False),))
    assert "Approve all (2)" in buttons(early)


def test_only_the_last_question_is_shown() -> None:
    """Of several questions the last one is shown, with the answer that came since."""
    text = str(cards.render(CASES["answered"]).blocks)
    assert "Old question" not in text
    assert "Not answered yet" not in text
    assert "Not answered yet." in str(cards.render(CASES["asked"]).blocks)


@given(st.text(max_size=600))
def test_no_text_of_anybody_is_live_or_breaks_the_limits(text: str) -> None:
    """Whatever a comment, question, answer, rule or ticket holds, Slack takes the message and nothing in it is live."""
    hostile = f"{text}<!channel> <https://evil.example|docs> <@U99EVE>"
    policy = replace(STEPS, name=hostile, steps=tuple(replace(step, name=hostile) for step in STEPS.steps))
    made = request(
        votes=tuple(vote(PRIYA, comment=hostile, for_email=hostile) for _ in range(9)),
        remarks=(remark(RemarkKind.QUESTION, PRIYA, hostile), remark(RemarkKind.ANSWER, MAYA, hostile)),
        rule=hostile,
        ticket=hostile,
        bundle="b_1",
    )
    message = cards.render(card(made, policy=policy, bundle=(request(id="r_2", bundle="b_1"),)))
    check_message(message.text, message.blocks)
    assert not any(live in str(message) for live in ("<!channel>", "<https://evil", "<@U99EVE>"))


def test_a_policy_that_became_shorter_still_shows() -> None:
    """A request beyond the last step of its policy is shown in the last one."""
    short: Policy = replace(STEPS, steps=STEPS.steps[:1])
    opens: Entitlement = entitlement(rule=short)
    assert "May decide: " in str(cards.render(card(request(step=3), policy=short, entitlement=opens)).blocks)
