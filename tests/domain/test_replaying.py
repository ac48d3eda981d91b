"""Every step of a request and of a grant, replayed from its event alone: the record is the one that the step made."""

from __future__ import annotations

import inspect
from dataclasses import replace
from datetime import timedelta

import pytest

from accessbot.domain import lifecycle, pairs, progress
from accessbot.domain.lifecycle import GrantStep, RequestStep
from accessbot.domain.model import EndCause, Grant, GrantState, Pair, Request, RequestKind, RequestState, Vote
from accessbot.domain.replaying import Replay
from tests.domain.examples import ENTITLEMENT, HOUR, NOW, a_grant, a_request
from tests.domain.test_lifecycle import GRANT_STEPS, REQUEST_STEPS

BEGINNINGS = {"submitted", "granted"}
REQUESTS = [(name, before) for name, (_, allowed) in REQUEST_STEPS.items() for before, _ in sorted(allowed)]
GRANTS = [(name, before) for name, (_, allowed) in GRANT_STEPS.items() for before, _ in sorted(allowed)]


def test_every_step_that_there_is_is_replayed_here() -> None:
    """A new one is not forgotten."""
    steps = {
        name
        for module in (lifecycle, progress)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if inspect.get_annotations(function).get("return") in ("RequestStep", "GrantStep")
    }
    assert {name for name in steps if not name.startswith("_")} - BEGINNINGS == {*REQUEST_STEPS, *GRANT_STEPS}


def a_life_of(grant: Grant) -> Replay:
    """Give a replay that has come to a grant, on a pair in use."""
    return Replay(grants={grant.id: grant}, pairs={grant.pair: Pair(key=grant.pair)})


@pytest.mark.parametrize(("name", "state"), REQUESTS)
def test_each_step_of_a_request(name: str, state: RequestState) -> None:
    """From its event alone."""
    request = a_request(state=state)
    step: RequestStep = REQUEST_STEPS[name][0](request)
    replay = Replay(requests={request.id: request})
    replay.apply(replace(step.event, seq=1))
    assert replay.requests == {request.id: step.record}


@pytest.mark.parametrize(("name", "state"), GRANTS)
def test_each_step_of_a_grant(name: str, state: GrantState) -> None:
    """From its event alone."""
    grant = a_grant(state=state)
    step: GrantStep = GRANT_STEPS[name][0](grant)
    replay = a_life_of(grant)
    replay.apply(replace(step.event, seq=1))
    assert replay.grants == {grant.id: step.record}


@pytest.mark.parametrize("kind", list(RequestKind))
def test_the_beginnings(kind: RequestKind) -> None:
    """A request, for access or for more of it, and a grant."""
    request = a_request(kind=kind, grant_id="g_0" if kind is RequestKind.EXTEND else "", opens=ENTITLEMENT.opens)
    begun: Request = replace(request, email="", google_id="", announced=False, votes=())
    replay = Replay()
    replay.apply(replace(lifecycle.submitted(begun).event, seq=1))
    assert replay.requests == {begun.id: begun}
    grant = lifecycle.granted(begun, ENTITLEMENT, "g_1", NOW - timedelta(seconds=3), NOW)
    replay.apply(replace(grant.event, seq=2))
    assert replay.grants == {"g_1": grant.record}


@pytest.mark.parametrize("reason", ["", "revoked", "expired", "leaving"])
@pytest.mark.parametrize("cause", list(EndCause))
def test_the_reason_of_an_end_is_told_from_its_cause(cause: EndCause, reason: str) -> None:
    """Also where somebody gave the cause's own word as their reason."""
    grant = a_grant(state=GrantState.ACTIVE)
    step = lifecycle.ending(grant, cause, "U_INES", NOW, reason)
    replay = a_life_of(grant)
    replay.apply(replace(step.event, seq=1))
    assert replay.grants[grant.id] == step.record


def test_votes_that_no_longer_count_are_left_out() -> None:
    """As the record leaves them out."""
    votes = [Vote(approver=f"U{n}", email=f"{n}@example.com", at=NOW, google_id=str(n)) for n in range(3)]
    announced = a_request(votes=())
    first = lifecycle.voted(announced, votes[0])
    second = lifecycle.voted(first.record, votes[1])
    third = lifecycle.approved(replace(second.record, votes=second.record.votes[1:]), votes[2], NOW + HOUR, "g_1")
    replay = Replay(requests={announced.id: announced})
    for seq, step in enumerate((first, second, third), start=1):
        replay.apply(replace(step.event, seq=seq))
        assert replay.requests == {announced.id: step.record}


@pytest.mark.parametrize("unused", [False, True])
def test_a_pair_is_decided_on_and_goes_out_of_use(*, unused: bool) -> None:
    """With the last grant on it, and not before."""
    grant = a_grant(state=GrantState.REVOKING)
    decided = pairs.decided(Pair(key=grant.pair), {"google": True, "aws/G/U": False}, grant, NOW)
    ended = lifecycle.revoked(grant, NOW + HOUR, unused=unused)
    replay = Replay(grants={grant.id: grant})
    replay.apply(replace(decided.event, seq=1))
    assert replay.pairs == {grant.pair: decided.record}
    replay.apply(replace(ended.event, seq=2))
    assert replay.pairs[grant.pair].last_ended_at == (NOW + HOUR if unused else None)
