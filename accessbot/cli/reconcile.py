"""`accessbot reconcile`: the members of the mapped groups against the grants."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from accessbot.cli import options

_PATIENT = options.Span(timedelta(minutes=5))


def reconcile(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what differs; do nothing.")] = False,
    group: Annotated[
        list[str] | None, typer.Option(metavar="GROUP", help="Only this Google group (email); may be given again.")
    ] = None,
    adopt: Annotated[
        str | None, typer.Option(metavar="GROUP", help="Count its out-of-band members as standing from now on.")
    ] = None,
    release: Annotated[
        str | None, typer.Option(metavar="GROUP|all", help="Take the brake off: removals go on, without limit for 1h.")
    ] = None,
    timeout: Annotated[
        options.Span,
        typer.Option(parser=options.span, metavar="DURATION", help="How long to wait until all groups were looked at."),
    ] = _PATIENT,
    as_json: options.AsJson = False,
) -> int:
    """Have the workers compare the members of every mapped group with the grants now, and wait for it.

    The exit status is 0 when every group was read and nothing differs, or nothing is left to do; else 1.
    """
    modes = [name for name, given in (("--dry-run", dry_run), ("--adopt", adopt), ("--release", release)) if given]
    if len(modes) > 1:
        raise typer.BadParameter(f"{' and '.join(modes)} do not go together; run them one after the other.")
    if group and (adopt or release):
        raise typer.BadParameter(f"{modes[0]} names its group itself; leave --group out.")
    from accessbot.cli import planned, reconciling  # noqa: PLC0415 - help and completion start without these

    only = tuple(group or ())
    if dry_run:
        return planned.show(only, as_json=as_json)
    if adopt:
        return reconciling.adopt(adopt, as_json=as_json)
    if release:
        return reconciling.release(release, as_json=as_json)
    return reconciling.run(only, timeout.length, as_json=as_json)
