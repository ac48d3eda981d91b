"""Questions about a request and their answers: who answers, when, and that both reach the thread of the card."""

from __future__ import annotations

import pytest

from accessbot.domain.errors import FieldRefused, Refused, Unavailable
from accessbot.domain.model import ClickAction, RemarkKind, Request, RequestState
from accessbot.service import answering, asking
from tests.support.company import HOUR, slack_id
from tests.support.world import World


def asked(world: World, who: str = "maya", by: str = "priya", question: str = "Which host?") -> Request:
    """Have somebody ask for access, and an approver ask a question about it."""
    request = world.ask(who)
    return question_of(world, request, by, question)


def question_of(world: World, request: Request, by: str = "priya", question: str = "Which host?") -> Request:
    """Have an approver ask a question."""
    world.press(by, ClickAction.ASK, request.id, question)
    world.run_until_idle()
    return world.request(request)


def answer(world: World, request: Request, text: str = "web-1", who: str = "maya", *, answer_id: str = "") -> Request:
    """Answer, and let the workers do all that follows."""
    answering.answer(
        world.ctx,
        requester=slack_id(who),
        request_id=request.id,
        text=text,
        answer_id=answer_id or world.unique(),
    )
    world.run_until_idle()
    return world.request(request)


def said(world: World) -> list[str]:
    """List what was written into threads, in order."""
    return [remark.text for remark in world.notifier.remarks]


def test_a_question_and_its_answer_reach_the_thread(world: World) -> None:
    """Both stand on the request and in the log, with who said them; the request still waits for its decision."""
    request = answer(world, asked(world), "  web-1, since the alarm ")
    assert [(r.kind, r.who, r.text) for r in request.remarks] == [
        (RemarkKind.QUESTION, slack_id("priya"), "Which host?"),
        (RemarkKind.ANSWER, slack_id("maya"), "web-1, since the alarm"),
    ]
    assert said(world) == ["Which host?", "web-1, since the alarm"]
    assert world.actions(request.id)[-2:] == ["request.question", "request.answer"]
    assert request.state is RequestState.PENDING
    assert world.notifier.cards[-1].request == request


@pytest.mark.parametrize("who", ["priya", "noah"])
def test_only_the_requester_answers(world: World, who: str) -> None:
    """Neither whoever asked the question nor anybody else; and there has to be such a request."""
    request = asked(world)
    with pytest.raises(Refused, match="not yours"):
        answer(world, request, who=who)
    with pytest.raises(Refused, match="not yours"):
        answering.answer(world.ctx, requester=slack_id("maya"), request_id="r_none", text="yes", answer_id="1")
    assert said(world) == ["Which host?"]


@pytest.mark.parametrize("who", ["maya", "noah"])
def test_whoever_asked_for_a_colleague_answers_too(world: World, who: str) -> None:
    """The requester and whoever asked on their behalf both know why it is needed."""
    request = asking.ask(
        world.ctx,
        ask_id="1",
        requester=slack_id("maya"),
        asked_by=slack_id("noah"),
        entitlement="production-admin",
        duration=HOUR,
        reason="INC-42",
    )
    asking.confirm(world.ctx, requester=slack_id("maya"), request_id=request.id)
    world.run_until_idle()
    question_of(world, request)
    assert answer(world, request, who=who).remarks[-1].who == slack_id(who)


@pytest.mark.parametrize("text", ["", " \n", "x" * 1001])
def test_a_text_that_does_not_do_is_refused_on_its_field(world: World, text: str) -> None:
    """As a reason, an answer is neither empty nor longer than a thousand characters."""
    request = asked(world)
    with pytest.raises(FieldRefused) as refused:
        answer(world, request, text)
    assert refused.value.field == "reason"


def test_without_a_question_there_is_no_answer(world: World) -> None:
    """Nobody asked yet, or every question has its answer."""
    request = world.ask("maya")
    with pytest.raises(Refused, match="no open question"):
        answer(world, request)
    question_of(world, request)
    answer(world, request, "web-1")
    with pytest.raises(Refused, match="no open question"):
        answer(world, request, "and web-2")


def test_every_question_may_have_its_answer(world: World) -> None:
    """Two questions at once take two answers, in whatever order they come."""
    request = asked(world)
    question_of(world, request, "tomas", "Until when?")
    answer(world, request, "web-1")
    answer(world, request, "until noon")
    assert said(world) == ["Which host?", "Until when?", "web-1", "until noon"]


@pytest.mark.parametrize("decide", ["approve", "withdraw"])
def test_after_the_decision_it_is_too_late(world: World, decide: str) -> None:
    """A closed request takes no answer, and says what became of it."""
    request = asked(world)
    if decide == "approve":
        world.approve("tomas", request)
    else:
        asking.withdraw(world.ctx, requester=slack_id("maya"), request_id=request.id)
    with pytest.raises(Refused, match="Too late to answer: this request is already"):
        answer(world, request)


def test_an_answer_that_is_sent_twice_is_one(world: World) -> None:
    """The same delivery again changes nothing, at once or after the next question."""
    request = asked(world)
    answer(world, request, "web-1", answer_id="a1")
    answer(world, request, "web-1", answer_id="a1")
    question_of(world, request, "tomas", "Until when?")
    answer(world, request, "web-1", answer_id="a1")
    assert [remark.text for remark in world.request(request).remarks] == ["Which host?", "web-1", "Until when?"]
    answer(world, request, "web-1", answer_id="a2")
    assert said(world) == ["Which host?", "web-1", "Until when?", "web-1"]


def test_slack_away_delays_what_is_said(world: World) -> None:
    """While Slack is away the answer is kept; afterwards it is written once."""
    request = asked(world)
    world.notifier.trouble = Unavailable("Slack", "chat.postMessage", "away")
    answer(world, request)
    world.notifier.trouble = None
    world.advance(HOUR / 30)
    assert said(world) == ["Which host?", "web-1"]


def test_a_remark_without_a_thread_is_left_out(world: World) -> None:
    """Where the card is gone, or the remark, nothing is written and nothing fails."""
    request = asked(world)
    answering.post_remark(world.ctx, request.id, 7)
    answering.post_remark(world.ctx, "r_none", 0)
    assert said(world) == ["Which host?"]
