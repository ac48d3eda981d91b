"""Ending a grant from the command line, and waiting for the proof."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Never, cast

from rich.console import Console

from accessbot.adapters.cel_expressions import CelExpressions
from accessbot.adapters.rq_queue import RqQueue, rq_connection
from accessbot.cli.options import open_store
from accessbot.domain.durations import compact
from accessbot.domain.errors import AccessbotError, Refused, StoreUnavailable, Unclear
from accessbot.service.context import Context, Terms
from accessbot.service.ending import revoke_by_operator, vouch

if TYPE_CHECKING:
    from accessbot.domain.model import Grant
    from accessbot.ports import CatalogSource, Directory, Feeds, IdentityCenter, Notifier, Store, Tickets, Workspace
    from accessbot.settings import Settings

_LOOK_EVERY_S = 0.2


class StillRevoking(AccessbotError):
    """The time that somebody wanted to wait is over, and the end is not proven yet."""


class _Absent:
    """Stands where the command line has nothing to plug in; touching it is a defect."""

    def __getattr__(self, name: str) -> Never:
        raise RuntimeError(f"the command line calls no vendor, yet {name} was asked for")


def revoke(grant_id: str, reason: str, wait: timedelta, *, google_group_gone: bool = False) -> Grant:
    """End a grant and give it once it has ended, which is after both memberships were read back.

    With `google_group_gone` the operator vouches that the Google group was deleted, should Google not find it. Ending a
    grant that has ended is fine. Raises `Refused` for an unknown id, `StillRevoking` after `wait`.
    """
    settings, store = open_store()
    grant = store.grant(grant_id)
    if grant is None:
        raise Refused(f"There is no grant {grant_id!r}; `accessbot grants list` shows all.")
    if grant.ended:
        return grant
    deadline = time.monotonic() + wait.total_seconds()
    ctx = storing_context(settings, store)
    revoke_by_operator(ctx, operator=operator(), grant_id=grant_id, reason=reason)
    if google_group_gone:
        _vouch(ctx, grant_id, reason)
    with _spinner(f"Waiting until {grant_id} is read back gone …"):
        return _ended(store, grant_id, wait, deadline)


def _vouch(ctx: Context, grant_id: str, reason: str) -> None:
    try:
        vouch(ctx, operator=operator(), grant_id=grant_id, reason=reason)
    except Refused:
        grant = ctx.store.grant(grant_id)
        if grant is None or not grant.ended:  # a worker may have been faster
            raise


def operator() -> str:
    """Name who runs this for the audit log: as the system knows them, not as LOGNAME or USER say.

    A user id without an account, as in a container, stands for itself.
    """
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return f"cli:{name}"


def _ended(store: Store, grant_id: str, wait: timedelta, deadline: float) -> Grant:
    waiting_for = ""
    while True:
        try:
            grant = store.grant(grant_id)
        except (StoreUnavailable, Unclear):
            waiting_for = "Redis"
        else:
            if grant is not None and grant.ended:
                return grant
            waiting_for = grant.waiting_for if grant is not None else ""
        if time.monotonic() >= deadline:
            why = f", waiting for {waiting_for}" if waiting_for else ""
            raise StillRevoking(
                f"{grant_id} is not read back gone after {compact(wait)}{why}; the revoke goes on and is "
                f"retried until it is: look again with `accessbot grants list`."
            )
        time.sleep(_LOOK_EVERY_S)


@contextmanager
def _spinner(text: str) -> Iterator[None]:
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        with console.status(text):
            yield
    else:
        yield


def storing_context(settings: Settings, store: Store) -> Context:
    """Plug in the store and the queue, which is all that a command needs that leaves the vendors to the workers."""
    absent = _Absent()
    return Context(
        store=store,
        directory=cast("Directory", absent),
        identity_center=cast("IdentityCenter", absent),
        workspace=cast("Workspace", absent),
        notifier=cast("Notifier", absent),
        queue=RqQueue(rq_connection(settings.redis_url.get_secret_value())),
        catalog=cast("CatalogSource", absent),
        expressions=CelExpressions(),
        terms=Terms(shortest=settings.min_duration, sync_period=settings.sync_period),
        pause=lambda span: time.sleep(span.total_seconds()),
        feeds=cast("Feeds", absent),
        tickets=cast("Tickets", absent),
    )
