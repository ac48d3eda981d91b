"""How long a grant and an end take with slow vendors, next to the calls they are made of."""

from __future__ import annotations

from datetime import UTC, datetime
from statistics import median
from typing import NamedTuple

from accessbot.domain.model import GrantState
from accessbot.sandbox.run import sandbox
from bench.company import Company, Path, until

_MAYA, _PRIYA, _EMAIL = "U01MAYA", "U03PRIYA", "maya@example.com"
_ENTITLEMENT, _DURATION = "staging-admin", "5s"


class Round(NamedTuple):
    """One grant's life, in seconds: what was measured, and the calls that were made meanwhile."""

    usable: float
    usable_path: Path
    gone: float
    gone_path: Path
    early: float


def life(company: Company, number: int) -> Round:
    """Ask, approve, wait until it is usable, wait until it is gone; measure from the click and from the end."""
    maya, priya = company.person(_MAYA), company.person(_PRIYA, "approvals")
    reason = f"measured life {number}"
    maya.command("/request-aws", f"{_ENTITLEMENT} {_DURATION} {reason}")
    card = priya.wait_for_message("approvals", reason, timeout=30)
    clicked = datetime.now(UTC)
    priya.click(card, "Approve")
    usable = until(lambda: company.members(_ENTITLEMENT, _EMAIL)[1])
    until(lambda: any(company.box.store.grants((GrantState.ACTIVE,))))
    grant = next(company.box.store.grants((GrantState.ACTIVE,)))
    gone = until(lambda: not any(company.members(_ENTITLEMENT, _EMAIL)))
    until(lambda: not any(company.box.store.grants((GrantState.ACTIVE, GrantState.REVOKING))))
    removing = next(g for g in company.box.store.grants((GrantState.REVOKED,)) if g.id == grant.id)
    return Round(
        (usable - clicked).total_seconds(),
        company.calls(clicked, usable),
        (gone - removing.expires_at).total_seconds(),
        company.calls(removing.expires_at, gone),
        max(0.0, (removing.expires_at - gone).total_seconds()),
    )


def run(rounds: int = 5) -> list[str]:
    """Measure some lives, the first of which also reads what the group opens; give the lines to print."""
    with sandbox(extra={"ACCESSBOT_MIN_DURATION": "1s"}) as box:
        company = Company(box)
        company.slow()
        lives = [life(company, number) for number in range(rounds + 1)]
    first, others = lives[0], lives[1:]
    lines = [
        "click → in the Identity Center group (Google 300 ms, AWS 150 ms a call)",
        _line("first grant on a group", [first.usable], first.usable_path),
        _line(f"median of {rounds} more", [each.usable for each in others], others[-1].usable_path),
        "end → in neither group",
        _line(f"median of {rounds}", [each.gone for each in others], others[-1].gone_path),
        f"  too early, worst of all: {max(each.early for each in lives) * 1000:.0f} ms",
    ]
    for title, path in (("grant", others[-1].usable_path), ("end", others[-1].gone_path)):
        lines.append(f"calls of one {title}: {', '.join(path.names)}")
    return lines


def _line(what: str, measured: list[float], path: Path) -> str:
    took, must = median(measured), path.seconds
    return (
        f"  {what:<24} {took:6.2f} s   its {len(path.names):2} calls {must:5.2f} s"
        f"   ratio {took / must if must else 0:5.2f}   over {(took - must) * 1000:5.0f} ms"
    )
