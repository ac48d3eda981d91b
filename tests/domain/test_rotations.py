"""Whose turn it is, at which instant, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from accessbot.domain.model import Selector, SelectorKind
from accessbot.domain.oncall import Override, Rotation, Shift
from accessbot.domain.rotations import cut, gaps, instant, merged, overlapping, shifts_of

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
MAYA, NOAH, PRIYA = "maya@example.com", "noah@example.com", "priya@example.com"
ZONES = (
    "Europe/Stockholm",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",  # half an hour of daylight saving time
    "Africa/Nairobi",
    "America/St_Johns",
    "Pacific/Apia",  # left a whole day out in 2011
    "UTC",
)


def wall(text: str) -> datetime:
    """Read a wall clock's time."""
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    """Read an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def rotation(
    since: str, every: timedelta, zone: str = "Europe/Stockholm", overrides: tuple[Override, ...] = ()
) -> Rotation:
    """Make a rotation; its people are given beside it."""
    return Rotation(people=(), every=every, since=wall(since), zone=ZoneInfo(zone), overrides=overrides)


def override(who: str, begins: str, ends: str) -> Override:
    """Make an override by the wall clock."""
    return Override(who=Selector(SelectorKind.USER, who), begins=wall(begins), ends=wall(ends))


def begins(shifts: tuple[Shift, ...]) -> list[str]:
    """Give when shifts begin, in UTC, to the minute."""
    return [f"{shift.begins:%m-%d %H:%M}" for shift in shifts]


@pytest.mark.parametrize(
    ("zone", "text", "expected"),
    [
        ("Europe/Stockholm", "2026-01-05 09:00", "2026-01-05 08:00"),
        ("Europe/Stockholm", "2026-03-29 01:59", "2026-03-29 00:59"),
        ("Europe/Stockholm", "2026-03-29 02:00", "2026-03-29 01:00"),
        ("Europe/Stockholm", "2026-03-29 02:30", "2026-03-29 01:00"),
        ("Europe/Stockholm", "2026-03-29 03:00", "2026-03-29 01:00"),
        ("Europe/Stockholm", "2026-10-25 01:59", "2026-10-24 23:59"),
        ("Europe/Stockholm", "2026-10-25 02:00", "2026-10-25 00:00"),
        ("Europe/Stockholm", "2026-10-25 02:30", "2026-10-25 00:30"),
        ("Europe/Stockholm", "2026-10-25 03:00", "2026-10-25 02:00"),
        ("America/New_York", "2026-03-08 02:15", "2026-03-08 07:00"),
        ("America/New_York", "2026-11-01 01:30", "2026-11-01 05:30"),
        ("Asia/Kolkata", "2026-03-29 02:30", "2026-03-28 21:00"),
        ("Africa/Nairobi", "2026-10-25 02:30", "2026-10-24 23:30"),
        ("Australia/Lord_Howe", "2026-10-04 02:10", "2026-10-03 15:30"),
        ("Australia/Lord_Howe", "2026-10-04 02:30", "2026-10-03 15:30"),
        ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04 14:45"),
        ("Australia/Lord_Howe", "2026-04-05 02:00", "2026-04-04 15:30"),
        ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30 10:00"),
    ],
)
def test_a_wall_clock_s_time_is_one_instant(zone: str, text: str, expected: str) -> None:
    """A time that clocks skip is the first after the gap, and one that they show twice the first of the two."""
    assert instant(wall(text), ZoneInfo(zone)) == utc(expected)


@pytest.mark.parametrize(
    ("zone", "first", "expected"),
    [
        ("Europe/Stockholm", "2026-03-16 09:00", ["03-16 08:00", "03-23 08:00", "03-30 07:00", "04-06 07:00"]),
        ("Europe/Stockholm", "2026-10-12 09:00", ["10-12 07:00", "10-19 07:00", "10-26 08:00", "11-02 08:00"]),
        ("America/New_York", "2026-02-23 09:00", ["02-23 14:00", "03-02 14:00", "03-09 13:00", "03-16 13:00"]),
        ("Asia/Kolkata", "2026-03-16 09:00", ["03-16 03:30", "03-23 03:30", "03-30 03:30", "04-06 03:30"]),
        ("Africa/Nairobi", "2026-10-12 09:00", ["10-12 06:00", "10-19 06:00", "10-26 06:00", "11-02 06:00"]),
        ("Australia/Lord_Howe", "2026-03-30 09:00", ["03-29 22:00", "04-05 22:30", "04-12 22:30", "04-19 22:30"]),
        ("Australia/Lord_Howe", "2026-09-28 09:00", ["09-27 22:30", "10-04 22:00", "10-11 22:00", "10-18 22:00"]),
    ],
)
def test_a_weekly_hand_over_stays_at_its_time_of_day(zone: str, first: str, expected: list[str]) -> None:
    """At nine in the morning, before and after the clocks are changed; the week of the change is longer or shorter."""
    turns = rotation(first, WEEK, zone)
    start = instant(wall(first), ZoneInfo(zone))
    shifts = shifts_of(turns, [MAYA, NOAH], start, start + 4 * WEEK - 2 * HOUR)
    assert begins(shifts) == expected
    assert [shift.who for shift in shifts] == [MAYA, NOAH, MAYA, NOAH]


@pytest.mark.parametrize(
    ("day", "length"),
    [
        ("2026-03-28", 23 * HOUR + HOUR / 2),
        ("2026-10-24", 24 * HOUR),
        ("2026-10-25", 25 * HOUR),
        ("2026-06-01", 24 * HOUR),
    ],
)
def test_a_day_is_as_long_as_the_clocks_make_it(day: str, length: timedelta) -> None:
    """A hand-over at half past two every night falls into the gap in spring, and on the first of two in autumn."""
    turns = rotation("2026-01-01 02:30", DAY)
    noon = utc(day).replace(hour=12)
    [shift] = [s for s in shifts_of(turns, [MAYA, NOAH], noon - 2 * DAY, noon + 3 * DAY) if s.begins <= noon < s.ends]  # type: ignore[operator]  # a rotation's shifts have an end
    assert shift.ends is not None
    assert shift.ends - shift.begins == length


def test_hours_that_do_not_exist_belong_to_nobody() -> None:
    """With a hand-over at every hour the turn between two and three has no time, and the next person goes on."""
    turns = rotation("2026-03-29 00:00", HOUR)
    shifts = shifts_of(turns, [MAYA, NOAH, PRIYA], utc("2026-03-28 23:00"), utc("2026-03-29 03:00"))
    assert [(s.who, f"{s.begins:%H:%M}") for s in shifts] == [
        (MAYA, "23:00"),
        (NOAH, "00:00"),
        (MAYA, "01:00"),  # three o'clock: Priya's turn was skipped with its hour
        (NOAH, "02:00"),
    ]


@pytest.mark.parametrize(
    ("at", "who"),
    [
        ("2026-01-05 07:59:59", None),
        ("2026-01-05 08:00:00", MAYA),
        ("2026-01-12 07:59:59", MAYA),
        ("2026-01-12 08:00:00", NOAH),
        ("2026-01-19 08:00:00", MAYA),
        ("2026-12-28 07:59:59", MAYA),
        ("2026-12-28 08:00:00", NOAH),
        ("2027-01-04 08:00:00", MAYA),
    ],
)
def test_the_second_of_the_hand_over_is_the_next_person_s(at: str, who: str | None) -> None:
    """Weeks follow each other over the year's end; before the first hand-over there is nobody."""
    turns = rotation("2026-01-05 09:00", WEEK)
    shifts = shifts_of(turns, [MAYA, NOAH], utc(at), utc(at) + timedelta(seconds=1))
    assert [shift.who for shift in shifts] == ([who] if who else [])


