"""Ends: by time, early, by an approver; what keeps going until it is proven, and what is said meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessbot.domain.errors import Missing, NotAuthorised, Refused, Unavailable
from accessbot.domain.model import ClickAction, EndCause, GrantState
from accessbot.domain.notices import AlertKind, NoticeKind
from accessbot.domain.work import Work, WorkKind
from accessbot.service import ending, working
from tests.support.company import slack_id
from tests.support.watch import STORE, Step
from tests.support.world import SYNC_PERIOD, World

MINUTE = timedelta(minutes=1)


def test_the_holder_ends_access_early(world: World) -> None:
    """End access takes both memberships away at once, and is the holder's in the log."""
    grant = world.end(world.granted("maya"))
    assert (grant.state, grant.end_cause, grant.end_actor) == (
        GrantState.REVOKED,
        EndCause.ENDED_EARLY,
        slack_id("maya"),
    )
    assert world.sides("maya") == (False, False)


def test_only_the_holder_ends_access_as_the_holder(world: World) -> None:
    """Somebody else's grant cannot be ended as one's own; nothing happens."""
    grant = world.granted("maya")
    with pytest.raises(Refused, match="not yours"):
        ending.end_access(world.ctx, requester=slack_id("noah"), grant_id=grant.id)
    assert world.grant(grant).state is GrantState.ACTIVE


def test_an_end_pressed_twice_is_one_end(world: World) -> None:
    """While it is going, a second press changes nothing; after it, one is told that it has ended."""
    grant = world.granted("maya")
    world.google.fail("remove", times=None)
    world.end(grant)
    assert ending.end_access(world.ctx, requester=grant.requester, grant_id=grant.id).state is GrantState.REVOKING
    assert world.actions(grant.id).count("grant.revoking") == 1
    world.google.recover()
    world.advance(MINUTE)
    with pytest.raises(Refused, match="ended already"):
        ending.end_access(world.ctx, requester=grant.requester, grant_id=grant.id)


def test_access_can_be_ended_by_whoever_is_no_longer_eligible(world: World) -> None:
    """Whoever lost the right to ask, or is suspended, can still end what they hold."""
    grant = world.granted("maya")
    world.google.change_user("maya@example.com", suspended=True)
    world.slack.refused[slack_id("maya")] = "deactivated"
    assert world.end(grant).state is GrantState.REVOKED
    assert world.sides("maya") == (False, False)


@pytest.mark.parametrize("at", range(12))
def test_an_early_end_while_access_is_being_prepared_leaves_nothing(world: World, at: int) -> None:
    """However far provisioning is, an end asked for meanwhile is not skipped: nothing is left on either side."""
    request = world.ask("maya")
    world.press("priya", ClickAction.APPROVE, request.id)
    world.watch.counted = lambda step: step.whom != STORE
    world.watch.count = 0

    def strike(step: Step) -> None:
        grants = world.live()
        if step.place == at and grants:
            world.watch.rest()
            ending.end_access(world.ctx, requester=slack_id("maya"), grant_id=grants[0].id)

    world.watch.before = strike
    world.run_until_idle()
    world.watch.rest()
    for grant in world.live():
        ending.end_access(world.ctx, requester=slack_id("maya"), grant_id=grant.id)
    world.advance(MINUTE)
    assert world.live() == []
    assert world.sides("maya") == (False, False)
    assert world.grant(world.request(request).grant_id).state is GrantState.REVOKED


@pytest.mark.parametrize("who", ["priya", "tomas", "cto", "ines"])
def test_approvers_and_administrators_revoke(world: World, who: str) -> None:
    """Whoever may approve, and every administrator, takes access away; it is theirs in the log, with the reason."""
    grant = world.revoke(who, world.granted("maya"), "seen enough")
    assert (grant.state, grant.end_cause, grant.end_actor, grant.end_reason) == (
        GrantState.REVOKED,
        EndCause.REVOKED,
        slack_id(who),
        "seen enough",
    )
    assert world.sides("maya") == (False, False)


def test_nobody_else_revokes(world: World) -> None:
    """Somebody who is neither is refused, the refusal is logged, and the access stays."""
    grant = world.revoke("noah", world.granted("maya"))
    assert grant.state is GrantState.ACTIVE
    assert "Only an approver" in world.notifier.answers(slack_id("noah"))[0]
    assert world.actions(grant.id)[-1] == "grant.revoke_refused"


