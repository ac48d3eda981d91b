"""What a press leads to, before it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from accessbot.domain.notices import Tone

if TYPE_CHECKING:
    from accessbot.domain.model import AuditEvent, Record
    from accessbot.domain.work import Due, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The answer to whoever pressed, and what changes with it, all in the same step."""

    sentence: str
    tone: Tone = Tone.DONE
    puts: tuple[Record, ...] = ()
    events: tuple[AuditEvent, ...] = ()
    due: tuple[Due, ...] = ()
    dropped: tuple[Work, ...] = ()