def test_one_person_s_turns_are_one_shift() -> None:
    """Somebody who follows themselves is not relieved in between."""
    turns = rotation("2026-01-05 09:00", WEEK)
    shifts = shifts_of(turns, [MAYA, MAYA, NOAH], utc("2026-01-05"), utc("2026-01-26 08:00"))
    assert [(s.who, f"{s.begins:%m-%d}") for s in shifts] == [(MAYA, "01-05"), (NOAH, "01-19")]


def test_a_rotation_of_nobody_has_only_its_overrides() -> None:
    """An empty group leaves nobody on call but who takes a shift by name."""
    turns = rotation("2026-01-05 09:00", WEEK, overrides=(override(PRIYA, "2026-01-06 09:00", "2026-01-07 09:00"),))
    shifts = shifts_of(turns, [], utc("2026-01-01"), utc("2026-02-01"))
    assert shifts == (Shift(who=PRIYA, begins=utc("2026-01-06 08:00"), ends=utc("2026-01-07 08:00")),)


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        (("2026-01-06 09:00", "2026-01-07 09:00"), [(MAYA, 5), (PRIYA, 6), (MAYA, 7), (NOAH, 12)]),
        (("2026-01-05 09:00", "2026-01-07 09:00"), [(PRIYA, 5), (MAYA, 7), (NOAH, 12)]),
        (("2026-01-11 09:00", "2026-01-13 09:00"), [(MAYA, 5), (PRIYA, 11), (NOAH, 13)]),
        (("2026-01-05 09:00", "2026-01-19 09:00"), [(PRIYA, 5)]),
        (("2026-01-01 09:00", "2026-01-06 09:00"), [(PRIYA, 5), (MAYA, 6), (NOAH, 12)]),
        (("2026-01-18 09:00", "2026-02-06 09:00"), [(MAYA, 5), (NOAH, 12), (PRIYA, 18)]),
    ],
)
def test_an_override_is_cut_out_of_the_shifts(taken: tuple[str, str], expected: list[tuple[str, int]]) -> None:
    """Whoever takes over a part, a whole, or parts of two shifts has just that; the others keep the rest."""
    turns = rotation("2026-01-05 09:00", WEEK, overrides=(override(PRIYA, *taken),))
    shifts = shifts_of(turns, [MAYA, NOAH], utc("2026-01-01"), utc("2026-01-19 08:00"))
    assert [(s.who, s.begins.day) for s in shifts] == expected
    assert gaps(shifts, utc("2026-01-05 08:00"), utc("2026-01-19 08:00")) == ()