def test_an_operator_revokes_on_the_command_line(world: World) -> None:
    """A revoke by an operator is one like any other, under the operator's name."""
    grant = world.granted("maya")
    ending.revoke_by_operator(world.ctx, operator="cli:root", grant_id=grant.id, reason="drill")
    world.run_until_idle()
    assert world.grant(grant).state is GrantState.REVOKED
    assert [e.actor for e in world.events(grant.id) if e.action == "grant.revoking"] == ["cli:root"]


def test_google_down_does_not_keep_the_accounts_open(world: World) -> None:
    """With Google down the AWS side goes at once; Google is tried until it is gone too, and only then is it over."""
    grant = world.granted("maya")
    world.google.fail("remove", times=None)
    world.end(grant)
    assert world.sides("maya") == (True, False)
    assert world.grant(grant).state is GrantState.REVOKING
    assert world.grant(grant).waiting_for == "Google"
    world.advance(timedelta(minutes=10))
    assert world.grant(grant).state is GrantState.REVOKING
    assert NoticeKind.ENDED not in world.notifier.notices(slack_id("maya"))
    world.google.recover()
    world.advance(timedelta(seconds=15))
    assert world.grant(grant).state is GrantState.REVOKED
    assert world.sides("maya") == (False, False)


def test_operators_hear_of_an_overdue_revoke_and_of_its_end(world: World) -> None:
    """After two minutes without proof the operators are alerted, once by a message of its own, then it is resolved."""
    grant = world.granted("maya")
    world.aws.fail("remove", times=None)
    world.end(grant)
    world.advance(timedelta(minutes=2) - timedelta(seconds=1))
    assert world.notifier.alerted(AlertKind.REVOKE_OVERDUE) == []
    world.advance(timedelta(minutes=6))
    overdue = world.notifier.alerted(AlertKind.REVOKE_OVERDUE)
    assert not any(alert.resolved for alert in overdue)
    assert world.notifier.posted.count(AlertKind.REVOKE_OVERDUE) == 1
    assert "waits for AWS" in overdue[-1].headline
    world.aws.recover()
    world.advance(timedelta(seconds=30))
    assert world.notifier.alerted(AlertKind.REVOKE_OVERDUE)[-1].resolved


def test_a_removal_that_is_not_visible_is_not_believed(world: World) -> None:
    """Google says it removed the member and still shows it: the grant is not over until a read shows it gone."""
    grant = world.granted("maya")
    world.google.lag = 20
    world.end(grant)
    assert world.grant(grant).state is GrantState.REVOKING
    world.advance(MINUTE)
    assert world.grant(grant).state is GrantState.REVOKED


def test_access_that_is_not_visible_is_not_announced(world: World) -> None:
    """Google took the member and does not show it yet: the grant is ready only once a read shows it."""
    world.google.lag = 20
    request = world.approve("priya", world.ask("maya"))
    assert world.grant(request.grant_id).state is GrantState.PROVISIONING
    assert NoticeKind.READY not in world.notifier.notices(slack_id("maya"))
    world.advance(MINUTE)
    assert world.grant(request.grant_id).state is GrantState.ACTIVE


def test_what_a_sync_brings_back_is_removed_again(world: World) -> None:
    """A sync job that undoes the revoke is undone itself at the next look, and the operators are told once."""
    grant = world.end(world.granted("maya"))
    world.put("maya", "aws")
    world.advance(timedelta(seconds=10))
    assert world.sides("maya") == (False, False)
    world.put("maya", "aws")
    world.advance(2 * SYNC_PERIOD)
    assert world.sides("maya") == (False, False)
    assert world.actions(grant.pair) == ["membership.decided", "membership.removed", "membership.removed"]
    assert world.notifier.posted == ["resurrected"]


def test_what_a_sync_takes_from_a_live_grant_is_put_back(world: World) -> None:
    """A sync job that drops a fresh grant's membership is made good at the next look, and logged."""
    grant = world.granted("maya", duration="4h")
    world.drop("maya", "aws")
    world.advance(timedelta(seconds=10))
    assert world.sides("maya") == (True, True)
    assert world.actions(grant.pair) == ["membership.decided", "membership.restored"]
    world.drop("maya", "aws")
    world.advance(SYNC_PERIOD)
    assert world.sides("maya") == (True, True)


