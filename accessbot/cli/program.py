"""The tree of commands."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from accessbot.cli import (
    audit,
    catalog,
    doctor,
    grants,
    oncall,
    panic,
    policy,
    processes,
    reconcile,
    requests,
    restoring,
    reviews,
)

app = typer.Typer(
    name="accessbot",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(grants.app, name="grants")
app.add_typer(requests.app, name="requests")
app.add_typer(reviews.app, name="reviews")
app.add_typer(audit.app, name="audit")
app.add_typer(catalog.app, name="catalog")
app.add_typer(oncall.app, name="oncall")
app.add_typer(policy.app, name="policy")
app.command("doctor")(doctor.doctor)
app.command("reconcile")(reconcile.reconcile)
app.command("panic")(panic.panic)
app.command("restore")(restoring.restore)
app.command("worker")(processes.worker)
app.command("clock")(processes.clock)
app.command("sandbox")(processes.sandbox)


def _show_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"accessbot {version('accessbot')}")
        raise typer.Exit


@app.callback()
def _accessbot(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Time-bound AWS access through Slack."""
