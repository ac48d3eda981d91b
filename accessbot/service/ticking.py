"""Ticking: hand what is due to the workers. Any number of clocks may tick; each work is handed over once at a time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from accessbot.domain.model import GrantState
from accessbot.domain.work import Due, Lane, Work, WorkKind
from accessbot.ports import Change
from accessbot.service.context import new_id, save_with, soon
from accessbot.service.schedule import first_look, planned_sweep

if TYPE_CHECKING:
    from accessbot.domain.model import Catalog
    from accessbot.ports import Queue, Store

HAND_OVER = timedelta(seconds=4)
"""How long a work handed to the queue has to be begun before it is handed over again."""

_HOUR_S = 3600
_MINUTE = timedelta(minutes=1)
_PLANNED = 500
_BATCH = 100
_BACKLOG = 300
"""Handed-over works that may wait in a lane; what is due beyond them stays in the due-index, in order of time."""


def tick(store: Store, queue: Queue) -> int:
    """Hand over what is due in every lane, up to what its workers can take soon; give how many works that were."""
    handed = 0
    for lane in Lane:
        room = min(_BATCH, _BACKLOG - queue.waiting(lane))
        if room <= 0:
            continue
        for work in store.due(lane, room, HAND_OVER):
            queue.push(work)
            handed += 1
    return handed


def watch_catalogs(store: Store, queue: Queue, before: str = "") -> str:
    """Have the operators told when living processes work with different catalogs, and when that is over.

    `before` is what the same clock saw last, as this gave it then.
    """
    seen = "+".join(sorted({beat.catalog for beat in store.beats()}))
    now = store.now()
    # One operation an hour for each picture, and one for each change of it: seen again it adds nothing.
    op = f"catalogs:{seen}:{int(now.timestamp()) // _HOUR_S}" if seen == before else new_id("catalogs")
    due = (soon(Work(WorkKind.ALERT, "catalogs_differ:all"), now),)
    save_with(store, queue, Change(op=op, due=due), now)
    return seen


def plan_sweeps(store: Store, catalog: Catalog, before: str = "") -> str:
    """Have every group of the catalog looked at now: once an hour, and when the catalog is another than before.

    Many are spread over the time that a round takes. Each look plans the next, so this is for groups that were never
    looked at, or left the catalog and came back. `before` is what this gave to the same clock last.
    """
    now = store.now()
    planned = f"{catalog.hash}:{int(now.timestamp()) // _HOUR_S}"
    if planned == before:
        return planned
    changed = before != "" and before.partition(":")[0] != catalog.hash
    op = new_id("sweeps") if changed else f"sweeps:{planned}"  # one for all clocks, but for a change that each sees
    groups = sorted({entitlement.group for entitlement in catalog.entitlements.values()})
    due = [
        Due(Work(WorkKind.SWEEP, group), now + planned_sweep(number), sooner=True)
        for number, group in enumerate(groups)
    ]
    for first in range(0, len(due), _PLANNED):
        store.commit(Change(op=f"{op}:{first}", due=tuple(due[first : first + _PLANNED])))
    return planned


def plan_rotas(store: Store, catalog: Catalog, before: str = "") -> str:
    """Have every on-call schedule of the catalog looked at now: at a start, once an hour, and when the catalog changes.

    Each look plans the next, so this is for schedules that are new or came back. `before` is as for `plan_sweeps`.
    """
    now = store.now()
    planned = f"{catalog.hash}:{int(now.timestamp()) // _HOUR_S}"
    if planned == before:
        return planned
    changed = before != "" and before.partition(":")[0] != catalog.hash
    op = new_id("rotas") if changed else f"rotas:{planned}"
    due = tuple(Due(Work(WorkKind.ROTA, name), now, sooner=True) for name in sorted(catalog.schedules))
    if due:
        store.commit(Change(op=op, due=due))
    return planned


def plan_looks(store: Store, before: str = "") -> str:
    """Have whoever holds access looked up at Google within a minute, if that is not due already; once an hour.

    Each look plans the next, so this is for grants that were live before there were such looks. `before` is what this
    gave to the same clock last.
    """
    now = store.now()
    planned = str(int(now.timestamp()) // _HOUR_S)
    if planned == before:
        return planned
    people = sorted({grant.requester for grant in store.grants([GrantState.ACTIVE])})
    due = [first_look(person, now, _MINUTE) for person in people]
    for first in range(0, len(due), _PLANNED):
        store.commit(Change(op=f"looks:{planned}:{first}", due=tuple(due[first : first + _PLANNED])))
    return planned
