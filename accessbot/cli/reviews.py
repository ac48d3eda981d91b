"""`accessbot reviews …`: the reviews of emergencies, and closing one on an operator's word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from accessbot.cli import options
from accessbot.cli.output import Row, print_json, print_list, rfc3339, shown
from accessbot.domain.records import Review, ReviewState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accessbot.adapters.redis_store import RedisStore

app = typer.Typer(no_args_is_help=True, help="Reviews of emergencies.")

_COLUMNS = ("ID", "STATE", "EMAIL", "ENTITLEMENT", "INCIDENT", "OPENED", "REMINDED", "CLOSED", "CLOSED BY", "REASON")


@app.callback()
def _group() -> None:
    """Reviews of emergencies."""


@app.command("list")
def list_reviews(
    *,
    all_: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """List the reviews that nobody closed yet, oldest first; with --all every one, by the start of its emergency."""
    _, store = options.open_store()
    found = _all(store) if all_ else store.open_reviews()
    print_list(found, as_json=as_json, row=_row, columns=_COLUMNS, cells=_cells, nothing="No reviews.")


@app.command("close")
def close(
    review_id: Annotated[str, typer.Argument(metavar="ID", help="The review's id, as `reviews list` shows it.")],
    *,
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")],
    justified: Annotated[bool, typer.Option("--justified", help="The emergency was one.")] = False,
    not_justified: Annotated[
        bool, typer.Option("--not-justified", help="It was none; the administrators are told in the channel.")
    ] = False,
    as_json: options.AsJson = False,
) -> int:
    """Close a review in place of its owners, for good; its message in Slack says who did.

    It can be closed once the access has ended.
    """
    if justified == not_justified:
        raise typer.BadParameter("Say one of --justified and --not-justified.")
    from accessbot.cli.revoking import operator, storing_context  # noqa: PLC0415 - help and completion start without it
    from accessbot.service import reviewing  # noqa: PLC0415 - as above

    ctx = storing_context(*options.open_store())
    state = ReviewState.JUSTIFIED if justified else ReviewState.NOT_JUSTIFIED
    closed = reviewing.close(ctx, operator=operator(), review_id=review_id, state=state, reason=reason)
    if as_json:
        print_json([_row(closed)])
    else:
        typer.echo(f"{closed.id} is closed as {'justified' if justified else 'not justified'}.")
    return 0


def _all(store: RedisStore) -> Iterator[Review]:
    from accessbot.service.schedule import review_of  # noqa: PLC0415 - help and completion start without it

    reviews = (store.review(review_of(grant)) for grant in store.grants() if grant.emergency)
    return (review for review in reviews if review is not None)


def _row(review: Review) -> Row:
    return {
        "id": review.id,
        "grant_id": review.grant_id,
        "request_id": review.request_id,
        "requester": review.requester,
        "email": review.email,
        "entitlement": review.entitlement,
        "policy": review.policy,
        "incident": review.incident,
        "state": str(review.state),
        "opened_at": rfc3339(review.opened_at),
        "reminded": review.reminded,
        "closed_by": review.closed_by or None,
        "closed_at": rfc3339(review.closed_at),
        "reason": review.reason or None,
    }


def _cells(review: Review) -> tuple[str, ...]:
    return (
        review.id,
        str(review.state),
        review.email,
        review.entitlement,
        review.incident,
        shown(review.opened_at),
        str(review.reminded),
        shown(review.closed_at),
        review.closed_by,
        review.reason,
    )
