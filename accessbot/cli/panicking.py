"""Ending everything from the command line, with a question or a brake before it and a report after it."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from accessbot.cli.exporting import progress
from accessbot.cli.options import open_store
from accessbot.cli.output import Row, plain, print_json, print_list, print_table, rfc3339, shown
from accessbot.cli.revoking import operator, storing_context
from accessbot.cli.scoping import scope_of
from accessbot.domain.durations import compact
from accessbot.domain.errors import FieldRefused, Refused, StoreUnavailable, Unclear
from accessbot.domain.model import GrantState
from accessbot.domain.policy import check_reason
from accessbot.service import freezing, panicking

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from rich.progress import Progress

    from accessbot.domain.model import Grant
    from accessbot.domain.records import Freeze
    from accessbot.service.context import Context
    from accessbot.service.panicking import Found, Scope

_LOOK_EVERY_S = 0.3
_COLUMNS = ("ID", "EMAIL", "ENTITLEMENT", "STATE", "WHAT CAME OF IT")
_KEPT = {
    "standing": "ended; the membership was there before accessbot and stays",
    "overlap": "ended; another grant of the same group needed the membership then",
    "": "read back gone",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Brake:
    """What stands before it: nobody is asked with `yes`, and then it may be no more than `at_most` grants."""

    yes: bool
    at_most: int


def run(
    user: str | None,
    entitlement: str | None,
    reason: str,
    wait: timedelta,
    brake: Brake,
    *,
    keep_open: bool,
    as_json: bool,
) -> int:
    """End all of a scope and wait for the proof; give 0 once all is read back gone, 1 when it goes on.

    Raises `Refused` before anything was done: for an unknown scope, without a reason, and by the brake.
    """
    began = time.monotonic()
    settings, store = open_store()
    scope = scope_of(store, user, entitlement)
    found = panicking.find(store, scope)
    _check_asked(found, brake)
    why = _reason(reason, asking=not brake.yes)
    if not brake.yes:
        _confirm(scope, found, keep_open=keep_open)
        began = time.monotonic()
    ctx = storing_context(settings, store)
    before = store.now() if keep_open else None
    freezes = () if keep_open else panicking.hold_back(ctx, scope, operator=operator(), reason=why)
    with progress(quiet=as_json) as bar:
        ended, denied, proven = _end(ctx, scope, why, before, began + wait.total_seconds(), bar)
    panicking.tell(ctx, freezes, ended)
    rows = [grant for grant in (store.grant(each.id) for each in ended) if grant is not None]
    if as_json:
        print_json(map(_row, rows))
    else:
        if rows:
            print_table(_COLUMNS, map(_cells, rows), "")
        for line in _sums(scope, rows, denied, time.monotonic() - began, wait, freezes):
            typer.echo(line)
    return 0 if proven else 1


def release(user: str | None, entitlement: str | None, reason: str, *, as_json: bool) -> int:
    """Let new access of a scope through again, and tell whether it was held back."""
    settings, store = open_store()
    scope = scope_of(store, user, entitlement)
    ctx = storing_context(settings, store)
    lifted = [key for key in scope.keys if freezing.thaw(ctx, key, operator=operator(), reason=reason)]
    if as_json:
        print_json([{"key": key, "released": int(key in lifted)} for key in scope.keys])
    elif lifted:
        typer.echo(f"New access is let through again: {', '.join(map(plain, lifted))}.")
    else:
        typer.echo("Nothing was held back there; nothing was changed.")
    left = store.freezes()
    if left:
        typer.echo(f"Held back still: {', '.join(plain(each.key) for each in left)}.", err=True)
    return 0


def show(*, as_json: bool) -> int:
    """List what is held back."""
    _, store = open_store()
    print_list(
        sorted(store.freezes(), key=lambda each: each.at),
        as_json=as_json,
        row=_freeze_row,
        columns=("HELD BACK", "BY", "SINCE", "REASON"),
        cells=lambda each: (each.key, each.by, shown(each.at), each.reason),
        nothing="Nothing is held back.",
    )
    return 0


def _check_asked(found: Found, brake: Brake) -> None:
    """Refuse what nobody is there to confirm, and what is more than was meant."""
    if not brake.yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused("Nothing was done: there is no terminal to ask at; say --yes, and with --at-most how many.")
    number = len(found.held)
    if brake.yes and number > brake.at_most:
        raise Refused(
            f"Nothing was done: {number:,} grants would end, and without a question at most {brake.at_most:,} may;"
            f" leave --yes out, or say --at-most {number}."
        )


def _reason(given: str, *, asking: bool) -> str:
    text = given
    if not text.strip() and asking:
        text = str(typer.prompt("Why (everybody concerned reads it)", err=True))
    try:
        return check_reason(text)
    except FieldRefused as error:
        raise Refused(f"Nothing was done: {error.sentence} Give it with --reason.") from error


def _confirm(scope: Scope, found: Found, *, keep_open: bool) -> None:
    """Show what would end, and have the number of it typed. Raises `Refused` when another answer is given."""
    states = [
        (sum(g.state is GrantState.ACTIVE for g in found.grants), "live"),
        (sum(g.state is GrantState.PROVISIONING and g.not_before is None for g in found.grants), "being prepared"),
        (sum(g.state is GrantState.PROVISIONING and g.not_before is not None for g in found.grants), "to begin later"),
        (sum(g.state is GrantState.REVOKING for g in found.grants), "ending already"),
    ]
    told = ", ".join(f"{number:,} {words}" for number, words in states if number) or "none"
    typer.echo(f"This ends {plain(scope.words)}.", err=True)
    typer.echo(f"Grants: {told}. Pending requests that are denied: {len(found.pending):,}.", err=True)
    held = "goes on as ever" if keep_open else "is held back until you release it"
    typer.echo(f"New access {held}.", err=True)
    word = str(len(found.held)) if found.held else "panic"
    answer = str(typer.prompt(f"Type {word} to do it", default="", show_default=False, err=True))
    if answer.strip().replace(",", "") != word:
        raise Refused("Nothing was done: that is not what it takes.")


def _end(
    ctx: Context, scope: Scope, reason: str, before: datetime | None, deadline: float, bar: Progress
) -> tuple[Sequence[Grant], int, bool]:
    """Walk until a walk finds nothing; give the grants that ended or end, how many requests were denied, and if all.

    The first walk is made whatever the time. Raises `StoreUnavailable` and `Unclear` from it alone: what they keep
    from being begun is begun when this is run again.
    """
    seen: dict[str, Grant] = {}
    denied: set[str] = set()
    task = bar.add_task("Grants read back gone", total=None)
    while True:
        try:
            found = panicking.walk(ctx, scope, operator=operator(), reason=reason, before=before)
        except (StoreUnavailable, Unclear):
            if not seen or time.monotonic() >= deadline:
                raise
            time.sleep(_LOOK_EVERY_S)
            continue
        seen |= {grant.id: grant for grant in found.grants}
        denied |= {request.id for request in found.pending}
        bar.update(task, total=len(seen), completed=len(seen) - len(found.grants))
        if not found.grants and not found.pending:
            return tuple(seen.values()), len(denied), True
        if time.monotonic() >= deadline and not found.held:
            return tuple(seen.values()), len(denied), False
        time.sleep(_LOOK_EVERY_S)


def _sums(
    scope: Scope, rows: Sequence[Grant], denied: int, seconds: float, wait: timedelta, freezes: Iterable[Freeze]
) -> Iterable[str]:
    ended = sum(grant.ended for grant in rows)
    yield f"{ended:,} of {len(rows):,} grants have ended in {seconds:.1f} s; requests denied: {denied:,}."
    if ended < len(rows):
        yield (
            f"The others are not read back gone after {compact(wait)}; their ends go on and are retried until they are:"
            " `accessbot grants list --state revoking`."
        )
    if list(freezes):
        option = _option(scope)
        yield f"New access is held back until you release it: `accessbot panic --release {option}`."


def _option(scope: Scope) -> str:
    if scope.entitlement:
        return f"--entitlement {plain(scope.entitlement)}"
    return f"--user {scope.people[0]}" if scope.people else "--all"


def _seconds(grant: Grant) -> str:
    if grant.ended_at is None or grant.ending_at is None:
        return ""
    return f" after {(grant.ended_at - grant.ending_at).total_seconds():.1f} s"


def _cells(grant: Grant) -> tuple[str, ...]:
    if not grant.ended:
        what = f"goes on, waiting for {grant.waiting_for}" if grant.waiting_for else "goes on"
    else:
        what = f"{_KEPT[grant.kept]}{_seconds(grant)}"
    return grant.id, grant.email, grant.entitlement, str(grant.state), what


def _row(grant: Grant) -> Row:
    kept = grant.kept or "gone"
    return {
        "id": grant.id,
        "requester": grant.requester,
        "email": grant.email,
        "entitlement": grant.entitlement,
        "state": str(grant.state),
        "membership": kept if grant.ended else None,
        "ending_at": rfc3339(grant.ending_at),
        "ended_at": rfc3339(grant.ended_at),
        "waiting_for": grant.waiting_for or None,
    }


def _freeze_row(freeze: Freeze) -> Row:
    return {"key": freeze.key, "by": freeze.by, "since": rfc3339(freeze.at), "reason": freeze.reason}