@pytest.mark.parametrize("duration", ["10s", "1m", "5m", "30m", "1h"])
def test_a_look_at_the_moment_of_the_end_is_no_false_alarm(world: World, duration: str) -> None:
    """Where the look after a change falls on the very end of the grant, nothing is said to have come back."""
    grant = world.granted("maya", duration=duration)
    for _ in range(10):
        at = world.next_due()
        if at is None or at >= grant.expires_at:
            break
        world.clock.now = at
        world.run_until_idle()
    world.clock.now = grant.expires_at
    working.run(world.ctx, Work(WorkKind.VERIFY, grant.pair))
    world.run_until_idle()
    assert world.grant(grant).state is GrantState.REVOKED
    assert world.sides("maya") == (False, False)
    assert world.notifier.alerts == []
    assert world.actions(grant.pair) == ["membership.decided"]


@pytest.mark.parametrize("gone", ["group", "user"])
def test_an_aws_group_or_user_that_is_deleted_ends_with_its_grant(world: World, gone: str) -> None:
    """Where the Identity Center group or user is deleted the membership is gone with it; nothing is tried for ever."""
    grant = world.granted("maya")
    if gone == "group":
        world.aws.delete_group(grant.aws_group_id)
    else:
        world.aws.delete_user(grant.aws_user_id)
    assert world.end(grant).state is GrantState.REVOKED
    assert not world.in_google("maya")
    world.settle()
    assert [name for name in world.due_of(grant.pair) if name.startswith("verify|")] == []


def test_a_google_user_that_is_deleted_ends_with_its_grant(world: World) -> None:
    """Where the Google user is deleted, the AWS membership is removed and the revoke comes to its end."""
    grant = world.granted("maya")
    world.google.delete_user("maya@example.com")
    assert world.end(grant).state is GrantState.REVOKED
    assert not world.in_aws("maya")
    world.settle()
    assert world.due_of(grant.pair) == []


def test_a_google_group_that_cannot_be_found_proves_nothing(world: World) -> None:
    """A group that Google does not know is no proof: AWS is cleared, the revoke goes on, and operators hear of it."""
    grant = world.granted("maya")
    world.google.fail("remove", times=None, error=_missing_group(grant.google_group))
    world.end(grant)
    world.advance(timedelta(minutes=3))
    assert world.grant(grant).state is GrantState.REVOKING
    assert not world.in_aws("maya")
    assert world.notifier.posted == ["revoke_overdue"]


def test_operators_hear_when_credentials_fail_after_an_outage(world: World) -> None:
    """A revoke that first met an outage and then lacks the rights is told to the operators all the same."""
    grant = world.granted("maya")
    world.google.fail("remove", times=1)
    world.google.fail("remove", times=None, error=NotAuthorised("Google", "members.delete", "Not allowed."))
    world.end(grant)
    world.advance(timedelta(seconds=30))
    assert world.notifier.posted == ["not_authorised"]


def test_the_same_trouble_months_later_is_a_new_message(world: World) -> None:
    """An alert about something new is posted, not written over an old message that nobody looks at any more."""
    for months in (0, 60):
        world.advance(timedelta(days=months))
        grant = world.granted("maya", duration="1h")
        world.google.fail("remove", times=None, error=NotAuthorised("Google", "members.delete", "Not allowed."))
        world.end(grant)
        world.advance(timedelta(seconds=30))
        world.google.recover()
        world.settle()
        assert world.grant(grant).state is GrantState.REVOKED
    assert world.notifier.posted.count("not_authorised") == 2


def test_a_resolved_alert_is_not_written_over(world: World) -> None:
    """A group that goes wrong again after it was right again is a message of its own."""
    group = world.catalog.now.entitlements["production-admin"].group
    where = (world.aws_groups[group], "111122223333", "arn:aws:sso:::permissionSet/ssoins-0000000000000000/extra")
    world.granted("maya")
    for _ in range(2):
        world.aws.assign(*where)
        world.advance(timedelta(hours=24))
        world.aws.unassign(*where)
        world.advance(timedelta(hours=24))
    assert world.notifier.posted.count("mapping_wrong") == 2
    assert world.notifier.alerted(AlertKind.MAPPING_WRONG)[-1].resolved


