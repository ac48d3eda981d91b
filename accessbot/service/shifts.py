"""Shifts: whoever is on call is given what goes with it, until exactly the shift's end, and loses it when it is over.

A shift's grants go by ids made from the shift itself, so that however often and by how many workers it is looked at,
each is made once. One that its holder or an operator ended is not made again within the same shift; one that ended
since the shift seemed to be over is, under the next number.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

import structlog

from accessbot.domain import lifecycle, policy
from accessbot.domain.errors import Ambiguous, Missing, NotAuthorised, Refused, Rejected, Unavailable, VendorError
from accessbot.domain.instants import from_ms, to_ms
from accessbot.domain.lifecycle import SYSTEM
from accessbot.domain.model import AuditEvent, EndCause, GrantState, Request
from accessbot.domain.notices import AlertKind
from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change
from accessbot.service import authority, ending, freezing, granting, schedule
from accessbot.service.context import id_from, save, soon

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from accessbot.domain.model import Entitlement, Grant, Identity
    from accessbot.service.context import Context

OPEN_ENDED = timedelta(hours=24)
"""For how long at most a grant is made, or prolonged, for a shift whose end is not known."""

_PROLONGED_BELOW = OPEN_ENDED / 2
_TRIED_AGAIN = timedelta(hours=1)
_NOT_AGAIN = (EndCause.ENDED_EARLY, EndCause.REVOKED, EndCause.OFFBOARDED, EndCause.PANIC)
_HOUR_S = 3600
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Somebody on call (email in lower case or Slack user id), and one thing that goes with it; end None: unknown."""

    schedule: str
    who: str
    entitlement: Entitlement
    begins: datetime
    ends: datetime | None

    def request_id(self, number: int) -> str:
        """Name the request for it; `number` counts those that ended since the shift seemed to be over."""
        parts = (self.schedule, self.who, self.entitlement.id, self.entitlement.opens, str(to_ms(self.begins)))
        return id_from("r", "shift", *parts, str(number))

    @property
    def alert(self) -> Work:
        """Name the work of telling the operators that this person cannot be given what goes with this shift."""
        subject = f"{self.schedule}:{to_ms(self.begins)}:{self.who}"
        return Work(WorkKind.ALERT, f"{AlertKind.SHIFT_REFUSED}:{subject}")


@dataclass(slots=True)
class _Found:
    """What is there for the turns of a schedule: the live grants by id, until when each is wanted, what is missing."""

    live: dict[str, Grant]
    wanted: dict[str, datetime] = field(default_factory=dict)
    missing: list[tuple[Turn, str]] = field(default_factory=list)

    def hold(self, grant: Grant, turn: Turn, now: datetime) -> None:
        """Keep a grant for a turn; where it serves several, until the last of them ends."""
        ends = _end(turn, grant, now)
        self.wanted[grant.id] = max(self.wanted.get(grant.id, ends), ends)


def bring_in_line(
    ctx: Context, name: str, turns: Sequence[Turn], offered: Mapping[str, Entitlement], *, known: bool
) -> None:
    """See to it that the turns, and nobody else, have a live grant each on a schedule, until the turn's end.

    Where it is not `known` who is on call, only what is not `offered` any more is ended. Raises `Conflict` when a grant
    changed meanwhile, and what the store raises; whoever cannot be given something does not hold up the others.
    """
    now = _now(ctx)
    found = _look(ctx, name, turns, now)
    people = _People(ctx)
    _adopt(found, people, now)
    for grant in found.live.values():
        if not _is_offered(grant, offered):
            _take(ctx, grant, f"being on call on “{name}” does not give it any more")
        elif known and grant.id not in found.wanted:
            _take(ctx, grant, f"not on call on “{name}” any more")
        elif grant.id in found.wanted and to_ms(found.wanted[grant.id]) != to_ms(grant.expires_at):
            _move(ctx, grant, found.wanted[grant.id])
    given: set[tuple[str, str]] = set()  # a source may name somebody twice: the next look finds the one grant for both
    for turn, request_id in found.missing:
        person = _willing(ctx, turn, people)
        if person is not None and (person.slack, turn.entitlement.id) not in given:
            _give(ctx, turn, request_id, person)
            given.add((person.slack, turn.entitlement.id))


