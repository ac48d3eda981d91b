"""The sandbox as the benches use it: real processes, vendors as slow as they are told to be, people who press."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from accessbot.sandbox.journal import Call
from accessbot.sandbox.run import Sandbox, sandbox
from accessbot.sandbox.slack.actor import Actor
from accessbot.sandbox.slack.delivery import Courier
from accessbot.sandbox.slack.desk import Desk
from accessbot.sandbox.slack.payloads import Payloads

GOOGLE_S = 0.3
"""Seconds that a call to Google takes while it is measured."""

AWS_S = 0.15
"""Seconds that a call to AWS takes while it is measured."""

PEOPLE = {
    "maya": "U01MAYA",
    "noah": "U02NOAH",
    "priya": "U03PRIYA",
    "tomas": "U04TOMAS",
    "ines": "U05INES",
}
APPROVALS, GENERAL = "C01APPROVALS", "C03GENERAL"

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

    def person(self, name: str) -> Actor:
        """Be one of `PEOPLE`."""
        channel = "approvals" if name in ("priya", "tomas", "ines") else "general"
        return Actor(self.box.workspace, PEOPLE[name], channel=channel)

    def desk(self) -> Desk:
        """Give hands that press and type with nothing in between: what they do is signed, sent and timed."""
        workspace = self.box.workspace
        payloads = Payloads(workspace.state)
        payloads.root = workspace.url
        return Desk(workspace.state, Courier(workspace.signing_secret, workspace.events_url), payloads, None)

    def changes(self, group: str, email: str, since: datetime) -> dict[tuple[str, str], datetime]:
        """Give when a membership of `group` (without a domain) came or went, as (vendor, action) → the last time."""
        google, aws = self.box.world.google.directory.journal, self.box.world.aws.journal
        found = [("google", each) for each in google.changes(f"{group}@example.com", email)]
        found += [("aws", each) for each in aws.changes(group, email)]
        return {(vendor, each.action): each.at for vendor, each in found if each.at >= since}

    def calls(self, since: datetime, until: datetime, about: tuple[str, str] | None = None) -> Path:
        """List the vendor calls that arrived between two moments.

        With `about` (a group without its domain, an email) those on another pair's memberships are left out: a pair
        that changed a little earlier is looked at again in the background, which is no part of this one's path.
        """
        directory = self.box.world.google.directory
        found = [
            c for j in (directory.journal, self.box.world.aws.journal) for c in j.calls() if since <= c.at <= until
        ]
        if about is not None:
            group, email = about
            groups, members = {group, f"{group}@example.com"}, {email, directory.user(email).id}
            found = [c for c in found if not _is_membership(c) or (c.group in groups and c.member in members)]
        return Path(tuple(call.method for call in sorted(found, key=lambda call: call.at)))


def _is_membership(call: Call) -> bool:
    """Tell calls on one membership from look-ups of people, groups and authority."""
    return bool(call.member) and call.method.endswith(
        ("members.get", "members.insert", "members.delete", "GroupMembership", "GroupMembershipId")
    )


@contextmanager
def company(**extra: str) -> Iterator[Company]:
    """Run a sandbox, with these added to the environment of its processes; nobody sweeps, unless they say so.

    A sweep's calls would be counted with those of what is measured.
    """
    with sandbox(extra={"ACCESSBOT_WORKER_SLOTS": "fast:4,ends:10,talk:2,sweep:0", **extra}) as box:
        yield Company(box)


def until(look: Callable[[], bool], limit: float = _LIMIT_S) -> datetime:
    """Look again and again until it is so; give the moment. Raises `TimeoutError` after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError("what was measured did not happen")
        time.sleep(_TICK_S)
    return datetime.now(UTC)
