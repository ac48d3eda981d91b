"""What every store does, over a fake and a real server: commits, reads, lists, the audit log, and small things."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from accessbot.adapters.redis_keys import MARK
from accessbot.domain.errors import Conflict, Refused
from accessbot.domain.groups import GroupMapping, Removal, Roster
from accessbot.domain.model import (
    Board,
    Click,
    EndCause,
    Grant,
    GrantState,
    MessageRef,
    Pair,
    PermissionSet,
    Record,
    Request,
    RequestState,
    Vote,
)
from accessbot.domain.work import Due, Lane, Work, WorkKind
from accessbot.ports import Beat, Change, Store
from tests.contract.records import HOUR, NOW, a_board, a_click, a_grant, a_pair, a_request, an_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from accessbot.adapters.redis_store import RedisStore

SOON = timedelta(seconds=30)
MAPPING = GroupMapping(
    key="aws-production-admin@example.com",
    aws_group_id="g-1",
    permission_set=PermissionSet(arn="arn:aws:sso:::permissionSet/x", name="AdministratorAccess", session=HOUR),
    account_id="111122223333",
    named="aws-production-admin",
    checked_at=NOW,
    fault="opens another account",
)


def read(store: Store, record: Record) -> Record | None:
    """Read the record of the same kind and name."""
    readers: dict[type[Record], Callable[[str], Record | None]] = {
        Request: store.request,
        Grant: store.grant,
        Pair: store.pair,
        GroupMapping: store.mapping,
        Roster: store.roster,
        Click: store.click,
        Board: store.board,
    }
    return readers[type(record)](getattr(record, "id", "") or getattr(record, "key", ""))


def put(store: Store, *records: Record) -> None:
    """Commit records under an operation of their own."""
    op = ",".join(f"{type(r).__name__}{getattr(r, 'id', '') or getattr(r, 'key', '')}@{r.rev}" for r in records)
    assert store.commit(Change(op=op, puts=records))


# --- commit ---


@pytest.mark.parametrize(
    "record",
    [
        a_request(
            state=RequestState.APPROVED,
            email="ann@example.com",
            announced=True,
            votes=(Vote(approver="U9", email="bo@example.com", at=NOW),),
            decided_by="U9",
            decided_at=NOW,
            grant_id="g_1",
            answer_to='{"channel":"D1","response_url":"https://hooks.slack.com/commands/T0/1/x"}',
        ),
        a_request(),
        a_grant(
            state=GrantState.REVOKED,
            session=2 * HOUR,
            end_cause=EndCause.ENDED_EARLY,
            ending_at=NOW,
            ended_at=NOW + HOUR,
            kept="standing",
            failure="x" * 1500,
        ),
        a_pair(standing={"google": True, "aws/g/u": False}, last_ended_at=NOW),
        MAPPING,
        Roster(key="g@example.com", google=("1",), absent={"1": NOW}, removals=(Removal(at=NOW, member="2", who="x"),)),
        a_click(reason="no: not today", done=True, tone="done", sentence="Denied."),
        a_board(refs=(MessageRef(channel="C1", ts="1764000000.000100"),), digest="abc"),
    ],
    ids=["decided request", "request", "grant", "pair", "mapping", "roster", "click", "board"],
)
def test_a_record_comes_back_as_it_was_put(store: RedisStore, record: Record) -> None:
    """What is read is what was put, with the next rev."""
    put(store, record)
    assert read(store, record) == replace(record, rev=1)
    put(store, replace(record, rev=1))
    assert read(store, record) == replace(record, rev=2)


def test_what_was_never_put_is_none(store: RedisStore) -> None:
    """A read of nothing gives None, and lists are empty."""
    for record in (a_request(), a_grant(), a_pair(), MAPPING, a_click(), a_board()):
        assert read(store, record) is None
    assert not store.grants_of("U1") + store.grants_on("x/1")
    assert not store.pending_of("U1")
    assert not [*store.grants(), *store.requests(), *store.audit()]
    assert store.is_live("g_1") is None


@pytest.mark.parametrize("rev", [0, 2])
def test_a_stale_record_is_a_conflict_and_nothing_is_written(store: RedisStore, rev: int) -> None:
    """One record at another rev than the stored one stops the whole change; the sentence names it."""
    put(store, a_request())
    due = Due(Work(WorkKind.CARD, "r_1"), NOW)
    change = Change(op="b", puts=(a_grant(), a_request(rev=rev, reason="new")), events=(an_event(),), due=(due,))
    with pytest.raises(Conflict, match=r"request r_1 changed meanwhile \(it is at 1 now\)"):
        store.commit(change)
    assert store.request("r_1") == a_request(rev=1)
    assert store.grant("g_1") is None
    assert list(store.audit()) == []
    assert store.due(Lane.TALK, 10, SOON) == ()


def test_the_same_operation_changes_nothing_twice(store: RedisStore) -> None:
    """A replay gives False and doubles neither record, event nor work, even with other content."""
    due = Due(Work(WorkKind.SCREEN, "r_1"), NOW)
    change = Change(op="a", puts=(a_request(),), events=(an_event(),), due=(due,))
    assert store.commit(change) is True
    assert store.due(Lane.FAST, 10, SOON) == (due.work,)
    assert store.commit(change) is False
    assert store.commit(Change(op="a", puts=(a_grant(),))) is False
    assert store.request("r_1") == a_request(rev=1)
    assert store.grant("g_1") is None
    assert len(list(store.audit())) == 1
    assert store.due(Lane.FAST, 10, SOON) == ()


def test_an_operation_that_conflicted_may_be_tried_again(store: RedisStore) -> None:
    """Only what was written is remembered."""
    with pytest.raises(Conflict):
        store.commit(Change(op="a", puts=(a_request(rev=7),)))
    assert store.commit(Change(op="a", puts=(a_request(),))) is True


def test_operations_with_like_names_are_told_apart(store: RedisStore) -> None:
    """Each of many operations counts once."""
    ops = [f"op-{n}" for n in range(300)]
    assert all(store.commit(Change(op=op, events=(an_event(),))) for op in ops)
    assert not any(store.commit(Change(op=op, events=(an_event(),))) for op in ops)
    assert store.count()["audit"] == 300


def test_a_change_may_be_large(store: RedisStore) -> None:
    """Hundreds of records, events and works go in one step."""
    requests = tuple(a_request(id=f"r_{n}", reason="x" * 1000) for n in range(400))
    dues = tuple(Due(Work(WorkKind.LAPSE, r.id), NOW) for r in requests)
    store.commit(Change(op="a", puts=requests, events=tuple(an_event(subject=r.id) for r in requests), due=dues))
    assert store.count()["requests.pending"] == store.count()["audit"] == store.count()["due.ends"] == 400


# --- lists ---


def test_a_persons_grants_come_soonest_end_first_without_the_ended(store: RedisStore) -> None:
    """The list of a person holds that person's grants that have not ended, and follows an extension."""
    put(store, a_grant(id="late", expires_at=NOW + 3 * HOUR), a_grant(id="soon"))
    put(store, a_grant(id="other", requester="U2"), a_grant(id="gone", state=GrantState.REVOKED))
    assert [g.id for g in store.grants_of("U1")] == ["soon", "late"]
    put(store, a_grant(id="soon", rev=1, expires_at=NOW + 5 * HOUR))
    assert [g.id for g in store.grants_of("U1")] == ["late", "soon"]
    put(store, a_grant(id="late", rev=1, state=GrantState.PROVISION_FAILED))
    assert [g.id for g in store.grants_of("U1")] == ["soon"]


