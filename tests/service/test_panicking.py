"""Panic: everything in a scope ends now, nothing of it begins anew until an operator says so."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accessbot.domain.errors import Refused, Unavailable
from accessbot.domain.model import ClickAction, EndCause, Grant, GrantState, Pair, RequestState
from accessbot.domain.notices import AlertKind
from accessbot.domain.records import EVERYTHING
from accessbot.domain.work import Lane, Work, WorkKind
from accessbot.ports import Change
from accessbot.service import asking, ending, freezing, panicking
from accessbot.service.panicking import Scope
from tests.service import emergencies
from tests.support.company import slack_id
from tests.support.watch import STORE, Killed, Step
from tests.support.world import World, new_world

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
OPERATOR = "cli:root"
WHY = "stolen laptop"
ALL = Scope()


def end_all(world: World, scope: Scope = ALL, *, keep_open: bool = False) -> list[Grant]:
    """Do what the command does, workers between the walks; give the grants that ended, as they are then."""
    before = world.ctx.store.now() if keep_open else None
    freezes = () if keep_open else panicking.hold_back(world.ctx, scope, operator=OPERATOR, reason=WHY)
    seen: dict[str, Grant] = {}
    for _ in range(50):
        found = panicking.walk(world.ctx, scope, operator=OPERATOR, reason=WHY, before=before)
        seen |= {grant.id: grant for grant in found.grants}
        if not found.grants and not found.pending:
            break
        world.advance(timedelta(seconds=1))
    panicking.tell(world.ctx, freezes, seen.values())
    world.run_until_idle()
    return [world.grant(name) for name in seen]


def busy(world: World) -> None:
    """Have a bit of everything going on: live, overlapping, being prepared, to begin later, waiting, ending."""
    world.granted(duration="4h")
    world.granted(entitlement="production-oncall", duration="4h")
    other = world.granted("noah", duration="4h")
    ending.end_access(world.ctx, requester=other.requester, grant_id=other.id)
    later = asking.ask(
        world.ctx,
        ask_id=world.unique(),
        requester=slack_id("tomas"),
        entitlement="production-admin",
        duration=HOUR,
        reason="tonight",
        not_before=world.clock.now + 3 * HOUR,
    )
    world.run_until_idle()
    world.approve("priya", world.request(later))
    world.ask("ines", "payments-admin")
    prepared = world.ask("cto", "production-oncall")
    world.press("priya", ClickAction.APPROVE, prepared.id)


def refusal(world: World, entitlement: str) -> str:
    """Ask as maya for what is held back, and give why it was refused."""
    try:
        asked = world.ask("maya", entitlement)
    except Refused as refused:
        return refused.sentence
    assert asked.state is RequestState.DENIED
    assert not asked.announced
    return asked.decision_reason


def nobody_is_left(world: World) -> bool:
    """Tell whether no membership is there, and nothing that would make one."""
    none = all(
        world.sides(who, each) == (False, False)
        for who in ("maya", "noah", "tomas", "ines", "cto")
        for each in world.catalog.now.entitlements
    )
    return none and world.live() == [] and list(world.ctx.store.requests([RequestState.PENDING])) == []


def test_everything_ends_with_cause_actor_and_reason(world: World) -> None:
    """Every grant is read back gone, with who ended it and why in record and log; requests are denied."""
    busy(world)
    ended = end_all(world)
    assert nobody_is_left(world)
    panicked = [grant for grant in ended if grant.end_cause is EndCause.PANIC]
    assert len(panicked) >= 3
    for grant in panicked:
        assert (grant.state, grant.end_actor, grant.end_reason) == (GrantState.REVOKED, OPERATOR, WHY)
        assert [e.actor for e in world.events(grant.id) if e.action == "grant.revoking"] == [OPERATOR]
    (denied,) = [
        each for each in world.ctx.store.requests([RequestState.DENIED]) if each.entitlement == "payments-admin"
    ]
    assert "root" in denied.decision_reason
    assert WHY in denied.decision_reason
    assert world.has_each_step_once()


def test_nothing_begins_until_it_is_released(world: World) -> None:
    """Asking is refused with who holds it back and why; after the release it is as before, and both are logged."""
    end_all(world)
    assert "All new access is held back by the operator root: stolen laptop" in refusal(world, "production-admin")
    assert freezing.thaw(world.ctx, EVERYTHING, operator=OPERATOR, reason="all clear")
    assert not freezing.thaw(world.ctx, EVERYTHING, operator=OPERATOR, reason="all clear")
    assert world.granted().state is GrantState.ACTIVE
    assert world.actions(EVERYTHING) == ["freeze.set", "freeze.lifted"]


def test_a_freeze_holds_back_what_was_asked_for_before(world: World) -> None:
    """A request that waits when access is frozen is not approved, even by one who pressed a moment earlier."""
    request = world.ask("maya")
    world.press("priya", ClickAction.APPROVE, request.id)
    freezing.freeze(world.ctx, freezing.of_user(slack_id("maya")), operator=OPERATOR, reason=WHY)
    world.advance(MINUTE)
    assert world.request(request).state is not RequestState.APPROVED
    assert world.sides("maya") == (False, False)


def test_what_was_approved_before_and_not_prepared_is_held_back_too(world: World) -> None:
    """A grant that was to begin later does not begin while access is frozen, though nobody ended it."""
    asked = asking.ask(
        world.ctx,
        ask_id=world.unique(),
        requester=slack_id("maya"),
        entitlement="production-admin",
        duration=HOUR,
        reason="tonight",
        not_before=world.clock.now + HOUR,
    )
    world.run_until_idle()
    grant = world.grant(world.approve("priya", world.request(asked)).grant_id)
    freezing.freeze(world.ctx, EVERYTHING, operator=OPERATOR, reason=WHY)
    world.advance(2 * HOUR)
    assert world.grant(grant).state is GrantState.PROVISION_FAILED
    assert world.sides("maya") == (False, False)


def test_an_emergency_is_no_way_around(world: World) -> None:
    """Emergency access ends like any other, and is held back like any other."""
    emergencies.allow(world)
    grant = emergencies.ask_for(world)
    assert grant.state is GrantState.ACTIVE
    end_all(world)
    assert world.grant(grant).end_cause is EndCause.PANIC
    asked = asking.ask(
        world.ctx,
        ask_id=world.unique(),
        requester=slack_id("maya"),
        entitlement="production-admin",
        duration=emergencies.HALF_AN_HOUR,
        reason="INC-43 again",
        emergency=True,
    )
    world.run_until_idle()
    assert world.request(asked).state is RequestState.DENIED
    assert WHY in world.request(asked).decision_reason
    assert nobody_is_left(world)


@pytest.mark.parametrize(
    ("scope", "gone"),
    [
        (Scope(people=(slack_id("maya"),)), {("maya", "production-admin"), ("maya", "production-oncall")}),
        (Scope(entitlement="production-admin"), {("maya", "production-admin"), ("noah", "production-admin")}),
    ],
)
def test_only_what_is_meant_ends(world: World, scope: Scope, gone: set[tuple[str, str]]) -> None:
    """Of one person or of one entitlement: the rest lives on, and may be asked for."""
    grants = {
        (who, each): world.granted(who, each, "4h")
        for who in ("maya", "noah")
        for each in ("production-admin", "production-oncall")
    }
    waiting = {who: world.ask(who, "payments-admin") for who in ("maya", "noah")}
    end_all(world, scope)
    ended = {what for what, grant in grants.items() if world.grant(grant).end_cause is EndCause.PANIC}
    assert ended == gone
    assert all(world.grant(grant).state is GrantState.ACTIVE for what, grant in grants.items() if what not in gone)
    denied = {who for who, each in waiting.items() if world.request(each).state is RequestState.DENIED}
    assert denied == ({"maya"} if scope.people else set())
    free = world.ask("ines", "production-oncall")
    assert free.announced


def test_a_freeze_of_one_entitlement_names_it(world: World) -> None:
    """Whoever asks for it reads what is held back; what is carried by the same group is another thing."""
    freezing.freeze(world.ctx, freezing.of_entitlement("production-admin"), operator=OPERATOR, reason=WHY)
    assert "New access to production-admin is held back" in refusal(world, "production-admin")
    assert world.ask("maya", "production-oncall").announced


def test_with_new_access_left_open_what_comes_later_stays(world: World) -> None:
    """`--keep-open` ends what was approved by then, and no more; the operators are told all the same."""
    grant = world.granted(duration="4h")
    ended = end_all(world, keep_open=True)
    assert [each.id for each in ended] == [grant.id]
    assert world.ctx.store.freezes() == ()
    assert world.granted("noah").state is GrantState.ACTIVE
    (told,) = world.notifier.alerted(AlertKind.PANIC)
    assert "root" in told.headline


def test_the_operators_are_told_who_why_how_far_and_when_it_is_over(world: World) -> None:
    """One message: posted at once, brought up to date with what was proven, and over when it is released."""
    busy(world)
    end_all(world)
    told = world.notifier.alerted(AlertKind.PANIC)
    assert world.notifier.posted.count("panic") == 1
    assert "held back by the operator root: stolen laptop" in told[-1].headline
    assert "all of them proven" in told[-1].headline
    assert "--release --all" in told[-1].action
    assert not told[-1].resolved
    freezing.thaw(world.ctx, EVERYTHING, operator=OPERATOR, reason="")
    world.run_until_idle()
    assert world.notifier.alerted(AlertKind.PANIC)[-1].resolved
    world.clock.now += HOUR
    freezing.freeze(world.ctx, EVERYTHING, operator=OPERATOR, reason="again")
    world.run_until_idle()
    assert world.notifier.posted.count("panic") == 2


def test_a_second_panic_keeps_the_first_one_s_word(world: World) -> None:
    """What is held back already stays as it is, by whom it was; running it twice adds nothing."""
    first = freezing.freeze(world.ctx, EVERYTHING, operator=OPERATOR, reason=WHY)
    again = freezing.freeze(world.ctx, EVERYTHING, operator="cli:ann", reason="me too")
    assert (again.by, again.reason, again.at) == (first.by, first.reason, first.at)
    assert world.actions(EVERYTHING) == ["freeze.set"]


def test_with_a_vendor_away_it_goes_on_until_it_is_proven(world: World) -> None:
    """The ends have begun and are retried; once AWS is back all is gone."""
    world.granted(duration="4h")
    world.aws.fail("*", times=None)
    (grant,) = end_all(world)
    assert grant.state is GrantState.REVOKING
    world.aws.recover()
    world.advance(MINUTE)
    assert nobody_is_left(world)


def many(world: World, number: int) -> None:
    """Make many live grants, of that many people."""
    grant = world.granted(duration="4h")
    group = world.aws_groups[grant.google_group]
    for first in range(0, number - 1, 200):
        puts: list[Grant | Pair] = []
        for place in range(first, min(first + 200, number - 1)):
            user = world.google.add_user(f"p{place}@example.com")
            aws_user = world.aws.add_user(user.email)
            world.google.put(grant.google_group, user.id)
            world.aws.put(group, aws_user)
            made = replace(
                grant,
                id=f"g_{place}",
                rev=0,
                requester=f"U{place}",
                email=user.email,
                google_user_id=user.id,
                aws_user_id=aws_user,
            )
            standing = {"google": False, f"aws/{group}/{aws_user}": False}
            puts += [made, pair_of(made, standing)]
        world.ctx.store.commit(Change(op=f"many:{first}", puts=tuple(puts)))


def pair_of(grant: Grant, standing: dict[str, bool]) -> Pair:
    """Give the pair of a grant, as it is in use."""
    return Pair(key=grant.pair, standing=standing)


def test_many_ends_leave_the_way_free_for_an_early_one(world: World) -> None:
    """With 60 of them none is in the queue that people's own ends go through; all of them end all the same."""
    many(world, 60)
    mine = world.granted("noah", "production-oncall", "4h")
    panicking.hold_back(world.ctx, Scope(entitlement="production-admin"), operator=OPERATOR, reason=WHY)
    world.run_until_idle()
    scope = Scope(entitlement="production-admin")
    found = panicking.walk(world.ctx, scope, operator=OPERATOR, reason=WHY)
    assert len(found.held) == 60
    assert list(world.queue.works) == []
    assert world.ctx.store.count()[f"ready.{Lane.FAST}"] == 0
    ending.end_access(world.ctx, requester=mine.requester, grant_id=mine.id)
    assert world.queue.works[0] == Work(WorkKind.REVOKE, mine.id)
    world.run_until_idle()
    world.run_until_idle()
    assert panicking.find(world.ctx.store, scope).grants == ()
    assert world.google.emails("aws-production-admin@example.com") == frozenset()
    assert not world.notifier.alerted(AlertKind.REVOKE_OVERDUE)


