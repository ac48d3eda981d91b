"""Emergencies through Slack: given at once, told loudly, reviewed after their end; refused where they are none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from accessbot.domain.model import GrantState
from accessbot.domain.records import ReviewState
from accessbot.service import schedule
from tests.slack.harness import INES, MAYA, PRIYA, Town, catalog, entitlement, every_policy, town

HOUR = timedelta(hours=1)


@pytest.fixture
def here() -> Iterator[Town]:
    """Open a workspace for one test."""
    with town(every_policy()) as opened:
        yield opened
        assert not opened.slack.warnings


def test_an_emergency_is_given_at_once_and_reviewed(here: Town) -> None:
    """Ticked in the form it needs nobody's yes; the loud message calls an owner, who closes its review."""
    maya, ines = here.actor(MAYA), here.actor(INES)
    maya.command("/request-aws", "emergency")
    assert "[x] This is an emergency" in maya.view_text()
    maya.fill({"Access": "production-admin"})
    assert "At most 1 h in an emergency" in maya.view_text()
    maya.fill({"Reason": "INC-42 payments are down"})
    assert maya.submit() == {}
    here.work()
    (grant,) = here.ctx.store.grants([GrantState.ACTIVE])
    assert (grant.emergency, grant.duration) == (True, HOUR / 2)
    maya.wait_for_message("dm", "Your access is ready", "emergency policy “break-glass”")
    loud = ines.wait_for_message("alerts", "Emergency access", "INC-42", "@ines", "Active until")
    maya.click(maya.command("/my-access").answers[-1], "End access")
    here.work()
    loud = ines.wait_for_message("alerts", "Emergency access", "Open: an owner closes it")
    assert ines.click(loud, "Not justified").ok
    ines.fill({"Reason": "The queue was only slow"})
    assert ines.submit() == {}
    here.work()
    ines.wait_for_message("alerts", "*Not justified*, says @ines", "only slow")
    review = here.ctx.store.review(schedule.review_of(grant))
    assert review is not None
    assert (review.state, review.closed_by) == (ReviewState.NOT_JUSTIFIED, INES)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("emergency production-admin 30m payments are down", "Name the incident"),
        ("emergency production-admin 2h INC-42", "at most 1 h"),
        ("emergency ledger-admin 30m INC-42", "no emergency access"),
    ],
)
def test_an_emergency_that_is_none_is_refused(here: Town, line: str, words: str) -> None:
    """Without an incident, for too long, or where there is none, it is refused with what to do."""
    maya = here.actor(MAYA)
    maya.command("/request-aws", line)
    here.work()
    maya.wait_for(lambda me: words in me.screen(), what=words)
    assert not list(here.ctx.store.grants())


def test_where_there_is_no_emergency_access_the_form_says_so(here: Town) -> None:
    """Typing it where nothing offers it opens the normal form with a sentence on top."""
    here.shelf.held = catalog(entitlement(), name="plain")
    maya = here.actor(MAYA)
    maya.command("/request-aws", "emergency")
    assert "There is no emergency access" in maya.view_text()
    assert "This is an emergency" not in maya.view_text()


def test_a_review_is_closed_once_even_without_forms(here: Town) -> None:
    """Where no form opens the press counts by itself; pressed again it is closed already."""
    maya, ines = here.actor(MAYA), here.actor(INES)
    maya.command("/request-aws", "emergency production-admin 30m INC-42")
    here.work()
    maya.click(maya.command("/my-access").answers[-1], "End access")
    here.work()
    loud = ines.wait_for_message("alerts", "Open: an owner closes it")
    here.slack.outages.unknown("views.open")
    ines.click(loud, "Justified")
    here.work()
    ines.wait_for_message("alerts", "Justified, says @ines")
    ines.click(loud, "Not justified", stale=True)
    ines.wait_for_ephemeral("closed already")


def test_a_review_is_justified_without_a_reason(here: Town) -> None:
    """The reason is optional for what was justified."""
    maya, ines = here.actor(MAYA), here.actor(INES)
    maya.command("/request-aws", "emergency production-admin 30m INC-42")
    here.work()
    maya.click(maya.command("/my-access").answers[-1], "End access")
    here.work()
    ines.click(ines.wait_for_message("alerts", "Open: an owner closes it"), "Justified")
    assert ines.submit() == {}
    here.work()
    ines.wait_for_message("alerts", "Justified, says @ines")


def test_a_pending_request_is_escalated(here: Town) -> None:
    """Escalate… in /my-access turns what waits into an emergency, which is given at once."""
    maya = here.actor(MAYA)
    maya.command("/request-aws", "production-admin 4h payments")
    here.work()
    maya.click(maya.command("/my-access").answers[-1], "Escalate…")
    maya.fill({"Reason": "INC-42 payments"})
    assert maya.submit() == {}
    here.work()
    (grant,) = here.ctx.store.grants([GrantState.ACTIVE])
    assert (grant.emergency, grant.duration) == (True, HOUR / 2)
    here.actor(PRIYA).wait_for_message("approvals", "Emergency access", "Active until")
