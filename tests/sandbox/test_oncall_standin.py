"""The stand-ins for paging tools and tickets: what they say, to whom, and how they fail."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

import fakeredis
import icalendar
import pytest

from accessbot.adapters.catalog_file import catalog_of
from accessbot.adapters.oncall_feeds import OnCallFeeds
from accessbot.adapters.redis_store import RedisStore
from accessbot.adapters.tickets import TicketSystem
from accessbot.domain.errors import Refused as RefusedByRules
from accessbot.domain.errors import Rejected, Unavailable
from accessbot.domain.model import Request
from accessbot.domain.oncall import Feed, PagerDuty, Schedule, Shift
from accessbot.domain.rules import Ticket
from accessbot.sandbox.oncall import OnCall, Rota, Turn
from accessbot.sandbox.panel import Panel
from accessbot.sandbox.slack import Refused
from accessbot.sandbox.world import FEED, OPENINGS, PAGER, World

ADA, BOB = "ada@example.com", "bob@example.com"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


class Clock:
    """A time that tests move."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        """Tell it."""
        return self.at


@pytest.fixture
def clock() -> Clock:
    """Give noon of a Tuesday."""
    return Clock()


@pytest.fixture
def paging(clock: Clock) -> Iterator[OnCall]:
    """Give the services, with one schedule on which nobody is on call."""
    with OnCall(Rota({ADA: "Ada Lovelace"}, clock)) as served:
        served.rota.add("PSRE", "SRE")
        yield served


def fetch(url: str, headers: Mapping[str, str] | None = None, body: object = None) -> tuple[int, str, str]:
    """Make one request; give status, content type and body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    sent = {"Content-Type": "application/json"} if body is not None else {}
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    data = None if body is None else json.dumps(body)
    connection.request("GET" if body is None else "POST", path, data, sent | dict(headers or {}))
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.getheader("Content-Type", ""), text


def oncalls(paging: OnCall, *query: tuple[str, str]) -> Any:  # noqa: ANN401 - JSON
    """Ask PagerDuty's list as somebody who may."""
    headers = {"Authorization": f"Token token={paging.token}"}
    status, _, text = fetch(f"{paging.url}/oncalls?{urlencode(query)}", headers)
    return json.loads(text) if status == 200 else status


def test_a_feed_has_an_event_for_each_turn(paging: OnCall) -> None:
    """The real library reads who is on call from when to when out of the feed."""
    paging.rota.put("PSRE", Turn(BOB, NOON, NOON + DAY), Turn(ADA, NOON - DAY, NOON))
    status, kind, text = fetch(paging.feed("PSRE"))
    assert (status, kind) == (200, "text/calendar; charset=utf-8")
    events = icalendar.Calendar.from_ical(text).walk("VEVENT")
    assert [str(event["attendee"]) for event in events] == [f"mailto:{ADA}", f"mailto:{BOB}"]
    assert [event.decoded("dtstart") for event in events] == [NOON - DAY, NOON]
    assert [event.decoded("dtend") for event in events] == [NOON, NOON + DAY]
    assert "Ada Lovelace" in str(events[0]["summary"])
    assert fetch(paging.feed("PNONE"))[0] == 404


def test_a_feed_can_be_any_text(paging: OnCall) -> None:
    """Whatever is put in the place of a feed is served as it is, until it is taken away."""
    paging.rota.serve_text("PSRE", b"<html>sign in</html>")
    assert fetch(paging.feed("PSRE"))[2] == "<html>sign in</html>"
    paging.rota.serve_text("PSRE", None)
    assert fetch(paging.feed("PSRE"))[2].startswith("BEGIN:VCALENDAR")


def test_a_hand_over_ends_the_turn_before_it(paging: OnCall, clock: Clock) -> None:
    """One person is on call at a time; nobody is when it is handed over to nobody; later turns are forgotten."""
    heard: list[str] = []
    end = paging.rota.subscribe(lambda: heard.append("moved"))
    paging.rota.put("PSRE", Turn(ADA, NOON - DAY, NOON + DAY), Turn(ADA, NOON + 7 * DAY, NOON + 8 * DAY))
    assert paging.rota.on_call("PSRE") == (ADA,)
    clock.at += timedelta(minutes=5)
    paging.rota.hand_over("PSRE", BOB)
    assert paging.rota.on_call("PSRE") == (BOB,)
    paging.rota.hand_over("PSRE", None)
    assert paging.rota.on_call("PSRE") == ()
    assert paging.rota.schedules()[0].turns == (Turn(ADA, NOON - DAY, NOON + timedelta(minutes=5)),)
    end()
    paging.rota.hand_over("PSRE", ADA)
    assert heard == ["moved"] * 3


