"""The stored form of records: what comes back, what an older or newer accessbot may find, and what is too damaged."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import fakeredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessbot.adapters import redis_codec as codec
from accessbot.adapters.redis_packing import pack, unpack
from accessbot.adapters.redis_store import RedisStore
from accessbot.domain.errors import Conflict
from accessbot.domain.groups import GroupMapping, Removal, Roster
from accessbot.domain.model import AuditEvent, Board, Click, Grant, Pair, Record, Request
from accessbot.ports import Change
from tests.contract.records import HOUR, NOW, a_grant, a_request, an_event

times = st.integers(0, 4 * 10**12).map(codec.from_ms)
spans = st.integers(0, 10**11).map(lambda ms: timedelta(milliseconds=ms))
texts = st.text(st.characters(codec="utf-8"), max_size=300)
for kind, strategy in ((datetime, times), (timedelta, spans), (str, texts)):
    st.register_type_strategy(kind, strategy)
revs = st.integers(0, 10**9)


def any_of(kind: type[Record]) -> st.SearchStrategy[Record]:
    """Give records of a kind with every field drawn, those with defaults too."""
    given_: dict[str, Any] = {field.name: ... for field in fields(kind)}
    return st.builds(kind, **given_ | {"rev": revs})


pairs = st.builds(
    Pair,
    key=texts,
    rev=revs,
    standing=st.dictionaries(texts, st.booleans(), max_size=4),
    last_ended_at=st.none() | times,
)
removals = st.builds(Removal, at=times, member=texts, who=texts, done=st.booleans())
rosters = st.builds(
    Roster,
    **{field.name: ... for field in fields(Roster)}
    | {"rev": revs, "absent": st.dictionaries(texts, times, max_size=3), "removals": st.lists(removals).map(tuple)},
)
records = st.one_of(any_of(Request), any_of(Grant), any_of(GroupMapping), any_of(Click), any_of(Board), pairs, rosters)


@given(records)
def test_any_record_comes_back_as_it_was(record: Record) -> None:
    """Whatever its fields hold, in whatever language."""
    kind, name = codec.kind_of(record), codec.name_of(record)
    stored = codec.write_record(record).decode("utf-8", "surrogateescape")
    assert kind.read(name, stored) == replace(record, rev=record.rev + 1)


facts = st.dictionaries(texts, texts | st.integers(0, 4 * 10**12) | st.booleans(), max_size=8)


@given(st.builds(AuditEvent, seq=st.integers(1, 10**9), data=facts))
def test_any_event_comes_back_as_it_was(event: AuditEvent) -> None:
    """Its number comes from where it is stored."""
    stored = codec.write_event(event).decode("utf-8", "surrogateescape")
    assert codec.read_event(f"1764000000000-{event.seq}", stored) == event


def test_an_event_of_an_older_version_is_read() -> None:
    """It was not packed, and said less."""
    stored = '{"v":1,"time":1764000000000,"actor":"U1","action":"grant.active","subject":"g_1","after":"active"}'
    event = codec.read_event("1764000000000-7", stored)
    assert (event.seq, event.subject, dict(event.data)) == (7, "g_1", {})


@given(texts)
def test_any_text_is_unpacked_as_it_was_packed(text: str) -> None:
    """Short or long, and what begins like a packed one cannot be mistaken: records begin with a brace."""
    assert unpack(pack("{" + text).decode("utf-8", "surrogateescape")) == "{" + text


def test_a_field_of_a_newer_version_is_ignored() -> None:
    """So a roll-back finds its records."""
    newer = '3 {"v":9,"halo":{"a":[1]},"standing":{"google":true}}'
    assert codec.PAIRS.read("p", newer) == Pair(key="p", rev=3, standing={"google": True})


def test_a_field_that_an_older_version_did_not_have_is_at_its_default() -> None:
    """So an upgrade finds its records."""
    assert codec.BOARDS.read("b", '1 {"v":1}') == Board(key="b", rev=1)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "1",
        "1 {",
        "x {}",
        "1 []",
        "1 {}",
        '1 {"standing":{"google":"yes"}}',
        '1 {"last_ended_at":"today"}',
        "1 z1garbage",
        "1 z1",
    ],
)
def test_a_damaged_record_is_unreadable_never_absent(raw: str) -> None:
    """The sentence names it."""
    kind: codec.Kind[Any] = codec.PAIRS if "standing" in raw or "last" in raw else codec.GRANTS
    with pytest.raises(codec.Unreadable, match=f"stored {kind.word} x cannot be read"):
        kind.read("x", raw)


def test_a_cut_off_record_is_unreadable() -> None:
    """Every proper beginning of a stored record is damage."""
    stored = codec.write_record(a_grant()).decode("utf-8", "surrogateescape")
    assert "z1" in stored[:4]
    for length in range(len(stored)):
        with pytest.raises(codec.Unreadable):
            codec.GRANTS.read("g_1", stored[:length])


def test_a_state_of_a_newer_version_is_unreadable() -> None:
    """It is not read as any other."""
    stored = '1 {"v":2,"requester":"U1","state":"parked"}'
    with pytest.raises(codec.Unreadable, match="newest accessbot"):
        codec.REQUESTS.read("r_1", stored)


def test_a_damaged_event_is_unreadable() -> None:
    """A walk stops there instead of leaving it out."""
    for raw in ("", "{", "{}", "[]"):
        with pytest.raises(codec.Unreadable, match="audit event 1-7"):
            codec.read_event("1-7", raw)


def test_a_damaged_record_is_never_written_over() -> None:
    """Not even by a put that thinks that nothing is there."""
    client = fakeredis.FakeRedis(decode_responses=True, encoding_errors="surrogateescape", protocol=2)
    store = RedisStore(client, patience=HOUR)
    client.set("accessbot:grant:g_1", "damage")
    for rev in (0, 1):
        with pytest.raises(codec.Unreadable, match="grant g_1"):
            store.commit(Change(op="a", puts=(a_grant(rev=rev),)))


def test_times_are_exact_and_aware() -> None:
    """Milliseconds are cut, never rounded up; a time without a zone is refused."""
    assert codec.from_ms(codec.to_ms(NOW)) == NOW
    assert codec.to_ms(datetime(1970, 1, 1, 0, 0, 1, 999999, tzinfo=UTC)) == 1999
    with pytest.raises(ValueError, match="time zone"):
        codec.to_ms(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


def test_a_new_field_must_be_given_a_stored_form() -> None:
    """Forgetting it stops the start, instead of losing the field."""

    @dataclass(frozen=True)
    class Thing:
        id: str
        colour: str = "red"

    with pytest.raises(TypeError, match=r"Thing and its stored form differ in \['colour'\]"):
        codec.Shape(Thing, given=("id",))


# --- commits against a model ---

steps = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["r_1", "r_2"]), st.integers(-1, 1), st.booleans()), max_size=25
)


@given(steps)
def test_any_row_of_commits_does_what_a_dictionary_would(steps: list[tuple[str, str, int, bool]]) -> None:
    """Right and wrong revs, new and replayed operations: records, events and lists are those of a plain model."""
    client = fakeredis.FakeRedis(decode_responses=True, encoding_errors="surrogateescape", protocol=2)
    store = RedisStore(client, patience=HOUR)
    revs = {"r_1": 0, "r_2": 0}
    done: set[str] = set()
    for number, (letter, name, off, fresh) in enumerate(steps):
        op = f"op-{number}" if fresh else letter
        rev = max(0, revs[name] + off)
        other = a_request(id="r_2" if name == "r_1" else "r_1", rev=revs["r_2" if name == "r_1" else "r_1"])
        puts = (other, a_request(id=name, rev=rev, reason=f"#{number}"))
        outcome = _commit(store, Change(op=op, puts=puts, events=(an_event(),)))
        if op in done:
            assert outcome == "again"
        elif rev != revs[name]:
            assert outcome == "conflict"
        else:
            assert outcome == "done"
            done.add(op)
            revs = {key: value + 1 for key, value in revs.items()}
    assert {r.id: r.rev for r in store.pending_of("U1")} == {key: value for key, value in revs.items() if value}
    assert [e.seq for e in store.audit(person="U1")] == list(range(1, len(done) + 1))


def _commit(store: RedisStore, change: Change) -> str:
    try:
        return "done" if store.commit(change) else "again"
    except Conflict:
        return "conflict"
