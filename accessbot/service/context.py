"""What every verb is given, and the one way in which a verb saves what it did."""

from __future__ import annotations

import secrets
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from accessbot.domain.work import Due

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime

    from accessbot.domain.work import Work
    from accessbot.ports import (
        CatalogSource,
        Change,
        Claim,
        Directory,
        Expiry,
        Expressions,
        Feeds,
        Gate,
        IdentityCenter,
        Notifier,
        Queue,
        Store,
        Tickets,
        Workspace,
    )

GRACE = timedelta(seconds=2)
"""How long a work handed to the queue has before the due-index offers it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Company-wide settings: shortest grant, period of the customer's Google-to-AWS sync, portal URL, region.

    `sweep_period` is how often a mapped group's members are compared with the grants, `schedule_period` how often every
    on-call schedule is read, `look_period` how often whoever
    holds access is looked up at Google, of whose calls all workers make `google_per_second` at most. `expiry_grace` is
    how long after the last grant's end Google ends a membership by itself, where the context has an `expiry`.
    """

    shortest: timedelta
    sync_period: timedelta
    sweep_period: timedelta = timedelta(minutes=1)
    schedule_period: timedelta = timedelta(seconds=30)
    look_period: timedelta = timedelta(minutes=1)
    google_per_second: float = 35.0
    start_url: str = ""
    region: str = ""
    expiry_grace: timedelta = timedelta(hours=1)


def unkept(_: Claim) -> AbstractContextManager[None]:
    """Keep nothing: for one who does a work so short that its claim does not run out."""
    return nullcontext()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything that plugs into the ports.

    `pause` waits between two reads of an eventually consistent vendor. `keep` prolongs the claim of a work while it is
    done; without it a work may be taken up by another process while it is done still. `gates` are those before the
    vendors, for whoever tells of them. `expiry` is None where memberships are not to be ended by Google itself.
    """

    store: Store
    directory: Directory
    identity_center: IdentityCenter
    workspace: Workspace
    notifier: Notifier
    queue: Queue
    catalog: CatalogSource
    terms: Terms
    pause: Callable[[timedelta], None]
    feeds: Feeds
    tickets: Tickets
    expressions: Expressions
    keep: Callable[[Claim], AbstractContextManager[None]] = unkept
    gates: tuple[Gate, ...] = ()
    expiry: Expiry | None = None


def save(ctx: Context, change: Change, now: datetime) -> bool:
    """Commit a change, then hand what is due at once to the workers; the write comes before the queue, always.

    Gives False when the same operation had been written before. Raises what `Store.commit` raises.
    """
    return save_with(ctx.store, ctx.queue, change, now)


def save_with(store: Store, queue: Queue, change: Change, now: datetime) -> bool:
    """Do what `save` does, for whoever has no more than a store and a queue."""
    fresh = store.commit(change)
    for due in change.due:
        if due.at <= now + GRACE:
            queue.push(due.work)
    return fresh


def soon(work: Work, now: datetime) -> Due:
    """Make a work due at once: `save` hands it to the queue, the due-index offers it if that is lost."""
    return Due(work, now + GRACE)


def new_id(prefix: str) -> str:
    """Make an opaque, unguessable id, e.g. `g_…`."""
    return f"{prefix}_{secrets.token_hex(10)}"


def id_from(prefix: str, *parts: str) -> str:
    """Make the one id that belongs to these parts, so that the same submission twice is the same record."""
    return f"{prefix}_{sha256(chr(0).join(parts).encode()).hexdigest()[:20]}"