def test_an_end_that_comes_in_between_is_no_obstacle() -> None:
    """A grant of a batch that ends by itself at that very moment leaves the others' ends as they are."""
    with new_world() as world:
        many(world, panicking.FEW + 5)
        first = world.live()[0]

        def end_first(step: Step) -> None:
            if step.whom == STORE and step.method == "commit" and not world.watch.dead:
                world.watch.rest()
                with world.watch.aside():
                    ending.end_access(world.ctx, requester=first.requester, grant_id=first.id)

        world.watch.before = end_first
        panicking.walk(world.ctx, ALL, operator=OPERATOR, reason=WHY)
        world.watch.rest()
        world.run_until_idle()
        assert world.live() == []


def test_killed_at_any_call_and_run_again_it_finishes() -> None:
    """Whichever call the command dies at: run again, everything is gone, and each step was logged once."""
    for place in itertools.count(0, 30):
        with new_world() as world:
            busy(world)
            died = kill_at(world, place, end_all)
            end_all(world)
            world.advance(MINUTE)
            assert nobody_is_left(world), place
            assert world.has_each_step_once(), place
            if not died:
                break
    assert place > 20


def kill_at(world: World, place: int, do: Callable[[World], object]) -> bool:
    """Let what is done die at a call, if it makes so many; another process follows."""
    first = world.watch.count

    def kill(step: Step) -> None:
        if step.place == first + place:
            world.watch.kill()

    world.watch.before = kill
    with suppress(Killed):
        do(world)
    died = world.watch.dead
    world.restart()
    return died


