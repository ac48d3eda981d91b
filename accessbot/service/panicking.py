"""Panicking: an operator ends everything at once, of everybody, of one person or of one entitlement.

New access is held back first, so that what is ended does not begin anew; then one walk after another begins the ends of
all that is there, until a walk finds nothing. Each walk does what is left to do, so whoever was killed is run again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from accessbot.domain.errors import Conflict
from accessbot.domain.model import EndCause, Grant, GrantState, RequestState
from accessbot.domain.records import EVERYTHING
from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change
from accessbot.service import closing, ending, freezing, schedule
from accessbot.service.context import new_id, save, soon

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from accessbot.domain.model import AuditEvent, Request
    from accessbot.domain.records import Freeze
    from accessbot.ports import Store
    from accessbot.service.context import Context

_T = TypeVar("_T")

FEW = 20
"""Up to so many ends go ahead of all else; more of them leave the way free for ends that people ask for."""

_AT_ONCE = 50
_EACH = timedelta(milliseconds=500)
"""How much longer the proof of an end may take, before operators are told, for each that begins with it."""

_UNENDED = (GrantState.PROVISIONING, GrantState.ACTIVE, GrantState.REVOKING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is to end: all that `people` (Slack user ids) hold, all grants of an `entitlement`, or everything.

    `words` says it for people.
    """

    people: tuple[str, ...] = ()
    entitlement: str = ""
    words: str = "everything"

    @property
    def keys(self) -> tuple[str, ...]:
        """Give the keys under which new access is held back."""
        if self.entitlement:
            return (freezing.of_entitlement(self.entitlement),)
        return tuple(map(freezing.of_user, self.people)) or (EVERYTHING,)

    def has(self, record: Grant | Request) -> bool:
        """Tell whether a grant or a request is in it."""
        if self.entitlement:
            return record.entitlement == self.entitlement
        return not self.people or record.requester in self.people


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is in a scope: the grants that have not ended, and the requests that wait for a decision."""

    grants: tuple[Grant, ...] = ()
    pending: tuple[Request, ...] = ()

    @property
    def held(self) -> tuple[Grant, ...]:
        """Give the grants whose end has not begun."""
        return tuple(grant for grant in self.grants if closing.is_held(grant))


def find(store: Store, scope: Scope, before: datetime | None = None) -> Found:
    """Read what is in a scope; with `before` only what was approved or asked for by then."""
    if scope.people:
        grants: Iterable[Grant] = [grant for person in scope.people for grant in store.grants_of(person)]
        pending: Iterable[Request] = [each for person in scope.people for each in store.pending_of(person)]
    else:
        grants, pending = store.grants(_UNENDED), store.requests([RequestState.PENDING])
    there = {g.id: g for g in grants if scope.has(g) and (before is None or g.approved_at <= before)}
    open_ = {r.id: r for r in pending if scope.has(r) and (before is None or r.created_at <= before)}
    return Found(grants=tuple(there.values()), pending=tuple(open_.values()))


def hold_back(ctx: Context, scope: Scope, *, operator: str, reason: str) -> tuple[Freeze, ...]:
    """Hold back new access in a scope, before anything is ended; what is held back already stays so."""
    return tuple(freezing.freeze(ctx, key, operator=operator, reason=reason) for key in scope.keys)


def walk(ctx: Context, scope: Scope, *, operator: str, reason: str, before: datetime | None = None) -> Found:
    """Begin the end of every grant in a scope and deny every pending request; give what has not ended yet.

    With `before` what was approved or asked for later is left alone. It is over once a walk finds nothing.
    """
    found = find(ctx.store, scope, before)
    held = found.held
    if len(held) > FEW:
        _end_many(ctx, held, operator, reason)
    else:
        for grant in held:
            closing.end(ctx, grant.id, EndCause.PANIC, operator, reason)
    said = f"The operator {operator.removeprefix('cli:')} ended {scope.words}: {reason.rstrip('.')}."
    for request in found.pending:
        closing.deny(ctx, request.id, said)
    return found


def tell(ctx: Context, freezes: Iterable[Freeze], ended: Iterable[Grant]) -> None:
    """Have the operators told how far it is: in the messages of the freezes, or, without one, in one about the ends."""
    now = ctx.store.now()
    due = tuple(freezing.told(freeze, now) for freeze in freezes)
    first = min((grant.id for grant in ended), default="")
    if not due and first:
        due = (soon(Work(WorkKind.ALERT, f"panic:{first}"), now),)
    if due:
        save(ctx, Change(op=new_id("told"), due=due), now)


def _end_many(ctx: Context, held: Iterable[Grant], operator: str, reason: str) -> None:
    """Begin many ends, some in one write; they are handed to those who end what is over, oldest due first.

    The queue, in which the early ends of people wait, gets none of them: so no such end waits behind them.
    """
    number = 0
    for batch in _batches(held, _AT_ONCE):
        now = ctx.store.now()
        changes = [_begun(ctx, grant, operator, reason, now, number + place) for place, grant in enumerate(batch)]
        number += len(batch)
        try:
            ctx.store.commit(
                Change(
                    op=new_id("panic"),
                    puts=tuple(put for change in changes for put in change.puts),
                    events=tuple(event for change in changes for event in change.events),
                    due=tuple(due for change in changes for due in change.due),
                )
            )
        except Conflict:  # one of them changed meanwhile, say by its own end: each by itself then
            for grant in batch:
                closing.end(ctx, grant.id, EndCause.PANIC, operator, reason)


def _begun(ctx: Context, grant: Grant, operator: str, reason: str, now: datetime, number: int) -> Change:
    made = ending.begin(ctx, grant, EndCause.PANIC, operator, now, reason)
    patience = schedule.OVERDUE_AFTER + number * _EACH
    return replace(
        made,
        due=(Due(Work(WorkKind.END, grant.id), now), Due(Work(WorkKind.OVERDUE, grant.id), now + patience)),
    )


def ended_by(store: Store, freeze: Freeze) -> tuple[int, int]:
    """Count the grants whose end was begun by whoever set a freeze, in its scope, and those of them that go on."""
    begun = {
        event.subject
        for event in store.audit(person=freeze.by, since=freeze.at)
        if event.actor == freeze.by and event.data.get("cause") == EndCause.PANIC and _covers(freeze.key, event)
    }
    going = sum(grant.id in begun for grant in store.grants([GrantState.REVOKING])) if begun else 0
    return len(begun), going


def _covers(key: str, event: AuditEvent) -> bool:
    return key in (EVERYTHING, freezing.of_user(event.person), freezing.of_entitlement(event.entitlement))


def _batches(things: Iterable[_T], size: int) -> Iterator[tuple[_T, ...]]:
    left = iter(things)
    while batch := tuple(islice(left, size)):
        yield batch
