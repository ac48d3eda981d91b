"""Replaying: the audit log read from its first event on, and the records it tells of made again.

Every step of `lifecycle` logs what its record cannot be made without, in `AuditEvent.data`. Keys that end in `_ms` hold
Unix milliseconds, or a duration in milliseconds.

| action | data |
|---|---|
| `request.submitted` | `duration_ms`, `expires_ms`, `catalog` (its hash), `opens`; for an extension `kind`, `grant`; |
| | `asked_by` and `unconfirmed` for a colleague; `bundle`, `not_before_ms`, `emergency`, `schedule` |
| `request.announced` | `email`, `google_id`, `rule`, `policy`, `ticket`; `eligible`, `unlisted`: who decides first |
| `request.rejudged` | `rule`, `policy`, `step`, `eligible`, `unlisted` |
| `request.step_begun`, `request.escalated` | `step`; `eligible`, `unlisted` |
| `request.made_emergency` | `duration_ms` |
| `request.vote`, `request.approved` | `email`, `google_id` of the approver; `beside`: earlier ones who still count; |
| | `step`; `less_ms` when for less; `for_email`, `for_google_id` of whom a delegate stood in for |
| `request.approved` | `grant`, `clicked_ms` |
| `request.auto_approved` | `grant` |
| `grant.provisioning` | `request`, `email`, `approved_ms`, `ends_ms`; what it opens: `account`, `account_name`, |
| | `permission_set`, `group`; `begins_ms` when it is to begin later; `schedule`, `emergency` |
| `grant.intent` | `email`, `google_user`, `aws_group`, `aws_user`, `session_ms` |
| `grant.active` | `ends_ms` |
| `grant.extended` | `request`, `ends_ms` |
| `grant.rescheduled` | `ends_ms` |
| `grant.revoking` | `cause`; `said` where the reason given is the cause's own word |
| `grant.revoked` | `unused`: its pair goes out of use |
| `grant.provision_failed` | `unused`, `kept` |
| `review.opened` | `grant`, `request`, `email`, `policy`, `incident` |
| `delegation.set` | `delegate`, `begins_ms`, `ends_ms` |
| `membership.decided` | each side of the pair: was its membership there before us |

Not logged, and so at its default: for whom a record waits, and where a person is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, TypeVar

from accessbot.domain.errors import AccessbotError
from accessbot.domain.instants import from_ms
from accessbot.domain.lifecycle import seat
from accessbot.domain.model import (
    AuditEvent,
    EndCause,
    Grant,
    GrantState,
    Pair,
    Remark,
    RemarkKind,
    Request,
    RequestKind,
    RequestState,
    Vote,
)
from accessbot.domain.registers import REGISTERED, Registers

_T = TypeVar("_T")
_R = TypeVar("_R", Request, Grant)
_REQUEST: Final = "request."
_RECORDS: Final = (_REQUEST, "grant.")


class Unreplayable(AccessbotError):
    """An event that cannot follow what was replayed before it, or that does not say enough."""


@dataclass(slots=True)
class Replay:
    """The records as the events so far leave them; each has `rev` 0, since it is not stored yet.

    `untold` holds the ids of requests and grants of which too little was logged to make them again, as by a version
    without `data`, each with the state that it was last told to be in.
    """

    requests: dict[str, Request] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    pairs: dict[str, Pair] = field(default_factory=dict)
    registers: Registers = field(default_factory=Registers)
    untold: dict[str, str] = field(default_factory=dict)
    seq: int = 0

    def apply(self, event: AuditEvent) -> None:
        """Take in the event that comes next. Raises `Unreplayable`."""
        if event.seq != self.seq + 1:
            raise Unreplayable(f"event {event.seq} comes after {self.seq}; the log has to be whole, from 1 on.")
        self.seq = event.seq
        try:
            self._apply(event)
        except (ValueError, OverflowError) as error:
            raise Unreplayable(f"“{event.action}” of {event.subject} says what cannot be: {error}.") from error

    def unended(self) -> list[str]:
        """List the ids of what is untold and had not come to its end: nothing of it can be taken up again."""
        return [name for name, state in self.untold.items() if state not in _OVER]

    def _apply(self, event: AuditEvent) -> None:
        begins = event.before is None and event.action in _BEGINNINGS
        if (begins and not event.data) or event.subject in self.untold:
            self.untold[event.subject] = event.after or ""
        elif begins:
            self._begin(event)
        elif event.action in _REQUEST_STEPS:
            request = self._found(self.requests, event)
            self.requests[event.subject] = _kept(event, request, _REQUEST_STEPS[event.action](request, event))
        elif event.action in _GRANT_STEPS:
            grant = self._found(self.grants, event)
            self.grants[event.subject] = _kept(event, grant, _GRANT_STEPS[event.action](grant, event))
            self._pass_on(grant, event)
        elif event.action == "membership.decided":
            self._decide(event)
        elif event.action.startswith(REGISTERED):
            self.registers.take(event)
        elif event.action.startswith(_RECORDS) and event.before != event.after:
            raise Unreplayable(f"it tells of “{event.action}”, which this accessbot does not know; use the newest.")

    def _begin(self, event: AuditEvent) -> None:
        if event.subject in self.requests or event.subject in self.grants:
            raise Unreplayable(f"{event.subject} begins a second time.")
        if event.action.startswith(_REQUEST):
            self.requests[event.subject] = _submitted(event)
        else:
            self.grants[event.subject] = _provisioning(event)

    def _found(self, records: Mapping[str, _T], event: AuditEvent) -> _T:
        found = records.get(event.subject)
        if found is None:
            raise Unreplayable(f"it changes {event.subject}, whose beginning is not in the log.")
        return found

    def _pass_on(self, grant: Grant, event: AuditEvent) -> None:
        """Take in what a grant's step means for its pair."""
        pair = self.pairs.get(grant.pair)
        if pair is None:
            if event.action == "grant.active":  # without that decision its end would leave the memberships alone
                self.untold[grant.id] = str(self.grants.pop(grant.id).state)
        elif event.data.get("unused"):
            self.pairs[pair.key] = replace(pair, last_ended_at=event.time)

    def _decide(self, event: AuditEvent) -> None:
        if not all(isinstance(there, bool) for there in event.data.values()):
            raise Unreplayable(f"it does not say of each side of {event.subject} whether it was there before.")
        standing = MappingProxyType({side: bool(there) for side, there in event.data.items()})
        self.pairs[event.subject] = Pair(key=event.subject, standing=standing)


