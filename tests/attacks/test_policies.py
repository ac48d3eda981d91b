"""Attacks on policies: more time, or access at another time, than rules, limits and approvers allow."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest

from accessbot.domain.durations import parse_duration
from accessbot.domain.errors import FieldRefused, Refused, Rejected
from accessbot.domain.model import (
    ClickAction,
    Grant,
    GrantState,
    Record,
    Request,
    RequestState,
    Selector,
    SelectorKind,
)
from accessbot.domain.notices import NoticeKind
from accessbot.domain.oncall import Schedule, UserGroup
from accessbot.domain.rules import Condition, Effect, Hours, Rule, Step, Ticket
from accessbot.ports import Change
from accessbot.service import asking, pressing
from accessbot.service.context import new_id
from tests.service.emergencies import BREAK_GLASS, HALF_AN_HOUR, allow
from tests.service.policies import HOUR, MINUTE, approves, ask, denies, press, ruled, told, under, user
from tests.support.company import LEADS, email, slack_id
from tests.support.watch import Step as Watched
from tests.support.world import World

DAY = timedelta(days=1)


def hours(world: World, begins: timedelta, ends: timedelta) -> tuple[Hours, ...]:
    """Give the hours of a day that lie from `begins` to `ends` after now."""
    now = world.clock.now
    first, last = ((now + by).time().replace(second=0, microsecond=0) for by in (begins, ends))
    return (Hours(begins=first, ends=last, zone=ZoneInfo("UTC")),)


def _put(record: Record) -> Change:
    """Make the change that stores a record as it is."""
    return Change(op=new_id("test"), puts=(record,))


def approved(world: World, request: Request, by: str = "priya") -> Grant:
    """Have somebody approve, and give the grant as it is then."""
    press(world, by, ClickAction.APPROVE, request)
    found = world.request(request)
    assert found.state is RequestState.APPROVED, found.decision_reason
    return world.grant(found.grant_id)


# --- more of what is held


def test_a_deny_rule_about_long_access_counts_all_extensions(world: World) -> None:
    """Who may have four hours does not get eight in two bites."""
    ruled(world, denies(above=4 * HOUR))
    grant = approved(world, ask(world, duration="4h"))
    assert world.extend(grant, "1h").state is RequestState.DENIED
    assert world.grant(grant).expires_at == grant.expires_at


def test_a_rule_about_long_access_decides_an_extension_that_makes_it_long(world: World) -> None:
    """The one more hour that makes it too long for one approver takes two."""
    two = under(world, "payments-admin")
    ruled(world, Rule(name="long", effect=Effect.POLICY, policy=two, when=Condition(above=2 * HOUR)))
    grant = approved(world, ask(world, duration="2h"))
    extension = world.extend(grant, "1h")
    assert (extension.policy, extension.rule) == ("two-people", "long")
    press(world, "priya", ClickAction.APPROVE, extension)
    assert world.request(extension).state is RequestState.PENDING


def test_extensions_do_not_pass_the_maximum_of_the_policy_that_decides(world: World) -> None:
    """Its maximum is for all of it together, as that of the entitlement's own policy."""
    two = under(world, "payments-admin")
    ruled(world, Rule(name="always", effect=Effect.POLICY, policy=two, when=Condition()))
    request = ask(world, duration="4h")
    press(world, "priya", ClickAction.APPROVE, request)
    grant = approved(world, request, "tomas")
    extension = world.extend(grant, "1h")
    assert extension.state is RequestState.DENIED
    assert "at most 4 h" in extension.decision_reason


def test_what_is_held_for_a_shift_cannot_be_extended(world: World) -> None:
    """It ends with the shift, whatever an old form says."""
    grant = approved(world, ask(world))
    held = replace(grant, schedule="web")
    world.ctx.store.commit(_put(held))
    with pytest.raises(Refused, match="on call"):
        world.extend(held, "1h")


# --- later


def test_a_deny_rule_about_hours_counts_for_the_time_at_which_access_begins(world: World) -> None:
    """Asked for while it is open, for a time at which it is closed."""
    ruled(world, denies(hours=hours(world, 10 * MINUTE, HOUR)))
    request = ask(world, not_before=world.clock.now + 20 * MINUTE)
    assert request.state is RequestState.DENIED
    assert "Production is closed." in request.decision_reason


