"""Schedules that are kept outside, read over HTTP: all of one, or an error that says why not."""

from __future__ import annotations

import json
import threading
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from accessbot.adapters.oncall_feeds import OnCallFeeds
from accessbot.domain.errors import NotAuthorised, Rejected, Unavailable, VendorError
from accessbot.domain.oncall import Feed, PagerDuty, Schedule, Shift, UserGroup
from tests.adapters.calendars import calendar, shift
from tests.support.answering import Asked, Reply, answering, plain

BEGINS, ENDS = datetime(2026, 3, 20, tzinfo=UTC), datetime(2026, 4, 12, tzinfo=UTC)
MAYA_S_DAY = Shift(
    who="maya@example.com",
    begins=datetime(2026, 3, 24, 9, tzinfo=UTC),
    ends=datetime(2026, 3, 25, 9, tzinfo=UTC),
)
PAGED = Schedule(name="web", source=PagerDuty(id="PWEB"))
CALENDAR = Schedule(name="sre", source=Feed(address="SRE_ROTA_URL", zone=ZoneInfo("Europe/Stockholm")))
LONG = timedelta(seconds=10)
TOKEN = "u+made-up-token"


def entry(**given: Any) -> dict[str, Any]:  # noqa: ANN401 - any part of an entry may be replaced
    """Write an entry of PagerDuty's answer."""
    return {
        "user": {"id": "PU1", "type": "user", "email": "Maya@Example.com", "summary": "Maya Lind"},
        "schedule": {"id": "PWEB", "type": "schedule_reference"},
        "escalation_policy": {"id": "PE1"},
        "escalation_level": 1,
        "start": "2026-03-24T09:00:00Z",
        "end": "2026-03-25T10:00:00+01:00",
    } | given


def page(*entries: dict[str, Any], more: object = False) -> Reply:
    """Write a page of PagerDuty's answer."""
    return plain(200, json.dumps({"oncalls": entries, "more": more, "limit": 100, "offset": 0}).encode())


def read(url: str, schedule: Schedule, timeout: timedelta = LONG) -> tuple[Shift, ...]:
    """Read a schedule from a server."""
    environ = {"SRE_ROTA_URL": f"{url}/private/s3cr3t/feed"}
    return OnCallFeeds(timeout=timeout, root=url, token=TOKEN, environ=environ).shifts(schedule, BEGINS, ENDS)


def fails(reply: Reply, schedule: Schedule, kind: type[VendorError]) -> VendorError:
    """Read a schedule that cannot be; the error says so without a secret."""
    with answering(lambda _: reply) as server, pytest.raises(kind) as caught:
        read(server.url, schedule)
    told = "".join(traceback.format_exception(caught.value))
    assert TOKEN not in told
    assert "s3cr3t" not in told
    return caught.value


@pytest.mark.parametrize("schedule", [PAGED, CALENDAR], ids=["pagerduty", "ical"])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, Rejected),
        (401, NotAuthorised),
        (403, NotAuthorised),
        (404, Rejected),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_an_answer_that_is_none_is_an_error(schedule: Schedule, status: int, kind: type[VendorError]) -> None:
    """Nobody is taken off call, and nobody put on it, by an error of the source."""
    error = fails(plain(status, b"[]", Retry_After="11", Location="http://127.0.0.1:1/"), schedule, kind)
    assert error.code == str(status)
    assert not isinstance(error, Unavailable) or error.retry_after == timedelta(seconds=11)


@pytest.mark.parametrize("schedule", [PAGED, CALENDAR], ids=["pagerduty", "ical"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Sign in</html>",
        b"{}",
        b"[" * 100_000,
        b"[1]",
        b'{"oncalls": {}, "more": false}',
        b'{"oncalls": []}',
        b'{"oncalls": [null], "more": false}',
        b"\xff",
        b"x" * 10_000_000,
    ],
    ids=["empty", "page", "object", "deep", "list", "no list", "no more", "null", "bytes", "10 MB"],
)
def test_garbage_is_refused(schedule: Schedule, body: bytes) -> None:
    """An answer of another kind, or of ten million bytes, is no schedule."""
    fails(plain(200, body), schedule, Rejected)


@pytest.mark.parametrize("schedule", [PAGED, CALENDAR], ids=["pagerduty", "ical"])
def test_a_source_that_is_away_or_slow_is_an_outage(schedule: Schedule) -> None:
    """It is asked again later."""
    with pytest.raises(Unavailable):
        read("http://127.0.0.1:1", schedule)
    stop = threading.Event()

    def never(_: Asked) -> Reply:
        yield b"HTTP/1.1 200 OK\r\n"
        stop.wait(10)

    with answering(never) as server:
        with pytest.raises(Unavailable):
            read(server.url, schedule, timedelta(seconds=0.3))
        stop.set()


