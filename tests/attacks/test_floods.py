"""Attacks by number: one person who asks for more than anybody could look at."""

from __future__ import annotations

import pytest

from accessbot.domain.errors import Refused
from accessbot.domain.policy import PENDING_LIMIT
from accessbot.service import asking
from tests.support.company import HOUR, slack_id
from tests.support.world import World


def submit(world: World, who: str, ask_id: str) -> str:
    """Submit a request without letting the workers at it."""
    return asking.ask(
        world.ctx,
        ask_id=ask_id,
        requester=slack_id(who),
        entitlement="production-admin",
        duration=HOUR,
        reason="INC-42",
    ).id


def test_one_person_cannot_have_requests_without_end(world: World) -> None:
    """At the limit the next request is refused with a sentence, for that person alone, until one is decided."""
    first = submit(world, "maya", "0")
    for number in range(1, PENDING_LIMIT):
        submit(world, "maya", str(number))
    with pytest.raises(Refused, match="cancel"):
        submit(world, "maya", "one too many")
    assert len(world.ctx.store.pending_of(slack_id("maya"))) == PENDING_LIMIT
    assert [e.reason for e in world.ctx.store.audit() if e.action == "request.refused"]
    assert submit(world, "noah", "0")
    assert submit(world, "maya", "0") == first  # the same submission again is no other request
    asking.withdraw(world.ctx, requester=slack_id("maya"), request_id=first)
    assert submit(world, "maya", "now there is room")


def test_extensions_count_as_requests(world: World) -> None:
    """More time is asked for under the same limit."""
    grant = world.granted("maya")
    for number in range(PENDING_LIMIT):
        submit(world, "maya", str(number))
    with pytest.raises(Refused, match="cancel"):
        world.extend(grant)
