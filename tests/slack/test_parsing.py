"""What people type after the command: understood as far as it goes, never an accident."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessbot.domain.durations import compact
from accessbot.slack.parsing import parse_command, wants_help
from accessbot.slack.text import (
    elide,
    elide_escaped,
    escape,
    left,
    listing,
    mention,
    quoted,
    sentence,
    unescape,
    when,
)
from tests.slack.shapes import NOON

DURATIONS = st.integers(1, 366 * 86_400).map(lambda seconds: timedelta(seconds=seconds))
IDS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,40}", fullmatch=True)
REASONS = st.text(min_size=1, max_size=200).map(str.strip).filter(bool)


@given(IDS, DURATIONS, REASONS, st.sampled_from([" ", "  ", "\t", "\u00a0"]))
def test_a_complete_line_reads_back(name: str, duration: timedelta, reason: str, gap: str) -> None:
    """Entitlement, duration and reason come out as they went in, whatever the reason holds."""
    typed = parse_command(f"{gap}{name}{gap}{compact(duration)}{gap}{escape_as_slack(reason)}")
    assert (typed.entitlement, typed.duration, typed.reason) == (name, duration, reason)
    assert typed.complete


@given(st.text(max_size=300))
def test_nothing_typed_is_an_accident(text: str) -> None:
    """Any text at all is read without an exception, and is complete only with all three parts."""
    typed = parse_command(text)
    assert typed.complete == bool(typed.entitlement and typed.duration and typed.reason and not typed.refusal)
    wants_help(text)


def escape_as_slack(text: str) -> str:
    """Escape as Slack does in the text of a command."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("production-admin 2h fixing INC-42", ("production-admin", timedelta(hours=2), "fixing INC-42")),
        ("“production-admin” ‘1h 30m’ it: is “down”", ("production-admin", timedelta(minutes=90), "it: is “down”")),  # noqa: RUF001 - as phones write it
        ("  production-admin   2H   why ", ("production-admin", timedelta(hours=2), "why")),
        ('production-admin "2 h" a "quoted" reason', ("production-admin", timedelta(hours=2), 'a "quoted" reason')),
        ("production-admin", ("production-admin", None, "")),
        ("production-admin 2h", ("production-admin", timedelta(hours=2), "")),
        ("production-admin fixing INC-42", ("production-admin", None, "fixing INC-42")),
        ("", ("", None, "")),
        ("production-admin INC-42 is open", ("production-admin", None, "INC-42 is open")),
    ],
)
def test_what_people_write_is_understood(text: str, expected: tuple[str, timedelta | None, str]) -> None:
    """Quotes of every kind, extra space and missing parts are read as meant."""
    typed = parse_command(text)
    assert (typed.entitlement, typed.duration, typed.reason) == expected


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a,b 1h why", ("a", "b")),
        ("a, b , c 1h why", ("a", "b", "c")),
        ("“a”, b 1h why", ("a", "b")),
        ("a,,a,b, 1h why", ("a", "b")),
        ("a, b", ("a", "b")),
        ("a,", ("a",)),
        (",", ()),
    ],
)
def test_several_names_are_read(text: str, names: tuple[str, ...]) -> None:
    """Commas part names, whether spaces follow them or not; a name given twice counts once."""
    assert parse_command(text).entitlements == names


def test_a_list_ends_where_no_comma_is() -> None:
    """What follows the last name is duration and reason, commas in the reason included."""
    typed = parse_command("a, b 1h it is down, and up, again")
    assert (typed.entitlements, typed.duration, typed.reason) == (
        ("a", "b"),
        timedelta(hours=1),
        "it is down, and up, again",
    )


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("emergency a 30m INC-42 down", "a", "INC-42 down"),
        ("EMERGENCY  a 30m INC-42 down", "a", "INC-42 down"),
        ("emergency", "", ""),
        ("emergency a", "a", ""),
    ],
)
def test_an_emergency_is_read(text: str, name: str, reason: str) -> None:
    """The word in front makes it an emergency; the rest is read as ever."""
    typed = parse_command(text)
    assert (typed.emergency, typed.entitlement, typed.reason) == (True, name, reason)
    assert not parse_command("a 30m in an emergency").emergency


@pytest.mark.parametrize("word", ["2x", "0s", "-1h", "9999d", "1h30"])
def test_a_wrong_duration_is_told_and_kept(word: str) -> None:
    """A duration that is none is told in a sentence, and what was typed stays in the form."""
    typed = parse_command(f"production-admin {word} because")
    assert typed.refusal is not None
    assert typed.refusal.field == "duration"
    assert (typed.duration_text, typed.reason) == (word, "because")


@given(st.text(max_size=400), st.integers(5, 60))
def test_cut_text_never_ends_inside_an_escape(text: str, limit: int) -> None:
    """Cutting respects the limit and leaves no half of an escaped character."""
    cut = elide_escaped(text, limit)
    assert len(cut) <= limit
    assert len(elide(text, limit)) <= limit
    assert cut.count("&") == sum(cut.count(whole) for whole in ("&amp;", "&lt;", "&gt;"))


@given(st.text(max_size=1000))
def test_a_quotation_is_marked_on_every_line(text: str) -> None:
    """Nothing in a quotation can pass for our own words."""
    shown = quoted(text)
    assert all(line.startswith("> ") for line in shown.split("\n"))
    assert len(shown) <= 3000


def test_escaping_takes_reading_order_and_markup_away() -> None:
    """Control and direction characters go, markup is escaped, and Slack's own escaping reads back."""
    assert escape("a\u202eb\x07<!here>&") == "ab&lt;!here&gt;&amp;"
    assert unescape("&lt;b&gt; &amp;amp;") == "<b> &amp;"
    assert sentence("by <@U03PRIYA> <!here>") == "by <@U03PRIYA> &lt;!here&gt;"


def test_people_are_named_by_mention_or_by_what_they_are() -> None:
    """A Slack user is mentioned, an operator named, and accessbot is accessbot."""
    assert [mention(who) for who in ("U03PRIYA", "cli:root", "accessbot", "")] == [
        "<@U03PRIYA>",
        "operator root",
        "accessbot",
        "accessbot",
    ]
    assert [listing(list(words)) for words in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]


def test_times_are_for_every_reader() -> None:
    """A time is shown in the reader's zone, with UTC where the client cannot."""
    assert when(NOON) == "<!date^1795521600^{date_short_pretty} at {time}|24 Nov 2026, 12:00 UTC>"
    assert [left(timedelta(seconds=s)) for s in (0, 45, 3599, 3661)] == ["less than 1 s", "45 s", "59 min", "1 h 1 min"]
