"""INV-1 to INV-7 as a judgement: what was seen of some lives goes in, one sentence for each violation comes out.

Nothing here runs anything, or knows how the lives were run. docs/invariants.md has the invariants in plain words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from accessbot.domain.lifecycle import SYSTEM
from accessbot.domain.model import Grant, Request, RequestKind, RequestState
from accessbot.domain.notices import AlertKind, NoticeKind
from tests.support.evidence import NEVER, OTHERS, OURS, Case, Evidence, Place, Shift, Stay, Write, end_of, places_of

OVERDUE_AFTER = timedelta(minutes=2)
_CLOSING = ("request.approved", "request.auto_approved", "request.denied", "request.cancelled", "request.expired")
_ONCE = {NoticeKind.READY, NoticeKind.DENIED, NoticeKind.REFUSED, NoticeKind.EXPIRED, NoticeKind.ENDED}
_ONCE |= {NoticeKind.FAILED, NoticeKind.EXTENDED}
"""What is said of one thing once; that somebody waits, or is about to lose access, may be true more than once."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold, and where."""

    invariant: str
    sentence: str

    def __str__(self) -> str:
        """Give one line."""
        return f"{self.invariant}: {self.sentence}"


def judge(evidence: Evidence) -> list[Violation]:
    """Give every violation of every invariant; those about how things end are looked for once it is `over`."""
    case = Case(evidence)
    return [Violation(name, sentence) for name, check in CHECKS.items() for sentence in check(case)]


# --- INV-1: no write without its record -------------------------------------------------------------------------------


def recorded_before(case: Case) -> Iterator[str]:
    """Every write follows the stored intent, the stored decision whose the membership is, and its audit event."""
    for write in case.seen.writes:
        live = case.live_at(write.place, write.logged)
        wanted = [grant for grant in live if case.leaving(grant) > write.logged]
        what = f"{write.place} was {'asked for' if write.adds else 'asked to go'} at {write.at:%H:%M:%S}"
        if not write.adds:
            over = len(live) > len(wanted) or any(write.at >= grant.expires_at for grant in wanted)
            if not over and not _told(case, write, "membership.removed", there=True):
                yield f"{what}, and nothing in the log says why"
            continue
        if not wanted:
            yield f"{what}, and no stored grant wants it"
            continue
        if not _decided(case, write):
            yield f"{what} before it was stored whose it is"
        active = [grant for grant in wanted if case.seq(grant.id, "grant.active") <= write.logged]
        if active and not _told(case, write, "membership.restored", there=False):
            yield f"{what} again, and the log does not say that it is put back"


def _told(case: Case, write: Write, action: str, *, there: bool) -> bool:
    """Tell whether an event about the pair lies between the last time the membership came or went, and the write."""
    since = next((s.logged for s in reversed(case.shifts[write.place]) if _before(s, write) and s.there is there), 0)
    events = [event for pair in case.pairs_of(write.place) for event in case.about(pair, action)]
    return any(since < event.seq <= write.logged for event in events)


def _before(shift: Shift, write: Write) -> bool:
    return (shift.at, shift.logged) <= (write.at, write.logged)


def _decided(case: Case, write: Write) -> bool:
    events = [event for pair in case.pairs_of(write.place) for event in case.about(pair, "membership.decided")]
    return any(event.seq <= write.logged and write.place.key in event.data for event in events)


# --- INV-2, INV-3: nothing outlives its end ---------------------------------------------------------------------------


def gone_in_time(case: Case) -> Iterator[str]:
    """What accessbot put there is gone `grace` after its end, outages aside; of a late end the operators are told."""
    for place in case.shifts:
        for stay in case.stays(place):
            for begin, end in case.unwanted(stay) if stay.ours else ():
                if case.working(begin, end) > case.seen.grace:
                    yield f"{place} outlived its end at {begin:%H:%M:%S} by {(end - begin).total_seconds():.0f} s"
    for grant in case.seen.grants if case.seen.over else ():
        if grant.ending_at is None or (grant.ended_at or case.seen.now) - grant.ending_at <= OVERDUE_AFTER:
            continue
        if not any((said.kind, said.subject) == (AlertKind.REVOKE_OVERDUE, grant.id) for said in case.seen.said):
            yield f"the end of {grant.id} took longer than two minutes, and the operators were not told"


