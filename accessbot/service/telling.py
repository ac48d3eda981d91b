"""Telling: cards, direct messages, answers and alerts, each made from the records as they are when it is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from accessbot.domain.errors import Conflict
from accessbot.domain.model import Board, GrantState
from accessbot.domain.notices import Alert, AlertKind, Answer, Card, Notice, NoticeKind, Tone
from accessbot.ports import Change
from accessbot.service.context import new_id, save

if TYPE_CHECKING:
    from collections.abc import Callable

    from accessbot.domain.model import Grant, MessageRef, Request
    from accessbot.service.context import Context

_ALERT_AGAIN = timedelta(minutes=5)
_NEWS_AFTER = timedelta(hours=1)
_OVER = "over"
_WITHOUT_END = (AlertKind.RESURRECTED, AlertKind.NOT_AUTHORISED)
"""Alerts that nothing ends: one of these an hour after the last is news, and gets a message of its own."""


def card(ctx: Context, request_id: str) -> None:
    """Post the approvers' message of a request, or bring every copy up to date; nothing before it is announced."""
    request = ctx.store.request(request_id)
    if request is None or not request.announced:
        return
    entitlement = ctx.catalog.current().entitlements.get(request.entitlement)
    data = Card(
        request=request,
        entitlement=entitlement,
        approvals=entitlement.policy.approvals if entitlement else max(1, len(request.votes)),
        grant=ctx.store.grant(request.grant_id) if request.grant_id else None,
        now=ctx.store.now(),
    )
    board = _board(ctx, f"card:{request_id}")
    _publish(ctx, board, "", lambda: ctx.notifier.show_card(data, board.refs))


def tell(ctx: Context, subject: str) -> None:
    """Tell a requester one thing, unless it is no longer true; `subject` is `<notice kind>:<request or grant id>`."""
    kind_name, _, record_id = subject.partition(":")
    kind = NoticeKind(kind_name)
    notice = _of_grant(ctx, kind, record_id) if record_id.startswith("g_") else _of_request(ctx, kind, record_id)
    if notice is None:
        return
    request = notice.request
    if kind is NoticeKind.REFUSED and request.answer_to:
        # Somebody the rules do not know may have no direct channel; the place where they asked always works.
        answer_ = Answer(tone=Tone.REFUSED, sentence=request.decision_reason)
        ctx.notifier.answer(request.requester, answer_, request.answer_to)
        return
    ctx.notifier.tell(request.requester, notice)


def answer(ctx: Context, click_id: str) -> None:
    """Answer whoever pressed a button, to them alone, with what came of it, or that it waits."""
    click = ctx.store.click(click_id)
    if click is None or not click.sentence:
        return
    ctx.notifier.answer(click.actor, Answer(tone=Tone(click.tone), sentence=click.sentence), click.answer_to)


def alert(ctx: Context, subject: str) -> datetime | None:
    """Tell the operators one thing, or bring the message about it up to date; `subject` is `<alert kind>:<what>`.

    Gives the time to look at it again while it lasts.
    """
    kind_name, _, what = subject.partition(":")
    made = _ALERTS[AlertKind(kind_name)](ctx, what)
    if made is None:
        return None
    stored = _board(ctx, f"alert:{subject}")
    refs = () if _is_past(stored, made) else stored.refs
    if made.resolved and not refs:
        return None
    told = _OVER if made.resolved else ((refs and stored.digest) or made.now.isoformat())
    _publish(ctx, stored, told, lambda: ctx.notifier.alert(made, refs))
    again = made.kind is AlertKind.REVOKE_OVERDUE and not made.resolved
    return made.now + _ALERT_AGAIN if again else None


def _is_past(board: Board, made: Alert) -> bool:
    """Tell whether the message that was sent is about something that is over: nobody looks at it any more."""
    if board.digest in ("", _OVER):
        return board.digest == _OVER
    return made.kind in _WITHOUT_END and made.now >= datetime.fromisoformat(board.digest) + _NEWS_AFTER


def _board(ctx: Context, key: str) -> Board:
    return ctx.store.board(key) or Board(key=key)


def _publish(ctx: Context, board: Board, digest: str, send: Callable[[], tuple[MessageRef, ...]]) -> None:
    """Send something, and keep on its board which copies there are now and, as `digest`, what they told."""
    refs = send()
    while (refs, digest) != (board.refs, board.digest):
        change = Change(op=new_id("board"), puts=(replace(board, refs=refs, digest=digest),))
        try:
            save(ctx, change, ctx.store.now())
        except Conflict:  # another copy was recorded meanwhile: keep both
            board = _board(ctx, board.key)
            refs = tuple(dict.fromkeys((*board.refs, *refs)))
            continue
        return


def _of_request(ctx: Context, kind: NoticeKind, request_id: str) -> Notice | None:
    request = ctx.store.request(request_id)
    if request is None:
        return None
    grant = ctx.store.grant(request.grant_id) if request.grant_id else None
    return _notice(ctx, kind, request, grant) if _still_true(kind, request, grant) else None


def _still_true(kind: NoticeKind, request: Request, grant: Grant | None) -> bool:
    if kind is NoticeKind.EXTENDED:
        return grant is not None and grant.state is GrantState.ACTIVE
    if kind is NoticeKind.WAITING:
        held_up = grant.waiting_for if grant is not None and grant.state is GrantState.PROVISIONING else ""
        return bool(request.waiting_for or held_up)
    return True


def _of_grant(ctx: Context, kind: NoticeKind, grant_id: str) -> Notice | None:
    grant = ctx.store.grant(grant_id)
    request = ctx.store.request(grant.request_id) if grant is not None else None
    if grant is None or request is None:
        return None
    if kind in (NoticeKind.READY, NoticeKind.ENDING_SOON) and grant.state is not GrantState.ACTIVE:
        return None
    return _notice(ctx, kind, request, grant)


def _notice(ctx: Context, kind: NoticeKind, request: Request, grant: Grant | None) -> Notice:
    took = grant.activated_at - grant.approved_at if grant is not None and grant.activated_at is not None else None
    return Notice(
        kind=kind,
        request=request,
        entitlement=ctx.catalog.current().entitlements.get(request.entitlement),
        grant=grant,
        took=took,
        start_url=ctx.terms.start_url,
        region=ctx.terms.region,
        now=ctx.store.now(),
    )


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


_ALERTS: dict[AlertKind, Callable[[Context, str], Alert | None]] = {
    AlertKind.REVOKE_OVERDUE: _revoke_overdue,
    AlertKind.PROVISION_FAILED: _provision_failed,
    AlertKind.MAPPING_WRONG: _mapping_wrong,
    AlertKind.RESURRECTED: _resurrected,
    AlertKind.NOT_AUTHORISED: _not_authorised,
    AlertKind.CATALOGS_DIFFER: _catalogs_differ,
}
