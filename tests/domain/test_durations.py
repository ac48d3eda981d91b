"""Durations as people type and read them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessbot.domain.durations import compact, measured, parse_duration, spoken
from accessbot.domain.errors import FieldRefused

YEAR_S = 366 * 86_400


@given(st.integers(1, YEAR_S))
def test_what_is_written_is_read_back(seconds: int) -> None:
    """Every duration of whole seconds survives being written and read."""
    duration = timedelta(seconds=seconds)
    assert parse_duration(compact(duration)) == duration


@given(st.text(max_size=20))
def test_any_text_is_a_duration_or_a_refusal_on_its_field(text: str) -> None:
    """Nothing else comes out, whatever is typed."""
    try:
        found = parse_duration(text)
    except FieldRefused as refusal:
        assert refusal.field == "duration"  # noqa: PT017 - either outcome is right, but only this refusal
    else:
        assert timedelta(0) < found <= timedelta(days=366)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("45m", 2700),
        ("1h30m", 5400),
        (" 1h 30m ", 5400),
        ("2d", 172_800),
        ("2D", 172_800),
        ("90m", 5400),
        ("1d1h1m1s", 90_061),
        ("366d", YEAR_S),
    ],
)
def test_what_people_type(text: str, seconds: int) -> None:
    """The forms that are promised, in any case, with spaces."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "0s", "0h0m", "1", "h", "30m1h", "1.5h", "-1h", "1w", "1h1h", "9d9d", "\u0661h"])
def test_what_is_no_duration(text: str) -> None:
    """Nothing, zero, a bare number, a wrong order, fractions, signs, other units, other digits, more than a year."""
    with pytest.raises(FieldRefused):
        parse_duration(text)


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(0), "less than 1 s"),
        (timedelta(milliseconds=999), "less than 1 s"),
        (timedelta(seconds=1), "1 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=1), "1 min"),
        (timedelta(minutes=90), "1 h 30 min"),
        (timedelta(minutes=480), "8 h"),
        (timedelta(hours=1, seconds=1), "1 h 1 s"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=32), "1 day 8 h"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=2, hours=3, minutes=4), "2 days 3 h"),
    ],
)
def test_how_durations_are_said(duration: timedelta, words: str) -> None:
    """One and many, two units at most, never zero of anything, never 480 minutes."""
    assert spoken(duration) == words


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=366)))
def test_what_is_said_has_no_zero_and_no_more_than_two_parts(duration: timedelta) -> None:
    """No part of what is said is zero of something."""
    words = spoken(duration).split()
    assert "0" not in words
    assert len(words) <= 4


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.1 s"),
        (-1, "0.1 s"),
        (0.04, "0.1 s"),
        (0.44, "0.4 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min"),
        (90, "1 min 30 s"),
    ],
)
def test_how_a_measured_time_is_said(seconds: float, words: str) -> None:
    """In tenths below a minute, never zero, and like any other duration from a minute on."""
    assert measured(timedelta(seconds=seconds)) == words