def gone_again_in_time(case: Case) -> Iterator[str]:
    """What another tool put back within two sync periods after the end is gone `readded` after it could be seen."""
    for place in case.shifts:
        for stay in case.stays(place):
            if stay.ours or case.is_standing(stay, stay.came.logged) or _is_copy(case, place, stay.came.logged):
                continue
            for begin, end in case.unwanted(stay):
                bound = case.seen.readded if begin == stay.came.at else case.seen.grace
                if case.working(begin, end) > bound:
                    stayed = (end - begin).total_seconds()
                    yield f"{place}, put back at {stay.came.at:%H:%M:%S}, stayed for {stayed:.0f} s"


def _is_copy(case: Case, place: Place, logged: int) -> bool:
    """Tell whether an AWS membership is that of somebody who stands in the Google group: the sync's own to keep."""
    if place.side == "google":
        return False
    for grant in case.grants_at(place):
        stay = case.stay_at(places_of(grant)[0], logged)
        if stay is not None and case.is_standing(stay, logged):
            return True
    return False


# --- INV-4: standing members ------------------------------------------------------------------------------------------


def standing_kept(case: Case) -> Iterator[str]:
    """What was there before, by somebody else's hand, is never removed by accessbot."""
    for place in case.shifts:
        for stay in case.stays(place):
            if stay.went is None or stay.went.by != OURS or not case.is_standing(stay, stay.went.logged):
                continue
            if not _is_out_of_band(case, stay.came, stay.went.logged):
                yield f"{place} was there before accessbot was asked, and was removed at {stay.went.at:%H:%M:%S}"


def _is_out_of_band(case: Case, came: Shift, logged: int) -> bool:
    """Tell whether a removal by the catalog's own rule was logged, of what came after the group was first looked at."""
    for pair in case.pairs_of(came.place):
        events = [e for e in case.about(pair, "membership.removed") if came.logged < e.seq <= logged]
        begun = case.seq(pair.rpartition("/")[0], "roster.begun")
        if begun <= came.logged and any(event.reason.startswith("out of band") for event in events):
            return True
    return False


# --- INV-5: one outcome, one vote, one grant --------------------------------------------------------------------------


def one_outcome(case: Case) -> Iterator[str]:
    """Each request is closed once, by distinct voters, and an approved one made or extended one grant, once."""
    for request in case.seen.requests:
        closings = [event for action in _CLOSING for event in case.about(request.id, action)]
        if len(closings) > 1 or (not closings) is (request.state is not RequestState.PENDING):
            yield f"{request.id} is {request.state} and was closed {len(closings)} times"
        yield from _distinct_votes(case, request)
        yield from _one_grant(case, request)
    steps = Counter((e.subject, e.action) for e in case.seen.events if e.before != e.after)
    yield from (f"{subject} went through {action} {n} times" for (subject, action), n in steps.items() if n > 1)


def _distinct_votes(case: Case, request: Request) -> Iterator[str]:
    votes = [*case.about(request.id, "request.vote"), *case.about(request.id, "request.approved")]
    for actor, times in Counter(event.actor for event in votes).items():
        if times > 1:
            yield f"{actor} voted {times} times on {request.id}"
    if len({vote.google_id or vote.email for vote in request.votes}) < len(request.votes):
        yield f"one person counts twice among the votes on {request.id}"
    for actor, subject, sentence in case.seen.turned_away:
        if subject == request.id and actor == request.decided_by and "Too late" in sentence:
            yield f"{actor} decided {request.id}, and was told to have come too late"