def person_of(ctx: Context, who: str) -> Identity:
    """Resolve whom a schedule names to one person who can be given access.

    Raises `Refused` or another `VendorError` than `Unavailable` for whoever cannot, and `Unavailable` when it cannot be
    told. While AWS is away that it knows them is left to be looked at when the access is made.
    """
    person = authority.identify(ctx, ctx.workspace.by_email(who).id if "@" in who else who)
    try:
        authority.aws_user(ctx, person)
    except Unavailable as error:
        _log.info("AWS could not be asked about somebody on call", person=person.slack, code=error.code)
    return person


class _People:
    """Who is meant, each looked up once in a look at a schedule."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._known: dict[str, Identity | Refused | VendorError] = {}

    def of(self, who: str) -> Identity:
        if who not in self._known:
            try:
                self._known[who] = person_of(self._ctx, who)
            except (Refused, VendorError) as error:
                self._known[who] = error
        found = self._known[who]
        if isinstance(found, Refused | VendorError):
            raise found
        return found


def _now(ctx: Context) -> datetime:
    """Give the time as it will be stored, so that an end reckoned from it is exact."""
    return from_ms(to_ms(ctx.store.now()))


def _look(ctx: Context, name: str, turns: Iterable[Turn], now: datetime) -> _Found:
    found = _Found({grant.id: grant for grant in ctx.store.grants_for(name) if lifecycle.is_wanted(grant, now)})
    for turn in turns:
        for request_id, grant in _made(ctx, turn, found.live):
            if grant is None:
                found.missing.append((turn, request_id))
            elif lifecycle.is_wanted(grant, now):  # it may have been made since the live ones were listed
                found.live[grant.id] = grant
                found.hold(grant, turn, now)
            elif not _is_over_for_good(grant, now):
                continue
            break
    return found


def _made(ctx: Context, turn: Turn, live: Mapping[str, Grant]) -> Iterator[tuple[str, Grant | None]]:
    """Walk what was made for a turn, by number; the first id that was not used yet comes without a grant."""
    for number in count():
        request = ctx.store.request(turn.request_id(number))
        grant = live.get(request.grant_id) or ctx.store.grant(request.grant_id) if request is not None else None
        yield turn.request_id(number), grant


def _is_over_for_good(grant: Grant, now: datetime) -> bool:
    """Tell whether a grant that ended, or ends, is not to be followed by another one for the same shift, or not yet."""
    if grant.failure:
        return grant.ended_at is None or now < grant.ended_at + _TRIED_AGAIN
    return grant.end_cause in _NOT_AGAIN


def _adopt(found: _Found, people: _People, now: datetime) -> None:
    """Count a live grant for a turn that lacks one if it is that person's, though it was made for another shift.

    A source may name somebody in two ways, or tell another begin of a shift than before.
    """
    missing, found.missing = found.missing, []
    for turn, request_id in missing:
        try:
            slack = people.of(turn.who).slack
        except (Refused, VendorError):  # told of when it is to be given
            slack = ""
        same = {turn.entitlement.id: turn.entitlement}
        grant = next((g for g in found.live.values() if g.requester == slack and _is_offered(g, same)), None)
        if grant is not None:
            found.hold(grant, turn, now)
        else:
            found.missing.append((turn, request_id))


def _is_offered(grant: Grant, offered: Mapping[str, Entitlement]) -> bool:
    """Tell whether a grant is of something that is offered still, and opens what it opened."""
    try:
        policy.check_unchanged(offered.get(grant.entitlement), grant)
    except Refused:
        return False
    return True


def _end(turn: Turn, grant: Grant | None, now: datetime) -> datetime:
    if turn.ends is not None:
        return turn.ends
    if grant is not None and grant.expires_at - now >= _PROLONGED_BELOW:
        return grant.expires_at
    return now + OPEN_ENDED


def _take(ctx: Context, grant: Grant, why: str) -> None:
    now = ctx.store.now()
    save(ctx, ending.begin(ctx, grant, EndCause.SHIFT_OVER, SYSTEM, now, why), now)


def _move(ctx: Context, grant: Grant, ends: datetime) -> None:
    now = ctx.store.now()
    step = lifecycle.rescheduled(grant, ends, now)
    active = grant.state is GrantState.ACTIVE
    change = Change(
        op=f"reschedule:{grant.id}:{grant.rev}",
        puts=(step.record,),
        events=(step.event,),
        due=(
            Due(Work(WorkKind.END, grant.id), ends),
            soon(Work(WorkKind.CARD, grant.request_id), now),
            *(schedule.warning(step.record, now) if active else ()),
            *schedule.expiry(grant.pair, now, wanted=active and ctx.expiry is not None),
        ),
    )
    save(ctx, change, now)


def _willing(ctx: Context, turn: Turn, people: _People) -> Identity | None:
    """Give who is to be given a turn's access; None for whoever cannot be now, which operators are told if it lasts."""
    try:
        person = people.of(turn.who)
    except Unavailable as error:
        _log.warning("not known yet who is on call", schedule=turn.schedule, vendor=error.vendor, error=error.sentence)
        return None
    except NotAuthorised as error:
        _call_operator(ctx, error)
        return None
    except (Refused, Missing, Ambiguous, Rejected) as error:
        _refuse(ctx, turn, error.sentence)
        return None
    try:
        freezing.check(ctx, person.slack, turn.entitlement.id)
    except Refused as refusal:  # whoever froze it knows
        _log.info("not given to who is on call", schedule=turn.schedule, person=person.slack, why=refusal.sentence)
        return None
    return person


