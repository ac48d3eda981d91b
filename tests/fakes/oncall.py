"""On-call sources and a ticket system in memory: they keep the contract of their ports, and fail when told to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from accessbot.domain.errors import Refused, VendorError
from accessbot.domain.model import Request
from accessbot.domain.oncall import Schedule, Shift
from accessbot.domain.rotations import cut, merged
from accessbot.domain.rules import Ticket


@dataclass(slots=True)
class FakeFeeds:
    """The port `Feeds`: says what it was told of each schedule, by name; nobody is on call on any other.

    `trouble` makes it fail, on every schedule or, with `troubled`, on those alone. `asked` has the names asked for.
    """

    known: dict[str, tuple[Shift, ...]] = field(default_factory=dict)
    trouble: VendorError | None = None
    troubled: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)

    def put(self, schedule: str, *shifts: Shift) -> None:
        """Say from now on that these are all shifts of a schedule."""
        self.known[schedule] = shifts

    def shifts(self, schedule: Schedule, begins: datetime, ends: datetime) -> tuple[Shift, ...]:
        """Give the shifts of a schedule between the two, cut, merged and in order."""
        self.asked.append(schedule.name)
        if self.trouble is not None and (not self.troubled or schedule.name in self.troubled):
            raise self.trouble
        return merged(cut(self.known.get(schedule.name, ()), begins, ends))


@dataclass(slots=True)
class FakeTickets:
    """The port `Tickets`: allows every ticket but those in `refused`, each of which has a reason.

    `trouble` makes it fail. `asked` has the ticket and the id of the request of each check that was made.
    """

    refused: dict[str, str] = field(default_factory=dict)
    trouble: VendorError | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    def check(self, ticket: Ticket, reference: str, request: Request) -> None:
        """Return if the ticket is allowed, or if nothing is to be asked."""
        if not ticket.check:
            return
        self.asked.append((reference, request.id))
        if self.trouble is not None:
            raise self.trouble
        if reference in self.refused:
            reason = self.refused[reference]
            raise Refused(f"The ticket system does not allow {reference} for this; it says: {reason or 'no reason'}")
