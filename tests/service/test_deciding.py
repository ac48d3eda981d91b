"""Approve and Deny: who may, who wins, what counts, and what is too late."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from accessbot.domain import rules
from accessbot.domain.errors import FieldRefused, Missing, NotAuthorised, Refused
from accessbot.domain.model import (
    ClickAction,
    GrantState,
    RequestState,
    Selector,
    SelectorKind,
    SlackPerson,
)
from accessbot.domain.notices import AlertKind, NoticeKind
from accessbot.domain.work import Work, WorkKind
from accessbot.service import asking, working
from tests.support import company
from tests.support.company import LEADS, email, slack_id
from tests.support.watch import Step
from tests.support.world import World

MINUTE = timedelta(minutes=1)


def set_approvers(world: World, name: str, *selectors: Selector, approvals: int = 1) -> None:
    """Have an entitlement decided by others."""
    old = world.catalog.now.entitlements[name]
    changed = replace(old, policy=replace(old.policy, steps=(rules.Step(approvers=selectors, approvals=approvals),)))
    world.catalog.now = company.having(world.catalog.now, changed)


def test_of_two_at_once_one_wins_and_the_other_is_told(world: World) -> None:
    """Two presses before any worker looked: one grant, one decision, and the loser reads who decided."""
    request = world.ask("maya")
    world.press("priya", ClickAction.APPROVE, request.id)
    world.press("tomas", ClickAction.APPROVE, request.id)
    world.run_until_idle()
    assert world.request(request).decided_by == slack_id("priya")
    assert len(list(world.ctx.store.grants())) == 1
    assert world.notifier.answers(slack_id("tomas")) == ["Too late: this request was already approved by <@U_PRIYA>."]
    assert world.actions(request.id)[-2:] == ["request.approved", "request.approve_refused"]


@pytest.mark.parametrize("first", ["approve", "deny"])
def test_two_workers_in_the_same_moment_decide_once(world: World, first: str) -> None:
    """While one worker looks an approver up, another decides: the swap fails, and the first judges again and loses."""
    request = world.ask("maya")
    slow = world.press("tomas", ClickAction(first), request.id, "no")
    quick = world.press("priya", ClickAction.APPROVE, request.id)
    world.queue.works.clear()
    asked: list[Step] = []

    def meanwhile(step: Step) -> None:
        if step.method == "holds" and not asked:
            asked.append(step)
            working.run(world.ctx, Work(WorkKind.CLICK, quick.id))

    world.watch.before = meanwhile
    working.run(world.ctx, Work(WorkKind.CLICK, slow.id))
    world.run_until_idle()
    assert (world.request(request).state, world.request(request).decided_by) == (
        RequestState.APPROVED,
        slack_id("priya"),
    )
    assert len(list(world.ctx.store.grants())) == 1
    assert "already approved by <@U_PRIYA>" in world.notifier.answers(slack_id("tomas"))[0]


def test_two_approvals_are_two_people(world: World) -> None:
    """Where two have to agree, one yes grants nothing, nor does a second press of the same person; another's does."""
    request = world.ask("maya", "payments-admin")
    assert world.approve("priya", request).state is RequestState.PENDING
    assert world.approve("priya", request).state is RequestState.PENDING
    assert world.sides("maya", "payments-admin") == (False, False)
    assert world.notifier.answers(slack_id("priya"))[-1].startswith("Your approval is counted already")
    assert world.approve("tomas", request).state is RequestState.APPROVED
    assert world.actions(request.id).count("request.vote") == 1
    assert world.sides("maya", "payments-admin") == (True, True)


def test_one_person_with_two_slack_accounts_counts_once(world: World) -> None:
    """Two Slack accounts with one email are one person."""
    world.slack.people["U_PRIYA2"] = SlackPerson(id="U_PRIYA2", email="Priya@example.com", name="priya too")
    request = world.ask("maya", "payments-admin")
    world.approve("priya", request)
    assert world.approve("priya2", request).state is RequestState.PENDING
    assert len(world.request(request).votes) == 1


