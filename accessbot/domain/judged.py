"""How a request is decided: what was found when it was judged, kept with it from then on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accessbot.domain.model import Fact


@dataclass(frozen=True, slots=True)
class Panel:
    """Who could decide in a step when it began: names (emails in lower case, Slack user ids), and what was unlisted."""

    eligible: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()

    def facts(self) -> dict[str, Fact]:
        """Give it as an event's data."""
        return {"eligible": " ".join(self.eligible), "unlisted": " ".join(self.unlisted)}


@dataclass(frozen=True, slots=True)
class Judged:
    """How a request is decided: the rule that matched ("" for none), the policy, the ticket, who decides first."""

    rule: str = ""
    policy: str = ""
    ticket: str = ""
    panel: Panel = field(default_factory=Panel)
