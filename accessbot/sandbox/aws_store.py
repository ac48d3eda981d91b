"""The identity store behind the AWS stand-in: users, groups and memberships, with the conflicts of the real service.

Written here rather than taken from moto 5.2, which accepts duplicate memberships, second deletes and unknown ids, has
neither ARNs nor creation times, and looks through every membership for each call.
"""

from __future__ import annotations

import secrets
import threading
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accessbot.sandbox.journal import Journal, now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime


class AwsError(Exception):
    """An error as a JSON service of AWS answers it: code, message, and the members its model adds."""

    def __init__(self, code: str, message: str, status: int = 400, members: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = dict(members or {})


def absent(resource_type: str, resource_id: str = "") -> AwsError:
    """ResourceNotFoundException for `USER`, `GROUP`, `GROUP_MEMBERSHIP` or `IDENTITY_STORE`."""
    members = {"ResourceType": resource_type} | ({"ResourceId": resource_id} if resource_id else {})
    return AwsError("ResourceNotFoundException", f"{resource_type} not found.", members=members)


def duplicate(what: str) -> AwsError:
    """ConflictException for something that exists already."""
    return AwsError("ConflictException", what, members={"Reason": "UNIQUENESS_CONSTRAINT_VIOLATION"})


@dataclass(frozen=True, slots=True)
class StoreUser:
    """A user. `emails` holds the addresses, the primary one first."""

    id: str
    user_name: str
    given_name: str
    family_name: str
    display_name: str
    emails: tuple[str, ...]
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class StoreGroup:
    """A group; two groups never share a display name."""

    id: str
    display_name: str
    description: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class StoreMembership:
    """One user in one group."""

    id: str
    group_id: str
    user_id: str
    created_at: datetime
    created_by: str


class IdentityStore:
    """Thread-safe. Every method raises AwsError where the service would refuse.

    `ignore_case`: whether GetUserId and GetGroupId compare without regard to case. AWS does not document which it is,
    so both can be tried; the default compares exactly.
    """

    def __init__(self, *, ignore_case: bool = False, clock: Callable[[], datetime] = now) -> None:
        self.id = "d-" + secrets.token_hex(5)
        self.ignore_case = ignore_case
        self.journal = Journal(clock)
        self._clock = clock
        self._lock = threading.RLock()
        self._users: dict[str, StoreUser] = {}
        self._groups: dict[str, StoreGroup] = {}
        self._user_names: dict[str, str] = {}  # folded user name -> user id
        self._emails: dict[str, str] = {}  # folded email -> user id
        self._group_names: dict[str, str] = {}  # display name -> group id
        self._memberships: dict[str, StoreMembership] = {}
        self._by_group: dict[str, dict[str, str]] = {}  # group id -> user id -> membership id
        self._by_user: dict[str, dict[str, str]] = {}  # user id -> group id -> membership id

    # ---- users

    def create_user(
        self, user_name: str, *, name: str = "", emails: tuple[str, ...] = (), by: str = "admin"
    ) -> StoreUser:
        """Raises ConflictException for a user name or an email that is taken."""
        given, _, family = (name or user_name.partition("@")[0].replace(".", " ").title()).partition(" ")
        at = self._clock()
        user = StoreUser(
            _new_id(), user_name, given, family or given, f"{given} {family}".strip(), emails or (user_name,), at, by
        )
        with self._lock:
            if user_name.casefold() in self._user_names:
                raise duplicate("Duplicate UserName")
            if any(email.casefold() in self._emails for email in user.emails):
                raise duplicate("Duplicate Email")
            self._users[user.id] = user
            self._user_names[user_name.casefold()] = user.id
            self._emails.update({email.casefold(): user.id for email in user.emails})
            self._by_user[user.id] = {}
        return user

    def user(self, user_id: str) -> StoreUser:
        """Raises ResourceNotFoundException (USER)."""
        with self._lock:
            try:
                return self._users[user_id]
            except KeyError:
                raise absent("USER", user_id) from None

    def users(self) -> list[StoreUser]:
        """All users, oldest first."""
        with self._lock:
            return list(self._users.values())

    def find_user(self, *, user_name: str | None = None, email: str | None = None) -> StoreUser:
        """By user name or by any email. Raises ResourceNotFoundException (USER)."""
        with self._lock:
            if user_name is not None:
                found = self._users.get(self._user_names.get(user_name.casefold(), ""))
                if found is not None and self._same(found.user_name, user_name):
                    return found
            if email is not None:
                found = self._users.get(self._emails.get(email.casefold(), ""))
                if found is not None and any(self._same(each, email) for each in found.emails):
                    return found
        raise absent("USER")

    def delete_user(self, user_id: str) -> None:
        """With the user's memberships. Raises ResourceNotFoundException (USER)."""
        with self._lock:
            user = self.user(user_id)
            groups = [self._groups[self._unlink(each).group_id] for each in list(self._by_user[user_id].values())]
            del self._users[user_id], self._by_user[user_id], self._user_names[user.user_name.casefold()]
            for email in user.emails:
                del self._emails[email.casefold()]
        for group in groups:
            self.journal.changed("removed", group.display_name, user.user_name, "admin")

    # ---- groups

    def create_group(self, display_name: str, description: str = "", *, by: str = "admin") -> StoreGroup:
        """Raises ConflictException for a display name that is taken."""
        group = StoreGroup(_new_id(), display_name, description, self._clock(), by)
        with self._lock:
            if display_name in self._group_names:
                raise duplicate("Duplicate GroupDisplayName")
            self._groups[group.id] = group
            self._group_names[display_name] = group.id
            self._by_group[group.id] = {}
        return group

    def group(self, group_id: str) -> StoreGroup:
        """Raises ResourceNotFoundException (GROUP)."""
        with self._lock:
            try:
                return self._groups[group_id]
            except KeyError:
                raise absent("GROUP", group_id) from None

    def groups(self) -> list[StoreGroup]:
        """All groups, oldest first."""
        with self._lock:
            return list(self._groups.values())

    def find_group(self, display_name: str) -> StoreGroup:
        """Raises ResourceNotFoundException (GROUP)."""
        with self._lock:
            exact = self._groups.get(self._group_names.get(display_name, ""))
            if exact is not None:
                return exact
            if self.ignore_case:
                for group in self._groups.values():
                    if self._same(group.display_name, display_name):
                        return group
        raise absent("GROUP")

    def delete_group(self, group_id: str) -> None:
        """With its memberships. Raises ResourceNotFoundException (GROUP)."""
        with self._lock:
            group = self.group(group_id)
            users = [self._users[self._unlink(each).user_id] for each in list(self._by_group[group_id].values())]
            del self._groups[group_id], self._by_group[group_id], self._group_names[group.display_name]
        for user in users:
            self.journal.changed("removed", group.display_name, user.user_name, "admin")

    # ---- memberships

    def create_membership(self, group_id: str, user_id: str, *, by: str = "admin") -> StoreMembership:
        """Raises ConflictException for a membership that exists, ResourceNotFoundException for an unknown id."""
        with self._lock:
            group, user = self.group(group_id), self.user(user_id)
            if user_id in self._by_group[group_id]:
                raise duplicate("Member and Group relationship already exists.")
            made = StoreMembership(_new_id(), group_id, user_id, self._clock(), by)
            self._memberships[made.id] = made
            self._by_group[group_id][user_id] = made.id
            self._by_user[user_id][group_id] = made.id
        self.journal.changed("added", group.display_name, user.user_name, by)
        return made

    def delete_membership(self, membership_id: str, *, by: str = "admin") -> StoreMembership:
        """Raises ResourceNotFoundException (GROUP_MEMBERSHIP), for a second delete too."""
        with self._lock:
            gone = self._unlink(membership_id)
            group, user = self._groups[gone.group_id], self._users[gone.user_id]
        self.journal.changed("removed", group.display_name, user.user_name, by)
        return gone

    def membership(self, membership_id: str) -> StoreMembership:
        """Raises ResourceNotFoundException (GROUP_MEMBERSHIP)."""
        with self._lock:
            try:
                return self._memberships[membership_id]
            except KeyError:
                raise absent("GROUP_MEMBERSHIP", membership_id) from None

    def find_membership(self, group_id: str, user_id: str) -> StoreMembership:
        """Raises ResourceNotFoundException for the group, the user, or the membership."""
        with self._lock:
            self.group(group_id)
            self.user(user_id)
            found = self._by_group[group_id].get(user_id)
            if found is None:
                raise absent("GROUP_MEMBERSHIP")
            return self._memberships[found]

    def memberships_of_group(self, group_id: str) -> list[StoreMembership]:
        """Oldest first. Raises ResourceNotFoundException (GROUP)."""
        with self._lock:
            self.group(group_id)
            return [self._memberships[each] for each in self._by_group[group_id].values()]

    def memberships_of_user(self, user_id: str) -> list[StoreMembership]:
        """Oldest first. Raises ResourceNotFoundException (USER)."""
        with self._lock:
            self.user(user_id)
            return [self._memberships[each] for each in self._by_user[user_id].values()]

    def snapshot(self) -> dict[str, set[str]]:
        """Group display name -> the user names in it; every group is there, empty ones too."""
        with self._lock:
            return {
                group.display_name: {self._users[user].user_name for user in self._by_group[group.id]}
                for group in self._groups.values()
            }

    def clear(self) -> None:
        """Forget everything; the id stays."""
        with self._lock:
            self._users.clear()
            self._groups.clear()
            self._memberships.clear()
            for names in (self._user_names, self._emails, self._group_names):
                names.clear()
            for index in (self._by_group, self._by_user):
                index.clear()
        self.journal.clear()

    def _unlink(self, membership_id: str) -> StoreMembership:
        """Take one membership out of every table, with the lock held."""
        gone = self.membership(membership_id)
        del self._memberships[membership_id]
        del self._by_group[gone.group_id][gone.user_id]
        del self._by_user[gone.user_id][gone.group_id]
        return gone

    def _same(self, one: str, other: str) -> bool:
        return one.casefold() == other.casefold() if self.ignore_case else one == other


def _new_id() -> str:
    return f"{secrets.token_hex(5)}-{uuid.uuid4()}"
