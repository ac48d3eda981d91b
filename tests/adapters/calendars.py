"""Calendars for tests, written as tools export them."""

from __future__ import annotations

DAY_SHIFT = "DTSTART:20260324T090000Z\nDTEND:20260325T090000Z"


def calendar(*events: str, before: str = "") -> bytes:
    """Write a calendar of events, each by its lines without those that frame it; each gets a UID unless it has one."""
    written = [
        ["BEGIN:VEVENT", *([] if "UID:" in event else [f"UID:{number}@example.com"]), *event.split("\n"), "END:VEVENT"]
        for number, event in enumerate(events)
    ]
    lines = [line for event in written for line in event]
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//Rota//EN", *before.split("\n")]
    return "\r\n".join([*(line for line in head if line), *lines, "END:VCALENDAR", ""]).encode()


def shift(who: str = "maya@example.com", times: str = DAY_SHIFT, more: str = "") -> str:
    """Write an event with one attendee."""
    return "\n".join(line for line in (times, more, f"ATTENDEE:mailto:{who}", "SUMMARY:On call") if line)
