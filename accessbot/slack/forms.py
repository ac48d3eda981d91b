"""The smaller forms: deciding, asking and answering, more time, an emergency, a delegation, a review. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain import policy
from accessbot.domain.durations import spoken
from accessbot.slack import ids
from accessbot.slack.blocks import Json, field, modal, plain, section
from accessbot.slack.inputs import duration_select, moment_field, person_field, reason_field, text_field
from accessbot.slack.phrases import opens
from accessbot.slack.request_form import emergency_terms
from accessbot.slack.text import count, escape, quoted, when

if TYPE_CHECKING:
    from datetime import timedelta

    from accessbot.domain.model import Entitlement, Request
    from accessbot.domain.notices import Holding
    from accessbot.domain.rules import Policy

_QUESTION_LIMIT = 1500


def deny_form(metadata: str) -> Json:
    """Give the form that asks why a request is denied."""
    return modal("Deny this request", ids.DENY_FORM, "Deny", [_told_reason()], metadata)


def deny_all_form(requests: int, metadata: str) -> Json:
    """Give the form that asks why all requests that were asked for together are denied."""
    blocks = [section(f"This denies {count(requests, 'request')} that were asked for together."), _told_reason()]
    return modal("Deny all", ids.DENY_ALL_FORM, "Deny all", blocks, metadata)


def decide_form(
    request: Request, entitlement: Entitlement | None, rule: Policy | None, shortest: timedelta, metadata: str
) -> Json:
    """Give the form with which a request is approved for less, or with a comment; `rule` is the policy that decides.

    Only times up to what is asked for are offered.
    """
    what = opens(entitlement, None, request.entitlement)
    offered = (*(each for each in _shorter(request, rule, shortest)), request.duration)
    asked = f"<@{escape(request.requester)}> asks for {what} for {spoken(request.duration)}."
    blocks = [
        section(asked),
        field(
            "Duration",
            ids.DURATION,
            duration_select(offered, request.duration),
            hint=f"What you approve: {spoken(request.duration)} as asked for, or less.",
        ),
        text_field(
            "Comment", ids.COMMENT, "", "Everybody who sees the request reads this, word for word", optional=True
        ),
    ]
    return modal("Decide", ids.DECIDE_FORM, "Approve", blocks, metadata)


def ask_form(metadata: str) -> Json:
    """Give the form for a question to the requester."""
    blocks = [text_field("Question", ids.QUESTION, "", "The requester reads this, word for word, and answers")]
    return modal("Ask the requester", ids.ASK_FORM, "Ask", blocks, metadata)


def answer_form(asked_by: str, question: str, metadata: str) -> Json:
    """Give the form for the answer to a question; `asked_by` is the Slack user id of whoever asked."""
    blocks = [
        section(f"<@{escape(asked_by)}> asks:\n{quoted(question, _QUESTION_LIMIT)}"),
        text_field("Answer", ids.REPLY, "", "Your approvers read this, word for word"),
    ]
    return modal("Answer", ids.ANSWER_FORM, "Answer", blocks, metadata)


def escalate_form(request: Request, entitlement: Entitlement, shortest: timedelta, metadata: str) -> Json:
    """Give the form that turns a pending request into one for emergency access."""
    brief = emergency_terms(entitlement.policy)
    offered = policy.durations_offered(brief, shortest)
    wanted = request.duration if request.duration in offered else brief.default_duration
    told = (
        f"*{escape(entitlement.permission_set)}* in *{escape(entitlement.account.name)}* is approved at once if you are"
        " eligible. Everybody responsible is told, and one of them reviews it afterwards."
    )
    blocks = [
        section(told),
        field(
            "Duration", ids.DURATION, duration_select(offered, wanted), hint=f"At most {spoken(brief.max_duration)}."
        ),
        reason_field(request.reason, "For example: INC-42, the payment queue is stuck", hint="Name the incident."),
    ]
    return modal("Emergency", ids.ESCALATE_FORM, "Escalate", blocks, metadata)


def extend_form(holding: Holding, metadata: str) -> Json:
    """Give the form that asks for more time; only what the policy still allows is offered."""
    grant, default = holding.grant, max(holding.extensions)
    if holding.entitlement is not None:
        usual = [e for e in holding.extensions if e <= holding.entitlement.policy.default_duration]
        default = max(usual) if usual else min(holding.extensions)
    blocks = [
        section(
            f"*{escape(grant.permission_set)}* in *{escape(grant.account_name)}* ends {when(grant.expires_at)}. "
            "Your approvers decide on more time, as they did on the grant."
        ),
        field("Duration", ids.DURATION, duration_select(holding.extensions, default), hint="The time to add."),
        reason_field("", "Why you need it longer"),
    ]
    return modal("Extend access", ids.EXTEND_FORM, "Request", blocks, metadata)


def delegate_form(metadata: str) -> Json:
    """Give the form with which an approver leaves their decisions to somebody else for some time."""
    blocks = [
        section(
            "While you are away somebody else can decide in your stead, where the policy lets them. "
            "You may still decide yourself, and take it back at any time."
        ),
        person_field("To", ids.TO),
        moment_field("From", ids.FROM, hint="Empty: from now on.", optional=True),
        moment_field("Until", ids.UNTIL),
    ]
    return modal("Delegate", ids.DELEGATE_FORM, "Delegate", blocks, metadata)


def review_form(*, justified: bool, metadata: str) -> Json:
    """Give the form that closes an emergency's review, one way or the other."""
    if justified:
        field_ = reason_field("", "What you looked at", optional=True)
        return modal("Justified", ids.REVIEW_FORM, "Justified", [field_], metadata)
    field_ = reason_field("", "What should have been done instead", hint="The administrators read this, word for word.")
    return modal("Not justified", ids.REVIEW_FORM, "Not justified", [field_], metadata)


def notice_view(title: str, sentence: str) -> Json:
    """Give a view that only says something, shown in place of a form."""
    return {"type": "modal", "title": plain(title), "close": plain("Close"), "blocks": [section(escape(sentence))]}


def _told_reason() -> Json:
    return reason_field("", "The requester reads this, word for word")


def _shorter(request: Request, rule: Policy | None, shortest: timedelta) -> tuple[timedelta, ...]:
    """List the times below what is asked for among those that the policy offers."""
    offered = policy.durations_offered(rule, shortest) if rule is not None else ()
    return tuple(each for each in offered if each < request.duration)