def test_whoever_is_no_approver_any_more_does_not_count(world: World) -> None:
    """An earlier yes of somebody who lost the right since is not counted when the next one comes."""
    request = world.ask("maya", "payments-admin")
    world.approve("priya", request)
    world.google.drop(LEADS.value, email("priya"))
    assert world.approve("tomas", request).state is RequestState.PENDING
    assert world.approve("cto", request).state is RequestState.APPROVED
    assert [v.approver for v in world.request(request).votes] == [slack_id("tomas"), slack_id("cto")]


@pytest.mark.parametrize("action", [ClickAction.APPROVE, ClickAction.DENY])
@pytest.mark.parametrize("account", ["priya", "priya2"])
def test_nobody_decides_on_their_own_request(world: World, action: ClickAction, account: str) -> None:
    """Not by the account they asked with, and not by another one of theirs; it is logged."""
    world.slack.people["U_PRIYA2"] = SlackPerson(id="U_PRIYA2", email=email("priya"), name="priya too")
    request = world.ask("priya")
    world.press(account, action, request.id, "because")
    world.run_until_idle()
    assert world.request(request).state is RequestState.PENDING
    assert "your own request" in world.notifier.answers(slack_id(account))[0]
    assert world.actions(request.id)[-1] == f"request.{action}_refused"


def test_nobody_extends_their_own_grant(world: World) -> None:
    """An approver who holds a grant cannot approve their own extension."""
    asked = world.ask("priya")
    grant = world.grant(world.approve("tomas", asked).grant_id)
    extension = world.extend(grant)
    assert world.approve("priya", extension).state is RequestState.PENDING
    assert world.grant(grant).expires_at == grant.expires_at


@pytest.mark.parametrize("action", [ClickAction.APPROVE, ClickAction.DENY])
@pytest.mark.parametrize("who", ["noah", "ines", "maya"])
def test_only_an_approver_decides(world: World, action: ClickAction, who: str) -> None:
    """Neither bystanders nor administrators nor the requester decide, and Deny is no exception."""
    request = world.ask("maya")
    world.press(who, action, request.id, "because")
    world.run_until_idle()
    assert world.request(request).state is RequestState.PENDING
    assert len(world.notifier.answers(slack_id(who))) == 1


def test_a_denial_needs_a_reason_and_carries_it(world: World) -> None:
    """Without a reason Deny is refused on the field; with one the requester reads it, and nothing is granted."""
    request = world.ask("maya")
    with pytest.raises(FieldRefused):
        world.press("priya", ClickAction.DENY, request.id, "  ")
    denied = world.deny("priya", request, "use read-only: it is enough")
    assert (denied.state, denied.decision_reason) == (RequestState.DENIED, "use read-only: it is enough")
    assert world.notifier.notices(slack_id("maya")) == [NoticeKind.DENIED]
    assert list(world.ctx.store.grants()) == []


@pytest.mark.parametrize("how", ["denied", "cancelled", "expired"])
def test_a_stale_button_decides_nothing(world: World, how: str) -> None:
    """On a request that is closed, a press is refused at once and says what became of it."""
    request = world.ask("maya")
    if how == "denied":
        world.deny("tomas", request)
    elif how == "cancelled":
        asking.withdraw(world.ctx, requester=slack_id("maya"), request_id=request.id)
    else:
        world.advance(timedelta(hours=24))
    assert world.request(request).state == how
    with pytest.raises(Refused, match=f"already {how}"):
        world.press("priya", ClickAction.APPROVE, request.id)
    assert world.request(request).state == how


