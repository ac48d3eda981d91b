"""Restoring: a lost store made again from its exported audit log, so that every live grant still comes to its end.

First the whole log is replayed in memory: what is wrong with it is found before anything is written. Then the store is
taken, and the events, the records, the due-index and at last one event that tells of it are written, each part under
an operation of its own: a restore that was stopped is run again and goes on. Until it is done nobody else writes or
works, so what workers find is whole.

What happened after the last exported event is not known. So at the end every pair is looked at again and every group
is swept: a membership that nobody's grant explains shows up there as out-of-band.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from accessbot.domain.groups import ALL_GROUPS, GroupMapping, Roster
from accessbot.domain.model import AuditEvent, EndCause, GrantState, RequestState
from accessbot.domain.records import ReviewState
from accessbot.domain.replaying import Replay
from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change
from accessbot.service import schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from accessbot.domain.model import Grant, Record, Request
    from accessbot.ports import Rebuilt

_T = TypeVar("_T")
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_EVENTS = 200
_RECORDS = 100
_DUES = 400
_PAIR_KEPT = timedelta(days=30)
"""How long a pair without grants is of any use; the store itself keeps none longer."""


@dataclass(slots=True)
class Plan:
    """What a log leads to: the records of its last event, and those that events do not tell of."""

    until: datetime = _EARLIEST
    replay: Replay = field(default_factory=Replay)
    beside: dict[tuple[type[Record], str], GroupMapping | Roster] = field(default_factory=dict)

    def take(self, value: AuditEvent | GroupMapping | Roster) -> None:
        """Take in what comes next in the log; of a record the latest counts. Raises `Unreplayable`."""
        if isinstance(value, AuditEvent):
            self.replay.apply(value)
            self.until = max(self.until, value.time)
        else:
            self.beside[type(value), value.key] = value

    @property
    def pending(self) -> list[Request]:
        """List the requests that still wait for a decision."""
        return [each for each in self.replay.requests.values() if each.state is RequestState.PENDING]

    @property
    def live(self) -> list[Grant]:
        """List the grants that have not ended."""
        return [each for each in self.replay.grants.values() if not each.ended]

    def over(self, now: datetime) -> list[Grant]:
        """List the grants that have not ended although their time is over: they end as soon as somebody works."""
        return [each for each in self.live if each.expires_at <= now or each.state is GrantState.REVOKING]

    def records(self) -> Iterator[Record]:
        """Give every record to be written, always in the same order."""
        yield from self.replay.requests.values()
        yield from self.replay.grants.values()
        for pair in self.replay.pairs.values():
            if pair.last_ended_at is None or pair.last_ended_at + _PAIR_KEPT > self.until:
                yield pair
        yield from self.replay.registers.records()
        yield from self.beside.values()

    def dues(self, now: datetime) -> Iterator[Due]:
        """Give every work to be set due: first the ends, then what people wait for, then the looks at all there is."""
        for grant in self.live:
            yield from _of_grant(grant, now)
        for request in self.pending:
            yield from _of_request(request, now)
        groups = {record.key for record in self.beside.values()} | {g.google_group for g in self.live}
        for pair in self.replay.pairs.values():
            yield Due(Work(WorkKind.VERIFY, pair.key), now)
            groups.add(pair.key.rpartition("/")[0])
        for group in sorted(groups - {ALL_GROUPS}):
            yield Due(Work(WorkKind.SWEEP, group), now)
        for record in self.beside.values():
            if isinstance(record, GroupMapping):
                yield Due(Work(WorkKind.MAPPING, record.key), now)
        for review in self.replay.registers.reviews.values():
            if review.state is ReviewState.OPEN:
                yield Due(Work(WorkKind.REVIEW, review.id), now)
        for person in sorted({grant.requester for grant in self.live}):
            yield Due(Work(WorkKind.LEAVER, person), now)


def restore(
    store: Rebuilt,
    plan: Plan,
    events: Iterable[AuditEvent],
    source: str,
    operator: str,
    show: Callable[[str, int], None],
) -> None:
    """Write all that a plan holds into an empty store, or what an earlier run has left to do.

    `events` are those that the plan was made of, `source` is a digest of where they come from. `show` is told of each
    step and how much of it was done. Raises `Refused` when the store is not empty, `StoreUnavailable` and `Unclear`
    when it does not answer: then it is run again.
    """
    written = store.claim(source)
    op = f"restore:{source}"
    now = store.now()
    for batch in _batches((event for event in events if event.seq > written), _EVENTS):
        store.commit(Change(op=f"{op}:events:{batch[0].seq}", events=batch))
        show("events", len(batch))
    for number, records in enumerate(_batches(plan.records(), _RECORDS)):
        store.commit(Change(op=f"{op}:records:{number}", puts=records))
        show("records", len(records))
    for number, dues in enumerate(_batches(plan.dues(now), _DUES)):
        store.commit(Change(op=f"{op}:due:{now.isoformat()}:{number}", due=dues))  # to be set twice does no harm
        show("due", len(dues))
    store.commit(Change(op=f"{op}:done", events=(_told(plan, source, operator, now),)))
    store.release()


def _told(plan: Plan, source: str, operator: str, now: datetime) -> AuditEvent:
    return AuditEvent(
        time=now,
        actor=operator,
        action="store.restored",
        subject="store",
        reason=f"from the audit log up to event {plan.replay.seq}",
        data={"last_seq": plan.replay.seq, "source": source},
    )


def _of_request(request: Request, now: datetime) -> Iterator[Due]:
    if request.unconfirmed:
        yield Due(Work(WorkKind.TELL, f"confirm:{request.id}"), now)
    elif not request.announced:
        yield Due(Work(WorkKind.SCREEN, request.id), now)
    yield Due(Work(WorkKind.LAPSE, request.id), request.expires_at)
    yield Due(Work(WorkKind.CARD, request.id), now)
    if request.announced:
        yield Due(Work(WorkKind.STEP, request.id), now)


def _of_grant(grant: Grant, now: datetime) -> Iterator[Due]:
    if grant.state is GrantState.REVOKING and grant.end_cause is not EndCause.EXPIRED:
        yield Due(Work(WorkKind.REVOKE, grant.id), now)
    else:
        leaving = grant.state is GrantState.REVOKING or grant.failure
        yield Due(Work(WorkKind.END, grant.id), now if leaving else grant.expires_at)
    if grant.state is GrantState.PROVISIONING and not grant.failure:
        yield Due(Work(WorkKind.PROVISION, grant.id), max(now, grant.not_before or now))
    if grant.ending_at is not None:
        yield Due(Work(WorkKind.OVERDUE, grant.id), grant.ending_at + schedule.OVERDUE_AFTER)
    if grant.state is GrantState.ACTIVE:
        yield Due(Work(WorkKind.EXPIRY, grant.pair), now)
        yield from (due for due in schedule.warning(grant, now) if due.at > now)


def _batches(things: Iterable[_T], size: int) -> Iterator[tuple[_T, ...]]:
    left = iter(things)
    while batch := tuple(islice(left, size)):
        yield batch
