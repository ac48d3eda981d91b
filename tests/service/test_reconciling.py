"""Sweeps: the members of a mapped group against the grants, and what becomes of what differs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from accessbot.domain.errors import NotAuthorised, VendorError
from accessbot.domain.model import GrantState, RequestState
from accessbot.domain.notices import AlertKind
from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change
from accessbot.service import reconciling, ticking
from tests.service.sweeping import (
    MINUTE,
    PAYMENTS,
    actions,
    entitlement_of,
    group_of,
    often,
    policy,
    put,
    roster,
    sweep,
)
from tests.support.company import email
from tests.support.world import SYNC_PERIOD, World

LATER_MINUTES = (timedelta(seconds=70), SYNC_PERIOD / 2, 2 * SYNC_PERIOD - 2 * MINUTE)


@pytest.fixture(autouse=True)
def _often(world: World) -> None:
    often(world)


# --- what is looked at, and when --------------------------------------------------------------------------------------


def test_every_group_of_the_catalog_is_looked_at_over_and_over(world: World) -> None:
    """A clock plans each group once, whoever plans it too, and each look plans the next."""
    ticking.plan_sweeps(world.ctx.store, world.catalog.now)
    ticking.plan_sweeps(world.ctx.store, world.catalog.now)
    world.run_until_idle()
    names = {f"sweep|{entitlement.group}" for entitlement in world.catalog.now.entitlements.values()}
    assert {name: at - world.clock.now for at, name in world.due_index() if name in names} == dict.fromkeys(
        names, MINUTE
    )


def test_a_group_that_comes_back_into_the_catalog_is_planned_again(world: World) -> None:
    """Taken out and put back within the hour, a group is looked at again at once."""
    full, name = world.catalog.now, f"sweep|{group_of(world, PAYMENTS)}"
    left = {e.id: e for e in full.entitlements.values() if e.group != group_of(world, PAYMENTS)}
    planned = ticking.plan_sweeps(world.ctx.store, full)
    world.run_until_idle()
    world.catalog.now = replace(full, hash="c2", entitlements=left)
    planned = ticking.plan_sweeps(world.ctx.store, world.catalog.now, planned)
    world.advance(2 * MINUTE)
    assert name not in {each for _, each in world.due_index()}
    world.catalog.now = full
    ticking.plan_sweeps(world.ctx.store, full, planned)
    assert (world.clock.now, name) in world.due_index()


def test_many_groups_are_looked_at_less_often(world: World) -> None:
    """With a thousand groups a round takes four minutes, so that the quota is there for others too."""
    admin = entitlement_of(world)
    many = {f"e{n}": replace(admin, id=f"e{n}", group=f"aws-{n}@example.com") for n in range(960)}
    world.catalog.now = replace(world.catalog.now, entitlements={**many, admin.id: admin})
    assert reconciling.sweep(world.ctx, admin.group) == world.clock.now + 961 * timedelta(milliseconds=250)


def test_a_plan_for_many_groups_is_spread_over_a_round(world: World) -> None:
    """A group on which a grant has just ended never waits behind a thousand others: forty are due in ten seconds."""
    admin = entitlement_of(world)
    many = {f"e{n}": replace(admin, id=f"e{n}", group=f"aws-{n}@example.com") for n in range(200)}
    ticking.plan_sweeps(world.ctx.store, replace(world.catalog.now, entitlements=many))
    times = [(at - world.clock.now).total_seconds() for at, name in world.due_index() if name.startswith("sweep|")]
    assert [times.count(at) for at in (0, 10, 20, 30, 40)] == [40] * 5


def test_a_plan_never_puts_a_look_off(world: World) -> None:
    """A group whose next look is near keeps it when a new catalog has everything planned, or a grant ends."""
    sweep(world)
    due = world.clock.now + MINUTE
    world.clock.move(timedelta(seconds=50))
    world.ctx.store.commit(
        Change(
            op="later",
            due=(Due(Work(WorkKind.SWEEP, group_of(world)), world.clock.now + timedelta(seconds=15), sooner=True),),
        )
    )
    assert {name: at for at, name in world.due_index()}[f"sweep|{group_of(world)}"] == due


def test_after_an_end_a_group_is_looked_at_every_quarter_of_a_minute(world: World) -> None:
    """For two sync periods after an end another tool's work on that group is seen within 15 s."""
    grant = world.granted(duration="5m")
    world.end(grant)
    at = {name: at - world.clock.now for at, name in world.due_index()}
    assert at[f"sweep|{group_of(world)}"] == timedelta(seconds=15)
    world.advance(timedelta(seconds=16))
    at = {name: at - world.clock.now for at, name in world.due_index()}
    assert at[f"sweep|{group_of(world)}"] == timedelta(seconds=14)
    world.advance(2 * SYNC_PERIOD)
    assert {name: at - world.clock.now for at, name in world.due_index()}[f"sweep|{group_of(world)}"] > timedelta(
        seconds=15
    )


