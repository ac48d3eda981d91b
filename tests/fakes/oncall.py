"""On-call feeds and a ticket system in memory: they keep the contract of their ports, and fail when told to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from accessbot.domain.errors import Refused, VendorError

if TYPE_CHECKING:
    from datetime import datetime

    from accessbot.domain.model import Request
    from accessbot.domain.oncall import Schedule, Shift
    from accessbot.domain.rules import Ticket


@dataclass(slots=True)
class FakeFeeds:
    """The port `Feeds`: `book` holds the shifts of each schedule, `trouble` makes every read fail."""

    book: dict[str, tuple[Shift, ...]] = field(default_factory=dict)
    trouble: VendorError | None = None

    def shifts(self, schedule: Schedule, begins: datetime, ends: datetime) -> tuple[Shift, ...]:
        """Give the shifts that touch the window."""
        if self.trouble is not None:
            raise self.trouble
        found = self.book.get(schedule.name, ())
        return tuple(s for s in found if s.begins < ends and (s.ends is None or s.ends > begins))


@dataclass(slots=True)
class FakeTickets:
    """The port `Tickets`: every ticket may be used but those in `refused`; `trouble` makes every check fail."""

    refused: dict[str, str] = field(default_factory=dict)
    trouble: VendorError | None = None

    def check(self, ticket: Ticket, reference: str, request: Request) -> None:  # noqa: ARG002 - the port's own signature
        """Refuse what is refused."""
        if self.trouble is not None:
            raise self.trouble
        if reference in self.refused:
            raise Refused(self.refused[reference])
