"""`accessbot requests …`: access requests."""

from __future__ import annotations

from typing import Annotated

import typer

from accessbot.cli import options
from accessbot.cli.output import Row, print_list, rfc3339, shown
from accessbot.domain.durations import spoken
from accessbot.domain.model import Request, RequestState

app = typer.Typer(no_args_is_help=True, help="Access requests.")

_COLUMNS = ("ID", "REQUESTER", "ENTITLEMENT", "STATE", "FOR", "CREATED", "DECIDED BY", "GRANT", "REASON")


@app.callback()
def _group() -> None:
    """Access requests."""


@app.command("list")
def list_requests(
    *,
    person: options.Person = None,
    entitlement: options.OfEntitlement = None,
    since: options.Since = None,
    until: options.Until = None,
    state: Annotated[list[RequestState] | None, typer.Option(help="In this state; may be given again.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """List access requests by the time they were made; all of them unless an option narrows it."""
    _, store = options.open_store()
    wanted = options.filter_of(store, person, entitlement, since, until)
    found = (
        request
        for request in store.requests(state or ())
        if wanted.keeps(
            requester=request.requester, email=request.email, entitlement=request.entitlement, at=request.created_at
        )
    )
    print_list(found, as_json=as_json, row=_row, columns=_COLUMNS, cells=_cells, nothing="No requests.")


def _row(request: Request) -> Row:
    return {
        "id": request.id,
        "requester": request.requester,
        "entitlement": request.entitlement,
        "duration_s": int(request.duration.total_seconds()),
        "reason": request.reason,
        "state": str(request.state),
        "created_at": rfc3339(request.created_at),
        "decided_by": request.decided_by or None,
        "grant_id": request.grant_id or None,
    }


def _cells(request: Request) -> tuple[str, ...]:
    return (
        request.id,
        request.requester,
        request.entitlement,
        str(request.state),
        spoken(request.duration),
        shown(request.created_at),
        request.decided_by,
        request.grant_id,
        request.reason,
    )
