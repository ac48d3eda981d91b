"""The forms: whole JSON, and what people filled in read back whatever its shape."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessbot.domain.errors import FieldRefused
from accessbot.domain.notices import Holding
from accessbot.slack.forms import Draft, Place, deny_form, extend_form, read_filled, request_form
from accessbot.slack.options import AccessIndex
from tests.slack.harness import SHORTEST, catalog, entitlement, policy
from tests.slack.shapes import HOUR, MINUTE, grant, hold_view

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
