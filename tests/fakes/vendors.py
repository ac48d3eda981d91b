"""Google Workspace and Identity Center in memory: they keep the contract of their ports, and fail when told to.

Both pass the same suite as the real adapters (tests/contract). Seeding methods change the state as an administrator
would: they are never refused, not recorded in the journal, and no fault touches them.
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

from accessbot.domain.errors import Ambiguous, Missing, Rejected, Unavailable, VendorError
from accessbot.domain.model import DirectoryUser, GroupMember, PermissionSet

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a port's method, whether it was answered or failed: `("add", ("ops@example.com", "1001"))`."""

    method: str
    args: tuple[object, ...]
    failed: bool = False


@dataclass(slots=True)
class Fault:
    """A failure to come: of `method` (or `*`), for the next `left` calls (None: until cleared)."""

    method: str
    error: VendorError
    left: int | None
    applied: bool
    hits: int = 0


class Switches:
    """What both fakes share: a journal of the calls, and faults to switch on. Thread-safe."""

    vendor = "Vendor"

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.journal: list[Call] = []
        self._faults: list[Fault] = []

    def fail(
        self, method: str = "*", *, times: int | None = 1, error: VendorError | None = None, applied: bool = False
    ) -> Fault:
        """Fail the next `times` calls of a method (None: until cleared) with `error`, else with `Unavailable`.

        With `applied` the call takes effect and only its answer is lost.
        """
        fault = Fault(method, error or Unavailable(self.vendor, method, f"{self.vendor} is down."), times, applied)
        with self.lock:
            self._faults.append(fault)
        return fault

    def warm(self) -> None:
        """Build nothing: all is there."""

    def recover(self) -> None:
        """Switch all faults off."""
        with self.lock:
            self._faults.clear()

    def calls(self, method: str) -> list[tuple[object, ...]]:
        """Give the arguments of every call of a method, oldest first."""
        with self.lock:
            return [call.args for call in self.journal if call.method == method]

    def _call(self, method: str, args: tuple[object, ...], work: Callable[[], Answer]) -> Answer:
        with self.lock:
            fault = next((each for each in self._faults if each.method in ("*", method) and each.left != 0), None)
            self.journal.append(Call(method, args, failed=fault is not None))
            if fault is None:
                return work()
            fault.hits += 1
            fault.left = None if fault.left is None else fault.left - 1
            if fault.applied:
                work()
            raise fault.error


