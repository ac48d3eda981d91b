"""The forms: whole JSON, and what people filled in read back whatever its shape."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessbot.domain.errors import FieldRefused
from accessbot.domain.notices import Holding
from accessbot.sandbox.slack.controls import initial_values
from accessbot.sandbox.slack.limits import check_view
from accessbot.slack.filled import read_filled
from accessbot.slack.forms import (
    answer_form,
    ask_form,
    decide_form,
    delegate_form,
    deny_all_form,
    deny_form,
    escalate_form,
    extend_form,
    review_form,
)
from accessbot.slack.options import AccessIndex
from accessbot.slack.place import Place
from accessbot.slack.request_form import Draft, draft_of, request_form
from tests.slack.harness import NOAH, PRIYA, SHORTEST, catalog, emergency, entitlement, policy
from tests.slack.shapes import HOUR, MINUTE, NOON, grant, hold_view, request

PLACE = Place("C03GENERAL", "https://hooks.slack.com/commands/T1/1/x").pack()
RELAXED = entitlement("staging-admin", policy("relaxed", default="30m", longest="4h"))
MIXED = AccessIndex(catalog(entitlement(), RELAXED), SHORTEST)
ALIKE = AccessIndex(catalog(entitlement()), SHORTEST)
LARGE = AccessIndex(catalog(*(entitlement(f"e-{n}") for n in range(101))), SHORTEST)


@pytest.mark.parametrize(
    ("name", "index", "draft"),
    [
        ("one-policy", ALIKE, Draft()),
        ("two-policies", MIXED, Draft()),
        ("type-ahead", LARGE, Draft()),
        ("chosen", MIXED, Draft(RELAXED)),
        ("half-filled", MIXED, Draft(RELAXED, "2x", "why <now>", "“2x” is no duration; write it like 45m.")),
    ],
)
def test_the_request_form_is_as_kept(name: str, index: AccessIndex, draft: Draft) -> None:
    """Each shape of the form is the very JSON in its file, which Slack would take."""
    hold_view(f"form-request-{name}", request_form(index, PLACE, draft))


def test_the_other_forms_are_as_kept() -> None:
    """The forms for a denial and for more time are the very JSON in their files."""
    hold_view("form-deny", deny_form(PLACE))
    holding = Holding(
        grant=grant(), entitlement=entitlement(), left=HOUR, extensions=(15 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR)
    )
    hold_view("form-extend", extend_form(holding, PLACE))


URGENT = replace(policy(), emergency=emergency())
LISTED = replace(policy("listed"), durations=(HOUR / 2, HOUR, 4 * HOUR))
MANY = AccessIndex(catalog(entitlement("payments", URGENT), entitlement("ledger", LISTED), RELAXED), SHORTEST)
PAYMENTS, LEDGER = MANY.by_id["payments"], MANY.by_id["ledger"]


@pytest.mark.parametrize(
    ("name", "draft"),
    [
        ("more-options", Draft(LEDGER, expanded=True, more=(PAYMENTS,), person=NOAH, starts=NOON)),
        ("emergency", Draft(PAYMENTS, emergency=True, reason="INC-42")),
        ("emergency-first", Draft(emergency=True)),
        ("listed-durations", Draft(LEDGER, "4h")),
    ],
)
def test_the_wider_form_is_as_kept(name: str, draft: Draft) -> None:
    """What is optional stands below the three inputs, and a policy's own durations are a select."""
    view = request_form(MANY, PLACE, draft)
    hold_view(f"form-request-{name}", view)
    labels = [block["label"]["text"] for block in view["blocks"] if block["type"] == "input"]
    assert labels[:3] == ["Access", "Duration", "Reason"]
    assert all(block.get("optional") for block in view["blocks"][3:] if block["type"] == "input")


def test_the_type_ahead_form_takes_more_access_too() -> None:
    """In a large catalog *More access* is a type-ahead as *Access* is."""
    view = request_form(LARGE, PLACE, Draft(expanded=True))
    hold_view("form-request-type-ahead-more", view)


def test_the_forms_of_decisions_are_as_kept() -> None:
    """The forms for deciding, asking, answering, an emergency, a delegation and a review are as in their files."""
    hold_view("form-decide", decide_form(request(), entitlement(), policy(), SHORTEST, PLACE))
    hold_view("form-decide-nothing-known", decide_form(request(), None, None, SHORTEST, PLACE))
    hold_view("form-deny-all", deny_all_form(3, PLACE))
    hold_view("form-ask", ask_form(PLACE))
    hold_view("form-answer", answer_form(PRIYA, "Which queue,\n<!channel>?", PLACE))
    hold_view("form-escalate", escalate_form(request(), PAYMENTS, SHORTEST, PLACE))
    hold_view("form-delegate", delegate_form(PLACE))
    hold_view("form-justified", review_form(justified=True, metadata=PLACE))
    hold_view("form-not-justified", review_form(justified=False, metadata=PLACE))


@given(st.text(max_size=1000))
def test_no_question_breaks_the_form_for_its_answer(text: str) -> None:
    """Whatever is asked, Slack takes the form in which it is answered."""
    check_view(answer_form(PRIYA, text, PLACE))
    check_view(escalate_form(request(reason=text), PAYMENTS, SHORTEST, PLACE))


def test_a_form_reads_back_into_what_it_was_made_of() -> None:
    """What was filled in is shown again after a change; a duration that nobody touched follows the policy."""
    made = Draft(LEDGER, "4h", "why", expanded=True, more=(PAYMENTS,), person=NOAH, starts=NOON)
    view = request_form(MANY, PLACE, made)
    view["state"] = {"values": initial_values(view["blocks"])}
    assert draft_of(MANY, read_filled(view), view) == replace(made, duration_text="")
    duration = view["state"]["values"]["duration:listed"]["duration"]
    duration["selected_option"] = {"value": "30m"}
    assert draft_of(MANY, read_filled(view), view) == replace(made, duration_text="30m")


@given(
    st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["state", "values", "access", "duration", "reason", "value"]), inner)
        ),
        max_leaves=12,
    )
)
def test_a_form_of_any_shape_is_read(view: object) -> None:
    """Whatever comes as a form is read as texts; a duration is read, or refused and nothing else."""
    filled = read_filled(view)
    assert all(isinstance(text, str) for text in (filled.entitlement, filled.duration_text, filled.reason))
    with suppress(FieldRefused):
        assert filled.duration()


@pytest.mark.parametrize(
    "control", [{"value": "1h30m"}, {"selected_option": {"value": "1h30m"}}, {"selected_option": {"value": "90m"}}]
)
def test_a_duration_is_read_from_a_select_or_a_text(control: dict[str, object]) -> None:
    """Both kinds of *Duration* give the same."""
    view = {"state": {"values": {"any-block": {"duration": control}}}}
    assert read_filled(view).duration() == 90 * MINUTE
    assert read_filled(view).blocks == {"duration": "any-block"}