def test_a_calendar_is_read_from_the_variable_s_address() -> None:
    """It is fetched from the secret address that the environment holds, or from the one in the catalog."""
    with answering(lambda _: plain(200, calendar(shift()))) as server:
        assert read(server.url, CALENDAR) == (MAYA_S_DAY,)
        direct = Schedule(name="sre", source=Feed(address=f"{server.url}/direct", zone=ZoneInfo("UTC")))
        assert OnCallFeeds(timeout=LONG, environ={}).shifts(direct, BEGINS, ENDS) == (MAYA_S_DAY,)
        assert [asked.target for asked in server.asked] == ["/private/s3cr3t/feed", "/direct"]


def test_what_is_wrong_with_a_calendar_is_told() -> None:
    """The sentence names the schedule and the mistake."""
    error = fails(plain(200, calendar(shift(more="RRULE:FREQ=SECONDLY"))), CALENDAR, Rejected)
    assert error.sentence.startswith("The iCal feed of sre repeats something secondly")


def test_a_feed_whose_variable_is_gone_is_not_read() -> None:
    """A variable that a reloaded catalog names, and the process does not have, is named."""
    with pytest.raises(NotAuthorised, match="SRE_ROTA_URL is not set"):
        OnCallFeeds(timeout=LONG, environ={}).shifts(CALENDAR, BEGINS, ENDS)


def test_pagerduty_is_not_asked_without_a_token() -> None:
    """The sentence names the variable to set."""
    with pytest.raises(NotAuthorised, match="PAGERDUTY_API_TOKEN is not set"):
        OnCallFeeds(timeout=LONG, environ={}).shifts(PAGED, BEGINS, ENDS)


def test_a_schedule_of_another_kind_is_a_defect() -> None:
    """Who asks a feed about a user group did not look."""
    group = Schedule(name="dba", source=UserGroup(id="S0123ABCD"))
    with pytest.raises(ValueError, match="dba"):
        OnCallFeeds(timeout=LONG, environ={}).shifts(group, BEGINS, ENDS)


def test_pagerduty_is_asked_as_its_reference_says() -> None:
    """One schedule, the time, the users included; the token in its header and nowhere else."""
    with answering(lambda _: page(entry())) as server:
        assert read(server.url, PAGED) == (MAYA_S_DAY,)
        [asked] = server.asked
    target = urlsplit(asked.target)
    assert (asked.method, target.path) == ("GET", "/oncalls")
    assert parse_qs(target.query) == {
        "schedule_ids[]": ["PWEB"],
        "since": ["2026-03-20T00:00:00+00:00"],
        "until": ["2026-04-12T00:00:00+00:00"],
        "include[]": ["users"],
        "time_zone": ["UTC"],
        "limit": ["100"],
        "offset": ["0"],
    }
    assert asked.headers["authorization"] == f"Token token={TOKEN}"
    assert asked.headers["accept"] == "application/vnd.pagerduty+json;version=2"


def test_all_pages_of_pagerduty_are_read() -> None:
    """Shifts that several escalation policies or pages tell of are one, and one that is cut in two is whole."""
    noah = {"email": "noah@example.com"}
    pages = {
        "0": page(entry(), entry(escalation_policy={"id": "PE2"}), more=True),
        "2": page(entry(user=noah, start="2026-03-25T09:00:00Z", end="2026-04-01T09:00:00Z"), more=True),
        "3": page(entry(user=noah, start="2026-04-01T09:00:00Z", end=None)),
    }
    with answering(lambda asked: pages[parse_qs(urlsplit(asked.target).query)["offset"][0]]) as server:
        shifts = read(server.url, PAGED)
    assert shifts == (MAYA_S_DAY, Shift(who="noah@example.com", begins=datetime(2026, 3, 25, 9, tzinfo=UTC), ends=ENDS))


def test_a_page_that_fails_fails_all() -> None:
    """Half of a schedule is not given."""

    def reply(asked: Asked) -> Reply:
        return page(entry(), more=True) if "offset=0" in asked.target else plain(500)

    with answering(reply) as server, pytest.raises(Unavailable):
        read(server.url, PAGED)


@pytest.mark.parametrize(
    "reply",
    [
        page(entry(schedule={"id": "POTHER"})),
        page(entry(schedule=None)),
        page(entry(user={"id": "PU1", "type": "user_reference"})),
        page(entry(user={"email": "nobody"})),
        page(entry(user=None)),
        page(entry(start="yesterday")),
        page(entry(end="2026-03-25T09:00:00")),
        page(more=True),
        page(entry(), more="yes"),
        page(entry(), more=True),
    ],
    ids=["schedule", "none", "reference", "address", "user", "time", "zone", "empty", "more", "endless"],
)
def test_an_entry_that_is_not_sure_refuses_all(reply: Reply) -> None:
    """Somebody of another schedule, without an address or at no time, or pages without an end."""
    fails(reply, PAGED, Rejected)
