"""`accessbot audit …`: the audit log."""

from __future__ import annotations

from typing import Annotated

import typer

from accessbot.cli import options
from accessbot.cli.output import Row, print_list, rfc3339, shown
from accessbot.domain.model import AuditEvent

app = typer.Typer(no_args_is_help=True, help="The audit log.")

_COLUMNS = ("SEQ", "TIME", "ACTOR", "ACTION", "SUBJECT", "BEFORE", "AFTER", "REASON")


def _slack_id(value: str | None) -> str | None:
    if value and "@" in value:
        raise typer.BadParameter("the audit log knows people by their Slack user id, like U0123456789.")
    return value


@app.callback()
def _group() -> None:
    """The audit log."""


@app.command("list")
def list_events(
    *,
    person: Annotated[
        str | None,
        typer.Option(callback=_slack_id, metavar="U…", help="By or about this person: Slack user id, or cli:USER."),
    ] = None,
    entitlement: options.OfEntitlement = None,
    since: options.Since = None,
    until: options.Until = None,
    state: Annotated[str | None, typer.Option(metavar="STATE", help="That led to this state.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """List what happened, in order; all of it unless an option narrows it."""
    _, store = options.open_store()
    wanted = options.filter_of(store, person, entitlement, since, until)
    events = store.audit(person=wanted.person, entitlement=wanted.entitlement, since=wanted.since, until=wanted.until)
    found = (event for event in events if state in {None, event.after})
    print_list(found, as_json=as_json, row=_row, columns=_COLUMNS, cells=_cells, nothing="No events.")


@app.command("export")
def export_events(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to; `-` is standard output.")],
    *,
    since_seq: Annotated[
        int, typer.Option("--since-seq", min=0, metavar="SEQ", help="Only what came after this event: an increment.")
    ] = 0,
) -> None:
    """Write the log to a file that a lost store can be restored from; only its owner may read it."""
    from accessbot.cli.exporting import export  # noqa: PLC0415 - help and completion start without it

    trailer = export(file, since_seq)
    typer.echo(f"Exported {trailer.count:,} events, up to {trailer.last_seq}.", err=True)


def _row(event: AuditEvent) -> Row:
    return {
        "seq": event.seq,
        "time": rfc3339(event.time),
        "actor": event.actor,
        "action": event.action,
        "subject": event.subject,
        "reason": event.reason,
        "before": event.before,
        "after": event.after,
    }


def _cells(event: AuditEvent) -> tuple[str, ...]:
    return (
        str(event.seq),
        shown(event.time),
        event.actor,
        event.action,
        event.subject,
        event.before or "",
        event.after or "",
        event.reason,
    )