def test_a_pairs_grants_are_those_with_its_ids_that_have_not_ended(store: RedisStore) -> None:
    """A grant joins its pair once the Google user is known, and leaves it at its end; case does not matter."""
    put(store, a_grant(id="a", google_user_id=""), a_grant(id="b"), a_grant(id="c", google_user_id="200"))
    pair = a_grant().pair
    assert [g.id for g in store.grants_on(pair)] == ["b"]
    put(store, a_grant(id="a", rev=1, google_group="AWS-Production-Admin@example.com"))
    assert {g.id for g in store.grants_on(pair)} == {"a", "b"}
    put(store, a_grant(id="b", rev=1, state=GrantState.REVOKED))
    assert [g.id for g in store.grants_on(pair)] == ["a"]


def test_pending_requests_come_oldest_first_until_they_are_decided(store: RedisStore) -> None:
    """A decided request leaves the list."""
    put(store, a_request(id="new", created_at=NOW + HOUR), a_request(id="old"), a_request(id="x", requester="U2"))
    assert [r.id for r in store.pending_of("U1")] == ["old", "new"]
    put(store, a_request(id="old", rev=1, state=RequestState.DENIED))
    assert [r.id for r in store.pending_of("U1")] == ["new"]


def test_all_grants_are_walked_by_start_through_every_page(store: RedisStore) -> None:
    """Many grants, many of them with the same start, come once each and in order; states filter."""
    active = [a_grant(id=f"a{n:04}", state=GrantState.ACTIVE, starts_at=NOW + HOUR * (n % 3)) for n in range(450)]
    revoked = [a_grant(id=f"r{n:04}", state=GrantState.REVOKED, starts_at=NOW + HOUR * (n % 2)) for n in range(50)]
    put(store, *active, *revoked)
    walked = list(store.grants())
    assert len(walked) == len({g.id for g in walked}) == 500
    assert [g.starts_at for g in walked] == sorted(g.starts_at for g in walked)
    assert {g.id for g in store.grants([GrantState.REVOKED])} == {g.id for g in revoked}
    assert list(store.grants([GrantState.REVOKING])) == []


