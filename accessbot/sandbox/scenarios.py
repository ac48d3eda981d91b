"""What there is to try in the sandbox beyond its guided minute: one short scene for each thing that policies can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_GENERAL: Final = "C03GENERAL"
_REQUEST: Final = "/request-aws"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scene: what it shows, who begins it, and what that person types; without `typed` it is watched only."""

    id: str
    title: str
    text: str
    person: str
    name: str
    typed: str = ""
    channel: str = _GENERAL

    def shown(self) -> dict[str, Any]:
        """Write it the way the page reads it."""
        do: dict[str, str] = {"as": self.person, "channel": self.channel}
        if self.typed:
            do["text"] = self.typed
        label = f"Type it as {self.name}" if self.typed else f"Be {self.name}"
        return {"id": self.id, "title": self.title, "text": self.text, "do": {"label": label, **do}}


SCENARIOS: Final[Sequence[Scenario]] = (
    Scenario(
        "steps",
        "The manager first, then security",
        "Priya is Maya's manager and decides first; Ines is pinged only then. Nobody counts in both steps.",
        "U01MAYA",
        "Maya",
        f"{_REQUEST} payments-ledger 10m correct booking 4711",
    ),
    Scenario(
        "on-call",
        "Whoever is on call needs nobody",
        "Tomas is on call for SRE. Hand it over above, and the same words wait for an approver.",
        "U04TOMAS",
        "Tomas",
        f"{_REQUEST} production-operator 10m disk is full",
    ),
    Scenario(
        "shift",
        "Access for exactly a shift",
        "Hand the data platform over above: data-oncall comes to that person, and leaves with the next hand-over.",
        "U05INES",
        "Ines",
        channel="C02ALERTS",
    ),
    Scenario(
        "ticket",
        "A ticket that has to be open",
        "OPS-404 is closed and refused, OPS-12 is open. While the ticket system is broken nobody is asked to decide.",
        "U01MAYA",
        "Maya",
        f"{_REQUEST} data-export 10m OPS-404 figures of the quarter",
    ),
    Scenario(
        "deny",
        "A rule that says no",
        "Rules that deny are looked at first, and say why and by which rule.",
        "U01MAYA",
        "Maya",
        f"{_REQUEST} data-export 10m OPS-12 just testing",
    ),
    Scenario(
        "emergency",
        "An emergency",
        "Approved at once and told loudly; when it is over, Ines closes its review. Three in a day, and it steps down.",
        "U02NOAH",
        "Noah",
        f"{_REQUEST} emergency production-network 1m INC-7 no route to payments",
    ),
    Scenario(
        "escalation",
        "Nobody answers",
        "Security has twenty seconds. After that the SRE leads may decide too, and are pinged.",
        "U02NOAH",
        "Noah",
        f"{_REQUEST} production-network 2m a new peering",
    ),
    Scenario(
        "several",
        "Several at once",
        "One request for two things, decided together. More options in the form has a later start, and colleagues.",
        "U01MAYA",
        "Maya",
        f"{_REQUEST} production-readonly,staging-admin 10m compare the two",
    ),
)