def _give(ctx: Context, turn: Turn, request_id: str, person: Identity) -> None:
    """Make the grant for a turn, approved in the same step."""
    now = _now(ctx)
    ends = _end(turn, None, now)
    if ends <= now:
        return
    request = Request(
        id=request_id,
        requester=person.slack,
        entitlement=turn.entitlement.id,
        duration=ends - now,
        reason=_reason(turn),
        created_at=now,
        expires_at=ends,
        catalog_hash=ctx.catalog.current().hash,
        opens=turn.entitlement.opens,
        schedule=turn.schedule,
    )
    asked = lifecycle.submitted(request)
    seen = lifecycle.announced(asked.record, person.email, now, google_id=person.google_id)
    said = f"on call on “{turn.schedule}”"
    _, change = granting.approved_by_rule(seen.record, turn.entitlement, said, now, asked.event, seen.event)
    told = ctx.store.board(f"alert:{turn.alert.subject}") is not None  # that it could not be given is over
    save(ctx, replace(change, due=(*change.due, *((soon(turn.alert, now),) if told else ()))), now)


def _reason(turn: Turn) -> str:
    until = "" if turn.ends is None else f" until {turn.ends:%Y-%m-%d %H:%M} UTC"
    return f"On call on {turn.schedule}{until}."


def _refuse(ctx: Context, turn: Turn, why: str) -> None:
    """Tell the operators, once for a shift and person, that it cannot be given."""
    now = ctx.store.now()
    event = AuditEvent(
        time=now, actor=SYSTEM, action="shift.refused", subject=turn.schedule, reason=f"{turn.who}: {why}"
    )
    change = Change(op=f"refused:{turn.alert.subject}", events=(event,), due=(soon(turn.alert, now),))
    if ctx.store.commit(change):
        ctx.queue.push(turn.alert)


def _call_operator(ctx: Context, error: NotAuthorised) -> None:
    """Tell the operators that our own credentials do not suffice, as for any other work."""
    now = ctx.store.now()
    due = soon(Work(WorkKind.ALERT, f"{AlertKind.NOT_AUTHORISED}:{error.vendor}"), now)
    hour = int(now.timestamp()) // _HOUR_S
    save(ctx, Change(op=f"not-authorised:{error.vendor}:{hour}", due=(due,)), now)
