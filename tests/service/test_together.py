"""Several at once, for a colleague, for later, and decisions that say more than yes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessbot.domain.errors import FieldRefused, Refused
from accessbot.domain.model import ClickAction, EndCause, GrantState, Request, RequestState
from accessbot.domain.notices import NoticeKind
from accessbot.service import answering, asking, delegating, ending, pressing
from tests.service.emergencies import HALF_AN_HOUR, allow, review_of
from tests.service.policies import HOUR, MINUTE, ask, press, told, two_steps, under
from tests.support.company import email, slack_id
from tests.support.world import World

BOTH = ("production-admin", "payments-admin")


def together(world: World, who: str = "maya", *entitlements: str) -> tuple[Request, ...]:
    """Ask for several things at once."""
    asked = asking.ask_many(
        world.ctx,
        ask_id=world.unique(),
        requester=slack_id(who),
        entitlements=entitlements or BOTH,
        duration=HOUR,
        reason="INC-42",
    )
    world.run_until_idle()
    return tuple(world.request(each) for each in asked)


def test_several_are_asked_for_together_and_decided_apart(world: World) -> None:
    """Each has its own approvers and its own outcome."""
    admin, paid = together(world)
    assert admin.bundle == paid.bundle != ""
    press(world, "priya", ClickAction.APPROVE, admin)
    press(world, "tomas", ClickAction.DENY, paid, reason="not this")
    assert [world.request(each).state for each in (admin, paid)] == [RequestState.APPROVED, RequestState.DENIED]


def test_several_are_decided_by_one_press(world: World) -> None:
    """Each is still judged by itself: the one that takes two people waits for the second."""
    admin, paid = together(world)
    pressing.press_all(
        world.ctx, press_id="p", action=ClickAction.APPROVE, bundle=admin.bundle, actor=slack_id("priya")
    )
    world.run_until_idle()
    assert world.request(admin).state is RequestState.APPROVED
    assert (world.request(paid).state, len(world.request(paid).votes)) == (RequestState.PENDING, 1)
    pressing.press_all(
        world.ctx, press_id="q", action=ClickAction.DENY, bundle=admin.bundle, actor=slack_id("tomas"), reason="no"
    )
    world.run_until_idle()
    assert world.request(paid).state is RequestState.DENIED
    with pytest.raises(Refused, match="decided already"):
        pressing.press_all(
            world.ctx, press_id="r", action=ClickAction.APPROVE, bundle=admin.bundle, actor=slack_id("priya")
        )


def test_the_other_cards_tell_how_many_wait_still(world: World) -> None:
    """When one is decided the others are shown anew."""
    admin, paid = together(world)
    press(world, "priya", ClickAction.DENY, admin, reason="no")
    last = [card for card in world.notifier.cards if card.request.id == paid.id][-1]
    assert [other.state for other in last.bundle] == [RequestState.DENIED]


def test_a_colleague_is_not_flooded(world: World) -> None:
    """What waits for somebody to confirm counts towards what may wait for them."""
    for _ in range(50):
        asking.ask(
            world.ctx,
            ask_id=world.unique(),
            requester=slack_id("noah"),
            entitlement="production-admin",
            duration=HOUR,
            reason="so",
            asked_by=slack_id("maya"),
        )
    with pytest.raises(Refused, match="50 requests"):
        ask(world, "noah", asked_by=slack_id("priya"))


def test_nothing_is_asked_for_unless_all_can_be(world: World) -> None:
    """One wrong name, or one that does not allow that long, stores none of them."""
    with pytest.raises(FieldRefused):
        together(world, "maya", "production-admin", "no-such")
    with pytest.raises(FieldRefused):
        asking.ask_many(
            world.ctx,
            ask_id="x",
            requester=slack_id("maya"),
            entitlements=BOTH,
            duration=5 * HOUR,
            reason="why",
        )
    assert list(world.ctx.store.requests()) == []


def test_the_same_form_twice_is_the_same_requests(world: World) -> None:
    """A delivery that comes again asks for nothing more."""
    for _ in range(2):
        asking.ask_many(
            world.ctx, ask_id="one", requester=slack_id("maya"), entitlements=BOTH, duration=HOUR, reason="why"
        )
    assert len(list(world.ctx.store.requests())) == 2


# --- for a colleague


def for_noah(world: World) -> Request:
    """Have maya ask on noah's behalf."""
    return ask(world, "noah", asked_by=slack_id("maya"))


