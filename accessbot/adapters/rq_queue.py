"""The short way to a worker: RQ, with one queue for each lane and one function that a job may call.

A job is only a hint: "this work may be begun now". The due-index in the store has every work too, and hands it over
again when no worker begins it. So RQ retries nothing, keeps nothing, and may lose a job without harm.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import redis
import structlog
from redis.backoff import EqualJitterBackoff
from redis.exceptions import BusyLoadingError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry
from rq import Queue as RqLane
from rq import SimpleWorker
from rq.exceptions import DeserializationError
from rq.executions import Execution
from rq.job import Job
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer
from rq.timeouts import UnixSignalDeathPenalty
from rq.worker.base import WorkerStatus

from accessbot.adapters.redis_client import AWAY
from accessbot.adapters.redis_connections import open_pool
from accessbot.domain.errors import AccessbotError, Interrupted, StoreUnavailable
from accessbot.domain.work import Lane, Work

_log = structlog.get_logger(__name__)

DO: Final = "accessbot.jobs.do"
"""The one function that a job may call, with one argument: the name of a work."""

_JOB_TIMEOUT_S: Final = 60
_FAILURE_KEPT_S: Final = 60
_WORKER_TTL_S: Final = 45
_MAINTENANCE_S: Final = 30
_GRACE_S: Final = 3  # what a job at hand gets to end after SIGTERM; the rest of 5 s is for taking leave
_RECONNECT_S: Final = 2.0
_SOCKET_S: Final = 1.0
_RETRIES: Final = 3


class ForbiddenJob(AccessbotError):
    """Something put a job into Redis that accessbot never makes; it was not run, nor anything it names imported."""


class AccessbotJob(Job):
    """A job that can only ever call `accessbot.jobs.do`, whatever is written in Redis.

    It is looked at as soon as it is read; a job that names anything else, or callbacks, or web hooks, fails.
    """

    refusal: str = ""

    def restore(self, raw_data: Mapping[bytes, bytes]) -> None:
        """Take over what Redis holds, less everything that RQ could call, post to, repeat or start by itself."""
        super().restore(raw_data)
        callbacks = (self._success_callback_name, self._failure_callback_name, self._stopped_callback_name)
        if any(callbacks):
            self.refusal = "it names a callback"
        elif self.webhooks:
            self.refusal = "it names a web hook"
        else:
            self.refusal = self._fault()
        self._success_callback_name = self._failure_callback_name = self._stopped_callback_name = None
        self.webhooks = []
        self.retries_left = self.repeats_left = None

    @property
    def func(self) -> Any:  # noqa: ANN401 - as inherited
        """Give `accessbot.jobs.do`. Raises `ForbiddenJob` before anything else would be imported."""
        fault = self.refusal or self._fault()
        if fault:
            raise ForbiddenJob(f"Job {self.id} was not run: {fault}. Find out who else can write to this Redis.")
        return super().func

    def _fault(self) -> str:
        try:
            name, instance, args, kwargs = self.func_name, self.instance, self.args, self.kwargs
        except DeserializationError:
            return "its data cannot be read"
        if name != DO or instance:
            return "it names another function"
        if kwargs or len(args) != 1 or not isinstance(args[0], str):
            return "its argument is not the name of a work"
        return ""


class _TimeOver(UnixSignalDeathPenalty):
    """Ends a job in a way that the work it does knows."""

    def handle_death_penalty(self, signum: int, frame: object) -> None:  # noqa: ARG002 - as inherited
        """Interrupt the work, wherever it is. Raises `Interrupted`."""
        raise Interrupted


class _Worker(SimpleWorker):
    """A worker that comes back soon after Redis does, leaves soon after SIGTERM, and stores no tracebacks."""

    death_penalty_class = _TimeOver
    max_connection_wait_time = _RECONNECT_S
    log_result_lifespan = False

    def handle_warm_shutdown_request(self) -> None:
        """Leave the job at hand a few seconds, instead of all of its time-out."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]  # RQ leaves it without types
        left = signal.alarm(0)  # a job runs under an alarm; without one there is nothing to cut short
        if left and self.get_state() == WorkerStatus.BUSY:
            signal.alarm(min(left, _GRACE_S))

    def set_shutdown_requested_date(self) -> None:
        """Write nothing: nobody reads it, and with Redis away the work at hand would break off at any line."""

    def handle_job_failure(
        self,
        job: Job,
        queue: RqLane,
        started_job_registry: StartedJobRegistry | None = None,
        exc_string: str = "",
        execution: Execution | None = None,
    ) -> None:
        """Keep only the kind of the error: its text is in the log, redacted, and has no place in Redis."""
        kind = exc_string.strip().rpartition("\n")[2].partition(":")[0]
        super().handle_job_failure(job, queue, started_job_registry, kind, execution)


class RqQueue:
    """`accessbot.ports.Queue` on RQ."""

    def __init__(self, connection: redis.Redis) -> None:
        """Take a client made by `rq_connection`."""
        self._lanes = {lane: _lane(lane, connection) for lane in Lane}

    def push(self, work: Work) -> None:
        """Hand a work to a worker of its lane now. Never raises for a queue that is away: the due-index has it too."""
        try:
            self._lanes[work.lane].enqueue_call(
                DO,
                args=(str(work),),
                description=str(work),
                timeout=_JOB_TIMEOUT_S,
                result_ttl=0,
                failure_ttl=_FAILURE_KEPT_S,
            )
        except RedisError as error:
            _log.warning("queue.not_pushed", work=str(work), error=f"{type(error).__name__}: {error}"[:300])

    def waiting(self, lane: Lane) -> int:
        """Count the works handed over and not begun. Raises `StoreUnavailable`."""
        try:
            return int(self._lanes[lane].count)
        except RedisError as error:
            raise StoreUnavailable(AWAY) from error


def rq_connection(url: str, *, patience: timedelta = timedelta(seconds=_SOCKET_S)) -> redis.Redis:
    """Make RQ's client, which works on bytes; `patience` is one attempt's time-out, the first of two.

    A worker lengthens it for the read on which it waits for jobs. Takes any form of REDIS_URL.
    """
    pool = open_pool(
        url,
        patience,
        retry=Retry(EqualJitterBackoff(cap=0.2, base=0.02), 1),
        retry_on_error=[RedisConnectionError, RedisTimeoutError, BusyLoadingError],
    )
    return redis.Redis(connection_pool=pool)


def work_lane(lane: Lane, connection: redis.Redis, *, name: str | None = None, burst: bool = False) -> None:
    """Run the jobs of one lane in this process, one after the other, until SIGTERM or SIGINT.

    Must run in the main thread. At a signal an idle worker leaves at once; a busy one ends its job first, which gets
    3 s for it. `burst` leaves when the lane is empty. Returns too when Redis falls silent: start it anew.
    """
    for noisy in ("rq.worker", "rq.job", "rq.queue"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    worker = _Worker(
        [_lane(lane, connection)],
        name=name,
        connection=connection,
        job_class=AccessbotJob,
        serializer=JSONSerializer,
        worker_ttl=_WORKER_TTL_S,
        maintenance_interval=_MAINTENANCE_S,
        default_result_ttl=0,
        log_job_description=False,
    )
    worker.work(burst=burst, with_scheduler=False, logging_level=None)


def _lane(lane: Lane, connection: redis.Redis) -> RqLane:
    return RqLane(
        f"accessbot-{lane}",
        connection=connection,
        default_timeout=_JOB_TIMEOUT_S,
        job_class=AccessbotJob,
        serializer=JSONSerializer,
    )