def test_waiting_is_not_said_once_it_is_over(world: World) -> None:
    """A note that one waits for Google is not sent any more when access is ready by then."""
    request = world.ask("maya")
    world.google.fail("add", times=1)
    world.notifier.trouble = Unavailable("Slack", "chat.postMessage", "Slack is down.")
    world.approve("priya", request)
    world.advance(timedelta(seconds=5))
    world.notifier.trouble = None
    world.advance(timedelta(minutes=2))
    assert world.notifier.notices(slack_id("maya")) == [NoticeKind.READY]


def test_a_live_grant_does_not_wait_for_anybody(world: World) -> None:
    """Trouble with the end of one grant is not shown on another one of the same pair that is live."""
    first = world.granted("maya", "production-admin")
    world.aws.fail("is_member", times=1)
    second = world.granted("maya", "production-oncall")
    ending.end_access(world.ctx, requester=first.requester, grant_id=first.id)
    world.google.fail("is_member", times=2)
    world.advance(MINUTE)
    assert world.grant(second).state is GrantState.ACTIVE
    assert world.grant(second).waiting_for == ""


@pytest.mark.parametrize("side", ["google", "aws"])
def test_a_sync_that_copies_a_standing_membership_is_no_resurrection(world: World, side: str) -> None:
    """Who stands in the Google group gets the AWS membership from the sync: that is theirs, and no alarm."""
    world.put("maya", side)
    world.end(world.granted("maya"))
    if side == "google":
        world.put("maya", "aws")
    world.settle()
    assert world.sides("maya") == ((True, True) if side == "google" else (False, True))
    assert world.notifier.posted == []


def test_somebody_who_becomes_a_member_long_after_the_end_stays(world: World) -> None:
    """Where nobody looked for hours, a membership made since by an administrator is not taken for the old one."""
    grant = world.end(world.granted("maya"))
    world.clock.move(timedelta(hours=5))
    world.put("maya", "google")
    world.put("maya", "aws")
    world.run_until_idle()
    assert world.sides("maya") == (True, True)
    assert world.due_of(grant.pair) == []


def _missing_group(group: str) -> Missing:
    return Missing("Google", "members.delete", f"Google does not know {group}.", what="group")


def test_an_operator_vouches_for_a_google_group_that_was_deleted(world: World) -> None:
    """A revoke waits for a group that is gone until an operator says that it is; AWS is proven all the same."""
    grant = world.granted("maya")
    world.google.delete_group(grant.google_group)
    world.end(grant)
    world.advance(timedelta(minutes=30))
    assert world.grant(grant).state is GrantState.REVOKING
    assert not world.in_aws("maya")
    ending.vouch(world.ctx, operator="cli:ada", grant_id=grant.id, reason="deleted on purpose")
    world.run_until_idle()
    assert world.grant(grant).state is GrantState.REVOKED
    (event,) = [e for e in world.events(grant.id) if e.action == "grant.vouched"]
    assert (event.actor, event.reason) == ("cli:ada", "deleted on purpose")


@pytest.mark.parametrize("vendor", ["google", "aws"])
def test_an_operator_s_word_stands_for_a_missing_group_alone(world: World, vendor: str) -> None:
    """While Google's group is there, or AWS's side is not read gone, the word changes nothing."""
    grant = world.granted("maya")
    fake = world.google if vendor == "google" else world.aws
    fake.fail("remove", times=None)
    world.end(grant)
    ending.vouch(world.ctx, operator="cli:ada", grant_id=grant.id, reason="")
    world.run_until_idle()
    assert world.grant(grant).state is GrantState.REVOKING
    fake.recover()
    world.advance(timedelta(minutes=1))
    assert world.sides("maya") == (False, False)
    assert world.grant(grant).state is GrantState.REVOKED


def test_nobody_vouches_for_a_grant_that_does_not_end(world: World) -> None:
    """A live grant has its end begun first; one that has ended, or never was, needs no word."""
    grant = world.granted("maya")
    with pytest.raises(Refused, match="is not ending"):
        ending.vouch(world.ctx, operator="cli:ada", grant_id=grant.id, reason="")
    with pytest.raises(Refused, match="no grant"):
        ending.vouch(world.ctx, operator="cli:ada", grant_id="g_none", reason="")
    world.end(grant)
    with pytest.raises(Refused, match="ended already"):
        ending.vouch(world.ctx, operator="cli:ada", grant_id=grant.id, reason="")
