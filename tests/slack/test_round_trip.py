"""The core loop through Slack: ask, decide, hold, extend, end; every message as the person reads it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from accessbot.domain.model import GrantState, RequestState
from tests.slack.harness import GROUP, MAYA, PRIYA, TOMAS, Town, eventually, town


@pytest.fixture
def here() -> Iterator[Town]:
    """Open a workspace for one test."""
    with town() as opened:
        yield opened
        assert not opened.slack.warnings


def test_a_form_leads_to_access_and_its_end(here: Town) -> None:
    """A person asks by form, an approver approves, the access is ready, listed, ended, and the messages tell it."""
    maya, priya = here.actor(MAYA), here.actor(PRIYA)
    assert maya.command("/request-aws").ok
    maya.fill({"Access": "production-admin", "Duration": "1h", "Reason": "INC-42: <!channel> & co"})
    assert maya.submit() == {}
    assert not maya.views()
    maya.wait_for_ephemeral("You asked for *AdministratorAccess*", "1 h")
    here.work()
    card = priya.wait_for_message("approvals", "Pending", "INC-42")
    assert "<!channel>" not in str(card["blocks"])
    assert "@channel" not in priya.read(card).replace("<!channel>", "")
    assert priya.click(card, "Approve").ok
    here.work()
    priya.wait_for_ephemeral("Approved")
    card = priya.wait_for_message("approvals", "Active until")
    ready = maya.wait_for_message("dm", "ready", "aws sso login --profile production-admin")
    assert "console?account_id=111122223333&role_name=AdministratorAccess" in str(ready["blocks"]).replace("&amp;", "&")
    assert "maya@example.com" in here.google.emails(GROUP)
    listing = maya.command("/my-access").answers[-1]
    assert "left, until" in maya.read(listing)
    assert maya.click(listing, "End access").ok
    maya.wait_for_ephemeral("is being taken away", "Ending")
    here.work()
    maya.wait_for_message("dm", "has ended", "AWS sessions already open can last until")
    priya.wait_for_message("approvals", "Ended", "its holder ended it early")
    assert not here.google.emails(GROUP)
    assert not here.aws.inside(here.aws_group)


def test_a_typed_request_is_asked_at_once_and_denied_with_a_reason(here: Town) -> None:
    """One line asks; a denial asks why, and the requester reads it."""
    maya, tomas = here.actor(MAYA), here.actor(TOMAS)
    outcome = maya.command("/request-aws", "Production-Admin 2h fixing INC-42: “the queue” is stuck")
    assert "You asked for *AdministratorAccess* in *Production* (111122223333) for 2 h" in maya.read(
        outcome.answers[-1]
    )
    here.work()
    card = tomas.wait_for_message("approvals", "Pending", "“the queue” is stuck")
    assert tomas.click(card, "Deny").ok
    tomas.open_view()
    tomas.fill({"Reason": "Use the read-only role"})
    assert tomas.submit() == {}
    here.work()
    tomas.wait_for_message("approvals", "Denied by @tomas", "Use the read-only role")
    maya.wait_for_message("dm", "denied your request", "Use the read-only role")
    (request,) = here.ctx.store.requests([RequestState.DENIED])
    assert request.reason == "fixing INC-42: “the queue” is stuck"


def test_a_live_grant_is_extended_and_then_revoked_by_an_approver(here: Town) -> None:
    """Extend keeps the grant and moves its end; Revoke on the live card ends it for all to see."""
    maya, priya = here.actor(MAYA), here.actor(PRIYA)
    maya.command("/request-aws", "production-admin 1h reason enough")
    here.work()
    priya.click(priya.wait_for_message("approvals", "Pending"), "Approve")
    here.work()
    (grant,) = here.ctx.store.grants([GrantState.ACTIVE])
    listing = maya.command("/my-access").answers[-1]
    assert maya.click(listing, "Extend").ok
    maya.open_view()
    maya.fill({"Duration": "2h", "Reason": "still at it"})
    assert maya.submit() == {}
    maya.wait_for_ephemeral("2 h more")
    here.work()
    priya.click(priya.wait_for_message("approvals", "Request for more time", "Pending"), "Approve")
    here.work()
    (longer,) = here.ctx.store.grants([GrantState.ACTIVE])
    assert longer.id == grant.id
    assert longer.expires_at - grant.expires_at == (longer.duration - grant.duration)
    maya.wait_for_message("dm", "extended by 2 h", "now until")
    live = next(m for m in priya.messages("approvals") if "Revoke" in priya.read(m))
    assert priya.click(live, "Revoke").ok
    here.work()
    priya.wait_for_message("approvals", "Ended", "revoked by @priya")
    maya.wait_for_message("dm", "has ended", "@priya revoked it")


def test_a_pending_request_is_cancelled_from_the_list(here: Town) -> None:
    """Cancel in /my-access withdraws the request, replaces the list and changes the card."""
    maya, priya = here.actor(MAYA), here.actor(PRIYA)
    maya.command("/request-aws", "production-admin 1h changed my mind soon")
    here.work()
    listing = maya.command("/my-access").answers[-1]
    assert maya.click(listing, "Cancel").ok
    maya.wait_for_ephemeral("Your request was cancelled", "You hold no AWS access")
    eventually(lambda: here.line.works)
    here.work()
    priya.wait_for_message("approvals", "Cancelled by @maya")