def test_a_group_that_left_the_catalog_is_looked_at_while_it_matters(world: World) -> None:
    """While a grant lives on it, or may come back, a group is swept though the catalog names it no more; then not."""
    grant = world.granted(duration="5m")
    group = grant.google_group
    entitlements = {e.id: e for e in world.catalog.now.entitlements.values() if e.group != group}
    world.catalog.now = replace(world.catalog.now, entitlements=entitlements)
    assert reconciling.sweep(world.ctx, group) is not None
    world.end(grant)
    assert reconciling.sweep(world.ctx, group) is not None
    world.clock.move(4 * SYNC_PERIOD)
    assert reconciling.sweep(world.ctx, group) is None


# --- grants -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["google", "aws"])
def test_a_missing_membership_of_a_live_grant_is_put_back(world: World, side: str) -> None:
    """What somebody took away from a holder is there again after the next look, and the log says so."""
    world.granted(duration="4h")
    world.settle()
    world.drop("maya", side)
    sweep(world)
    assert world.sides("maya") == (True, True)
    assert len(actions(world, "membership.restored")) == 1


@pytest.mark.parametrize("side", ["google", "aws"])
@pytest.mark.parametrize("after", LATER_MINUTES)
def test_what_comes_back_after_the_end_is_gone_within_seconds(world: World, side: str, after: timedelta) -> None:
    """Whenever within two sync periods another tool puts a membership back, it is gone 15 s after it can be seen."""
    grant = world.granted(duration="5m")
    world.end(grant)
    world.advance(after)
    world.put("maya", side)
    world.advance(timedelta(seconds=16))
    assert world.sides("maya") == (False, False)
    assert any("came back" in reason for reason in actions(world, "membership.removed"))
    assert "resurrected" in world.notifier.posted


def test_overlapping_grants_and_sweeps_leave_each_other_alone(world: World) -> None:
    """A look at a group while one of two grants on it ends takes nothing from the other."""
    first = world.granted(duration="1h")
    world.granted(entitlement="production-oncall", duration="2h")
    sweep(world)
    world.end(first)
    sweep(world)
    assert world.sides("maya") == (True, True)
    assert actions(world, "membership.removed") == []


def test_a_look_at_a_busy_group_sees_no_strangers(world: World) -> None:
    """Grants that are prepared, live or leaving while a group is looked at are no drift."""
    request = world.ask("maya")
    sweep(world)
    world.approve("priya", request)
    sweep(world)
    assert roster(world).strangers == ()
    assert not world.notifier.alerted(AlertKind.DRIFT)


# --- standing members -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reconcile", ["report", "remove", "adopt"])
def test_whoever_is_there_at_the_first_look_stays(world: World, reconcile: str) -> None:
    """Members from before us are standing, whatever the policy: not reported, not removed, and logged as counted."""
    policy(world, reconcile)
    put(world, "noah", "ines")
    sweep(world)
    world.settle()
    assert world.sides("noah") == world.sides("ines") == (True, True)
    assert roster(world).strangers == ()
    assert world.notifier.alerts == []
    assert actions(world, "roster.begun") == ["standing members: 2 at Google, 2 in AWS"]


@pytest.mark.parametrize("side", ["google", "aws"])
def test_a_standing_member_with_a_grant_at_the_first_look_stays(world: World, side: str) -> None:
    """Who stood in a group before their grant stands after it, though the first look fell into the grant."""
    policy(world, "remove")
    world.put("maya", side)
    if side == "google":
        world.put("maya", "aws")
    grant = world.granted(duration="30m")
    sweep(world)
    world.end(grant)
    world.settle()
    assert world.sides("maya") == ((True, True) if side == "google" else (False, True))
    assert roster(world).strangers == ()


def test_a_standing_member_s_copy_in_aws_is_no_drift(world: World) -> None:
    """What a sync copies to AWS from a standing member at Google is not reported and not removed."""
    policy(world, "remove")
    world.put("noah", "google")
    sweep(world)
    world.put("noah", "aws")
    sweep(world)
    sweep(world)
    assert world.sides("noah") == (True, True)
    assert world.notifier.alerts == []


def test_people_of_a_standing_group_are_no_drift_in_aws(world: World) -> None:
    """A group that stands in the Google group brings its people to AWS by a sync, those who join it later too."""
    policy(world, "remove")
    world.google.add_group("everybody@example.com")
    world.google.put(group_of(world), "everybody@example.com")
    sweep(world)
    world.google.put("everybody@example.com", email("noah"))
    world.put("noah", "aws")
    world.put("ines", "aws")
    sweep(world)
    assert (world.in_aws("noah"), world.in_aws("ines")) == (True, False)


