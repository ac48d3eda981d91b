"""Alerting: what operators are told of each kind of trouble, made from the records as they are when it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.notices import Alert, AlertKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from accessbot.service.context import Context


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
            f" {grant.google_group} and from the Identity Center group {grant.aws_group_id or 'mapped to it'}."
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
        action="Mend the cause and ask the requester to ask again; `accessbot doctor` checks every connection.",
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
        headline=found.fault or f"{group} opens exactly what the catalog says again.",
        action="Compare the group's account assignments in Identity Center with the catalog and mend one of them.",
        since=found.checked_at,
        resolved=not found.fault,
        now=ctx.store.now(),
    )


def _resurrected(ctx: Context, pair: str) -> Alert:
    group, _, user = pair.rpartition("/")
    now = ctx.store.now()
    return Alert(
        kind=AlertKind.RESURRECTED,
        subject=pair,
        headline=f"A membership of {user} in {group} came back after its grant had ended; it was removed again.",
        action="Look for the job that writes to this group; a sync that ran at the same moment needs nothing more.",
        since=now,
        now=now,
    )


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


def _catalogs_differ(ctx: Context, _: str) -> Alert | None:
    hashes = sorted({catalog for _, _, catalog in ctx.store.beats()})
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


ALERTS: dict[AlertKind, Callable[[Context, str], Alert | None]] = {
    AlertKind.REVOKE_OVERDUE: _revoke_overdue,
    AlertKind.PROVISION_FAILED: _provision_failed,
    AlertKind.MAPPING_WRONG: _mapping_wrong,
    AlertKind.RESURRECTED: _resurrected,
    AlertKind.NOT_AUTHORISED: _not_authorised,
    AlertKind.CATALOGS_DIFFER: _catalogs_differ,
}
"""Gives, for each kind, the alert about a subject as things are now; None when there is nothing to tell."""
