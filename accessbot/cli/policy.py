"""`accessbot policy …`: what the catalog's policies and rules come to, for one person, in tests, and after a change."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from accessbot.cli import options
from accessbot.cli.options import Span
from accessbot.cli.output import Row, print_json

_MARKS = {"gain": "+", "loss": "-", "either": "±", "neither": "="}
_STYLES = {"gain": "green", "loss": "red", "either": "yellow", "neither": "dim"}

app = typer.Typer(no_args_is_help=True, help="What policies and rules come to.")


@app.callback()
def _group() -> None:
    """What policies and rules come to."""


def _at(text: str) -> datetime:
    """Read `2026-11-24T18:00:00Z`, or `2026-11-24 18:00` without a zone; anything else is wrong usage."""
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"“{text}” is no time; write 2026-11-24T18:00:00Z or 2026-11-24 18:00.") from error


@app.command("explain")
def explain(
    user: Annotated[str, typer.Argument(help="Who asks: their email.", show_default=False)],
    entitlement: Annotated[str, typer.Argument(help="What for: the entitlement's id.", show_default=False)],
    *,
    at: Annotated[
        datetime | None,
        typer.Option(parser=_at, metavar="TIME", help="When; without a zone by the clock of USER. Default: now."),
    ] = None,
    duration: Annotated[
        Span | None, typer.Option(parser=options.span, metavar="DURATION", help="For how long; default: the usual.")
    ] = None,
    reason: Annotated[str, typer.Option(help="The reason, where a ticket or an expression looks at it.")] = "",
    emergency: Annotated[bool, typer.Option("--emergency", help="As emergency access.")] = False,
    as_json: options.AsJson = False,
) -> int:
    """Tell what would come of a request, and why; nothing is asked for.

    Who USER is, and which groups and schedules cover them, is read live from Slack, Google and the schedules' sources.
    With --at, rotations and feeds are read for that time; groups only tell of now. A TIME without a zone is what the
    clock of USER shows in the zone that Slack knows. The exit status is 0 whatever the verdict, 1 if none can be told.
    """
    from accessbot.cli.policy_explaining import Wanted, run  # noqa: PLC0415 - help and completion start without them

    wanted = Wanted(
        email=user,
        entitlement=entitlement,
        at=at,
        duration=duration.length if duration is not None else None,
        reason=reason,
        emergency=emergency,
    )
    return run(wanted, as_json=as_json)


@app.command("test")
def try_out(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The file of people and cases.", show_default=False)],
    *,
    catalog: Annotated[
        Path | None, typer.Option(help="The catalog; without it ACCESSBOT_CATALOG, else catalog.yml.")
    ] = None,
    as_json: options.AsJson = False,
) -> int:
    """Tell whether a catalog comes to what a file expects: each case that fails with its line. No vendor is asked.

    The exit status is 1 when any case fails, or the file or the catalog has mistakes.
    """
    from accessbot import settings  # noqa: PLC0415 - help and completion start without them
    from accessbot.adapters.catalog_file import read_catalog  # noqa: PLC0415 - as above
    from accessbot.cli.policy_testing import run  # noqa: PLC0415 - as above

    read = settings.load("catalog", os.environ)
    return run(path, read_catalog(catalog or read.catalog, read.min_duration), read, as_json=as_json)


@app.command("diff")
def diff(
    old: Annotated[Path, typer.Argument(help="The catalog before.", show_default=False)],
    new: Annotated[Path, typer.Argument(help="The catalog after.", show_default=False)],
    *,
    fail_on_gain: Annotated[
        bool, typer.Option("--fail-on-gain", help="Leave with 1 when anybody gains, or may gain.")
    ] = False,
    as_json: options.AsJson = False,
) -> int:
    """Tell who gains (+) and who loses (-) what by a change of the catalog.

    What can be a gain for some and a loss for others is marked ±, what changes nobody's access =. The exit status is 0,
    with --fail-on-gain 1 for any + or ±.
    """
    from accessbot import settings  # noqa: PLC0415 - help and completion start without them
    from accessbot.adapters.catalog_file import read_catalog  # noqa: PLC0415 - as above
    from accessbot.domain.differences import differences, may_widen  # noqa: PLC0415 - as above

    read = settings.load("catalog", os.environ)
    found = differences(read_catalog(old, read.min_duration), read_catalog(new, read.min_duration))
    if as_json:
        print_json(Row(about=each.about, sign=str(each.sign), text=each.text) for each in found)
    else:
        _print_marked([(each.about, str(each.sign), each.text) for each in found])
    return 1 if fail_on_gain and may_widen(found) else 0


def _print_marked(lines: list[tuple[str, str, str]]) -> None:
    """Print differences under what they are about."""
    from rich.console import Console  # noqa: PLC0415 - not needed for JSON
    from rich.text import Text  # noqa: PLC0415 - as above

    from accessbot.cli.output import plain  # noqa: PLC0415 - as above

    console = Console(highlight=False, soft_wrap=True)
    last = ""
    for about, sign, text in lines:
        if about != last:
            console.print(Text(plain(about), style="bold"))
        last = about
        console.print(Text(f"  {_MARKS[sign]} {plain(text)}", style=_STYLES[sign]))
    if not lines:
        Console(stderr=True, highlight=False).print(Text("Nobody gains or loses anything.", style="dim"))
