"""The buttons of people on their own requests and grants. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.slack import ids
from accessbot.slack.blocks import Json, button, confirm

if TYPE_CHECKING:
    from accessbot.domain.model import Grant, Request


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


def cancel_button(request: Request) -> Json:
    """Give the button with which a request is withdrawn, after a question."""
    question = confirm("Cancel this request?", "Nobody can approve it any more.", "Cancel request", "Keep it")
    return button(
        "Cancel", ids.CANCEL, request.id, spoken_as=f"Cancel the request for {request.entitlement}", confirm=question
    )


def escalate_button(request: Request) -> Json:
    """Give the button with which a pending request becomes an emergency."""
    return button("Escalate…", ids.ESCALATE, request.id, spoken_as=f"Escalate {request.entitlement}")


def confirm_buttons(request: Request) -> list[Json]:
    """Give the buttons of somebody on whose behalf a colleague asked."""
    return [
        button("Confirm", ids.CONFIRM, request.id, style="primary", spoken_as=f"Confirm {request.entitlement}"),
        button("Decline", ids.DECLINE, request.id, spoken_as=f"Decline {request.entitlement}"),
    ]


def answer_button(request: Request) -> Json:
    """Give the button with which a question is answered."""
    return button("Answer", ids.ANSWER, request.id, style="primary", spoken_as=f"Answer about {request.entitlement}")
