"""Rules: looked at when something is asked and again at every press; limits, tickets, and approval at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest

from accessbot.domain import registers, rules
from accessbot.domain.errors import FieldRefused, Unavailable
from accessbot.domain.model import ClickAction, EndCause, GrantState, RequestState, Selector, SelectorKind
from accessbot.domain.notices import NoticeKind
from accessbot.domain.oncall import Schedule, UserGroup
from accessbot.domain.rules import Condition, Effect, Hours, Rule, Ticket
from accessbot.ports import Change
from accessbot.service import ending
from tests.service.policies import HOUR, MINUTE, approves, ask, denies, press, ruled, told, under, user
from tests.support.company import slack_id
from tests.support.watch import Step
from tests.support.world import World, new_world


def hours(world: World, begins: timedelta, ends: timedelta) -> tuple[Hours, ...]:
    """Give the hours of a day that lie from `begins` to `ends` after now."""
    now = world.clock.now
    first, last = ((now + by).time().replace(second=0, microsecond=0) for by in (begins, ends))
    return (Hours(begins=first, ends=last, zone=ZoneInfo("UTC")),)


def test_a_deny_rule_wins_over_one_that_approves(world: World) -> None:
    """Whatever their order, and the requester reads the reason and the rule."""
    ruled(world, approves(), denies())
    request = ask(world)
    assert (request.state, request.decided_by) == (RequestState.DENIED, "accessbot")
    assert request.decision_reason == "Production is closed. (The rule “closed” says so.)"
    assert list(world.ctx.store.grants()) == []


def test_a_deny_rule_wins_at_the_press_too(world: World) -> None:
    """Asked while it was open, pressed while it is closed: the request is closed, and both read why."""
    ruled(world, denies(hours=hours(world, 10 * MINUTE, HOUR)))
    request = ask(world)
    assert request.state is RequestState.PENDING
    world.advance(20 * MINUTE)
    press(world, "priya", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.DENIED
    assert "Production is closed." in told(world, "priya")
    assert world.notifier.last_notice(slack_id("maya")).kind is NoticeKind.REFUSED


def test_a_rule_that_comes_into_the_catalog_counts_for_what_waits(world: World) -> None:
    """A request is judged by the rules in force when it is decided."""
    request = ask(world)
    ruled(world, denies())
    press(world, "priya", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.DENIED


def test_a_rule_that_approves_needs_nobody(world: World) -> None:
    """It is approved at once, for the time asked, the rule is named, and those who are told hear of it."""
    ruled(world, approves(requesters=(user("maya"),), at_most=2 * HOUR))
    request = ask(world)
    grant = world.grant(request.grant_id)
    assert (request.state, request.decided_by, request.rule) == (RequestState.APPROVED, "accessbot", "at once")
    assert (grant.state, grant.duration) == (GrantState.ACTIVE, HOUR)
    assert world.actions(request.id) == ["request.submitted", "request.announced", "request.auto_approved"]
    world.advance(timedelta(seconds=5))
    assert world.notifier.nudges[0].people == (slack_id("priya"), slack_id("tomas"))
    assert ask(world, "noah").state is RequestState.PENDING
    assert ask(world, duration="3h").state is RequestState.PENDING


def test_who_is_on_call_is_approved_at_once_and_nobody_else(world: World) -> None:
    """By the Slack user group that the paging tool keeps."""
    world.slack.groups["S1"] = frozenset({slack_id("maya")})
    schedule = Schedule(name="web", source=UserGroup(id="S1"))
    world.catalog.now = replace(world.catalog.now, schedules=MappingProxyType({"web": schedule}))
    ruled(world, approves(requesters=(Selector(SelectorKind.ON_CALL, "web"),)))
    assert ask(world).state is RequestState.APPROVED
    assert ask(world, "noah").state is RequestState.PENDING


def test_while_it_is_not_known_who_is_on_call_nobody_gets_anything() -> None:
    """The request waits, says for whom, and is judged once the answer is there."""

    def down(step: Step) -> None:
        if step.method == "usergroup":
            raise Unavailable("Slack", "usergroups.users.list", "Slack is down.")

    with new_world(wide=True) as world:
        world.slack.groups["S1"] = frozenset({slack_id("maya")})
        schedule = Schedule(name="web", source=UserGroup(id="S1"))
        world.catalog.now = replace(world.catalog.now, schedules=MappingProxyType({"web": schedule}))
        ruled(world, approves(requesters=(Selector(SelectorKind.ON_CALL, "web"),)))
        world.watch.before = down
        request = ask(world)
        assert (request.state, request.announced) == (RequestState.PENDING, False)
        assert list(world.ctx.store.grants()) == []
        world.watch.before = lambda _: None
        world.advance(MINUTE)
        assert world.request(request).state is RequestState.APPROVED


def test_a_rule_can_have_another_policy_decide(world: World) -> None:
    """Its steps decide, and its maximum binds."""
    two = under(world, "payments-admin")
    rule = Rule(name="long", effect=Effect.POLICY, policy=two, when=Condition(above=HOUR))
    ruled(world, rule)
    assert ask(world).policy == "sensitive"
    request = ask(world, duration="2h")
    assert (request.policy, request.rule) == ("two-people", "long")
    press(world, "priya", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.PENDING
    press(world, "tomas", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.APPROVED
    assert ask(world, duration="5h").decision_reason.startswith("The policy “two-people” allows at most")


def test_when_another_policy_decides_by_now_approvals_begin_anew(world: World) -> None:
    """What was asked by day and is pressed at night takes what the night takes."""
    two = under(world, "payments-admin")
    night = Condition(hours=hours(world, 10 * MINUTE, HOUR))
    ruled(world, Rule(name="night", effect=Effect.POLICY, policy=two, when=night))
    request = ask(world)
    world.advance(20 * MINUTE)
    press(world, "priya", ClickAction.APPROVE, request)
    found = world.request(request)
    assert (found.state, found.policy, found.rule, len(found.votes)) == (
        RequestState.PENDING,
        "two-people",
        "night",
        1,
    )
    press(world, "tomas", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.APPROVED


def test_an_expression_decides_and_one_that_fails_gives_nothing(world: World) -> None:
    """CEL over the request; an error in it is no yes."""
    ruled(world, approves(expression='requester.email == "maya@example.com" && duration <= duration("1h")'))
    assert ask(world).state is RequestState.APPROVED
    assert ask(world, "noah").state is RequestState.PENDING
    ruled(world, approves(expression="account.tags.env == 'x'"))
    request = ask(world)
    assert request.state is RequestState.DENIED
    assert "rule “at once”" in request.decision_reason


# --- tickets


TICKET = Ticket(pattern=r"OPS-\d+", check="https://tickets.example.com/check")


def test_a_ticket_has_to_be_named_and_allowed(world: World) -> None:
    """It is a word of the reason, and the company's own system has the last word."""
    under(world, ticket=TICKET)
    world.ctx.tickets.refused["OPS-2"] = "OPS-2 is closed."  # type: ignore[attr-defined]  # the fake's own
    assert "needs a ticket" in ask(world, reason="please").decision_reason
    assert ask(world, reason="for OPS-2.").decision_reason.endswith("it says: OPS-2 is closed.")
    request = ask(world, reason="for (OPS-3).")
    assert (request.state, request.ticket) == (RequestState.PENDING, "OPS-3")


