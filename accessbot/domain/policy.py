"""Company policy as pure functions: who may ask, who may decide, for how long.

Nothing here looks anything up. Whoever calls passes `holds`, which answers whether the person at hand is covered by a
selector; it must raise when it cannot tell, so a failed look-up can never read as yes or no.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from accessbot.domain.durations import spoken
from accessbot.domain.errors import FieldRefused, Refused, Unavailable, VendorError
from accessbot.domain.model import SelectorKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from accessbot.domain.model import Entitlement, Grant, Identity, Request, Selector
    from accessbot.domain.rules import Policy

REASON_LIMIT = 1000
"""Longest reason, in characters."""

PENDING_LIMIT = 50
"""How many requests of one person may wait for a decision at once."""

REQUEST_LIFETIME = timedelta(hours=24)
"""How long a request waits for a decision before it expires."""

LATEST_START = timedelta(days=30)
EARLIEST_START = timedelta(minutes=5)
"""How far ahead a start may be, and how long ago: a form takes a while to fill in."""

_STEPS = tuple(timedelta(minutes=m) for m in (5, 15, 30, 60, 120, 240, 480, 720, 1440, 2880, 4320, 10080))


def covers(selectors: Iterable[Selector], holds: Callable[[Selector], bool]) -> bool:
    """Tell whether any of the selectors covers the person; those that cost no look-up are tried first.

    One group that cannot be read does not shut out whoever another line covers; but where no line covers the person
    and one could not be read, the answer is unknown and that `VendorError` is raised, never "no" and never "yes".
    """
    unknown: VendorError | None = None
    for selector in sorted(selectors, key=lambda s: s.kind not in (SelectorKind.EVERYONE, SelectorKind.USER)):
        try:
            if holds(selector):
                return True
        except VendorError as error:
            unknown = error if unknown is None or isinstance(error, Unavailable) else unknown
    if unknown is not None:
        raise unknown
    return False


def durations_offered(policy: Policy, shortest: timedelta) -> tuple[timedelta, ...]:
    """List the choices of the form, ascending: the policy's own list, else round steps, its default and maximum."""
    if policy.durations:
        return policy.durations
    usual = {step for step in _STEPS if shortest <= step <= policy.max_duration}
    return tuple(sorted(usual | {policy.default_duration, policy.max_duration}))


def check_duration(policy: Policy, duration: timedelta, shortest: timedelta, *, emergency: bool = False) -> None:
    """Refuse, on the field, a duration outside of what the policy allows; an emergency has its own maximum."""
    if duration < shortest:
        raise FieldRefused("duration", f"The shortest grant is {spoken(shortest)}; ask for at least that long.")
    if emergency:
        _check_emergency(policy, duration)
        return
    if policy.durations and duration not in policy.durations:
        offered = ", ".join(spoken(each) for each in policy.durations)
        raise FieldRefused("duration", f"The policy “{policy.name}” allows these alone: {offered}; choose one of them.")
    if duration > policy.max_duration:
        raise FieldRefused(
            "duration", f"The policy “{policy.name}” allows at most {spoken(policy.max_duration)}; ask for less."
        )


def _check_emergency(policy: Policy, duration: timedelta) -> None:
    if policy.emergency is None:
        raise FieldRefused("access", "There is no emergency access to this; ask for it the normal way.")
    longest = policy.emergency.max_duration
    if duration > longest:
        raise FieldRefused("duration", f"In an emergency at most {spoken(longest)} are given; ask for less.")


def check_start(not_before: datetime | None, now: datetime, *, emergency: bool = False) -> None:
    """Refuse, on the field, a start too far ahead, one that is long over, and any in an emergency."""
    if not_before is None:
        return
    if emergency:
        raise FieldRefused("starts", "Emergency access begins at once; leave the start out.")
    if not_before > now + LATEST_START:
        raise FieldRefused("starts", f"Access can be asked for {spoken(LATEST_START)} ahead at most.")
    if not_before < now - EARLIEST_START:
        raise FieldRefused("starts", "That time is over; choose a later one, or leave the start out for now.")


def check_colleague(requester: str, asked_by: str, *, emergency: bool = False) -> None:
    """Refuse, on the field, to ask on behalf of oneself, or of somebody else in an emergency."""
    if asked_by and asked_by == requester:
        raise FieldRefused("for", "That is you: leave this out to ask for yourself.")
    if asked_by and emergency:
        raise FieldRefused("for", "Emergency access is asked for by whoever needs it, not by somebody else.")


