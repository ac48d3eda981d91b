"""The scenes that the sandbox's page offers, each played to its end by real processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from accessbot.sandbox.run import sandbox
from accessbot.sandbox.scenarios import SCENARIOS
from accessbot.sandbox.slack.actor import Actor
from accessbot.sandbox.world import FEED, PAGER
from tests.life.conftest import PATIENCE, Life

SCENES = {scenario.id: scenario for scenario in SCENARIOS}
MAYA, NOAH = "maya@example.com", "noah@example.com"
MINUTE = 75.0
"""Seconds in which what happens within a minute has happened on a busy machine, too."""


def play(life: Life, scene: str, also: str = "") -> tuple[Actor, str]:
    """Type what a scene begins with, with some words more; give who did, and the reason as the cards show it."""
    scenario = SCENES[scene]
    actor = life.person(scenario.name.casefold())
    assert actor.id == scenario.person
    command, _, words = f"{scenario.typed}{also}".partition(" ")
    outcome = actor.command(command, words)
    assert outcome.ok, outcome.error
    start = 3 if words.startswith("emergency ") else 2
    return actor, " ".join(words.split(" ")[start:])


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    """Run a sandbox."""
    with sandbox() as box:
        yield Life(box)


def test_the_manager_decides_first_and_security_then(life: Life) -> None:
    """Each is pinged when it is their turn; who decides too early is refused in private, and counts for nothing."""
    priya, ines = life.person("priya"), life.person("ines")
    priya.see()
    ines.see()
    maya, reason = play(life, "steps")
    card = priya.wait_for_message("approvals", reason, "Step 1 of 2", timeout=PATIENCE)
    life.wait("Priya to be pinged", lambda: priya.pings("approvals"))
    assert ines.click(card, "Approve").ok
    ines.wait_for_ephemeral("not an approver", timeout=PATIENCE)
    ines.see()
    assert priya.click(card, "Approve").ok
    life.wait("Ines to be pinged", lambda: ines.pings("approvals"))
    card = ines.wait_for_message("approvals", reason, "1 of 1 approved by", timeout=PATIENCE)
    assert ines.click(card, "Approve").ok
    maya.wait_for_message("dm", "ready", "LedgerWrite", timeout=PATIENCE)
    assert life.is_in("payments-ledger", MAYA) == (True, True)


def test_who_is_on_call_by_the_feed_needs_nobody(life: Life) -> None:
    """The person on call has access at once, by the rule that says so."""
    tomas, reason = play(life, "on-call")
    tomas.wait_for_message("dm", "ready", "SRE on call at once", timeout=PATIENCE)
    assert life.request(reason).votes == ()
    assert life.box.world.oncall.rota.on_call(FEED) == ("tomas@example.com",)


def test_a_shift_brings_access_and_its_end_takes_it_away(life: Life) -> None:
    """Nobody asks: whoever is on call by PagerDuty holds the entitlement, and a swap moves it within a minute."""
    life.box.panel.hand_over(PAGER, NOAH)
    life.wait("Noah to hold it", lambda: life.is_in("data-oncall", NOAH) == (True, True), MINUTE)
    life.box.panel.hand_over(PAGER, MAYA)
    life.wait("Maya to hold it", lambda: life.is_in("data-oncall", MAYA) == (True, True), MINUTE)
    life.wait("Noah to be out", lambda: life.is_in("data-oncall", NOAH) == (False, False), MINUTE)


def test_a_ticket_has_to_be_open(life: Life) -> None:
    """The system's own word is told about a closed ticket; while it is down nothing is decided, and goes on later."""
    maya, _ = play(life, "ticket")
    maya.wait_for_ephemeral("OPS-404 is closed", timeout=PATIENCE)
    faults, oncall = life.box.world.faults, life.box.world.oncall
    faults.on("tickets_down")
    asked = len(oncall.journal.calls("oncall.tickets"))
    assert maya.command("/request-aws", "data-export 10m OPS-12 while the system was down").ok
    life.wait("the ticket to be asked about", lambda: len(oncall.journal.calls("oncall.tickets")) > asked)
    cards = [life.person("priya").read(message) for message in life.person("priya").messages("approvals")]
    assert not any("while the system was down" in card for card in cards)
    faults.off("tickets_down")
    life.person("priya").wait_for_message("approvals", "while the system was down", "ticket OPS-12", timeout=MINUTE)


def test_a_rule_that_denies_says_so(life: Life) -> None:
    """The reason and the rule are told to the requester alone."""
    maya, reason = play(life, "deny")
    maya.wait_for_ephemeral("try things out in staging", "nobody exports to try things out", timeout=PATIENCE)
    assert not any(reason in maya.read(message) for message in life.person("priya").messages("approvals"))


def test_an_emergency_is_told_and_reviewed(life: Life) -> None:
    """Access comes at once and loudly; once it is over an owner closes the review, with words."""
    ines = life.person("ines")
    noah, reason = play(life, "emergency")
    ready = noah.wait_for_message("dm", "ready", "break-glass", timeout=PATIENCE)
    ines.wait_for_message("alerts", "Emergency access", reason, timeout=PATIENCE)
    assert noah.click(ready, "End access").ok
    review = ines.wait_for_message("alerts", reason, "[Justified]", timeout=PATIENCE)
    assert ines.click(review, "Justified").ok
    ines.open_view()
    ines.fill({"Reason": "The route was put back."})
    assert ines.submit() == {}
    ines.wait_for_message("alerts", reason, "The route was put back.", timeout=PATIENCE)


def test_several_are_decided_together(life: Life) -> None:
    """One request for two things has two cards, and one press that approves both."""
    maya, reason = play(life, "several")
    priya = life.person("priya")

    def both() -> list[str]:
        return [m["ts"] for m in priya.messages("approvals") if reason in priya.read(m)]

    life.wait("two cards", lambda: len(both()) == 2)
    holding = priya.wait_for_message("approvals", reason, "[Approve all (2)]", timeout=PATIENCE)
    assert priya.click(holding, "Approve all (2)").ok
    for entitlement in ("production-readonly", "staging-admin"):
        life.wait(f"{entitlement} to be usable", lambda: life.is_in(entitlement, MAYA) == (True, True))  # noqa: B023 - called at once
    assert len([message for message in maya.dms() if "ready" in maya.read(message)]) >= 2


def test_what_nobody_answers_is_escalated(life: Life) -> None:
    """After its time the next ones may decide too, and are pinged in the thread."""
    priya = life.person("priya")
    play(life, "escalation")
    card = priya.wait_for_message("approvals", "a new peering", "escalated", timeout=MINUTE)
    told = life.wait("the ping", lambda: [m for m in priya.replies(card) if "you may decide now" in m["text"]])
    assert "<@U03PRIYA>" in told[0]["text"]
