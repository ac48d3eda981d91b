"""Steps: who may decide in one, who is told, and what happens when nobody does in time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from accessbot.domain import progress
from accessbot.domain.errors import Conflict, Refused, Unavailable, VendorError
from accessbot.domain.judged import Panel
from accessbot.domain.model import RequestState, SelectorKind
from accessbot.domain.notices import Nudge
from accessbot.domain.policy import REQUEST_LIFETIME
from accessbot.domain.work import Due, Work, WorkKind
from accessbot.ports import Change
from accessbot.service import asking, judging, oncall
from accessbot.service.context import save, soon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from accessbot.domain.model import Identity, Request, Selector
    from accessbot.domain.rules import Policy, Step
    from accessbot.service.context import Context

_log = structlog.get_logger(__name__)

_MOST_LISTED = 300
_MOST_PINGED = 20
_CARD_FIRST = timedelta(seconds=1)


def selectors(step: Step, *, escalated: bool) -> tuple[Selector, ...]:
    """Give who may decide in a step: its approvers, and its escalation once that has come."""
    return step.deciders if escalated else step.approvers


def step_of(policy: Policy, request: Request) -> Step:
    """Give the step that a request is in; the last one when the policy has become shorter meanwhile."""
    return policy.steps[min(request.step, len(policy.steps) - 1)]


@dataclass(slots=True)
class Listing:
    """Whom selectors name, each asked for once; `requester` is the address of the one whose manager may be meant."""

    ctx: Context
    requester: str
    _known: dict[Selector, set[str] | VendorError | None] = field(default_factory=dict)

    def of(self, selector: Selector) -> set[str] | None:
        """List whom a selector names, as `listed` does; raises the same again for one that could not be listed."""
        if selector not in self._known:
            try:
                self._known[selector] = listed(self.ctx, selector, self.requester)
            except VendorError as error:
                self._known[selector] = error
        known = self._known[selector]
        if isinstance(known, VendorError):
            raise known
        return known


def panel(listing: Listing, who: Sequence[Selector]) -> Panel:
    """List those who may decide now, by address or Slack id; what cannot be listed is kept as a selector.

    Selectors that cannot be read right now count as unlisted: they are judged live at the click, and fail there if they
    still cannot be read.
    """
    eligible: set[str] = set()
    unlisted: list[str] = []
    for selector in who:
        try:
            people = listing.of(selector)
        except VendorError as error:
            _log.info("approvers are not listed", selector=str(selector), error=error.sentence)
            people = None
        if people is None or len(people) > _MOST_LISTED:
            unlisted.append(str(selector))
        else:
            eligible |= people
    return Panel(tuple(sorted(eligible)), tuple(unlisted))


def listed(ctx: Context, selector: Selector, requester: str) -> set[str] | None:
    """List whom a selector names, as emails or Slack ids; None for "more than can be listed", and who is on call.

    A group that holds other groups may have members that its listing lacks.
    """
    match selector.kind:
        case SelectorKind.USER:
            return {selector.value.casefold()}
        case SelectorKind.SLACK_USERGROUP:
            return set(ctx.workspace.usergroup(selector.value))
        case SelectorKind.MANAGER:
            manager = ctx.directory.manager(requester)
            return {manager} if manager else set()
        case SelectorKind.GROUP:
            members = ctx.directory.members(selector.value)
            if any(member.type != "USER" for member in members):
                return None
            return {member.email.casefold() for member in members}
    return None  # everyone; or on call, which passes on while a request waits


def check_somebody_can_decide(
    listing: Listing, policy: Policy, requester: Identity, asker: Identity | None = None
) -> None:
    """Refuse a request for which fewer people than it takes can be found beside those who ask, in any step.

    Raises `Unavailable` when that cannot be told yet.
    """
    own = {name for one in (requester, asker) if one is not None for name in (one.email.casefold(), one.slack)}
    found: list[set[str] | None] = []
    for step in policy.steps:
        people = _deciders(listing, step, own)
        if people is not None:
            people -= own
            if len(people) < step.approvals:
                _refuse_few(step, people, policy, "you" if asker is None else "those who ask")
        found.append(people)
    if policy.distinct and None not in found:
        everybody = set().union(*(people for people in found if people is not None))
        if len(everybody) < policy.approvals:
            msg = (
                f"The policy “{policy.name}” takes {policy.approvals} distinct people, but only {len(everybody)} can "
                "decide right now; ask its owners to add approvers."
            )
            raise Refused(msg)


def _deciders(listing: Listing, step: Step, own: set[str]) -> set[str] | None:
    """List who can decide in a step; None for more than can be listed. Raises while too few are known to tell."""
    found: set[str] = set()
    unknown: VendorError | None = None
    cheap_first = sorted(step.deciders, key=lambda s: s.kind is not SelectorKind.USER)
    for selector in cheap_first:
        try:
            people = _somebody(listing, selector)
        except VendorError as error:
            unknown = error if unknown is None or isinstance(error, Unavailable) else unknown
            continue
        if people is None:
            return None
        found |= people
    if unknown is not None and len(found - own) < step.approvals:
        if isinstance(unknown, Unavailable):
            raise unknown
        msg = f"Nobody can approve this at the moment: {unknown.sentence}"
        raise Refused(msg)
    return found


def _somebody(listing: Listing, selector: Selector) -> set[str] | None:
    if selector.kind is SelectorKind.ON_CALL:
        return set(oncall.now(listing.ctx, selector.value))
    people = listing.of(selector)
    return None if people is None else set(people)


def _refuse_few(step: Step, people: set[str], policy: Policy, own: str) -> None:
    who = f"nobody but {own}" if not people else f"only {len(people)} of the {step.approvals} people it takes"
    where = f" in the step “{step.name}”" if step.name else ""
    msg = f"Right now {who} could approve this{where}; ask the owners of “{policy.name}” to add approvers."
    raise Refused(msg)


def was_eligible(
    request: Request, person: Identity, holds: Callable[[Selector], bool], who: Iterable[Selector]
) -> bool:
    """Tell whether somebody who may decide now could do so when the step began.

    Who becomes an approver afterwards does not decide what waits already: whoever can add themselves to a group could
    otherwise wait for the request first. What could not be listed then is judged live alone.
    """
    if request.step_at is None:
        return True
    if {person.email.casefold(), person.slack} & set(request.eligible):
        return True
    return any(holds(selector) for selector in who if str(selector) in request.unlisted)


def begun(policy: Policy, request: Request, now: datetime) -> tuple[Due, ...]:
    """Say what is due when a step begins: those who are told are pinged, and its time runs."""
    step = step_of(policy, request)
    due: list[Due] = []
    if step.told or (request.escalated and step.escalation):
        due.append(Due(Work(WorkKind.NUDGE, request.id), now + _CARD_FIRST))
    if step.timeout is not None:
        due.append(Due(Work(WorkKind.STEP, request.id), now + step.timeout))
    return tuple(due)


def timeout(ctx: Context, request_id: str) -> datetime | None:
    """Escalate a step that nobody decided in its time; when that was done already, expire the request.

    Gives the time to look again when it is not over.
    """
    while True:
        request = ctx.store.request(request_id)
        if request is None or request.state is not RequestState.PENDING or request.step_at is None:
            return None
        entitlement = ctx.catalog.current().entitlements.get(request.entitlement)
        if entitlement is None:
            return None
        policy = judging.policy_of(ctx, request, entitlement)
        step, now = step_of(policy, request), ctx.store.now()
        if step.timeout is None:
            return None
        if now < request.step_at + step.timeout:
            return request.step_at + step.timeout
        try:
            if step.escalation and not request.escalated:
                return _escalate(ctx, request, policy, step, now)
            named = f" in the step “{step.name}”" if step.name else ""
            asking.expire(ctx, request, f"Nobody decided in time{named}.", now)
        except Conflict:
            continue
        return None


def _escalate(ctx: Context, request: Request, policy: Policy, step: Step, now: datetime) -> datetime | None:
    there = panel(Listing(ctx, request.email), step.escalation)
    both = Panel(
        tuple(sorted({*request.eligible, *there.eligible})), tuple(dict.fromkeys((*request.unlisted, *there.unlisted)))
    )
    changed = progress.escalated(request, both, now)
    due = (soon(Work(WorkKind.CARD, request.id), now), *begun(policy, changed.record, now))
    kept = tuple(one for one in due if one.work.kind is not WorkKind.STEP)  # this very work comes up again for it
    change = Change(
        op=f"escalate:{request.id}:{request.rev}", puts=(changed.record,), events=(changed.event,), due=kept
    )
    save(ctx, change, now)
    return now + step.timeout if step.timeout is not None else None


def nudge(ctx: Context, request_id: str) -> datetime | None:
    """Ping those who are to hear that a step began, or that a rule approved, in the thread of the card.

    Gives the time to try again while the card is not posted yet, for a day at most.
    """
    request = ctx.store.request(request_id)
    if request is None or not request.announced:
        return None
    who, step = _told(ctx, request)
    if not who:
        return None
    board = ctx.store.board(f"card:{request_id}")
    now = ctx.store.now()
    if board is None or not board.refs:
        waits = now - (request.decided_at or request.step_at or request.created_at)
        return now + max(_CARD_FIRST, waits / 4) if waits < REQUEST_LIFETIME else None
    people, usergroups = slack_ids(ctx, who, request.email)
    people = tuple(one for one in people if one not in (request.requester, request.asked_by))
    if people or usergroups:
        name = step.name if step is not None else ""
        said = Nudge(
            request=request,
            people=people,
            usergroups=usergroups,
            step=name,
            escalated=request.escalated and step is not None,
            now=now,
        )
        ctx.notifier.nudge(said, board.refs)
    return None


def _told(ctx: Context, request: Request) -> tuple[tuple[Selector, ...], Step | None]:
    """Give who is told about a request now, and in which step if it waits for one."""
    catalog = ctx.catalog.current()
    entitlement = catalog.entitlements.get(request.entitlement)
    if entitlement is None:
        return (), None
    if request.state is RequestState.APPROVED:
        return next((rule.told for rule in catalog.rules if rule.name == request.rule), ()), None
    if request.state is not RequestState.PENDING:
        return (), None
    step = step_of(judging.policy_of(ctx, request, entitlement), request)
    return (step.escalation if request.escalated else step.told), step


def slack_ids(ctx: Context, who: Iterable[Selector], requester: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the Slack user ids, up to twenty, and the user group ids that a ping for these selectors names.

    Whoever cannot be found is left out: a ping is a courtesy, and one dead name must not silence the others.
    """
    people: dict[str, None] = {}
    usergroups: list[str] = []
    for selector in who:
        if selector.kind is SelectorKind.SLACK_USERGROUP:
            usergroups.append(selector.value)
            continue
        try:
            names = (
                oncall.now(ctx, selector.value)
                if selector.kind is SelectorKind.ON_CALL
                else listed(ctx, selector, requester)
            )
        except (Refused, VendorError) as error:
            _log.info("nobody is pinged", selector=str(selector), error=error.sentence)
            continue
        for name in sorted(names or ()):
            if len(people) >= _MOST_PINGED:
                break
            found = _slack_id(ctx, name)
            if found:
                people[found] = None
    return tuple(people), tuple(usergroups)


def _slack_id(ctx: Context, name: str) -> str:
    if "@" not in name:
        return name
    try:
        return ctx.workspace.by_email(name).id
    except (Refused, VendorError) as error:
        _log.info("not known to Slack, so not pinged", error=error.sentence)
        return ""
