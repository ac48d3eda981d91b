"""Asking: what is refused on the field, what is refused after a look, and what reaches the approvers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from accessbot.domain import rules
from accessbot.domain.durations import parse_duration
from accessbot.domain.errors import FieldRefused, NotAuthorised, Refused, Rejected, StoreUnavailable, Unavailable
from accessbot.domain.model import GrantState, RequestState, Selector, SelectorKind
from accessbot.domain.notices import Answer, NoticeKind
from accessbot.service import asking
from tests.support import company
from tests.support.company import CTO, LEADS, email, slack_id
from tests.support.watch import Step
from tests.support.world import World

GUEST = "Guests of the workspace cannot hold or decide on AWS access."


def under(world: World, **given: object) -> None:
    """Change the policy of production-admin."""
    old = world.catalog.now.entitlements["production-admin"]
    changed = replace(old.policy, **given)  # type: ignore[arg-type] # fields of a policy
    world.catalog.now = company.having(world.catalog.now, replace(old, policy=changed))


@pytest.mark.parametrize(
    ("entitlement", "duration", "reason", "field"),
    [
        ("production-admim", "1h", "why", "access"),
        ("", "1h", "why", "access"),
        ("production-admin", "9h", "why", "duration"),
        ("production-admin", "1h", " \n ", "reason"),
        ("production-admin", "1h", "x" * 1001, "reason"),
    ],
)
def test_what_cannot_be_asked_is_refused_on_its_field(
    world: World, entitlement: str, duration: str, reason: str, field: str
) -> None:
    """Each mistake is said on the field it belongs to; nothing is stored but the refusal."""
    with pytest.raises(FieldRefused) as refusal:
        world.ask("maya", entitlement, duration, reason)
    assert refusal.value.field == field
    assert list(world.ctx.store.requests()) == []
    assert [e.action for e in world.ctx.store.audit()] == ["request.refused"]


def test_a_misspelt_name_is_answered_with_the_near_ones(world: World) -> None:
    """A name close to one of the catalog is answered with that one."""
    with pytest.raises(FieldRefused, match="Did you mean production-admin"):
        world.ask("maya", "production-admim")


def test_a_double_submit_is_one_request(world: World) -> None:
    """The same form sent twice, even with another content the second time, is the first request."""
    first = world.ask("maya", ask_id="view-1", reason="first")
    second = world.ask("maya", ask_id="view-1", reason="second")
    assert (second.id, second.reason) == (first.id, "first")
    assert len(list(world.ctx.store.requests())) == 1
    assert world.actions(first.id) == ["request.submitted", "request.announced"]
    assert len(world.notifier.cards) == 1


def test_the_same_form_id_of_two_people_is_two_requests(world: World) -> None:
    """An id that two people send makes a request of each."""
    assert world.ask("maya", ask_id="view-1").id != world.ask("noah", ask_id="view-1").id


def test_a_guest_reaches_no_approver(world: World) -> None:
    """Whom Slack does not vouch for is refused, in their own place, and no card is posted."""
    world.slack.refused[slack_id("maya")] = GUEST
    request = asking.ask(
        world.ctx,
        ask_id="f",
        requester=slack_id("maya"),
        entitlement="production-admin",
        duration=parse_duration("1h"),
        reason="why",
        answer_to="C1",
    )
    world.run_until_idle()
    assert world.request(request).state is RequestState.DENIED
    assert world.request(request).decided_by == "accessbot"
    assert [t.answer_to for t in world.notifier.told if isinstance(t.said, Answer)] == ["C1"]
    assert world.notifier.cards == []


@pytest.mark.parametrize("what", ["unknown", "suspended", "archived", "not in aws"])
def test_whom_a_vendor_does_not_know_is_refused_with_the_reason(world: World, what: str) -> None:
    """No Google user, a suspended or archived one, or no user in AWS: refused before anybody is bothered."""
    if what == "unknown":
        world.google.delete_user(email("maya"))
    elif what == "not in aws":
        world.aws.delete_user(world.aws_ids["maya"])
    else:
        world.google.change_user(email("maya"), **{what: True})
    request = world.ask("maya")
    assert request.state is RequestState.DENIED
    assert world.notifier.cards == []
    assert world.notifier.notices(slack_id("maya")) == [NoticeKind.REFUSED]
    assert ("AWS" if what == "not in aws" else "Google") in request.decision_reason


def test_whom_the_policy_does_not_list_is_refused(world: World) -> None:
    """A policy for some refuses the others."""
    under(world, requesters=(LEADS,))
    assert world.ask("maya").state is RequestState.DENIED
    assert world.ask("tomas").state is RequestState.PENDING


@pytest.mark.parametrize(
    ("approvers", "approvals", "who", "goes_on"),
    [
        ((CTO,), 1, "maya", True),
        ((CTO,), 1, "cto", False),
        ((CTO,), 2, "maya", False),
        ((LEADS,), 2, "maya", True),
        ((LEADS,), 2, "priya", False),
        ((LEADS,), 1, "priya", True),
        ((Selector(SelectorKind.GROUP, "gone@example.com"),), 1, "maya", False),
        ((Selector(SelectorKind.GROUP, "gone@example.com"), CTO), 1, "maya", True),
        ((Selector(SelectorKind.SLACK_USERGROUP, "S-empty"),), 1, "maya", False),
        ((company.EVERYONE,), 5, "maya", True),
    ],
)
def test_a_request_that_nobody_can_approve_is_not_made(
    world: World,
    approvers: tuple[Selector, ...],
    approvals: int,
    who: str,
    goes_on: bool,  # noqa: FBT001 - a column
) -> None:
    """Fewer people than it takes beside the requester: refused at once; a missing group counts for nobody."""
    world.slack.groups["S-empty"] = frozenset()
    under(world, steps=(rules.Step(approvers=approvers, approvals=approvals),))
    assert world.ask(who).state is (RequestState.PENDING if goes_on else RequestState.DENIED)


@pytest.mark.parametrize("kind", [NotAuthorised, Rejected])
def test_an_approver_group_that_cannot_be_listed_does_not_shut_out_the_others(
    world: World, kind: type[NotAuthorised | Rejected]
) -> None:
    """With one group forbidden or refused, whoever is in another one can still be asked."""
    under(world, steps=(rules.Step(approvers=(company.SECURITY, LEADS)),))
    world.google.fail("members", times=1, error=kind("Google", "members.list", "No."))
    assert world.ask("maya").state is RequestState.PENDING


def test_a_nested_approver_group_is_never_taken_for_empty(world: World) -> None:
    """A group that holds a group may hold anybody: its listing proves nothing."""
    world.google.add_group("nested@example.com")
    world.google.put("nested@example.com", LEADS.value)
    under(world, steps=(rules.Step(approvers=(Selector(SelectorKind.GROUP, "nested@example.com"),)),))
    request = world.ask("maya")
    assert request.state is RequestState.PENDING
    assert world.approve("priya", request).state is RequestState.APPROVED


def test_while_a_vendor_is_away_a_request_waits(world: World) -> None:
    """Kept, told once for whom it waits, and announced when the vendor is back."""
    world.google.fail("*", times=None)
    request = world.ask("maya")
    assert (request.announced, request.waiting_for) == (False, "Google")
    world.advance(timedelta(minutes=1))
    assert world.notifier.notices(slack_id("maya")) == [NoticeKind.WAITING]
    assert world.notifier.cards == []
    world.google.recover()
    world.advance(timedelta(seconds=15))
    assert world.request(request).announced


def test_while_slack_cannot_vouch_a_request_waits(world: World) -> None:
    """Slack's own trouble is no refusal."""
    world.slack.trouble = Unavailable("Slack", "users.info", "Slack is down.")
    request = world.ask("maya")
    assert (request.state, request.waiting_for) == (RequestState.PENDING, "Slack")
    world.slack.trouble = None
    world.advance(timedelta(seconds=15))
    assert world.request(request).announced


