"""The invariants, judged from the evidence alone. Pure: the same evidence and time always give the same violations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from accessbot.domain.model import GrantState, RequestKind, RequestState
from tests.chaos import memberships
from tests.chaos.evidence import Evidence, View


@dataclass(frozen=True, slots=True)
class Violation:
    """One invariant that does not hold: which, about what (an id, a place, a person), and in a sentence how."""

    invariant: str
    subject: str
    sentence: str

    def __str__(self) -> str:
        """Write it in one line."""
        return f"{self.invariant} {self.subject}: {self.sentence}"


_CARD = {
    RequestState.APPROVED: ("Active until", "Ending", "Preparing"),
    RequestState.DENIED: ("Denied by",),
    RequestState.CANCELLED: ("Cancelled by",),
    RequestState.EXPIRED: ("Expired",),
}

Judge = Callable[[View, datetime], Iterator[tuple[str, str]]]


def judge(evidence: Evidence, now: datetime, *, final: bool = False) -> list[Violation]:
    """List what does not hold. `final`: everything has settled, so nothing may be under way any more."""
    view = evidence.view()
    found = [
        Violation(invariant, subject, sentence)
        for invariant, judges in JUDGES.items()
        for each in judges
        for subject, sentence in each(view, now)
    ]
    if final:
        found += [Violation("INV-7", subject, sentence) for subject, sentence in unfinished(view, now)]
    return list(dict.fromkeys(found))


# --- INV-5: one outcome, one vote each, one grant --------------------------------------------------------------------

_CLOSING = {
    "request.approved": RequestState.APPROVED,
    "request.denied": RequestState.DENIED,
    "request.cancelled": RequestState.CANCELLED,
    "request.expired": RequestState.EXPIRED,
}


def one_outcome(view: View, _: datetime) -> Iterator[tuple[str, str]]:
    """Look for requests with no outcome in the log, with two, or with another one than their record says."""
    for request in view.of.requests.values():
        closed = [event.action for event in view.about.get(request.id, ()) if event.action in _CLOSING]
        expected = [] if request.state is RequestState.PENDING else [request.state]
        if [_CLOSING[action] for action in closed] != expected:
            yield request.id, f"it is {request.state}, and its outcomes in the log are {closed or 'none'}"


def one_vote_each(view: View, _: datetime) -> Iterator[tuple[str, str]]:
    """Look for people who counted twice, for their own request, or too few of them for an approval."""
    for request in view.of.requests.values():
        voters = [vote.approver for vote in request.votes]
        emails = {vote.email.casefold() for vote in request.votes}
        if len(set(voters)) != len(voters) or len(emails) != len(voters) or request.requester in voters:
            yield request.id, f"the votes of {', '.join(voters)} were counted; {request.requester} asked"
        needed = view.terms.approvals.get(request.entitlement, 1)
        if request.state is RequestState.APPROVED and len(set(voters)) < needed:
            yield request.id, f"approved by {len(set(voters))} where it takes {needed}"


def one_grant_each(view: View, _: datetime) -> Iterator[tuple[str, str]]:
    """Look for approved requests without their one grant or extension, and grants without an approved request."""
    made = Counter(grant.request_id for grant in view.of.grants.values())
    moved = Counter(id_ for grant in view.of.grants.values() for id_ in grant.extension_ids)
    for request in view.of.requests.values():
        approved = request.state is RequestState.APPROVED
        counted = made if request.kind is RequestKind.ACCESS else moved
        if counted[request.id] != approved:
            yield request.id, f"it is {request.state}, and {counted[request.id]} grants came of it"
    for grant in view.of.grants.values():
        asked = [view.of.requests.get(id_) for id_ in (grant.request_id, *grant.extension_ids)]
        known = [request.duration for request in asked if request is not None]
        if len(known) < len(asked) or sum(known, timedelta(0)) != grant.duration:
            yield grant.id, f"it lasts {grant.duration}, and what was approved is {[str(each) for each in known]}"


def asked_once(view: View, _: datetime) -> Iterator[tuple[str, str]]:
    """Look for what was asked once and stored twice, or taken and not stored."""
    stored = Counter(request.reason for request in view.of.requests.values())
    for asked in view.of.asked:
        if stored[asked.reason] > 1 or (asked.clear and not stored[asked.reason]):
            yield asked.reason, f"{asked.who} asked for it once, and {stored[asked.reason]} requests are stored"


# --- INV-6: every event has its effect --------------------------------------------------------------------------------

_ONCE = ("provisioning", "intent", "active", "giving_up", "revoking", "revoked", "provision_failed")
_LAST = {
    GrantState.ACTIVE: ("grant.active",),
    GrantState.REVOKING: ("grant.revoking",),
    GrantState.REVOKED: ("grant.revoked",),
    GrantState.PROVISION_FAILED: ("grant.provision_failed",),
}


def told_once_in_the_log(view: View, _: datetime) -> Iterator[tuple[str, str]]:
    """Look for steps of a grant that the log has twice, and for states of which it has no event."""
    for grant in view.of.grants.values():
        actions = [event.action for event in view.about.get(grant.id, ())]
        doubled = [each for each in _ONCE if actions.count(f"grant.{each}") > 1]
        if doubled:
            yield grant.id, f"the log has twice that it is {', '.join(doubled)}"
        missing = [action for action in _LAST.get(grant.state, ()) if action not in actions]
        if missing:
            yield grant.id, f"it is {grant.state}, and the log has no {missing[0]}"


# --- INV-7: an end for every request, and a word about it -----------------------------------------------------------


def unfinished(view: View, now: datetime) -> Iterator[tuple[str, str]]:
    """List what is still under way, with what it waits for: requests, grants, words to people."""
    for request in view.of.requests.values():
        if request.state is RequestState.PENDING:
            waits = f", it waits for {request.waiting_for}" if request.waiting_for else ""
            yield request.id, f"nobody's decision came through{waits}"
    for grant in view.of.grants.values():
        late = grant.state is GrantState.ACTIVE and now >= grant.expires_at
        if late or grant.state in (GrantState.PROVISIONING, GrantState.REVOKING):
            waits = f", it waits for {grant.waiting_for}" if grant.waiting_for else ""
            yield grant.id, f"it is {grant.state}{waits}"
    yield from untold(view)
    yield from behind(view)


def behind(view: View) -> Iterator[tuple[str, str]]:
    """List the requests whose approvers' message does not say how they ended."""
    for request in view.of.requests.values():
        if not request.announced or request.state is RequestState.PENDING:
            continue
        grant = view.of.grants.get(request.grant_id)
        words = _CARD[request.state]
        if request.state is RequestState.APPROVED and request.kind is RequestKind.EXTEND:
            words = ("Extended by",)
        elif request.state is RequestState.APPROVED and grant is not None and grant.ended:
            words = ("Ended", "Failed")
        shown = view.of.cards.get(request.id, "nothing")
        if not any(word in shown for word in words):
            yield request.id, f"it is {request.state}, and the approvers' message says: {shown}"