def _one_grant(case: Case, request: Request) -> Iterator[str]:
    approved = request.state is RequestState.APPROVED
    if request.kind is RequestKind.ACCESS:
        made = [grant for grant in case.seen.grants if grant.request_id == request.id]
        if len(made) != approved or any(grant.id != request.grant_id for grant in made):
            yield f"{request.id} is {request.state} and made {len(made)} grants"
        for grant in made:
            added = [r.duration for r in case.seen.requests if r.id in grant.extension_ids]
            if not grant.schedule and grant.duration != sum(added, request.duration):
                yield f"{grant.id} lasts {grant.duration}, which is not what was approved"
        return
    longer = [grant for grant in case.seen.grants for each in grant.extension_ids if each == request.id]
    if len(longer) != approved:
        yield f"extension {request.id} is {request.state} and was counted {len(longer)} times"


# --- INV-6: log and memberships agree ---------------------------------------------------------------------------------


def log_is_true(case: Case) -> Iterator[str]:
    """Active means that both sides were there, ended that ours are gone; nothing goes while a grant wants it."""
    for grant in case.seen.grants:
        for place in places_of(grant):
            yield from _was_there(case, grant, place)
            yield from _is_gone(case, grant, place)
    for place in case.shifts:
        yield from _not_taken(case, place)
    if case.seen.over:
        yield from _followed(case)


def _places(case: Case, pair: str) -> set[Place]:
    return {place for grant in case.seen.grants if grant.pair == pair for place in places_of(grant)}


def _was_there(case: Case, grant: Grant, place: Place) -> Iterator[str]:
    active = case.seq(grant.id, "grant.active")
    if active == NEVER or case.there(place, active - 1):
        return
    last = case.last_shift(place, active - 1)
    if last is None or last.by == OURS or last.logged < case.intent(grant):
        yield f"{grant.id} was called active, and {place} was not there"


def _is_gone(case: Case, grant: Grant, place: Place) -> Iterator[str]:
    ended = case.ended(grant)
    if ended == NEVER:
        return
    stay = case.stay_at(place, ended - 1)
    needed = [g for g in case.live_at(place, ended - 1) if g is not grant and case.leaving(g) >= ended]
    if stay is not None and not needed and not case.is_standing(stay, ended):
        put_back = stay.came.by == OTHERS and stay.came.logged >= min(case.leaving(grant), ended)
        if not put_back and not _came_late(case, stay, ended):
            yield f"{grant.id} was called ended, and {place} was there"
    if grant.kept == "overlap" and not any(
        other is not grant and case.intent(other) < ended <= case.ended(other) for other in _on_pair(case, grant)
    ):
        yield f"{grant.id} ended with what another grant keeps, and there is none"


def _came_late(case: Case, stay: Stay, logged: int) -> bool:
    """Tell whether it came to be only after it was asked to go: no read could show it then, and it goes by itself."""
    asked = [w.at for w in case.seen.writes if w.place == stay.came.place and not w.adds and w.logged < logged]
    return bool(asked) and stay.ours and stay.came.at >= max(asked) and stay.went is not None


def _on_pair(case: Case, grant: Grant) -> list[Grant]:
    return [other for other in case.seen.grants if other.pair == grant.pair]


def _not_taken(case: Case, place: Place) -> Iterator[str]:
    for shift in case.shifts[place]:
        if shift.there or shift.by != OURS:
            continue
        for grant in case.live_at(place, shift.logged):
            if case.leaving(grant) > shift.logged and shift.at < grant.expires_at:
                yield f"{place} was removed at {shift.at:%H:%M:%S} while {grant.id} wants it"


def _followed(case: Case) -> Iterator[str]:
    """Find what the log announces as being done now, and that was not so and nobody asked a vendor for after it."""
    asked: dict[str, int] = {}
    for write in case.seen.writes:
        asked |= dict.fromkeys(case.pairs_of(write.place), write.logged)
    for event in case.seen.events:
        announces = event.action in ("membership.restored", "membership.removed")
        if not announces or event.subject not in case.pairs or asked.get(event.subject, 0) >= event.seq:
            continue
        wanted = event.action == "membership.restored"
        if not any(case.there(place, event.seq - 1) is wanted for place in _places(case, event.subject)):
            yield f"the log says {event.action} of {event.subject}, and nothing was asked for after it"


