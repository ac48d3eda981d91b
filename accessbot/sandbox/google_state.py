"""The state behind the Directory stand-in: users, groups and memberships, with the rules of the real service.

Reads can lag behind writes (`visible_after`), as they do at Google: the write side knows at once, lists and look-ups
see a change only later.
"""

from __future__ import annotations

import itertools
import secrets
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from accessbot.sandbox.google_model import (
    ROLES,
    Answers,
    DirectoryError,
    Duplicate,
    Group,
    Membership,
    User,
    forbidden,
    invalid,
    not_found,
    not_licensed,
)
from accessbot.sandbox.journal import Journal, now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Directory:
    """One Workspace customer. Thread-safe. Keys are ids, primary emails or aliases, emails in any case.

    `visible_after` (seconds), `unknown_group` (`forbidden` answers 403 instead of 404), `duplicate` (409 `duplicate`
    or 412 `conditionNotMet`) may be changed at any time. Seeds are visible at once. `premium` is whether the customer's
    edition has memberships that expire; those that are over are gone for whoever looks.
    """

    def __init__(
        self,
        domains: Iterable[str] = ("example.com",),
        *,
        visible_after: float = 0.0,
        unknown_group: Answers = "notFound",
        duplicate: Duplicate = "duplicate",
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.domains = {domain.casefold() for domain in domains}
        self.visible_after = visible_after
        self.unknown_group = unknown_group
        self.duplicate = duplicate
        self.premium = True
        self.journal = Journal(clock)
        self._ahead = timedelta(0)
        self._real_clock = clock
        self._lock = threading.RLock()
        self._serial = itertools.count(1)
        self._users: dict[str, User] = {}
        self._groups: dict[str, Group] = {}
        self._names: dict[str, str] = {}  # folded email or alias -> id of a user or group
        self._members: dict[str, dict[str, Membership]] = {}  # group id -> member id -> membership
        self._fading: dict[tuple[str, str], tuple[Membership, datetime]] = {}  # removed, still visible until
        self._hidden: set[str] = set()
        self._outsiders: set[str] = set()  # ids of members from other domains

    # ---- seeds and state, for tests and the demo

    def add_user(
        self,
        email: str,
        name: str = "",
        *,
        aliases: Iterable[str] = (),
        suspended: bool = False,
        archived: bool = False,
        manager: str | None = None,
    ) -> User:
        """Create a user. Raises ValueError for a taken address or a domain that is not the customer's."""
        given, _, family = (name or email.partition("@")[0].replace(".", " ").title()).partition(" ")
        id_ = f"1{secrets.randbelow(10**14):014d}{next(self._serial):06d}"
        managers = () if manager is None else (manager,)
        user = User(id_, email, given, family or given, tuple(aliases), suspended, archived, managers)
        with self._lock:
            self._claim(id_, (email, *user.aliases))
            self._users[id_] = user
        return user

    def suspend(self, key: str, *, suspended: bool = True) -> User:
        """Suspend a user or bring them back."""
        return self._change(key, suspended=suspended)

    def archive(self, key: str, *, archived: bool = True) -> User:
        """Archive a user or bring them back."""
        return self._change(key, archived=archived)

    def set_manager(self, key: str, *managers: str) -> User:
        """Set the relations of type manager: none, one, or several, which is a mistake that administrators make."""
        return self._change(key, managers=managers)

    def rename_user(self, key: str, email: str) -> User:
        """Give a user a new primary address; the old one stays as an alias, memberships follow."""
        with self._lock:
            user = self.user(key)
            self._claim(user.id, (email,))
            changed = replace(user, email=email, aliases=(*user.aliases, user.email))
            self._users[user.id] = changed
            for members in self._members.values():
                if user.id in members:
                    members[user.id] = replace(members[user.id], email=email)
        return changed

    def delete_user(self, key: str) -> None:
        """Delete a user and, as Google does, every membership they had."""
        with self._lock:
            user = self.user(key)
            held = [group for group in self._groups.values() if user.id in self._members[group.id]]
            for group in held:
                del self._members[group.id][user.id]
            self._forget(user.id)
            del self._users[user.id]
        for group in held:
            self.journal.changed("removed", group.email, user.email, "admin")

    def add_group(self, email: str, name: str = "", description: str = "", *, aliases: Iterable[str] = ()) -> Group:
        """Create an empty group. Raises ValueError for a taken address or a foreign domain."""
        id_ = f"0{next(self._serial):04d}{secrets.token_hex(5)}"
        group = Group(id_, email, name or email.partition("@")[0], description, tuple(aliases))
        with self._lock:
            self._claim(id_, (email, *group.aliases))
            self._groups[id_] = group
            self._members[id_] = {}
        return group

    def delete_group(self, key: str) -> None:
        """Delete a group with its memberships."""
        with self._lock:
            group = self.group(key)
            for members in self._members.values():
                members.pop(group.id, None)
            self._forget(group.id)
            del self._groups[group.id], self._members[group.id]

    def add_member(self, group: str, member: str, *, role: str = "MEMBER", by: str = "admin") -> Membership:
        """Add a standing member, visible at once. Raises DirectoryError like the API."""
        return self.insert_member(group, email=member, role=role, by=by, visible_after=0.0)

    def remove_member(self, group: str, member: str, *, by: str = "admin") -> None:
        """Remove a member, visible at once. Raises DirectoryError like the API."""
        self.drop_member(group, member, by=by, visible_after=0.0)

    def members(self, group: str) -> list[Membership]:
        """The true direct members, whatever readers see yet."""
        with self._lock:
            return list(self._direct(self.group(group)).values())

    def member_emails(self, group: str) -> set[str]:
        """The true direct members' addresses, folded to lower case."""
        return {each.email.casefold() for each in self.members(group)}

    def is_member(self, group: str, member: str) -> bool:
        """Whether there is a direct membership in truth."""
        with self._lock:
            return self._member_id(member) in self._direct(self.group(group))

    def pass_time(self, span: timedelta) -> None:
        """Let time pass here alone."""
        with self._lock:
            self._ahead += span

    def hide_from_derived(self, member: str) -> None:
        """Have nested look-ups (hasMember, derived lists) miss this member, as they sometimes do at Google."""
        with self._lock:
            self._hidden.add(self._member_id(member))

    # ---- what the API does

    def user(self, key: str) -> User:
        """Raises 404 userKey, or 403 for an address in a domain that is not the customer's."""
        with self._lock:
            found = self._users.get(self._names.get(key.casefold(), key))
            if found is not None:
                return found
            raise forbidden() if self.is_foreign(key) else not_found("userKey")

    def users(self) -> list[User]:
        """All users, by address."""
        with self._lock:
            return sorted(self._users.values(), key=lambda user: user.email.casefold())

    def group(self, key: str) -> Group:
        """Raises 404 groupKey, or 403 when `unknown_group` says so or the domain is not the customer's."""
        with self._lock:
            found = self._groups.get(self._names.get(key.casefold(), key))
            if found is not None:
                return found
            raise forbidden() if self.unknown_group == "forbidden" or self.is_foreign(key) else not_found("groupKey")

    def groups(self, user_key: str | None = None) -> list[Group]:
        """All groups by address, or those a user is a direct, visible member of."""
        with self._lock:
            groups = sorted(self._groups.values(), key=lambda group: group.email.casefold())
            if user_key is None:
                return groups
            id_ = self._member_id(user_key)
            if id_ not in self._users and id_ not in self._groups:
                raise not_found("userKey")
            return [group for group in groups if self._seen(group.id, id_)]

    def insert_member(
        self,
        group_key: str,
        *,
        email: str = "",
        id_: str = "",
        role: str = "MEMBER",
        by: str = "api",
        visible_after: float | None = None,
    ) -> Membership:
        """Raises 400, 404, 409 (`duplicate`, or `conflict` while an earlier insert is not visible yet) or 412."""
        at = self._clock()
        with self._lock:
            group = self.group(group_key)
            member = self._new_member(group, email, id_, role)
            held = self._direct(group).get(member.member_id)
            if held is not None:
                raise self._already(held, at)
            lag = self.visible_after if visible_after is None else visible_after
            visible_at = at + timedelta(seconds=lag)
            if self._fading.pop((group.id, member.member_id), None) is not None:
                visible_at = at  # its removal was never seen, so neither is its return
            member = replace(member, added_at=at, visible_at=visible_at, by=by)
            self._members[group.id][member.member_id] = member
        self.journal.changed("added", group.email, member.email, by)
        return member

    def drop_member(self, group_key: str, key: str, *, by: str = "api", visible_after: float | None = None) -> None:
        """Raises 404 groupKey or memberKey."""
        at = self._clock()
        with self._lock:
            group = self.group(group_key)
            member = self._direct(group).pop(self._member_id(key), None)
            if member is None:
                raise not_found("memberKey")
            lag = self.visible_after if visible_after is None else visible_after
            if lag > 0 and member.visible_at <= at:
                self._fading[group.id, member.member_id] = (member, at + timedelta(seconds=lag))
        self.journal.changed("removed", group.email, member.email, by)

    def get_member(self, group_key: str, key: str) -> Membership:
        """The direct membership as readers see it. Raises 404 groupKey or memberKey."""
        with self._lock:
            found = self._seen(self.group(group_key).id, self._member_id(key))
            if found is None:
                raise not_found("memberKey")
            return found

    def set_expiry(self, group_key: str, key: str, at: datetime) -> Membership:
        """Have a direct membership end at a time; its role has to be MEMBER. Raises 400, 403, 404."""
        now = self._clock()
        with self._lock:
            if not self.premium:
                raise not_licensed()
            group = self.group(group_key)
            id_ = self._member_id(key)
            held = self._direct(group).get(id_)
            if held is None or held.visible_at > now:
                raise not_found("memberKey")
            if held.role != "MEMBER" or at <= now:
                raise invalid("expireTime")
            self._members[group.id][id_] = replace(held, expires_at=at)
            return self._members[group.id][id_]

    def has_member(self, group_key: str, key: str) -> bool:
        """Direct or nested. Raises 400 for a member of another domain, 404 for an unknown one."""
        with self._lock:
            group = self.group(group_key)
            id_ = self._member_id(key)
            if id_ in self._users or id_ in self._groups:
                return self._seen(group.id, id_) is not None or id_ in self._derived(group.id)
            if self.is_foreign(key) or id_ in self._outsiders:
                raise invalid("memberKey")
            raise not_found("memberKey")

    def list_members(self, group_key: str, *, derived: bool = False, roles: Iterable[str] = ()) -> list[Membership]:
        """The visible members by id, with those of nested groups when `derived`."""
        wanted = {role.upper() for role in roles}
        with self._lock:
            group = self.group(group_key)
            found = dict(self._derived(group.id)) if derived else {}
            found.update(self._visible(group.id))
            return sorted(
                (each for each in found.values() if not wanted or each.role in wanted), key=lambda each: each.member_id
            )

    def member_status(self, member: Membership) -> str | None:
        """`ACTIVE`, `SUSPENDED`, or None for a member from elsewhere, whose state Google does not know."""
        with self._lock:
            user = self._users.get(member.member_id)
            if member.external:
                return None
            return "SUSPENDED" if user is not None and user.suspended else "ACTIVE"

    def is_foreign(self, key: str) -> bool:
        """Whether the key is an address outside of the customer's domains."""
        _, at, domain = key.rpartition("@")
        return bool(at) and domain.casefold() not in self.domains

    def _clock(self) -> datetime:
        return self._real_clock() + self._ahead

    # ---- inside, with the lock held

    def _claim(self, id_: str, addresses: Iterable[str]) -> None:
        addresses = [address.casefold() for address in addresses]
        for address in addresses:
            if "@" not in address or self.is_foreign(address):
                raise ValueError(f"{address} is not an address in {', '.join(sorted(self.domains))}.")
            if self._names.get(address, id_) != id_:
                raise ValueError(f"{address} is taken.")
        self._names.update(dict.fromkeys(addresses, id_))

    def _forget(self, id_: str) -> None:
        self._names = {name: owner for name, owner in self._names.items() if owner != id_}
        self._fading = {key: value for key, value in self._fading.items() if id_ not in key}

    def _change(self, key: str, **changes: bool | tuple[str, ...]) -> User:
        with self._lock:
            changed = replace(self.user(key), **changes)  # type: ignore[arg-type]  # one field or another, each of its own type
            self._users[changed.id] = changed
        return changed

    def _member_id(self, key: str) -> str:
        return self._names.get(key.casefold(), key)

    def _new_member(self, group: Group, email: str, id_: str, role: str) -> Membership:
        if not email and not id_:
            raise DirectoryError(400, "required", "Missing required field: memberKey")
        if role not in ROLES:
            raise invalid("role")
        key = self._member_id(id_ or email)
        at = self._clock()
        if key in self._users:
            return Membership(group.id, key, self._users[key].email, role, "USER", at, at, "")
        if key in self._groups:
            if role != "MEMBER":
                raise invalid("memberKey")
            if key == group.id or group.id in self._derived(key) or group.id in self._members[key]:
                raise DirectoryError(412, "cyclicMembershipsNotAllowed", "Cyclic memberships not allowed.")
            return Membership(group.id, key, self._groups[key].email, role, "GROUP", at, at, "")
        if email and self.is_foreign(email):
            outsider = self._names.setdefault(email.casefold(), f"9{secrets.randbelow(10**20):020d}")
            self._outsiders.add(outsider)
            return Membership(group.id, outsider, email, role, "USER", at, at, "", external=True)
        raise not_found("memberKey")

    def _already(self, held: Membership, at: datetime) -> DirectoryError:
        if held.visible_at > at:
            return DirectoryError(409, "conflict", "Conflict")
        status = 412 if self.duplicate == "conditionNotMet" else 409
        return DirectoryError(status, self.duplicate, "Member already exists.")

    def _direct(self, group: Group) -> dict[str, Membership]:
        """The direct members of a group, once those are gone whose end has come."""
        members, now = self._members[group.id], self._clock()
        for member in list(members.values()):
            if member.expires_at is not None and member.expires_at <= now:
                del members[member.member_id]
                self.journal.lapsed(member.expires_at, group.email, member.email, "expiry")
        return members

    def _seen(self, group_id: str, member_id: str) -> Membership | None:
        at = self._clock()
        held = self._direct(self._groups[group_id]).get(member_id)
        if held is not None and held.visible_at <= at:
            return held
        gone, until = self._fading.get((group_id, member_id), (None, at))
        return gone if until > at else None

    def _visible(self, group_id: str) -> dict[str, Membership]:
        at = self._clock()
        self._fading = {key: (member, until) for key, (member, until) in self._fading.items() if until > at}
        fading = {key[1]: member for key, (member, _) in self._fading.items() if key[0] == group_id}
        return fading | {
            id_: each for id_, each in self._direct(self._groups[group_id]).items() if each.visible_at <= at
        }

    def _derived(self, group_id: str) -> dict[str, Membership]:
        """All members at any depth but those hidden from nested look-ups."""
        found: dict[str, Membership] = {}
        todo, visited = [group_id], {group_id}
        while todo:
            for id_, member in self._visible(todo.pop()).items():
                if id_ not in self._hidden:
                    found.setdefault(id_, member)
                if member.type == "GROUP" and id_ in self._groups and id_ not in visited:
                    visited.add(id_)
                    todo.append(id_)
        return found
