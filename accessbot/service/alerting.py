"""Alerting: what operators are told of each kind of trouble, made from the records as they are when it is sent."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from accessbot.domain.errors import VendorError
from accessbot.domain.groups import ALL_GROUPS
from accessbot.domain.notices import Alert, AlertKind
from accessbot.domain.work import Lane
from accessbot.service import alarming, oncall_alerts
from accessbot.service.comparing import TOLERATED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from accessbot.ports import Beat, GateState
    from accessbot.service.context import Context

AWAY_FOR = timedelta(minutes=1)
"""How long a vendor's breaker is open before the operators are told."""

ROLES = {
    "clock": ("clock", "clock", "no access ends by itself, and nothing is tried again"),
    f"worker:{Lane.FAST}": ("worker of the lane fast", "worker", "requests, approvals and early ends wait"),
    f"worker:{Lane.ENDS}": ("worker of the lane ends", "worker", "no access ends when its time is over"),
    f"worker:{Lane.TALK}": ("worker of the lane talk", "worker", "cards and messages wait"),
    f"worker:{Lane.SWEEP}": ("worker of the lane sweep", "worker", "members of groups are not compared with grants"),
}
"""The roles of which somebody has to live: what people call one, how it is started, and what is not done without."""

_SHOWN = 10
_log = structlog.get_logger(__name__)


def _revoke_overdue(ctx: Context, grant_id: str) -> Alert | None:
    grant = ctx.store.grant(grant_id)
    if grant is None or grant.ending_at is None:
        return None
    waits = f", it waits for {grant.waiting_for}" if grant.waiting_for else ""
    return Alert(
        kind=AlertKind.REVOKE_OVERDUE,
        subject=grant_id,
        headline=f"The end of {grant.email}'s access to {grant.entitlement} is not proven yet{waits}.",
        action=(
            f"It is retried until it is. To be safe now, remove {grant.email} by hand from the Google group"
            f" {grant.google_group} and from the Identity Center group {grant.aws_group_id or 'mapped to it'}. If that"
            f" Google group was deleted, run `accessbot grants revoke {grant_id} --google-group-gone`."
        ),
        since=grant.ending_at,
        resolved=grant.ended,
        grant=grant,
        now=ctx.store.now(),
    )


def _provision_failed(ctx: Context, grant_id: str) -> Alert | None:
    grant = ctx.store.grant(grant_id)
    if grant is None or not grant.failure:
        return None
    return Alert(
        kind=AlertKind.PROVISION_FAILED,
        subject=grant_id,
        headline=f"{grant.email}'s approved access to {grant.entitlement} could not be provisioned: {grant.failure}",
        action=(
            "Mend the cause; a shift's access is tried again by itself. `accessbot doctor` checks every connection."
            if grant.schedule
            else "Mend the cause and ask the requester to ask again; `accessbot doctor` checks every connection."
        ),
        since=grant.ending_at or grant.starts_at,
        grant=grant,
        now=ctx.store.now(),
    )


def _mapping_wrong(ctx: Context, group: str) -> Alert | None:
    found = ctx.store.mapping(group)
    if found is None:
        return None
    return Alert(
        kind=AlertKind.MAPPING_WRONG,
        subject=group,
        headline=found.faults or f"{group} opens exactly what the catalog says again.",
        action=(
            "Compare the group's account assignments in Identity Center with the catalog and mend one of them. A group"
            " that was recreated on purpose is named in the catalog, by its new id, as `identity_center_group`. Until"
            " then nobody gets new access through it; whoever has some keeps it until its end."
        ),
        since=found.checked_at,
        resolved=not found.faults,
        now=ctx.store.now(),
    )


def _resurrected(ctx: Context, pair: str) -> Alert:
    group, _, user = pair.rpartition("/")
    now = ctx.store.now()
    return Alert(
        kind=AlertKind.RESURRECTED,
        subject=pair,
        headline=(
            f"A membership of {_email(ctx, user)} in {group} came back after its grant had ended; it was removed again."
        ),
        action="Look for the job that writes to this group; a sync that ran at the same moment needs nothing more.",
        since=now,
        now=now,
    )


def _email(ctx: Context, google_user: str) -> str:
    """Name a Google user by email; by id while that cannot be read, since an alert does not wait for a name."""
    try:
        return ctx.directory.user(google_user).email
    except VendorError as error:
        _log.info("not known by name", user=google_user, error=error.sentence)
        return f"the Google user {google_user}"


