"""Somebody leaves: their Google account is suspended, archived or deleted, and all that they hold and ask for goes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from accessbot.domain.errors import Missing, NotAuthorised, Unavailable, VendorError
from accessbot.domain.model import EndCause, Grant, GrantState, RequestState
from accessbot.domain.notices import AlertKind
from accessbot.domain.work import Work, WorkKind
from accessbot.ports import Change
from accessbot.service import asking, leaving, ticking
from tests.support.company import email, slack_id
from tests.support.watch import Killed, Step
from tests.support.world import World, new_world

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
GONE: dict[str, Callable[[World], None]] = {
    "suspended": lambda world: world.google.change_user(email("maya"), suspended=True),
    "archived": lambda world: world.google.change_user(email("maya"), archived=True),
    "deleted": lambda world: world.google.delete_user(email("maya")),
}


@pytest.fixture
def world() -> Iterator[World]:
    """Give a company that looks its holders up every minute, as it is by default."""
    with new_world(look_period=MINUTE) as made:
        yield made


def looks(world: World) -> int:
    """Count how often somebody was looked up."""
    return len(world.google.calls("user"))


def both(world: World) -> tuple[Grant, Grant]:
    """Give maya two live grants."""
    return world.granted(duration="4h"), world.granted(entitlement="production-oncall", duration="4h")


@pytest.mark.parametrize("how", GONE)
def test_a_gone_account_ends_all_that_its_holder_has(world: World, how: str) -> None:
    """Within the minute of its being seen both memberships of every grant are read back gone, with the cause logged."""
    grants = both(world)
    asked = world.ask("maya", "payments-admin")
    assert asked.announced
    GONE[how](world)
    world.advance(MINUTE + leaving.APART)
    for grant in map(world.grant, grants):
        assert (grant.state, grant.end_cause) == (GrantState.REVOKED, EndCause.OFFBOARDED)
        assert how in grant.end_reason
        (event,) = [each for each in world.events(grant.id) if each.action == "grant.revoking"]
        assert (event.actor, event.reason) == ("accessbot", grant.end_reason)
        assert not world.in_aws("maya", grant.entitlement)
    denied = world.request(asked)
    assert (denied.state, denied.decided_by) == (RequestState.DENIED, "accessbot")
    assert how in denied.decision_reason
    assert world.notifier.cards[-1].request.state is not RequestState.PENDING
    assert world.live() == []


def test_the_operators_are_told_once_and_again_when_it_is_proven(world: World) -> None:
    """One message names what ended; it is brought up to date when all is read back gone, and never posted again."""
    both(world)
    GONE["suspended"](world)
    world.advance(HOUR)
    told = world.notifier.alerted(AlertKind.OFFBOARDED)
    assert world.notifier.posted.count("offboarded") == 1
    assert [alert.resolved for alert in told] == sorted(alert.resolved for alert in told)
    assert told[-1].resolved
    assert "maya@example.com" in told[-1].headline
    assert "production-admin, production-oncall." in told[-1].headline


def test_an_alert_that_comes_late_is_told_all_the_same(world: World) -> None:
    """With Slack away until long after the proof the operators still hear of it."""
    both(world)
    GONE["suspended"](world)
    world.notifier.trouble = Unavailable("Slack", "chat.postMessage", "Slack is down.")
    world.advance(HOUR)
    world.notifier.trouble = None
    world.advance(2 * MINUTE)
    assert world.notifier.posted.count("offboarded") == 1


def test_each_departure_has_a_message_of_its_own(world: World) -> None:
    """Somebody who came back and is suspended again is told of again."""
    world.granted()
    GONE["suspended"](world)
    world.advance(2 * MINUTE)
    world.google.change_user(email("maya"))
    world.advance(HOUR)
    world.granted()
    GONE["suspended"](world)
    world.advance(2 * MINUTE)
    assert world.notifier.posted.count("offboarded") == 2


def test_a_present_account_is_looked_up_every_minute_while_something_is_live(world: World) -> None:
    """One look a minute for a person, however many grants they hold; none once nothing is live any more."""
    grants = both(world)
    before = looks(world)
    world.advance(10 * MINUTE)
    assert looks(world) - before == 10
    assert {world.grant(grant).state for grant in grants} == {GrantState.ACTIVE}
    for grant in grants:
        world.end(grant)
    world.advance(2 * MINUTE)
    before = looks(world)
    world.advance(HOUR)
    assert looks(world) == before
    assert world.due_of(slack_id("maya")) == []


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("Google", "users.get", "Google is down."),
        NotAuthorised("Google", "users.get", "It is not allowed."),
        Missing("Google", "users.get", "There is no such group.", what="group"),
    ],
)
def test_a_look_that_fails_ends_nothing(world: World, error: VendorError) -> None:
    """Away, forbidden or answered with something else: nothing is concluded, and it is tried again."""
    grants = both(world)
    world.google.fail("user", times=None, error=error)
    world.advance(10 * MINUTE)
    assert {world.grant(grant).state for grant in grants} == {GrantState.ACTIVE}
    assert ("not_authorised" in world.notifier.posted) is isinstance(error, NotAuthorised)
    world.google.recover()
    GONE["suspended"](world)
    world.advance(2 * MINUTE)
    assert {world.grant(grant).state for grant in grants} == {GrantState.REVOKED}


def test_an_account_that_is_missing_once_is_not_gone(world: World) -> None:
    """A reading may be late: what is found when it is read again seconds later stays."""
    grants = both(world)
    world.google.fail("user", error=Missing("Google", "users.get", "There is no such user.", what="user"))
    began = world.clock.now
    world.advance(3 * MINUTE)
    assert {world.grant(grant).state for grant in grants} == {GrantState.ACTIVE}
    assert world.clock.now - began == 3 * MINUTE


def test_an_account_is_not_gone_while_its_second_reading_fails(world: World) -> None:
    """Missing once and then not to be read is not missing twice."""
    grants = both(world)
    world.google.fail("user", error=Missing("Google", "users.get", "There is no such user.", what="user"))
    world.google.fail("user", error=Unavailable("Google", "users.get", "Google is down."))
    world.advance(3 * MINUTE)
    assert {world.grant(grant).state for grant in grants} == {GrantState.ACTIVE}


def test_a_new_account_of_the_same_address_is_another_one(world: World) -> None:
    """Deleted and made again: what the old account was given ends, though the address is known to Google."""
    grant = world.granted(duration="4h")
    GONE["deleted"](world)
    world.google.add_user(email("maya"))
    world.advance(2 * MINUTE)
    assert (world.grant(grant).state, world.grant(grant).end_cause) == (GrantState.REVOKED, EndCause.OFFBOARDED)


def test_what_is_to_begin_later_goes_too(world: World) -> None:
    """A grant that waits for its time ends with the others, before anything of it was written."""
    world.granted(duration="4h")
    asked = asking.ask(
        world.ctx,
        ask_id=world.unique(),
        requester=slack_id("maya"),
        entitlement="production-oncall",
        duration=HOUR,
        reason="tonight",
        not_before=world.clock.now + 3 * HOUR,
    )
    world.run_until_idle()
    later = world.grant(world.approve("priya", world.request(asked)).grant_id)
    assert (later.state, later.google_user_id) == (GrantState.PROVISIONING, "")
    GONE["suspended"](world)
    world.advance(2 * MINUTE)
    assert (world.grant(later).state, world.grant(later).end_cause) == (GrantState.REVOKED, EndCause.OFFBOARDED)
    assert world.live() == []


def test_others_keep_what_they_have(world: World) -> None:
    """Only the person whose account is gone loses access; a colleague's request for them is theirs no more."""
    mine, other = world.granted(duration="4h"), world.granted("noah", duration="4h")
    waiting = world.ask("noah", "payments-admin")
    GONE["suspended"](world)
    world.advance(2 * MINUTE)
    assert (world.grant(mine).state, world.grant(other).state) == (GrantState.REVOKED, GrantState.ACTIVE)
    assert world.request(waiting).state is RequestState.PENDING


