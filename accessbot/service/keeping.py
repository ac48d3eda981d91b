"""Keeping: a claim is short, so that the work of a dead process comes up again soon; a living one prolongs it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Thread
from typing import TYPE_CHECKING

import structlog

from accessbot.domain.errors import StoreUnavailable, Unclear

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accessbot.ports import Claim, Store

_log = structlog.get_logger(__name__)

HOLD = timedelta(seconds=4)
"""How long a work belongs to a worker that may have died. Twice at once is harmless: a lease or a swap decides."""

EVERY = timedelta(seconds=1)
MOST = timedelta(seconds=30)
"""How long a claim is prolonged: a worker that is stuck for longer loses the work, though its keeper lives."""


@dataclass(slots=True)
class Keeper:
    """Prolongs the claim of the work at hand, from a thread of its own, for as long as this process runs.

    For a process that does one work at a time. `store` is best one of little patience: a renewal that comes late is
    worth nothing. The thread starts with the first work, so a keeper may be made before a fork.
    """

    store: Store
    most: timedelta = MOST
    _at_hand: tuple[Claim, float] | None = field(default=None)
    _thread: Thread | None = field(default=None)

    @contextmanager
    def __call__(self, claim: Claim) -> Iterator[None]:
        """Keep a claim while the work is done in here."""
        self._at_hand = (claim, time.monotonic() + self.most.total_seconds())
        if self._thread is None or not self._thread.is_alive():
            self._thread = Thread(target=self._run, name="keeper", daemon=True)
            self._thread.start()
        try:
            yield
        finally:
            self._at_hand = None

    def _run(self) -> None:
        while True:
            time.sleep(EVERY.total_seconds())
            self.renew()

    def renew(self) -> None:
        """Prolong the claim at hand, if there is one; a store that is away is only logged."""
        at_hand = self._at_hand
        if at_hand is None or time.monotonic() > at_hand[1]:
            return
        claim, _ = at_hand
        try:
            kept = self.store.renew(claim, HOLD)
        except (StoreUnavailable, Unclear) as error:
            _log.warning("claim not prolonged", work=str(claim.work), error=error.sentence)
            return
        if not kept and self._at_hand is at_hand:
            self._at_hand = None
            _log.warning("claim lost, another process may be at this work too", work=str(claim.work))