class FakeDirectory(Switches):
    """The port `Directory` over a dictionary.

    `lag` is how many `is_member` reads of a pair still see the state before the last write to it.
    """

    vendor = "Google"

    def __init__(self, *, lag: int = 0) -> None:
        super().__init__()
        self.lag = lag
        self._serial = itertools.count(1)
        self._users: dict[str, DirectoryUser] = {}
        self._names: dict[str, str] = {}
        self._groups: dict[str, dict[str, GroupMember]] = {}
        self._managers: dict[str, tuple[str, ...]] = {}
        self._stale: dict[tuple[str, str], tuple[bool, int]] = {}

    # --- the administrator

    def add_user(
        self, email: str, *, aliases: Iterable[str] = (), suspended: bool = False, archived: bool = False
    ) -> DirectoryUser:
        """Create a user."""
        made = DirectoryUser(
            id=f"1{next(self._serial):020d}", email=email.casefold(), suspended=suspended, archived=archived
        )
        self._users[made.id] = made
        self._names |= {name.casefold(): made.id for name in (email, *aliases)}
        return made

    def change_user(self, key: str, *, suspended: bool = False, archived: bool = False) -> None:
        """Suspend or archive a user, or bring them back."""
        found = self._user(key)
        self._users[found.id] = replace(found, suspended=suspended, archived=archived)

    def rename_user(self, key: str, email: str) -> None:
        """Give a user another primary address; the old one stays as an alias, as at Google."""
        found = self._user(key)
        self._users[found.id] = replace(found, email=email.casefold())
        self._names[email.casefold()] = found.id

    def delete_user(self, key: str) -> None:
        """Delete a user with all memberships."""
        found = self._user(key)
        del self._users[found.id]
        self._names = {name: owner for name, owner in self._names.items() if owner != found.id}
        for members in self._groups.values():
            members.pop(found.id, None)

    def set_manager(self, key: str, *managers: str) -> None:
        """Say who a user's manager is: nobody, one, or several by mistake."""
        self._managers[self._user(key).id] = managers

    def add_group(self, email: str) -> None:
        """Create an empty group."""
        self._groups[email.casefold()] = {}

    def delete_group(self, email: str) -> None:
        """Delete a group."""
        del self._groups[email.casefold()]

    def put(self, group: str, key: str) -> None:
        """Make a user (id or address), another group or an outsider (address) a direct member."""
        with self.lock:
            name = key.casefold()
            if name in self._groups or (name not in self._names and key not in self._users):
                kind = "GROUP" if name in self._groups else "USER"
                self._groups[group.casefold()][name] = GroupMember(id=name, email=name, type=kind)
                return
            user = self._user(key)
            self._groups[group.casefold()][user.id] = GroupMember(id=user.id, email=user.email, type="USER")

    def drop(self, group: str, key: str) -> None:
        """Take a direct membership away, if there is one."""
        with self.lock:
            self._groups[group.casefold()].pop(self._names.get(key.casefold(), key), None)

    def member_in(self, group: str, key: str) -> GroupMember | None:
        """Give a true direct membership, the same object for as long as it lasts; of a group that is there."""
        with self.lock:
            return self._group(group).get(self._names.get(key.casefold(), key))

    def emails(self, group: str) -> frozenset[str]:
        """Give the addresses of the true direct members."""
        with self.lock:
            return frozenset(member.email for member in self._groups[group.casefold()].values())

    # --- the port

    def user(self, key: str) -> DirectoryUser:
        """Read a user by id, address or alias."""
        return self._call("user", (key,), lambda: self._user(key))

    def holds(self, group: str, email: str) -> bool:
        """Tell whether a person is in a group, directly or nested."""
        return self._call("holds", (group, email), lambda: self._holds(group, email))

    def is_member(self, group: str, user: str) -> bool:
        """Tell whether a user is a direct member, late by `lag` reads."""
        return self._call("is_member", (group, user), lambda: self._seen(group, user))

    def add(self, group: str, user: DirectoryUser) -> None:
        """Make a user a direct member."""
        self._call("add", (group, user.id), lambda: self._write(group, user.id, wanted=True))

    def remove(self, group: str, user: str) -> None:
        """Take a user's direct membership away."""
        self._call("remove", (group, user), lambda: self._write(group, user, wanted=False))

    def members(self, group: str) -> tuple[GroupMember, ...]:
        """List all direct members."""
        return self._call("members", (group,), lambda: tuple(self._group(group).values()))

    def manager(self, user: str) -> str | None:
        """Give the address of a user's manager."""
        return self._call("manager", (user,), lambda: self._manager(user))

    # --- inside

    def _manager(self, user: str) -> str | None:
        named = tuple(dict.fromkeys(each.casefold() for each in self._managers.get(self._user(user).id, ())))
        if len(named) > 1:
            raise Ambiguous("Google", "users.get", f"Google names several managers of {user}.")
        if named and "@" not in named[0]:
            raise Rejected("Google", "users.get", f"Google names a manager of {user} who is no email address.")
        return named[0] if named else None

    def _user(self, key: str) -> DirectoryUser:
        found = self._users.get(self._names.get(key.casefold(), key))
        if found is None:
            raise Missing("Google", "users.get", f"Google does not know the user {key}.", what="user")
        return found

    def _group(self, group: str) -> dict[str, GroupMember]:
        try:
            return self._groups[group.casefold()]
        except KeyError:
            raise Missing("Google", "members", f"Google does not know the group {group}.", what="group") from None

    def _holds(self, group: str, email: str) -> bool:
        wanted = self._names.get(email.casefold(), email.casefold())
        members = self._group(group)
        return wanted in members or any(
            self._holds(each.id, email) for each in members.values() if each.type == "GROUP"
        )

    def _seen(self, group: str, user: str) -> bool:
        now = user in self._group(group)
        before, reads = self._stale.pop((group, user), (now, 0))
        if reads > 1:
            self._stale[group, user] = (before, reads - 1)
        return before if reads else now

    def _write(self, group: str, user: str, *, wanted: bool) -> None:
        there = user in self._group(group)
        if wanted:
            self._user(user)
        if wanted == there:
            return
        if self.lag:
            self._stale[group, user] = (there, self.lag)
        if wanted:
            self.put(group, user)
        else:
            self.drop(group, user)


