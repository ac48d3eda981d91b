"""`accessbot reconcile --dry-run`: what differs between the mapped groups and the grants, and what would be done."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import typer

from accessbot import log, settings, wiring
from accessbot.cli.exporting import counted, progress
from accessbot.cli.options import PATIENCE
from accessbot.cli.output import Row, print_json, print_table
from accessbot.domain.errors import Refused
from accessbot.domain.work import Urgency
from accessbot.ports import urgency
from accessbot.service.planning import Differs, Plan, Then, groups_of, plans

if TYPE_CHECKING:
    from accessbot.domain.model import Catalog
    from accessbot.ports import Store
    from accessbot.service.context import Context

_SHOWN = 10
_COLUMNS = ("GROUP", "WHAT DIFFERS", "WHO OR WHAT", "WOULD")
_WHAT = {
    Differs.MISSING: "a live grant's membership is missing",
    Differs.OUTLIVED: "a membership outlived its grant",
    Differs.OUT_OF_BAND: "a member without a grant",
    Differs.MAPPING: "the mapping is wrong",
    Differs.UNREAD: "could not be read",
}
_WOULD = {
    Then.PUT_BACK: "be put back",
    Then.REMOVE: "be removed",
    Then.REPORT: "be reported",
    Then.ADOPT: "be adopted as standing",
    Then.HOLD: "be removed, but the brake holds it",
    Then.CLOSE: "stay closed for new grants",
    Then.RETRY: "be tried again",
}


def show(only: Sequence[str], *, as_json: bool) -> int:
    """Look at the groups on both sides and print what differs; give 0 when nothing does and all could be read."""
    ctx = vendors_context()
    groups = chosen(ctx.store, ctx.catalog.current(), only)
    urgency.set(Urgency.SWEEPING)
    with progress(quiet=as_json) as bar:
        found = list(counted(bar, "Groups", plans(ctx, groups), len(groups)))
    if as_json:
        print_json(row for plan in found for row in _rows(plan))
    else:
        print_table(_COLUMNS, [cells for plan in found for cells in _cells(plan)], "Nothing differs.")
        for line in _sums(found):
            typer.echo(line)
    return 1 if any(plan.differences for plan in found) else 0


def vendors_context() -> Context:
    """Read what a worker needs, and plug it together. Raises `SettingsInvalid` and `CatalogInvalid`."""
    read = settings.load("worker", os.environ)
    log.configure("ERROR", hide=read.secrets())
    return wiring.context_from(read, wiring.parts_from(read, PATIENCE))


def chosen(store: Store, catalog: Catalog, only: Sequence[str]) -> tuple[str, ...]:
    """Give the groups that are asked for, each of which has to be a mapped one; all of them if none is.

    Raises `Refused` for another.
    """
    groups = groups_of(store, catalog)
    wanted = tuple(dict.fromkeys(name.strip().casefold() for name in only))
    for name in wanted:
        if name not in groups:
            raise Refused(f"{name} is no group of the catalog, and no grant is on it; name the Google group's email.")
    return wanted or groups


def _rows(plan: Plan) -> Iterator[Row]:
    base: Row = {"group": plan.group, "entitlement": plan.entitlement or None}
    standing: Row = {"standing_google": plan.google, "standing_aws": plan.aws, "first_look": int(plan.first)}
    for each in plan.differences:
        yield {**base, "differs": str(each.what), "who": each.who, "would": str(each.then), **standing}
    if not plan.differences:
        yield {**base, "differs": None, "who": None, "would": None, **standing}


def _cells(plan: Plan) -> Iterator[tuple[str, ...]]:
    for each in plan.differences:
        yield plan.group, _WHAT[each.what], each.who, _WOULD[each.then]


def _sums(found: Sequence[Plan]) -> Iterator[str]:
    first = [plan.group for plan in found if plan.first]
    if first:
        more = f" and {len(first) - _SHOWN} more" if len(first) > _SHOWN else ""
        yield (
            f"{_groups(len(first))} would be looked at for the first time, and whoever is there begins to count as"
            f" standing: {', '.join(first[:_SHOWN])}{more}."
        )
    would = Counter(each.then for plan in found for each in plan.differences)
    told = ", ".join(f"{would[then]:,} would {_WOULD[then]}" for then in Then if would[then]) or "nothing differs"
    google, aws = sum(plan.google or 0 for plan in found), sum(plan.aws or 0 for plan in found)
    standing = f"standing members: {google:,} at Google, {aws:,} in AWS"
    yield f"{_groups(len(found))}: {told}; {standing}. Nothing was changed."


def _groups(number: int) -> str:
    return f"{number:,} {'group' if number == 1 else 'groups'}"
