"""A holder's own buttons pressed by somebody else, too late, or filled in wrongly: each is refused with what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from accessbot.domain.errors import FieldRefused, Refused
from accessbot.domain.model import RequestState
from accessbot.slack import own_presses, presses
from accessbot.slack.client import SlackClient
from accessbot.slack.delivery import Delivery, Kind
from accessbot.slack.desk import Desk
from accessbot.slack.guard import Reply
from tests.slack.harness import INES, MAYA, NOAH, PRIYA, Town, catalog, emergency, entitlement, policy, town

Handler = Callable[[Desk, Delivery], Reply]


@pytest.fixture
def here() -> Iterator[Town]:
    """Open a workspace in which Maya waits for a decision on what has an emergency policy, and on what has none."""
    urgent = replace(policy("urgent"), emergency=emergency())
    with town(catalog(entitlement("payments", urgent), entitlement("ledger"))) as opened:
        for name in ("payments", "ledger"):
            opened.actor(MAYA).command("/request-aws", f"{name} 1h why")
        opened.work()
        yield opened


def waiting(here: Town, name: str) -> str:
    """Give the id of Maya's request."""
    (found,) = (r for r in here.ctx.store.requests([RequestState.PENDING]) if r.entitlement == name)
    return found.id


def desk(here: Town) -> Desk:
    """Set up the counter."""
    return Desk.of(here.ctx, SlackClient(here.slack.bot_token, here.slack.api_url))


def pressed(person: str, value: str) -> Delivery:
    """Make a press of a button with a value, which a person could forge."""
    return Delivery(kind=Kind.ACTION, key=f"{person}:{value}", person=person, team="T1", name="x", value=value)


def sent(person: str, subject: str, **filled: dict[str, Any]) -> Delivery:
    """Make a form that was sent, with what was filled in by control."""
    values = {control: {control: entry} for control, entry in filled.items()}
    view = {"id": "V1", "state": {"values": values}}
    more = {"subject": subject}
    return Delivery(kind=Kind.SUBMISSION, key="k", person=person, team="T1", name="x", view=view, more=more)


@pytest.mark.parametrize(
    ("handler", "person", "name", "words"),
    [
        (own_presses.escalate, NOAH, "payments", "not yours"),
        (own_presses.escalate, MAYA, "ledger", "no emergency access"),
        (own_presses.answer, NOAH, "payments", "not yours to answer"),
        (own_presses.answer, MAYA, "payments", "nothing to answer"),
        (own_presses.confirm, NOAH, "payments", "not yours to confirm"),
        (own_presses.decline, NOAH, "payments", "not yours to cancel"),
        (own_presses.cancel, NOAH, "payments", "not yours to cancel"),
    ],
)
def test_a_press_on_what_is_not_there_to_press_is_refused(
    here: Town, handler: Handler, person: str, name: str, words: str
) -> None:
    """Somebody else's request, or one without a question or an emergency policy, is left as it is."""
    with pytest.raises(Refused, match=words):
        handler(desk(here), pressed(person, waiting(here, name)))
    assert len(list(here.ctx.store.requests([RequestState.PENDING]))) == 2


@pytest.mark.parametrize(
    "handler", [presses.more, presses.ask, presses.justify, presses.deny_all, own_presses.escalate]
)
def test_a_press_on_what_is_not_known_is_refused(here: Town, handler: Handler) -> None:
    """An id that is not known any more is told, and no form opens."""
    with pytest.raises(Refused):
        handler(desk(here), pressed(PRIYA, "nothing"))
    assert not here.actor(PRIYA).views()


def test_forms_that_are_half_filled_are_told_on_the_field(here: Town) -> None:
    """A question or answer without words, and a delegation without a person or an end, name their field."""
    counter, request = desk(here), waiting(here, "payments")
    ends = {"selected_date_time": 1_900_000_000}
    with pytest.raises(FieldRefused, match="Write your question") as question:
        presses.submit_question(counter, sent(PRIYA, request, question={"value": " "}))
    with pytest.raises(FieldRefused, match="Choose who") as person:
        own_presses.submit_delegation(counter, sent(PRIYA, "", until=ends))
    with pytest.raises(FieldRefused, match="until when") as end:
        own_presses.submit_delegation(counter, sent(PRIYA, "", to={"selected_user": INES}))
    with pytest.raises(FieldRefused, match="no date") as moment:
        own_presses.submit_delegation(
            counter, sent(PRIYA, "", to={"selected_user": INES}, until={"selected_date_time": 10**30})
        )
    with pytest.raises(FieldRefused, match="Write an answer"):
        own_presses.submit_answer(counter, sent(MAYA, request, reply={"value": ""}))
    assert [error.value.field for error in (question, person, end, moment)] == ["question", "to", "until", "until"]


def test_a_delegate_who_cannot_be_looked_up_is_told_on_the_field(here: Town) -> None:
    """While Slack does not tell who the delegate is, nothing is kept, and the form says why."""
    here.slack.outages.down()
    form = sent(PRIYA, "", to={"selected_user": INES}, until={"selected_date_time": 1_900_000_000})
    form = replace(form, view={**form.view, "id": "V2"})
    soon = int(here.ctx.store.now().timestamp()) + 3600
    form.view["state"]["values"]["until"]["until"]["selected_date_time"] = soon
    with pytest.raises(FieldRefused, match="cannot be told who that is") as refused:
        own_presses.submit_delegation(desk(here), form)
    assert refused.value.field == "to"
    assert here.ctx.store.delegation(PRIYA) is None
    here.slack.outages.clear()
