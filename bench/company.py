"""The sandbox as the benches use it: real processes, vendors as slow as they are told to be, people who press."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from accessbot.sandbox.journal import Call
from accessbot.sandbox.run import Sandbox
from accessbot.sandbox.slack.actor import Actor

GOOGLE_S = 0.3
"""Seconds that a call to Google takes while it is measured."""

AWS_S = 0.15
"""Seconds that a call to AWS takes while it is measured."""

_TICK_S = 0.002
_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Path:
    """The vendor calls made between two moments: how many to each, and how long they must take one after another."""

    names: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """Add up the time injected into them."""
        return sum(GOOGLE_S if name.startswith("google.") else AWS_S for name in self.names)


@dataclass(frozen=True, slots=True)
class Company:
    """A running sandbox, and what is asked of it."""

    box: Sandbox

    def slow(self) -> None:
        """Make Google and AWS as slow as the measurements want them."""
        self.box.world.faults.slow("google.*", GOOGLE_S)
        self.box.world.faults.slow("aws.*", AWS_S)

    def person(self, slack_id: str, channel: str = "general") -> Actor:
        """Be somebody."""
        return Actor(self.box.workspace, slack_id, channel=channel)

    def members(self, entitlement: str, email: str) -> tuple[bool, bool]:
        """Look whether somebody is in the group of an entitlement, at Google and in Identity Center."""
        google = self.box.world.google.directory.is_member(f"aws-{entitlement}@example.com", email)
        return google, self.box.world.aws.is_member(f"aws-{entitlement}", email)

    def calls(self, since: datetime, until: datetime) -> Path:
        """List the vendor calls that arrived between two moments."""
        journals = (self.box.world.google.directory.journal, self.box.world.aws.journal)
        found: list[Call] = [call for journal in journals for call in journal.calls() if since <= call.at <= until]
        return Path(tuple(call.method for call in sorted(found, key=lambda call: call.at)))


def until(look: Callable[[], bool]) -> datetime:
    """Look again and again until it is so; give the moment. Raises `TimeoutError`."""
    deadline = time.monotonic() + _LIMIT_S
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError("what was measured did not happen")
        time.sleep(_TICK_S)
    return datetime.now(UTC)
