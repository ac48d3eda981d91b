"""`accessbot catalog …`: the catalog file."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from accessbot.cli import options
from accessbot.cli.output import Row, plain, print_json

if TYPE_CHECKING:
    from accessbot.service.checking import Finding

app = typer.Typer(no_args_is_help=True, help="The catalog of what people can ask for.")


@app.callback()
def _group() -> None:
    """The catalog of what people can ask for."""


@app.command("check")
def check(
    path: Annotated[
        Path | None,
        typer.Argument(help="The file; without it ACCESSBOT_CATALOG, else catalog.yml.", show_default=False),
    ] = None,
    *,
    live: Annotated[
        bool,
        typer.Option("--live", help="Also look in Google, Slack and the on-call sources for what the file names."),
    ] = False,
    as_json: options.AsJson = False,
) -> int:
    """Check a catalog file: every mistake is told with its line, and any makes the exit status 1.

    With --live what the file names has to be there, too: people, groups, shifts. This takes the settings of a worker.
    """
    from accessbot import settings  # noqa: PLC0415 - help and completion start without them
    from accessbot.adapters.catalog_file import read_catalog  # noqa: PLC0415 - as above

    read = settings.load("catalog", os.environ)
    file = path or read.catalog
    catalog = read_catalog(file, read.min_duration)
    findings = _look(file) if live else []
    if as_json:
        row: Row = {
            "path": str(file),
            "hash": catalog.hash,
            "accounts": len(catalog.accounts),
            "entitlements": len(catalog.entitlements),
            "policies": len(catalog.policies),
        }
        if live:
            row["findings"] = len(findings)
        print_json([row])
    for one in findings:
        typer.echo(plain(f"{file}: {one.about}: {one.sentence}"), err=True)
    if as_json or findings:
        return 1 if findings else 0
    counts = (
        _count(len(catalog.entitlements), "entitlement", "entitlements"),
        _count(len(catalog.accounts), "account", "accounts"),
        _count(len(catalog.policies), "policy", "policies"),
    )
    told = ", and so is all that it names" if live else ""
    typer.echo(f"{file} is right{told}: {', '.join(counts)}; hash {catalog.hash[:12]}")
    return 0


def _look(file: Path) -> list[Finding]:
    """Look in Google, Slack and the on-call sources for what a right catalog file names."""
    from rich.console import Console  # noqa: PLC0415 - a check of the file alone starts without these
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415 - as above

    from accessbot import log, settings, wiring  # noqa: PLC0415 - as above
    from accessbot.domain.work import Urgency  # noqa: PLC0415 - as above
    from accessbot.ports import urgency  # noqa: PLC0415 - as above
    from accessbot.service import checking  # noqa: PLC0415 - as above

    read = settings.load("worker", os.environ).model_copy(update={"catalog": file})
    log.configure("ERROR", hide=read.secrets())
    context = wiring.context_from(read)
    err = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    before = urgency.set(Urgency.SWEEPING)
    try:
        with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
            task = bar.add_task("Catalog", total=None)

            def show(what: str, done: int, total: int | None) -> None:
                bar.update(task, description=what, completed=done, total=total)

            return list(checking.look(context, context.catalog.current(), datetime.now(UTC), show))
    finally:
        urgency.reset(before)


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
