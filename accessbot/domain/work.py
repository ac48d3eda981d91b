"""Work: what has to be done next, as a kind and the id of what it is done to. Never data, so it cannot go stale."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Lane(StrEnum):
    """Which workers take it: what people wait for, what clocks start, what is said, what is swept.

    None waits behind another.
    """

    FAST = "fast"
    ENDS = "ends"
    TALK = "talk"
    SWEEP = "sweep"


class WorkKind(StrEnum):
    """Every kind of work there is."""

    SCREEN = "screen"  # request: look the requester up, then announce or refuse
    CLICK = "click"  # click: authorise and carry out a press
    PROVISION = "provision"  # grant: make it usable
    REVOKE = "revoke"  # grant: an early end
    END = "end"  # grant: its time is over
    VERIFY = "verify"  # pair: look again whether both sides still are as they should be
    LAPSE = "lapse"  # request: nobody decided in time
    STEP = "step"  # request: nobody decided in this step's time; escalate, then expire
    OVERDUE = "overdue"  # grant: a revoke that is still not proven; alert an operator
    MAPPING = "mapping"  # Google group: does it still open exactly what the catalog says
    SWEEP = "sweep"  # Google group: are its members on both sides those that the grants want
    ROTA = "rota"  # on-call schedule: read it again, and give whoever is on call what goes with it
    LEAVER = "leaver"  # person (Slack user id): is their Google account still there and not suspended
    REVIEW = "review"  # review: show it, and remind its owners until it is closed
    NUDGE = "nudge"  # request: ping those who are to hear that a step began
    EXPIRY = "expiry"  # pair: have Google end the membership by itself, some time after its last grant
    CARD = "card"  # request: bring every copy of its message up to date
    TELL = "tell"  # "<notice>:<id>": tell the requester
    ALERT = "alert"  # "<alert>:<id>": tell the operators
    ANSWER = "answer"  # click: tell the person who pressed what came of it


LANES: dict[WorkKind, Lane] = {
    WorkKind.SCREEN: Lane.FAST,
    WorkKind.CLICK: Lane.FAST,
    WorkKind.PROVISION: Lane.FAST,
    WorkKind.REVOKE: Lane.FAST,
    WorkKind.END: Lane.ENDS,
    WorkKind.VERIFY: Lane.ENDS,
    WorkKind.LAPSE: Lane.ENDS,
    WorkKind.OVERDUE: Lane.ENDS,
    WorkKind.STEP: Lane.ENDS,
    WorkKind.ROTA: Lane.ENDS,
    WorkKind.LEAVER: Lane.SWEEP,
    WorkKind.REVIEW: Lane.TALK,
    WorkKind.NUDGE: Lane.TALK,
    WorkKind.MAPPING: Lane.SWEEP,
    WorkKind.SWEEP: Lane.SWEEP,
    WorkKind.EXPIRY: Lane.SWEEP,
    WorkKind.CARD: Lane.TALK,
    WorkKind.TELL: Lane.TALK,
    WorkKind.ALERT: Lane.TALK,
    WorkKind.ANSWER: Lane.TALK,
}


class Urgency(IntEnum):
    """What may use a vendor's quota first; what is less urgent leaves some of it free."""

    ENDING = 0
    GRANTING = 1
    SWEEPING = 2


URGENCIES: dict[WorkKind, Urgency] = {
    WorkKind.REVOKE: Urgency.ENDING,
    WorkKind.END: Urgency.ENDING,
    WorkKind.VERIFY: Urgency.ENDING,
    WorkKind.MAPPING: Urgency.SWEEPING,
    WorkKind.SWEEP: Urgency.SWEEPING,
    WorkKind.EXPIRY: Urgency.SWEEPING,
    WorkKind.LEAVER: Urgency.SWEEPING,
}
"""Kinds that are not here are about grants."""


@dataclass(frozen=True, slots=True)
class Work:
    """One thing to do. Two works of the same kind and subject are the same work."""

    kind: WorkKind
    subject: str

    @property
    def lane(self) -> Lane:
        """Name the lane whose workers take it."""
        return LANES[self.kind]

    @property
    def urgency(self) -> Urgency:
        """Say how urgent its vendor calls are."""
        return URGENCIES.get(self.kind, Urgency.GRANTING)

    def __str__(self) -> str:
        """Give its name in the due-index and in the queue: `end|g_…`."""
        return f"{self.kind}|{self.subject}"

    @classmethod
    def parse(cls, name: str) -> Work:
        """Read a name back; raises ValueError for one that is no work of ours."""
        kind, bar, subject = name.partition("|")
        if not bar or not subject:
            msg = f"{name!r} is not the name of a work"
            raise ValueError(msg)
        return cls(WorkKind(kind), subject)


@dataclass(frozen=True, slots=True)
class Due:
    """A work and when it is due; with `sooner` a work that is due already never moves to a later time."""

    work: Work
    at: datetime
    sooner: bool = False