def test_the_list_of_on_calls_is_as_pagerduty_gives_it(paging: OnCall) -> None:
    """An entry for each turn and escalation policy, the address only when users are asked for."""
    paging.rota.hand_over("PSRE", ADA)
    paging.rota.add("POTHER")
    paging.rota.hand_over("POTHER", BOB)
    found = oncalls(paging, ("schedule_ids[]", "PSRE"))
    assert [entry["schedule"]["id"] for entry in found["oncalls"]] == ["PSRE", "PSRE"]
    assert "email" not in found["oncalls"][0]["user"]
    entry = oncalls(paging, ("schedule_ids[]", "PSRE"), ("include[]", "users"))["oncalls"][0]
    assert entry["user"]["email"] == ADA
    assert (entry["start"], entry["end"]) == ("2026-11-24T12:00:00Z", "2026-12-01T12:00:00Z")
    assert len(oncalls(paging)["oncalls"]) == 4


def test_the_list_of_on_calls_comes_in_pages(paging: OnCall) -> None:
    """Without a limit it is 25 entries; `more` says that there are others."""
    paging.rota.put("PSRE", *(Turn(ADA, NOON + n * DAY, NOON + (n + 1) * DAY) for n in range(20)))
    span = (("since", NOON.isoformat()), ("until", (NOON + 30 * DAY).isoformat()))
    first = oncalls(paging, *span)
    assert (len(first["oncalls"]), first["more"]) == (25, True)
    rest = oncalls(paging, *span, ("offset", "25"))
    assert (len(rest["oncalls"]), rest["more"]) == (15, False)


@pytest.mark.parametrize(
    "query",
    [
        ("limit", "101"),
        ("limit", "0"),
        ("limit", "x"),
        ("offset", "-1"),
        ("since", "yesterday"),
        ("until", "2020-01-01T00:00:00Z"),
        ("until", "2027-11-24T12:00:00Z"),
    ],
)
def test_the_list_of_on_calls_refuses_what_pagerduty_refuses(paging: OnCall, query: tuple[str, str]) -> None:
    """Pages that are too large, times that are none, and spans that end too early or too late are 400."""
    assert oncalls(paging, query) == 400


def test_the_list_of_on_calls_wants_its_token(paging: OnCall) -> None:
    """No token and a wrong one are 401."""
    for headers in ({}, {"Authorization": "Token token=wrong"}, {"Authorization": f"Bearer {paging.token}"}):
        assert fetch(f"{paging.url}/oncalls", headers)[0] == 401


def test_a_ticket_may_be_used_unless_it_is_refused(paging: OnCall) -> None:
    """The answer says whether and why; what is no question is 400; what was asked is kept."""
    paging.rota.refuse_ticket("OPS-7", "OPS-7 is closed.")
    for ticket, allowed in (("OPS-6", True), ("ops-7", False)):
        status, _, text = fetch(paging.tickets, body={"ticket": ticket})
        assert (status, json.loads(text)["allowed"]) == (200, allowed)
    paging.rota.allow_ticket("OPS-7")
    assert json.loads(fetch(f"{paging.tickets}?ticket=OPS-7")[2])["allowed"]
    assert fetch(paging.tickets, body=["OPS-7"])[0] == 400
    assert fetch(paging.tickets, body={"colour": "red"})[0] == 400
    assert [asked.get("ticket") for asked in paging.checked] == ["OPS-6", "ops-7", "OPS-7", None]


@pytest.mark.parametrize(("preset", "status"), [("feed_down", 503), ("feed_garbage", 200)])
def test_the_feeds_can_be_broken(paging: OnCall, preset: str, status: int) -> None:
    """A switch breaks feeds and PagerDuty alike, and not the tickets; the journal has what was answered."""
    paging.faults.on(preset)
    answers = [fetch(paging.feed("PSRE")), fetch(f"{paging.url}/oncalls")]
    assert [answer[0] for answer in answers] == [status, status]
    assert not any(answer[2].startswith("BEGIN:VCALENDAR") for answer in answers)
    assert fetch(paging.tickets, body={"ticket": "OPS-1"})[0] == 200
    paging.faults.off(preset)
    assert fetch(paging.feed("PSRE"))[2].startswith("BEGIN:VCALENDAR")
    assert [call.status for call in paging.journal.calls("oncall.feed")] == [status, 200]


def test_tickets_can_be_out_of_order(paging: OnCall) -> None:
    """While the ticket system is down nothing is said about any ticket."""
    paging.faults.on("tickets_down")
    assert fetch(paging.tickets, body={"ticket": "OPS-1"})[0] == 503
    assert paging.checked == []


