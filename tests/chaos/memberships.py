"""The invariants about memberships: whose each one is, whether it was meant to be, and whether it went in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from accessbot.domain.model import AuditEvent, Grant
from tests.chaos.evidence import OURS, SIDES, Change, Place, Stay, View, gaps, joined

_SAME_MOMENT = timedelta(milliseconds=250)


@dataclass(frozen=True, slots=True)
class _Use:
    """A time in which a pair has grants of ours: from the first intent to when the last of them ended (None: live)."""

    begin: datetime
    end: datetime | None

    def covers(self, at: datetime, after: timedelta = timedelta(0)) -> bool:
        return self.begin <= at and (self.end is None or at <= self.end + after)


def _intent(view: View, grant: Grant) -> datetime | None:
    event = view.event(grant.id, "grant.intent")
    return event.time if event is not None else None


def _uses(view: View, place: Place) -> list[_Use]:
    """Give the uses of a pair; one that follows within two sync periods goes on with what was decided before."""
    found: list[_Use] = []
    spans = sorted(
        ((begin, g.ended_at) for g in view.grants_at(place) if (begin := _intent(view, g)) is not None),
        key=lambda span: span[0],
    )
    for begin, end in spans:
        last = found[-1] if found else None
        if last is not None and last.covers(begin, 2 * view.terms.sync_period):
            open_ended = last.end is None or end is None
            found[-1] = _Use(last.begin, None if open_ended else max(last.end or begin, end or begin))
        else:
            found.append(_Use(begin, end))
    return found


def _over(grant: Grant) -> datetime:
    """Give when a grant stopped to want its memberships."""
    ends = [at for at in (grant.ending_at, grant.expires_at) if at is not None]
    return min(ends)


def _wanted(view: View, place: Place) -> list[tuple[datetime, datetime]]:
    spans = ((begin, _over(g)) for g in view.grants_at(place) if (begin := _intent(view, g)) is not None)
    return joined((begin, max(begin, end)) for begin, end in spans)


def _to_go(view: View, place: Place, stay: Stay) -> bool:
    """Tell whether a membership has to go when no grant wants it: ours, or a copy of ours that others made."""
    if stay.ours:
        return True
    for use in _uses(view, place):
        if not use.covers(stay.came.at, 2 * view.terms.sync_period):
            continue
        if place.side == "aws" and _google_stands(view, place, use):
            return False  # the sync copies somebody who stands in the Google group
        after = use.end is not None and stay.came.at > use.end
        return after or _written_before(view, place, use, stay.came.at)
    return False


def _google_stands(view: View, place: Place, use: _Use) -> bool:
    """Tell whether the person was in the Google group when a use began, by somebody else's hand."""
    google = Place("google", place.group, place.member)
    return any(
        not s.ours and s.came.at <= use.begin + timedelta(seconds=10) and s.until(_later(use.begin)) >= use.begin
        for s in view.stays_at(google)
    )


def _later(at: datetime) -> datetime:
    return at + timedelta(days=1)


def _written_before(view: View, place: Place, use: _Use, at: datetime) -> bool:
    """Tell whether accessbot had written this side, or Google's, in a use before `at`: from then on it is ours."""
    places = (Place(side, place.group, place.member) for side in ("google", place.side))
    return any(stay.ours and use.begin <= stay.came.at < at for each in places for stay in view.stays_at(each))


def _overdue(view: View, now: datetime, *, ours: bool) -> Iterator[tuple[str, str]]:
    lag = view.terms.lag
    for place, stays in view.stays.items():
        wanted = _wanted(view, place)
        for stay in stays:
            if stay.ours is not ours or not _to_go(view, place, stay):
                continue
            for begin, end in gaps(stay.came.at, stay.until(now), wanted):
                since = begin if ours else begin + lag
                allowed = view.terms.grace + view.trouble(since, end)
                if end - since > allowed:
                    gone = "is still there" if stay.went is None or stay.went.at > end else "was gone"
                    how_long = f"{(end - since).total_seconds():.1f} s, {allowed.total_seconds():.1f} s are allowed"
                    yield str(place), f"no grant wanted it from {since:%H:%M:%S.%f} on; it {gone} after {how_long}"


def outlived(view: View, now: datetime) -> Iterator[tuple[str, str]]:
    """INV-2: look for memberships of ours that outlived their end by more than the outage and the grace."""
    yield from _overdue(view, now, ours=True)


def came_back(view: View, now: datetime) -> Iterator[tuple[str, str]]:
    """INV-3: look for memberships that others put back after an end and that stayed for longer than the grace."""
    yield from _overdue(view, now, ours=False)


def without_a_record(view: View, _: datetime) -> Iterator[tuple[str, str]]:
    """INV-1: look for memberships of ours for which no intent was stored before."""
    for place, stays in view.stays.items():
        for stay in stays:
            if stay.ours and not _recorded(view, place, stay, "grant.intent"):
                yield str(place), f"accessbot made it at {stay.came.at:%H:%M:%S.%f}, and no intent was stored before"


def _recorded(view: View, place: Place, stay: Stay, action: str) -> bool:
    events = (view.event(grant.id, action) for grant in view.grants_at(place))
    return any(event is not None and _stored(event, stay.came) for event in events)


def standing_taken(view: View, _: datetime) -> Iterator[tuple[str, str]]:
    """INV-4: look for memberships that were there before us and that accessbot removed."""
    sync = view.terms.sync_period
    for place, stays in view.stays.items():
        uses = _uses(view, place)
        for stay in stays:
            taken = stay.went is not None and stay.went.by == OURS
            if taken and not stay.ours and not any(use.covers(stay.came.at, 3 * sync) for use in uses):
                yield str(place), f"{stay.came.by} made it at {stay.came.at:%H:%M:%S.%f}, and accessbot removed it"


