"""What comes first where calls are few: whatever ends access, then what gives it, then what looks around."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest

from accessbot.adapters.redis_client import Caller
from accessbot.adapters.redis_gate import RedisGate
from accessbot.domain.errors import Unavailable
from accessbot.domain.model import ClickAction, GrantState
from accessbot.domain.work import Urgency, Work, WorkKind
from accessbot.ports import urgency
from accessbot.service import ending
from tests.support.watch import STORE, Step
from tests.support.world import World

SECOND = timedelta(seconds=1)


def listen(world: World) -> set[tuple[str, Urgency]]:
    """Note how urgent each call to a vendor is from now on."""
    heard: set[tuple[str, Urgency]] = set()

    def note(step: Step) -> None:
        if step.whom != STORE:
            heard.add((step.method, urgency.get()))

    world.watch.before = note
    return heard


@pytest.mark.parametrize("how", ["its time", "its holder", "an approver", "an operator"])
def test_every_call_of_an_end_is_most_urgent(world: World, how: str) -> None:
    """However access ends, each call for it may use all of the quota, the look-up of who revokes it included."""
    grant = world.granted("maya", duration="10m")
    heard = listen(world)
    match how:
        case "its time":
            world.clock.now = grant.expires_at
            world.run_until_idle()
        case "its holder":
            world.end(grant)
        case "an approver":
            world.revoke("priya", grant)
        case _:
            ending.revoke_by_operator(world.ctx, operator="cli:ines", grant_id=grant.id, reason="INC-7")
            world.run_until_idle()
    assert world.grant(grant).state is GrantState.REVOKED
    assert {method for method, _ in heard} >= {"remove", "is_member"}
    assert {how_urgent for _, how_urgent in heard} == {Urgency.ENDING}


def test_calls_for_grants_come_second_and_those_of_sweeps_last(world: World) -> None:
    """Asking, approving and providing leave room for ends; looking around leaves room for both."""
    heard = listen(world)
    request = world.ask("maya")
    world.press("priya", ClickAction.APPROVE, request.id)
    world.run_until_idle()
    assert {how_urgent for _, how_urgent in heard} == {Urgency.GRANTING}
    assert {Work(kind, "x").urgency for kind in (WorkKind.SWEEP, WorkKind.MAPPING)} == {Urgency.SWEEPING}


def test_an_end_passes_where_a_grant_waits(world: World) -> None:
    """With the quota nearly used up a grant says for whom it waits, and an end is done; then the grant goes on."""
    ends = world.granted("maya")
    request = world.ask("noah")
    gate = RedisGate(
        Caller(world.client, SECOND), "Google", 2.0, pause=lambda seconds: world.clock.move(seconds * SECOND)
    )

    def pass_the_gate(step: Step) -> None:
        if step.whom == "Google":
            with gate():
                pass

    token = urgency.set(Urgency.ENDING)
    with suppress(Unavailable):
        while gate.state().left >= 1:
            with gate():
                pass
    urgency.reset(token)
    world.watch.before = pass_the_gate
    world.press("priya", ClickAction.APPROVE, request.id)
    world.run_until_idle()
    assert world.request(request).waiting_for == "Google"
    began = world.clock.now
    assert world.end(ends).state is GrantState.REVOKED
    assert world.clock.now - began < 5 * SECOND
    world.advance(60 * SECOND)
    assert world.grant(world.request(request).grant_id).state is GrantState.ACTIVE
