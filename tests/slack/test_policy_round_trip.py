"""Policies through Slack: several at once, for a colleague, later, for less, in steps, with questions, delegated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from accessbot.domain.model import GrantState, RequestState
from tests.slack.harness import (
    GROUP,
    INES,
    MAYA,
    NOAH,
    PRIYA,
    TOMAS,
    Town,
    catalog,
    entitlement,
    eventually,
    every_policy,
    town,
)

HOUR = timedelta(hours=1)


@pytest.fixture
def here() -> Iterator[Town]:
    """Open a workspace for one test."""
    with town(every_policy()) as opened:
        yield opened
        assert not opened.slack.warnings


def pending(here: Town) -> list[str]:
    """List the entitlements of the requests that wait."""
    return sorted(request.entitlement for request in here.ctx.store.requests([RequestState.PENDING]))


def test_the_three_inputs_suffice(here: Town) -> None:
    """Somebody who fills in Access, Duration and Reason alone gets what they asked for."""
    maya, priya = here.actor(MAYA), here.actor(PRIYA)
    maya.command("/request-aws")
    maya.fill({"Access": "production-admin", "Duration": "45m", "Reason": "why"})
    assert maya.submit() == {}
    here.work()
    priya.click(priya.wait_for_message("approvals", "Pending"), "Approve")
    here.work()
    (grant,) = here.ctx.store.grants([GrantState.ACTIVE])
    assert (grant.duration, grant.emergency) == (timedelta(minutes=45), False)


def test_several_are_asked_for_and_approved_together(here: Town) -> None:
    """One line asks for two things; each has its message, and one press approves both."""
    maya, priya = here.actor(MAYA), here.actor(PRIYA)
    answer = maya.command("/request-aws", "production-admin,ledger-admin 1h both INC-42").answers[-1]
    assert maya.read(answer).count("AdministratorAccess") == 2
    here.work()
    cards = [card for card in priya.messages("approvals") if "Pending" in priya.read(card)]
    assert len(cards) == 2
    assert "asked for together with 1 other request" in priya.read(cards[0])
    assert priya.click(cards[0], "Approve all (2)").ok
    here.work()
    assert len(list(here.ctx.store.grants([GrantState.ACTIVE]))) == 2


def test_several_are_denied_together_with_one_reason(here: Town) -> None:
    """Deny all asks once why, and denies each that still waits."""
    maya, priya = here.actor(MAYA), here.actor(PRIYA)
    maya.command("/request-aws", "production-admin, ledger-admin 1h both INC-42")
    here.work()
    priya.click(priya.wait_for_message("approvals", "Pending"), "Deny all")
    assert "denies 2 requests" in priya.view_text()
    priya.fill({"Reason": "Use the read-only role"})
    assert priya.submit() == {}
    here.work()
    denied = list(here.ctx.store.requests([RequestState.DENIED]))
    assert [request.decision_reason for request in denied] == ["Use the read-only role"] * 2
    assert not pending(here)


def test_more_options_keep_what_was_filled_in(here: Town) -> None:
    """Behind *More options* are more access, a colleague and a start; what was chosen before stays."""
    maya = here.actor(MAYA)
    maya.command("/request-aws")
    assert "More access" not in maya.view_text()
    maya.fill({"Access": "ledger-admin", "Reason": "INC-42"})
    maya.fill({"Duration": "30m"})
    maya.click_in_view("More options")
    text = maya.view_text()
    assert all(label in text for label in ("More access:", "For:", "Starts:"))
    assert "[More options]" not in text
    maya.fill({"More access": ["production-admin"]})
    assert maya.submit() == {}
    assert pending(here) == ["ledger-admin", "production-admin"]
    (first, second) = here.ctx.store.requests([RequestState.PENDING])
    assert first.bundle == second.bundle
    assert {first.duration, second.duration} == {HOUR / 2}
    maya.wait_for_ephemeral("You asked for", " and ")


def test_a_colleague_confirms_before_anybody_is_asked(here: Town) -> None:
    """What is asked for on behalf of somebody waits for their word, and is declined by a press."""
    maya, noah, priya = here.actor(MAYA), here.actor(NOAH), here.actor(PRIYA)
    for _ in range(2):
        maya.command("/request-aws")
        maya.fill({"Access": "production-admin", "Duration": "1h", "Reason": "Noah is on a train"})
        maya.click_in_view("More options")
        maya.fill({"For": NOAH})
        assert maya.submit() == {}
    maya.wait_for_ephemeral("on behalf of @noah", "has to confirm")
    here.work()
    assert not priya.messages("approvals")
    first, second = [m for m in noah.dms() if "asks on your behalf" in noah.read(m)]
    assert noah.click(first, "Confirm").ok
    listing = noah.command("/my-access").answers[-1]
    assert "@maya asks on your behalf" in noah.read(listing)
    assert noah.click(second, "Decline").ok
    here.work()
    priya.wait_for_message("approvals", "@maya asks on behalf of @noah", "Pending")
    (request,) = here.ctx.store.requests([RequestState.PENDING])
    assert (request.requester, request.asked_by) == (NOAH, MAYA)


def test_a_later_start_is_scheduled_and_can_be_taken_back(here: Town) -> None:
    """Approved for later, nothing is given before; it is listed with its start and ended from there."""
    maya, priya = here.actor(MAYA), here.actor(PRIYA)
    start = datetime.now(UTC).replace(microsecond=0, second=0) + 3 * HOUR
    maya.command("/request-aws")
    maya.fill({"Access": "production-admin", "Duration": "1h", "Reason": "The release tonight"})
    maya.click_in_view("More options")
    maya.fill({"Starts": start})
    assert maya.submit() == {}
    here.work()
    priya.click(priya.wait_for_message("approvals", "Pending", ", from "), "Approve")
    here.work()
    assert not here.google.emails(GROUP)
    maya.wait_for_message("dm", "Your access is scheduled")
    priya.wait_for_message("approvals", "Scheduled: it begins")
    listing = maya.command("/my-access").answers[-1]
    assert "Scheduled: it begins" in maya.read(listing)
    assert maya.click(listing, "End access").ok
    here.work()
    assert not [g for g in here.ctx.store.grants() if not g.ended]


def test_a_start_that_is_over_is_told_on_its_field(here: Town) -> None:
    """A start in the past is refused where it was chosen."""
    maya = here.actor(MAYA)
    maya.command("/request-aws")
    maya.fill({"Access": "production-admin", "Duration": "1h", "Reason": "why"})
    maya.click_in_view("More options")
    maya.fill({"Starts": datetime.now(UTC) - 3 * HOUR})
    errors = maya.submit()
    assert list(errors) == ["Starts"]
    assert "That time is over" in errors["Starts"]


def test_an_approver_gives_less_with_a_comment(here: Town) -> None:
    """More… offers shorter times and a comment; the requester reads both, and the grant is that short."""
    maya, priya = here.actor(MAYA), here.actor(PRIYA)
    maya.command("/request-aws", "ledger-admin 4h INC-42")
    here.work()
    priya.click(priya.wait_for_message("approvals", "Pending"), "More…")
    assert "4 h as asked for, or less" in priya.view_text()
    priya.fill({"Duration": "30m", "Comment": "Half an hour <!here> is plenty"})
    assert priya.submit() == {}
    here.work()
    (grant,) = here.ctx.store.grants([GrantState.ACTIVE])
    assert grant.duration == HOUR / 2
    maya.wait_for_message("dm", "for 30 min of the 4 h", "is plenty")
    priya.wait_for_message("approvals", "Active until", "is plenty")


def test_a_question_is_answered_in_the_thread(here: Town) -> None:
    """Ask… brings the question to the requester; the answer comes into the thread and onto the card."""
    maya, priya = here.actor(MAYA), here.actor(PRIYA)
    maya.command("/request-aws", "production-admin 1h INC-42")
    here.work()
    card = priya.wait_for_message("approvals", "Pending")
    priya.click(card, "Ask…")
    priya.fill({"Question": "Which queue?"})
    assert priya.submit() == {}
    here.work()
    question = maya.wait_for_message("dm", "has a question", "Which queue?")
    assert "@priya asks: “Which queue?”" in maya.read(maya.command("/my-access").answers[-1])
    assert maya.click(question, "Answer").ok
    assert "@priya asks:" in maya.view_text()
    maya.fill({"Answer": "payments-eu"})
    assert maya.submit() == {}
    maya.wait_for_ephemeral("Answered")
    here.work()
    priya.wait_for_message("approvals", "*Asked* by @priya", "payments-eu", "Pending")
    replies = [priya.read(reply) for reply in priya.replies(card)]
    assert [" answers" in reply for reply in replies] == [False, True]
    maya.click(question, "Answer")
    maya.wait_for(lambda me: "nothing to answer any more" in me.screen(), what="the refusal")


def test_somebody_who_may_not_decide_asks_nothing(here: Town) -> None:
    """A question of somebody who is no approver is refused to them alone, and reaches nobody."""
    noah, maya = here.actor(NOAH), here.actor(MAYA)
    maya.command("/request-aws", "production-admin 1h INC-42")
    here.work()
    card = here.actor(PRIYA).wait_for_message("approvals", "Pending")
    ines = here.actor(INES)
    ines.click(card, "Ask…")
    ines.fill({"Question": "May I?"})
    assert ines.submit() == {}
    here.work()
    ines.wait_for_ephemeral("not an approver")
    assert "May I?" not in maya.screen() + noah.screen()


def test_stale_buttons_say_what_became_of_it(here: Town) -> None:
    """Pressed on what is decided or closed, each button answers with what happened meanwhile, and opens no form."""
    maya, priya, ines = here.actor(MAYA), here.actor(PRIYA), here.actor(INES)
    maya.command("/request-aws", "production-admin,ledger-admin 1h INC-42")
    here.work()
    card = priya.wait_for_message("approvals", "Pending")
    listing = maya.command("/my-access").answers[-1]
    priya.click(card, "Approve all (2)")
    here.work()
    for label, words in (("More…", "already approved"), ("Ask…", "already approved"), ("Deny all", "decided already")):
        ines.click(card, label, stale=True)
        ines.wait_for_ephemeral(words)
    maya.click(listing, "Escalate…", stale=True)
    maya.wait_for_ephemeral("already approved")
    assert not priya.views() + ines.views() + maya.views()


def test_steps_are_taken_in_their_order(here: Town) -> None:
    """The manager first, then two of security; the card tells each step, and nobody skips one."""
    here.google.set_manager("maya@example.com", "ines@example.com")
    maya, ines, priya, tomas = (here.actor(person) for person in (MAYA, INES, PRIYA, TOMAS))
    maya.command("/request-aws", "vault-admin 1h INC-42")
    here.work()
    card = ines.wait_for_message("approvals", "Step 1 of 2, manager: 0 of 1.", "the requester’s manager")
    priya.click(card, "Approve")
    here.work()
    priya.wait_for_ephemeral("not an approver")
    ines.click(card, "Approve")
    here.work()
    card = priya.wait_for_message("approvals", "manager: 1 of 1 approved by @ines", "security: 0 of 2")
    priya.click(card, "Approve")
    here.work()
    assert "Step 2 of 2, security: 1 of 2" in maya.read(maya.command("/my-access").answers[-1])
    tomas.click(tomas.wait_for_message("approvals", "security: 1 of 2 approved by @priya"), "Approve")
    here.work()
    tomas.wait_for_message("approvals", "Active until", "security: 2 of 2 approved by @priya and @tomas")


def test_decisions_are_left_to_somebody_and_taken_back(here: Town) -> None:
    """While an approver is away their delegate decides in their stead, which the card tells, until it is taken back."""
    maya, priya, ines = here.actor(MAYA), here.actor(PRIYA), here.actor(INES)
    priya.click(priya.command("/my-access").answers[-1], "Delegate…")
    priya.fill({"To": INES, "Until": datetime.now(UTC) + 48 * HOUR})
    assert priya.submit() == {}
    priya.wait_for_ephemeral("Your decisions are with @ines until")
    maya.command("/request-aws", "production-admin 1h INC-42")
    here.work()
    ines.click(ines.wait_for_message("approvals", "Pending"), "Approve")
    here.work()
    ines.wait_for_message("approvals", "Active until", "@ines approved in the stead of priya@example.com")
    listing = priya.command("/my-access").answers[-1]
    assert "Your decisions are with @ines until" in priya.read(listing)
    assert priya.click(listing, "Take back").ok
    priya.wait_for_ephemeral("in your own hands again")
    maya.command("/request-aws", "production-admin 1h INC-43")
    here.work()
    ines.click(ines.wait_for_message("approvals", "Pending", "INC-43"), "Approve")
    here.work()
    ines.wait_for_ephemeral("not an approver")


@pytest.mark.parametrize(
    ("answers", "label"),
    [({"To": PRIYA}, "To"), ({"Until": datetime(2026, 1, 1, tzinfo=UTC)}, "Until")],
)
def test_a_delegation_that_does_not_do_is_told_on_its_field(here: Town, answers: dict[str, object], label: str) -> None:
    """Oneself, or a time that is over, is refused where it was chosen."""
    priya = here.actor(PRIYA)
    priya.click(priya.command("/my-access").answers[-1], "Delegate…")
    priya.fill({"To": INES, "Until": datetime.now(UTC) + HOUR, **answers})  # type: ignore[dict-item] # what a form takes
    assert list(priya.submit()) == [label]


def test_a_slack_without_forms_still_decides(here: Town) -> None:
    """Where no form opens the person reads what else to do; a denial of all counts without a reason."""
    maya, priya = here.actor(MAYA), here.actor(PRIYA)
    maya.command("/request-aws", "production-admin,ledger-admin 1h INC-42")
    here.work()
    card = priya.wait_for_message("approvals", "Pending")
    here.slack.outages.unknown("views.open")
    for label, words in (("More…", "use Approve or Deny"), ("Ask…", "ask in the thread")):
        priya.click(card, label)
        priya.wait_for_ephemeral(words)
    listing = maya.command("/my-access").answers[-1]
    maya.click(listing, "Delegate…")
    maya.wait_for_ephemeral("decide yourself meanwhile")
    maya.click(listing, "Escalate…")
    maya.wait_for_ephemeral("/request-aws emergency production-admin")
    priya.click(card, "Deny all")
    here.work()
    eventually(lambda: not pending(here))


def test_help_tells_of_it_all(here: Town) -> None:
    """The help names several at once, emergencies and delegations; an emergency only where there is one."""
    (answer,) = here.actor(MAYA).command("/request-aws", "help").answers
    assert all(words in answer["text"] for words in ("several things", "emergency …", "Delegate…"))
    here.shelf.held = catalog(entitlement(), name="plain")
    (answer,) = here.actor(MAYA).command("/request-aws", "help").answers
    assert "emergency" not in answer["text"]