AWAY = Unavailable("Google", "call", "It is down.")
DEEDS = st.sampled_from(["ask", "approve", "work", "end", "pass", "google down", "google up", "extend"])
WHO = st.sampled_from(["maya", "noah", "cto"])
WHAT = st.sampled_from(["production-admin", "production-oncall", "payments-admin"])


def ask(world: World, who: str, what: str) -> None:
    """Ask, without letting the workers at it."""
    asking.ask(
        world.ctx, ask_id=world.unique(), requester=slack_id(who), entitlement=what, duration=HOUR, reason="INC-1"
    )


def approve(world: World, _who: str, _what: str) -> None:
    """Have two approvers press on everything that waits."""
    for request in list(world.ctx.store.requests([RequestState.PENDING])):
        for approver in ("priya", "tomas"):
            if request.announced:
                world.press(approver, ClickAction.APPROVE, request.id)


def end(world: World, who: str, _what: str) -> None:
    """End all that somebody holds."""
    for grant in world.ctx.store.grants_of(slack_id(who)):
        ending.end_access(world.ctx, requester=grant.requester, grant_id=grant.id)


def extend(world: World, who: str, _what: str) -> None:
    """Ask for more time for all that somebody holds."""
    for grant in world.ctx.store.grants_of(slack_id(who)):
        world.extend(grant)


