"""The way to Redis: one client, one retry loop, and one place where Redis's failures get the names that callers know.

Every script that writes is safe to play again (it carries an operation id or an owner's token), so a call that got no
answer is repeated until its patience is out. Only then is it told apart: `StoreUnavailable` when nothing can have been
written, `Unclear` when a write was sent and never answered.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any, Final, TypeVar

import redis
import structlog
from redis.backoff import EqualJitterBackoff, NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from accessbot.adapters.redis_connections import Demoted, NotConnected, open_pool
from accessbot.adapters.redis_keys import MARK
from accessbot.domain.errors import StoreUnavailable, Unclear

_T = TypeVar("_T")
Word = str | int | bytes
"""What a command is made of."""

_log = structlog.get_logger(__name__)

WEB_PATIENCE: Final = timedelta(seconds=2)
"""How long a process that people wait for tries; with the last attempt's own time-out a call ends in under 3 s."""

WORKER_PATIENCE: Final = timedelta(seconds=15)
"""How long a worker or a clock tries."""

_ATTEMPTS: Final = 4  # how often a silent server is asked within the patience
_TIMEOUT_S: Final = (0.2, 5.0)  # bounds of one attempt's socket time-out
_BACKOFF: Final = EqualJitterBackoff(cap=0.5, base=0.02)

AWAY: Final = "The access store does not answer right now, so nothing was changed; try again in a minute."
UNCLEAR: Final = "It could not be confirmed that this was stored; do it again, nothing happens twice."

_deadline: ContextVar[float | None] = ContextVar("accessbot_store_deadline", default=None)


class Effect(Enum):
    """What a call may have done when no answer came: nothing that counts, or a write that did."""

    NONE = "none"
    WRITE = "write"


def connect(url: str, *, patience: timedelta) -> redis.Redis:
    """Make the store's client for any form of REDIS_URL; connects on the first call.

    One attempt's socket time-out is a quarter of `patience` (at least 0.2 s, at most 5 s). Raises `ValueError` for a
    text that is no Redis address.
    """
    seconds = min(max(patience.total_seconds() / _ATTEMPTS, _TIMEOUT_S[0]), _TIMEOUT_S[1])
    pool = open_pool(
        url,
        timedelta(seconds=seconds),
        decode_responses=True,
        encoding_errors="surrogateescape",  # packed records are bytes that are no text: they must come through
        retry=Retry(NoBackoff(), 0),  # the loop below retries: it knows how much patience is left
    )
    return redis.Redis(connection_pool=pool)


@contextmanager
def within(total: timedelta) -> Iterator[None]:
    """Let all store calls of this block, in this thread, share one deadline, so that a verb of several keeps it."""
    outer = _deadline.get()
    ours = time.monotonic() + total.total_seconds()
    token = _deadline.set(ours if outer is None else min(ours, outer))
    try:
        yield
    finally:
        _deadline.reset(token)


def send(client: redis.Redis, *words: Word) -> Any:  # noqa: ANN401 - each command's own reply
    """Run one command, or add it to a pipeline; raises redis-py's errors."""
    return client.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py leaves it without types


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script and the digest that the server knows it by."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        """Compute the digest as the server does."""
        object.__setattr__(self, "sha", hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest())


class Caller:
    """Calls Redis with patience, and raises nothing but the errors that the store's port names."""

    def __init__(self, client: redis.Redis, patience: timedelta, admit: Callable[[str], None] | None = None) -> None:
        """Take a client, how long to try, and who judges the database's mark before anything else is done there."""
        self.client = client
        self.patience = patience
        self._admit = admit

    def script(self, script: Script, keys: Sequence[str], args: Sequence[Word], effect: Effect = Effect.NONE) -> Any:  # noqa: ANN401 - each script's own reply
        """Run a script by its digest, or by its text on a server that does not know it yet."""
        tail = (len(keys), *keys, *args)

        def run(client: redis.Redis) -> Any:  # noqa: ANN401 - a script answers with whatever it returns
            try:
                return send(client, "EVALSHA", script.sha, *tail)
            except NoScriptError:
                return send(client, "EVAL", script.text, *tail)

        return self.call(run, effect)

    def command(self, *words: Word, effect: Effect = Effect.NONE) -> Any:  # noqa: ANN401 - each command's own reply
        """Run one command."""
        return self.call(lambda client: send(client, *words), effect)

    def call(self, do: Callable[[redis.Redis], _T], effect: Effect = Effect.NONE) -> _T:
        """Do something on the client until it is answered or the patience is out.

        Raises `StoreUnavailable` when nothing was written, `Unclear` when a write was sent and not answered, and, until
        it was let in, what `admit` raises.
        """
        if self._admit is not None:
            self._admit(self._persist(lambda client: send(client, "GET", MARK), Effect.NONE) or "")
            self._admit = None
        return self._persist(do, effect)

    def _persist(self, do: Callable[[redis.Redis], _T], effect: Effect) -> _T:
        deadline = self._deadline()
        sent = False
        failures = 0
        while True:
            try:
                return do(self.client)
            except RedisError as error:
                sent = sent or (effect is Effect.WRITE and not _is_harmless(error))
                failures += 1
                pause = _BACKOFF.compute(failures)
                if not _passes(error) or time.monotonic() + pause >= deadline:
                    _log.warning("store.failed", error=_detail(error), attempts=failures, maybe_written=sent)
                    raise _named(error, sent=sent) from error
                _log.info("store.retry", error=_detail(error), attempt=failures)
                time.sleep(pause)

    def _deadline(self) -> float:
        ours = time.monotonic() + self.patience.total_seconds()
        shared = _deadline.get()
        return ours if shared is None else min(ours, shared)