def test_a_colleague_confirms_first(world: World) -> None:
    """Nobody is asked to decide before; then it is theirs, and they hold it."""
    request = for_noah(world)
    assert (request.unconfirmed, request.announced) == (True, False)
    assert world.notifier.notices(slack_id("noah")) == [NoticeKind.CONFIRM]
    with pytest.raises(Refused):
        asking.confirm(world.ctx, requester=slack_id("maya"), request_id=request.id)
    for _ in range(2):
        asking.confirm(world.ctx, requester=slack_id("noah"), request_id=request.id)
    world.run_until_idle()
    press(world, "priya", ClickAction.APPROVE, request)
    assert world.sides("noah") == (True, True)
    assert world.sides("maya") == (False, False)
    assert world.actions(request.id)[:3] == ["request.submitted", "request.confirmed", "request.announced"]


@pytest.mark.parametrize("who", ["maya", "noah"])
def test_either_of_them_can_take_it_back(world: World, who: str) -> None:
    """Declining is withdrawing; it is then closed for both."""
    request = for_noah(world)
    asking.withdraw(world.ctx, requester=slack_id(who), request_id=request.id)
    with pytest.raises(Refused):
        asking.confirm(world.ctx, requester=slack_id("noah"), request_id=request.id)
    assert world.request(request).state is RequestState.CANCELLED


def test_an_unconfirmed_request_expires(world: World) -> None:
    """It does not wait for ever."""
    request = for_noah(world)
    world.advance(25 * HOUR)
    assert world.request(request).state is RequestState.EXPIRED