class FakeIdentityCenter(Switches):
    """The port `IdentityCenter` over dictionaries."""

    vendor = "AWS"

    def __init__(self) -> None:
        super().__init__()
        self._users: dict[str, tuple[str, frozenset[str]]] = {}
        self._groups: dict[str, str] = {}
        self._members: dict[str, set[str]] = {}
        self._sets: dict[str, PermissionSet] = {}
        self._assigned: set[tuple[str, str, str]] = set()

    # --- the administrator

    def add_user(self, user_name: str, *, emails: Iterable[str] = ()) -> str:
        """Create a user; gives the UserId. Without `emails` the user has none."""
        user_id = str(uuid.uuid4())
        self._users[user_id] = (user_name, frozenset(email.casefold() for email in emails))
        return user_id

    def delete_user(self, user_id: str) -> None:
        """Delete a user with all memberships."""
        del self._users[user_id]
        for members in self._members.values():
            members.discard(user_id)

    def add_group(self, name: str) -> str:
        """Create an empty group; gives the GroupId."""
        group_id = str(uuid.uuid4())
        self._groups[group_id] = name
        self._members[group_id] = set()
        return group_id

    def delete_group(self, group_id: str) -> None:
        """Delete a group."""
        del self._groups[group_id], self._members[group_id]

    def add_permission_set(self, name: str, session: timedelta = timedelta(hours=1)) -> PermissionSet:
        """Create a permission set."""
        arn = f"arn:aws:sso:::permissionSet/ssoins-0000000000000000/ps-{len(self._sets):016x}"
        self._sets[name] = PermissionSet(arn=arn, name=name, session=session)
        return self._sets[name]

    def assign(self, group_id: str, account_id: str, permission_set_arn: str) -> None:
        """Let a group open a permission set in an account."""
        self._assigned.add((group_id, account_id, permission_set_arn))

    def unassign(self, group_id: str, account_id: str, permission_set_arn: str) -> None:
        """Take an assignment away."""
        self._assigned.discard((group_id, account_id, permission_set_arn))

    def put(self, group_id: str, user_id: str) -> None:
        """Put a user into a group, as a sync job would."""
        with self.lock:
            self._members[group_id].add(user_id)

    def drop(self, group_id: str, user_id: str) -> None:
        """Take a user out of a group, as a sync job would."""
        with self.lock:
            self._members[group_id].discard(user_id)

    def inside(self, group_id: str) -> frozenset[str]:
        """Give the true members of a group."""
        with self.lock:
            return frozenset(self._members[group_id])

    # --- the port

    def find_user(self, email: str) -> str:
        """Give the UserId of the one user with that userName, else that email."""
        return self._call("find_user", (email,), lambda: self._find_user(email.casefold()))

    def addresses(self, user_id: str) -> tuple[str, ...]:
        """Give the userName and the emails of a user."""
        return self._call("addresses", (user_id,), lambda: self._addresses(user_id))

    def find_group(self, name: str) -> str:
        """Give the GroupId of the one group with that GroupId or display name."""
        return self._call("find_group", (name,), lambda: self._find_group(name))

    def is_member(self, group_id: str, user_id: str) -> bool:
        """Tell whether a user is in a group."""
        return self._call("is_member", (group_id, user_id), lambda: self._holds(group_id, user_id))

    def add(self, group_id: str, user_id: str) -> None:
        """Put a user into a group."""
        self._call("add", (group_id, user_id), lambda: self._group(group_id).add(self._known(user_id)))

    def remove(self, group_id: str, user_id: str) -> None:
        """Take a user out of a group."""
        self._call("remove", (group_id, user_id), lambda: self._group(group_id).discard(user_id))

    def members(self, group_id: str) -> frozenset[str]:
        """List the UserIds in a group."""
        return self._call("members", (group_id,), lambda: frozenset(self._group(group_id)))

    def permission_set(self, name: str) -> PermissionSet:
        """Find the one permission set of that name."""
        return self._call("permission_set", (name,), lambda: self._set(name))

    def opens(self, group_id: str, accounts: Sequence[str]) -> frozenset[tuple[str, str]]:
        """List what a group opens."""
        return self._call("opens", (group_id, tuple(accounts)), lambda: self._opened(group_id))

    # --- inside

    def _addresses(self, user_id: str) -> tuple[str, ...]:
        name, emails = self._users.get(user_id, ("", frozenset()))
        return tuple(dict.fromkeys(each for each in (name, *sorted(emails)) if each))

    def _find_user(self, email: str) -> str:
        by_name = [user_id for user_id, (name, _) in self._users.items() if name.casefold() == email]
        return _only(
            by_name or [user_id for user_id, (_, emails) in self._users.items() if email in emails], "user", email
        )

    def _find_group(self, name: str) -> str:
        return _only([group_id for group_id, shown in self._groups.items() if name in (group_id, shown)], "group", name)

    def _group(self, group_id: str) -> set[str]:
        if group_id not in self._members:
            raise Missing("AWS", "DescribeGroup", f"AWS has no group {group_id}.", what="group")
        return self._members[group_id]

    def _holds(self, group_id: str, user_id: str) -> bool:
        return self._known(user_id) in self._group(group_id)

    def _known(self, user_id: str) -> str:
        if user_id not in self._users:
            raise Missing("AWS", "CreateGroupMembership", f"AWS has no user {user_id}.", what="user")
        return user_id

    def _set(self, name: str) -> PermissionSet:
        if name not in self._sets:
            raise Missing("AWS", "ListPermissionSets", f"AWS has no permission set {name}.", what="permission set")
        return self._sets[name]

    def _opened(self, group_id: str) -> frozenset[tuple[str, str]]:
        return frozenset((account, arn) for group, account, arn in self._assigned if group == group_id)


def _only(found: list[str], what: str, name: str) -> str:
    if not found:
        raise Missing("AWS", "find", f"AWS does not know the {what} {name}.", what=what)
    if len(found) > 1:
        raise Ambiguous("AWS", "find", f"AWS knows several {what}s {name}.")
    return found[0]
