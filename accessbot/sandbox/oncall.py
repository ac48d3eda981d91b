"""Stand-ins for paging tools and for a ticket system: iCal feeds, PagerDuty's list of on-calls, a ticket hook.

They speak HTTP on a free loopback port:

    with OnCall() as paging:
        paging.rota.add("sre")
        paging.rota.hand_over("sre", "ada@example.com")
        urlopen(paging.feed("sre"))
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self

from icalendar import Calendar, Event, vCalAddress, vText
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Response

from accessbot.sandbox.faults import Faults
from accessbot.sandbox.journal import Journal
from accessbot.sandbox.loopback import ConnectionDropped, LoopbackServer
from accessbot.sandbox.oncall_state import Rota, Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from werkzeug.wrappers import Request

    from accessbot.sandbox.faults import Refusal
    from accessbot.sandbox.oncall_state import Schedule

__all__ = ["OnCall", "Rota", "Turn"]

Json = dict[str, Any]

TOKEN: Final = "sandbox-pagerduty-token"  # noqa: S105 - of a service on this machine alone
_ROUTES: Final = Map(
    [
        Rule("/feeds/<schedule>.ics", methods=["GET"], endpoint="oncall.feed"),
        Rule("/oncalls", methods=["GET"], endpoint="oncall.pagerduty"),
        Rule("/tickets", methods=["GET", "POST"], endpoint="oncall.tickets"),
    ]
)
# From PagerDuty's reference of its REST API, version 2: pages, and how far ahead one may look.
_PAGE, _MOST = 25, 100
_AHEAD: Final = timedelta(days=90)
_POLICIES: Final = (("PPRIMARY", "Primary", 1), ("PBACKUP", "Backup", 2))
_TICKET_FIELDS: Final = ("ticket", "reference", "id", "key")


class OnCall:
    """The three services of one company, at one address.

    `token` is what PagerDuty's list wants (`Authorization: Token token=…`). `faults` may be shared with other
    stand-ins; the method names here are `oncall.feed`, `oncall.pagerduty` and `oncall.tickets`.
    """

    def __init__(
        self, rota: Rota | None = None, *, faults: Faults | None = None, token: str = TOKEN, port: int = 0
    ) -> None:
        self.rota = rota or Rota()
        self.faults = faults or Faults()
        self.token = token
        self.journal = Journal(self.rota.now)
        self.checked: list[Json] = []
        self._server = LoopbackServer(self._answer, port=port)
        self._methods: dict[str, Callable[[Mapping[str, Any], Request], Response]] = {
            "oncall.feed": self._feed,
            "oncall.pagerduty": self._pagerduty,
            "oncall.tickets": self._tickets,
        }

    @property
    def url(self) -> str:
        """The address of PagerDuty's API here, without a trailing slash."""
        return self._server.url

    @property
    def tickets(self) -> str:
        """The address of the ticket hook."""
        return f"{self.url}/tickets"

    def feed(self, schedule: str) -> str:
        """Give the address of a schedule's iCal feed."""
        return f"{self.url}/feeds/{schedule}.ics"

    def start(self) -> Self:
        """Serve; after a stop it comes back at the same address with the same state."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Refuse connections, end those that are open and let go of calls that hang."""
        self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answer(self, request: Request) -> Response:
        try:
            endpoint, values = _ROUTES.bind_to_environ(request.environ).match()
        except HTTPException as error:
            return _problem(error.code or 404, "Not Found")
        name = str(endpoint)
        call = self.journal.arrived(name, str(values.get("schedule", "")))
        try:
            response = self.faults.around(
                name, lambda: self._methods[name](values, request), _refusal, self._server.stopping
            )
        except ConnectionDropped:
            call.status = 0
            raise
        call.status = response.status_code
        return response

    # ---- iCal

    def _feed(self, values: Mapping[str, Any], _request: Request) -> Response:
        text = self.rota.text(values["schedule"])
        schedule = self.rota.schedule(values["schedule"])
        if text is None and schedule is None:
            return Response("Not Found", status=404, content_type="text/plain")
        body = text if text is not None or schedule is None else self._calendar(schedule)
        return Response(body, content_type="text/calendar; charset=utf-8")

    def _calendar(self, schedule: Schedule) -> bytes:
        """Write a schedule the way PagerDuty exports one: an event for each turn, its person as the attendee."""
        calendar = Calendar()
        calendar.add("prodid", "-//accessbot sandbox//on call//EN")
        calendar.add("version", "2.0")
        calendar.add("x-wr-calname", f"On Call Schedule for {schedule.name}")
        for turn in schedule.turns:
            event = Event()
            event.add("uid", _id("E", schedule.id, turn.person, turn.begins.isoformat()))
            event.add("dtstamp", self.rota.now().astimezone(UTC))
            event.add("dtstart", turn.begins.astimezone(UTC))
            event.add("dtend", turn.ends.astimezone(UTC))
            event.add("summary", f"On Call - {self._name(turn.person)} - {schedule.name}")
            attendee = vCalAddress(f"mailto:{turn.person}")
            attendee.params["cn"] = vText(self._name(turn.person))
            event.add("attendee", attendee, encode=False)
            calendar.add_component(event)
        return bytes(calendar.to_ical())

    # ---- PagerDuty

    def _pagerduty(self, _values: Mapping[str, Any], request: Request) -> Response:
        if request.headers.get("Authorization") != f"Token token={self.token}":
            return _problem(401, "Unauthorized")
        query = request.args
        try:
            since = _time(query.get("since")) or self.rota.now()
            until = _time(query.get("until")) or since
            limit, offset = int(query.get("limit", _PAGE)), int(query.get("offset", 0))
        except ValueError:
            return _problem(400, "Invalid Input Provided")
        if until < since or until > self.rota.now() + _AHEAD or not 1 <= limit <= _MOST or offset < 0:
            return _problem(400, "Invalid Input Provided")
        wanted = query.getlist("schedule_ids[]")
        whole = "users" in query.getlist("include[]")
        found = [
            self._entry(schedule, turn, policy, whole=whole)
            for schedule in self.rota.schedules()
            if not wanted or schedule.id in wanted
            for turn in schedule.turns
            if turn.begins <= until and turn.ends > since
            for policy in _POLICIES
        ]
        page = found[offset : offset + limit]
        more = offset + limit < len(found)
        return _json({"oncalls": page, "limit": limit, "offset": offset, "more": more, "total": None})

    def _entry(self, schedule: Schedule, turn: Turn, policy: tuple[str, str, int], *, whole: bool) -> Json:
        """Write one entry: a turn comes once for each escalation policy that uses the schedule."""
        policy_id, policy_name, level = policy
        user = {"id": _id("P", turn.person), "type": "user_reference", "summary": self._name(turn.person)}
        if whole:
            user |= {"type": "user", "name": self._name(turn.person), "email": turn.person}
        return {
            "escalation_policy": {"id": policy_id, "type": "escalation_policy_reference", "summary": policy_name},
            "escalation_level": level,
            "schedule": {"id": schedule.id, "type": "schedule_reference", "summary": schedule.name},
            "user": user,
            "start": _utc(turn.begins),
            "end": _utc(turn.ends),
        }

    # ---- tickets

    def _tickets(self, _values: Mapping[str, Any], request: Request) -> Response:
        sent = request.get_json(silent=True) if request.method == "POST" else request.args.to_dict()
        if not isinstance(sent, dict):
            return _problem(400, "send a JSON object that names the ticket")
        self.checked.append(sent)
        ticket = next((sent[name] for name in _TICKET_FIELDS if isinstance(sent.get(name), str)), None)
        if ticket is None:
            return _problem(400, "send a JSON object that names the ticket")
        refusal = self.rota.refusal(ticket)
        return _json({"allowed": refusal is None, "reason": refusal or f"{ticket} is open."})

    def _name(self, person: str) -> str:
        return self.rota.names.get(person, person)


def _id(prefix: str, *parts: str) -> str:
    return prefix + hashlib.sha256("/".join(parts).encode()).hexdigest()[:13].upper()


def _time(text: str | None) -> datetime | None:
    """Read an ISO 8601 time; without a zone it is UTC. Raises ValueError."""
    if text is None:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _json(body: Json, status: int = 200) -> Response:
    return Response(json.dumps(body), status=status, content_type="application/json; charset=utf-8")


def _problem(status: int, message: str) -> Response:
    return _json({"error": {"message": message, "code": status}}, status)


def _refusal(refusal: Refusal) -> Response:
    return _problem(refusal.status, refusal.message or refusal.reason)