def _not_authorised(ctx: Context, vendor: str) -> Alert:
    now = ctx.store.now()
    return Alert(
        kind=AlertKind.NOT_AUTHORISED,
        subject=vendor,
        headline=f"{vendor} does not let accessbot do its work: its credentials or privileges do not suffice.",
        action="Run `accessbot doctor`: it names the scope, role or permission that is missing.",
        since=now,
        now=now,
    )


def _expiry_refused(ctx: Context, _: str) -> Alert:
    now = ctx.store.now()
    return Alert(
        kind=AlertKind.EXPIRY_REFUSED,
        subject="Google",
        headline="Google refuses to end memberships by itself, so nothing would end them if accessbot were gone.",
        action=(
            "Grants come and go as ever. Run `accessbot doctor`: it names the edition, scope or role that is missing;"
            " or unset ACCESSBOT_MEMBERSHIP_EXPIRY."
        ),
        since=now,
        now=now,
    )


def _catalogs_differ(ctx: Context, _: str) -> Alert | None:
    hashes = sorted({beat.catalog for beat in ctx.store.beats()})
    now = ctx.store.now()
    return Alert(
        kind=AlertKind.CATALOGS_DIFFER,
        subject="catalog",
        headline="accessbot's processes work with different catalogs: " + ", ".join(h[:12] for h in hashes) + ".",
        action="Bring the same file to every machine and send each process SIGHUP; `accessbot doctor` lists them.",
        since=now,
        resolved=len(hashes) <= 1,
        now=now,
    )


def _drift(ctx: Context, group: str) -> Alert | None:
    roster = ctx.store.roster(group)
    if roster is None:
        return None
    now = ctx.store.now()
    names = _named(roster.strangers)
    return Alert(
        kind=AlertKind.DRIFT,
        subject=group,
        headline=(
            f"{group} has members without a grant: {names}."
            if roster.strangers
            else f"{group} has no members without a grant any more."
        ),
        action=(
            "Take them out by hand, or count them as standing with `accessbot reconcile --adopt " + group + "`;"
            " `reconcile: remove` in the catalog would have accessbot remove such members."
        ),
        since=now,
        resolved=not roster.strangers,
        now=now,
    )


def _evicted(ctx: Context, group: str) -> Alert | None:
    roster = ctx.store.roster(group)
    if roster is None or not roster.removals:
        return None
    now = ctx.store.now()
    return Alert(
        kind=AlertKind.EVICTED,
        subject=group,
        headline=f"Members without a grant were removed from {group}: {_named([r.who for r in roster.removals])}.",
        action="Google's and AWS's own logs tell who put them there. `/request-aws` is the way to this access.",
        since=roster.removals[0].at,
        now=now,
    )


def _brake(ctx: Context, group: str) -> Alert | None:
    roster = ctx.store.roster(group)
    if roster is None:
        return None
    now = ctx.store.now()
    where = "all groups together" if group == ALL_GROUPS else group
    name = "all" if group == ALL_GROUPS else group
    return Alert(
        kind=AlertKind.BRAKE,
        subject=group,
        headline=(
            f"Too many members without a grant to remove from {where} within an hour, so none is removed there any more"
            f"{': ' + _named(roster.strangers) if roster.strangers else ''}."
            if roster.braked_at
            else f"Removals from {where} go on."
        ),
        action=(
            "Look at `accessbot reconcile --dry-run`: a wrong catalog or a sync gone wrong looks like this. If all of"
            f" them are to go, run `accessbot reconcile --release {name}`. Ends of grants are never held up by this."
        ),
        since=roster.braked_at or now,
        resolved=roster.braked_at is None,
        now=now,
    )


def _nobody_alive(ctx: Context, role: str) -> Alert | None:
    if role not in ROLES:
        return None
    name, command, meanwhile = ROLES[role]
    alive = any(beat.role == role for beat in ctx.store.beats())
    now = ctx.store.now()
    return Alert(
        kind=AlertKind.NOBODY_ALIVE,
        subject=role,
        headline=(
            f"There is a living {name} again; what was due meanwhile is made up for."
            if alive
            else f"No {name} is alive, so {meanwhile}."
        ),
        action=f"Start `accessbot {command}`, or look in its log why it does not stay; nothing that is due is lost.",
        since=now,
        resolved=alive,
        now=now,
    )


