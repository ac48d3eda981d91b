"""Slack that fails in part or altogether, through real processes: access comes and goes, and words follow later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from accessbot.sandbox.run import sandbox
from tests.life.conftest import Life

if TYPE_CHECKING:
    from accessbot.sandbox.slack.outages import Outages


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    """Run a sandbox whose Slack does not know `auth.test` from the beginning."""
    with sandbox() as box:
        box.workspace.outages.unknown("auth.test")
        yield Life(box)


@pytest.fixture
def outages(life: Life) -> Iterator[Outages]:
    """Give the switches, and leave Slack healthy."""
    switches = life.box.workspace.outages
    yield switches
    switches.clear()


def test_without_auth_test_access_is_given_all_the_same(life: Life, outages: Outages) -> None:
    """A Slack that does not tell which workspace the token is for only means that teams are not compared."""
    outages.unknown("auth.test")
    card = life.granted(life.person("maya"), "data-analyst 30m without auth.test")
    life.person("priya").click(card, "Revoke")
    life.wait("the end", lambda: life.is_in("data-analyst", "maya@example.com") == (False, False))


def test_without_updates_the_card_is_posted_anew(life: Life, outages: Outages) -> None:
    """Where messages cannot be changed each state is a message of its own, and the last one has the right buttons."""
    outages.unknown("chat.update")
    maya, priya = life.person("maya"), life.person("priya")
    card = life.granted(maya, "data-analyst 30m without chat.update")
    assert len([m for m in priya.messages("approvals") if "without chat.update" in priya.read(m)]) > 1
    priya.click(card, "Revoke")
    priya.wait_for_message("approvals", "without chat.update", "Ended", timeout=15)


def test_without_ephemeral_messages_people_are_written_to(life: Life, outages: Outages) -> None:
    """What only one person may read comes as a direct message where there is no other way."""
    tomas = life.person("tomas")
    card = life.ask(tomas, "data-analyst 30m without chat.postEphemeral")
    outages.unknown("chat.postEphemeral")
    outages.rate_limit("response_url")
    tomas.click(card, "Approve")
    tomas.wait_for(
        lambda me: [m for m in (*me.dms(), *me.ephemerals()) if "your own request" in me.read(m)], 15, "the refusal"
    )
    priya = life.person("priya")
    assert "your own request" not in priya.screen()


def test_without_forms_everything_is_typed(life: Life, outages: Outages) -> None:
    """Where no form opens, `/request-aws` says how to type it, a typed line works, and Deny counts by itself."""
    outages.unknown("views.open")
    noah, priya = life.person("noah"), life.person("priya")
    outcome = noah.command("/request-aws")
    assert outcome.ok
    assert "type it in one line" in noah.read(outcome.answers[0])
    outcome = noah.command("/request-aws", "staging-admn 30m mistyped without a form")
    assert "staging-admin" in noah.read(outcome.answers[0])
    card = life.ask(noah, "staging-admin 30m without views.open")
    priya.click(card, "Deny")
    priya.wait_for_message("approvals", "without views.open", "Denied", timeout=15)
    noah.wait_for_message("dm", "denied your request", timeout=15)


def test_a_form_that_slack_is_too_slow_for_is_told(life: Life, outages: Outages) -> None:
    """When Slack fails to open the form the person reads so in time, and nothing is half asked."""
    outages.error("views.open", "internal_error")
    noah = life.person("noah")
    outcome = noah.command("/request-aws")
    assert outcome.ok
    assert "try it once more" in noah.read(outcome.answers[0])


def test_while_slack_takes_no_messages_access_comes_and_goes(life: Life, outages: Outages) -> None:
    """Neither a grant nor its end waits for a message; every message that still holds is sent when Slack takes it."""
    maya, priya, reason = life.person("maya"), life.person("priya"), "while nothing can be said"
    card = life.ask(maya, f"production-admin 5s {reason}")
    told = len(maya.dms())
    outages.rate_limit("chat.postMessage")
    outages.rate_limit("response_url")
    for method in ("chat.update", "chat.postEphemeral"):
        outages.error(method, "fatal_error")
    priya.click(card, "Approve")
    life.wait("access", lambda: life.is_in("production-admin", "maya@example.com") == (True, True))
    assert "Pending" in priya.read(priya.wait_for_message("approvals", reason))
    assert len(maya.dms()) == told
    life.wait("its end", lambda: life.is_in("production-admin", "maya@example.com") == (False, False), timeout=20)
    outages.clear()
    priya.wait_for_message("approvals", reason, "Ended", timeout=60)
    life.wait("the notice", lambda: any("has ended" in maya.read(m) for m in maya.dms()[told:]), timeout=60)
    assert not [m for m in maya.dms()[told:] if "is ready" in maya.read(m)], "what is no longer true is not said"
    assert len([m for m in priya.messages("approvals") if reason in priya.read(m)]) == 1


def test_while_slack_is_down_ends_go_on_and_presses_are_kept(life: Life, outages: Outages) -> None:
    """Down altogether: a grant ends on time; nobody is granted anything unseen; a press counts once Slack is back."""
    maya, noah, priya = life.person("maya"), life.person("noah"), life.person("priya")
    card = life.ask(noah, "staging-admin 30m pressed while slack is down")
    life.granted(maya, "production-readonly 5s ends while slack is down")
    outages.down()
    assert priya.click(card, "Approve").ok
    life.wait("the end", lambda: life.is_in("production-readonly", "maya@example.com") == (False, False))
    life.wait("the proof", lambda: life.grants_for("ends while slack is down")[0].state == "revoked")
    assert life.request("pressed while slack is down").state == "pending"
    assert life.is_in("staging-admin", "noah@example.com") == (False, False)
    outages.clear()
    priya.wait_for_message("approvals", "pressed while slack is down", "Active until", timeout=60)
    assert len(life.grants_for("pressed while slack is down")) == 1
    maya.wait_for(lambda me: "has ended" in me.read(me.dms()[-1]), 60, "the notice of the end")


def test_no_defect_came_up(life: Life) -> None:
    """Nothing of all this was a surprise to any process, and nothing was sent that Slack would refuse."""
    assert life.box.workspace.warnings == []
    for name in ("web", "worker", "clock"):
        assert "Traceback" not in life.box.processes.tail(name, 100_000)
