"""Steps: their order, who counts in which, time-outs and escalation, and who became an approver too late."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessbot.domain.model import ClickAction, GrantState, RequestState, Selector, SelectorKind
from accessbot.domain.notices import NoticeKind
from accessbot.domain.rules import Step
from tests.service.policies import HOUR, MANAGER, MINUTE, ask, press, told, two_steps, under, user
from tests.support import company
from tests.support.company import email, slack_id
from tests.support.world import World


@pytest.fixture(autouse=True)
def _manager(world: World) -> None:
    world.google.set_manager(email("maya"), email("ines"))


def test_steps_are_taken_in_order(world: World) -> None:
    """The second step's approvers cannot decide before the first is complete; then one of them does."""
    under(world, steps=two_steps())
    request = ask(world)
    press(world, "priya", ClickAction.APPROVE, request)
    assert "not an approver" in told(world, "priya")
    press(world, "ines", ClickAction.APPROVE, request)
    assert told(world, "ines") == "Your approval is counted, and this step is complete; next is “leads”."
    assert (world.request(request).state, world.request(request).step) == (RequestState.PENDING, 1)
    press(world, "priya", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.APPROVED
    assert [(v.approver, v.step) for v in world.request(request).votes] == [("U_INES", 0), ("U_PRIYA", 1)]
    assert world.grant(world.request(request).grant_id).state is GrantState.ACTIVE


@pytest.mark.parametrize(("distinct", "state"), [(True, RequestState.PENDING), (False, RequestState.APPROVED)])
def test_one_person_in_two_steps(world: World, distinct: bool, state: RequestState) -> None:  # noqa: FBT001 - a case
    """Counts in one of them alone, unless the policy says that people need not be distinct."""
    under(world, steps=(Step(approvers=(company.LEADS,)), Step(approvers=(company.LEADS,))), distinct=distinct)
    request = ask(world)
    press(world, "priya", ClickAction.APPROVE, request)
    press(world, "priya", ClickAction.APPROVE, request)
    assert world.request(request).state is state


def test_a_requester_is_not_their_own_manager(world: World) -> None:
    """Whoever reports to themselves finds nobody to decide, and is refused at submission."""
    world.google.set_manager(email("maya"), email("maya"))
    under(world, steps=(Step(approvers=(MANAGER,)),))
    request = ask(world)
    assert (request.state, request.announced) == (RequestState.DENIED, False)
    assert "nobody but you could approve" in request.decision_reason


def test_somebody_without_a_manager_is_refused_at_submission(world: World) -> None:
    """A step that nobody can ever decide refuses the request, and names the step."""
    under(world, steps=two_steps())
    request = ask(world, "noah")
    assert request.state is RequestState.DENIED
    assert "“manager”" in request.decision_reason


def test_distinct_people_have_to_be_enough_over_all_steps(world: World) -> None:
    """Two steps over the same one person take two people, and there is one."""
    under(world, steps=(Step(approvers=(user("cto"),)), Step(approvers=(user("cto"),))))
    assert "2 distinct people" in ask(world).decision_reason


def test_a_step_that_nobody_decides_is_escalated_then_expires(world: World) -> None:
    """At first those of the escalation cannot decide; after the time-out they can; after another it expires."""
    under(world, steps=(Step(approvers=(company.CTO,), timeout=30 * MINUTE, escalation=(company.LEADS,)),))
    request = ask(world)
    press(world, "priya", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.PENDING
    world.advance(30 * MINUTE)
    assert world.request(request).escalated
    assert [n.people for n in world.notifier.nudges] == [(slack_id("priya"), slack_id("tomas"))]
    world.advance(30 * MINUTE)
    assert world.request(request).state is RequestState.EXPIRED
    assert world.notifier.last_notice(slack_id("maya")).kind is NoticeKind.EXPIRED


def test_those_of_the_escalation_decide_once_it_came(world: World) -> None:
    """Their yes counts like any other."""
    under(world, steps=(Step(approvers=(company.CTO,), timeout=30 * MINUTE, escalation=(company.LEADS,)),))
    request = ask(world)
    world.advance(31 * MINUTE)
    press(world, "tomas", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.APPROVED
    assert world.due_of(request.id) == []


def test_a_step_without_escalation_expires(world: World) -> None:
    """Its time-out is the end of the request, and says which step."""
    under(world, steps=(Step(name="leads", approvers=(company.LEADS,), timeout=30 * MINUTE),))
    request = ask(world)
    world.advance(30 * MINUTE)
    assert world.request(request).decision_reason == "Nobody decided in time in the step “leads”."


def test_each_step_has_its_own_time(world: World) -> None:
    """The second step's time begins when the first is complete."""
    under(world, steps=two_steps(timeout=HOUR))
    request = ask(world)
    world.advance(5 * HOUR)
    press(world, "ines", ClickAction.APPROVE, request)
    world.advance(59 * MINUTE)
    assert world.request(request).state is RequestState.PENDING
    world.advance(MINUTE)
    assert world.request(request).state is RequestState.EXPIRED


def test_who_is_told_is_pinged_and_nobody_else(world: World) -> None:
    """All leads may decide, the CTO alone is pinged; never the requester, whatever the list says."""
    under(world, steps=(Step(name="leads", approvers=(company.LEADS, company.CTO), told=(company.CTO, user("maya"))),))
    ask(world)
    world.advance(timedelta(seconds=3))
    assert [(n.people, n.step, n.escalated) for n in world.notifier.nudges] == [((slack_id("cto"),), "leads", False)]


def test_whoever_becomes_an_approver_afterwards_does_not_decide(world: World) -> None:
    """Somebody added to the group while a request waits is told so; what is asked then, they decide."""
    request = ask(world)
    world.google.put(company.LEADS.value, email("noah"))
    press(world, "noah", ClickAction.APPROVE, request)
    assert told(world, "noah").startswith("You became an approver after this was asked")
    assert world.request(request).state is RequestState.PENDING
    later = ask(world)
    press(world, "noah", ClickAction.APPROVE, later)
    assert world.request(later).state is RequestState.APPROVED


def test_whoever_is_an_approver_no_more_does_not_decide(world: World) -> None:
    """The list of when it was asked opens nothing by itself: authority is read at the click."""
    request = ask(world)
    world.google.drop(company.LEADS.value, email("priya"))
    press(world, "priya", ClickAction.APPROVE, request)
    assert "not an approver" in told(world, "priya")


def test_an_approval_of_a_step_before_that_counts_no_more_reopens_it(world: World) -> None:
    """The manager who approved was replaced: the new one has to, before the leads do."""
    under(world, steps=two_steps())
    request = ask(world)
    press(world, "ines", ClickAction.APPROVE, request)
    world.google.set_manager(email("maya"), email("noah"))
    press(world, "priya", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.PENDING
    press(world, "noah", ClickAction.APPROVE, request)
    press(world, "priya", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.APPROVED


def test_an_approver_of_any_step_may_deny(world: World) -> None:
    """A no needs no turn; somebody who is no approver at all has none."""
    under(world, steps=two_steps())
    request = ask(world)
    press(world, "noah", ClickAction.DENY, request, reason="no")
    assert world.request(request).state is RequestState.PENDING
    press(world, "priya", ClickAction.DENY, request, reason="no")
    assert world.request(request).state is RequestState.DENIED


def test_a_group_within_the_approvers_group_is_judged_live_alone(world: World) -> None:
    """Its people cannot be listed surely, so whoever is in it at the click decides."""
    world.google.add_group("nested@example.com")
    world.google.put("nested@example.com", "sre-leads@example.com")
    under(world, steps=(Step(approvers=(Selector(SelectorKind.GROUP, "nested@example.com"),)),))
    request = ask(world)
    press(world, "priya", ClickAction.APPROVE, request)
    assert world.request(request).state is RequestState.APPROVED
