"""Who is on call by PagerDuty's REST API, version 2.

`GET /oncalls` lists who is on call on a schedule by way of the escalation policies that use it: one entry for each of
those, the same shift several times over where several do. A schedule that no policy uses has nobody on call.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from accessbot.adapters.deadlines import within
from accessbot.adapters.fetching import Source, fetch, refusal
from accessbot.domain.errors import Rejected
from accessbot.domain.oncall import Shift
from accessbot.domain.rotations import cut, merged

SOURCE = Source(vendor="PagerDuty", operation="GET /oncalls", written="PAGERDUTY_API_TOKEN or the schedule's id")

_PAGE = 100
_MOST_PAGES = 50
_ACCEPT = "application/vnd.pagerduty+json;version=2"
_OK = 200


class PagerDutyApi:
    """PagerDuty at `root`, called with `token`; `timeout` bounds the reading of a schedule, all pages together."""

    def __init__(self, root: str, token: str, timeout: timedelta) -> None:
        self._root = root.rstrip("/")
        self._headers = {"authorization": f"Token token={token}", "accept": _ACCEPT}
        self._timeout = timeout

    def shifts(self, schedule: str, begins: datetime, ends: datetime) -> tuple[Shift, ...]:
        """Read who is on call on a schedule (its id) between two instants, every page, merged and in order.

        Raises `Unavailable`, `NotAuthorised` or `Rejected`, never giving a part. PagerDuty looks 90 days ahead at most.
        """
        found: list[Shift] = []
        seen = 0
        with within(self._timeout):
            for _ in range(_MOST_PAGES):
                page = self._page(schedule, begins, ends, seen)
                found += [_shift(entry, schedule, begins, ends) for entry in page["oncalls"]]
                seen += len(page["oncalls"])
                if not page["more"]:
                    return merged(cut(found, begins, ends))
                if not page["oncalls"]:
                    raise _strange("says that there is more, and gives nothing")
        raise _strange(f"has more than {_MOST_PAGES * _PAGE:,} entries")

    def _page(self, schedule: str, begins: datetime, ends: datetime, offset: int) -> dict[str, Any]:
        query = {
            "schedule_ids[]": schedule,
            "since": begins.astimezone(UTC).isoformat(),
            "until": ends.astimezone(UTC).isoformat(),
            "include[]": "users",
            "time_zone": "UTC",
            "limit": _PAGE,
            "offset": offset,
        }
        answer = fetch(SOURCE, f"{self._root}/oncalls?{urlencode(query)}", timeout=self._timeout, headers=self._headers)
        if answer.status != _OK:
            raise refusal(SOURCE, answer)
        try:
            page = json.loads(answer.body)
        except (ValueError, RecursionError) as error:
            raise _strange("is no JSON") from error
        if not (
            isinstance(page, dict) and isinstance(page.get("oncalls"), list) and isinstance(page.get("more"), bool)
        ):
            raise _strange("is no list of who is on call")
        return page


def _shift(entry: Any, schedule: str, begins: datetime, ends: datetime) -> Shift:  # noqa: ANN401 - JSON of any kind
    """Read one entry; one without a begin or an end lasts for as long as was asked about."""
    if _at(entry, "schedule", "id") != schedule:
        raise _strange("is about another schedule than was asked for")
    email = _at(entry, "user", "email")
    if not isinstance(email, str) or "@" not in email.strip("@ "):
        raise _strange("has somebody on call without an email address")
    return Shift(
        who=email.strip().lower(),
        begins=_time(entry.get("start")) or begins,
        ends=_time(entry.get("end")) or ends,
    )


def _at(entry: Any, *path: str) -> object:  # noqa: ANN401 - as above
    for name in path:
        entry = entry.get(name) if isinstance(entry, dict) else None
    found: object = entry
    return found


def _time(text: object) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise _strange("has a time that cannot be read") from error
    if time.tzinfo is None:
        raise _strange("has a time without a zone")
    return time.astimezone(UTC)


def _strange(what: str) -> Rejected:
    sentence = f"PagerDuty's answer to GET /oncalls {what}; nothing of it is used."
    return Rejected(SOURCE.vendor, SOURCE.operation, sentence, code="malformed answer")