def _kept(event: AuditEvent, old: _R, new: _R) -> _R:
    """Give the new record, if the event tells of the very states that the records are in."""
    if event.before != str(old.state):
        raise Unreplayable(f"{event.subject} was {old.state} and not {event.before} before it.")
    if event.after != str(new.state):
        raise Unreplayable(f"“{event.action}” leads to {new.state} and not to {event.after}.")
    return new


# --- what an event says -----------------------------------------------------------------------------------------------


def _fact(event: AuditEvent, name: str, kind: type[_T]) -> _T:
    value = event.data.get(name)
    if type(value) is not kind:
        raise Unreplayable(f"“{event.action}” of {event.subject} does not say “{name}”.")
    return value


def _text(event: AuditEvent, name: str, default: str | None = None) -> str:
    return default if default is not None and name not in event.data else _fact(event, name, str)


def _time(event: AuditEvent, name: str) -> datetime:
    return from_ms(_fact(event, name, int))


def _flag(event: AuditEvent, name: str) -> bool:
    return name in event.data and _fact(event, name, bool)


def _number(event: AuditEvent, name: str) -> int:
    return _fact(event, name, int) if name in event.data else 0


def _span(event: AuditEvent, name: str) -> timedelta:
    return timedelta(milliseconds=_fact(event, name, int))


# --- requests ---------------------------------------------------------------------------------------------------------


