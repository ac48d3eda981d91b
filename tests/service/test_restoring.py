"""A store that was lost and made again from its audit log: what was under way goes on, nothing is done by halves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from accessbot.adapters.redis_restorer import RedisRestorer
from accessbot.domain.errors import Refused, StoreUnavailable
from accessbot.domain.model import AuditEvent, EndCause, GrantState, RequestState
from accessbot.domain.replaying import Unreplayable
from accessbot.domain.work import Lane, Work, WorkKind
from accessbot.ports import Change
from accessbot.service import restoring
from accessbot.service.ticking import plan_sweeps
from tests.support.company import slack_id
from tests.support.restoring import PATIENCE, exported, log, lose_and_restore, planned, read, records, restore_into
from tests.support.world import World

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
GROUP = "aws-production-admin@example.com"


def restored(world: World) -> World:
    """Export, lose and restore the store, and let the workers do what is due."""
    lose_and_restore(world, exported(world))
    world.run_until_idle()
    return world


def test_the_lists_of_the_log_find_the_same_events(world: World) -> None:
    """By person, by entitlement and by time, before as after."""
    world.end(world.granted("maya"))
    world.granted("noah")

    def found() -> list[list[AuditEvent]]:
        store = world.ctx.store
        people = [list(store.audit(person=slack_id(name))) for name in ("maya", "noah", "priya")]
        return [*people, list(store.audit(entitlement="production-admin")), list(store.audit(since=world.clock.now))]

    before = found()
    lose_and_restore(world, exported(world))
    assert [events[: len(old)] for events, old in zip(found(), before, strict=True)] == before
    assert all(before)


def test_a_live_grant_still_ends_at_its_time(world: World) -> None:
    """Both memberships go to the second, and it is live by its expiry key until then."""
    grant = world.granted("maya", duration="1h")
    world.advance(20 * MINUTE)
    restored(world)
    assert world.ctx.store.is_live(grant.id) == 40 * MINUTE
    world.advance(40 * MINUTE - timedelta(seconds=1))
    assert world.sides("maya") == (True, True)
    world.advance(timedelta(seconds=1))
    assert world.sides("maya") == (False, False)
    assert world.grant(grant).state is GrantState.REVOKED
    assert world.due_of(grant.id) == []


def test_a_grant_that_was_over_while_the_store_was_lost_ends_at_once(world: World) -> None:
    """Its memberships outlived it by the outage, and by no more."""
    grant = world.granted("maya", duration="20m")
    export = exported(world)
    world.client.flushall()
    world.clock.move(3 * HOUR)
    lose_and_restore(world, export)
    assert world.sides("maya") == (True, True)
    world.run_until_idle()
    assert world.sides("maya") == (False, False)
    assert (world.grant(grant).state, world.grant(grant).end_cause) == (GrantState.REVOKED, EndCause.EXPIRED)


@pytest.mark.parametrize("asked", ["end", "revoke"])
def test_a_revoke_that_was_not_proven_goes_on(world: World, asked: str) -> None:
    """And the operators are told if it goes on for long."""
    grant = world.granted("maya")
    fault = world.aws.fail("remove", times=None)
    if asked == "end":
        world.end(grant)
    else:
        world.revoke("ines", grant, "leaving")
    restored(world)
    assert world.grant(grant).state is GrantState.REVOKING
    world.advance(3 * MINUTE)
    assert "revoke_overdue" in world.notifier.posted
    assert fault.hits > 1
    world.aws.recover()
    world.advance(MINUTE)
    assert (world.grant(grant).state, world.sides("maya")) == (GrantState.REVOKED, (False, False))


def test_a_grant_in_the_making_is_made(world: World) -> None:
    """Before its ids were read, and after them, with the first write under way."""
    world.aws.fail("find_user", times=None)
    early = world.approve("priya", world.ask("maya"))
    world.aws.recover()
    world.aws.fail("add", times=None)
    late = world.approve("priya", world.ask("noah"))
    restored(world)
    for request in (early, late):
        assert world.grant(request.grant_id).state is GrantState.PROVISIONING
    world.aws.recover()
    world.advance(MINUTE)
    assert [world.grant(r.grant_id).state for r in (early, late)] == [GrantState.ACTIVE] * 2
    assert (world.sides("maya"), world.sides("noah")) == ((True, True), (True, True))


def test_a_pending_request_is_shown_again_and_lapses_at_its_time(world: World) -> None:
    """Its card is there with buttons that work and the votes that it had; nobody pressing, it expires as it would."""
    request, other = world.ask("maya"), world.ask("noah", "payments-admin")
    world.approve("priya", other)
    shown = len(world.notifier.cards)
    restored(world)
    assert {card.request.id for card in world.notifier.cards[shown:]} == {request.id, other.id}
    assert world.approve("tomas", other).state is RequestState.APPROVED
    world.advance(request.expires_at - world.clock.now)
    assert world.request(request).state is RequestState.EXPIRED


def test_a_request_that_nobody_had_looked_at_yet_is_looked_at(world: World) -> None:
    """It is announced then."""
    world.google.fail("user", times=None)
    request = world.ask("maya")
    assert not request.announced
    world.google.recover()
    restored(world)
    assert world.request(request).announced


def test_a_standing_membership_is_still_not_ours_to_remove(world: World) -> None:
    """What was decided before the first write is remembered."""
    world.put("maya", "google")
    grant = world.granted("maya")
    restored(world).end(grant)
    assert world.sides("maya") == (True, False)
    assert world.grant(grant).kept == "standing"


def test_what_a_sync_brings_back_after_a_restore_is_removed(world: World) -> None:
    """An end shortly before the loss is looked after for as long as it would have been."""
    world.end(world.granted("maya"))
    restored(world)
    world.put("maya", "aws")
    world.advance(HOUR)
    assert world.sides("maya") == (False, False)


def test_a_grant_given_after_the_export_is_out_of_band(world: World) -> None:
    """Nothing is known of it, so its membership is not taken for a standing one: the operators are told."""
    world.granted("noah", duration="8h")
    plan_sweeps(world.ctx.store, world.catalog.now)
    world.advance(10 * MINUTE)
    export = exported(world)
    world.granted("maya")
    lose_and_restore(world, export)
    world.advance(10 * MINUTE)
    assert [grant.requester for grant in world.live()] == [slack_id("noah")]
    roster = world.ctx.store.roster(GROUP)
    assert roster is not None
    assert any("maya@example.com" in stranger for stranger in roster.strangers)
    assert "drift" in world.notifier.posted


def test_the_pinned_group_outlasts_the_loss(world: World) -> None:
    """A group made anew meanwhile is not followed: new grants on it stop."""
    world.granted("maya")
    restored(world)
    known = world.ctx.store.mapping(GROUP)
    assert known is not None
    assert known.aws_group_id == world.aws_groups[GROUP]


# --- increments, and a restore that is stopped ---


def test_increments_are_restored_after_the_whole(world: World) -> None:
    """In the order in which they were made."""
    first = world.granted("maya")
    whole, last = exported(world), len(log(world))
    world.end(first)
    second = world.granted("noah")
    was = records(world)
    lose_and_restore(world, whole, exported(world, since_seq=last))
    assert records(world) == was
    assert world.grant(second).state is GrantState.ACTIVE


def test_a_restored_store_can_be_exported_and_restored_again(world: World) -> None:
    """The event that tells of the restore is one of the log."""
    world.granted("maya")
    restored(world)
    was = records(world)
    lose_and_restore(world, exported(world))
    assert records(world) == was
    assert world.actions("store") == ["store.restored", "store.restored"]


class Stopping(RedisRestorer):
    """A restorer that is killed right after as many commits as it `lives_for`."""

    lives_for = 0

    def commit(self, change: Change) -> bool:
        """Write, and stop if that was the last one."""
        done = super().commit(change)
        self.lives_for -= 1
        if self.lives_for == 0:
            raise KeyboardInterrupt
        return done


def test_a_restore_that_is_stopped_anywhere_is_run_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can write or work on the half of it; in the end everything is there, and once."""
    for name in ("_EVENTS", "_RECORDS", "_DUES"):
        monkeypatch.setattr(restoring, name, 3)
    world.end(world.granted("maya"))
    grant = world.granted("noah")
    export, was, logged = exported(world), records(world), log(world)
    stop, stopped = 0, True
    while stopped:
        stop += 1
        world.client.flushall()
        stopping = Stopping(world.client, patience=PATIENCE)
        stopping.lives_for = stop
        try:
            restore_into(stopping, export)
            stopped = False
        except KeyboardInterrupt:
            _check_that_nobody_works(world, grant.id)
            restore_into(RedisRestorer(world.client, patience=PATIENCE), export)
        assert records(world) == was
        assert list(log(world).items())[:-1] == list(logged.items())
        assert world.actions("store") == ["store.restored"]
        assert f"end|{grant.id}" in world.due_of(grant.id)
    assert stop > 10


