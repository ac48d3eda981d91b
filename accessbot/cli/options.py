"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from accessbot.domain.durations import compact, parse_duration
from accessbot.domain.errors import FieldRefused

if TYPE_CHECKING:
    from accessbot.adapters.redis_store import RedisStore
    from accessbot.settings import Settings

PATIENCE = timedelta(seconds=1.2)
"""How long a command waits for Redis: with its own start it has told of an absent one within three seconds."""


@dataclass(frozen=True, slots=True)
class Span:
    """A duration, in a class that the parser of options takes as it is."""

    length: timedelta

    def __str__(self) -> str:
        """Write it as it is typed, for the help."""
        return compact(self.length)


def span(text: str | Span) -> Span:
    """Read a duration given on the command line, or take a default as it is; what is none is wrong usage."""
    if isinstance(text, Span):
        return text
    try:
        return Span(parse_duration(text))
    except FieldRefused as error:
        raise typer.BadParameter(f"“{text}” is no duration; write it like 60s, 5m or 1h.") from error


@dataclass(frozen=True, slots=True)
class Moment:
    """A time, or a time ago."""

    at: datetime | None = None
    ago: timedelta = timedelta(0)

    def when(self, now: Callable[[], datetime]) -> datetime:
        """Give the time; `now` is asked only if it matters."""
        return self.at if self.at is not None else now() - self.ago


def moment(text: str) -> Moment:
    """Read `2026-11-24`, `2026-11-24T10:00:00Z` (UTC unless it says otherwise) or `2h` (ago)."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        try:
            return Moment(ago=parse_duration(text))
        except FieldRefused as error:
            told = f"“{text}” is no time; write 2026-11-24, 2026-11-24T10:00:00Z, or 2h for two hours ago."
            raise typer.BadParameter(told) from error
    return Moment(at=at if at.tzinfo is not None else at.replace(tzinfo=UTC))


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON array.")]
Person = Annotated[str | None, typer.Option(metavar="U…|EMAIL", help="Of this person: Slack user id or email.")]
OfEntitlement = Annotated[str | None, typer.Option("--entitlement", metavar="ID", help="Of this entitlement.")]
_WHEN = "a date, a time, or a duration ago"
Since = Annotated[Moment | None, typer.Option(parser=moment, metavar="TIME", help=f"From then on: {_WHEN}.")]
Until = Annotated[Moment | None, typer.Option(parser=moment, metavar="TIME", help=f"Before then: {_WHEN}.")]


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None leaves a thing open."""

    person: str | None
    entitlement: str | None
    since: datetime | None
    until: datetime | None

    def keeps(self, *, requester: str, email: str, entitlement: str, at: datetime) -> bool:
        """Tell whether a record is in the list."""
        who = self.person is None or self.person == requester or self.person.casefold() == email.casefold()
        what = self.entitlement is None or self.entitlement == entitlement
        after = self.since is None or at >= self.since
        return who and what and after and (self.until is None or at < self.until)


def filter_of(
    store: RedisStore, person: str | None, entitlement: str | None, since: Moment | None, until: Moment | None
) -> Filter:
    """Make a filter of the options; times ago count from the store's clock."""
    return Filter(
        person=person or None,
        entitlement=entitlement or None,
        since=since.when(store.now) if since else None,
        until=until.when(store.now) if until else None,
    )


def open_store() -> tuple[Settings, RedisStore]:
    """Read what a command on stored records needs, and open the store. Raises `SettingsInvalid`."""
    from accessbot import log, settings, wiring  # noqa: PLC0415 - help and completion start without them

    read = settings.load("cli", os.environ)
    # What a command has to say is its one line; the libraries' own warnings would only repeat it.
    log.configure("ERROR", hide=read.secrets())
    return read, wiring.store_from(read, PATIENCE)
