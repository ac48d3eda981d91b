"""Direct messages to a requester, one pure function per kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.durations import measured, spoken
from accessbot.domain.notices import NoticeKind
from accessbot.slack import ids
from accessbot.slack.blocks import Json, Message, actions, button, confirm, link_button, section
from accessbot.slack.phrases import (
    approved_by,
    asked_for,
    clock_for,
    console_link,
    end_truth,
    failed_truth,
    grant_state,
    joined,
    opens,
    opens_plainly,
    portal_address,
    waiting,
)
from accessbot.slack.text import escape, left, mention, quoted

if TYPE_CHECKING:
    from accessbot.domain.model import Grant
    from accessbot.domain.notices import Notice
    from accessbot.slack.phrases import Clock

_REASON_LIMIT = 1200
_ONCE_RIGHT = "Once that is put right, ask again with `/request-aws`."
_AGAIN = "Ask again with `/request-aws`."


def render(notice: Notice) -> Message:
    """Give the message for one notice; the fallback says the same in plain words, times in UTC."""
    request, grant = notice.request, notice.grant
    duration = grant.duration if grant is not None else request.duration
    shown = _sentence(notice, opens(notice.entitlement, grant, request.entitlement), clock_for(duration))
    read = _sentence(
        notice,
        opens_plainly(notice.entitlement, grant, request.entitlement),
        clock_for(duration, plainly=True),
    )
    return Message(read.replace("`", ""), [section(shown), *_details(notice)])


def _sentence(notice: Notice, what: str, clock: Clock) -> str:
    request, grant = notice.request, notice.grant
    asked = asked_for(request, what)
    match notice.kind:
        case NoticeKind.DENIED:
            return f"{mention(request.decided_by)} denied your request: {asked}."
        case NoticeKind.REFUSED:
            return joined(f"Your request could not be taken: {asked}.", escape(request.decision_reason))
        case NoticeKind.EXPIRED:
            return joined(f"Your request expired: {asked}.", escape(request.decision_reason), _AGAIN)
        case NoticeKind.WAITING:
            vendor = (grant.waiting_for if grant is not None else "") or request.waiting_for or "an outside service"
            return f"{what}: {waiting(vendor)}. You need not do anything."
    if grant is None:
        return f"{what}: {asked}."
    return _grant_sentence(notice, grant, what, clock)


def _grant_sentence(notice: Notice, grant: Grant, what: str, clock: Clock) -> str:
    match notice.kind:
        case NoticeKind.READY:
            took = f" It took {measured(notice.took)} from the approval until it was usable." if notice.took else ""
            by = approved_by(notice.request)
            return f"Your access is ready: {what}, until {clock(grant.expires_at)}. {by[:1].upper()}{by[1:]}.{took}"
        case NoticeKind.EXTENDED:
            return (
                f"Your access was extended by {spoken(notice.request.duration)}: {what}, "
                f"now until {clock(grant.expires_at)}, {approved_by(notice.request)}."
            )
        case NoticeKind.ENDING_SOON:
            remaining = grant.expires_at - notice.now
            return f"Your access ends in {left(remaining)}, {clock(grant.expires_at)}: {what}."
        case NoticeKind.FAILED:
            return joined(
                f"Your access could not be given: {what}.", escape(grant.failure), failed_truth(grant), _ONCE_RIGHT
            )
        case _ if grant.ended_at is None:
            return f"Your access: {what}. {grant_state(grant, notice.now, clock)}"
        case _:
            return f"Your access has ended: {what}. {_ended(grant)}{end_truth(grant, clock)}"


def _ended(grant: Grant) -> str:
    if not grant.end_actor or grant.end_actor in (grant.requester, "accessbot"):
        return ""
    why = f" (“{escape(grant.end_reason)}”)" if grant.end_reason else ""
    return f"{mention(grant.end_actor)} revoked it{why}. "


def _details(notice: Notice) -> list[Json]:
    grant = notice.grant
    match notice.kind:
        case NoticeKind.DENIED if notice.request.decision_reason:
            return [section(f"*Why*\n{quoted(notice.request.decision_reason, _REASON_LIMIT)}")]
        case NoticeKind.READY if grant is not None:
            return [*_command_line(notice, grant), actions(_ready_buttons(notice, grant), block_id="access")]
        case NoticeKind.EXTENDED | NoticeKind.ENDING_SOON if grant is not None:
            buttons = [end_button(grant)]
            if notice.kind is NoticeKind.ENDING_SOON:
                buttons.insert(0, button("Extend", ids.EXTEND, grant.id, style="primary"))
            return [actions(buttons, block_id="access")]
        case _:
            return []


def _ready_buttons(notice: Notice, grant: Grant) -> list[Json]:
    link = console_link(notice.start_url, grant.account_id, grant.permission_set)
    buttons = [link_button("Open AWS console", ids.LINK, link, style="primary")] if link else []
    return [*buttons, end_button(grant)]


def end_button(grant: Grant) -> Json:
    """Give the button with which a holder ends their own access, after a question."""
    question = confirm(
        "End your access?",
        "It is taken away within seconds. AWS sessions that are already open can last until their own end.",
        "End access",
        "Keep it",
    )
    what = f"End access to {grant.permission_set} in {grant.account_name}"
    return button("End access", ids.END_ACCESS, grant.id, spoken_as=what, confirm=question)


def _command_line(notice: Notice, grant: Grant) -> list[Json]:
    """Give what to put into `~/.aws/config`, and the one line that signs in."""
    portal = portal_address(notice.start_url)
    if not portal:
        return []
    profile = _profile(grant)
    if not notice.region:
        steps = "aws configure sso"
        hint = f"start URL {escape(portal)}, account {escape(grant.account_id)}, role {escape(grant.permission_set)}"
        return [section(f"*On the command line* run this, and answer with {hint}:\n```{steps}```")]
    config = "\n".join(
        (
            f"[profile {profile}]",
            f"sso_start_url = {portal}",
            f"sso_region = {notice.region}",
            f"sso_account_id = {grant.account_id}",
            f"sso_role_name = {grant.permission_set}",
        )
    )
    return [
        section(
            "*On the command line*, with this in `~/.aws/config`:\n"
            f"```{escape(config)}```\n"
            f"```aws sso login --profile {escape(profile)} && "
            f"aws sts get-caller-identity --profile {escape(profile)}```"
        )
    ]


def _profile(grant: Grant) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in grant.entitlement)
