"""Watching: that clocks and workers live, that clocks agree, and that vendors answer; whoever lives tells of it.

A clock that is dead hands over no work, and without workers none is done, alerts included. So every process that can
speak watches the others, and does the work of telling by itself. The claim on that work keeps several watchers from
telling the same twice.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from accessbot.domain.errors import StoreUnavailable, Unclear
from accessbot.domain.notices import AlertKind
from accessbot.domain.work import Work, WorkKind
from accessbot.ports import Change
from accessbot.service import alerting, working
from accessbot.service.context import soon, unkept

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from accessbot.service.context import Context

_log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=3)
STARTING = timedelta(seconds=15)
"""How long a process that was never seen may take to start; one that was seen is missed when its last beat lapsed."""

_AGAIN_S = 30
_CLOCKS = f"{AlertKind.CLOCK_SKEW}:all"


@dataclass(slots=True)
class Watcher:
    """One process's watch over all. To be asked every three seconds, in a thread of its own: telling takes time.

    `all_clear` has the first look end alerts that are open about what is well, whoever opened them.
    """

    ctx: Context
    all_clear: bool = False
    steady: Callable[[], float] = time.monotonic
    _seen: set[str] = field(default_factory=set)
    _absent: dict[str, float] = field(default_factory=dict)
    _open: frozenset[str] = field(default=frozenset())

    def __post_init__(self) -> None:
        """Tell without this process's keeper: that is for the one work of its worker."""
        self.ctx = replace(self.ctx, keep=unkept)
        if self.all_clear:
            vendors = (f"{AlertKind.VENDOR_AWAY}:{gate.vendor}" for gate in self.ctx.gates)
            self._open = frozenset((*vendors, *map(_nobody, alerting.ROLES), _CLOCKS))

    def look(self) -> None:
        """Look once, and tell what is wrong, or no longer. A store that is away is only logged."""
        try:
            troubles = self._troubles()
            now = self.ctx.store.now()
            for subject in sorted(troubles.keys() | self._open):
                self._tell(subject, now, troubles.get(subject, "over"))
            self._open = frozenset(troubles)
        except (StoreUnavailable, Unclear) as error:
            # Beats lapse while nobody can beat: whoever is missing afterwards gets the time of a start.
            self._seen.clear()
            self._absent.clear()
            _log.warning("store away, nobody can be watched", error=error.sentence)

    def _troubles(self) -> dict[str, str]:
        """List the subjects of the alerts that ought to be open now, each with what would be news of it."""
        beats = self.ctx.store.beats()
        found = {_nobody(role): "missing" for role in self._missing({beat.role for beat in beats})}
        clocks = {f"{beat.machine}{'-' if beat.skew < timedelta(0) else '+'}" for beat in alerting.disagreeing(beats)}
        if clocks:
            found[_CLOCKS] = " ".join(sorted(clocks))
        now = self.ctx.store.now()
        away = (state for gate in self.ctx.gates if alerting.is_away(state := gate.state(), now))
        return found | {f"{AlertKind.VENDOR_AWAY}:{state.vendor}": "away" for state in away}

    def _missing(self, alive: set[str]) -> set[str]:
        self._seen |= alive
        now = self.steady()
        self._absent = {role: self._absent.get(role, now) for role in alerting.ROLES if role not in alive}
        late = now - STARTING.total_seconds()
        return {role for role, since in self._absent.items() if role in self._seen or since <= late}

    def _tell(self, subject: str, now: datetime, news: str) -> None:
        """Have the alert of a subject looked at, here and now, if no watcher did so in this half minute."""
        work = Work(WorkKind.ALERT, subject)
        op = f"watch:{subject}:{news}:{int(now.timestamp()) // _AGAIN_S}"
        if self.ctx.store.commit(Change(op=op, due=(soon(work, now),))):
            working.run(self.ctx, work)


def _nobody(role: str) -> str:
    return f"{AlertKind.NOBODY_ALIVE}:{role}"
