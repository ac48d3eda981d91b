"""One call to AWS, or all pages of one: bounded in time, answers checked for their shape, failures named."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from accessbot.adapters.aws_answers import FAILURES, Ask, Outcome, judge, named, unusable
from accessbot.adapters.deadlines import within

if TYPE_CHECKING:
    from accessbot.ports import Gate

Json = Mapping[str, Any]

_PAGE = 100
_LOOKS = frozenset({Outcome.ABSENT, Outcome.CONFLICT, Outcome.UNSAID})
_SESSION = re.compile(r"P(?:(\d{1,3})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,6})(?:\.\d+)?S)?)?", re.ASCII)


def call(ask: Ask, function: Callable[..., Any], **params: object) -> Json | Outcome:
    """Call one of a `Bounded` client's functions once; give the answer, or an outcome that its caller looks into.

    What it waits for at the gate is part of the call's time. Raises `NotAuthorised`, `Missing`, `Rejected`,
    `Unavailable`.
    """
    bounded = cast("Function", function)
    with within(bounded.timeout), bounded.gate() if bounded.gate is not None else nullcontext():
        try:
            answer: Json = bounded(**params)
        except FAILURES as error:
            verdict = judge(ask, error)
            if verdict.outcome in _LOOKS:
                return verdict.outcome
            raise named(ask, verdict) from error
    return answer


@dataclass(frozen=True, slots=True)
class Bounded:
    """A boto3 client whose calls, made by `call`, take `timeout` at most and go through a vendor's gate."""

    client: Any
    timeout: timedelta
    gate: Gate | None = None

    def __getattr__(self, name: str) -> Function:
        """Give one of the client's functions."""
        return Function(getattr(self.client, name), self.timeout, self.gate)


@dataclass(frozen=True, slots=True)
class Function:
    """One function of a `Bounded` client."""

    function: Callable[..., Any]
    timeout: timedelta
    gate: Gate | None

    def __call__(self, **params: object) -> Any:  # noqa: ANN401 - boto3's own answer
        """Call it, once."""
        return self.function(**params)


def arns(ask: Ask, function: Callable[..., Any], **params: object) -> list[str]:
    """List the permission set ARNs of every page. Raises as `call` does."""
    found = []
    for each in _rows(ask, function, "PermissionSets", params):
        if not isinstance(each, str):
            raise unusable(ask, "malformed answer")
        found.append(each)
    return found


def pages(
    ask: Ask, function: Callable[..., Any], name: str, *, most: int | None = None, **params: object
) -> list[dict[str, Any]]:
    """List the lines under `name` of every page. Raises as `call` does, rather than give a part.

    With `most`, no more than so many pages are read: only for a second look that nothing rests on alone.
    """
    found = []
    for each in _rows(ask, function, name, params, most):
        if not isinstance(each, dict):
            raise unusable(ask, "malformed answer")
        found.append(each)
    return found


def _rows(
    ask: Ask, function: Callable[..., Any], name: str, params: Mapping[str, object], most: int | None = None
) -> Iterator[object]:
    seen: set[str] = set()
    more: dict[str, object] = {}
    while most is None or len(seen) < most:
        answer = call(ask, function, MaxResults=_PAGE, **params, **more)
        # boto3 gives an empty answer for a body that it could not read: a list that is left out is not an empty list.
        if isinstance(answer, Outcome) or not isinstance(answer.get(name), list):
            raise unusable(ask, "malformed answer")
        yield from answer[name]
        token = answer.get("NextToken")
        if not token:
            return
        if not isinstance(token, str) or token in seen:
            raise unusable(ask, "malformed answer")
        seen.add(token)
        more = {"NextToken": token}


def text(ask: Ask, answer: Json, name: str) -> str:
    """Give a member of an answer that must be there and not empty. Raises `Unavailable` otherwise."""
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise unusable(ask, "malformed answer")
    return value


def session_length(ask: Ask, written: str) -> timedelta:
    """Read an ISO 8601 duration without years, months and weeks: `PT1H`, `PT4H30M`. Raises `Unavailable` otherwise."""
    match = _SESSION.fullmatch(written)
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0, 0)
    length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not length:
        raise unusable(ask, "malformed answer")
    return length
