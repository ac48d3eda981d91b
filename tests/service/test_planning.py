"""What a sweep would come to, told without doing it; and what came of a look that an operator asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from accessbot.adapters.redis_client import send
from accessbot.domain.errors import NotAuthorised
from accessbot.domain.groups import ALL_GROUPS
from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change
from accessbot.service import evicting, planning, reconciling
from accessbot.service.planning import Plan
from tests.support.world import World

ADMIN, PAYMENTS = "production-admin", "payments-admin"
FOUR = ("noah", "tomas", "ines", "cto")


def group_of(world: World, entitlement: str = ADMIN) -> str:
    """Give the Google group of an entitlement."""
    return world.catalog.now.entitlements[entitlement].group


def policy(world: World, reconcile: str) -> None:
    """Have the catalog say what becomes of out-of-band members."""
    world.catalog.now = replace(world.catalog.now, reconcile=reconcile)


def sweep(world: World, *entitlements: str) -> None:
    """Look at groups now, and let the workers do what follows."""
    for entitlement in entitlements:
        work = Work(WorkKind.SWEEP, group_of(world, entitlement))
        world.ctx.store.commit(Change(op=world.unique(), due=(Due(work, world.clock.now),)))
    world.run_until_idle()


def put(world: World, entitlement: str, *people: str) -> None:
    """Put people into a group on both sides, behind our back."""
    for who in people:
        world.put(who, "google", entitlement)
        world.put(who, "aws", entitlement)


def planned(world: World, *entitlements: str) -> list[Plan]:
    """Plan for groups, and see to it that nothing at all is changed by that."""
    before = everything(world)
    found = list(planning.plans(world.ctx, tuple(group_of(world, name) for name in entitlements)))
    assert everything(world) == before
    return found


def everything(world: World) -> dict[str, object]:
    """Give all that is stored, and all members of both vendors."""
    groups = {entitlement.group for entitlement in world.catalog.now.entitlements.values()}
    held: dict[str, object] = {
        group: (world.google.emails(group), world.aws.inside(world.aws_groups[group])) for group in groups
    }
    for key in sorted(world.client.scan_iter()):
        held[str(key)] = send(world.client, "DUMP", key) if send(world.client, "TYPE", key) == "string" else None
    held["log"] = len(list(world.ctx.store.audit()))
    held["due"] = world.due_index()
    return held


def told(plan: Plan) -> list[tuple[str, str, str]]:
    """Give what a plan says, as (what, who, then)."""
    return [(str(each.what), each.who, str(each.then)) for each in plan.differences]


def test_a_first_look_is_planned_with_whom_it_would_count(world: World) -> None:
    """Before the first look nothing differs, and who is there would be standing, on a live grant too."""
    world.put("maya", "google")
    world.granted("maya")
    put(world, ADMIN, "noah")
    (plan,) = planned(world, ADMIN)
    assert (plan.first, plan.differences, plan.google, plan.aws) == (True, (), 2, 1)
    sweep(world, ADMIN)
    assert not planned(world, ADMIN)[0].first


@pytest.mark.parametrize("side", ["google", "aws"])
def test_a_missing_member_and_one_that_outlived_are_told_apart(world: World, side: str) -> None:
    """A live grant's membership would be put back, one that is back after its grant's end would be removed."""
    sweep(world, ADMIN)
    ended = world.granted("noah", duration="5m")
    world.end(ended)
    world.granted("maya")
    world.drop("maya", side)
    world.put("noah", side)
    (plan,) = planned(world, ADMIN)
    assert sorted(told(plan)) == [
        ("missing", "maya@example.com", "put back"),
        ("outlived", "noah@example.com", "remove"),
    ]


@pytest.mark.parametrize(("reconcile", "then"), [("report", "report"), ("remove", "remove"), ("adopt", "adopt")])
def test_a_stranger_is_planned_as_the_catalog_says(world: World, reconcile: str, then: str) -> None:
    """Who is out of band is named with the sides, and with what the policy would do."""
    put(world, ADMIN, "ines")
    sweep(world, ADMIN)
    policy(world, reconcile)
    put(world, ADMIN, "noah")
    (plan,) = planned(world, ADMIN)
    assert told(plan) == [("out_of_band", "noah@example.com (Google and AWS)", then)]
    assert (plan.google, plan.aws) == (1, 1)


def test_the_brake_is_planned_for_one_group_and_for_all(world: World) -> None:
    """Four of one group would be held; two each of two groups would be too many for all together."""
    sweep(world, ADMIN, PAYMENTS)
    policy(world, "remove")
    put(world, ADMIN, *FOUR)
    (plan,) = planned(world, ADMIN)
    assert {each.then for each in plan.differences} == {planning.Then.HOLD}
    for who in FOUR[:2]:
        world.drop(who, "google", ADMIN)
        world.drop(who, "aws", ADMIN)
    put(world, PAYMENTS, *FOUR[:2])
    first, second = planned(world, ADMIN, PAYMENTS)
    assert {each.then for each in first.differences} == {planning.Then.REMOVE}
    assert {each.then for each in second.differences} == {planning.Then.HOLD}


def test_what_was_released_in_a_group_is_not_held_by_the_brake_of_all(world: World) -> None:
    """Who says that a group's strangers are to go need not say it again for all groups."""
    sweep(world, ADMIN, PAYMENTS)
    policy(world, "remove")
    put(world, PAYMENTS, "maya")
    sweep(world, PAYMENTS)
    put(world, ADMIN, *FOUR)
    sweep(world, ADMIN)
    assert all(world.in_aws(who) for who in FOUR)
    assert evicting.release(world.ctx, group_of(world), operator="cli:ines")
    world.run_until_idle()
    assert not any(world.in_aws(who) or world.in_google(who) for who in FOUR)
    together = world.ctx.store.roster(ALL_GROUPS)
    assert together is not None
    assert (together.braked_at, len(together.removals)) == (None, 1)