def test_a_press_after_the_time_counts_for_nothing_even_where_nobody_closed_it(world: World) -> None:
    """With every clock stopped, a press after the request's time expires it instead of deciding it."""
    request = world.ask("maya")
    world.clock.move(timedelta(hours=24))
    click = world.press("priya", ClickAction.APPROVE, request.id)
    working.run(world.ctx, Work(WorkKind.CLICK, click.id))
    world.run_until_idle()
    assert world.request(request).state is RequestState.EXPIRED
    assert world.notifier.notices(slack_id("maya")) == [NoticeKind.EXPIRED]
    assert "expired" in world.notifier.answers(slack_id("priya"))[0]


def test_a_request_that_nobody_decides_expires(world: World) -> None:
    """After a day it is closed, logged and told, and its card says so."""
    request = world.ask("maya")
    world.advance(timedelta(hours=24))
    assert world.request(request).state is RequestState.EXPIRED
    assert world.actions(request.id)[-1] == "request.expired"
    assert world.notifier.notices(slack_id("maya")) == [NoticeKind.EXPIRED]
    assert world.notifier.cards[-1].request.state is RequestState.EXPIRED


def test_a_replayed_press_is_the_same_press(world: World) -> None:
    """The same delivery of a press, again or much later, changes nothing and is no refusal."""
    request = world.ask("maya")
    first = world.press("priya", ClickAction.APPROVE, request.id, press_id="p1")
    assert world.press("priya", ClickAction.APPROVE, request.id, press_id="p1").id == first.id
    world.run_until_idle()
    assert world.press("priya", ClickAction.APPROVE, request.id, press_id="p1").done
    world.run_until_idle()
    assert len(list(world.ctx.store.grants())) == 1
    assert len(world.notifier.answers(slack_id("priya"))) == 1


def test_a_replayed_press_keeps_its_first_meaning(world: World) -> None:
    """The same delivery id with another content decides what it decided first."""
    request, other = world.ask("maya"), world.ask("noah")
    world.press("priya", ClickAction.DENY, request.id, "no", press_id="p1")
    world.press("priya", ClickAction.APPROVE, other.id, press_id="p1")
    world.run_until_idle()
    assert world.request(request).state is RequestState.DENIED
    assert world.request(other).state is RequestState.PENDING


def test_while_google_is_away_nobody_is_believed(world: World) -> None:
    """A press while Google cannot say who is an approver is kept, the card says what it waits for, then it counts."""
    request = world.ask("maya")
    world.google.fail("holds", times=None)
    assert world.approve("priya", request).state is RequestState.PENDING
    assert world.request(request).waiting_for == "Google"
    assert world.notifier.cards[-1].request.waiting_for == "Google"
    world.google.recover()
    world.advance(timedelta(seconds=15))
    assert world.request(request).state is RequestState.APPROVED
    assert world.request(request).waiting_for == ""


@pytest.mark.parametrize(
    "error",
    [
        Missing("Google", "members.hasMember", "There is no such group.", what="group"),
        NotAuthorised("Google", "members.hasMember", "Not allowed to read it."),
    ],
)
def test_a_group_that_cannot_be_read_makes_nobody_an_approver(world: World, error: Exception) -> None:
    """Where the approvers' group is missing or forbidden, the press is refused; whoever is named directly still can."""
    request = world.ask("maya")
    world.google.fail("holds", times=None, error=error)  # type: ignore[arg-type] # both are of a vendor
    assert world.approve("priya", request).state is RequestState.PENDING
    assert world.notifier.answers(slack_id("priya")) == [str(error)]
    assert world.approve("cto", request).state is RequestState.APPROVED


def test_operators_hear_of_a_group_that_may_not_be_read(world: World) -> None:
    """A press refused for our own lack of rights is told to the operators."""
    request = world.ask("maya")
    world.google.fail("holds", times=None, error=NotAuthorised("Google", "members.hasMember", "Not allowed."))
    world.approve("priya", request)
    assert world.notifier.posted == [AlertKind.NOT_AUTHORISED]


