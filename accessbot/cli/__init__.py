"""The door for operators: the command `accessbot`, one group of commands per module of this package."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

app = typer.Typer(name="accessbot", no_args_is_help=True, pretty_exceptions_enable=False)


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


def main() -> None:
    """Run the command line and leave with its exit status: 0 done, 1 refused or failed, 2 wrong usage."""
    app()
