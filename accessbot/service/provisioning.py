"""Provisioning: from an approved request to access that was read back on both sides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from accessbot.domain import lifecycle, policy
from accessbot.domain.errors import Refused, Unavailable, VendorError
from accessbot.domain.model import GrantState
from accessbot.ports import Change
from accessbot.service import authority, concluding, converging, freezing, judging, mapping
from accessbot.service.context import save

if TYPE_CHECKING:
    from datetime import datetime

    from accessbot.domain.model import Entitlement, Grant, Identity
    from accessbot.service.context import Context


def provision(ctx: Context, grant_id: str) -> datetime | None:
    """Carry a grant on to active: look the requester up again, pin its ids, write both memberships, read both back.

    A grant that cannot be provisioned ends as provision_failed, with the reason told. Raises `Unavailable` while a
    vendor is away (the grant says for whom it waits), `LeaseBusy` while another process works on its pair. Gives the
    time to come back where it is to begin later.
    """
    grant = ctx.store.grant(grant_id)
    if grant is None or grant.state is not GrantState.PROVISIONING:
        return None
    now = ctx.store.now()
    if grant.failure or now >= grant.expires_at:
        return None  # its end is due, and takes back whatever was written of it
    if lifecycle.is_early(grant, now):
        return grant.not_before
    try:
        if not grant.google_user_id:
            grant = _pin(ctx, grant)
        converging.converge(ctx, grant.pair)
    except Unavailable as error:
        concluding.note_waiting(ctx, grant_id, error.vendor)
        raise
    except (Refused, VendorError) as error:
        _abandon(ctx, grant_id, error.sentence)
    return None


def _pin(ctx: Context, grant: Grant) -> Grant:
    """Read all ids that the grant will be made with and revoked by, and store them before anything is written."""
    person = authority.identify(ctx, grant.requester)
    _check_same_person(ctx, grant, person)
    entitlement = _entitlement(ctx, grant)
    _check_may_hold(ctx, grant, entitlement, person)
    aws_user_id = authority.aws_user(ctx, person)
    found = mapping.check(ctx, entitlement)
    now = ctx.store.now()
    step = lifecycle.pinned(
        grant,
        google_user_id=person.google_id,
        email=person.email,
        aws_group_id=found.aws_group_id,
        aws_user_id=aws_user_id,
        session=found.permission_set.session,
        at=now,
    )
    save(ctx, Change(op=f"pin:{grant.id}", puts=(step.record,), events=(step.event,)), now)
    return replace(step.record, rev=grant.rev + 1)


def _check_same_person(ctx: Context, grant: Grant, person: Identity) -> None:
    """Refuse when the Slack account leads to another Google user than the one whom the approvers saw."""
    request = ctx.store.request(grant.request_id)
    if request is not None and request.google_id not in ("", person.google_id):
        msg = f"This Slack account no longer leads to {request.email}, for whom it was approved; ask again."
        raise Refused(msg)


def _check_may_hold(ctx: Context, grant: Grant, entitlement: Entitlement, person: Identity) -> None:
    """Refuse whom the policy does not let ask any more, and what an operator holds back.

    What was approved for later is judged by the rules once more. A shift is nobody's request: whoever is on call holds
    what goes with it.
    """
    freezing.check(ctx, grant.requester, grant.entitlement)
    if grant.schedule:
        return
    request = ctx.store.request(grant.request_id)
    if request is None:
        return
    judging.check_requester(request, entitlement, authority.holds(ctx, person))
    if grant.not_before is not None:
        judging.check_begins(ctx, request, entitlement, person, ctx.store.now())


def _entitlement(ctx: Context, grant: Grant) -> Entitlement:
    """Find the grant's entitlement, which must still open what was approved."""
    entitlement = ctx.catalog.current().entitlements.get(grant.entitlement)
    if entitlement is None:
        ctx.catalog.refresh()
        entitlement = ctx.catalog.current().entitlements.get(grant.entitlement)
    return policy.check_unchanged(entitlement, grant)


def _abandon(ctx: Context, grant_id: str, sentence: str) -> None:
    grant = ctx.store.grant(grant_id)
    if grant is None or grant.state is not GrantState.PROVISIONING:
        return
    grant = concluding.give_up(ctx, grant, sentence)
    if grant.pair:
        converging.converge(ctx, grant.pair)
    else:
        concluding.leave_unpinned(ctx, grant)