def test_while_the_ticket_system_is_away_nothing_is_approved(world: World) -> None:
    """The request is kept and waits; even a rule that would approve does not."""
    under(world, ticket=TICKET)
    ruled(world, approves(requesters=(user("maya"),)))
    tickets = world.ctx.tickets
    tickets.trouble = Unavailable("the ticket system", "check", "It is down.")  # type: ignore[attr-defined]  # as above
    request = ask(world, reason="OPS-3")
    assert (request.state, request.waiting_for) == (RequestState.PENDING, "the ticket system")
    tickets.trouble = None  # type: ignore[attr-defined]  # as above
    world.advance(MINUTE)
    assert world.request(request).state is RequestState.APPROVED


# --- limits


def test_a_total_per_day(world: World) -> None:
    """What was had within 24 hours counts, what ended early only as far as it went, and other things do not."""
    under(world, per_day=2 * HOUR)
    request = ask(world, duration="1h30m")
    press(world, "priya", ClickAction.APPROVE, request)
    assert "30 min of that are left" in ask(world, duration="1h").decision_reason
    world.advance(30 * MINUTE)
    ending.end_access(world.ctx, requester=slack_id("maya"), grant_id=world.request(request).grant_id)
    world.run_until_idle()
    assert ask(world, duration="1h").state is RequestState.PENDING
    assert ask(world, "noah", duration="2h").state is RequestState.PENDING


def test_two_that_wait_cannot_pass_the_total_together(world: World) -> None:
    """The limit is looked at again when the second one is approved."""
    under(world, per_day=2 * HOUR)
    one, other = ask(world, duration="90m"), ask(world, duration="90m")
    press(world, "priya", ClickAction.APPROVE, one)
    press(world, "priya", ClickAction.APPROVE, other)
    assert world.request(one).state is RequestState.APPROVED
    assert world.request(other).state is RequestState.DENIED


def test_a_pause_after_an_end(world: World) -> None:
    """Too soon after an end it is refused, with the time left; later it is not."""
    under(world, cool_down=30 * MINUTE)
    request = ask(world)
    press(world, "priya", ClickAction.APPROVE, request)
    world.advance(HOUR + 10 * MINUTE)
    assert world.grant(world.request(request).grant_id).end_cause is EndCause.EXPIRED
    assert "again in 20 min" in ask(world).decision_reason
    world.advance(20 * MINUTE)
    assert ask(world).state is RequestState.PENDING


def test_the_list_of_durations_is_the_only_choice(world: World) -> None:
    """Anything beside it is refused on the field."""
    under(world, durations=(30 * MINUTE, HOUR))
    with pytest.raises(FieldRefused, match="30 min, 1 h"):
        ask(world, duration="45m")
    assert ask(world, duration="30m").state is RequestState.PENDING


def test_a_policy_that_waits_for_steps_of_nobody_is_refused(world: World) -> None:
    """An empty approver group is found at submission."""
    world.google.add_group("empty@example.com")
    under(world, steps=(rules.Step(approvers=(Selector(SelectorKind.GROUP, "empty@example.com"),)),))
    request = ask(world)
    assert request.state is RequestState.DENIED
    assert "nobody but you" in request.decision_reason


def test_a_freeze_holds_back_what_is_asked_and_what_waits(world: World) -> None:
    """Asked for, it is refused; waiting, it is closed at the press."""
    request = ask(world)
    step = registers.frozen(None, "all", "cli:root", world.clock.now, "an attack")
    world.ctx.store.commit(Change(op="freeze", puts=(step.record,), events=(step.event,)))
    press(world, "priya", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.DENIED
    assert "an attack" in ask(world).decision_reason
