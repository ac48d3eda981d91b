"""Reading what a catalog says about tickets."""

from __future__ import annotations

from datetime import timedelta

from accessbot.adapters import catalog_checks as checks
from accessbot.adapters import catalog_fields as read
from accessbot.adapters.catalog_fields import Mistakes
from accessbot.adapters.catalog_schedules import safe_address
from accessbot.adapters.catalog_yaml import Node
from accessbot.domain.durations import compact
from accessbot.domain.rules import Ticket

_LONGEST = timedelta(seconds=10)


def ticket(node: Node, what: str, mistakes: Mistakes) -> Ticket | None:
    """Read a ticket; None if anything is wrong with it."""
    before = len(mistakes.found)
    fields = read.record(node, what, mistakes, required=("pattern",), optional=("check", "timeout"))
    pattern = None
    if "pattern" in fields:
        pattern = read.exact(fields["pattern"], f"pattern of {what}", mistakes, checks.pattern)
    address: str | None = ""
    if "check" in fields:
        address = read.text(fields["check"], f"check of {what}", mistakes, most=2_000)
        if address is not None:
            safe_address(address, fields["check"].line, f"check of {what}", mistakes)
    timeout = None
    if "timeout" in fields:
        timeout = read.duration(fields["timeout"], f"timeout of {what}", mistakes)
        if timeout is not None and timeout > _LONGEST:
            mistakes.add(fields["timeout"].line, f"timeout of {what} is {compact(timeout)}; it can be 10s at most.")
        if "check" not in fields:
            mistakes.add(fields["timeout"].line, f"{what} has a timeout without check, which is what it would be for.")
    if len(mistakes.found) > before or pattern is None or address is None:
        return None
    if timeout is None:
        return Ticket(pattern=pattern, check=address)
    return Ticket(pattern=pattern, check=address, timeout=timeout)
