"""What every source of on-call schedules keeps to: a calendar, PagerDuty's API, and the one in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from accessbot.adapters.oncall_feeds import OnCallFeeds
from accessbot.domain.errors import Unavailable
from accessbot.domain.oncall import Feed, PagerDuty, Schedule, Shift
from accessbot.ports import Feeds
from tests.adapters.calendars import calendar
from tests.fakes.oncall import FakeFeeds
from tests.support.answering import Reply, answering, plain

MAYA, NOAH = "maya@example.com", "noah@example.com"
START = datetime(2026, 3, 23, 8, tzinfo=UTC)
DAY = timedelta(days=1)


def shift(who: str, first: float, last: float) -> Shift:
    """Make a shift from one day after the start to another."""
    return Shift(who=who, begins=START + first * DAY, ends=START + last * DAY)


@contextmanager
def in_memory(shifts: tuple[Shift, ...], *, away: bool) -> Iterator[tuple[Feeds, Schedule]]:
    """Give the one that tests of the service use."""
    feeds = FakeFeeds(trouble=Unavailable("PagerDuty", "GET", "It is away.") if away else None)
    feeds.put("web", *shifts)
    yield feeds, Schedule(name="web", source=PagerDuty(id="PWEB"))


@contextmanager
def of_pagerduty(shifts: tuple[Shift, ...], *, away: bool) -> Iterator[tuple[Feeds, Schedule]]:
    """Give the one that asks PagerDuty."""
    entries = [
        {
            "user": {"email": each.who.upper()},
            "schedule": {"id": "PWEB"},
            "start": each.begins.isoformat(),
            "end": each.ends.isoformat() if each.ends else None,
        }
        for each in shifts
    ]
    with served(json.dumps({"oncalls": entries, "more": False}).encode(), away=away) as url:
        yield (
            OnCallFeeds(timeout=timedelta(seconds=10), root=url, token="made-up", environ={}),
            Schedule(name="web", source=PagerDuty(id="PWEB")),
        )


@contextmanager
def of_a_calendar(shifts: tuple[Shift, ...], *, away: bool) -> Iterator[tuple[Feeds, Schedule]]:
    """Give the one that reads a calendar."""
    events = [
        f"DTSTART:{each.begins:%Y%m%dT%H%M%SZ}\nDTEND:{each.ends:%Y%m%dT%H%M%SZ}\nATTENDEE:MAILTO:{each.who.upper()}"
        for each in shifts
    ]
    with served(calendar(*events), away=away) as url:
        source = Feed(address=url, zone=ZoneInfo("Europe/Stockholm"))
        yield OnCallFeeds(timeout=timedelta(seconds=10), environ={}), Schedule(name="web", source=source)


@contextmanager
def served(body: bytes, *, away: bool) -> Iterator[str]:
    """Serve a body, or an outage."""

    def reply(_: object) -> Reply:
        return plain(503) if away else plain(200, body)

    with answering(reply) as server:
        yield server.url


Make = Callable[..., AbstractContextManager[tuple[Feeds, Schedule]]]


@pytest.fixture(params=[in_memory, of_pagerduty, of_a_calendar], ids=["memory", "pagerduty", "ical"])
def make(request: pytest.FixtureRequest) -> Make:
    """Give what makes each of them from the shifts that it is to tell of."""
    made: Make = request.param
    return made


def read(make: Make, *shifts: Shift, first: float = 0, last: float = 14, away: bool = False) -> tuple[Shift, ...]:
    """Read a source with these shifts between two days after the start."""
    with make(shifts, away=away) as (feeds, schedule):
        return feeds.shifts(schedule, START + first * DAY, START + last * DAY)


def test_shifts_are_merged_and_in_order(make: Make) -> None:
    """Each person's adjoining and overlapping shifts are one, by their begin; addresses are in lower case."""
    given = (shift(NOAH, 2, 3), shift(MAYA, 1, 2), shift(MAYA, 0, 1), shift(NOAH, 2.5, 4), shift(MAYA, 6, 7))
    assert read(make, *given) == (shift(MAYA, 0, 2), shift(NOAH, 2, 4), shift(MAYA, 6, 7))


def test_two_people_may_be_on_call_together(make: Make) -> None:
    """Both are told of, by name where they begin at once."""
    assert read(make, shift(NOAH, 1, 3), shift(MAYA, 1, 2)) == (shift(MAYA, 1, 2), shift(NOAH, 1, 3))


def test_what_is_told_is_cut_to_the_time_asked_about(make: Make) -> None:
    """Shifts outside of it are left out, those at its edges cut."""
    given = (shift(MAYA, 0, 2), shift(NOAH, 2, 4), shift(MAYA, 4, 6))
    assert read(make, *given, first=1, last=3) == (shift(MAYA, 1, 2), shift(NOAH, 2, 3))
    assert read(make, *given, first=2, last=4) == (shift(NOAH, 2, 4),)


def test_nobody_on_call_is_an_answer(make: Make) -> None:
    """An empty schedule is no error."""
    assert read(make) == ()


def test_an_outage_is_no_answer(make: Make) -> None:
    """A source that is away says nothing of who is on call."""
    with pytest.raises(Unavailable):
        read(make, shift(MAYA, 0, 2), away=True)
