"""Reading the store: every read is by key or by an index of just what is asked for, and long ones come in pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from accessbot.adapters import redis_codec as codec
from accessbot.adapters import redis_scripts as scripts
from accessbot.adapters.redis_commit import parted
from accessbot.adapters.redis_keys import AUDIT, AUDIT_STATE, FREEZES, REVIEWS, TALLIES, key
from accessbot.domain.model import GrantState, RequestState
from accessbot.domain.work import Lane

if TYPE_CHECKING:
    from accessbot.adapters.redis_client import Caller
    from accessbot.domain.groups import GroupMapping, Roster
    from accessbot.domain.model import AuditEvent, Board, Click, Grant, Pair, Request
    from accessbot.domain.records import Delegation, Freeze, Review, ShiftBook

_T = TypeVar("_T")
_PAGE: Final = 200


class Reads:
    """The reading half of the store."""

    def __init__(self, caller: Caller) -> None:
        """Read through `caller`."""
        self._caller = caller

    # --- one record ---

    def request(self, request_id: str) -> Request | None:
        """Read one request; None if there is none of that id."""
        return self._one(codec.REQUESTS, request_id)

    def grant(self, grant_id: str) -> Grant | None:
        """Read one grant; None if there is none of that id."""
        return self._one(codec.GRANTS, grant_id)

    def pair(self, key: str) -> Pair | None:
        """Read what is known of a (group, person) pair."""
        return self._one(codec.PAIRS, key)

    def mapping(self, google_group: str) -> GroupMapping | None:
        """Read what a Google group was last found to open."""
        return self._one(codec.MAPPINGS, google_group)

    def mapped_to(self, aws_group_id: str) -> frozenset[str]:
        """Give the Google groups that an Identity Center group was ever pinned to."""
        return frozenset(self._caller.command("SMEMBERS", key("mapped", aws_group_id)))

    def roster(self, google_group: str) -> Roster | None:
        """Read who is in a mapped group beside those whom grants put there."""
        return self._one(codec.ROSTERS, google_group)

    def click(self, click_id: str) -> Click | None:
        """Read one press of a button."""
        return self._one(codec.CLICKS, click_id)

    def board(self, key: str) -> Board | None:
        """Read which copies of a message were sent."""
        return self._one(codec.BOARDS, key)

    def review(self, review_id: str) -> Review | None:
        """Read the review of an emergency."""
        return self._one(codec.REVIEWS, review_id)

    def open_reviews(self) -> tuple[Review, ...]:
        """List the reviews that nobody closed yet, oldest first."""
        return self._listed(codec.REVIEWS, REVIEWS)

    def delegation(self, slack_id: str) -> Delegation | None:
        """Read in whose hands a person left their decisions last, whether that is over or not."""
        return self._one(codec.DELEGATIONS, slack_id)

    def delegations_to(self, slack_id: str) -> tuple[Delegation, ...]:
        """List the delegations to a person, those that are over for less than a day included."""
        found = self._all(codec.DELEGATIONS, key("delegated", slack_id))
        return tuple(each for each in found if each.delegate == slack_id)

    def shift_book(self, schedule: str) -> ShiftBook | None:
        """Read what an on-call schedule last said."""
        return self._one(codec.SHIFT_BOOKS, schedule)

    def freeze(self, key: str) -> Freeze | None:
        """Read the last freeze of a key, be it in force or lifted."""
        return self._one(codec.FREEZES, key)

    def freezes(self, keys: Sequence[str] = ()) -> tuple[Freeze, ...]:
        """List the freezes in force: of these keys, else all."""
        if not keys:
            found: Iterable[Freeze] = self._all(codec.FREEZES, FREEZES)
        else:
            stored = self._caller.command("MGET", *(key(codec.FREEZES.word, each) for each in keys))
            found = _read_all(codec.FREEZES, zip(keys, stored, strict=True))
        return tuple(each for each in found if not each.lifted)

    def is_live(self, grant_id: str) -> timedelta | None:
        """Give the time a grant is live for still, by its expiry key; None when it is not live."""
        left = int(self._caller.command("PTTL", key("live", grant_id)))
        return timedelta(milliseconds=left) if left > 0 else None

    # --- what one person or one pair has ---

    def grants_of(self, requester: str) -> tuple[Grant, ...]:
        """List a person's grants that have not ended, soonest end first; cost grows with that person's alone."""
        return self._listed(codec.GRANTS, key("held", requester))

    def grants_on(self, pair: str) -> tuple[Grant, ...]:
        """List the grants on a pair that have not ended, soonest end first."""
        group, user = parted(pair)
        found = self._on(group, f"[{user} ", f"({user}!")
        return tuple(sorted(found, key=lambda grant: grant.expires_at))

    def grants_in(self, google_group: str) -> Iterator[Grant]:
        """Walk the grants on a Google group whose ids are known and that have not ended, in pages, by person."""
        return self._on(google_group, "-", "+")

    def left(self, google_group: str, since: datetime) -> dict[str, datetime]:
        """Give the Google users whose last grant on a group ended at or after a time, each with that end."""
        flat = self._caller.command(
            "ZRANGE", key("left", google_group), codec.to_ms(since), "+inf", "BYSCORE", "WITHSCORES"
        )
        return {user: codec.from_ms(int(float(ms))) for user, ms in zip(flat[::2], flat[1::2], strict=True)}

    def pending_of(self, requester: str) -> tuple[Request, ...]:
        """List a person's pending requests, oldest first."""
        return self._listed(codec.REQUESTS, key("pending", requester))

    def recent_grants(self, requester: str, since: datetime) -> tuple[Grant, ...]:
        """List a person's grants that were approved since (at most 30 days ago), ended ones too, in that order."""
        names = self._caller.command("ZRANGE", key("recent", requester), codec.to_ms(since), "+inf", "BYSCORE")
        return self._named(codec.GRANTS, names)

    def grants_for(self, schedule: str) -> tuple[Grant, ...]:
        """List the grants that have not ended and are for shifts of a schedule."""
        return self._all(codec.GRANTS, key("shift", schedule))

    def bundle(self, bundle: str) -> tuple[Request, ...]:
        """List the requests that were asked for together, in the order of their ids."""
        return self._all(codec.REQUESTS, key("bundle", bundle))

    # --- all of them ---

    def grants(self, states: Sequence[GrantState] = ()) -> Iterator[Grant]:
        """Walk all grants (of the given states), in pages, by start.

        What changes while one walks is given once, as it is when its page is read. What stays is never left out.
        """
        return self._walk(codec.GRANTS, [key("grants", state) for state in states or tuple(GrantState)])

    def requests(self, states: Sequence[RequestState] = ()) -> Iterator[Request]:
        """Walk all requests (of the given states), in pages, by creation; as `grants` does."""
        return self._walk(codec.REQUESTS, [key("requests", state) for state in states or tuple(RequestState)])

    def audit(
        self,
        *,
        person: str | None = None,
        entitlement: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[AuditEvent]:
        """Walk the audit log in order of `seq`, in pages; filters combine.

        `person` matches the requester or the actor. `since` is included, `until` is not.
        """
        first = 0 if since is None else codec.to_ms(since)
        lists = [key("audit:person", person)] if person else []
        lists += [key("audit:entitlement", entitlement)] if entitlement else []
        late, best, place = self._caller.script(
            scripts.AUDIT_FIND, [AUDIT_STATE, *(lists or [key("audit:person", "")])], [first]
        )
        last = None if until is None else codec.to_ms(until) + int(late)
        entries = self._indexed(lists[int(best) - 1], int(place)) if lists else self._stream(first)
        for entry, raw in entries:
            if last is not None and int(entry.partition("-")[0]) > last:
                return
            event = codec.read_event(entry, raw)
            if (
                (person is None or person in (event.person, event.actor))
                and (entitlement is None or entitlement == event.entitlement)
                and (since is None or event.time >= since)
                and (until is None or event.time < until)
            ):
                yield event

    def count(self) -> dict[str, int]:
        """Count grants and requests by state, works by lane, audit events, in one step; then what was tallied.

        `due.<lane>` counts every work in the index, `ready.<lane>` those whose time has come and nobody took yet.
        """
        names = {f"grants.{state}": key("grants", state) for state in GrantState}
        names |= {f"requests.{state}": key("requests", state) for state in RequestState}
        names |= {f"due.{lane}": key("due", lane) for lane in Lane}
        names |= {f"ready.{lane}": key("due", lane) for lane in Lane}
        how = ["due" if name.startswith("ready.") else "all" for name in names]
        counts = self._caller.script(scripts.COUNT, [AUDIT, *names.values()], how)
        tallies = self._caller.command("HGETALL", TALLIES)
        told = dict(zip(("audit", *names), map(int, counts), strict=True))
        return told | {str(name): int(times) for name, times in tallies.items()}

    # --- how ---

    def _one(self, kind: codec.Kind[_T], name: str) -> _T | None:
        return kind.read(name, self._caller.command("GET", key(kind.word, name)))

    def _listed(self, kind: codec.Kind[_T], index: str) -> tuple[_T, ...]:
        found = self._caller.script(scripts.LISTED, [index], [key(kind.word, "")])
        return tuple(_read_all(kind, zip(found[::2], found[1::2], strict=True)))

    def _all(self, kind: codec.Kind[_T], index: str) -> tuple[_T, ...]:
        """Read the records whose names a set holds, in the order of their names."""
        return self._named(kind, sorted(self._caller.command("SMEMBERS", index)))

    def _named(self, kind: codec.Kind[_T], names: Sequence[str]) -> tuple[_T, ...]:
        if not names:
            return ()
        stored = self._caller.command("MGET", *(key(kind.word, name) for name in names))
        return tuple(_read_all(kind, zip(names, stored, strict=True)))

    def _on(self, group: str, first: str, last: str) -> Iterator[Grant]:
        while True:
            page = self._caller.script(scripts.LISTED_ON, [key("on", group)], [key("grant", ""), first, last, _PAGE])
            yield from _read_all(codec.GRANTS, ((n, raw) for n, raw in zip(page[::3], page[1::3], strict=True) if raw))
            if len(page) < 3 * _PAGE:
                return
            first = f"({page[-1]}"

    def _walk(self, kind: codec.Kind[_T], indexes: Sequence[str]) -> Iterator[_T]:
        score, last = "", ""
        given: set[str] = set()  # a grant that starts while one walks moves ahead, and would be given twice
        while True:
            page = self._caller.script(scripts.PAGE, indexes, [key(kind.word, ""), _PAGE, score, last])
            if not page:
                return
            names = page[1::3]
            yield from _read_all(
                kind, ((n, raw) for n, raw in zip(names, page[2::3], strict=True) if raw and n not in given)
            )
            given.update(names)
            score, last = page[-3], page[-2]

    def _stream(self, first: int) -> Iterator[tuple[str, str]]:
        start = f"{first}-0"
        while True:
            page = self._caller.command("XRANGE", AUDIT, start, "+", "COUNT", _PAGE)
            for entry, fields in page:
                yield entry, fields["e"]
            if len(page) < _PAGE:
                return
            start = f"({page[-1][0]}"

    def _indexed(self, index: str, place: int) -> Iterator[tuple[str, str]]:
        while True:
            page = self._caller.script(scripts.AUDIT_PAGE, [AUDIT, index], [place, _PAGE])
            yield from zip(page[::2], page[1::2], strict=True)
            if len(page) < 2 * _PAGE:
                return
            place += _PAGE


def _read_all(kind: codec.Kind[_T], stored: Iterable[tuple[str, str | None]]) -> Iterator[_T]:
    for name, raw in stored:
        record = kind.read(name, raw)
        if record is not None:
            yield record