def _submitted(event: AuditEvent) -> Request:
    return Request(
        id=event.subject,
        kind=RequestKind(_text(event, "kind", str(RequestKind.ACCESS))),
        requester=event.person,
        entitlement=event.entitlement,
        duration=_span(event, "duration_ms"),
        reason=event.reason,
        created_at=event.time,
        expires_at=_time(event, "expires_ms"),
        catalog_hash=_text(event, "catalog", ""),
        opens=_text(event, "opens", ""),
        grant_id=_text(event, "grant", ""),
        asked_by=_text(event, "asked_by", ""),
        unconfirmed=_flag(event, "unconfirmed"),
        bundle=_text(event, "bundle", ""),
        not_before=_time(event, "not_before_ms") if "not_before_ms" in event.data else None,
        emergency=_flag(event, "emergency"),
        schedule=_text(event, "schedule", ""),
    )


def _announced(request: Request, event: AuditEvent) -> Request:
    email, google_id = _text(event, "email"), _text(event, "google_id", "")
    rule, policy, ticket = (_text(event, name, "") for name in ("rule", "policy", "ticket"))
    known = replace(request, email=email, google_id=google_id, announced=True)
    begun = _begun(known, event) if policy else known  # without one it has no steps, or was announced before there were
    return replace(begun, rule=rule, policy=policy, ticket=ticket)


def _begun(request: Request, event: AuditEvent) -> Request:
    """Begin a step, with those who could decide in it."""
    eligible, unlisted = (tuple(_text(event, name, "").split()) for name in ("eligible", "unlisted"))
    return replace(request, step_at=event.time, eligible=eligible, unlisted=unlisted, escalated=False)


def _rejudged(request: Request, event: AuditEvent) -> Request:
    rule, policy = _text(event, "rule", ""), _text(event, "policy", "")
    return replace(_begun(request, event), rule=rule, policy=policy, step=_number(event, "step"))


def _made_emergency(request: Request, event: AuditEvent) -> Request:
    return replace(
        request,
        emergency=True,
        announced=False,
        duration=_span(event, "duration_ms"),
        reason=event.reason,
        votes=(),
        rule="",
        policy="",
        ticket="",
        step=0,
        step_at=None,
        escalated=False,
        eligible=(),
        unlisted=(),
    )


def _remarked(kind: RemarkKind) -> Callable[[Request, AuditEvent], Request]:
    def step(request: Request, event: AuditEvent) -> Request:
        remark = Remark(kind=kind, who=event.actor, at=event.time, text=event.reason)
        return replace(request, remarks=(*request.remarks, remark))

    return step


def _with_vote(request: Request, event: AuditEvent, at: datetime) -> Request:
    beside = set(_text(event, "beside", "").split())
    vote = Vote(
        approver=event.actor,
        email=_text(event, "email", ""),
        at=at,
        google_id=_text(event, "google_id", ""),
        step=_number(event, "step"),
        comment=event.reason,
        duration=_span(event, "less_ms") if "less_ms" in event.data else None,
        for_email=_text(event, "for_email", ""),
        for_google_id=_text(event, "for_google_id", ""),
    )
    return replace(request, votes=(*(v for v in request.votes if seat(v) in beside), vote))


def _voted(request: Request, event: AuditEvent) -> Request:
    return _with_vote(request, event, event.time)


def _approved(request: Request, event: AuditEvent) -> Request:
    voted = _with_vote(request, event, _time(event, "clicked_ms"))
    closed = _closed(voted, event, RequestState.APPROVED)
    return replace(closed, grant_id=_text(event, "grant"), decision_reason="")


def _closed(request: Request, event: AuditEvent, state: RequestState) -> Request:
    return replace(request, state=state, decided_by=event.actor, decided_at=event.time, decision_reason=event.reason)


_REQUEST_STEPS: Final[Mapping[str, Callable[[Request, AuditEvent], Request]]] = {
    "request.announced": _announced,
    "request.vote": _voted,
    "request.approved": _approved,
    "request.auto_approved": lambda request, event: replace(
        _closed(request, event, RequestState.APPROVED), grant_id=_text(event, "grant")
    ),
    "request.confirmed": lambda request, _: replace(request, unconfirmed=False),
    "request.step_begun": lambda request, event: replace(_begun(request, event), step=_number(event, "step")),
    "request.escalated": lambda request, event: replace(_begun(request, event), escalated=True),
    "request.rejudged": _rejudged,
    "request.made_emergency": _made_emergency,
    "request.stepped_down": lambda request, _: replace(request, emergency=False),
    "request.question": _remarked(RemarkKind.QUESTION),
    "request.answer": _remarked(RemarkKind.ANSWER),
    "request.denied": lambda request, event: _closed(request, event, RequestState.DENIED),
    "request.cancelled": lambda request, event: _closed(request, event, RequestState.CANCELLED),
    "request.expired": lambda request, event: _closed(request, event, RequestState.EXPIRED),
}