def test_an_end_that_cannot_be_made_yet_goes_on_until_it_is_proven(world: World) -> None:
    """With AWS away the grants stay ending, and the operators' message says so until they are read back gone."""
    grants = both(world)
    world.aws.fail("*", times=None)
    GONE["suspended"](world)
    world.advance(5 * MINUTE)
    assert {world.grant(grant).state for grant in grants} == {GrantState.REVOKING}
    assert not world.notifier.alerted(AlertKind.OFFBOARDED)[-1].resolved
    world.aws.recover()
    world.advance(2 * MINUTE)
    assert {world.grant(grant).state for grant in grants} == {GrantState.REVOKED}
    assert world.notifier.alerted(AlertKind.OFFBOARDED)[-1].resolved


def test_many_holders_are_looked_up_less_often(world: World) -> None:
    """All looks together use a fifth of the calls to Google: of 1 a second, 100 grants are a round of 500 seconds."""
    grant = world.granted()
    for number in range(99):
        copy = replace(grant, id=f"g_{number}", rev=0, requester=f"U{number}", google_user_id=f"9{number}")
        world.ctx.store.commit(Change(op=copy.id, puts=(copy,)))
    world.ctx = replace(world.ctx, terms=replace(world.ctx.terms, google_per_second=1))
    assert leaving.period(world.ctx) == timedelta(seconds=500)


