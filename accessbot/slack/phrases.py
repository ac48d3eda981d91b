"""Sentences that several messages share: what access opens, how it stands, and the truth about its end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from accessbot.domain.durations import spoken
from accessbot.domain.lifecycle import SYSTEM
from accessbot.domain.model import EndCause, GrantState, RequestKind, RequestState
from accessbot.slack.text import escape, listing, mention, mentions, utc, when

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from accessbot.domain.model import Entitlement, Grant, Request
    from accessbot.domain.rules import Policy, Step

    Clock = Callable[[datetime], str]

_SHORT = timedelta(minutes=10)


def clock_for(duration: timedelta, *, plainly: bool = False) -> Clock:
    """Choose how times are written: for each reader's own zone or in UTC, with seconds for very short grants."""
    seconds = duration < _SHORT

    def write(at: datetime) -> str:
        return utc(at, seconds=seconds) if plainly else when(at, seconds=seconds)

    return write


def opens(entitlement: Entitlement | None, grant: Grant | None, name: str) -> str:
    """Say what is opened: permission set, account name and number; the bare name if neither record knows more."""
    if entitlement is not None:
        account, permission_set = entitlement.account, entitlement.permission_set
        return f"*{escape(permission_set)}* in *{escape(account.name)}* ({escape(account.id)})"
    if grant is not None:
        return f"*{escape(grant.permission_set)}* in *{escape(grant.account_name)}* ({escape(grant.account_id)})"
    return f"*{escape(name)}*"


def opens_plainly(entitlement: Entitlement | None, grant: Grant | None, name: str) -> str:
    """Say the same without any formatting."""
    return opens(entitlement, grant, name).replace("*", "")


def approved_by(request: Request) -> str:
    """Name those whose yes counted, or the rule that did without: `approved by A and B`, `approved by the rule “x”`."""
    people = mentions(vote.approver for vote in request.votes)
    if not people and request.decided_by == SYSTEM and request.decision_reason:
        return f"approved {escape(request.decision_reason)}"
    return f"approved by {people or mention(request.decided_by)}"


def allowed(request: Request) -> timedelta:
    """Give for how long all who approved it so far allow it together."""
    return min((*(vote.duration for vote in request.votes if vote.duration is not None), request.duration))


def approval(request: Request) -> str:
    """Say who or what approved it, and for how long if that is less than was asked for."""
    less = allowed(request)
    for_less = f" for {spoken(less)} of the {spoken(request.duration)}" if less < request.duration else ""
    return f"{approved_by(request)}{for_less}"


def progress(request: Request, approvals: int) -> str:
    """Say how far the approvals are; "" when one suffices and none is there."""
    if request.votes:
        return f"{len(request.votes)} of {approvals} approved by {mentions(vote.approver for vote in request.votes)}."
    return "" if approvals == 1 else f"0 of {approvals} approvals so far."


def steps(request: Request, policy: Policy | None, approvals: int) -> tuple[str, ...]:
    """Say, step by step, who decided and what is missing; the same as `progress` where there is but one step."""
    if policy is None or len(policy.steps) == 1:
        far = progress(request, approvals)
        return (far,) if far else ()
    return tuple(_step(request, number, step, len(policy.steps)) for number, step in enumerate(policy.steps))


def _step(request: Request, number: int, step: Step, many: int) -> str:
    named = f", {escape(step.name)}" if step.name else ""
    people = mentions(vote.approver for vote in request.votes if vote.step == number)
    had = sum(vote.step == number for vote in request.votes)
    by = f" approved by {people}" if people else " approved" if had else ""
    return f"Step {number + 1} of {many}{named}: {had} of {step.approvals}{by}."


def standing_of(request: Request, approvals: int, policy: Policy | None = None) -> str:
    """Say how far a pending request is in one line: what the step that is open still lacks."""
    if policy is None or len(policy.steps) == 1:
        return progress(request, approvals)
    number = min(request.step, len(policy.steps) - 1)
    return _step(request, number, policy.steps[number], len(policy.steps))


def waiting(vendor: str) -> str:
    """Say that a vendor does not answer: `waiting for Google, retrying`."""
    return f"waiting for {escape(vendor)}, retrying"


def request_state(request: Request, clock: Clock) -> str:
    """Say how a request stands, in one or two sentences; an approved one is told by its grant."""
    decided = f" ({clock(request.decided_at)})" if request.decided_at else ""
    match request.state:
        case RequestState.PENDING if request.unconfirmed:
            whom = mention(request.requester)
            return f"Waiting for {whom} to confirm. It expires {clock(request.expires_at)} otherwise."
        case RequestState.PENDING:
            wait = f"Pending, {waiting(request.waiting_for)}." if request.waiting_for else "Pending."
            return f"{wait} It expires {clock(request.expires_at)} if nobody decides."
        case RequestState.DENIED:
            return f"Denied by {mention(request.decided_by)}{decided}."
        case RequestState.CANCELLED:
            return f"Cancelled by {mention(request.decided_by)}{decided}."
        case RequestState.EXPIRED:
            why = f": {escape(request.decision_reason)}" if request.decision_reason else "."
            return f"Expired{decided}{why}"
        case _:
            return f"{_capital(approved_by(request))}{decided}."