def _check_that_nobody_works(world: World, grant_id: str) -> None:
    world.restart()
    with pytest.raises(StoreUnavailable, match="being restored"):
        world.ask("maya")
    assert all(world.ctx.store.due(lane, 99, HOUR) == () for lane in Lane)
    assert world.ctx.store.begin(Work(WorkKind.END, grant_id), HOUR) is None


def test_only_an_empty_store_is_restored(world: World) -> None:
    """What is there is named, and stays; so is a restore of something else that did not end."""
    world.granted("maya")
    export = exported(world)
    with pytest.raises(Refused, match="it holds 1 requests, 1 grants and 7 audit events"):
        restore_into(RedisRestorer(world.client, patience=PATIENCE), export)
    world.client.flushall()
    RedisRestorer(world.client, patience=PATIENCE).claim("another")
    with pytest.raises(Refused, match="another file"):
        restore_into(RedisRestorer(world.client, patience=PATIENCE), export)


# --- logs that nothing can be made of ---


def test_a_log_that_does_not_fit_together_is_refused(world: World) -> None:
    """A hole, a second beginning, a step that cannot follow, one that says too little: each is told."""
    world.end(world.granted("maya"))
    events = list(world.ctx.store.audit())

    def tell(*changed: AuditEvent) -> str:
        plan = restoring.Plan()
        for event in changed[:-1]:
            plan.take(event)
        with pytest.raises(Unreplayable) as caught:
            plan.take(changed[-1])
        return caught.value.sentence

    assert "event 3 comes after 1" in tell(events[0], events[2])
    assert "begins a second time" in tell(events[0], replace(events[0], seq=2))
    assert "whose beginning is not in the log" in tell(replace(events[1], seq=1))
    assert "was pending and not approved before it" in tell(events[0], replace(events[1], before="approved"))
    assert "leads to pending and not to denied" in tell(events[0], replace(events[1], after="denied"))
    assert "does not say “email”" in tell(events[0], replace(events[1], data={}))
    assert "says what cannot be" in tell(replace(events[0], data={**events[0].data, "kind": "gift"}))
    strange = AuditEvent(seq=1, time=events[0].time, actor="a", action="grant.parked", subject="g", after="parked")
    assert "does not know; use the newest" in tell(strange)


def test_what_an_older_version_logged_too_little_of_is_named(world: World) -> None:
    """What had ended is left to the log alone; what had not is told, since nobody else will end it."""
    ended = world.end(world.granted("maya"))
    live = world.granted("noah")
    plan, _ = planned(
        replace(placed, value=replace(placed.value, data={}))
        if isinstance(placed.value, AuditEvent) and placed.value.action in ("grant.provisioning", "request.submitted")
        else placed
        for placed in read(exported(world))
    )
    assert plan.replay.unended() == [live.id]
    assert ended.id in plan.replay.untold
    assert plan.live == []