def test_a_walk_misses_nothing_that_stays_while_others_change(store: RedisStore) -> None:
    """Grants that change state, start or are gone between two pages neither hide others nor come twice."""
    put(store, *(a_grant(id=f"g{n:04}", starts_at=NOW) for n in range(500)))
    walk = store.grants()
    seen = [next(walk).id for _ in range(150)]
    put(store, *(a_grant(id=f"g{n:04}", rev=1, state=GrantState.ACTIVE, starts_at=NOW + HOUR) for n in range(100, 300)))
    seen += [g.id for g in walk]
    assert sorted(seen) == [f"g{n:04}" for n in range(500)]


def test_all_requests_are_walked_by_creation(store: RedisStore) -> None:
    """Requests of all states come in one order; states filter."""
    states = list(RequestState)
    put(store, *(a_request(id=f"r{n}", state=states[n % 5], created_at=NOW - n * HOUR) for n in range(20)))
    assert [r.id for r in store.requests()] == [f"r{n}" for n in reversed(range(20))]
    some = store.requests([RequestState.DENIED, RequestState.PENDING])
    assert {r.state for r in some} == {RequestState.DENIED, RequestState.PENDING}


def test_counts_follow_every_change(store: RedisStore) -> None:
    """Requests and grants by state, works by lane, audit events."""
    now = store.now()
    dues = (Due(Work(WorkKind.END, "g_1"), now + HOUR), Due(Work(WorkKind.END, "g_2"), now - HOUR))
    store.commit(Change(op="a", puts=(a_request(), a_grant()), events=(an_event(), an_event()), due=dues))
    put(store, a_grant(rev=1, state=GrantState.ACTIVE))
    counts = {name: n for name, n in store.count().items() if n}
    assert counts == {"requests.pending": 1, "grants.active": 1, "due.ends": 2, "ready.ends": 1, "audit": 2}


# --- live, kept, forgotten ---


def test_only_an_active_grant_is_live_and_for_the_time_it_has_left(store: RedisStore) -> None:
    """The expiry key comes with activation, follows an extension and goes with the revoke."""
    end = store.now() + HOUR
    put(store, a_grant(expires_at=end))
    assert store.is_live("g_1") is None
    put(store, a_grant(rev=1, state=GrantState.ACTIVE, expires_at=end))
    left = store.is_live("g_1")
    assert left is not None
    assert HOUR - timedelta(seconds=20) < left <= HOUR
    put(store, a_grant(rev=2, state=GrantState.ACTIVE, expires_at=end + HOUR))
    left = store.is_live("g_1")
    assert left is not None
    assert left > HOUR
    put(store, a_grant(rev=3, state=GrantState.REVOKING, expires_at=end + HOUR))
    assert store.is_live("g_1") is None


def test_a_grant_past_its_end_is_not_live(store: RedisStore) -> None:
    """Its record stays."""
    put(store, a_grant(state=GrantState.ACTIVE, expires_at=store.now() - HOUR))
    assert store.is_live("g_1") is None
    assert store.grant("g_1") is not None


def ttl(store: RedisStore, key: str) -> timedelta | None:
    """Give how long a key is kept; None for ever."""
    left = int(store._caller.command("PTTL", f"accessbot:{key}"))  # noqa: SLF001 - the port does not tell
    assert left != -2, f"{key} is not there"
    return None if left == -1 else timedelta(milliseconds=left)


def test_a_pair_is_kept_while_a_grant_is_on_it(store: RedisStore) -> None:
    """It is forgotten 30 days after its last grant ended, never under a grant that is still there."""
    key = f"pair:{a_grant().pair}"
    put(store, a_pair(standing={"google": True}), a_grant(id="a"), a_grant(id="b"))
    assert ttl(store, key) is None
    put(store, a_grant(id="a", rev=1, state=GrantState.REVOKED), a_pair(rev=1, last_ended_at=NOW))
    assert ttl(store, key) is None
    put(store, a_grant(id="b", rev=1, state=GrantState.REVOKED))
    left = ttl(store, key)
    assert left is not None
    assert timedelta(days=29) < left <= timedelta(days=30)
    put(store, a_grant(id="c"))
    assert ttl(store, key) is None