def test_adopting_before_the_first_look_counts_what_stood_before_grants(world: World) -> None:
    """An operator who is faster than the first look makes nobody a stranger who stood there before their grant."""
    policy(world, "remove")
    world.put("maya", "google")
    grant = world.granted(duration="30m")
    put(world, "noah")
    reconciling.adopt(world.ctx, group_of(world), operator="cli:ada")
    world.end(grant)
    world.settle()
    assert world.in_google("maya")
    assert world.sides("noah") == (True, True)


# --- reads that fail, groups that change ------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["members", "addresses"])
@pytest.mark.parametrize("vendor", ["google", "aws"])
def test_a_read_that_fails_changes_nothing(world: World, vendor: str, call: str) -> None:
    """While one side cannot be read nobody is removed, reported or put back; then all is settled."""
    policy(world, "remove")
    sweep(world)
    world.put("noah", "aws")
    before = roster(world)
    fake = world.google if vendor == "google" else world.aws
    fake.fail(call, times=None)
    sweep(world)
    if (vendor, call) != ("google", "addresses"):
        assert world.in_aws("noah")
        assert roster(world) == before
    fake.recover()
    world.advance(2 * MINUTE)
    assert not world.in_aws("noah")


def test_credentials_that_do_not_suffice_for_mappings_leave_the_members_looked_at(world: World) -> None:
    """Where assignments cannot be read any more, members are compared all the same, and the operators are told."""
    sweep(world)
    world.clock.move(11 * MINUTE)
    put(world, "noah")
    world.aws.fail("opens", times=None, error=NotAuthorised("AWS", "ListAccountAssignments", "Not allowed."))
    sweep(world)
    assert roster(world).strangers == ("noah@example.com (Google and AWS)",)
    assert "not_authorised" in world.notifier.posted


@pytest.mark.parametrize("side", ["google", "aws"])
def test_a_group_that_is_missing_is_told_and_closed(world: World, side: str) -> None:
    """A deleted group removes nobody: it is one alert, no new grants, and over when the group is back."""
    grant = world.granted(duration="8h")
    sweep(world)
    if side == "google":
        world.google.delete_group(group_of(world))
    else:
        world.aws.delete_group(world.aws_groups[group_of(world)])
    sweep(world)
    sweep(world)
    assert world.grant(grant).state is GrantState.ACTIVE
    assert world.notifier.posted.count("mapping_wrong") == 1
    later = world.approve("priya", world.ask("noah"))
    assert later.state is RequestState.APPROVED
    assert world.grant(later.grant_id).state is GrantState.PROVISION_FAILED
    if side == "google":
        world.google.add_group(group_of(world))
        sweep(world)
        assert world.notifier.alerted(AlertKind.MAPPING_WRONG)[-1].resolved


def test_a_mapping_that_was_never_right_is_told_before_anybody_asks(world: World) -> None:
    """A catalog that names an Identity Center group which is not there is one alert at the first look."""
    world.aws.delete_group(world.aws_groups[group_of(world, PAYMENTS)])
    sweep(world, PAYMENTS)
    sweep(world, PAYMENTS)
    assert world.notifier.posted == ["mapping_wrong"]
    world.aws_groups[group_of(world, PAYMENTS)] = made = world.aws.add_group("aws-payments-admin")
    arn = world.aws.permission_set("AdministratorAccess").arn
    world.aws.assign(made, entitlement_of(world, PAYMENTS).account.id, arn)
    world.advance(11 * MINUTE)
    assert world.notifier.alerted(AlertKind.MAPPING_WRONG)[-1].resolved


def test_an_assignment_that_is_taken_away_is_seen_within_minutes(world: World) -> None:
    """A group that opens nothing any more is told, not only at the next request."""
    ticking.plan_sweeps(world.ctx.store, world.catalog.now)
    world.run_until_idle()
    arn = world.aws.permission_set("AdministratorAccess").arn
    world.aws.unassign(world.aws_groups[group_of(world)], entitlement_of(world).account.id, arn)
    world.advance(12 * MINUTE)
    assert "mapping_wrong" in world.notifier.posted


def test_a_look_changes_nothing(world: World) -> None:
    """Looking, as a dry run does, writes no record and no event, and asks no vendor to change anything."""
    policy(world, "remove")
    sweep(world)
    world.granted("maya", duration="1h")
    world.drop("maya", "aws")
    put(world, "noah")
    before = (roster(world), list(world.ctx.store.audit()), world.due_index())
    seen = reconciling.look(world.ctx, group_of(world))
    assert seen is not None
    assert len(seen.verdict.unsettled) == len(seen.verdict.strangers) == 1
    assert (roster(world), list(world.ctx.store.audit()), world.due_index()) == before
    assert world.sides("noah") == (True, True)


def test_errors_of_a_look_are_vendor_errors(world: World) -> None:
    """What a look cannot read, it raises by name."""
    world.aws.fail("members", times=None)
    sweep(world)
    with pytest.raises(VendorError):
        reconciling.look(world.ctx, group_of(world))