def test_whoever_asked_for_a_colleague_does_not_decide(world: World) -> None:
    """An approver who asks on another's behalf leaves the decision to another approver."""
    request = ask(world, "noah", asked_by=slack_id("priya"))
    asking.confirm(world.ctx, requester=slack_id("noah"), request_id=request.id)
    world.run_until_idle()
    press(world, "priya", ClickAction.APPROVE, request)
    assert "your own request" in told(world, "priya")
    press(world, "tomas", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.APPROVED


def test_nobody_asks_for_themselves_as_for_another(world: World) -> None:
    """The field says to leave it out; and an emergency is one's own."""
    with pytest.raises(FieldRefused, match="That is you"):
        ask(world, asked_by=slack_id("maya"))


# --- for later


def test_access_that_begins_later(world: World) -> None:
    """Approved now, nothing is written anywhere before its time; then it is there for just as long as asked."""
    starts = world.clock.now + 5 * HOUR
    request = ask(world, not_before=starts)
    press(world, "priya", ClickAction.APPROVE, request)
    grant = world.grant(world.request(request).grant_id)
    assert (grant.state, grant.starts_at, grant.expires_at) == (GrantState.PROVISIONING, starts, starts + HOUR)
    assert world.notifier.last_notice(slack_id("maya")).kind is NoticeKind.SCHEDULED
    world.advance(5 * HOUR - MINUTE)
    assert world.sides("maya") == (False, False)
    world.advance(2 * MINUTE)
    assert world.sides("maya") == (True, True)
    world.advance(HOUR + MINUTE)
    assert world.sides("maya") == (False, False)
    assert world.grant(grant).end_cause is EndCause.EXPIRED


def test_access_that_begins_later_can_be_ended_before(world: World) -> None:
    """Nothing was written, nothing is left, and nothing begins."""
    request = ask(world, not_before=world.clock.now + 5 * HOUR)
    press(world, "priya", ClickAction.APPROVE, request)
    grant = world.grant(world.request(request).grant_id)
    ending.end_access(world.ctx, requester=slack_id("maya"), grant_id=grant.id)
    world.advance(7 * HOUR)
    assert world.grant(grant).ended
    assert world.sides("maya") == (False, False)


def test_a_start_far_ahead_or_long_over_is_refused(world: World) -> None:
    """On its field; one that has just passed is now."""
    for off in (timedelta(days=31), -HOUR):
        with pytest.raises(FieldRefused) as refused:
            ask(world, not_before=world.clock.now + off)
        assert refused.value.field == "starts"
    assert ask(world, not_before=world.clock.now - MINUTE).not_before is None


# --- decisions


def test_approved_for_less_and_with_a_comment(world: World) -> None:
    """The grant is as long as the approver said; what they wrote is kept and logged."""
    request = ask(world, duration="4h")
    press(world, "priya", ClickAction.APPROVE, request, duration=HOUR, reason="an hour will do")
    grant = world.grant(world.request(request).grant_id)
    assert (grant.duration, grant.expires_at - grant.starts_at) == (HOUR, HOUR)
    assert world.request(request).votes[0].comment == "an hour will do"
    assert world.events(request.id)[-1].reason == "an hour will do"


def test_of_two_approvers_the_shorter_time_counts(world: World) -> None:
    """Whichever of them said it."""
    request = ask(world, entitlement="payments-admin", duration="4h")
    press(world, "priya", ClickAction.APPROVE, request, duration=HOUR)
    press(world, "tomas", ClickAction.APPROVE, request, duration=2 * HOUR)
    assert world.grant(world.request(request).grant_id).duration == HOUR


def test_nobody_approves_for_more_than_was_asked(world: World) -> None:
    """More, or less than the shortest grant, counts for nothing."""
    request = ask(world)
    for wrong in (2 * HOUR, timedelta(milliseconds=1)):
        press(world, "priya", ClickAction.APPROVE, request, duration=wrong)
    assert world.request(request).votes == ()


def test_a_question_and_its_answer(world: World) -> None:
    """The requester reads it directly and in the thread; the answer is there too, and the decision is still open."""
    request = ask(world)
    press(world, "noah", ClickAction.ASK, request, reason="let me in?")
    press(world, "priya", ClickAction.ASK, request, reason="Which host?")
    assert world.notifier.last_notice(slack_id("maya")).kind is NoticeKind.QUESTION
    answering.answer(world.ctx, requester=slack_id("maya"), request_id=request.id, text="web-3", answer_id="a")
    world.run_until_idle()
    assert [r.text for r in world.notifier.remarks] == ["Which host?", "web-3"]
    assert [r.text for r in world.request(request).remarks] == ["Which host?", "web-3"]
    press(world, "priya", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.APPROVED


# --- while an approver is away


def test_a_delegate_decides_in_somebodys_stead(world: World) -> None:
    """Between the two dates, and it is written down for whom."""
    under(world, steps=two_steps()[1:])
    delegating.delegate(
        world.ctx,
        person=slack_id("priya"),
        delegate=slack_id("noah"),
        begins=world.clock.now,
        ends=world.clock.now + 2 * HOUR,
    )
    request, later = ask(world), ask(world)
    press(world, "noah", ClickAction.APPROVE, request)
    vote = world.request(request).votes[0]
    assert (vote.approver, vote.for_email) == (slack_id("noah"), email("priya"))
    world.advance(3 * HOUR)
    press(world, "noah", ClickAction.APPROVE, later)
    assert "not an approver" in told(world, "noah")


def test_a_delegate_and_the_one_who_is_away_are_one_person(world: World) -> None:
    """Where two have to agree, they do not make two; nor does a delegate of two count twice."""
    ends = world.clock.now + 9 * HOUR
    for away in ("priya", "tomas"):
        delegating.delegate(
            world.ctx, person=slack_id(away), delegate=slack_id("noah"), begins=world.clock.now, ends=ends
        )
    request = ask(world, entitlement="payments-admin")
    press(world, "noah", ClickAction.APPROVE, request)
    press(world, "noah", ClickAction.APPROVE, request)
    press(world, "priya", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.PENDING
    press(world, "tomas", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.APPROVED


def test_whoever_decided_before_they_went_away_is_not_counted_again(world: World) -> None:
    """Their own yes and their delegate's are one."""
    ends = world.clock.now + 9 * HOUR
    request = ask(world, entitlement="payments-admin")
    press(world, "priya", ClickAction.APPROVE, request)
    delegating.delegate(
        world.ctx, person=slack_id("priya"), delegate=slack_id("noah"), begins=world.clock.now, ends=ends
    )
    press(world, "noah", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.PENDING
    assert (
        told(world, "noah")
        == "The approval of priya@example.com is counted already; another approver has to agree as well."
    )


def test_nobody_decides_on_their_own_request_through_a_delegate(world: World) -> None:
    """Neither does the delegate of the requester, nor the requester as somebody's delegate."""
    now, ends = world.clock.now, world.clock.now + 9 * HOUR
    delegating.delegate(world.ctx, person=slack_id("priya"), delegate=slack_id("noah"), begins=now, ends=ends)
    delegating.delegate(world.ctx, person=slack_id("tomas"), delegate=slack_id("maya"), begins=now, ends=ends)
    own = ask(world, "priya")
    press(world, "noah", ClickAction.APPROVE, own)
    assert world.request(own).state is RequestState.PENDING
    hers = ask(world, "maya")
    press(world, "maya", ClickAction.APPROVE, hers)
    assert world.request(hers).state is RequestState.PENDING


def test_a_policy_can_forbid_delegates(world: World) -> None:
    """Then whoever is away is away."""
    under(world, delegation=False)
    ends = world.clock.now + HOUR
    delegating.delegate(
        world.ctx, person=slack_id("priya"), delegate=slack_id("noah"), begins=world.clock.now, ends=ends
    )
    request = ask(world)
    press(world, "noah", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.PENDING


# --- emergencies


def test_a_pending_request_becomes_an_emergency(world: World) -> None:
    """It is the same request, approved at once for the shorter time, and reviewed."""
    allow(world)
    request = ask(world, duration="4h", reason="slow pages")
    with pytest.raises(FieldRefused):
        asking.make_emergency(
            world.ctx, requester=slack_id("maya"), request_id=request.id, duration=4 * HOUR, reason="INC-1"
        )
    asking.make_emergency(
        world.ctx, requester=slack_id("maya"), request_id=request.id, duration=HALF_AN_HOUR, reason="INC-1 all down"
    )
    world.run_until_idle()
    found = world.request(request)
    assert (found.state, found.emergency, found.ticket) == (RequestState.APPROVED, True, "INC-1")
    grant = world.grant(found.grant_id)
    assert (grant.state, grant.duration, grant.emergency) == (GrantState.ACTIVE, HALF_AN_HOUR, True)
    assert review_of(world, grant).incident == "INC-1"


def test_an_emergency_names_an_incident_and_is_for_those_eligible(world: World) -> None:
    """Anything else is refused, and the normal way stays open."""
    allow(world)
    assert "Name the incident" in ask(world, duration="30m", reason="all is down", emergency=True).decision_reason
    assert "not eligible" in ask(world, "ines", "30m", reason="INC-1", emergency=True).decision_reason
    with pytest.raises(FieldRefused):
        ask(world, duration="2h", reason="INC-1", emergency=True)
    allow(world, None)
    with pytest.raises(FieldRefused, match="no emergency access"):
        ask(world, duration="30m", reason="INC-1", emergency=True)


def test_too_many_emergencies_step_down(world: World) -> None:
    """The fourth within the week is decided the normal way, and its requester hears so."""
    allow(world)
    for _ in range(3):
        assert ask(world, duration="30m", reason="INC-1", emergency=True).state is RequestState.APPROVED
    fourth = ask(world, duration="30m", reason="INC-1", emergency=True)
    assert (fourth.state, fourth.emergency) == (RequestState.PENDING, False)
    assert NoticeKind.STEPPED_DOWN in world.notifier.notices(slack_id("maya"))
    press(world, "priya", ClickAction.APPROVE, fourth)
    assert world.request(fourth).state is RequestState.APPROVED
    world.advance(timedelta(days=8))
    assert ask(world, duration="30m", reason="INC-1", emergency=True).state is RequestState.APPROVED