def test_aws_away_does_not_hold_up_the_asking(world: World) -> None:
    """What AWS knows is checked again at provisioning, so a request is announced without it."""
    world.aws.fail("find_user", times=None)
    assert world.ask("maya").announced


def test_operators_hear_when_a_request_is_refused_for_our_own_lack_of_rights(world: World) -> None:
    """The requester reads that it cannot be told, and the operators hear of it."""
    world.google.fail("user", error=NotAuthorised("Google", "users.get", "Google does not let us look."))
    assert world.ask("maya").state is RequestState.DENIED
    assert world.notifier.posted == ["not_authorised"]


def test_a_request_is_withdrawn_by_its_requester_alone(world: World) -> None:
    """Cancelling closes one's own request, twice is fine; somebody else's or a decided one is refused."""
    request = world.ask("maya")
    with pytest.raises(Refused, match="not yours"):
        asking.withdraw(world.ctx, requester=slack_id("noah"), request_id=request.id)
    for _ in range(2):
        done = asking.withdraw(world.ctx, requester=slack_id("maya"), request_id=request.id)
        assert done.state is RequestState.CANCELLED
    world.run_until_idle()
    assert world.actions(request.id).count("request.cancelled") == 1
    assert world.due_of(request.id) == []
    decided = world.approve("priya", world.ask("maya"))
    with pytest.raises(Refused, match="already approved"):
        asking.withdraw(world.ctx, requester=slack_id("maya"), request_id=decided.id)


