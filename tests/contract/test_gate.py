"""The gate before each vendor: one quota for all workers, ends before grants before sweeps, and a breaker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import redis

from accessbot.adapters.redis_client import Caller
from accessbot.adapters.redis_gate import RedisGate
from accessbot.domain.errors import Rejected, Unavailable
from accessbot.domain.work import Urgency
from accessbot.ports import urgency

PATIENCE = timedelta(seconds=2)


@pytest.fixture
def gate(client: redis.Redis) -> Iterator[Callable[..., RedisGate]]:
    """Make gates of one vendor on one Redis, as several workers would; a wait is refused instead of slept."""

    def refuse(seconds: float) -> None:
        raise TimeoutError(seconds)

    def make(per_second: float = 2.0, pause: Callable[[float], None] = refuse) -> RedisGate:
        return RedisGate(Caller(client, PATIENCE), "Google", per_second, pause)

    token = urgency.set(Urgency.ENDING)
    yield make
    urgency.reset(token)


def spend(gate: RedisGate, most: int = 100) -> int:
    """Call until the gate makes one wait; give how many calls passed."""
    for passed in range(most):
        try:
            with gate():
                pass
        except (TimeoutError, Unavailable):
            return passed
    return most


def fail(gate: RedisGate, code: str = "503", retry_after: timedelta | None = None) -> None:
    """Make one call that the vendor does not answer well."""
    with pytest.raises(Unavailable), gate():
        raise Unavailable("Google", "members.get", "Google is away.", code=code, retry_after=retry_after)


def fail_together(gate: RedisGate, calls: int) -> None:
    """Have many calls under way at once, and let all of them fail."""
    with gate():
        if calls > 1:
            fail_together(gate, calls - 1)
        raise Unavailable("Google", "members.get", "Google is away.", code="503")


def test_all_workers_share_one_quota(gate: Callable[..., RedisGate]) -> None:
    """What one process used is gone for the next one."""
    urgency.set(Urgency.ENDING)
    assert spend(gate()) + spend(gate()) in {10, 11}


def test_ends_go_before_grants_before_sweeps(gate: Callable[..., RedisGate]) -> None:
    """A sweep leaves half of the quota, a grant a fifth, and an end may use all of it."""
    passed = []
    for kind in (Urgency.SWEEPING, Urgency.GRANTING, Urgency.ENDING):
        urgency.set(kind)
        passed.append(spend(gate()))
    assert passed[0] in {5, 6}
    assert passed[1] in {3, 4}
    assert passed[2] in {2, 3}


def test_a_short_wait_is_waited(gate: Callable[..., RedisGate]) -> None:
    """A call whose turn comes within a second waits for it instead of failing."""
    urgency.set(Urgency.ENDING)
    spend(gate(per_second=1000.0), most=5000)
    waited: list[float] = []
    with gate(per_second=1000.0, pause=waited.append)():
        pass
    assert all(0 < seconds < 1 for seconds in waited)


def test_the_vendor_s_own_pause_is_kept_by_all(gate: Callable[..., RedisGate]) -> None:
    """After "too many requests" nobody calls before the time that the vendor asked for."""
    fail(gate(), "429", retry_after=timedelta(seconds=7))
    with pytest.raises(Unavailable) as caught, gate()():
        pass
    assert caught.value.retry_after is not None
    assert 6 < caught.value.retry_after.total_seconds() <= 7
    assert not gate().state().open


def test_failures_in_a_row_open_the_breaker(gate: Callable[..., RedisGate]) -> None:
    """After five failures in a row nobody calls for a while, and operators see it."""
    for _ in range(5):
        fail(gate())
    assert gate().state().open
    with pytest.raises(Unavailable, match="several times"), gate()():
        pass


@pytest.mark.parametrize("answer", ["ok", "refused"])
def test_any_answer_ends_the_row(gate: Callable[..., RedisGate], answer: str) -> None:
    """An answer, be it a refusal, shows that the vendor lives: the count begins anew."""
    for _ in range(4):
        fail(gate())
    if answer == "ok":
        with gate()():
            pass
    else:
        with pytest.raises(Rejected), gate()():
            raise Rejected("Google", "members.insert", "No.")
    for _ in range(4):
        fail(gate())
    assert not gate().state().open


def test_one_call_at_a_time_tries_an_open_breaker(gate: Callable[..., RedisGate], client: redis.Redis) -> None:
    """When it has cooled one call tries; others wait for what comes of it, and its success lets all through."""
    for _ in range(5):
        fail(gate())
    client.hset("accessbot:breaker:google", "until", 1)
    with gate()():
        with pytest.raises(Unavailable, match="several times"), gate()():
            pass
        assert gate().state().open
    assert not gate().state().open
    with gate()():
        pass


def test_many_calls_that_fail_at_once_do_not_keep_the_vendor_away_for_long(
    gate: Callable[..., RedisGate], client: redis.Redis
) -> None:
    """Forty calls of one moment open the breaker for two seconds; only a try that fails makes it four."""
    with pytest.raises(Unavailable):
        fail_together(gate(per_second=50.0), 40)
    assert 0 < gate().state().wait.total_seconds() <= 2
    client.hset("accessbot:breaker:google", "until", 1)
    fail(gate(per_second=50.0))
    assert 2 < gate().state().wait.total_seconds() <= 4


def test_a_conflict_is_no_failure(gate: Callable[..., RedisGate]) -> None:
    """A vendor that answers "being changed right now" is there."""
    for _ in range(9):
        fail(gate(per_second=50.0), "ConflictException")
    assert not gate().state().open