# --- grants -----------------------------------------------------------------------------------------------------------


def _provisioning(event: AuditEvent) -> Grant:
    ends = _time(event, "ends_ms")
    later = _time(event, "begins_ms") if "begins_ms" in event.data else None
    return Grant(
        id=event.subject,
        request_id=_text(event, "request"),
        requester=event.person,
        email=_text(event, "email", ""),
        entitlement=event.entitlement,
        account_id=_text(event, "account"),
        account_name=_text(event, "account_name", ""),
        permission_set=_text(event, "permission_set"),
        google_group=_text(event, "group"),
        duration=ends - (later or event.time),
        approved_at=_time(event, "approved_ms"),
        starts_at=later or event.time,
        expires_at=ends,
        not_before=later,
        schedule=_text(event, "schedule", ""),
        emergency=_flag(event, "emergency"),
    )


def _pinned(grant: Grant, event: AuditEvent) -> Grant:
    return replace(
        grant,
        email=_text(event, "email"),
        google_user_id=_text(event, "google_user"),
        aws_group_id=_text(event, "aws_group"),
        aws_user_id=_text(event, "aws_user"),
        session=_span(event, "session_ms"),
    )


def _activated(grant: Grant, event: AuditEvent) -> Grant:
    return replace(
        grant,
        state=GrantState.ACTIVE,
        activated_at=event.time,
        starts_at=event.time,
        expires_at=_time(event, "ends_ms"),
        duration=_time(event, "ends_ms") - event.time,
    )


def _extended(grant: Grant, event: AuditEvent) -> Grant:
    ends = _time(event, "ends_ms")
    return replace(
        grant,
        duration=grant.duration + (ends - grant.expires_at),
        expires_at=ends,
        extension_ids=(*grant.extension_ids, _text(event, "request")),
    )


def _rescheduled(grant: Grant, event: AuditEvent) -> Grant:
    ends = _time(event, "ends_ms")
    return replace(grant, duration=ends - grant.starts_at, expires_at=ends)


def _ending(grant: Grant, event: AuditEvent) -> Grant:
    cause = EndCause(_text(event, "cause"))
    said = event.reason if event.data.get("said") or event.reason != str(cause) else ""
    return replace(
        grant,
        state=GrantState.REVOKING,
        end_cause=cause,
        end_actor=event.actor,
        end_reason=said,
        ending_at=event.time,
    )


def _given_up(grant: Grant, event: AuditEvent) -> Grant:
    return replace(grant, failure=event.reason, ending_at=grant.ending_at or event.time)


_GRANT_STEPS: Final[Mapping[str, Callable[[Grant, AuditEvent], Grant]]] = {
    "grant.intent": _pinned,
    "grant.active": _activated,
    "grant.extended": _extended,
    "grant.rescheduled": _rescheduled,
    "grant.revoking": _ending,
    "grant.revoked": lambda grant, event: replace(
        grant, state=GrantState.REVOKED, ended_at=event.time, kept=event.reason
    ),
    "grant.giving_up": _given_up,
    "grant.vouched": lambda grant, event: replace(grant, vouched_by=event.actor),
    "grant.provision_failed": lambda grant, event: replace(
        grant, state=GrantState.PROVISION_FAILED, ended_at=event.time, kept=_text(event, "kept", "")
    ),
}

_BEGINNINGS: Final = ("request.submitted", "grant.provisioning")
_OVER: Final = {str(state) for state in RequestState if state is not RequestState.PENDING} | {
    str(GrantState.REVOKED),
    str(GrantState.PROVISION_FAILED),
}