def check_pending(waiting: int) -> None:
    """Refuse one more request of somebody for whom `waiting` others wait for a decision already."""
    if waiting >= PENDING_LIMIT:
        msg = f"{waiting} requests of yours wait for a decision already; cancel some in /my-access first."
        raise Refused(msg)


def check_reason(reason: str) -> str:
    """Give the reason without outer white space; refuse, on the field, an empty or an overlong one."""
    text = reason.strip()
    if not text:
        raise FieldRefused("reason", "Say why you need the access, for example the incident number.")
    if len(text) > REASON_LIMIT:
        raise FieldRefused("reason", f"Shorten the reason to {REASON_LIMIT:,} characters; it has {len(text):,}.")
    return text


def check_requester(entitlement: Entitlement, holds: Callable[[Selector], bool]) -> None:
    """Refuse a person whom the policy does not let ask."""
    if not covers(entitlement.policy.requesters, holds):
        msg = f"You may not ask for {entitlement.id}: its policy “{entitlement.policy.name}” does not list you."
        raise Refused(msg)


def check_not_own(request: Request, person: Identity) -> None:
    """Refuse a decision by the requester, under whatever name, or by whoever asked on their behalf."""
    same_google_user = bool(request.google_id) and person.google_id == request.google_id
    own = person.slack == request.requester or same_google_user or person.email.casefold() == request.email.casefold()
    if own or (request.asked_by and person.slack == request.asked_by):
        msg = "You cannot decide on your own request; another approver has to."
        raise Refused(msg)


def check_decider(
    request: Request,
    entitlement: Entitlement,
    person: Identity,
    approvers: Iterable[Selector],
    holds: Callable[[Selector], bool],
) -> None:
    """Refuse a decision by somebody on their own request, or by somebody whom the step does not name as approver."""
    check_not_own(request, person)
    approvers = tuple(approvers)
    if not covers(approvers, holds):
        msg = f"You are not an approver of {entitlement.id}; approvers are: {listed(approvers)}."
        raise Refused(msg)


def check_unchanged(entitlement: Entitlement | None, grant: Grant) -> Entitlement:
    """Give the entitlement; refuse when it is gone, or opens something else than what was granted under its name."""
    if (
        entitlement is None
        or entitlement.account.id != grant.account_id
        or entitlement.permission_set != grant.permission_set
        or entitlement.group != grant.google_group
    ):
        msg = f"The catalog no longer offers {grant.entitlement} as it was approved; ask for it again."
        raise Refused(msg)
    return entitlement


def extension_left(grant: Grant, policy: Policy) -> timedelta:
    """Give how much time may still be added: the total from its start never passes the policy's maximum."""
    return max(timedelta(0), grant.starts_at + policy.max_duration - grant.expires_at)


def extensions_offered(grant: Grant, policy: Policy, shortest: timedelta) -> tuple[timedelta, ...]:
    """List the choices of the extend form, ascending; empty when the grant has its maximum."""
    left = extension_left(grant, policy)
    if left < shortest:
        return ()
    return tuple(sorted({step for step in _STEPS if shortest <= step <= left} | {left}))


def check_extension(grant: Grant, policy: Policy, added: timedelta, shortest: timedelta, now: datetime) -> None:
    """Refuse, on the field, an extension of an ended grant, a too short one, or one beyond the maximum."""
    if now >= grant.expires_at:
        raise FieldRefused("duration", "This grant has ended; ask for a new one with /request-aws.")
    left = extension_left(grant, policy)
    if left < shortest:
        raise FieldRefused(
            "duration", f"This grant already has its maximum of {spoken(policy.max_duration)}; ask for a new one."
        )
    if added < shortest:
        raise FieldRefused("duration", f"The shortest extension is {spoken(shortest)}.")
    if added > left:
        raise FieldRefused(
            "duration",
            f"At most {spoken(left)} can be added: the policy “{policy.name}” allows"
            f" {spoken(policy.max_duration)} in all.",
        )


def listed(selectors: Iterable[Selector]) -> str:
    """Write selectors for people: `sre-leads@example.com, cto@example.com`."""
    return ", ".join(_WORDS.get(s.kind, "") + (s.value or _ALONE.get(s.kind, "everyone")) for s in selectors)


_ALONE = {SelectorKind.MANAGER: "the requester’s manager"}
_WORDS = {SelectorKind.ON_CALL: "whoever is on call on "}
