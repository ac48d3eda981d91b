"""`accessbot restore`: a lost store made again from its exported audit log."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from accessbot.service.restoring import Plan


def restore(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="A whole export, then the increments that follow it, in order."),
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the files and tell; do not touch Redis.")] = False,
) -> None:
    """Rebuild an empty store from an exported audit log: requests, live grants and their ends, and the log itself.

    Every line is checked before anything is written. Stopped in the middle, it is run again with the same files.
    """
    from datetime import UTC, datetime  # noqa: PLC0415 - help and completion start without these

    from accessbot import log, settings, wiring  # noqa: PLC0415 - as above
    from accessbot.adapters import archive  # noqa: PLC0415 - as above
    from accessbot.cli.exporting import progress  # noqa: PLC0415 - as above
    from accessbot.cli.revoking import operator  # noqa: PLC0415 - as above
    from accessbot.domain.model import AuditEvent  # noqa: PLC0415 - as above
    from accessbot.service import restoring  # noqa: PLC0415 - as above

    if dry_run:
        _say(_planned(files), datetime.now(UTC), "Checked, nothing was written; a restore would bring back")
        return
    read = settings.load("cli", os.environ)
    log.configure("ERROR", hide=read.secrets())
    store = wiring.restorer_from(read)
    store.now()  # a Redis that is away is told before a long file is read
    source = archive.fingerprint(files)
    plan = _planned(files)
    with progress() as bar:
        tasks = {
            "events": bar.add_task("Events", total=plan.replay.seq),
            "records": bar.add_task("Records", total=sum(1 for _ in plan.records())),
            "due": bar.add_task("Due work", total=sum(1 for _ in plan.dues(store.now()))),
        }
        events = (placed.value for placed in archive.read(files) if isinstance(placed.value, AuditEvent))
        restoring.restore(store, plan, events, source, operator(), lambda what, done: bar.advance(tasks[what], done))
    _say(plan, store.now(), "Restored")


def _planned(files: Sequence[Path]) -> Plan:
    """Read and replay every line. Raises `ArchiveInvalid` with the place of the first mistake."""
    from accessbot.adapters import archive  # noqa: PLC0415 - help and completion start without these
    from accessbot.cli.exporting import progress  # noqa: PLC0415 - as above
    from accessbot.domain.replaying import Unreplayable  # noqa: PLC0415 - as above
    from accessbot.service.restoring import Plan  # noqa: PLC0415 - as above

    plan = Plan()
    with progress() as bar:
        task = bar.add_task("Checking", total=None)
        for placed in archive.read(files):
            try:
                plan.take(placed.value)
            except Unreplayable as error:
                raise archive.ArchiveInvalid(f"{placed.place}: {error.sentence}") from error
            bar.advance(task)
    return plan


def _say(plan: Plan, now: datetime, begun: str) -> None:
    live, over = len(plan.live), len(plan.over(now))
    typer.echo(
        f"{begun} {plan.replay.seq:,} events, {len(plan.replay.requests):,} requests ({len(plan.pending):,} pending),"
        f" {len(plan.replay.grants):,} grants ({live:,} live{f', {over:,} of them over and ending' if over else ''})."
    )
    for name in plan.replay.unended():
        typer.echo(f"{name} is not among them: too little of it was logged. Look after it by hand.", err=True)