def grant_state(  # noqa: PLR0911 - one sentence per state, read from top to bottom
    grant: Grant, now: datetime, clock: Clock
) -> str:
    """Say how a grant stands, truthfully: nothing is called ready or ended that was not read back."""
    wait = f", {waiting(grant.waiting_for)}" if grant.waiting_for else ""
    if grant.failure and not grant.ended:
        return f"Could not be given: {escape(grant.failure)} What was begun is being taken back{wait}."
    match grant.state:
        case GrantState.PROVISIONING if grant.not_before is not None and now < grant.not_before:
            return f"Scheduled: it begins {clock(grant.not_before)} and ends {clock(grant.expires_at)}."
        case GrantState.PROVISIONING:
            return f"Preparing{wait}: the access is not usable yet."
        case GrantState.ACTIVE if now < grant.expires_at:
            return f"Active until {clock(grant.expires_at)}{wait}."
        case GrantState.ACTIVE | GrantState.REVOKING:
            return f"Ending{wait}: {_why_ending(grant) or 'its time is over'}; the membership is being removed."
        case GrantState.PROVISION_FAILED:
            return f"Failed: {escape(grant.failure)} {failed_truth(grant)}".rstrip()
        case _:
            ended = f" {clock(grant.ended_at)}" if grant.ended_at else ""
            return f"Ended{ended}: {_why_ending(grant) or 'its time was over'}. {end_truth(grant, clock)}"


def end_truth(grant: Grant, clock: Clock) -> str:
    """Say what is left after the end: sessions that AWS already opened run on to their own end."""
    if not grant.google_user_id:
        return "It had not begun, so there was nothing to take away."
    if grant.kept == "standing":
        return "The membership was there before this grant, so it stays."
    if grant.kept == "overlap":
        return "The membership stays, because another grant on the same group still runs."
    if grant.session is None or grant.ended_at is None:
        return "Membership removed; AWS sessions already open can last until they run out by themselves."
    return f"Membership removed; AWS sessions already open can last until {clock(grant.ended_at + grant.session)}."


def failed_truth(grant: Grant) -> str:
    """Say what is left of a grant that could not be given."""
    if grant.kept == "standing":
        return "The membership that was there before stays."
    if grant.kept == "overlap":
        return "The membership stays, because another grant on the same group still runs."
    return "Nothing of it is left."


def _why_ending(grant: Grant) -> str:
    reason = f" (“{escape(grant.end_reason)}”)" if grant.end_reason else ""
    match grant.end_cause:
        case EndCause.ENDED_EARLY:
            return f"its holder ended it early{reason}"
        case EndCause.REVOKED:
            return f"revoked by {mention(grant.end_actor)}{reason}"
        case EndCause.SHIFT_OVER:
            return f"the shift on “{escape(grant.schedule)}” is over" if grant.schedule else "the shift is over"
        case EndCause.OFFBOARDED:
            return f"its holder’s Google account is suspended or gone{reason}"
        case EndCause.PANIC:
            return f"ended at once by {mention(grant.end_actor)}{reason}"
        case _:
            return ""


def console_link(start_url: str, account_id: str, permission_set: str) -> str:
    """Give the address that opens the AWS console in just that role; "" when the portal's address is not known."""
    portal = portal_address(start_url)
    if not portal:
        return ""
    return f"{portal}/#/console?account_id={quote(account_id, safe='')}&role_name={quote(permission_set, safe='')}"


def portal_address(start_url: str) -> str:
    """Give the access portal's address without a trailing slash or fragment."""
    return start_url.strip().partition("#")[0].rstrip("/")


def asked_for(request: Request, what: str) -> str:
    """Name a request for people: `more time for …` or what it opens, and for how long."""
    if request.kind is RequestKind.EXTEND:
        return f"{spoken(request.duration)} more of {what}"
    return f"{what} for {spoken(request.duration)}"


def who_asks(request: Request) -> str:
    """Name who asks, and for whom: `A asks`, `A asks on behalf of B`."""
    if request.asked_by:
        return f"{mention(request.asked_by)} asks on behalf of {mention(request.requester)}"
    return f"{mention(request.requester)} asks"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def joined(*sentences: str) -> str:
    """Put sentences after one another, leaving out empty ones."""
    return " ".join(sentence for sentence in sentences if sentence)


def approver_names(names: list[str]) -> str:
    """List who may decide; nobody of them is mentioned."""
    return listing(names) or "nobody"
