"""Calendars: what is read from them, and all that makes one refused as a whole."""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from accessbot.adapters.oncall_apart import CalendarRefused, read_apart
from accessbot.adapters.oncall_ical import shifts_in
from tests.adapters.calendars import DAY_SHIFT, calendar, shift

STOCKHOLM = ZoneInfo("Europe/Stockholm")
BEGINS, ENDS = datetime(2026, 3, 20, tzinfo=UTC), datetime(2026, 4, 12, tzinfo=UTC)
MAYA, NOAH = "maya@example.com", "noah@example.com"

PAGERDUTY = """DTEND;VALUE=DATE-TIME:20260325T090000Z
DTSTART;VALUE=DATE-TIME:20260324T090000Z
ATTENDEE:Maya@Example.com
UID:Q0EXAMPLE
URL:https://example.pagerduty.com/schedules#PEXAMPLE
SUMMARY:On Call - Maya Lind - Primary"""
GOOGLE = """DTSTART;TZID=Europe/Stockholm:20260324T100000
DTEND;TZID=Europe/Stockholm:20260325T100000
ORGANIZER;CN=Rota:mailto:c_1234@group.calendar.google.com
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;CN=Maya;X-NUM
 -GUESTS=0:mailto:maya@example.com
ATTENDEE;CUTYPE=INDIVIDUAL;PARTSTAT=DECLINED;CN=Noah:mailto:noah@example.com
ATTENDEE;CUTYPE=RESOURCE;PARTSTAT=ACCEPTED;CN=Room:mailto:c_1@resource.calendar.google.com
STATUS:CONFIRMED
SUMMARY:On call this week"""
ZONE = """BEGIN:VTIMEZONE
TZID:Our zone
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0300
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
TZOFFSETFROM:+0200
TZOFFSETTO:+0300
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
END:VTIMEZONE"""
WEEKLY = "UID:w\nDTSTART;TZID=Europe/Stockholm:20260302T090000\nDTEND;TZID=Europe/Stockholm:20260303T090000"