def test_a_missing_group_beside_a_good_one_does_no_harm(world: World) -> None:
    """One approver group that does not exist does not shut out who is in another one."""
    set_approvers(world, "production-admin", Selector(SelectorKind.GROUP, "gone@example.com"), LEADS)
    assert world.approve("priya", world.ask("maya")).state is RequestState.APPROVED


def test_a_slack_user_group_approves(world: World) -> None:
    """A Slack user group as approvers is asked live."""
    set_approvers(world, "production-admin", Selector(SelectorKind.SLACK_USERGROUP, "S1"))
    world.slack.groups["S1"] = frozenset({slack_id("tomas")})
    request = world.ask("maya")
    assert world.approve("priya", request).state is RequestState.PENDING
    assert world.approve("tomas", request).state is RequestState.APPROVED


def test_a_suspended_approver_decides_nothing(world: World) -> None:
    """Whoever is suspended at Google since cannot approve with a Slack session that is still open."""
    request = world.ask("maya")
    world.google.change_user(email("priya"), suspended=True)
    assert world.approve("priya", request).state is RequestState.PENDING
    assert "suspended" in world.notifier.answers(slack_id("priya"))[0]


def test_what_left_the_catalog_is_not_approved(world: World) -> None:
    """An entitlement that was taken out since it was asked for is closed at the press, and both are told."""
    request = world.ask("maya")
    world.catalog.publish(company.without(world.catalog.now, "production-admin"))
    world.catalog.refresh()
    closed = world.approve("priya", request)
    assert (closed.state, closed.decided_by) == (RequestState.DENIED, "accessbot")
    assert world.notifier.notices(slack_id("maya")) == [NoticeKind.REFUSED]
    assert "no longer in the catalog" in world.notifier.answers(slack_id("priya"))[0]


def test_a_shorter_maximum_holds_for_what_was_asked_before(world: World) -> None:
    """A policy made stricter since closes a request that is too long for it now."""
    request = world.ask("maya", duration="8h")
    old = world.catalog.now.entitlements["production-admin"]
    world.catalog.publish(company.having(world.catalog.now, replace(old, policy=company.policy(hours=4))))
    world.catalog.refresh()
    assert world.approve("priya", request).state is RequestState.DENIED
    assert list(world.ctx.store.grants()) == []


def test_another_group_since_the_approval_is_not_granted(world: World) -> None:
    """Where the catalog moved an entitlement to another group between approval and provisioning, nothing is granted."""
    request = world.ask("maya")
    click = world.press("priya", ClickAction.APPROVE, request.id)
    working.run(world.ctx, Work(WorkKind.CLICK, click.id))
    old = world.catalog.now.entitlements["production-admin"]
    world.catalog.now = company.having(world.catalog.now, replace(old, group="aws-payments-admin@example.com"))
    world.run_until_idle()
    grant = world.grant(world.request(request).grant_id)
    assert grant.state is GrantState.PROVISION_FAILED
    assert "no longer offers" in grant.failure
    assert world.sides("maya", "payments-admin") == (False, False)


@pytest.mark.parametrize("action", [ClickAction.APPROVE, ClickAction.REVOKE])
def test_whoever_pressed_while_google_is_away_reads_that_it_is_kept(world: World, action: ClickAction) -> None:
    """A press that cannot be judged yet is answered once with that, and with its outcome when it was."""
    subject = world.ask("maya").id if action is ClickAction.APPROVE else world.granted().id
    before = len(world.notifier.answers(slack_id("priya")))
    world.google.fail("*", times=None)
    world.press("priya", action, subject)
    world.advance(MINUTE)
    waiting = world.notifier.answers(slack_id("priya"))[before:]
    assert len(waiting) == 1
    assert waiting[0].startswith("Waiting for Google: your press is kept")
    world.google.recover()
    world.advance(MINUTE)
    assert len(world.notifier.answers(slack_id("priya"))) == before + 2
    assert world.sides("maya") == ((True, True) if action is ClickAction.APPROVE else (False, False))
