"""Owners: who closes the reviews of emergencies, by the catalog in force, and who of them can be pinged."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import structlog

from accessbot.domain.errors import VendorError
from accessbot.domain.model import Selector, SelectorKind
from accessbot.service import steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from accessbot.domain.records import Review
    from accessbot.domain.rules import Emergency
    from accessbot.service.context import Context

_log = structlog.get_logger(__name__)

MOST_PINGED = 20
"""How many owners one message pings."""

_MOST_GROUPS = 20


class Pinged(NamedTuple):
    """Whom a message about a review pings, as Slack user ids; `unowned` tells that administrators stand in."""

    people: tuple[str, ...]
    unowned: bool


def policy_of(ctx: Context, review: Review) -> Emergency | None:
    """Give the emergency policy that a review is under; None when the catalog no longer has it."""
    found = (policy.emergency for policy in ctx.catalog.current().policies.values())
    return next((each for each in found if each is not None and each.name == review.policy), None)


def closers(ctx: Context, review: Review) -> tuple[Selector, ...]:
    """Give who may close a review, its holder aside: the owners of its policy, and the administrators."""
    policy = policy_of(ctx, review)
    owners = policy.owners if policy is not None else ()
    return tuple(dict.fromkeys((*owners, *ctx.catalog.current().admins)))


def pinged(ctx: Context, review: Review) -> Pinged:
    """Find whom a message about a review pings: its owners, or the administrators where no owner can be found.

    Never its holder, who may not close it. Whoever cannot be found right now is left out, and logged.
    """
    policy = policy_of(ctx, review)
    people = _found(ctx, review, policy.owners) if policy is not None else ()
    return Pinged(people, unowned=False) if people else Pinged(admins(ctx, review), unowned=True)


def admins(ctx: Context, review: Review) -> tuple[str, ...]:
    """Find the administrators that a message about a review pings."""
    return _found(ctx, review, ctx.catalog.current().admins)


def _found(ctx: Context, review: Review, who: Sequence[Selector]) -> tuple[str, ...]:
    people, usergroups = steps.slack_ids(ctx, _flat(ctx, who), review.email)
    found = dict.fromkeys(people)
    for usergroup in usergroups:
        try:
            found |= dict.fromkeys(sorted(ctx.workspace.usergroup(usergroup)))
        except VendorError as error:
            _log.info("owners are not pinged", usergroup=usergroup, error=error.sentence)
    found.pop(review.requester, None)
    return tuple(found)[:MOST_PINGED]


def _flat(ctx: Context, who: Sequence[Selector]) -> Iterator[Selector]:
    """Name each member of the groups among the selectors, those of nested groups too: some are better than none."""
    for selector in who:
        if selector.kind is SelectorKind.GROUP:
            yield from (Selector(SelectorKind.USER, email) for email in _members(ctx, selector.value))
        else:
            yield selector


def _members(ctx: Context, group: str) -> list[str]:
    found: dict[str, None] = {}
    ahead, seen = [group], {group}
    while ahead and len(seen) <= _MOST_GROUPS and len(found) < MOST_PINGED:
        try:
            members = ctx.directory.members(ahead.pop(0))
        except VendorError as error:
            _log.info("owners are not pinged", group=group, error=error.sentence)
            continue
        for member in members:
            if member.type == "USER":
                found[member.email.casefold()] = None
            elif member.type == "GROUP" and member.email.casefold() not in seen:
                seen.add(member.email.casefold())
                ahead.append(member.email.casefold())
    return list(found)[:MOST_PINGED]