def test_an_override_by_the_one_whose_turn_it_is_changes_nothing() -> None:
    """Nobody is relieved by themselves."""
    plain = rotation("2026-01-05 09:00", WEEK)
    taken = rotation("2026-01-05 09:00", WEEK, overrides=(override(MAYA, "2026-01-06 09:00", "2026-01-07 09:00"),))
    window = (utc("2026-01-01"), utc("2026-02-01"))
    assert shifts_of(taken, [MAYA, NOAH], *window) == shifts_of(plain, [MAYA, NOAH], *window)


def test_an_override_may_be_given_as_instants() -> None:
    """Times with a zone of their own mean what they say."""
    mine = Override(
        who=Selector(SelectorKind.USER, PRIYA), begins=utc("2026-01-06 08:00"), ends=utc("2026-01-06 20:00")
    )
    turns = rotation("2026-01-05 09:00", WEEK, overrides=(mine,))
    shifts = shifts_of(turns, [MAYA], utc("2026-01-06"), utc("2026-01-07"))
    assert [(s.who, s.begins.hour) for s in shifts] == [(MAYA, 0), (PRIYA, 8), (MAYA, 20)]


def test_overrides_that_overlap_are_found() -> None:
    """Each that begins before an earlier one is over is named with that one; touching is no overlap."""
    long = override(MAYA, "2026-01-01 00:00", "2026-01-10 00:00")
    inside = override(NOAH, "2026-01-02 00:00", "2026-01-03 00:00")
    later = override(PRIYA, "2026-01-09 00:00", "2026-01-11 00:00")
    touching = override(NOAH, "2026-01-11 00:00", "2026-01-12 00:00")
    assert overlapping([touching, later, inside, long]) == ((long, inside), (long, later))
    assert overlapping([touching, long]) == ()


def test_shifts_of_one_person_are_merged_and_others_stay() -> None:
    """Touching and overlapping shifts of one person become one; two people may be on call together."""

    def shift(who: str, first: int, last: int | None) -> Shift:
        return Shift(
            who=who,
            begins=utc("2026-01-01") + first * DAY,
            ends=None if last is None else utc("2026-01-01") + last * DAY,
        )

    given_ = [shift(MAYA, 2, 3), shift(NOAH, 1, 9), shift(MAYA, 1, 2), shift(MAYA, 5, 7), shift(MAYA, 6, None)]
    assert merged(given_) == (shift(MAYA, 1, 3), shift(NOAH, 1, 9), shift(MAYA, 5, None))
    assert merged([shift(MAYA, 1, None), shift(MAYA, 3, 4)]) == (shift(MAYA, 1, None),)
    assert merged([]) == ()


def test_gaps_are_the_times_of_nobody() -> None:
    """What no shift covers is listed, at the ends of the time too."""
    shifts = (
        Shift(who=MAYA, begins=utc("2026-01-02"), ends=utc("2026-01-05")),
        Shift(who=NOAH, begins=utc("2026-01-03"), ends=utc("2026-01-04")),
        Shift(who=NOAH, begins=utc("2026-01-06"), ends=None),
    )
    assert gaps(shifts, utc("2026-01-01"), utc("2026-01-08")) == (
        (utc("2026-01-01"), utc("2026-01-02")),
        (utc("2026-01-05"), utc("2026-01-06")),
    )
    assert gaps((), utc("2026-01-01"), utc("2026-01-02")) == ((utc("2026-01-01"), utc("2026-01-02")),)


def test_an_old_rotation_costs_no_more_than_a_new_one() -> None:
    """A century of hourly turns is not walked through to find today's."""
    turns = rotation("1926-01-01 00:00", HOUR, "Europe/London")
    looked = 0

    class Counted(tuple[str, ...]):
        """People who count how often they are looked at."""

        __slots__ = ()

        def __getitem__(self, index: object) -> str:  # type: ignore[override]  # one at a time is all that is asked for
            nonlocal looked
            looked += 1
            assert isinstance(index, int)
            return super().__getitem__(index)

    shifts = shifts_of(turns, Counted((MAYA, NOAH)), utc("2026-11-24"), utc("2026-11-24 12:00"))
    assert (len(shifts), looked) == (12, 12)


