"""What is said about a request beside the decision: comments, the last question and its answer. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.durations import spoken
from accessbot.domain.model import RemarkKind
from accessbot.slack.blocks import Json, section
from accessbot.slack.text import escape, mention, quoted

if TYPE_CHECKING:
    from accessbot.domain.model import Remark, Request, Vote

_COMMENT_LIMIT = 400
_MOST_COMMENTS = 6
_REMARK_LIMIT = 1000


def comments(request: Request, *, said_alone: bool = False) -> list[Json]:
    """List what approvals say beyond a yes: a comment, less time, in whose stead; the newest of many.

    With `said_alone` those without a comment are left out.
    """
    telling = [
        vote
        for vote in request.votes
        if vote.comment or (not said_alone and (vote.duration is not None or vote.for_email))
    ]
    if not telling:
        return []
    return [section("\n".join(_vote(vote, request) for vote in telling[-_MOST_COMMENTS:]))]


def _vote(vote: Vote, request: Request) -> str:
    less = f" for {spoken(vote.duration)} of the {spoken(request.duration)}" if vote.duration is not None else ""
    stead = f" in the stead of {escape(vote.for_email)}" if vote.for_email else ""
    said = f":\n{quoted(vote.comment, _COMMENT_LIMIT)}" if vote.comment else "."
    return f"{mention(vote.approver)} approved{less}{stead}{said}"


def open_question(request: Request) -> Remark | None:
    """Give the last question if nobody answered it yet."""
    last = request.remarks[-1] if request.remarks else None
    return last if last is not None and last.kind is RemarkKind.QUESTION else None


def last_question(request: Request) -> list[Json]:
    """Show the last question, and what was answered since."""
    asked = [number for number, remark in enumerate(request.remarks) if remark.kind is RemarkKind.QUESTION]
    if not asked:
        return []
    question, *since = request.remarks[asked[-1] :]
    lines = [f"*Asked* by {mention(question.who)}\n{quoted(question.text, _REMARK_LIMIT)}"]
    if since:
        lines.append(f"*Answered* by {mention(since[-1].who)}\n{quoted(since[-1].text, _REMARK_LIMIT)}")
    else:
        lines.append("Not answered yet.")
    return [section("\n".join(lines))]
