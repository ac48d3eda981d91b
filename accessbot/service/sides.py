"""The two sides of a pair: the Google group's membership and the Identity Center group's. Read, write, erase, prove."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from accessbot.domain.errors import Missing, Unavailable
from accessbot.domain.model import GOOGLE_SIDE, DirectoryUser, aws_side

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accessbot.domain.model import Grant, Pair
    from accessbot.ports import Lease
    from accessbot.service.context import Context

CALL = timedelta(seconds=4)
"""Longest time that one read or write may take, all its vendor calls together; the lease is made to outlast it.

Adapters keep to it (`wiring.VENDOR_TIMEOUT`). A lease outlives a holder that died by no more than this and a margin.
"""

_POLLS = tuple(timedelta(milliseconds=ms) for ms in (0, 100, 200, 400, 800, 1600))


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One membership: `member` of `group`, at Google (email and user id) or in Identity Center (GroupId and UserId).

    `vouched`: an operator says that the Google group was deleted, should Google not find it.
    """

    key: str
    group: str
    member: str
    email: str = ""
    vouched: bool = False

    @property
    def is_google(self) -> bool:
        """Tell the Google side from the AWS side."""
        return self.key == GOOGLE_SIDE

    def __str__(self) -> str:
        """Name the vendor for people."""
        return "Google" if self.is_google else "AWS"


def of_grants(grants: Iterable[Grant]) -> tuple[Side, ...]:
    """List the sides that grants of one pair need, each once, Google first."""
    found: dict[str, Side] = {}
    for grant in grants:
        found[GOOGLE_SIDE] = Side(
            key=GOOGLE_SIDE, group=grant.google_group, member=grant.google_user_id, email=grant.email
        )
    for grant in grants:
        key = aws_side(grant.aws_group_id, grant.aws_user_id)
        found[key] = Side(key=key, group=grant.aws_group_id, member=grant.aws_user_id, email=grant.email)
    return tuple(found.values())


def of_pair(pair: Pair) -> tuple[Side, ...]:
    """List the sides of a pair about which it was decided whose they are."""
    group, _, member = pair.key.rpartition("/")
    found = []
    for key in pair.standing:
        if key == GOOGLE_SIDE:
            found.append(Side(key=key, group=group, member=member))
        else:
            _, aws_group, aws_user = key.split("/", 2)
            found.append(Side(key=key, group=aws_group, member=aws_user))
    return tuple(found)


def read(ctx: Context, side: Side) -> bool:
    """Tell, live, whether the membership is there; raises when it cannot be told."""
    if side.is_google:
        return ctx.directory.is_member(side.group, side.member)
    return ctx.identity_center.is_member(side.group, side.member)


def is_there(ctx: Context, side: Side) -> bool:
    """Tell, live, whether a membership that ought to be gone is there; with its user or AWS group gone, it is not."""
    try:
        return read(ctx, side)
    except Missing as error:
        if not _proves_absence(side, error):
            raise
        return False


def write(ctx: Context, side: Side) -> None:
    """Ask for the membership; it is there only once `prove` says so."""
    if side.is_google:
        user = DirectoryUser(id=side.member, email=side.email, suspended=False, archived=False)
        ctx.directory.add(side.group, user)
    else:
        ctx.identity_center.add(side.group, side.member)


def erase(ctx: Context, side: Side) -> None:
    """Ask for the membership's removal; where there is no user or AWS group any more, there is none."""
    try:
        if side.is_google:
            ctx.directory.remove(side.group, side.member)
        else:
            ctx.identity_center.remove(side.group, side.member)
    except Missing as error:
        if not _proves_absence(side, error):
            raise


def prove(ctx: Context, lease: Lease, side: Side, *, there: bool) -> None:
    """Read until the membership is as it should be, a few seconds at most.

    Raises `Unavailable` when it is not visible by then: a later try reads again.
    """
    for wait in _POLLS:
        if wait:
            ctx.pause(wait)
        lease.ensure(CALL)
        if (read if there else is_there)(ctx, side) is there:
            return
    wanted = "shows" if there else "no longer shows"
    msg = f"{side} took the change, but not yet {wanted} the membership in the right state; it is read again."
    raise Unavailable(str(side), "read back", msg)


def _proves_absence(side: Side, error: Missing) -> bool:
    """Tell whether what is missing means that the membership is gone too.

    Ids of users and of Identity Center groups are never given out again. A Google group goes by its email, which may be
    missing for a moment or come back, so its absence proves nothing unless somebody vouches for it.
    """
    return error.what == "user" or (error.what == "group" and (side.vouched or not side.is_google))
