"""Switches that make a stand-in fail in the ways the real services fail.

A fault is laid on a method-name pattern (`google.members.*`, `aws.identitystore.CreateGroupMembership`, `aws.*`), for
the next calls or until it is switched off. One board may serve several stand-ins.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from werkzeug.wrappers import Response

from accessbot.sandbox.loopback import ConnectionDropped, caller_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_GARBLED = b'{"kind": "admin#directory#memb'
_TICK_S = 0.02


class Kind(StrEnum):
    """What happens to a call."""

    REFUSE = "refuse"
    DROP = "drop"
    HANG = "hang"
    GARBLE = "garble"
    SLOW = "slow"
    STRIKE = "strike"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer, in no vendor's shape yet: each stand-in writes it the way its service does."""

    status: int
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault as laid on. `applied` lets the call take effect first, so that only its answer is lost.

    `strike` is what happens to the caller of a `STRIKE`; it is given the caller's port.
    """

    pattern: str
    kind: Kind
    refusal: Refusal | None = None
    seconds: float = 0.0
    applied: bool = False
    strike: Callable[[int], object] | None = None


@dataclass(frozen=True, slots=True)
class Preset:
    """A named situation for the demo page. Without rules it is a flag that a stand-in asks for."""

    id: str
    label: str
    description: str
    rules: tuple[Rule, ...] = ()


def _preset(id_: str, label: str, description: str, *rules: Rule) -> Preset:
    return Preset(id_, label, description, rules)


PRESETS: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        preset.id: preset
        for preset in (
            _preset(
                "google_down",
                "Google is down",
                "Every Directory API call answers 503.",
                Rule("google.*", Kind.REFUSE, Refusal(503, "backendError", "Service unavailable. Please try again")),
            ),
            _preset(
                "google_quota",
                "Google quota is used up",
                "Every Directory API call answers 403 quotaExceeded.",
                Rule(
                    "google.*",
                    Kind.REFUSE,
                    Refusal(
                        403,
                        "quotaExceeded",
                        "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user'.",
                    ),
                ),
            ),
            _preset(
                "google_slow",
                "Google is slow",
                "Every Directory API call takes 300 ms more.",
                Rule("google.*", Kind.SLOW, seconds=0.3),
            ),
            _preset(
                "aws_down",
                "AWS is down",
                "Every AWS call answers 503.",
                Rule(
                    "aws.*",
                    Kind.REFUSE,
                    Refusal(503, "ServiceUnavailableException", "The service is temporarily unavailable."),
                ),
            ),
            _preset(
                "aws_throttle",
                "AWS throttles",
                "Every AWS call answers ThrottlingException.",
                Rule("aws.*", Kind.REFUSE, Refusal(400, "ThrottlingException", "Rate exceeded")),
            ),
            _preset(
                "aws_slow",
                "AWS is slow",
                "Every AWS call takes 150 ms more.",
                Rule("aws.*", Kind.SLOW, seconds=0.15),
            ),
            _preset(
                "aws_delegated",
                "AWS from a delegated administrator",
                "ListAccountAssignmentsForPrincipal is denied, as it is outside of the management account.",
                Rule(
                    "aws.sso-admin.ListAccountAssignmentsForPrincipal",
                    Kind.REFUSE,
                    Refusal(
                        400,
                        "AccessDeniedException",
                        "User is not authorized to perform: sso:ListAccountAssignmentsForPrincipal",
                    ),
                ),
            ),
            _preset(
                "feed_down",
                "The on-call feed is down",
                "Feeds and PagerDuty answer 503: who is on call is what was read last.",
                Rule("oncall.feed", Kind.REFUSE, Refusal(503, "unavailable", "Service unavailable")),
                Rule("oncall.pagerduty", Kind.REFUSE, Refusal(503, "unavailable", "Service unavailable")),
            ),
            _preset(
                "feed_garbage",
                "The on-call feed is garbage",
                "Feeds and PagerDuty answer something that is cut off in the middle.",
                Rule("oncall.feed", Kind.GARBLE),
                Rule("oncall.pagerduty", Kind.GARBLE),
            ),
            _preset(
                "feed_slow",
                "The on-call feed is slow",
                "Feeds and PagerDuty take 20 seconds more.",
                Rule("oncall.feed", Kind.SLOW, seconds=20.0),
                Rule("oncall.pagerduty", Kind.SLOW, seconds=20.0),
            ),
            _preset(
                "tickets_down",
                "The ticket system is down",
                "No ticket can be checked, so none may be used.",
                Rule("oncall.tickets", Kind.REFUSE, Refusal(503, "unavailable", "Service unavailable")),
            ),
            _preset(
                "sync_race",
                "A sync job undoes a revoke, once",
                "An external sync job that read Google a moment too early puts the AWS membership back once.",
            ),
        )
    }
)


class Fault:
    """A fault that was laid on: the handle to count it and to take it off."""

    def __init__(self, board: Faults, rule: Rule, times: int | None) -> None:
        self.rule = rule
        self.left = times
        self.hits = 0
        self._board = board

    def off(self) -> None:
        """Take it off; calls that hang on it are let go (their connection is dropped)."""
        self._board.remove(self)


class Faults:
    """The board of switches. Thread-safe; of several rules for one call all delays add up and the oldest other counts.

    `times=None` means until switched off.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._laid: list[Fault] = []
        self._presets: dict[str, list[Fault]] = {}

    def refuse(
        self,
        pattern: str,
        status: int,
        reason: str,
        message: str = "",
        *,
        times: int | None = None,
        applied: bool = False,
    ) -> Fault:
        """Answer with an error; with `applied` the call takes effect first (the unclear write)."""
        return self.lay(Rule(pattern, Kind.REFUSE, Refusal(status, reason, message), applied=applied), times)

    def drop(self, pattern: str, *, times: int | None = None, applied: bool = False) -> Fault:
        """Close the connection without an answer, before the call takes effect or (`applied`) after."""
        return self.lay(Rule(pattern, Kind.DROP, applied=applied), times)

    def hang(self, pattern: str, *, times: int | None = None, applied: bool = False) -> Fault:
        """Do not answer at all, until the fault is taken off or the stand-in stops; then drop the connection."""
        return self.lay(Rule(pattern, Kind.HANG, applied=applied), times)

    def garble(self, pattern: str, *, times: int | None = None, applied: bool = False) -> Fault:
        """Answer 200 with JSON that is cut off in the middle."""
        return self.lay(Rule(pattern, Kind.GARBLE, applied=applied), times)

    def slow(self, pattern: str, seconds: float, *, times: int | None = None) -> Fault:
        """Wait before the call takes effect."""
        return self.lay(Rule(pattern, Kind.SLOW, seconds=seconds), times)

    def strike(
        self, pattern: str, do: Callable[[int], object], *, times: int | None = None, applied: bool = False
    ) -> Fault:
        """Do something to the caller, say kill it, in the middle of its call: before that takes effect, or after.

        `do` is given the port that the caller calls from. The call goes on; when `do` raises `ConnectionDropped` before
        it took effect, it never does.
        """
        return self.lay(Rule(pattern, Kind.STRIKE, applied=applied, strike=do), times)

    def lay(self, rule: Rule, times: int | None = None) -> Fault:
        """Lay one rule on."""
        fault = Fault(self, rule, times)
        with self._lock:
            self._laid.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Take one fault off; nothing happens when it is off already."""
        with self._lock:
            if fault in self._laid:
                self._laid.remove(fault)

    def clear(self) -> None:
        """Take everything off, presets included."""
        with self._lock:
            self._laid.clear()
            self._presets.clear()

    def on(self, preset_id: str) -> None:
        """Switch a preset on. Raises KeyError for an unknown id."""
        preset = PRESETS[preset_id]
        with self._lock:
            if preset_id in self._presets:
                return
            faults = [Fault(self, rule, None) for rule in preset.rules]
            self._presets[preset_id] = faults
            self._laid.extend(faults)

    def off(self, preset_id: str) -> None:
        """Switch a preset off; nothing happens when it is off already."""
        with self._lock:
            for fault in self._presets.pop(preset_id, []):
                if fault in self._laid:
                    self._laid.remove(fault)

    def active(self) -> frozenset[str]:
        """The ids of the presets that are on."""
        with self._lock:
            return frozenset(self._presets)

    def consume(self, preset_id: str) -> bool:
        """Whether the preset is on; if so it is switched off, so that it happens once."""
        with self._lock:
            return self._presets.pop(preset_id, None) is not None

    def around(
        self,
        method: str,
        apply: Callable[[], Response],
        render: Callable[[Refusal], Response],
        stopping: threading.Event,
    ) -> Response:
        """Answer one call through the faults laid on it.

        `apply` does the work and gives the true answer, `render` writes a refusal in the vendor's shape. Raises
        ConnectionDropped where the caller shall get no answer.
        """
        seconds, fault = self._take(method)
        if seconds and stopping.wait(seconds):
            raise ConnectionDropped
        if fault is None:
            return apply()
        if fault.rule.strike is not None:
            return self._struck(fault.rule, apply)
        if fault.rule.applied:
            apply()
        if fault.rule.kind is Kind.HANG:
            self._wait_until_released(fault, stopping)
        if fault.rule.kind is Kind.GARBLE:
            return Response(_GARBLED, status=200, content_type="application/json; charset=UTF-8")
        if fault.rule.refusal is not None:
            return render(fault.rule.refusal)
        raise ConnectionDropped

    @staticmethod
    def _struck(rule: Rule, apply: Callable[[], Response]) -> Response:
        answer = apply() if rule.applied else None
        if rule.strike is not None:
            rule.strike(caller_port())
        return answer if answer is not None else apply()

    def _take(self, method: str) -> tuple[float, Fault | None]:
        seconds, chosen = 0.0, None
        with self._lock:
            for fault in list(self._laid):
                if not fnmatchcase(method, fault.rule.pattern) or fault.left == 0:
                    continue
                if fault.rule.kind is not Kind.SLOW and chosen is not None:
                    continue
                fault.hits += 1
                if fault.left is not None:
                    fault.left -= 1
                if fault.rule.kind is Kind.SLOW:
                    seconds += fault.rule.seconds
                else:
                    chosen = fault
        return seconds, chosen

    def _wait_until_released(self, fault: Fault, stopping: threading.Event) -> None:
        while not stopping.wait(_TICK_S):
            with self._lock:
                if fault not in self._laid:
                    return
