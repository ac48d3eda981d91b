"""Telling: the figures of a run, and its timeline when something went wrong."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from accessbot.domain.model import EndCause, GrantState
from tests.chaos.evidence import SIDES, Place, View
from tests.chaos.judging import told_twice
from tests.chaos.memberships import put_back
from tests.chaos.running import Run


def figures(run: Run, seconds: float) -> str:
    """Sum a run up."""
    evidence = run.stage.evidence
    late = lateness(run)
    ended = sum(grant.state is GrantState.REVOKED for grant in evidence.grants.values())
    lines = [
        f"rounds: {run.rounds} in {seconds:.0f} s, seed {run.seed}",
        f"requests: {len(evidence.requests)}",
        f"grants: {len(evidence.grants)}, {ended} of them active and ended again",
        f"membership changes: {len(evidence.changes)}, audit events: {len(evidence.events)}",
        "struck: " + (", ".join(f"{kind} {n}" for kind, n in sorted(run.stage.kills.items())) or "nothing"),
        f"violations: {len(run.violations)}",
    ]
    if late:
        lines.append(
            f"lateness of {len(late)} ends by time, outages included: p50 {_at(late, 0.5):.2f} s,"
            f" p99 {_at(late, 0.99):.2f} s, worst {late[-1]:.2f} s"
        )
    for what, times in (("access was there", arrivals(run)), ("access was gone", leavings(run))):
        if times:
            lines.append(
                f"from the last trouble until {what}, where one came between: p50 {_at(times, 0.5):.1f} s,"
                f" longest {times[-1]:.1f} s"
            )
    view = evidence.view()
    again = put_back(view, datetime.now(UTC))
    if again:
        lines.append(
            f"put back by others and taken away again: {len(again)}, after p50 {_at(again, 0.5):.1f} s, longest"
            f" {again[-1]:.1f} s"
        )
    lines.append(f"said once more, around {sum(o.interrupts for o in evidence.outages)} blows: {told_twice(view)}")
    surprises = run.surprises()
    lines.append(f"unexpected errors in the logs: {len(surprises)}")
    lines += [f"  {line}" for line in surprises[:5]]
    return "\n".join(lines)


def arrivals(run: Run) -> list[float]:
    """List the seconds from the last trouble that came between an approval and its access, to the access; ascending."""
    view = run.stage.evidence.view()
    spans = [(g.approved_at, g.activated_at) for g in view.of.grants.values() if g.activated_at is not None]
    return _recoveries(view, spans)


def leavings(run: Run) -> list[float]:
    """List the seconds from the last trouble that came between an end and its proof, to the proof; ascending."""
    view = run.stage.evidence.view()
    spans = [
        (min(g.ending_at or g.expires_at, g.expires_at), g.ended_at)
        for g in view.of.grants.values()
        if g.ended_at is not None
    ]
    return _recoveries(view, spans)


def _recoveries(view: View, spans: Iterable[tuple[datetime, datetime]]) -> list[float]:
    """Give how long each lasted after the last trouble that ended within it."""
    found = []
    for begin, end in spans:
        last = max((e for _, e in view.troubled if begin <= e <= end), default=None)
        if last is not None:
            found.append((end - last).total_seconds())
    return sorted(found)


def lateness(run: Run) -> list[float]:
    """List by how many seconds both memberships outlived the ends of grants by time, ascending."""
    view = run.stage.evidence.view()
    late = []
    for grant in view.of.grants.values():
        if grant.end_cause is not EndCause.EXPIRED or grant.kept or grant.ended_at is None:
            continue
        gone = [
            stay.went.at
            for side in SIDES
            for stay in view.stays_at(Place(side, grant.google_group, grant.email))
            if stay.went is not None and grant.expires_at <= stay.went.at <= grant.ended_at + timedelta(seconds=1)
        ]
        if gone:
            late.append((max(gone) - grant.expires_at).total_seconds())
    return sorted(late)


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def timeline(run: Run, *, only_round: bool = False) -> str:
    """Merge all that is known into one line of time: memberships, log, messages, troubles, restarts."""
    evidence = run.stage.evidence
    lines: list[tuple[datetime, str]] = [(at, f"== {what}") for at, what in run.stage.notes]
    lines += [
        (c.at, f"{c.place.side:<6} {c.place.member} {c.action} {c.place.group} by {c.by}") for c in evidence.changes
    ]
    lines += [
        (e.time, f"audit  {e.seq} {e.action} {e.subject} by {e.actor} {e.entitlement} {e.reason}")
        for e in evidence.events
    ]
    lines += [(t.at, f"told   {t.who}: {t.text}") for t in evidence.told]
    lines += [(a.at, f"asked  {a.who}: {a.reason} {'taken' if a.clear else 'not clear'}") for a in evidence.asked]
    lines.sort(key=lambda line: line[0])
    begun = next((at for at, what in reversed(lines) if what.startswith("== round")), None)
    return "\n".join(f"{at:%H:%M:%S.%f} {what}" for at, what in lines if not only_round or begun is None or at >= begun)
