"""What the Directory stand-in keeps, and the errors it answers with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Answers = Literal["notFound", "forbidden"]
Duplicate = Literal["duplicate", "conditionNotMet"]
ROLES = ("OWNER", "MANAGER", "MEMBER")


class DirectoryError(Exception):
    """An error as the Directory API answers it: HTTP status, machine-readable reason, message."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


def not_found(key: str) -> DirectoryError:
    """404 for `userKey`, `groupKey` or `memberKey`."""
    return DirectoryError(404, "notFound", f"Resource Not Found: {key}")


def forbidden() -> DirectoryError:
    """403 for what the caller may not see, which includes other companies' domains."""
    return DirectoryError(403, "forbidden", "Not Authorized to access this resource/api")


def not_licensed() -> DirectoryError:
    """403 for what the customer's edition does not have."""
    return DirectoryError(403, "forbidden", "The caller does not have permission")


def invalid(key: str) -> DirectoryError:
    """400 for a value the service cannot use."""
    return DirectoryError(400, "invalid", f"Invalid Input: {key}")


@dataclass(frozen=True, slots=True)
class User:
    """A user account. `managers` are those of the relations: emails, or whatever an administrator wrote there."""

    id: str
    email: str
    given_name: str
    family_name: str
    aliases: tuple[str, ...] = ()
    suspended: bool = False
    archived: bool = False
    managers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A group; `id` never changes, the email may."""

    id: str
    email: str
    name: str
    description: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Membership:
    """A direct membership of a user, a group, or somebody from another domain (`external`).

    `expires_at`: when the service takes it away by itself.
    """

    group_id: str
    member_id: str
    email: str
    role: str
    type: Literal["USER", "GROUP"]
    added_at: datetime
    visible_at: datetime
    by: str
    external: bool = False
    expires_at: datetime | None = None
