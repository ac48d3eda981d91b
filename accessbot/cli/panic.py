"""`accessbot panic`: end everything now, of one person, of one entitlement, or of everybody."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from accessbot.cli import options

_PATIENT = options.Span(timedelta(seconds=60))


def panic(  # noqa: PLR0913 - one for each option
    *,
    user: Annotated[
        str | None, typer.Option(metavar="EMAIL|U…", help="All that this person holds: email or Slack user id.")
    ] = None,
    entitlement: Annotated[str | None, typer.Option(metavar="ID", help="All grants of this entitlement.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All grants there are.")] = False,
    reason: Annotated[str, typer.Option(help="Why; asked for on a terminal. Everybody concerned reads it.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; with more than --at-most grants do nothing.")] = False,
    at_most: Annotated[int, typer.Option(min=0, help="With --yes: how many grants it may be.")] = 100,
    keep_open: Annotated[bool, typer.Option("--keep-open", help="Do not hold back new access.")] = False,
    release: Annotated[bool, typer.Option("--release", help="Let new access through again.")] = False,
    status: Annotated[bool, typer.Option("--status", help="List what is held back, by whom and why.")] = False,
    timeout: Annotated[
        options.Span,
        typer.Option(parser=options.span, metavar="DURATION", help="How long to wait for the proof that all is gone."),
    ] = _PATIENT,
    as_json: options.AsJson = False,
) -> int:
    """Hold back new access and end every grant of a person, of an entitlement, or of everybody; wait for the proof.

    The exit status is 0 only when every grant has ended, which is after its memberships were read back. With 1 after
    the timeout the ends go on: they are retried until they are proven. New access stays held back until --release.
    """
    scopes = [
        name for name, given in (("--user", user), ("--entitlement", entitlement), ("--all", everything)) if given
    ]
    modes = [name for name, given in (("--release", release), ("--status", status)) if given]
    if len(modes) > 1 or (status and scopes):
        raise typer.BadParameter("--status stands alone; it lists everything that is held back.")
    if len(scopes) != 1 and not status:
        raise typer.BadParameter("Say what is meant, with one of --user, --entitlement and --all.")
    if release and (yes or keep_open):
        raise typer.BadParameter("--release ends nothing; leave --yes and --keep-open out.")
    from accessbot.cli import panicking  # noqa: PLC0415 - help and completion start without it

    if status:
        return panicking.show(as_json=as_json)
    if release:
        return panicking.release(user, entitlement, reason, as_json=as_json)
    return panicking.run(
        user,
        entitlement,
        reason,
        timeout.length,
        panicking.Brake(yes=yes, at_most=at_most),
        keep_open=keep_open,
        as_json=as_json,
    )
