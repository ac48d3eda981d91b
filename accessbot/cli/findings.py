"""What `accessbot doctor` finds: the shape of a finding, and how a failing check becomes one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from accessbot import log
from accessbot.domain.errors import AccessbotError

_log = log.get(__name__)

Show = Callable[[str, int, int | None], None]
"""Tells how far a check is: what it looks at, how much is done, and of how much (None: unknown)."""


class Status(StrEnum):
    """How a thing is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one thing; the detail of what is not fine says what to do."""

    check: str
    status: Status
    detail: str


def ok(check: str, detail: str) -> Finding:
    """Make a finding that a thing is fine."""
    return Finding(check, Status.OK, detail)


def warning(check: str, detail: str) -> Finding:
    """Make a finding that a thing works, but should be different."""
    return Finding(check, Status.WARNING, detail)


def wrong(check: str, detail: str) -> Finding:
    """Make a finding that a thing does not work."""
    return Finding(check, Status.WRONG, detail)


def guarded(check: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Give the findings of a check; a failure of it is one more finding, and the other checks go on."""
    try:
        yield from findings
    except AccessbotError as error:
        yield from (wrong(check, line) for line in error.lines)
    except Exception as error:  # noqa: BLE001 - the cause is logged, and one failing check must not hide the others
        _log.error("doctor.check_failed", check=check, exc_info=True)
        told = " ".join(log.redact(f"{type(error).__name__}: {error}").split())
        yield wrong(check, f"the check itself failed unexpectedly ({told}); report this.")