def taken_while_wanted(view: View, _: datetime) -> Iterator[tuple[str, str]]:
    """INV-6: look for memberships that accessbot removed while an active grant wanted them.

    A removal that the vendor carried out late, when whoever asked for it had long given it up, is the vendor's.
    """
    for place, stays in view.stays.items():
        for went in (stay.went for stay in stays if stay.went is not None and stay.went.by == OURS):
            if _late(view, went):
                continue
            for grant in view.grants_at(place):
                active = view.event(grant.id, "grant.active")
                if active is not None and _stored(active, went) and went.at < _over(grant) - _SAME_MOMENT:
                    yield str(place), f"accessbot removed it at {went.at:%H:%M:%S.%f}, and {grant.id} wants it"


def ready_without(view: View, _: datetime) -> Iterator[tuple[str, str]]:
    """INV-6: look for grants that were called active after accessbot itself had taken a membership of theirs away."""
    for grant in view.of.grants.values():
        active = view.event(grant.id, "grant.active")
        if active is None:
            continue
        for place in (Place(side, grant.google_group, grant.email) for side in SIDES):
            stays = [stay for stay in view.stays_at(place) if stay.came.at <= active.time]
            went = stays[-1].went if stays else None
            if went is None or went.by != OURS or _late(view, went):
                continue
            if went.seen < active.seq if went.seen is not None else went.at < active.time - _SAME_MOMENT:
                yield grant.id, f"called active at {active.time:%H:%M:%S.%f}, and accessbot had removed {place}"


def _late(view: View, change: Change) -> bool:
    """Tell whether a vendor carried a change out late, when whoever asked for it had long given it up."""
    late = (o for o in view.of.outages if o.what.partition(" (")[0].endswith("late"))
    return any(outage.begin <= change.at <= outage.end + _SAME_MOMENT for outage in late)


def left_over(view: View, now: datetime) -> Iterator[Place]:
    """List the memberships that are there now and have to go: the grace may not be over yet."""
    for place, stays in view.stays.items():
        stay = stays[-1]
        wanted = any(begin <= now < end for begin, end in _wanted(view, place))
        if stay.went is None and not wanted and _to_go(view, place, stay):
            yield place


def put_back(view: View, now: datetime) -> list[float]:
    """List for how many seconds what others put back after an end, or brought late, was there; ascending."""
    times = []
    for place, stays in view.stays.items():
        wanted = _wanted(view, place)
        for stay in stays:
            alone = gaps(stay.came.at, stay.until(now), wanted)
            if not stay.ours and alone and alone[0][0] == stay.came.at and _to_go(view, place, stay):
                times.append((alone[0][1] - alone[0][0]).total_seconds())
    return sorted(times)


def _stored(event: AuditEvent, before: Change) -> bool:
    """Tell whether an event was in the log when a membership changed."""
    return event.seq <= before.seen if before.seen is not None else event.time <= before.at + _SAME_MOMENT


def without_an_event(view: View, _: datetime) -> Iterator[tuple[str, str]]:
    """INV-6: look for removals by accessbot that neither the end of a grant nor an event of their own explains."""
    for place, stays in view.stays.items():
        for stay in stays:
            if stay.went is None or stay.went.by != OURS:
                continue
            ends = [view.event(g.id, "grant.revoking", "grant.giving_up") for g in view.grants_at(place)]
            events = [e for e in (*ends, *view.events_of_pair(place, "membership.removed")) if e is not None]
            if not any(_stored(event, stay.went) for event in events):
                yield str(place), f"accessbot removed it at {stay.went.at:%H:%M:%S.%f}, and no event before tells why"


def without_effect(view: View, _: datetime) -> Iterator[tuple[str, str]]:
    """INV-6: look for grants that were called active or ended without the memberships having been so."""
    for grant in view.of.grants.values():
        if not grant.google_user_id:
            continue
        active = view.event(grant.id, "grant.active")
        for side in SIDES:
            place = Place(side, grant.google_group, grant.email)
            intent = _intent(view, grant) or grant.starts_at
            if active is not None and not _was(view, place, intent, active.time, there=True):
                yield grant.id, f"called active at {active.time:%H:%M:%S.%f} without a membership at {side}"
            if not grant.ended or grant.ended_at is None or _stays_on(view, place, grant):
                continue
            if not _was(view, place, _over(grant), grant.ended_at, there=False):
                yield grant.id, f"called {grant.state} at {grant.ended_at:%H:%M:%S.%f} with a membership at {side}"


def _was(view: View, place: Place, since: datetime, at: datetime, *, there: bool) -> bool:
    """Tell whether a membership was there, or was not, at some moment shortly before it was said so."""
    begin, end = max(since, at - view.terms.proof - view.terms.lag), at + _SAME_MOMENT
    stays = joined((stay.came.at, stay.until(_later(at))) for stay in view.stays_at(place))
    if not there:
        return bool(gaps(begin, end, stays))
    return any(came <= end and went >= begin for came, went in stays)


def _stays_on(view: View, place: Place, grant: Grant) -> bool:
    """Tell whether a side may stay after a grant's end: another one has not ended, or it was never ours."""
    at = grant.ended_at
    if at is None:
        return False
    others = [g for g in view.grants_at(place) if g.id != grant.id]
    if any((_intent(view, g) or _later(at)) <= at and (g.ended_at is None or g.ended_at >= at) for g in others):
        return True  # proving that it is gone is up to the last one
    held = [stay for stay in view.stays_at(place) if stay.came.at <= at <= stay.until(_later(at))]
    return any(not _to_go(view, place, stay) for stay in held)
