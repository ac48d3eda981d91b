"""The judgement itself: a life in which everything holds is let pass, and each damage to it is called by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from accessbot.domain.model import GrantState, RequestState
from tests.chaos.evidence import OURS, Change, Evidence, Outage, Told
from tests.chaos.judging import judge
from tests.chaos.stories import ADA, GRANT, GROUP, REQUEST, at, changed, life, place, without

LATER, HOUR = at(300), timedelta(hours=1)
GOOGLE, AWS = place("google"), place("aws")


def by_others(evidence: Evidence, seconds: float, *, gone: float | None = None, by: str = "ssosync") -> None:
    """Let another tool add the AWS membership, and somebody remove it."""
    evidence.changes.append(Change(at(seconds), AWS, "added", by))
    if gone is not None:
        evidence.changes.append(Change(at(gone), AWS, "removed", OURS, seen=9))


def kept_by(evidence: Evidence, state: RequestState) -> None:
    """Give the request another outcome than the log has."""
    evidence.requests[REQUEST] = replace(evidence.requests[REQUEST], state=state)


def one_vote(evidence: Evidence) -> None:
    """Let the first vote count twice."""
    request = evidence.requests[REQUEST]
    evidence.requests[REQUEST] = replace(request, votes=(request.votes[0], request.votes[0]))


def second_grant(evidence: Evidence) -> None:
    """Make a second grant of the same request."""
    evidence.grants["g_2"] = replace(evidence.grants[GRANT], id="g_2", google_user_id="", state=GrantState.PROVISIONING)


def silent(evidence: Evidence) -> None:
    """Tell nobody anything."""
    evidence.told.clear()


def thrice(evidence: Evidence) -> None:
    """Tell the end three times, with nothing wrong meanwhile."""
    evidence.told += [evidence.told[-1]] * 2


def still_there(evidence: Evidence) -> None:
    """Leave the Google membership where it is."""
    evidence.changes = [c for c in evidence.changes if not (c.place == GOOGLE and c.action == "removed")]


DAMAGES: dict[str, tuple[str, Callable[[Evidence], object]]] = {
    "a write before its intent": ("INV-1", lambda e: changed(e, 0, -0.9, seen=5)),
    "a write without an intent": ("INV-1", lambda e: without(e, "grant.intent")),
    "a write for somebody else": (
        "INV-1",
        lambda e: e.changes.append(Change(at(1), replace(GOOGLE, member="eve@example.com"), "added", OURS, seen=7)),
    ),
    "a removal that came late": ("INV-2", lambda e: changed(e, 3, 95)),
    "a membership that stayed": ("INV-2", still_there),
    "a late write that stayed": ("INV-2", lambda e: e.changes.append(Change(at(40), AWS, "added", OURS, seen=9))),
    "what the sync put back stayed": ("INV-3", lambda e: by_others(e, 35)),
    "what the sync put back went late": ("INV-3", lambda e: by_others(e, 35, gone=110)),
    "a standing member was removed": ("INV-4", lambda e: e.changes.insert(0, Change(at(-60), AWS, "added", "admin"))),
    "somebody who came long after was removed": ("INV-4", lambda e: by_others(e, 200, gone=201, by="admin")),
    "an outcome that is not the log's": ("INV-5", lambda e: kept_by(e, RequestState.DENIED)),
    "an outcome that the log has not": ("INV-5", lambda e: without(e, "request.approved")),
    "one person's two votes": ("INV-5", one_vote),
    "two grants of one request": ("INV-5", second_grant),
    "a request that was lost": ("INV-5", lambda e: e.asked.append(replace(e.asked[0], reason="lost"))),
    "a removal without an event": ("INV-6", lambda e: without(e, "grant.revoking")),
    "taken while it was wanted": ("INV-6", lambda e: changed(e, 3, 15)),
    "taken by ourselves right before it was called active": ("INV-6", lambda e: changed(e, 3, -0.1, seen=6)),
    "active before it was there": ("INV-6", lambda e: changed(e, 1, 3)),
    "ended before it was gone": ("INV-6", lambda e: changed(e, 2, 40)),
    "an effect told twice in the log": ("INV-6", lambda e: e.events.append(replace(e.events[6], seq=20))),
    "a request without an end": ("INV-7", lambda e: kept_by(e, RequestState.PENDING)),
    "nobody told": ("INV-7", silent),
    "a card that is behind": ("INV-7", lambda e: e.cards.update({REQUEST: "Active until 12:00"})),
    "longer than was approved": ("INV-5", lambda e: e.grants.update({GRANT: replace(e.grants[GRANT], duration=HOUR)})),
    "told too often": ("INV-7", thrice),
}


def test_a_right_life_is_let_pass() -> None:
    """Nothing is found where everything holds."""
    assert judge(life(), LATER, final=True) == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_called_by_its_name(damage: str) -> None:
    """What was damaged is found as a violation of its invariant."""
    invariant, strike = DAMAGES[damage]
    evidence = life()
    strike(evidence)
    found = judge(evidence, LATER, final=True)
    assert invariant in {violation.invariant for violation in found}, found


def held_up(evidence: Evidence) -> None:
    """Let an outage of seven seconds hold the end up for 65."""
    changed(evidence, 3, 95)
    evidence.outages.append(Outage("aws refuses", at(29), at(36), interrupts=False))
    evidence.events[8] = replace(evidence.events[8], time=at(95.5))
    evidence.grants[GRANT] = replace(evidence.grants[GRANT], ended_at=at(95.5))


def told_around_a_crash(evidence: Evidence) -> None:
    """Tell the end once more after workers were killed."""
    evidence.told.append(Told(at(33), "U_ADA", evidence.told[-1].text, ()))
    evidence.outages.append(Outage("kill workers", at(31.2), at(31.2), interrupts=True))


def log_unread(evidence: Evidence) -> None:
    """Not know what the log held when the first membership was made."""
    evidence.changes[0] = replace(evidence.changes[0], seen=None)


ALLOWANCES: dict[str, Callable[[Evidence], object]] = {
    "an end that an outage held up": held_up,
    "what the sync put back was taken away in time": lambda e: by_others(e, 35, gone=80),
    "somebody who came long after stays": lambda e: by_others(e, 200, by="admin"),
    "what was told twice around a crash": told_around_a_crash,
    "a write whose moment in the log is not known": log_unread,
}


@pytest.mark.parametrize("allowance", ALLOWANCES)
def test_what_is_allowed_is_let_pass(allowance: str) -> None:
    """Outages are given to ends on top, others' work is theirs, and a crash explains one message more."""
    evidence = life()
    ALLOWANCES[allowance](evidence)
    assert judge(evidence, LATER, final=True) == []