def test_clocks_plan_the_look_at_whoever_was_never_looked_at(world: World) -> None:
    """Grants that were live before there were such looks get theirs, once an hour at most, and none is put off."""
    world.granted(duration="4h")
    work = Work(WorkKind.LEAVER, slack_id("maya"))
    claim = world.ctx.store.begin(work, MINUTE)
    assert claim is not None
    assert world.ctx.store.finish(claim)
    planned = ticking.plan_looks(world.ctx.store)
    (at,) = [at for at, name in world.due_index() if name == str(work)]
    assert at <= world.clock.now + MINUTE
    world.clock.now += 30 * timedelta(seconds=1)
    assert ticking.plan_looks(world.ctx.store, planned) == planned
    assert ticking.plan_looks(world.ctx.store) == planned
    assert (at, str(work)) in world.due_index()


@pytest.mark.parametrize(("how", "first"), [("suspended", 0), ("deleted", 4)])
def test_wherever_a_process_is_killed_everything_ends(how: str, first: int) -> None:
    """Killed at any call while somebody is offboarded: another ends all of it, and each step is logged once."""
    for place in itertools.count(first, 8):  # each way to be gone meets another eighth of the calls
        with new_world(look_period=MINUTE) as world:
            grants = both(world)
            world.ask("maya", "payments-admin")
            world.advance(MINUTE - timedelta(seconds=1))
            GONE[how](world)
            died = die_at(world, place)
            world.advance(MINUTE)
            assert {world.grant(grant).state for grant in grants} == {GrantState.REVOKED}, place
            assert world.live() == [], place
            assert list(world.ctx.store.requests([RequestState.PENDING])) == [], place
            assert world.notifier.posted.count("offboarded") >= 1, place
            assert world.has_each_step_once(), place
            if not died:
                break
    assert place > 50


def die_at(world: World, place: int) -> bool:
    """Let the process that works for the next seconds die at a call, if it makes so many; another one follows."""
    first = world.watch.count

    def kill(step: Step) -> None:
        if step.place == first + place:
            world.watch.kill()

    world.watch.before = kill
    with suppress(Killed):
        world.advance(timedelta(seconds=10))
    died = world.watch.dead
    world.restart()
    return died