def read(body: bytes) -> list[str]:
    """Read a calendar into lines: who, from and until when, in UTC."""
    return [
        f"{s.who.partition('@')[0]} {s.begins:%m-%d %H:%M} {s.ends:%m-%d %H:%M}"
        for s in shifts_in(body, STOCKHOLM, BEGINS, ENDS)
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (calendar(PAGERDUTY), ["maya 03-24 09:00 03-25 09:00"]),
        (calendar(GOOGLE), ["maya 03-24 09:00 03-25 09:00"]),
        (calendar(f"{DAY_SHIFT}\nSUMMARY:MAYA@example.com (primary)"), ["maya 03-24 09:00 03-25 09:00"]),
        (calendar(f"{DAY_SHIFT}\nATTENDEE;EMAIL=maya@example.com:urn:uuid:1"), ["maya 03-24 09:00 03-25 09:00"]),
        (calendar(shift(), shift(NOAH)), ["maya 03-24 09:00 03-25 09:00", "noah 03-24 09:00 03-25 09:00"]),
        (calendar(shift(times="DTSTART:20260324T090000Z\nDURATION:PT12H")), ["maya 03-24 09:00 03-24 21:00"]),
        (calendar(shift(times="DTSTART:20260328T090000\nDTEND:20260329T090000")), ["maya 03-28 08:00 03-29 07:00"]),
        (
            calendar(shift(times="DTSTART;VALUE=DATE:20260328\nDTEND;VALUE=DATE:20260330")),
            ["maya 03-27 23:00 03-29 22:00"],
        ),
        (calendar(shift(times="DTSTART;VALUE=DATE:20260324")), ["maya 03-23 23:00 03-24 23:00"]),
        (
            calendar(
                shift(times="DTSTART;TZID=Our zone:20260328T090000\nDTEND;TZID=Our zone:20260329T090000"), before=ZONE
            ),
            ["maya 03-28 07:00 03-29 06:00"],
        ),
        (calendar(shift(times="DTSTART:20260101T090000Z\nDTEND:20270101T090000Z")), ["maya 03-20 00:00 04-12 00:00"]),
        (calendar(shift(times="DTSTART:20250101T090000Z\nDTEND:20250102T090000Z")), []),
        (calendar(shift(more="STATUS:CANCELLED")), []),
        (calendar(shift(more="STATUS:TENTATIVE")), []),
        (calendar(shift(times="DTSTART:20260324T090000Z")), []),
        (calendar(), []),
        (b"\xef\xbb\xbf" + calendar(shift()), ["maya 03-24 09:00 03-25 09:00"]),
        (calendar(shift(), before="X-WR-TIMEZONE:Asia/Tokyo"), ["maya 03-24 09:00 03-25 09:00"]),
    ],
)
def test_a_shift_is_read_from_what_tools_export(body: bytes, expected: list[str]) -> None:
    """Whom an event names is on call for its time, in whichever way it is written."""
    assert read(body) == expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([""], ["maya 03-23", "maya 03-30", "maya 04-06"]),
        (["EXDATE;TZID=Europe/Stockholm:20260330T090000"], ["maya 03-23", "maya 04-06"]),
        (["RDATE;TZID=Europe/Stockholm:20260401T090000"], ["maya 03-23", "maya 03-30", "maya 04-01", "maya 04-06"]),
        (["", "RECURRENCE-ID;TZID=Europe/Stockholm:20260330T090000"], ["maya 03-23", "noah 03-30", "maya 04-06"]),
        (
            ["", "STATUS:CANCELLED\nRECURRENCE-ID;TZID=Europe/Stockholm:20260330T090000"],
            ["maya 03-23", "maya 04-06"],
        ),
    ],
    ids=["plain", "left out", "added", "swapped", "cancelled"],
)
def test_a_series_is_expanded_with_its_exceptions(events: list[str], expected: list[str]) -> None:
    """Occurrences keep their time of day over the change of the clocks; those left out, added or changed count."""
    written = [shift(MAYA, WEEKLY, "RRULE:FREQ=WEEKLY" + ("\n" + events[0] if events[0] else ""))]
    moved = WEEKLY.replace("20260302", "20260330").replace("20260303", "20260331")
    written += [shift(NOAH, moved, each) for each in events[1:]]
    shifts = shifts_in(calendar(*written), STOCKHOLM, BEGINS, ENDS)
    assert [f"{s.who.partition('@')[0]} {s.begins:%m-%d}" for s in shifts] == expected
    assert {f"{s.begins.astimezone(STOCKHOLM):%H:%M}" for s in shifts} == {"09:00"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Sign in</body></html>",
        b"\xff\xfe\x00garbage",
        b"BEGIN:VCALENDAR\nEND:VCALENDAR\nBEGIN:VCALENDAR\nEND:VCALENDAR",
        b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR",
        b"BEGIN:VCALENDAR\n" + b"BEGIN:VEVENT\n" * 20_000 + b"END:VCALENDAR",
        calendar(shift())[:-40],
        calendar(shift(), before="CALSCALE:JULIAN"),
        calendar(shift(), f"{DAY_SHIFT}\nSUMMARY:Team lunch"),
        calendar(shift(), f"{DAY_SHIFT}\nSUMMARY:Team lunch\nORGANIZER:mailto:boss@example.com"),
        calendar(f"{DAY_SHIFT}\nSUMMARY:maya@example.com for noah@example.com"),
        calendar(f"{DAY_SHIFT}\nSUMMARY:Maya Lind"),
        calendar(f"{DAY_SHIFT}\nATTENDEE;CN=Maya:invalid:nomail"),
        calendar(f"{DAY_SHIFT}\nATTENDEE;CUTYPE=GROUP:mailto:team@example.com"),
        calendar(shift(times="DTSTART:garbage\nDTEND:20260325T090000Z")),
        calendar(shift(times="DTSTART:20260324T090000Z\nDTEND:garbage")),
        calendar(shift(times="DTEND:20260325T090000Z")),
        calendar(shift(times="DTSTART:20260325T090000Z\nDTEND:20260324T090000Z")),
        calendar(shift(times="DTSTART:20260324T090000Z\nDTEND:20260325T090000")),
        calendar(shift(times="DTSTART;VALUE=DATE:20260324\nDTEND:20260325T090000Z")),
        calendar(shift(times=f"{DAY_SHIFT}\nDTSTART:20260324T100000Z")),
        calendar(shift(times="DTSTART;TZID=Mars/Olympus:20260324T090000\nDTEND;TZID=Mars/Olympus:20260325T090000")),
        calendar(shift(more="EXDATE;TZID=Mars/Olympus:20260324T090000")),
        calendar(shift(more="EXDATE:garbage")),
        calendar(shift(more="RRULE:garbage")),
        calendar(shift(more="RRULE:FREQ=WEEKLY;UNTIL=garbage")),
        calendar(shift(more="a line of no kind")),
        calendar(shift(more="UID:same"), shift(NOAH, more="UID:same")),
        calendar(shift(more="RRULE:FREQ=SECONDLY")),
        calendar(shift(more="RRULE:INTERVAL=1;FREQ=MINUTELY")),
        calendar(shift(more="RRULE:FREQ=HOU\r\n RLY")),
        calendar(
            shift(
                more="RRULE:FREQ=DAILY;BYHOUR="
                + ",".join(map(str, range(24)))
                + ";BYMINUTE="
                + ",".join(map(str, range(0, 60, 5)))
            )
        ),
        calendar(shift(), before=ZONE.replace("YEARLY", "SECONDLY")),
    ],
)
def test_a_calendar_that_is_not_sure_is_refused_as_a_whole(body: bytes) -> None:
    """Garbage, a part that cannot be read, or an event of nobody: there is no half a schedule, and no guess."""
    with pytest.raises(CalendarRefused) as caught:
        read(body)
    assert str(caught.value)[0].islower()