ACTS: dict[str, Callable[[World, str, str], object]] = {
    "ask": ask,
    "approve": approve,
    "end": end,
    "extend": extend,
    "work": lambda world, *_: world.run_until_idle(),
    "pass": lambda world, *_: world.advance(timedelta(seconds=20)),
    "google down": lambda world, *_: world.google.fail("*", times=None, error=AWAY),
    "google up": lambda world, *_: world.google.recover(),
}


def act(world: World, deed: str, who: str, what: str) -> None:
    """Do one thing that people, vendors or time may do; what is refused is refused."""
    with suppress(Refused):
        ACTS[deed](world, who, what)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    before=st.lists(st.tuples(DEEDS, WHO, WHAT), max_size=14),
    after=st.lists(st.tuples(DEEDS, WHO, WHAT), max_size=8),
)
def test_whatever_went_on_nothing_is_left_and_nothing_begins(
    before: list[tuple[str, str, str]], after: list[tuple[str, str, str]]
) -> None:
    """After `--all`, once all work is done, no membership of ours is left, and nothing makes one until the release."""
    with new_world() as world:
        for deed in before:
            act(world, *deed)
        panicking.hold_back(world.ctx, ALL, operator=OPERATOR, reason=WHY)
        panicking.walk(world.ctx, ALL, operator=OPERATOR, reason=WHY)
        known = {grant.id for grant in world.ctx.store.grants()}
        for deed in after:
            act(world, *deed)
        world.google.recover()
        end_all(world)
        world.advance(5 * MINUTE)
        assert nobody_is_left(world)
        assert {grant.id for grant in world.ctx.store.grants()} == known
        freezing.thaw(world.ctx, EVERYTHING, operator=OPERATOR, reason="")
        assert world.granted().state is GrantState.ACTIVE
