"""What RQ may run: one function, given the name of a work. The records say the rest."""

from __future__ import annotations

from accessbot import wiring
from accessbot.domain.work import Work
from accessbot.service import working


def do(name: str) -> None:
    """Do the work of that name, e.g. `end|g_…`; harmless when it is done already or somebody else is at it."""
    working.run(wiring.process().context, Work.parse(name))
