"""How long a grant takes with slow vendors: from the click to usable, and to "ready", next to the calls made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import product
from typing import NamedTuple

from bench.company import Company, Path, company, until
from bench.figures import Measured, against_calls

_TARGET = "≤ 1.15, ≤ 100 ms"
_GROUPS = ("staging-admin", "data-analyst", "production-admin")
_PEOPLE = ("maya", "noah", "tomas", "ines")
_WARM = [("production-readonly", name) for name in ("maya", "noah", "tomas")]


class Grant(NamedTuple):
    """One grant's beginning: until it is usable, until it was read back, until the requester hears of it."""

    usable: Measured
    ready: Measured


def grant(company: Company, entitlement: str, name: str, duration: str = "5m") -> Grant:
    """Ask and approve, and measure from the click."""
    asking, priya = company.person(name), company.person("priya")
    reason = f"measured {entitlement} for {name}"
    asked = asking.command("/request-aws", f"{entitlement} {duration} {reason}")
    assert asked.ok, asked.error
    card = priya.wait_for_message("approvals", reason, timeout=30)
    before = len(asking.dms())
    clicked = datetime.now(UTC)
    assert priya.click(card, "Approve").ok
    asking.wait_for(lambda me: any("ready" in me.read(dm).lower() for dm in me.dms()[before:]), timeout=30)
    heard = datetime.now(UTC)
    group, email = f"aws-{entitlement}", f"{name}@example.com"
    until(lambda: ("aws", "added") in company.changes(group, email, clicked))
    usable = company.changes(group, email, clicked)["aws", "added"]

    def measured(end: datetime) -> Measured:
        return Measured((end - clicked).total_seconds(), company.calls(clicked, end, (group, email)))

    return Grant(measured(usable), measured(heard))


def run(groups: Sequence[str] = _GROUPS, people: Sequence[str] = _PEOPLE, warm: int = len(_WARM)) -> list[str]:
    """Measure one grant for each person in each group; give the lines to print."""
    first: list[Grant] = []
    following: list[Grant] = []
    with company(ACCESSBOT_MIN_DURATION="1s") as running:
        running.slow()
        started = [grant(running, *pair) for pair in _WARM[:warm]]
        for group, name in product(groups, people):
            (first if name == people[0] else following).append(grant(running, group, name))
    lines = ["click → in the Identity Center group, and → “ready” (Google 300 ms, AWS 150 ms a call)"]
    for title, some in (
        ("right after the start", started[:1]),
        ("first grant on a group", first),
        ("following grants on it", following),
    ):
        if some:
            lines.append(against_calls(f"{title}: usable", [each.usable for each in some], _TARGET))
            lines.append(against_calls(f"{title}: “ready”", [each.ready for each in some], ""))
    for title, some in (("first", first), ("following", following)):
        if some:
            lines.append(f"  calls of a {title} grant until usable: {_told(some[-1].usable.path)}")
            lines.append(f"  … and until “ready”: {_told(_beyond(some[-1]))}")
    return lines


def _beyond(one: Grant) -> Path:
    return Path(one.ready.path.names[len(one.usable.path.names) :])


def _told(path: Path) -> str:
    return ", ".join(name.removeprefix("aws.") for name in path.names)
