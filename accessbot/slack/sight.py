"""Who may see what of the catalog, kept in memory for some minutes: for what is shown, never for what is allowed."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final

from accessbot import log
from accessbot.domain.errors import AccessbotError, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

_log = log.get("accessbot.slack.sight")

MAX_AGE_S: Final = 300.0
"""How old what is kept of a person may be, in seconds; older, it is shown once more and read again behind that."""

_MOST_PEOPLE = 10_000


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found about one person: the policies that they may ask under, or why they may hold nothing at all."""

    policies: frozenset[str]
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class _Kept:
    seen: Seen
    catalog: str
    at: float


class Sight:
    """What this process knows of who may see what; the longest unused is forgotten first."""

    def __init__(self, look: Callable[[str], frozenset[str]], monotonic: Callable[[], float] = time.monotonic) -> None:
        """Ask nothing yet.

        Args:
            look: reads, live, the policies that a person (Slack user id) may ask under. It raises `Refused` for who may
                hold nothing, and another error of ours when it cannot tell.
            monotonic: gives seconds that only grow.
        """
        self._look = look
        self._monotonic = monotonic
        self._lock = Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._looking: set[str] = set()

    def of(self, person: str, catalog: str) -> Seen | None:
        """Give what is known of a person under a catalog (its hash), None if nothing is; asks nobody."""
        with self._lock:
            kept = self._kept.get(person)
            if kept is None or kept.catalog != catalog:
                return None
            self._kept.move_to_end(person)
            return kept.seen

    def is_due(self, person: str, catalog: str) -> bool:
        """Tell whether it is time to look: nothing is known, it is too old, or it hides everything."""
        with self._lock:
            kept = self._kept.get(person)
            if person in self._looking:
                return False
            if kept is None or kept.catalog != catalog or not kept.seen.policies:
                return True
            return self._monotonic() - kept.at > MAX_AGE_S

    def look(self, person: str, catalog: str) -> Seen | None:
        """Read anew what a person may see; None when it cannot be told, or somebody else is at it."""
        with self._lock:
            if person in self._looking:
                return None
            self._looking.add(person)
        try:
            seen = self._read(person)
        finally:
            with self._lock:
                self._looking.discard(person)
        if seen is not None:
            with self._lock:
                self._kept[person] = _Kept(seen, catalog, self._monotonic())
                self._kept.move_to_end(person)
                while len(self._kept) > _MOST_PEOPLE:
                    self._kept.popitem(last=False)
        return seen

    def _read(self, person: str) -> Seen | None:
        try:
            return Seen(self._look(person))
        except Refused as refusal:
            return Seen(frozenset(), refusal.sentence)
        except AccessbotError as error:
            _log.info("what somebody may see cannot be told now", error=error.sentence)
            return None
