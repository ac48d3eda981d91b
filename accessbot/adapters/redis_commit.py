"""A change, laid out as the one script call that writes it: checks, records, indexes, events, due-index.

The indexes are projections: what a record's indexes must hold follows from the record alone, so writing it again
repairs them, and nothing has to be known of what was stored before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from accessbot.adapters import redis_codec as codec
from accessbot.adapters.redis_keys import FREEZES, GROUPS, REVIEWS, key
from accessbot.domain.groups import GroupMapping, Roster
from accessbot.domain.model import Board, Click, Grant, GrantState, Pair, Record, Request, RequestState
from accessbot.domain.records import Delegation, Freeze, Review, ReviewState

if TYPE_CHECKING:
    from accessbot.domain.model import AuditEvent
    from accessbot.domain.work import Work
    from accessbot.ports import Change

OP_DAYS: Final = 7
"""How many days an operation is remembered at least; a replay after that is no replay any more."""

_CLICK_KEPT: Final = timedelta(days=7)
_PAIR_KEPT: Final = timedelta(days=30)
_RECENT: Final = timedelta(days=30)
_DELEGATION_KEPT: Final = timedelta(days=1)
_BOARD_KEPT: Final = timedelta(days=400)  # longer than the longest grant, whose card it is

_Words = tuple[str | bytes, ...]


def layout(change: Change, token: str) -> list[str | int | bytes]:
    """Write the arguments of the commit script, each list with its length first."""
    commands = [command for record in change.puts for command in _written(record)]
    pairs = [pair for record in change.puts for pair in _pairs(record)]
    dues = [("drop", *_place(work), "0") for work in change.dropped]
    dues += [("sooner" if due.sooner else "set", *_place(due.work), str(codec.to_ms(due.at))) for due in change.due]
    args: list[str | int | bytes] = [token, *_operation(change.op), str(len(change.puts))]
    for record in change.puts:
        kind = codec.kind_of(record).word
        args += (_record_key(record), str(record.rev), f"{kind} {codec.name_of(record)}")
    args.append(str(len(commands)))
    for command in commands:
        args += (str(len(command)), *command)
    args.append(str(len(pairs)))
    for pair in pairs:
        args += pair
    args.append(str(len(change.events)))
    for event in change.events:
        indexes = _event_indexes(event)
        args += (str(codec.to_ms(event.time)), codec.write_event(event), str(len(indexes)), *indexes)
    args.append(str(len(dues)))
    for due in dues:
        args += due
    return args


def _operation(op: str) -> tuple[str, str, bytes, int]:
    """Give where an operation is remembered: one of 4,096 small hashes a day, under 96 bits of its digest."""
    digest = hashlib.blake2b(op.encode(), digest_size=14).digest()
    return key("ops", ""), digest.hex()[:3], digest[2:], OP_DAYS


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


def parted(pair: str) -> tuple[str, str]:
    """Give the Google group and the Google user of a pair's key."""
    group, _, user = pair.rpartition("/")
    return group, user


def _record_key(record: Record) -> str:
    return key(codec.kind_of(record).word, codec.name_of(record))


def _place(work: Work) -> tuple[str, str, str]:
    """Give where a work stands: its lane, its claim, its name."""
    return key("due", work.lane), key("work", str(work)), str(work)


def _written(record: Record) -> Iterator[_Words]:
    stored = ("SET", _record_key(record), codec.write_record(record))
    match record:
        case Click(done=True):
            yield (*stored, "PX", str(_ms(_CLICK_KEPT)))
        case Board():
            yield (*stored, "PX", str(_ms(_BOARD_KEPT)))
        case Request():
            yield stored
            yield from _request_indexes(record)
        case Grant():
            yield stored
            yield from _grant_indexes(record)
        case Pair():
            yield stored
            yield from _pair_indexes(record)
        case Delegation():
            yield from _delegation(record, stored)
        case _:
            yield stored
            yield from _other_indexes(record)


