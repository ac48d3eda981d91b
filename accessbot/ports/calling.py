"""Calling a vendor: how urgent it is, until when it may last, and the gate that it passes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from accessbot.domain.work import Urgency

if TYPE_CHECKING:
    from datetime import datetime


urgency: ContextVar[Urgency] = ContextVar("accessbot_urgency", default=Urgency.GRANTING)
"""How urgent the vendor calls made from here are; set for each work that is done."""

calls_until: ContextVar[float | None] = ContextVar("accessbot_calls_until", default=None)
"""Until when, on this machine's monotonic clock, vendor calls made from here may last; None outside of a lease.

A lease sets it whenever it is proven. So a process that stood still after the proof sends nothing when it wakes up.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateState:
    """A vendor's gate as operators see it: is the breaker open, how long calls wait, what the bucket still holds.

    `since` is when the breaker opened for the first time without an answer after it.
    """

    vendor: str
    open: bool
    wait: timedelta
    left: float
    since: datetime | None = None


class Gate(Protocol):
    """What stands before every call to a vendor: its quota, shared by all workers, and its circuit breaker."""

    @property
    def vendor(self) -> str:
        """Name the vendor."""

    def __call__(self) -> AbstractContextManager[None]:
        """Make one call in here. Raises `Unavailable` instead of making it too early."""

    def state(self) -> GateState:
        """Read the gate without passing it. Raises `StoreUnavailable`."""