def test_a_standing_member_stays_after_the_end() -> None:
    """Who stands on both sides before is no leftover, and an AWS copy of who stands at Google is the sync's own."""
    evidence = life()
    evidence.changes = [
        Change(at(-60), GOOGLE, "added", "admin"),
        Change(at(-0.5), AWS, "added", OURS, seen=6),
        Change(at(30.5), AWS, "removed", OURS, seen=8),
        Change(at(33), AWS, "added", "ssosync"),
    ]
    evidence.grants[GRANT] = replace(evidence.grants[GRANT], kept="standing")
    assert judge(evidence, LATER, final=True) == []


def test_an_overlapping_grant_keeps_the_membership() -> None:
    """The end of one grant leaves what another one wants, until that one ends."""
    evidence = life()
    evidence.grants[GRANT] = replace(evidence.grants[GRANT], kept="overlap", ended_at=at(30.2))
    other = replace(
        evidence.grants[GRANT],
        id="g_2",
        request_id="r_2",
        expires_at=at(60),
        ended_at=at(61),
        ending_at=at(60),
        kept="",
    )
    evidence.grants["g_2"] = other
    evidence.requests["r_2"] = replace(evidence.requests[REQUEST], id="r_2", reason="also", grant_id="g_2")
    shift = timedelta(seconds=30)
    for event in list(evidence.events):
        about = {GRANT: "g_2", REQUEST: "r_2"}[event.subject]
        late = shift if event.action in {"grant.revoking", "grant.revoked"} else timedelta(0)
        evidence.events.append(replace(event, subject=about, seq=event.seq + 9, time=event.time + late))
    changed(evidence, 2, 60.5, seen=17)
    changed(evidence, 3, 60.5, seen=17)
    evidence.cards["r_2"] = evidence.cards[REQUEST]
    evidence.told += [Told(at(61.1), "U_ADA", evidence.told[-1].text, ())]
    assert judge(evidence, LATER, final=True) == []
    assert evidence.view().grants_at(GOOGLE)[0].email == ADA
    assert GROUP in str(GOOGLE)