# --- INV-7: everything ends, and people are told ----------------------------------------------------------------------


def ended_and_told(case: Case) -> Iterator[str]:
    """Every request and grant ends, every press is answered, and whoever asked is told: once, when nothing crashed."""
    told = Counter((said.person, said.kind, said.subject) for said in case.seen.said)
    yield from _told_once(case)
    if not case.seen.over:
        return
    grants = {grant.id: grant for grant in case.seen.grants}
    for grant in grants.values():
        if not grant.ended:
            yield f"{grant.id} is {grant.state} for ever"
    for request in case.seen.requests:
        if request.state is RequestState.PENDING:
            yield f"{request.id} is pending for ever"
            continue
        kinds = {kind for (person, kind, subject) in told if (person, subject) == (request.requester, request.id)}
        yield from _untold(case, request, grants.get(request.grant_id), kinds)
        yield from _card(case, request, grants.get(request.grant_id))
    for click in case.seen.clicks:
        if not click.done or not told[click.actor, "answer", click.sentence]:
            yield f"{click.actor} pressed {click.action} on {click.subject} and was not answered"


def _told_once(case: Case) -> Iterator[str]:
    done = set()
    for said in case.seen.said:
        what = (said.person, said.kind, said.subject)
        if what in done and said.kind in _ONCE:
            yield f"{said.person} was told {said.kind} of {said.subject} again, and nothing had crashed"
        if said.recorded:
            done.add(what)


def _untold(case: Case, request: Request, grant: Grant | None, kinds: set[str]) -> Iterator[str]:
    due: list[set[str]] = []
    match request.state:
        case RequestState.DENIED:
            answered = any(s.subject == request.decision_reason for s in case.seen.said)
            due = [{NoticeKind.REFUSED}] if request.decided_by == SYSTEM and not answered else []
            due += [{NoticeKind.DENIED}] if request.decided_by != SYSTEM else []
        case RequestState.EXPIRED:
            due = [{NoticeKind.EXPIRED}]
        case RequestState.APPROVED if grant is not None and request.kind is RequestKind.ACCESS:
            due = [{NoticeKind.FAILED, NoticeKind.ENDED}]
            if grant.activated_at is not None and case.working(grant.activated_at, end_of(grant)) > case.seen.grace:
                due.append({NoticeKind.READY})
        case RequestState.APPROVED if grant is not None and request.decided_at is not None:
            long = case.working(request.decided_at, end_of(grant)) > case.seen.grace
            due = [{NoticeKind.EXTENDED}] if long else []
    for wanted in due:
        if not wanted & kinds:
            yield f"{request.requester} was not told {' or '.join(sorted(wanted))} of {request.id}"


def _card(case: Case, request: Request, grant: Grant | None) -> Iterator[str]:
    """Look whether the approvers' message shows the end; what was never announced has none."""
    if not request.announced:
        return
    shown = case.seen.cards.get(request.id)
    if shown is None:
        yield f"the approvers never saw {request.id}"
        return
    state = shown[1].state if shown[1] is not None else None
    wanted = grant.state if grant is not None else None
    if shown[0].state is not request.state or (state is not wanted and request.state is RequestState.APPROVED):
        yield f"the approvers' message still shows {request.id} as {shown[0].state}, {state}"


CHECKS: dict[str, Callable[[Case], Iterator[str]]] = {
    "INV-1": recorded_before,
    "INV-2": gone_in_time,
    "INV-3": gone_again_in_time,
    "INV-4": standing_kept,
    "INV-5": one_outcome,
    "INV-6": log_is_true,
    "INV-7": ended_and_told,
}