def test_a_rotation_runs_up_to_the_end_of_the_calendar() -> None:
    """A turn that lasts longer than dates can be written is no error."""
    turns = rotation("2026-01-05 09:00", timedelta(days=2_990_000))
    [shift] = shifts_of(turns, [MAYA, NOAH], utc("2026-01-05"), utc("9990-01-01"))
    assert (shift.who, shift.ends) == (MAYA, utc("9990-01-01"))


# --- for every rotation -----------------------------------------------------------------------------------------------

WALLS = st.datetimes(datetime(2011, 1, 1), datetime(2027, 1, 1)).map(lambda at: at.replace(second=0, microsecond=0))  # noqa: DTZ001 - wall clocks
PERIODS = st.one_of(
    st.sampled_from([HOUR, 12 * HOUR, DAY, WEEK]),
    st.integers(60, 60 * 24 * 30).map(lambda minutes: timedelta(minutes=minutes)),
)
ROTATIONS = st.builds(
    lambda since, every, zone: Rotation(people=(), every=every, since=since, zone=ZoneInfo(zone)),
    WALLS,
    PERIODS,
    st.sampled_from(ZONES),
)
PEOPLE = st.lists(st.sampled_from([MAYA, NOAH, PRIYA]), min_size=1, max_size=4)
OVERRIDES = st.lists(st.tuples(st.integers(-100, 2000), st.integers(1, 400)), max_size=3)
STARTS = st.integers(-50, 5000)
LENGTHS = st.integers(1, 500)


def with_overrides(turns: Rotation, given_: list[tuple[int, int]]) -> Rotation:
    """Add overrides: each by its begin after the first hand-over and its length, in hours."""
    taken = tuple(
        Override(
            who=Selector(SelectorKind.USER, "zoe@example.com"),
            begins=turns.since + first * HOUR,
            ends=turns.since + (first + length) * HOUR,
        )
        for first, length in given_
    )
    return Rotation(people=(), every=turns.every, since=turns.since, zone=turns.zone, overrides=taken)


@given(ROTATIONS, PEOPLE, OVERRIDES, STARTS, LENGTHS)
@example(rotation("2011-12-29 00:00", HOUR, "Pacific/Apia"), [MAYA, NOAH], [], 0, 60)
def test_shifts_tile_time_from_the_first_hand_over_on(
    turns: Rotation, people: list[str], taken: list[tuple[int, int]], first: int, length: int
) -> None:
    """Each shift begins when the one before it ends, the first with the time asked about, and none before `since`."""
    whole = with_overrides(turns, taken)
    began = instant(turns.since, turns.zone)
    start, end = began + first * HOUR, began + (first + length) * HOUR
    shifts = shifts_of(whole, people, start, end)
    edges = [shift.begins for shift in shifts] + [shift.ends for shift in shifts][-1:]
    assert edges == ([] if end <= began else [max(start, began), *[shift.ends for shift in shifts]])
    assert all(shift.ends is not None and shift.begins < shift.ends for shift in shifts)
    assert all(one.who != two.who for one, two in pairwise(shifts))


@given(ROTATIONS, PEOPLE, STARTS)
def test_exactly_one_person_is_on_call_at_each_instant(turns: Rotation, people: list[str], hours: int) -> None:
    """Who it is follows from how many hand-overs there were: the last one at or before the instant."""
    at = instant(turns.since, turns.zone) + abs(hours) * HOUR
    [shift] = shifts_of(turns, people, at, at + timedelta(microseconds=1))
    passed = max(0, abs(hours) * HOUR // turns.every - 30)
    while instant(turns.since + (passed + 1) * turns.every, turns.zone) <= at:
        passed += 1
    assert shift.who == people[passed % len(people)]


@given(ROTATIONS, PEOPLE, OVERRIDES, STARTS, LENGTHS, LENGTHS, LENGTHS)
def test_a_window_is_the_cut_of_a_larger_one(
    turns: Rotation, people: list[str], taken: list[tuple[int, int]], first: int, before: int, length: int, after: int
) -> None:
    """It does not matter how much is asked about: what is said of a time is the same."""
    whole = with_overrides(turns, taken)
    start = instant(turns.since, turns.zone) + first * HOUR
    end = start + length * HOUR
    large = shifts_of(whole, people, start - before * HOUR, end + after * HOUR)
    assert shifts_of(whole, people, start, end) == cut(large, start, end)