def test_a_wrong_mapping_and_a_missing_group_are_told(world: World) -> None:
    """A group that opens more, and one that Google lacks, are closed for new grants; nothing is said of members."""
    sweep(world, ADMIN, PAYMENTS)
    other = world.catalog.now.entitlements[PAYMENTS]
    sets = world.aws.permission_set(other.permission_set)
    world.aws.assign(world.aws_groups[group_of(world)], "999988887777", sets.arn)
    (plan,) = planned(world, ADMIN)
    assert [(each.what, each.then) for each in plan.differences] == [("mapping", "closed for new grants")]
    assert "opens 1 more" in plan.differences[0].who


def test_a_read_that_fails_is_never_nothing_differs(world: World) -> None:
    """A group that cannot be read is named; when three in a row cannot, the others are not tried, and say so."""
    names = list({e.group: e.id for e in world.catalog.now.entitlements.values()}.values())
    sweep(world, *names)
    world.google.fail("members", times=None)
    found = planned(world, *names)
    assert {each.what for plan in found for each in plan.differences} == {planning.Differs.UNREAD}
    assert all(plan.differences for plan in found)
    assert (found[0].google, found[0].aws) == (None, None)
    assert len(world.google.calls("members")) <= len(names) + 3 * 5


def test_a_refused_read_is_not_tried_again(world: World) -> None:
    """Where credentials do not suffice, another try is no use."""
    sweep(world, ADMIN)
    before = len(world.google.calls("members"))
    world.google.fail("members", times=None, error=NotAuthorised("Google", "members.list", "Google does not allow it."))
    (plan,) = planned(world, ADMIN)
    assert told(plan) == [("unread", "Google does not allow it.", "try again")]
    assert len(world.google.calls("members")) == before + 1


def test_groups_that_only_grants_are_on_are_planned_too(world: World) -> None:
    """A group that left the catalog is among those looked at as long as a grant lives on it."""
    grant = world.granted()
    group = grant.google_group
    kept = {e.id: e for e in world.catalog.now.entitlements.values() if e.group != group}
    world.catalog.now = replace(world.catalog.now, entitlements=kept)
    assert group in planning.groups_of(world.ctx.store, world.catalog.now)


# --- a look that was asked for ----------------------------------------------------------------------------------------


def test_a_look_that_was_asked_for_is_answered_once_it_was_made(world: World) -> None:
    """It is open until a whole look was written down, the mapping read with it, however lately that was."""
    group = group_of(world)
    sweep(world, ADMIN)
    read = world.ctx.store.mapping(group)
    world.clock.move(timedelta(seconds=5))
    reconciling.ask(world.ctx.store, group)
    assert not planning.outcome(world.ctx.store, world.catalog.now, group).done
    world.run_until_idle()
    found = planning.outcome(world.ctx.store, world.catalog.now, group)
    assert (found.done, found.right) == (True, True)
    again = world.ctx.store.mapping(group)
    assert read is not None
    assert again is not None
    assert again.checked_at > read.checked_at


def test_a_look_that_fails_leaves_the_question_open(world: World) -> None:
    """As long as a side cannot be read, nobody is told that the group was looked at."""
    group = group_of(world)
    sweep(world, ADMIN)
    world.aws.fail("members", times=1)
    reconciling.ask(world.ctx.store, group)
    world.run_until_idle()
    assert not planning.outcome(world.ctx.store, world.catalog.now, group).done
    world.advance(timedelta(seconds=10))
    assert planning.outcome(world.ctx.store, world.catalog.now, group).done


def test_a_group_that_is_gone_answers_with_its_fault(world: World) -> None:
    """There is no more to see of it; what is left is the fault of its mapping."""
    group = group_of(world)
    sweep(world, ADMIN)
    world.google.delete_group(group)
    reconciling.ask(world.ctx.store, group)
    world.run_until_idle()
    found = planning.outcome(world.ctx.store, world.catalog.now, group)
    assert found.done
    assert group in found.faults
    assert not found.right


def test_an_outcome_is_over_when_what_was_found_is_removed(world: World) -> None:
    """Under `remove` a stranger is left until read back gone; what a brake holds stays left."""
    group = group_of(world)
    sweep(world, ADMIN)
    policy(world, "remove")
    put(world, ADMIN, "noah")
    reconciling.ask(world.ctx.store, group)
    world.run_until_idle()
    assert planning.outcome(world.ctx.store, world.catalog.now, group).right
    world.clock.move(timedelta(seconds=5))
    put(world, ADMIN, *FOUR)
    reconciling.ask(world.ctx.store, group)
    world.run_until_idle()
    found = planning.outcome(world.ctx.store, world.catalog.now, group)
    assert (found.done, found.braked, len(found.left)) == (True, True, 4)
