"""Direct messages to a requester, one pure function per kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.durations import measured, spoken
from accessbot.domain.model import EndCause, RemarkKind
from accessbot.domain.notices import NoticeKind
from accessbot.slack import ids
from accessbot.slack.blocks import Json, Message, actions, button, link_button, section
from accessbot.slack.discussion import comments
from accessbot.slack.own_buttons import answer_button, confirm_buttons, end_button
from accessbot.slack.phrases import (
    allowed,
    approval,
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
    from accessbot.domain.model import Grant, Remark, Request
    from accessbot.domain.notices import Notice
    from accessbot.slack.phrases import Clock

_REASON_LIMIT = 1200
_ONCE_RIGHT = "Once that is put right, ask again with `/request-aws`."
_AGAIN_BY_ITSELF = "It goes with your shift on call, so it is tried again by itself."
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
    asked = asked_for(notice.request, what)
    said = _about_request(notice, asked) or _about_wait(notice, what, asked, clock)
    if said:
        return said
    if notice.grant is None:
        return f"{what}: {asked}."
    return _about_grant(notice, notice.grant, what, clock)


def _about_request(notice: Notice, asked: str) -> str:
    """Tell of a request that is closed without a grant."""
    request = notice.request
    match notice.kind:
        case NoticeKind.DENIED:
            return f"{mention(request.decided_by)} denied your request: {asked}."
        case NoticeKind.REFUSED:
            return joined(f"Your request could not be taken: {asked}.", escape(request.decision_reason))
        case NoticeKind.EXPIRED:
            return joined(f"Your request expired: {asked}.", escape(request.decision_reason), _AGAIN)
    return ""


def _about_wait(notice: Notice, what: str, asked: str, clock: Clock) -> str:
    """Tell of something that waits, for the person or for others."""
    request, grant = notice.request, notice.grant
    match notice.kind:
        case NoticeKind.CONFIRM:
            starts = f", from {clock(request.not_before)} on" if request.not_before is not None else ""
            whom = mention(request.asked_by)
            return f"{whom} asks on your behalf for {asked}{starts}. Nothing happens unless you confirm it."
        case NoticeKind.QUESTION:
            question = _last_question(request)
            whom = mention(question.who if question is not None else "")
            return f"{whom} has a question before deciding on {asked}."
        case NoticeKind.STEPPED_DOWN:
            return (
                f"You had too many emergencies lately, so this one is decided the normal way: {asked}. "
                "Those who decide are asked now; `/my-access` shows how it stands."
            )
        case NoticeKind.WAITING:
            vendor = (grant.waiting_for if grant is not None else "") or request.waiting_for or "an outside service"
            return f"{what}: {waiting(vendor)}. You need not do anything."
    return ""


def _about_grant(  # noqa: PLR0911 - one sentence per kind, read from top to bottom
    notice: Notice, grant: Grant, what: str, clock: Clock
) -> str:
    match notice.kind:
        case NoticeKind.READY:
            return f"Your access is ready: {what}, until {clock(grant.expires_at)}. {_how_come(notice, grant)}"
        case NoticeKind.SCHEDULED:
            begins = clock(grant.not_before or grant.starts_at)
            by = approval(notice.request)
            return (
                f"Your access is scheduled: {what}, from {begins} until {clock(grant.expires_at)}, {by}. "
                "You are told when it is ready."
            )
        case NoticeKind.EXTENDED:
            return (
                f"Your access was extended by {spoken(allowed(notice.request))}: {what}, "
                f"now until {clock(grant.expires_at)}, {approval(notice.request)}."
            )
        case NoticeKind.ENDING_SOON:
            remaining = grant.expires_at - notice.now
            return f"Your access ends in {left(remaining)}, {clock(grant.expires_at)}: {what}."
        case NoticeKind.FAILED:
            return joined(
                f"Your access could not be given: {what}.",
                escape(grant.failure),
                failed_truth(grant),
                _AGAIN_BY_ITSELF if grant.schedule else _ONCE_RIGHT,
            )
    if grant.ended_at is None:
        return f"Your access: {what}. {grant_state(grant, notice.now, clock)}"
    return f"Your access has ended: {what}. {_ended(grant)}{end_truth(grant, clock)}"


def _how_come(notice: Notice, grant: Grant) -> str:
    """Say who or what approved it, and how long it took where somebody waited for it."""
    if grant.schedule:
        return f"You are on call on “{escape(grant.schedule)}”."
    by = approval(notice.request)
    took = ""
    if notice.took and grant.not_before is None:
        took = f" It took {measured(notice.took)} from the approval until it was usable."
    return f"{by[:1].upper()}{by[1:]}.{took}"


def _last_question(request: Request) -> Remark | None:
    asked = [remark for remark in request.remarks if remark.kind is RemarkKind.QUESTION]
    return asked[-1] if asked else None


def _ended(grant: Grant) -> str:
    match grant.end_cause:
        case EndCause.SHIFT_OVER:
            return f"Your shift on “{escape(grant.schedule)}” is over. "
        case EndCause.OFFBOARDED:
            return "Your Google account is suspended or gone. "
    if not grant.end_actor or grant.end_actor in (grant.requester, "accessbot"):
        return ""
    why = f" (“{escape(grant.end_reason)}”)" if grant.end_reason else ""
    return f"{mention(grant.end_actor)} revoked it{why}. "


def _details(notice: Notice) -> list[Json]:
    grant = notice.grant
    match notice.kind:
        case NoticeKind.CONFIRM | NoticeKind.QUESTION:
            return _asks_something(notice)
        case NoticeKind.DENIED if notice.request.decision_reason:
            return [section(f"*Why*\n{quoted(notice.request.decision_reason, _REASON_LIMIT)}")]
        case NoticeKind.READY if grant is not None:
            said = comments(notice.request, said_alone=True)
            return [*said, *_command_line(notice, grant), actions(_ready_buttons(notice, grant), block_id="access")]
        case NoticeKind.EXTENDED | NoticeKind.ENDING_SOON | NoticeKind.SCHEDULED if grant is not None:
            buttons = [end_button(grant)]
            if notice.kind is NoticeKind.ENDING_SOON and not grant.schedule:  # a shift ends when it ends
                buttons.insert(0, button("Extend", ids.EXTEND, grant.id, style="primary"))
            return [actions(buttons, block_id="access")]
        case _:
            return []


def _asks_something(notice: Notice) -> list[Json]:
    """Show what the person is to say something about, with the buttons for it."""
    request = notice.request
    if notice.kind is NoticeKind.CONFIRM:
        why = section(f"*Why*\n{quoted(request.reason, _REASON_LIMIT)}")
        return [why, actions(confirm_buttons(request), block_id="confirm")]
    question = _last_question(request)
    if question is None:
        return []
    return [section(quoted(question.text, _REASON_LIMIT)), actions([answer_button(request)], block_id="answer")]


def _ready_buttons(notice: Notice, grant: Grant) -> list[Json]:
    link = console_link(notice.start_url, grant.account_id, grant.permission_set)
    buttons = [link_button("Open AWS console", ids.LINK, link, style="primary")] if link else []
    return [*buttons, end_button(grant)]


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