def untold(view: View) -> Iterator[tuple[str, str]]:
    """List the people who were not told what became of their requests."""
    for grant in view.of.grants.values():
        told = any(grant.id in each.ids and "is ready" in each.text for each in view.of.told)
        if grant.state is GrantState.ACTIVE and not told:
            yield grant.id, f"{grant.requester} was not told that it is ready"
    said = _said(view)
    for key, happened in _expected(view).items():
        who, about, words = key
        if said[key] < len(happened):
            yield who, f"{said[key]} messages about {about} say “{words}”, and it happened {len(happened)} times"


def told_too_often(view: View, _: datetime) -> Iterator[tuple[str, str]]:
    """Look for what people were told more often than it happened and than a process was interrupted at it."""
    said = _said(view)
    for key, happened in _expected(view).items():
        who, about, words = key
        most = len(happened) + sum(_interruptions(view, at) for at in happened)
        if said[key] > most:
            yield who, f"{said[key]} messages about {about} say “{words}”, and it happened {len(happened)} times"


def told_twice(view: View) -> int:
    """Count the messages that told somebody something once more."""
    said = _said(view)
    return sum(max(0, said[key] - len(happened)) for key, happened in _expected(view).items())


def _interruptions(view: View, at: datetime) -> int:
    """Count the times a process was ended or frozen while something that happened then may have been told."""
    until = at + view.terms.grace / 2
    return sum(o.interrupts and o.begin <= until and o.end >= at for o in view.of.outages)


_Key = tuple[str, str, str]


def _expected(view: View) -> dict[_Key, list[datetime]]:
    """List what each person has to be told, by what it is about and the words that tell it, and when it happened."""
    happened: dict[_Key, list[datetime]] = {}
    names = {g.entitlement: f"{g.permission_set} in {g.account_name}" for g in view.of.grants.values()}
    for grant in view.of.grants.values():
        if grant.ended_at is not None:
            failed = grant.state is GrantState.PROVISION_FAILED
            words = "could not be given" if failed and grant.failure else "has ended"
            happened.setdefault((grant.requester, names[grant.entitlement], words), []).append(grant.ended_at)
    for request in view.of.requests.values():
        about, at = names.get(request.entitlement), request.decided_at
        denied = request.state is RequestState.DENIED and request.decided_by.startswith("U")
        if about and at is not None and (denied or request.state is RequestState.EXPIRED):
            words = "denied your request" if denied else "Your request expired"
            happened.setdefault((request.requester, about, words), []).append(at)
    return happened


def _said(view: View) -> Counter[_Key]:
    said: Counter[_Key] = Counter()
    wanted = _expected(view).keys()
    for each in view.of.told:
        for who, about, words in wanted:
            if who == each.who and about in each.text and words in each.text:
                said[who, about, words] += 1
    return said


def late_words(view: View, now: datetime) -> Iterator[tuple[str, str]]:
    """Look for requests that nothing was heard of for much longer than anything was wrong."""
    for request in view.of.requests.values():
        patience = view.terms.grace * 2
        asked = request.created_at
        if request.state is RequestState.PENDING and not request.announced:
            waited = now - asked - view.trouble(asked, now)
            if waited > patience:
                yield request.id, f"no approver has seen it {_seconds(waited)} after it was asked"


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.1f} s"


JUDGES: dict[str, tuple[Judge, ...]] = {
    "INV-1": (memberships.without_a_record,),
    "INV-2": (memberships.outlived,),
    "INV-3": (memberships.came_back,),
    "INV-4": (memberships.standing_taken,),
    "INV-5": (one_outcome, one_vote_each, one_grant_each, asked_once),
    "INV-6": (
        memberships.without_an_event,
        memberships.without_effect,
        memberships.taken_while_wanted,
        memberships.ready_without,
        told_once_in_the_log,
    ),
    "INV-7": (told_too_often, late_words),
}