def test_a_withdrawal_and_an_approval_at_once_have_one_outcome(world: World) -> None:
    """Withdrawn while a worker looks the approver up: nothing is granted, and the approver is told."""
    request = world.ask("maya")

    def meanwhile(step: Step) -> None:
        if step.method == "holds":
            world.watch.rest()
            asking.withdraw(world.ctx, requester=slack_id("maya"), request_id=request.id)

    world.watch.before = meanwhile
    assert world.approve("priya", request).state is RequestState.CANCELLED
    assert list(world.ctx.store.grants()) == []
    assert "already cancelled" in world.notifier.answers(slack_id("priya"))[0]


def test_asking_calls_no_vendor(world: World) -> None:
    """What happens before an acknowledgement is a few round trips to the store, and nothing else."""
    world.watch.steps.clear()
    asking.ask(
        world.ctx,
        ask_id="f",
        requester=slack_id("maya"),
        entitlement="production-admin",
        duration=parse_duration("1h"),
        reason="why",
    )
    assert {step.whom for step in world.watch.steps} == {"store"}
    assert len(world.watch.steps) <= 3  # the time, what waits already, and the write


def test_a_store_that_is_away_is_said_and_nothing_is_kept(world: World) -> None:
    """Nothing is decided or kept from memory."""

    def away(_: Step) -> None:
        msg = "not now"
        raise StoreUnavailable(msg)

    world.watch.before = away
    with pytest.raises(StoreUnavailable):
        world.ask("maya")
    world.watch.rest()
    world.run_until_idle()
    assert list(world.ctx.store.requests()) == []


def test_whoever_lost_the_right_between_approval_and_access_gets_none(world: World) -> None:
    """The requester is looked at again before anything is granted."""
    request = world.ask("maya")

    def meanwhile(step: Step) -> None:
        if step.method == "find_user":
            world.watch.rest()
            world.google.change_user(email("maya"), suspended=True)

    world.google.change_user(email("maya"), suspended=False)
    world.aws.fail("find_user", times=1)
    world.watch.before = meanwhile
    world.approve("priya", request)
    world.advance(timedelta(seconds=10))
    grant = world.grant(world.request(request).grant_id)
    assert grant.state is GrantState.PROVISION_FAILED
    assert "suspended" in grant.failure
    assert world.sides("maya") == (False, False)