def test_an_event_of_nobody_elsewhere_in_time_does_no_harm() -> None:
    """Only the time that is asked about has to be sure."""
    assert read(calendar(shift(), "DTSTART:20200324T090000Z\nDTEND:20200325T090000Z\nSUMMARY:Lunch")) != []


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23;BYMINUTE=0,1,2,3,4,5,6,7,8,9",
    ],
)
def test_a_rule_that_would_not_come_to_an_end_is_cut_off(rule: str) -> None:
    """Reading has a time of its own, in a process of its own, which is gone afterwards."""
    hostile = calendar(*(shift(times="DTSTART:00020101T090000Z\nDTEND:00020102T090000Z", more=f"RRULE:{rule}"),) * 40)
    with pytest.raises(CalendarRefused, match="more time"):
        read_apart(hostile, STOCKHOLM, BEGINS, ENDS, seconds=1, patience=timedelta(minutes=2))


def test_a_machine_that_is_too_busy_is_not_the_calendar_s_fault() -> None:
    """A process that does not come to an end in time is told apart from a calendar that took its time."""
    with pytest.raises(TimeoutError):
        read_apart(calendar(), STOCKHOLM, BEGINS, ENDS, patience=timedelta(milliseconds=1))


def test_reading_apart_is_reading() -> None:
    """Another process gives the same shifts and the same refusals, to the microsecond."""
    body = calendar(shift(), shift(NOAH))
    begins = datetime(2026, 3, 24, 12, 0, 0, 1, tzinfo=UTC)
    ends = datetime(2026, 3, 24, 12, 0, 0, 999_999, tzinfo=UTC)
    assert read_apart(body, STOCKHOLM, begins, ends) == shifts_in(body, STOCKHOLM, begins, ends)
    with pytest.raises(CalendarRefused, match="BEGIN:VCALENDAR"):
        read_apart(b"<html>", STOCKHOLM, BEGINS, ENDS)


def test_a_secret_of_this_process_is_not_in_the_other_one_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what it needs is in its environment: it starts with next to nothing."""
    monkeypatch.setenv("PYTHONSTARTUP", "/nowhere")
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # would keep it from starting
    assert read_apart(calendar(), STOCKHOLM, BEGINS, ENDS) == ()


def test_a_process_that_fails_is_not_the_calendar_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation that cannot run its own program says so, and blames no feed."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(OSError, match="nowhere"):
        read_apart(calendar(), STOCKHOLM, BEGINS, ENDS)
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(OSError, match="ended with 1"):
        read_apart(calendar(), STOCKHOLM, BEGINS, ENDS)
