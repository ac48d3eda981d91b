"""Ticking: hand what is due to the workers. Any number of clocks may tick; each work is handed over once at a time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from accessbot.domain.work import Lane, Work, WorkKind
from accessbot.ports import Change
from accessbot.service.context import save_with, soon

if TYPE_CHECKING:
    from accessbot.ports import Queue, Store

HAND_OVER = timedelta(seconds=4)
"""How long a work handed to the queue has to be begun before it is handed over again."""

_HOUR_S = 3600
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


def watch_catalogs(store: Store, queue: Queue) -> None:
    """Have the operators told when living processes work with different catalogs, and when that is over."""
    hashes = sorted({catalog for _, _, catalog in store.beats()})
    now = store.now()
    # One operation an hour for each picture: seen again by this or another clock it adds nothing.
    op = f"catalogs:{'+'.join(hashes)}:{int(now.timestamp()) // _HOUR_S}"
    due = (soon(Work(WorkKind.ALERT, "catalogs_differ:all"), now),)
    save_with(store, queue, Change(op=op, due=due), now)
