"""How a pending request goes on before it is decided: confirmed, judged anew, step by step, with questions asked.

As in `lifecycle`, each step gives the changed record together with the event that tells of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from accessbot.domain.errors import IllegalTransition, Refused
from accessbot.domain.instants import span_ms
from accessbot.domain.lifecycle import SYSTEM, RequestStep, event_of
from accessbot.domain.model import Remark, RemarkKind, RequestState

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from accessbot.domain.judged import Judged, Panel
    from accessbot.domain.model import Request

REMARKS = 20
"""How many remarks there may be about a request: what takes longer is better talked over."""


def _pending(request: Request) -> None:
    if request.state is not RequestState.PENDING:
        msg = f"request {request.id} is {request.state}: it does not go on"
        raise IllegalTransition(msg)


def confirmed(request: Request, at: datetime) -> RequestStep:
    """Take the word of the one for whom somebody else asked that they want it."""
    _pending(request)
    new = replace(request, unconfirmed=False, waiting_for="")
    return RequestStep(new, event_of(request, new, "request.confirmed", request.requester, at))


def step_begun(request: Request, step: int, panel: Panel, at: datetime) -> RequestStep:
    """Go on to another step: it has enough approvals for those before it."""
    _pending(request)
    new = replace(
        request,
        step=step,
        step_at=at,
        escalated=False,
        eligible=panel.eligible,
        unlisted=panel.unlisted,
        waiting_for="",
    )
    return RequestStep(new, event_of(request, new, "request.step_begun", SYSTEM, at, "", step=step, **panel.facts()))


def escalated(request: Request, panel: Panel, at: datetime) -> RequestStep:
    """Let those decide too to whom the step is escalated, since nobody else did in time; its time begins anew."""
    _pending(request)
    new = replace(request, step_at=at, escalated=True, eligible=panel.eligible, unlisted=panel.unlisted, waiting_for="")
    return RequestStep(new, event_of(request, new, "request.escalated", SYSTEM, at, "", **panel.facts()))


def rejudged(request: Request, judged: Judged, step: int, at: datetime) -> RequestStep:
    """Have it decided another way than when it was announced, since other rules match now."""
    _pending(request)
    new = replace(
        request,
        rule=judged.rule,
        policy=judged.policy,
        step=step,
        step_at=at,
        escalated=False,
        eligible=judged.panel.eligible,
        unlisted=judged.panel.unlisted,
        waiting_for="",
    )
    event = event_of(
        request,
        new,
        "request.rejudged",
        SYSTEM,
        at,
        "",
        rule=judged.rule,
        policy=judged.policy,
        step=step,
        **judged.panel.facts(),
    )
    return RequestStep(new, event)


def made_emergency(request: Request, duration: timedelta, reason: str, at: datetime) -> RequestStep:
    """Turn a pending request into one for emergency access; it is looked at anew, and what was decided so far ends."""
    _pending(request)
    new = replace(
        request,
        emergency=True,
        announced=False,
        duration=duration,
        reason=reason,
        votes=(),
        rule="",
        policy="",
        ticket="",
        step=0,
        step_at=None,
        escalated=False,
        eligible=(),
        unlisted=(),
        waiting_for="",
    )
    event = event_of(
        request, new, "request.made_emergency", request.requester, at, reason, duration_ms=span_ms(duration)
    )
    return RequestStep(new, event)


def stepped_down(request: Request, at: datetime, reason: str) -> RequestStep:
    """Have an emergency decided the normal way; `reason` says why."""
    _pending(request)
    new = replace(request, emergency=False, waiting_for="")
    return RequestStep(new, event_of(request, new, "request.stepped_down", SYSTEM, at, reason))


def remarked(request: Request, remark: Remark) -> RequestStep:
    """Keep a question of an approver, or the requester's answer. Raises `Refused` when there are enough."""
    _pending(request)
    if len(request.remarks) >= REMARKS:
        raise Refused("Enough was asked and answered here; talk to each other, then decide.")
    new = replace(request, remarks=(*request.remarks, remark), waiting_for="")
    action = "request.question" if remark.kind is RemarkKind.QUESTION else "request.answer"
    return RequestStep(new, event_of(request, new, action, remark.who, remark.at, remark.text))
