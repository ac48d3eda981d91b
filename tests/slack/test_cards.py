"""The approvers' message in every state: its whole JSON, within Slack's limits, and true."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessbot.domain.model import EndCause, Entitlement, Grant, GrantState, Request, RequestKind, RequestState
from accessbot.domain.notices import Card
from accessbot.sandbox.slack.limits import check_message, elements_in
from accessbot.slack import cards
from tests.slack.harness import PRIYA, TOMAS, entitlement, policy
from tests.slack.shapes import HOUR, MINUTE, NOON, approved, ended, grant, hold, request, vote

EXTENSION = {"kind": RequestKind.EXTEND, "duration": HOUR, "grant_id": "g_0123456789"}

STATES: dict[str, tuple[Request, Grant | None]] = {
    "pending": (request(), None),
    "pending-waiting-for-google": (request(waiting_for="Google"), None),
    "denied": (
        request(
            state=RequestState.DENIED,
            decided_by=PRIYA,
            decided_at=NOON + MINUTE,
            decision_reason="Use the read-only role\n*please*",
        ),
        None,
    ),
    "cancelled": (
        request(state=RequestState.CANCELLED, decided_by="U01MAYA", decided_at=NOON + MINUTE),
        None,
    ),
    "expired": (
        request(
            state=RequestState.EXPIRED,
            decided_by="accessbot",
            decided_at=NOON + 24 * HOUR,
            decision_reason="Nobody decided in time.",
        ),
        None,
    ),
    "approved": (approved(), None),
    "provisioning": (approved(), grant(state=GrantState.PROVISIONING, activated_at=None)),
    "provisioning-waiting-for-aws": (
        approved(),
        grant(state=GrantState.PROVISIONING, activated_at=None, waiting_for="AWS"),
    ),
    "giving-up": (
        approved(),
        grant(state=GrantState.PROVISIONING, activated_at=None, failure="AWS does not know maya@example.com yet."),
    ),
    "active": (approved(), grant()),
    "ending": (approved(), grant(state=GrantState.REVOKING, end_cause=EndCause.EXPIRED, waiting_for="AWS")),
    "ended": (approved(), ended()),
    "ended-early": (approved(), ended(EndCause.ENDED_EARLY, "U01MAYA")),
    "revoked": (approved(), ended(EndCause.REVOKED, TOMAS)),
    "revoked-by-operator": (approved(), ended(EndCause.REVOKED, "cli:root", end_reason="laptop <lost>")),
    "ended-standing-kept": (approved(), ended(kept="standing")),
    "ended-overlap-kept": (approved(), ended(kept="overlap")),
    "failed": (
        approved(),
        grant(
            state=GrantState.PROVISION_FAILED,
            activated_at=None,
            failure="AWS does not know maya@example.com yet.",
            ended_at=NOON + 3 * MINUTE,
        ),
    ),
    "extension-pending": (request(**EXTENSION), grant()),
    "extension-approved": (approved(**EXTENSION), grant(duration=3 * HOUR, expires_at=NOON + MINUTE + 3 * HOUR)),
}


def card(request: Request, grant: Grant | None = None, opens: Entitlement | None = None, approvals: int = 1) -> Card:
    """Make a card as of three minutes past noon."""
    return Card(
        request=request,
        entitlement=opens or entitlement(),
        approvals=approvals,
        grant=grant,
        now=NOON + 3 * MINUTE,
    )


def buttons(made: Card) -> list[str]:
    """List the labels of a card's buttons."""
    return [element["text"]["text"] for element in elements_in(cards.render(made).blocks)]


@pytest.mark.parametrize("name", STATES)
def test_the_whole_message_is_as_kept(name: str) -> None:
    """Each state renders to the very JSON in its file, which Slack would take."""
    hold(f"card-{name}", cards.render(card(*STATES[name])))


@pytest.mark.parametrize("name", STATES)
def test_buttons_are_there_only_while_they_can_do_something(name: str) -> None:
    """Approve and Deny stand on pending requests alone, Revoke on a live grant's own card alone."""
    asked, given_out = STATES[name]
    expected: list[str] = []
    if asked.state is RequestState.PENDING:
        expected = ["Approve", "Deny", "Ask…", "More…"]
    elif name in ("provisioning", "provisioning-waiting-for-aws", "active"):
        expected = ["Revoke"]
    assert buttons(card(asked, given_out)) == expected


def test_buttons_carry_the_id_and_nothing_else() -> None:
    """A button's value is the id of the request or of the grant; no state travels in a message."""
    pending = elements_in(cards.render(card(request())).blocks)
    assert {element["value"] for element in pending} == {"r_0123456789"}
    live = elements_in(cards.render(card(approved(), grant())).blocks)
    assert {element["value"] for element in live} == {"g_0123456789"}


def test_two_approvals_show_how_far_they_are() -> None:
    """With two approvals needed the card tells who said yes and how many it takes."""
    two = entitlement(rule=policy(approvals=2))
    hold("card-pending-first-of-two", cards.render(card(request(votes=(vote(PRIYA),)), opens=two, approvals=2)))


def test_an_entitlement_that_left_the_catalog_is_told() -> None:
    """A card whose entitlement is gone says so instead of failing."""
    gone = Card(request=request(), entitlement=None, approvals=1, grant=None, now=NOON)
    hold("card-no-entitlement", cards.render(gone))


def test_a_grant_of_seconds_shows_seconds() -> None:
    """The end of a very short grant is told to the second."""
    short = grant(duration=timedelta(seconds=30), expires_at=NOON + 4 * MINUTE)
    assert "{time_secs}" in str(cards.render(card(approved(), short)).blocks)


@given(st.text(max_size=1000))
def test_no_reason_can_mention_link_or_break_the_limits(text: str) -> None:
    """Whatever a reason holds, the message is one that Slack takes, and nothing in it is live."""
    hostile = replace(request(), reason=f"{text}<!channel> <https://evil.example|docs> <@U03PRIYA>")
    message = cards.render(card(hostile))
    check_message(message.text, message.blocks)
    shown = str(message.blocks)
    assert "<!channel>" not in shown
    assert "<https://evil" not in shown
    assert "<@U03PRIYA>" not in shown


def test_the_longest_reason_fits() -> None:
    """A thousand characters that all need escaping still make a message within the limits."""
    message = cards.render(card(replace(request(), reason="<\n" * 500)))
    check_message(message.text, message.blocks)
