"""`accessbot doctor`: look at everything that accessbot depends on, and say what to do about what is wrong."""

from __future__ import annotations

import os

import typer

from accessbot.cli import options
from accessbot.cli.output import plain, print_json

_STYLES = {"ok": "green", "warning": "yellow", "wrong": "bold red"}


def doctor(*, as_json: options.AsJson = False) -> int:
    """Check settings, catalog, Redis, processes, Slack, Google, AWS and every mapped group; change nothing.

    The exit status is 1 if anything is wrong; warnings alone leave it at 0.
    """
    from rich.console import Console  # noqa: PLC0415 - help and completion start without these
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    from accessbot.cli.checks import examine  # noqa: PLC0415 - as above
    from accessbot.cli.findings import Finding, Status  # noqa: PLC0415 - as above

    findings: list[Finding] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    out = Console(highlight=False, soft_wrap=True)
    err = Console(stderr=True)
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("Settings", total=None)

        def show(what: str, done: int, total: int | None) -> None:
            bar.update(task, description=what, completed=done, total=total)

        for finding in examine(os.environ, show):
            findings.append(finding)
            if not as_json:
                line = Text(f"{finding.status:<8}", style=_STYLES[finding.status])
                out.print(line.append(f" {finding.check:<10} {plain(finding.detail)}", style="not bold default"))
    if as_json:
        print_json({"check": one.check, "status": str(one.status), "detail": one.detail} for one in findings)
    wrong = sum(finding.status is Status.WRONG for finding in findings)
    if wrong and not as_json:
        typer.echo(f"{wrong} {'finding is' if wrong == 1 else 'findings are'} wrong; each says what to do.", err=True)
    return 1 if wrong else 0
