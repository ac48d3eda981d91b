"""`accessbot grants …`: grants, and their end by an operator."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from accessbot.cli import options
from accessbot.cli.output import Row, print_json, print_list, rfc3339, shown
from accessbot.domain.model import Grant, GrantState

app = typer.Typer(no_args_is_help=True, help="Grants: time-bound access.")

_PATIENT = options.Span(timedelta(seconds=60))
_COLUMNS = ("ID", "REQUESTER", "EMAIL", "ENTITLEMENT", "STATE", "STARTS", "EXPIRES", "ENDED")


@app.callback()
def _group() -> None:
    """Grants: time-bound access."""


@app.command("list")
def list_grants(
    *,
    person: options.Person = None,
    entitlement: options.OfEntitlement = None,
    since: options.Since = None,
    until: options.Until = None,
    state: Annotated[list[GrantState] | None, typer.Option(help="In this state; may be given again.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """List grants by the time they started; all of them, ended ones too, unless an option narrows it."""
    _, store = options.open_store()
    wanted = options.filter_of(store, person, entitlement, since, until)
    found = (
        grant
        for grant in store.grants(state or ())
        if wanted.keeps(requester=grant.requester, email=grant.email, entitlement=grant.entitlement, at=grant.starts_at)
    )
    print_list(found, as_json=as_json, row=_row, columns=_COLUMNS, cells=_cells, nothing="No grants.")


@app.command("revoke")
def revoke(
    grant_id: Annotated[str, typer.Argument(metavar="ID", help="The grant's id, as `grants list` shows it.")],
    *,
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")] = "",
    google_group_gone: Annotated[
        bool,
        typer.Option("--google-group-gone", help="Vouch that its Google group was deleted, should Google not find it."),
    ] = False,
    timeout: Annotated[
        options.Span,
        typer.Option(parser=options.span, metavar="DURATION", help="How long to wait for the proof that it is gone."),
    ] = _PATIENT,
    as_json: options.AsJson = False,
) -> int:
    """End a grant now and wait until its memberships were read back gone.

    The exit status is 0 only then. With 1 after the timeout the revoke goes on: it is retried until it is proven.
    --google-group-gone is for a group that was deleted for good: that Google does not find it proves nothing otherwise.
    """
    from accessbot.cli import revoking  # noqa: PLC0415 - help and completion start without it

    grant = revoking.revoke(grant_id, reason, timeout.length, google_group_gone=google_group_gone)
    if as_json:
        print_json([_row(grant)])
    else:
        typer.echo(f"{grant.id} has ended at {rfc3339(grant.ended_at)}; {_what_is_left(grant)}")
    return 0


def _what_is_left(grant: Grant) -> str:
    if grant.kept == "standing":
        return "the membership stays, because it was there before accessbot."
    if grant.kept:
        return "the membership stays, because another grant of the same group needs it."
    if grant.vouched_by:
        return f"AWS's membership was read back gone, and {grant.vouched_by} vouches that the Google group was deleted."
    return "both memberships were read back gone."


def _row(grant: Grant) -> Row:
    return {
        "id": grant.id,
        "request_id": grant.request_id,
        "requester": grant.requester,
        "email": grant.email,
        "entitlement": grant.entitlement,
        "state": str(grant.state),
        "starts_at": rfc3339(grant.starts_at),
        "expires_at": rfc3339(grant.expires_at),
        "ended_at": rfc3339(grant.ended_at),
    }


def _cells(grant: Grant) -> tuple[str, ...]:
    return (
        grant.id,
        grant.requester,
        grant.email,
        grant.entitlement,
        str(grant.state),
        shown(grant.starts_at),
        shown(grant.expires_at),
        shown(grant.ended_at),
    )
