"""Google's own end of memberships, in memory: it keeps the contract of the port over the fake Google."""

from __future__ import annotations

from datetime import datetime

from accessbot.domain.errors import NotAuthorised
from accessbot.domain.model import GroupMember
from tests.fakes.vendors import FakeDirectory, Switches


class FakeExpiry(Switches):
    """The port `Expiry` over a `FakeDirectory`; with `offered` off, the edition has no such thing."""

    vendor = "Google"

    def __init__(self, directory: FakeDirectory) -> None:
        super().__init__()
        self.offered = True
        self._directory = directory
        self._ends: dict[str, tuple[GroupMember, datetime]] = {}

    # --- Google

    def lapse(self, now: datetime) -> None:
        """Let Google take away every membership whose end has come, as it does by itself."""
        for name in list(self._ends):
            group, member = _parts(name)
            end = self.end_of(group, member)
            if end is not None and end <= now:
                self._directory.drop(group, member)

    def end_of(self, group: str, key: str) -> datetime | None:
        """Tell when Google ends a membership; None where it does not. What left and came back has no end."""
        member = self._directory.member_in(group, key)
        held, end = self._ends.get(_name(group, member), (None, None)) if member is not None else (None, None)
        return end if held is member else None

    # --- the port

    def check(self, group: str, email: str) -> None:
        """Prove that memberships of a group can be given an end."""
        self._call("check", (group, email), lambda: self._check(group))

    def find(self, group: str, email: str) -> str | None:
        """Give the name of a direct membership."""

        def look() -> str | None:
            member = self._directory.member_in(group, email)
            return None if member is None else _name(group, member)

        return self._call("find", (group, email), look)

    def end_at(self, membership: str, at: datetime) -> bool:
        """Have a membership end at a time."""
        return self._call("end_at", (membership, at), lambda: self._end(membership, at))

    # --- inside

    def _check(self, group: str) -> None:
        self._directory.member_in(group, "")
        if not self.offered:
            raise NotAuthorised("Google", "memberships", "This edition of Google Workspace has no such thing.")

    def _end(self, membership: str, at: datetime) -> bool:
        group, key = _parts(membership)
        self._check(group)
        member = self._directory.member_in(group, key)
        if member is None:
            return False
        self._ends[membership] = (member, at)
        return True


def _name(group: str, member: GroupMember) -> str:
    return f"groups/{group.casefold()}/memberships/{member.id}"


def _parts(membership: str) -> tuple[str, str]:
    _, group, _, member = membership.split("/")
    return group, member
