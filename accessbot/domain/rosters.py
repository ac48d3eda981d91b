"""Rosters: who is in a mapped group beside the people we put there, and what may be done about it. Pure rules.

Whoever was in a group when it was looked at for the first time is standing, and never ours to remove. Whoever appears
later without a grant is out of band; the catalog says whether that is reported, removed or adopted, and a brake stops
removals that are too many to be right.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from accessbot.domain.groups import Removal, Roster
from accessbot.domain.model import GOOGLE_SIDE, GrantState, aws_side, pair_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from accessbot.domain.model import Grant, GroupMember, Pair

BRAKE_FLOOR = 3
"""So many members may be removed within the hour whatever the size of the group."""

BRAKE_SHARE = 5
"""Beyond the floor it is one of so many members: 20 %."""

BRAKE_WINDOW = timedelta(hours=1)

FORGET_AFTER = timedelta(days=1)
"""A standing member who is away for so long is standing no more: coming back later is news."""

USER = "USER"


class Reconcile(StrEnum):
    """What the catalog says to do with out-of-band members."""

    REPORT = "report"
    REMOVE = "remove"
    ADOPT = "adopt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """A mapped group's members as they were read on both sides.

    `google` holds them by id. `aws` are the UserIds in the Identity Center group, and `addresses` the names and emails
    of those among them that were looked up. `nested` are those of them whose address is in the Google group by way of a
    standing group within it.
    """

    google: Mapping[str, GroupMember]
    aws_group_id: str = ""
    aws: frozenset[str] = frozenset()
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    nested: frozenset[str] = frozenset()

    @property
    def size(self) -> int:
        """Give how many members the larger side has."""
        return max(len(self.google), len(self.aws))

    def copied_from(self, aws_id: str) -> str:
        """Give the id of the Google member with an AWS user's address, "" if there is none: a sync copies by that."""
        by_email = {member.email.casefold(): member.id for member in self.google.values()}
        addresses = (address.casefold() for address in self.addresses.get(aws_id, ()))
        return next((by_email[address] for address in addresses if address in by_email), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """An out-of-band member: an id at Google, one in AWS, or both; `who` says it in words."""

    who: str
    google: str = ""
    aws: str = ""

    @property
    def key(self) -> str:
        """Name the member by id, at Google where they are there."""
        return self.google or f"aws/{self.aws}"

    @property
    def words(self) -> str:
        """Name the member and where it is: `jane@example.com (Google and AWS)`."""
        sides = " and ".join(name for name, there in (("Google", self.google), ("AWS", self.aws)) if there)
        return f"{self.who} ({sides})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What differs between a group's members and the grants on it.

    `unsettled` are pairs to be looked at by themselves: a live grant's membership is missing, or one of ours is there
    although its last grant ended. `strangers` are there without a grant and not known as standing.
    """

    unsettled: tuple[str, ...] = ()
    strangers: tuple[Stranger, ...] = ()


def unexplained(roster: Roster, members: Members, grants: Iterable[Grant]) -> tuple[frozenset[str], frozenset[str]]:
    """Give the ids at Google and in AWS that neither a grant nor the roster accounts for."""
    held = list(grants)
    google = set(members.google) - {g.google_user_id for g in held} - set(roster.google)
    aws = set(members.aws) - {g.aws_user_id for g in held}
    if roster.aws_group_id == members.aws_group_id:
        aws -= set(roster.aws)
    return frozenset(google), frozenset(aws)


def judge(
    roster: Roster, members: Members, before: Iterable[Grant], after: Iterable[Grant], left: Mapping[str, Pair]
) -> Verdict:
    """Compare the members with the grants, as these were right before and right after the members were read.

    Only what both readings of the grants agree on is held against anybody: who is granted or ended meanwhile is
    settled by the grant's own work. `left` are the pairs, by Google user, whose last grant ended a short while ago: a
    membership of ours that is back is that pair's own matter.
    """
    old, new = {grant.id: grant for grant in before}, {grant.id: grant for grant in after}
    steady = [new[name] for name in old.keys() & new.keys() if _is_active(old[name]) and _is_active(new[name])]
    missing = {
        grant.pair
        for grant in steady
        if grant.google_user_id not in members.google
        or (grant.aws_group_id == members.aws_group_id and grant.aws_user_id not in members.aws)
    }
    google, aws = unexplained(roster, members, (*old.values(), *new.values()))
    back_google = {user for user in google if user in left and left[user].standing.get(GOOGLE_SIDE) is False}
    back_aws = {
        aws_id: user
        for user, pair in left.items()
        for aws_id in aws
        if pair.standing.get(aws_side(members.aws_group_id, aws_id)) is False
        and not (pair.standing.get(GOOGLE_SIDE) and user in members.google)  # then it is the sync's copy of that
    }
    unsettled = missing | {pair_key(roster.key, user) for user in (*back_google, *back_aws.values())}
    strangers = _strangers(roster, members, google - back_google, aws - back_aws.keys())
    return Verdict(unsettled=tuple(sorted(unsettled)), strangers=strangers)


def _is_active(grant: Grant) -> bool:
    return grant.state is GrantState.ACTIVE


def copies(roster: Roster, members: Members) -> frozenset[str]:
    """Give the AWS users that a sync copied from standing Google members."""
    return members.nested | {name for name in members.addresses if members.copied_from(name) in roster.google}


def has_standing_group(roster: Roster, members: Members) -> bool:
    """Tell whether a group, or the whole company, stands in the Google group: a sync copies their people to AWS."""
    return any(members.google[name].type != USER for name in roster.google if name in members.google)


def _strangers(roster: Roster, members: Members, google: frozenset[str], aws: frozenset[str]) -> tuple[Stranger, ...]:
    """Put the two sides of each out-of-band member together."""
    found: dict[str, Stranger] = {}
    for member_id in sorted(google):
        member = members.google[member_id]
        kind = "" if member.type == USER else f"the {member.type.casefold()} "
        found[member_id] = Stranger(who=f"{kind}{member.email or member_id}", google=member_id)
    for aws_id in sorted(aws - copies(roster, members)):
        copied = members.copied_from(aws_id)
        if copied in found:
            found[copied] = replace(found[copied], aws=aws_id)
        else:
            name = next(iter(members.addresses.get(aws_id, ())), f"the AWS user {aws_id}")
            found[f"aws/{aws_id}"] = Stranger(who=name, aws=aws_id)
    return tuple(found.values())


def rebased(roster: Roster, members: Members, strangers: Iterable[Stranger]) -> tuple[Roster, tuple[Stranger, ...]]:
    """Begin anew with the AWS side where another Identity Center group is mapped by now; give who is a stranger still.

    Whoever is in a group when it is mapped was there before us, there as at the first look.
    """
    some = tuple(strangers)
    if roster.aws_group_id == members.aws_group_id:
        return roster, some
    there = (replace(each, google="") for each in some if each.aws)
    return adopted(roster, members, there), tuple(replace(each, aws="") for each in some if each.google)


def standing_of(grants: Iterable[Grant], pairs: Iterable[Pair], members: Members) -> tuple[Stranger, ...]:
    """Give the memberships that were there before the grants that live on them, as if nobody held the grants."""
    users = {grant.google_user_id: grant for grant in grants}
    found = []
    for pair in pairs:
        grant = users.get(pair.key.rpartition("/")[2])
        if grant is None:
            continue
        aws = pair.standing.get(aws_side(members.aws_group_id, grant.aws_user_id), False)
        google = grant.google_user_id if pair.standing.get(GOOGLE_SIDE) else ""
        if google or aws:
            found.append(Stranger(who=grant.email, google=google, aws=grant.aws_user_id if aws else ""))
    return tuple(found)


def adopted(roster: Roster, members: Members, strangers: Iterable[Stranger]) -> Roster:
    """Count strangers among the standing members from now on."""
    some = list(strangers)
    aws = roster.aws if roster.aws_group_id == members.aws_group_id else ()
    return replace(
        roster,
        aws_group_id=members.aws_group_id,
        google=tuple(sorted({*roster.google, *(each.google for each in some if each.google)})),
        aws=tuple(sorted({*aws, *copies(roster, members), *(each.aws for each in some if each.aws)})),
    )


def looked_at(roster: Roster, members: Members, strangers: Iterable[Stranger], now: datetime) -> Roster:
    """Write a look down: who is out of band, how many there are, and which standing members are away for how long.

    Where nobody is out of band any more, nothing is left for a brake to hold.
    """
    same_group = roster.aws_group_id == members.aws_group_id
    aws = {*roster.aws, *copies(roster, members)} if same_group else set(roster.aws)
    away = {name for name in roster.google if name not in members.google}
    away |= {name for name in aws if name not in members.aws} if same_group else set()
    since = {name: roster.absent.get(name, now) for name in away}
    forgotten = {name for name, at in since.items() if now - at >= FORGET_AFTER}
    some = tuple(strangers)
    there = {each.key for each in some}
    return replace(
        roster,
        google=tuple(name for name in roster.google if name not in forgotten),
        aws=tuple(sorted(aws - forgotten)),
        absent=MappingProxyType({name: at for name, at in sorted(since.items()) if name not in forgotten}),
        strangers=tuple(each.words for each in some),
        size=members.size,
        removals=tuple(replace(each, done=each.done or each.member not in there) for each in recent(roster, now)),
        braked_at=roster.braked_at if some else None,
        looked_at=now,
    )


def recent(roster: Roster, now: datetime) -> tuple[Removal, ...]:
    """Give the removals of the last hour."""
    return tuple(removal for removal in roster.removals if removal.at > now - BRAKE_WINDOW)


def may_remove(roster: Roster, size: int, new: int, now: datetime) -> bool:
    """Tell whether `new` more members may be removed, of `size`, without more than the limit within the hour."""
    if is_released(roster, now):
        return True
    limit = max(BRAKE_FLOOR, size // BRAKE_SHARE)
    return roster.braked_at is None and len(recent(roster, now)) + new <= limit


def is_released(roster: Roster, now: datetime) -> bool:
    """Tell whether an operator said within the last hour that removals are right, however many."""
    return roster.released_at is not None and now < roster.released_at + BRAKE_WINDOW


def is_counted(roster: Roster, member: str, now: datetime) -> bool:
    """Tell whether a member's removal was begun and counted already, and is not done yet."""
    return any(removal.member == member and not removal.done for removal in recent(roster, now))


def removing(roster: Roster, stranger: Stranger, now: datetime) -> Roster:
    """Count a removal that begins."""
    new = Removal(at=now, member=stranger.key, who=stranger.words)
    return replace(roster, removals=(*recent(roster, now), new))


def removed(roster: Roster, member: str, now: datetime) -> Roster:
    """Note that a removal was read back: should the member come back, that is another one."""
    return replace(
        roster,
        removals=tuple(replace(each, done=each.done or each.member == member) for each in recent(roster, now)),
    )


def released(roster: Roster, now: datetime) -> Roster:
    """Take the brake off, and lift the limit for an hour."""
    return replace(roster, braked_at=None, released_at=now, removals=())
