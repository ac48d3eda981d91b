"""Any life, a loss of the store in the middle of it, and a restore: the life goes on as if nothing had been."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from accessbot.domain.errors import Refused
from accessbot.domain.model import Grant, Request, RequestState
from accessbot.service import asking
from tests.support.restoring import exported, log, lose_and_restore, records
from tests.support.world import World, new_world

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

Step = tuple[str, int]
PEOPLE = ("maya", "noah")


def withdraw(world: World, request: Request, _: int) -> None:
    """Take a request back."""
    asking.withdraw(world.ctx, requester=request.requester, request_id=request.id)


def approve(world: World, request: Request, number: int) -> None:
    """Say yes, if it can be said."""
    if request.announced:
        world.approve(("priya", "tomas", "cto")[number % 3], request)


def ask(world: World, number: int) -> None:
    """Ask for one of the two entitlements that share a group."""
    name = ("production-admin", "production-oncall")[number % 2]
    world.ask(PEOPLE[number % 2], name, ("20m", "1h", "3h")[number % 3], f"reason {world.serial}")


def ask_two(world: World, number: int) -> None:
    """Ask for what two people have to agree to."""
    world.ask(PEOPLE[number % 2], "payments-admin", "1h", f"reason {world.serial}")


def back(world: World) -> None:
    """Have AWS answer again, and every retry, whose pause is drawn, come to its turn."""
    world.aws.recover()
    world.advance(MINUTE)


ON_ALL: dict[str, Callable[[World, int], object]] = {
    "ask": ask,
    "ask two": ask_two,
    "wait": lambda world, number: world.advance(MINUTE * (number + 1)),
    "wait long": lambda world, number: world.advance(35 * MINUTE * (number + 1)),
    "AWS fails": lambda world, number: world.aws.fail("*" if number % 2 else "add", times=None),
    "AWS is back": lambda world, _: back(world),
    "put": lambda world, number: world.put(PEOPLE[number % 2], ("google", "aws")[number % 3 % 2]),
    "drop": lambda world, number: world.drop(PEOPLE[number % 2], ("google", "aws")[number % 3 % 2]),
}
ON_PENDING: dict[str, Callable[[World, Request, int], object]] = {
    "approve": approve,
    "approve again": approve,
    "deny": lambda world, request, _: world.deny("tomas", request) if request.announced else None,
    "withdraw": withdraw,
}
ON_LIVE: dict[str, Callable[[World, Grant, int], object]] = {
    "extend": lambda world, grant, _: world.extend(grant, "30m", f"more {world.serial}"),
    "end": lambda world, grant, _: world.end(grant),
    "revoke": lambda world, grant, number: world.revoke("ines", grant, ("", "revoked", "leaving")[number % 3]),
}
lives = st.lists(st.tuples(st.sampled_from([*ON_ALL, *ON_PENDING, *ON_LIVE]), st.integers(0, 5)), max_size=14)


def take(world: World, step: Step) -> None:
    """Take one step of a life, if it can be taken now; a refusal is part of life."""
    what, number = step
    pending = sorted(world.ctx.store.requests([RequestState.PENDING]), key=lambda r: (r.created_at, r.reason))
    live = sorted(world.live(), key=lambda g: (g.starts_at, world.request(g.request_id).reason))
    try:
        if what in ON_ALL:
            ON_ALL[what](world, number)
        elif what in ON_PENDING and pending:
            ON_PENDING[what](world, pending[number % len(pending)], number)
        elif what in ON_LIVE and live:
            ON_LIVE[what](world, live[number % len(live)], number)
    except Refused:
        pass
    world.run_until_idle()


def end_of(world: World) -> list[tuple[object, ...]]:
    """Let all that is still going on come to its end; tell what became of whom."""
    world.aws.recover()
    while world.live():
        world.advance(HOUR)
    world.settle()
    outcomes: list[tuple[object, ...]] = []
    for request in sorted(world.ctx.store.requests(), key=lambda r: (r.created_at, r.reason)):
        grant = world.ctx.store.grant(request.grant_id) if request.grant_id else None
        ended = (grant.state, grant.end_cause, grant.end_actor, grant.kept, grant.duration) if grant else ()
        outcomes.append((request.reason, request.state, request.decided_by, request.decision_reason, *ended))
    names = ("production-admin", "payments-admin")
    return [*outcomes, *((who, world.sides(who, name)) for who in PEOPLE for name in names)]


@given(lives, lives)
@settings(max_examples=15)
def test_a_life_goes_on_after_a_restore_as_if_nothing_had_been(before: list[Step], after: list[Step]) -> None:
    """Whatever happened before the loss: the records and the log are the same ones, and so is what comes of them."""
    with new_world() as world:
        for step in before:
            take(world, step)
        was, logged = records(world), log(world)
        lose_and_restore(world, exported(world))
        assert records(world) == was
        *restored, (_, told) = log(world).items()
        assert dict(restored) == logged
        assert (told.action, told.actor, told.seq) == ("store.restored", "cli:root", len(logged) + 1)
        for step in after:
            take(world, step)
        ended = end_of(world)
    with new_world() as world:
        for step in (*before, *after):
            take(world, step)
        assert ended == end_of(world)
