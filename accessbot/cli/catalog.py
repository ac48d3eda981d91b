"""`accessbot catalog …`: the catalog file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from accessbot.cli import options
from accessbot.cli.output import print_json

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
    as_json: options.AsJson = False,
) -> None:
    """Check a catalog file: every mistake is told with its line, and any makes the exit status 1."""
    from accessbot import settings  # noqa: PLC0415 - help and completion start without them
    from accessbot.adapters.catalog_file import read_catalog  # noqa: PLC0415 - as above

    read = settings.load("catalog", os.environ)
    file = path or read.catalog
    catalog = read_catalog(file, read.min_duration)
    if as_json:
        print_json(
            [
                {
                    "path": str(file),
                    "hash": catalog.hash,
                    "accounts": len(catalog.accounts),
                    "entitlements": len(catalog.entitlements),
                    "policies": len(catalog.policies),
                }
            ]
        )
        return
    counts = (
        _count(len(catalog.entitlements), "entitlement", "entitlements"),
        _count(len(catalog.accounts), "account", "accounts"),
        _count(len(catalog.policies), "policy", "policies"),
    )
    typer.echo(f"{file} is right: {', '.join(counts)}; hash {catalog.hash[:12]}")


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