def test_the_company_has_managers_and_people_on_call() -> None:
    """The sandbox's company comes with both, and its environment points at the feed and at PagerDuty."""
    with World() as world:
        env = world.env()
        assert world.google.directory.user("maya@example.com").managers == ("priya@example.com",)
        assert world.google.directory.user("priya@example.com").managers == ("ines@example.com",)
        assert world.oncall.rota.on_call(FEED) == ("tomas@example.com",)
        assert world.oncall.rota.on_call(PAGER) == ()
        assert "tomas@example.com" in fetch(env["SRE_ROTA_URL"])[2]
        headers = {"Authorization": f"Token token={env['PAGERDUTY_API_TOKEN']}"}
        assert fetch(f"{env['PAGERDUTY_URL']}/oncalls", headers)[0] == 200


def test_the_panel_hands_a_schedule_over() -> None:
    """It shows who is on call and takes another of the company's people, or nobody; others are refused."""
    store = RedisStore(fakeredis.FakeRedis(decode_responses=True, protocol=2), patience=timedelta(seconds=1))
    with World() as world:
        panel = Panel(world, store)
        shown = {each["schedule"]: each["person"] for each in panel.access()["oncall"]}
        assert shown == {FEED: "tomas@example.com", PAGER: None}
        panel.hand_over(FEED, "maya@example.com")
        assert world.oncall.rota.on_call(FEED) == ("maya@example.com",)
        panel.hand_over(FEED, None)
        assert panel.access()["oncall"][0]["person"] is None
        for schedule, person in ((FEED, "eve@elsewhere.example"), ("none", None)):
            with pytest.raises(Refused):
                panel.hand_over(schedule, person)


def test_the_real_adapters_read_the_stand_ins(paging: OnCall) -> None:
    """Feeds and PagerDuty tell the same shifts, whatever is wrong with them is an error, and nobody is nobody."""
    paging.rota.put("PSRE", Turn(ADA, NOON - DAY, NOON), Turn(BOB, NOON, NOON + DAY))
    feeds = OnCallFeeds(timeout=5 * SECOND, root=paging.url, token=paging.token)
    sources = (Feed(address=paging.feed("PSRE"), zone=ZoneInfo("UTC")), PagerDuty(id="PSRE"))
    for schedule in (Schedule(name="sre", source=source) for source in sources):
        shifts = feeds.shifts(schedule, NOON - SECOND, NOON + SECOND)
        assert shifts == (
            Shift(who=ADA, begins=NOON - SECOND, ends=NOON),
            Shift(who=BOB, begins=NOON, ends=NOON + SECOND),
        )
        for preset, error in (("feed_down", Unavailable), ("feed_garbage", Rejected)):
            paging.faults.on(preset)
            with pytest.raises(error):
                feeds.shifts(schedule, NOON, NOON + SECOND)
            paging.faults.off(preset)
        assert feeds.shifts(schedule, NOON + 2 * DAY, NOON + 3 * DAY) == ()


def test_the_real_adapter_asks_about_tickets(paging: OnCall) -> None:
    """A ticket that may be used is passed, one that may not is refused with the system's word."""
    ticket = Ticket(pattern=r"OPS-\d+", check=paging.tickets)
    request = Request(
        id="r1",
        requester="U01MAYA",
        entitlement="data-export",
        duration=timedelta(minutes=10),
        reason="OPS-7",
        created_at=NOON,
        expires_at=NOON + DAY,
        catalog_hash="h",
    )
    TicketSystem().check(ticket, "OPS-7", request)
    paging.rota.refuse_ticket("OPS-7", "OPS-7 is closed.")
    with pytest.raises(RefusedByRules, match="OPS-7 is closed"):
        TicketSystem().check(ticket, "OPS-7", request)
    paging.faults.on("tickets_down")
    with pytest.raises(Unavailable):
        TicketSystem().check(ticket, "OPS-7", request)


def test_the_catalog_of_the_sandbox_fits_its_company() -> None:
    """It is right, checks tickets where they are checked here, and names feeds and schedules that there are."""
    with World() as world:
        catalog = catalog_of(world.catalog().encode(), "catalog.yml", 5 * SECOND)
        assert {each.entitlement for each in OPENINGS} == set(catalog.entitlements)
        for opening in OPENINGS:
            entitlement = catalog.entitlements[opening.entitlement]
            opened = (entitlement.group, entitlement.account.id, entitlement.permission_set)
            assert opened == (opening.group, opening.account_id, opening.permission_set)
        ticket = catalog.policies["ticketed"].ticket
        assert ticket is not None
        assert ticket.check == world.oncall.tickets
        addresses = {s.source.address for s in catalog.schedules.values() if isinstance(s.source, Feed)}
        assert addresses <= set(world.env())
        pagers = {s.source.id for s in catalog.schedules.values() if isinstance(s.source, PagerDuty)}
        assert pagers <= {schedule.id for schedule in world.oncall.rota.schedules()}
