"""What is known of mapped groups: what each opens, and who is in it beside those whom grants put there. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from accessbot.domain.model import PermissionSet


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMapping:
    """What one Google group was found to open, and the Identity Center group pinned to it; `fault` is "" when right.

    `key` is the Google group's email. The pinned `aws_group_id` never changes by itself: only when the catalog names
    another group than `named` (the catalog's `identity_center_group`, "" for the default); it is "" while none was
    ever found. `google_fault` says what is wrong with the Google group itself. It is `used` once it was read for a
    grant: what sweeps alone have read is read again before the first one.
    """

    key: str
    rev: int = 0
    aws_group_id: str
    permission_set: PermissionSet
    account_id: str
    named: str = ""
    checked_at: datetime
    fault: str = ""
    google_fault: str = ""
    used: bool = False

    @property
    def faults(self) -> str:
        """Give all that is wrong, "" when the mapping is right."""
        return " ".join(fault for fault in (self.fault, self.google_fault) if fault)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One out-of-band member that is taken out of a group: since when, which (by id), in words, and if it is `done`."""

    at: datetime
    member: str
    who: str
    done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Who is in a mapped group beside those whom grants put there; `key` is the Google group's email.

    `google` and `aws` hold the standing members by id (of Google's members; UserIds in the Identity Center group
    `aws_group_id`): whoever was there at the first look, and whoever was adopted since. `absent` says since when a
    standing one is not there. `strangers` describes the out-of-band members of the last look, `size` is how many
    members the larger side had. `removals` are those of the last hour; from `braked_at` on nobody is removed until an
    operator says so, which lifts the limit for an hour from `released_at`. `looked_at` is never newer than the last
    whole look, and some minutes older at most. `asked_at` is when an operator asked for a look that was not made yet.
    """

    key: str
    rev: int = 0
    aws_group_id: str = ""
    google: tuple[str, ...] = ()
    aws: tuple[str, ...] = ()
    absent: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    strangers: tuple[str, ...] = ()
    size: int = 0
    removals: tuple[Removal, ...] = ()
    braked_at: datetime | None = None
    released_at: datetime | None = None
    asked_at: datetime | None = None
    looked_at: datetime | None = None


ALL_GROUPS = "*"
"""The key of the roster that counts the removals of all groups together."""