def _other_indexes(record: Record) -> Iterator[_Words]:
    match record:
        case GroupMapping():
            yield ("SADD", GROUPS, record.key)
            if record.aws_group_id:
                yield ("SADD", key("mapped", record.aws_group_id), record.key)
        case Roster():
            yield ("SADD", GROUPS, record.key)
        case Review():
            opened = codec.to_ms(record.opened_at)
            yield _in(REVIEWS, record.id, opened, there=record.state is ReviewState.OPEN)
        case Freeze():
            yield ("SREM" if record.lifted else "SADD", FREEZES, record.key)


def _delegation(record: Delegation, stored: _Words) -> Iterator[_Words]:
    """Keep one for a day after its end; whoever was the delegate before it is found, and found to be so no more."""
    gone = str(codec.to_ms(max(record.ends, record.begins) + _DELEGATION_KEPT))
    held = key("delegated", record.delegate)
    yield (*stored, "PXAT", gone)
    yield ("SADD", held, record.key)
    yield ("PEXPIREAT", held, gone, "NX")
    yield ("PEXPIREAT", held, gone, "GT")


def _in(index: str, name: str, at: int, *, there: bool) -> _Words:
    return ("ZADD", index, str(at), name) if there else ("ZREM", index, name)


def _request_indexes(request: Request) -> Iterator[_Words]:
    created = codec.to_ms(request.created_at)
    for state in RequestState:
        yield _in(key("requests", state), request.id, created, there=state is request.state)
    pending = request.state is RequestState.PENDING
    yield _in(key("pending", request.requester), request.id, created, there=pending)
    if request.asked_by:
        yield _in(key("pending", request.asked_by), request.id, created, there=pending)
    if request.bundle:
        yield ("SADD", key("bundle", request.bundle), request.id)
        yield ("PEXPIRE", key("bundle", request.bundle), str(_ms(_RECENT)))


def _grant_indexes(grant: Grant) -> Iterator[_Words]:
    for state in GrantState:
        yield _in(key("grants", state), grant.id, codec.to_ms(grant.starts_at), there=state is grant.state)
    end = codec.to_ms(grant.expires_at)
    yield _in(key("held", grant.requester), grant.id, end, there=not grant.ended)
    began, recent = codec.to_ms(grant.approved_at), key("recent", grant.requester)
    yield ("ZADD", recent, str(began), grant.id)
    yield ("ZREMRANGEBYSCORE", recent, "-inf", str(began - _ms(_RECENT)))
    yield ("PEXPIREAT", recent, str(max(began, end) + _ms(_RECENT)), "NX")
    yield ("PEXPIREAT", recent, str(max(began, end) + _ms(_RECENT)), "GT")
    if grant.schedule:
        yield ("SREM" if grant.ended else "SADD", key("shift", grant.schedule), grant.id)
    if grant.pair:
        group, user = parted(grant.pair)
        yield _in(key("on", group), f"{user} {grant.id}", 0, there=not grant.ended)
    live = key("live", grant.id)
    if grant.state is GrantState.ACTIVE:
        yield ("SET", live, "", "PXAT", str(end))
    else:
        yield ("DEL", live)


def _pair_indexes(pair: Pair) -> Iterator[_Words]:
    group, user = parted(pair.key)
    left = key("left", group)
    if pair.last_ended_at is None:
        yield ("ZREM", left, user)
        return
    yield ("ZADD", left, str(codec.to_ms(pair.last_ended_at)), user)
    yield ("ZREMRANGEBYSCORE", left, "-inf", str(codec.to_ms(pair.last_ended_at - _PAIR_KEPT)))


def _pairs(record: Record) -> Iterator[tuple[str, str, str, str]]:
    """Give (pair, the grants on its group, its user, how long to keep it once it has none) of each pair it is about."""
    match record:
        case Pair():
            name, kept = record.key, "" if record.last_ended_at is None else str(_ms(_PAIR_KEPT))
        case Grant() if record.pair:
            name, kept = record.pair, str(_ms(_PAIR_KEPT)) if record.ended else ""
        case _:
            return
    group, user = parted(name)
    yield (key("pair", name), key("on", group), user, kept)


def _event_indexes(event: AuditEvent) -> list[str]:
    """Give the lists an event is found by: each person once, be they requester, actor or both."""
    people = dict.fromkeys(person for person in (event.person, event.actor) if person)
    lists = [key("audit:person", person) for person in people]
    if event.entitlement:
        lists.append(key("audit:entitlement", event.entitlement))
    return lists