# What a server answers *instead of* running a write; each is checked before the first write of a script.
_REFUSED_BEFORE: Final = (
    "OOM ",
    "READONLY ",
    "LOADING ",
    "MASTERDOWN ",
    "CLUSTERDOWN ",
    "BUSY ",
    "NOREPLICAS ",
    "MISCONF ",
    "NOPERM ",
    "NOAUTH ",
    "WRONGPASS ",
    "MOVED ",
    "CROSSSLOT ",
)
_KINDS_BEFORE: Final = (
    NotConnected,
    Demoted,
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
)
# Redis itself is well, or will be soon: a server that loads, fails over, or is kept busy by another script; a new
# primary whose replicas have not found it yet.
_PASSING_WORDS: Final = ("LOADING ", "MASTERDOWN ", "CLUSTERDOWN ", "BUSY ", "NOREPLICAS ")
_PASSING_KINDS: Final = (RedisConnectionError, RedisTimeoutError, ClusterDownError, MasterDownError, ReadOnlyError)


def _is_harmless(error: RedisError) -> bool:
    """Tell whether the server cannot have written anything, going by what it said."""
    if isinstance(error, _KINDS_BEFORE) or "max number of clients" in str(error):
        return True
    return isinstance(error, ResponseError) and any(word in f"{error} " for word in _REFUSED_BEFORE)


def _passes(error: RedisError) -> bool:
    """Tell whether trying again soon may help."""
    if isinstance(error, AuthenticationError | AuthorizationError):
        return False
    if isinstance(error, _PASSING_KINDS):
        return True
    return isinstance(error, ResponseError) and str(error).startswith(_PASSING_WORDS)


_SENTENCES: Final = (
    (("NOAUTH", "WRONGPASS"), "Redis refuses the user or the password in REDIS_URL; correct it there."),
    (("NOPERM",), "The Redis user in REDIS_URL may not run a command that accessbot needs; widen its ACL."),
    (("OOM",), "Redis is out of memory, so nothing was changed; raise its maxmemory."),
    (("MISCONF",), "Redis cannot write to its disk, so nothing was changed; free space there."),
    (("NOREPLICAS",), "Redis has too few replicas at hand to accept a write, so nothing was changed."),
    (("[SSL:",), "No TLS connection to Redis: check its certificate, and the ssl_ options of REDIS_URL."),
    (("READONLY",), "REDIS_URL leads to a read-only replica; point it at the primary."),
    (("No master found",), "The Sentinels know no primary of the service in REDIS_URL right now; nothing was changed."),
)
# redis-py takes the word off the text of the errors that it has a class for.
_WORDS: Final[dict[type[RedisError], str]] = {
    AuthenticationError: "WRONGPASS",
    AuthorizationError: "WRONGPASS",
    NoPermissionError: "NOPERM",
    OutOfMemoryError: "OOM",
    Demoted: "READONLY",
    ReadOnlyError: "READONLY",
}


def _named(error: RedisError, *, sent: bool) -> StoreUnavailable | Unclear:
    """Give the error that callers know, with a sentence that holds no address and no password."""
    if sent:
        return Unclear(UNCLEAR)
    said = next((word for kind, word in _WORDS.items() if isinstance(error, kind)), str(error))
    fitting = (sentence for words, sentence in _SENTENCES if any(f"{word} " in f"{said} " for word in words))
    return StoreUnavailable(next(fitting, AWAY))


def _detail(error: RedisError) -> str:
    """Say for the log what went wrong; redis-py's texts hold the host and the port, never the password."""
    return f"{type(error).__name__}: {error}"[:300]
