"""Having the mapped groups looked at now, adopting out-of-band members, and taking a brake off."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import typer

from accessbot import wiring
from accessbot.cli.exporting import progress
from accessbot.cli.options import open_store
from accessbot.cli.output import Row, print_json, print_table
from accessbot.cli.planned import chosen, vendors_context
from accessbot.cli.revoking import operator, storing_context
from accessbot.domain.durations import compact
from accessbot.domain.errors import Conflict, Refused, StoreUnavailable, Unclear
from accessbot.domain.groups import ALL_GROUPS
from accessbot.domain.work import Lane, Urgency
from accessbot.ports import urgency
from accessbot.service import evicting, reconciling
from accessbot.service.planning import Outcome, outcome

if TYPE_CHECKING:
    from rich.progress import Progress

    from accessbot.domain.model import Catalog
    from accessbot.domain.rosters import Stranger
    from accessbot.ports import Store

_LOOK_EVERY_S = 0.3
_TRIES = 5
_AT_ONCE = 20
_COLUMNS = ("GROUP", "WHAT IS LEFT", "WHO OR WHAT")


def run(only: Sequence[str], wait: timedelta, *, as_json: bool) -> int:
    """Have groups looked at by the workers and wait for it; give 0 when all were and nothing is left."""
    read, store = open_store()
    catalog = wiring.catalog_from(read).current()
    groups = chosen(store, catalog, only)
    _need_workers(store)
    with progress(quiet=as_json) as bar:
        results = _looked_at(store, catalog, groups, time.monotonic() + wait.total_seconds(), bar)
    if as_json:
        print_json(map(_row, results))
    else:
        print_table(_COLUMNS, [cells for each in results for cells in _cells(each)], "Nothing is left to do.")
        typer.echo(_sum(results, wait))
    return 0 if all(each.right for each in results) else 1


def adopt(group: str, *, as_json: bool) -> int:
    """Count a group's out-of-band members as standing, and tell who they are."""
    ctx = vendors_context()
    (name,) = chosen(ctx.store, ctx.catalog.current(), (group,))
    urgency.set(Urgency.SWEEPING)
    adopted: tuple[Stranger, ...] = ()
    for attempt in range(1, _TRIES + 1):
        try:
            adopted = reconciling.adopt(ctx, name, operator=operator())
        except Conflict as error:
            if attempt == _TRIES:
                raise Refused(f"Sweeps of {name} kept coming in between; nobody was adopted, run it again.") from error
            continue
        break
    if as_json:
        print_json({"group": name, "who": each.who, "google": each.google, "aws": each.aws} for each in adopted)
    elif adopted:
        typer.echo(f"Standing in {name} from now on: {', '.join(each.words for each in adopted)}.")
    else:
        typer.echo(f"{name} has no members without a grant; nothing was changed.")
    return 0


def release(group: str, *, as_json: bool) -> int:
    """Take the brake off one group, or off all groups together, and tell whether it was on."""
    read, store = open_store()
    key = ALL_GROUPS if group.strip().casefold() == "all" else group.strip().casefold()
    name = "all groups together" if key == ALL_GROUPS else key
    if key != ALL_GROUPS and store.roster(key) is None:
        raise Refused(f"{key} was never looked at, so no brake is on there; `accessbot reconcile --dry-run` lists all.")
    was_on = evicting.release(storing_context(read, store), key, operator=operator())
    if as_json:
        print_json([{"group": "all" if key == ALL_GROUPS else key, "released": int(was_on)}])
    elif was_on:
        typer.echo(f"The brake on {name} is off; members without a grant are removed again, without limit for an hour.")
    else:
        typer.echo(f"No brake was on for {name}; nothing was changed.")
    together = store.roster(ALL_GROUPS)
    if key != ALL_GROUPS and together is not None and together.braked_at is not None:
        typer.echo("The brake on all other groups is on still: `accessbot reconcile --release all`.", err=True)
    return 0


def _need_workers(store: Store) -> None:
    """Refuse at once what would only time out. Raises `Refused`."""
    alive = {role for _, role, *_ in store.beats()}
    for role, command in (("clock", "accessbot clock"), (f"worker:{Lane.SWEEP}", "accessbot worker")):
        if role not in alive:
            raise Refused(f"No {role} process is alive, so nothing would be looked at: start `{command}`.")


def _looked_at(store: Store, catalog: Catalog, groups: Sequence[str], deadline: float, bar: Progress) -> list[Outcome]:
    """Have groups looked at, a few at a time so that others' sweeps go on between them; give what came of each."""
    task = bar.add_task("Groups looked at", total=len(groups))
    found = {group: Outcome(group=group, done=False) for group in groups}
    waiting, asked = list(reversed(groups)), set[str]()
    while True:
        while waiting and len(asked) < _AT_ONCE:
            group = waiting.pop()
            reconciling.ask(store, group)
            asked.add(group)
        with suppress(StoreUnavailable, Unclear):  # it is asked again until the time is over
            found.update({group: outcome(store, catalog, group) for group in asked})
        asked -= {group for group in asked if found[group].done}
        bar.update(task, completed=sum(each.done for each in found.values()))
        if not (waiting or asked) or time.monotonic() >= deadline:
            return list(found.values())
        time.sleep(_LOOK_EVERY_S)


def _row(each: Outcome) -> Row:
    return {
        "group": each.group,
        "done": int(each.done),
        "out_of_band": len(each.left),
        "who": ", ".join(each.left) or None,
        "braked": int(each.braked),
        "fault": each.faults or None,
    }


def _cells(each: Outcome) -> Iterator[tuple[str, ...]]:
    if not each.done and not each.left:
        yield each.group, "not looked at yet", "`accessbot doctor` tells what is in the way"
    if each.left:
        held = "held by the brake" if each.braked else "not removed yet" if not each.done else "without a grant"
        yield each.group, held, ", ".join(each.left)
    if each.faults:
        yield each.group, "closed for new grants", each.faults


def _sum(results: Sequence[Outcome], wait: timedelta) -> str:
    done = sum(each.done for each in results)
    whole = f"{done:,} of {len(results):,} groups were looked at"
    if done < len(results):
        return f"{whole} within {compact(wait)}; the others go on being tried."
    left = sum(len(each.left) for each in results)
    return f"{whole}; members without a grant: {left:,}."
