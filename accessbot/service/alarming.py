"""Alarming: what operators are told when a person's access ended with their account, and when everything was ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.instants import from_ms
from accessbot.domain.notices import Alert, AlertKind
from accessbot.domain.records import EVERYTHING
from accessbot.service import freezing, leaving, panicking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from accessbot.domain.model import Grant
    from accessbot.domain.records import Freeze
    from accessbot.service.context import Context

_SHOWN = 10


def offboarded(ctx: Context, grant_id: str) -> Alert | None:
    """Tell that a Google account is gone, what ended with it, and whether that is proven; of the first such grant."""
    first = ctx.store.grant(grant_id)
    if first is None or first.ending_at is None:
        return None
    together = leaving.offboarded(ctx, first.requester)
    if first.id not in {grant.id for grant in together}:
        together = (first,)  # it was long ago
    names = _listed(sorted({grant.entitlement for grant in together}))
    proven = all(grant.ended for grant in together)
    said = "ended, which was proven" if proven else "ends at once"
    return Alert(
        kind=AlertKind.OFFBOARDED,
        subject=grant_id,
        headline=f"{first.end_reason} All access of {first.email} {said}: {names}.",
        action=(
            "What they had asked for was denied. If the account is suspended by mistake, bring it back and have them"
            " ask again. AWS sessions that are open already run on to their own end."
        ),
        since=first.ending_at,
        resolved=proven and _is_shown(ctx, AlertKind.OFFBOARDED, grant_id),
        now=ctx.store.now(),
    )


def panic(ctx: Context, subject: str) -> Alert | None:
    """Tell who holds back new access and what they ended; or, of a grant's id, who ended it and left access open."""
    key, at, ms = subject.rpartition("@")
    if not at:
        return _open(ctx, subject)
    freeze = ctx.store.freeze(key)
    if freeze is None:
        return None
    begun_at = from_ms(int(ms))
    over = freeze.lifted or freeze.at > begun_at
    what = _what(ctx, freeze)
    by = freeze.by.removeprefix("cli:")
    headline = f"{what} is held back by the operator {by}: {freeze.reason.rstrip('.')}."
    if over:
        headline = f"{what} is let through again."
    else:
        headline += _ended(*panicking.ended_by(ctx.store, freeze))
    return Alert(
        kind=AlertKind.PANIC,
        subject=subject,
        headline=headline,
        action=(
            "`accessbot panic --status` tells what is held back. When it is over, let new access through again:"
            f" `accessbot panic --release {_option(freeze.key)}`."
        ),
        since=begun_at,
        resolved=over and _is_shown(ctx, AlertKind.PANIC, subject),
        now=ctx.store.now(),
    )


def _open(ctx: Context, grant_id: str) -> Alert | None:
    grant = ctx.store.grant(grant_id)
    if grant is None or grant.ending_at is None:
        return None
    return Alert(
        kind=AlertKind.PANIC,
        subject=grant_id,
        headline=(
            f"The operator {grant.end_actor.removeprefix('cli:')} ended access at once, among it that of {grant.email}"
            f" to {grant.entitlement}: {grant.end_reason.rstrip('.')}."
        ),
        action="New access was not held back; `accessbot audit list` has every end.",
        since=grant.ending_at,
        grant=grant,
        now=ctx.store.now(),
    )


def _what(ctx: Context, freeze: Freeze) -> str:
    person = freeze.key.removeprefix("user:")
    if person == freeze.key:
        return freezing.what(freeze.key)
    known: Sequence[Grant] = ctx.store.grants_of(person)
    return f"New access of {known[0].email if known else person}"


def _ended(begun: int, going: int) -> str:
    if not begun:
        return ""
    left = f"; {going:,} of them {'is' if going == 1 else 'are'} not proven yet" if going else ", all of them proven"
    return f" {begun:,} {'grant was' if begun == 1 else 'grants were'} ended at once{left}."


def _option(key: str) -> str:
    kind, _, name = key.partition(":")
    return "--all" if key == EVERYTHING else f"--{kind} {name}"


def _is_shown(ctx: Context, kind: AlertKind, subject: str) -> bool:
    """Tell whether the message is there to be brought up to date: what was never told is told, over or not."""
    board = ctx.store.board(f"alert:{kind}:{subject}")
    return board is not None and bool(board.refs)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
