"""The schedules that are kept outside: iCal feeds, and PagerDuty by its API."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NoReturn

from accessbot.adapters.fetching import Source, fetch, refusal
from accessbot.adapters.oncall_addresses import NoAddress, resolve, written
from accessbot.adapters.oncall_apart import CalendarRefused, read_apart
from accessbot.adapters.oncall_pagerduty import SOURCE, PagerDutyApi
from accessbot.domain.errors import NotAuthorised, Rejected, Unavailable
from accessbot.domain.oncall import Feed, PagerDuty, Schedule, Shift

_OK = 200
_ACCEPT = {"accept": "text/calendar, text/plain;q=0.5, */*;q=0.1"}


class OnCallFeeds:
    """Reads schedules from where they are kept; safe to share over threads, as it holds no connection.

    `environ` holds the addresses that the catalog names variables for. `token` is PagerDuty's, "" for none, and `root`
    where it is called. `timeout` bounds the calls for one schedule, `seconds` the processor time to read a calendar.
    """

    def __init__(
        self,
        *,
        timeout: timedelta,
        root: str = "https://api.pagerduty.com",
        token: str = "",
        environ: Mapping[str, str] = os.environ,
        seconds: int = 5,
    ) -> None:
        self._timeout = timeout
        self._pagerduty = PagerDutyApi(root, token, timeout) if token else None
        self._environ = environ
        self._seconds = seconds

    def shifts(self, schedule: Schedule, begins: datetime, ends: datetime) -> tuple[Shift, ...]:
        """Read who is on call at any time between the two, cut to it, merged and in order.

        Raises `Unavailable`, `NotAuthorised` or `Rejected` rather than give a part; ValueError for a schedule that is
        not kept outside.
        """
        match schedule.source:
            case Feed():
                return self._calendar(schedule.name, schedule.source, begins, ends)
            case PagerDuty(id=key):
                if self._pagerduty is None:
                    sentence = "PAGERDUTY_API_TOKEN is not set: set it to a read-only API key of PagerDuty."
                    raise NotAuthorised(SOURCE.vendor, SOURCE.operation, sentence, code="no token")
                return self._pagerduty.shifts(key, begins, ends)
            case _:
                raise ValueError(f"{schedule.name} is no schedule that is kept outside")

    def _calendar(self, name: str, feed: Feed, begins: datetime, ends: datetime) -> tuple[Shift, ...]:
        source = Source(vendor=f"the iCal feed of {name}", operation="GET", written=written(feed.address))
        try:
            url = resolve(feed.address, self._environ)
        except NoAddress as error:
            raise NotAuthorised(source.vendor, source.operation, error.sentence, code="no address") from error
        answer = fetch(source, url, timeout=self._timeout, headers=_ACCEPT)
        if answer.status != _OK:
            raise refusal(source, answer)
        try:
            return read_apart(answer.body, feed.zone, begins, ends, seconds=self._seconds)
        except CalendarRefused as error:
            sentence = f"{source.subject} {error}; nothing of it is used."
            raise Rejected(source.vendor, source.operation, sentence, code="unusable calendar") from error
        except OSError as error:
            _busy(source, error)


def _busy(source: Source, error: OSError) -> NoReturn:
    sentence = f"{source.subject} was not read, as this machine is too busy; accessbot will try again."
    raise Unavailable(source.vendor, source.operation, sentence, code=type(error).__name__) from error