def disagreeing(beats: Sequence[Beat]) -> tuple[Beat, ...]:
    """List the processes whose clock is not the store's, and those that saw the store's jump."""
    return tuple(beat for beat in beats if max(abs(beat.skew), abs(beat.jump)) > TOLERATED)


def _clock_skew(ctx: Context, _: str) -> Alert | None:
    found = disagreeing(ctx.store.beats())
    now = ctx.store.now()
    jump = max((beat.jump for beat in found), key=abs, default=timedelta(0))
    skewed = Counter(_skewed(beat) for beat in found if abs(beat.skew) > TOLERATED)
    says = []
    if abs(jump) > TOLERATED:
        way = "forwards" if jump > timedelta(0) else "backwards"
        says.append(f"the clock of Redis jumped {way} by {_seconds(jump)}, and with it the ends of all grants")
    if skewed:
        machines = [f"{machine} ({count} of its processes)" for machine, count in skewed.items()]
        says.append(f"clocks differ from that of Redis: {_named(machines)}")
    told = "; ".join(says)
    return Alert(
        kind=AlertKind.CLOCK_SKEW,
        subject="all",
        headline=f"{told[0].upper()}{told[1:]}." if told else "All clocks agree with that of Redis again.",
        action=(
            "Mend the time service of these machines, and of the Redis server. Grants begin and end by the clock of"
            " Redis alone; but a process whose own clock is wrong logs wrong times, and its credentials are refused."
        ),
        since=now,
        resolved=not found,
        now=now,
    )


def _skewed(beat: Beat) -> str:
    """Say how a process's machine is off, to the second: all processes of one machine say the same."""
    way = "behind" if beat.skew > timedelta(0) else "ahead"
    return f"{beat.machine} is {round(abs(beat.skew).total_seconds())} s {way}"


def _seconds(span: timedelta) -> str:
    return f"{abs(span).total_seconds():.1f} s"


def is_away(state: GateState, now: datetime) -> bool:
    """Tell whether a vendor has not answered for so long that operators ought to know."""
    return state.open and state.since is not None and now - state.since > AWAY_FOR


def _vendor_away(ctx: Context, vendor: str) -> Alert | None:
    state = next((gate.state() for gate in ctx.gates if gate.vendor == vendor), None)
    if state is None:
        return None
    now = ctx.store.now()
    return Alert(
        kind=AlertKind.VENDOR_AWAY,
        subject=vendor,
        headline=(
            f"{vendor} does not answer, so access through it neither begins nor ends."
            if state.open
            else f"{vendor} answers again."
        ),
        action=(
            f"Look at {vendor}'s status page and at the way there. It is tried again all the time, ends first; until it"
            " answers, whoever must lose access at once has to be taken out by hand."
        ),
        since=state.since or now,
        resolved=not state.open,
        now=now,
    )


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


ALERTS: dict[AlertKind, Callable[[Context, str], Alert | None]] = {
    AlertKind.REVOKE_OVERDUE: _revoke_overdue,
    AlertKind.PROVISION_FAILED: _provision_failed,
    AlertKind.MAPPING_WRONG: _mapping_wrong,
    AlertKind.RESURRECTED: _resurrected,
    AlertKind.EXPIRY_REFUSED: _expiry_refused,
    AlertKind.NOT_AUTHORISED: _not_authorised,
    AlertKind.CATALOGS_DIFFER: _catalogs_differ,
    AlertKind.DRIFT: _drift,
    AlertKind.EVICTED: _evicted,
    AlertKind.BRAKE: _brake,
    AlertKind.NOBODY_ALIVE: _nobody_alive,
    AlertKind.CLOCK_SKEW: _clock_skew,
    AlertKind.VENDOR_AWAY: _vendor_away,
    AlertKind.SCHEDULE_STALE: oncall_alerts.schedule_stale,
    AlertKind.SHIFT_REFUSED: oncall_alerts.shift_refused,
    AlertKind.OFFBOARDED: alarming.offboarded,
    AlertKind.PANIC: alarming.panic,
}
"""Gives, for each kind, the alert about a subject as things are now; None when there is nothing to tell."""