def test_two_people_at_night_are_two_people_for_what_begins_at_night(world: World) -> None:
    """Asking by day for the night takes what the night takes."""
    two = under(world, "payments-admin")
    night = Condition(hours=hours(world, 10 * MINUTE, HOUR))
    ruled(world, Rule(name="night", effect=Effect.POLICY, policy=two, when=night))
    request = ask(world, not_before=world.clock.now + 20 * MINUTE)
    assert request.policy == "two-people"
    press(world, "priya", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.PENDING


def test_a_deny_rule_that_came_meanwhile_counts_when_scheduled_access_begins(world: World) -> None:
    """What was allowed days ago is looked at again before anything is written."""
    grant = approved(world, ask(world, not_before=world.clock.now + 2 * DAY))
    ruled(world, denies())
    world.advance(2 * DAY + MINUTE)
    found = world.grant(grant)
    assert found.state is GrantState.PROVISION_FAILED
    assert "Production is closed." in found.failure
    assert world.sides("maya") == (False, False)


def test_being_on_call_now_does_not_approve_what_begins_after_the_shift(world: World) -> None:
    """A rule that approves has to approve when the access begins as well."""
    world.slack.groups["S1"] = frozenset({slack_id("maya")})
    schedule = Schedule(name="web", source=UserGroup(id="S1"))
    world.catalog.now = replace(world.catalog.now, schedules=MappingProxyType({"web": schedule}))
    ruled(world, approves(requesters=(Selector(SelectorKind.ON_CALL, "web"),)))
    grant = world.grant(ask(world, not_before=world.clock.now + 2 * DAY).grant_id)
    world.slack.groups["S1"] = frozenset({slack_id("noah")})
    world.advance(2 * DAY + MINUTE)
    assert world.grant(grant).state is GrantState.PROVISION_FAILED
    assert world.sides("maya") == (False, False)


def test_what_a_rule_approved_for_later_begins_while_it_still_approves(world: World) -> None:
    """The second look takes nothing from whom the rule still covers."""
    ruled(world, approves(requesters=(user("maya"),)))
    grant = world.grant(ask(world, not_before=world.clock.now + 2 * DAY).grant_id)
    world.advance(2 * DAY + MINUTE)
    assert world.grant(grant).state is GrantState.ACTIVE


# --- a total per day, and a pause


def test_several_that_begin_later_cannot_pass_the_total_together(world: World) -> None:
    """What was approved and did not begin yet is still to come, so it counts."""
    under(world, per_day=2 * HOUR)
    now = world.clock.now
    approved(world, ask(world, duration="2h", not_before=now + 10 * HOUR))
    other = ask(world, duration="2h", not_before=now + 13 * HOUR)
    assert other.state is RequestState.DENIED
    assert "2 h in 24 hours" in other.decision_reason
    assert ask(world, duration="1h").state is RequestState.DENIED


def test_a_total_per_day_is_about_the_day_on_which_access_begins(world: World) -> None:
    """What is scheduled for next week leaves today as it is, and the other way round."""
    under(world, per_day=2 * HOUR)
    approved(world, ask(world, duration="2h"))
    approved(world, ask(world, duration="2h", not_before=world.clock.now + 7 * DAY))
    assert ask(world, duration="1h", not_before=world.clock.now + 3 * DAY).state is RequestState.PENDING


def test_a_pause_cannot_be_skipped_by_asking_before_the_end(world: World) -> None:
    """While it is held, nothing can be asked for that begins before the pause after it is over."""
    under(world, cool_down=30 * MINUTE)
    grant = approved(world, ask(world))
    soon, later = grant.expires_at + MINUTE, grant.expires_at + 31 * MINUTE
    assert "wants 30 min between" in ask(world).decision_reason
    assert ask(world, not_before=soon).state is RequestState.DENIED
    assert ask(world, not_before=later).state is RequestState.PENDING


# --- tickets


def test_a_ticket_that_is_needed_by_now_is_needed_at_the_press(world: World) -> None:
    """Asked for by day without a ticket, approved at night when the rule wants one."""
    ticket = Ticket(pattern=r"OPS-\d+")
    night = Condition(hours=hours(world, 10 * MINUTE, HOUR))
    ruled(world, Rule(name="night", effect=Effect.POLICY, when=night, ticket=ticket))
    without, having = ask(world), ask(world, reason="OPS-3")
    world.advance(20 * MINUTE)
    press(world, "priya", ClickAction.APPROVE, without)
    assert world.request(without).state is RequestState.DENIED
    assert "needs a ticket" in told(world, "priya")
    assert approved(world, having).state is GrantState.ACTIVE


def test_a_ticket_that_was_allowed_is_not_asked_about_at_every_press(world: World) -> None:
    """It was checked when it was asked for, so a ticket system that is away holds up no approval."""
    under(world, ticket=Ticket(pattern=r"OPS-\d+", check="https://tickets.example.com/check"))
    request = ask(world, reason="OPS-3")
    approved(world, request)
    assert world.ctx.tickets.asked == [("OPS-3", request.id)]  # type: ignore[attr-defined]  # the fake's own


# --- who decides


def test_who_joins_a_group_that_was_empty_when_the_step_began_does_not_decide(world: World) -> None:
    """Nobody could decide then, so whoever adds themselves cannot either."""
    world.google.add_group("second@example.com")
    world.google.put("second@example.com", email("tomas"))
    second = Step(approvers=(Selector(SelectorKind.GROUP, "second@example.com"),))
    under(world, steps=(Step(approvers=(LEADS,)), second))
    request = ask(world)
    world.google.drop("second@example.com", email("tomas"))
    press(world, "priya", ClickAction.APPROVE, request)
    assert world.request(request).step == 1
    world.google.put("second@example.com", email("noah"))
    press(world, "noah", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.PENDING
    assert "became an approver after" in told(world, "noah")


def test_who_asked_for_a_colleague_does_not_decide_by_another_account(world: World) -> None:
    """A second Slack account of the same Google user is the same person."""
    request = ask(world, asked_by=slack_id("priya"))
    asking.confirm(world.ctx, requester=slack_id("maya"), request_id=request.id)
    world.run_until_idle()
    world.slack.people["U_SECOND"] = replace(world.slack.people[slack_id("priya")], id="U_SECOND")
    click = pressing.press(world.ctx, press_id="p", action=ClickAction.APPROVE, subject=request.id, actor="U_SECOND")
    world.run_until_idle()
    assert world.request(request).state is RequestState.PENDING
    found = world.ctx.store.click(click.id)
    assert found is not None
    assert "your own request" in found.sentence


def test_who_asked_for_a_colleague_does_not_count_as_somebody_who_could_decide(world: World) -> None:
    """With no other approver it is refused at once, as nobody could ever approve it."""
    under(world, steps=(Step(approvers=(user("priya"),)),))
    request = ask(world, asked_by=slack_id("priya"))
    asking.confirm(world.ctx, requester=slack_id("maya"), request_id=request.id)
    world.run_until_idle()
    assert world.request(request).state is RequestState.DENIED


def test_a_press_of_somebody_who_may_not_decide_closes_nothing(world: World) -> None:
    """While a rule denies what waits, only those who may decide bring that about."""
    request = ask(world)
    ruled(world, denies())
    press(world, "noah", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.PENDING
    assert "not an approver" in told(world, "noah")
    press(world, "priya", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.DENIED


def test_a_press_on_all_holds_for_those_that_still_wait_when_one_is_decided_meanwhile(world: World) -> None:
    """Somebody else was quicker with one of them; the press on the others is kept."""
    one, _ = asking.ask_many(
        world.ctx,
        ask_id="a",
        requester=slack_id("maya"),
        entitlements=("production-admin", "production-oncall"),
        duration=HOUR,
        reason="INC-42",
    )
    world.run_until_idle()
    began = world.watch.count
    first, second = world.ctx.store.bundle(one.bundle)
    listed = 2 * world.watch.count - began  # as many round trips as it takes to list them

    def quicker(watched: Watched) -> None:
        if watched.place == listed:
            with world.watch.aside():
                asking.withdraw(world.ctx, requester=slack_id("maya"), request_id=first.id)

    world.watch.before = quicker
    pressing.press_all(world.ctx, press_id="p", action=ClickAction.APPROVE, bundle=one.bundle, actor=slack_id("priya"))
    world.watch.rest()
    world.run_until_idle()
    assert world.request(first).state is RequestState.CANCELLED
    assert world.request(second).state is RequestState.APPROVED


def test_the_other_cards_tell_that_a_rule_closed_one_of_them(world: World) -> None:
    """What was asked for together offers no press on what does not wait any more."""
    asked = asking.ask_many(
        world.ctx,
        ask_id="a",
        requester=slack_id("maya"),
        entitlements=("production-admin", "production-oncall"),
        duration=HOUR,
        reason="INC-42",
    )
    world.run_until_idle()
    ruled(world, denies(entitlements=("production-admin",)))
    press(world, "priya", ClickAction.APPROVE, asked[0])
    last = [card for card in world.notifier.cards if card.request.id == asked[1].id][-1]
    assert [other.state for other in last.bundle] == [RequestState.DENIED]


# --- emergencies


def test_an_escalation_without_an_incident_leaves_the_request_as_it_was(world: World) -> None:
    """It is refused on the field; who waits for approvers goes on waiting for them."""
    allow(world)
    request = ask(world, reason="please")
    with pytest.raises(FieldRefused, match="Name the incident"):
        asking.make_emergency(
            world.ctx,
            requester=slack_id("maya"),
            request_id=request.id,
            duration=HALF_AN_HOUR,
            reason="it burns",
        )
    assert world.request(request) == request


def test_the_message_of_an_escalated_request_that_is_closed_says_so(world: World) -> None:
    """Approvers do not look at buttons of what was decided otherwise."""
    allow(world)
    request = ask(world)
    ruled(world, denies())
    asking.make_emergency(
        world.ctx, requester=slack_id("maya"), request_id=request.id, duration=HALF_AN_HOUR, reason="INC-1"
    )
    world.run_until_idle()
    assert world.request(request).state is RequestState.DENIED
    assert world.notifier.cards[-1].request.state is RequestState.DENIED


def test_an_emergency_has_its_own_maximum_whatever_rule_matches(world: World) -> None:
    """A rule that sends normal requests elsewhere neither lengthens nor shortens it."""
    allow(world)
    two = replace(under(world, "payments-admin"), max_duration=10 * MINUTE, default_duration=10 * MINUTE)
    ruled(world, Rule(name="short", effect=Effect.POLICY, policy=two, when=Condition()))
    assert ask(world, duration="30m", emergency=True).state is RequestState.APPROVED


def test_a_press_on_what_was_asked_before_does_not_approve_what_was_made_of_it(world: World) -> None:
    """A kept press is for the time and the reason that were read, not for those of an escalation since."""
    allow(world, replace(BREAK_GLASS, most=0))
    request = ask(world, duration="10m")
    click = world.press("priya", ClickAction.APPROVE, request.id)
    world.queue.works.clear()  # the press is kept, and comes up again a little later
    world.advance(timedelta(seconds=1))
    asking.make_emergency(
        world.ctx, requester=slack_id("maya"), request_id=request.id, duration=HOUR, reason="INC-1 more of it"
    )
    world.advance(MINUTE)
    found = world.request(request)
    assert (found.state, found.duration, found.emergency) == (RequestState.PENDING, HOUR, False)
    answered = world.ctx.store.click(click.id)
    assert answered is not None
    assert "was changed after you pressed" in answered.sentence
    assert approved(world, request).duration == HOUR


# --- what is told


def test_a_ping_whose_card_can_never_be_posted_comes_to_an_end(world: World) -> None:
    """Nobody tries every second for ever."""
    ruled(world, approves(requesters=(user("maya"),)))
    world.notifier.trouble = Rejected("Slack", "chat.postMessage", "The channel is archived.")
    request = ask(world)
    assert request.state is RequestState.APPROVED
    world.advance(2 * DAY)
    assert world.due_of(request.id) == []


def test_a_colleague_reads_themselves_why_they_get_nothing(world: World) -> None:
    """The place where it was asked for is not theirs; whoever asked for them reads it too."""
    ruled(world, denies())
    asked = asking.ask(
        world.ctx,
        ask_id="a",
        requester=slack_id("maya"),
        entitlement="production-admin",
        duration=parse_duration("1h"),
        reason="INC-42",
        answer_to="where priya asked",
        asked_by=slack_id("priya"),
    )
    world.run_until_idle()
    asking.confirm(world.ctx, requester=slack_id("maya"), request_id=asked.id)
    world.run_until_idle()
    assert world.notifier.last_notice(slack_id("maya")).kind is NoticeKind.REFUSED
    assert world.notifier.last_notice(slack_id("priya")).kind is NoticeKind.REFUSED