def test_a_click_is_kept_until_a_week_after_it_was_done(store: RedisStore) -> None:
    """One that is not done is kept for ever."""
    put(store, a_click())
    assert ttl(store, "click:c_1") is None
    put(store, a_click(rev=1, done=True))
    left = ttl(store, "click:c_1")
    assert left is not None
    assert timedelta(days=6) < left <= timedelta(days=7)


def test_a_delivery_is_seen_first_once(store: RedisStore) -> None:
    """Each key has its own memory."""
    assert store.first_sight("Ev1", HOUR) is True
    assert store.first_sight("Ev1", HOUR) is False
    assert store.first_sight("Ev2", HOUR) is True


# --- the audit log ---


def test_events_are_numbered_in_the_order_they_were_written(store: RedisStore) -> None:
    """The sequence has no gap, whatever the events' own times, through every page."""
    times = [NOW + timedelta(seconds=(n * 7919) % 1000) for n in range(450)]
    for n in range(0, 450, 50):
        events = tuple(an_event(time=at, subject=f"r_{i}") for i, at in enumerate(times[n : n + 50], n))
        store.commit(Change(op=f"a{n}", events=events))
    walked = list(store.audit())
    assert walked == [an_event(seq=n + 1, time=at, subject=f"r_{n}") for n, at in enumerate(times)]


def test_the_audit_log_filters_by_person_entitlement_and_time(store: RedisStore) -> None:
    """Every combination of filters gives what looking at each event would, though events came out of order."""
    events = tuple(
        an_event(
            time=NOW + timedelta(minutes=(n * 37) % 60),
            person=f"U{n % 5}",
            actor=f"U{n % 7}" if n % 3 else "accessbot",
            entitlement=f"e{n % 4}",
            reason=f"#{n}",
        )
        for n in range(500)
    )
    for n in range(0, 500, 100):
        store.commit(Change(op=f"a{n}", events=events[n : n + 100]))
    everything = list(store.audit())
    middle = (NOW + timedelta(minutes=20), NOW + timedelta(minutes=41))
    for person in (None, "U1", "U6", "accessbot", "nobody"):
        for entitlement in (None, "e2", "nothing"):
            for since, until in ((None, None), (middle[0], None), (None, middle[1]), middle):
                found = list(store.audit(person=person, entitlement=entitlement, since=since, until=until))
                assert found == [
                    e
                    for e in everything
                    if (person is None or person in (e.person, e.actor))
                    and (entitlement is None or e.entitlement == entitlement)
                    and (since is None or e.time >= since)
                    and (until is None or e.time < until)
                ]


# --- time, processes, the database itself ---


def test_now_is_the_servers_time_in_whole_milliseconds(store: RedisStore) -> None:
    """So what is stored of it is what was read."""
    now = store.now()
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)


def test_living_processes_are_listed_with_their_catalog(store: RedisStore) -> None:
    """A process beats under its name; one whose time is out is forgotten."""
    store.beat(Beat("p2", "worker:fast", "h1"), HOUR)
    store.beat(Beat("p1", "web", "h1"), HOUR)
    store.beat(Beat("p1", "web", "h2"), HOUR)
    store.beat(Beat("gone", "clock", "h1"), timedelta(0))
    assert store.beats() == (Beat("p1", "web", "h2"), Beat("p2", "worker:fast", "h1"))


def test_a_database_can_be_marked(store: RedisStore, admin_store: RedisStore) -> None:
    """A new database has no mark and is empty; the mark stays."""
    assert store.mark() == ""
    assert admin_store.is_empty()
    store.set_mark("sandbox")
    assert store.mark() == "sandbox"
    assert not admin_store.is_empty()


def test_nothing_is_done_on_a_database_before_it_was_looked_at(store: RedisStore) -> None:
    """The first call shows the mark to whoever may refuse it; until then nothing is read or written."""
    seen: list[str] = []

    def admit(mark: str) -> None:
        seen.append(mark)
        if mark == "sandbox":
            raise Refused("this is a sandbox")

    guarded = type(store)(store._caller.client, patience=SOON, admit=admit)  # noqa: SLF001 - the same server
    store.set_mark("sandbox")
    with pytest.raises(Refused):
        guarded.commit(Change(op="a", puts=(a_request(),)))
    assert store.request("r_1") is None
    store._caller.command("DEL", MARK)  # noqa: SLF001 - no port takes a mark away
    put(guarded, a_request())
    put(guarded, a_grant())
    assert seen == ["sandbox", ""]


def test_without_replicas_there_is_nothing_to_wait_for(store: RedisStore) -> None:
    """Confirming comes back at once, on a server without replicas or one that does not tell."""
    put(store, a_request())
    store.confirm()
