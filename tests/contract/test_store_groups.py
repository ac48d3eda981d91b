"""What the store knows of a group: the grants on it, who left it lately, and what it was mapped to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from accessbot.domain.model import GrantState
from accessbot.domain.work import Due, Lane, Work, WorkKind
from accessbot.ports import Change
from tests.contract.records import HOUR, NOW, a_grant, a_pair
from tests.contract.test_store import MAPPING, put

if TYPE_CHECKING:
    from accessbot.adapters.redis_store import RedisStore

GROUP = a_grant().google_group
WORK = Work(WorkKind.SWEEP, GROUP)


def test_the_grants_on_a_group_are_those_that_have_not_ended(store: RedisStore) -> None:
    """Grants whose ids are known are listed by group, whoever holds them, until they end."""
    put(store, a_grant(id="g_1"), a_grant(id="g_2", google_user_id="200"), a_grant(id="g_3", google_user_id=""))
    put(store, a_grant(id="g_4", google_group="aws-other@example.com"))
    assert [grant.id for grant in store.grants_in(GROUP)] == ["g_1", "g_2"]
    put(store, a_grant(id="g_1", rev=1, state=GrantState.PROVISION_FAILED))
    assert [grant.id for grant in store.grants_in(GROUP)] == ["g_2"]
    assert list(store.grants_in("aws-none@example.com")) == []


def test_all_grants_on_a_large_group_are_walked(store: RedisStore) -> None:
    """A group with more grants than a page holds gives each of them once."""
    names = {f"g_{n}" for n in range(450)}
    put(store, *(a_grant(id=name, google_user_id=f"{n % 7}") for n, name in enumerate(sorted(names))))
    found = [grant.id for grant in store.grants_in(GROUP)]
    assert (len(found), set(found)) == (450, names)
    assert len(store.grants_on(f"{GROUP}/3")) == 64


@pytest.mark.parametrize("other", ["1000", "10", "100!", "099"])
def test_the_grants_on_a_pair_are_that_person_s_alone(store: RedisStore, other: str) -> None:
    """A person whose id begins like another's has grants of their own, soonest end first."""
    put(store, a_grant(id="g_2", google_user_id=other))
    put(store, a_grant(id="g_1", expires_at=NOW + 2 * HOUR), a_grant(id="g_3"))
    assert [grant.id for grant in store.grants_on(f"{GROUP}/100")] == ["g_3", "g_1"]


def test_who_left_a_group_is_known_by_when(store: RedisStore) -> None:
    """A pair out of use is found by the time of its last end; one in use again is not; after 30 days none is."""
    put(store, a_pair(key=f"{GROUP}/1", last_ended_at=NOW), a_pair(key=f"{GROUP}/2", last_ended_at=NOW - HOUR))
    assert store.left(GROUP, NOW - HOUR) == {"1": NOW, "2": NOW - HOUR}
    assert store.left(GROUP, NOW) == {"1": NOW}
    put(store, a_pair(key=f"{GROUP}/1", rev=1))
    assert store.left(GROUP, NOW - HOUR) == {"2": NOW - HOUR}
    put(store, a_pair(key=f"{GROUP}/3", last_ended_at=NOW + timedelta(days=31)))
    assert store.left(GROUP, NOW - HOUR) == {"3": NOW + timedelta(days=31)}


def test_an_aws_group_knows_every_google_group_it_was_mapped_to(store: RedisStore) -> None:
    """A Google group that was pinned to it once is found again, whatever it is pinned to now."""
    put(store, MAPPING)
    put(
        store, replace(MAPPING, key="aws-new@example.com"), replace(MAPPING, key="aws-odd@example.com", aws_group_id="")
    )
    put(store, replace(MAPPING, rev=1, aws_group_id="g-2"))
    assert store.mapped_to("g-1") == {MAPPING.key, "aws-new@example.com"}
    assert store.mapped_to("g-2") == {MAPPING.key}
    assert store.mapped_to("") == frozenset()


def due_in(store: RedisStore, span: timedelta) -> bool:
    """Tell whether the work is due by then: no lane is ever asked about the future, so it is looked up."""
    flat = store._caller.command("ZSCORE", "accessbot:due:sweep", str(WORK))  # noqa: SLF001 - when, not whether
    return float(flat) == (NOW + span).timestamp() * 1000


@pytest.mark.parametrize(("first", "then", "at"), [(5, 9, 5), (9, 5, 5), (5, 5, 5)])
def test_a_work_that_may_only_come_sooner_is_never_put_off(store: RedisStore, first: int, then: int, at: int) -> None:
    """Set due anew like that, a work keeps the earlier of both times."""
    for serial, minutes in enumerate((first, then)):
        due = Due(WORK, NOW + timedelta(minutes=minutes), sooner=True)
        store.commit(Change(op=f"{serial}", due=(due,)))
    assert due_in(store, timedelta(minutes=at))


def test_a_claimed_work_that_may_only_come_sooner_comes_after_the_claim(store: RedisStore) -> None:
    """Set due anew while somebody does it, a work comes up again at the earliest time that was asked for."""
    early = store.now() - HOUR
    store.commit(Change(op="1", due=(Due(WORK, early),)))
    claim = store.begin(WORK, HOUR)
    assert claim is not None
    for serial, minutes in enumerate((-9, -5, -20)):
        due = Due(WORK, early + timedelta(minutes=minutes), sooner=True)
        store.commit(Change(op=f"again {serial}", due=(due,)))
    assert store.finish(claim) is False
    assert store.due(Lane.SWEEP, 9, HOUR) == (WORK,)
