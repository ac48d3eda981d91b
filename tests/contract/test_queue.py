"""The way to workers over RQ: what is pushed is run, whatever else lies in Redis is not, and workers leave in time."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
from rq import Callback, SimpleWorker
from rq import Queue as RawQueue
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.webhook import Webhook
from structlog.testing import capture_logs

import accessbot.jobs
from accessbot.adapters.rq_queue import DO, AccessbotJob, RqQueue, rq_connection, work_lane
from accessbot.domain.errors import StoreUnavailable
from accessbot.domain.work import Lane, Work, WorkKind
from accessbot.sandbox.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Callable

WORK = Work(WorkKind.PROVISION, "g_1")
PATIENT_S = 20.0


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the names of the works that workers of this process were given."""
    names: list[str] = []
    monkeypatch.setattr(accessbot.jobs, "do", names.append)
    return names


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a file that exists once the module `accessbot_trap` was imported or its function called."""
    sprung = tmp_path / "sprung"
    (tmp_path / "accessbot_trap.py").write_text(
        f"from pathlib import Path\nPath({str(sprung)!r}).touch()\ndef snap(*_a, **_k): pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return sprung


def raw_lane(client: redis.Redis, lane: Lane = Lane.FAST) -> RawQueue:
    """Give the queue as a stranger with access to Redis would use it."""
    return RawQueue(f"accessbot-{lane}", connection=client, serializer=JSONSerializer)


def test_what_is_pushed_is_run_once_by_a_worker_of_its_lane(
    rq_client: redis.Redis, rq_admin: redis.Redis, done: list[str]
) -> None:
    """The worker is given the work's name, and nothing of the job is left."""
    queue = RqQueue(rq_client)
    for work in (WORK, Work(WorkKind.CLICK, "c_1"), Work(WorkKind.TELL, "ready:g_1")):
        queue.push(work)
    assert [queue.waiting(lane) for lane in (Lane.FAST, Lane.ENDS, Lane.TALK)] == [2, 0, 1]
    work_lane(Lane.FAST, rq_client, burst=True)
    assert done == ["provision|g_1", "click|c_1"]
    assert [queue.waiting(lane) for lane in (Lane.FAST, Lane.ENDS, Lane.TALK)] == [0, 0, 1]
    work_lane(Lane.TALK, rq_client, burst=True)
    assert done[2:] == ["tell|ready:g_1"]
    assert not list(rq_admin.scan_iter("rq:job:*"))


def test_a_pushed_job_holds_a_name_and_nothing_that_is_kept(rq_client: redis.Redis) -> None:
    """Its result is dropped, its failure soon, it is described by the work, ended after a minute and never retried."""
    RqQueue(rq_client).push(WORK)
    (job,) = raw_lane(rq_client).jobs
    assert (job.func_name, job.args, job.kwargs) == (DO, ["provision|g_1"], {})
    assert (job.description, job.timeout, job.result_ttl, job.failure_ttl) == ("provision|g_1", 60, 0, 60)
    assert job.retries_left is None


@pytest.mark.parametrize(
    "job",
    [
        {"func": "os.system", "args": ("touch {sprung}",)},
        {"func": "accessbot_trap.snap"},
        {"func": DO, "args": ("end|g_1",), "on_success": Callback("accessbot_trap.snap")},
        {"func": DO, "args": ("end|g_1",), "on_failure": Callback("accessbot_trap.snap")},
        {"func": DO, "args": ("end|g_1",), "on_stopped": Callback("accessbot_trap.snap")},
        {"func": "accessbot_trap.snap", "on_failure": Callback("accessbot_trap.snap")},
        {"func": DO, "args": ("end|g_1",), "webhooks": [Webhook("http://127.0.0.1:9/", "finished")]},
        {"func": DO, "args": ("end|g_1", "end|g_2")},
        {"func": DO, "args": (7,)},
        {"func": DO, "args": ("end|g_1",), "kwargs": {"name": "end|g_2"}},
        {"func": DO},
    ],
    ids=[
        "os.system",
        "function",
        "on_success",
        "on_failure",
        "on_stopped",
        "both",
        "web hook",
        "two arguments",
        "a number",
        "keywords",
        "no argument",
    ],
)
def test_a_job_that_accessbot_never_makes_is_not_run(
    rq_client: redis.Redis, done: list[str], trap: Path, job: dict[str, Any]
) -> None:
    """Put into Redis by hand, it fails before anything it names is imported or called; the next one is run."""
    asked = job | {"args": tuple(str(a).format(sprung=trap) if isinstance(a, str) else a for a in job.get("args", ()))}
    put = raw_lane(rq_client).enqueue_call(**asked)
    read = AccessbotJob.fetch(put.id, connection=rq_client, serializer=JSONSerializer)
    assert isinstance(read, AccessbotJob)
    assert read.refusal
    assert not any((read.success_callback, read.failure_callback, read.stopped_callback, read.webhooks))
    RqQueue(rq_client).push(WORK)
    work_lane(Lane.FAST, rq_client, burst=True)
    assert not trap.exists()
    assert done == [str(WORK)]
    assert Job.fetch(put.id, connection=rq_client, serializer=JSONSerializer).get_status() == "failed"


class _Bomb:
    """Pickles to a call."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_pickled_job_is_not_read(rq_client: redis.Redis, done: list[str], trap: Path) -> None:
    """Neither its data nor what goes with it is unpickled."""
    put = raw_lane(rq_client).enqueue_call(DO, args=("end|g_1",))
    bomb = pickle.dumps(_Bomb(trap))
    rq_client.hset(put.key, mapping={"data": bomb, "meta": bomb, "result": bomb})
    work_lane(Lane.FAST, rq_client, burst=True)
    assert not trap.exists()
    assert done == []


def test_cleaning_up_after_a_dead_worker_calls_nothing_either(rq_client: redis.Redis, trap: Path) -> None:
    """A job that was begun long ago and never ended fails without its callback."""
    lane = raw_lane(rq_client)
    put = lane.enqueue_call("accessbot_trap.snap", on_failure=Callback("accessbot_trap.snap"))
    rq_client.delete(lane.key)
    rq_client.zadd(lane.started_job_registry.key, {f"{put.id}:an-execution": 1})
    work_lane(Lane.FAST, rq_client, burst=True)
    assert not trap.exists()


def test_a_failing_job_neither_stops_the_worker_nor_leaves_its_words_in_redis(
    rq_client: redis.Redis, rq_admin: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the kind of the error is kept, and only for a minute."""
    done: list[str] = []

    def fail_first(name: str) -> None:
        done.append(name)
        if len(done) == 1:
            raise OSError("the secret is hunter2")

    monkeypatch.setattr(accessbot.jobs, "do", fail_first)
    queue = RqQueue(rq_client)
    queue.push(WORK)
    queue.push(Work(WorkKind.CLICK, "c_1"))
    work_lane(Lane.FAST, rq_client, burst=True)
    assert done == [str(WORK), "click|c_1"]
    (job_id,) = raw_lane(rq_client).failed_job_registry.get_job_ids()
    job = Job.fetch(job_id, connection=rq_admin, serializer=JSONSerializer)
    result = job.latest_result()
    assert result is not None
    assert result.exc_string == "OSError"
    assert 0 < int(rq_client.ttl(job.key)) <= 60
    for key in rq_admin.scan_iter("rq:*"):
        assert b"hunter2" not in (rq_admin.dump(key) or b"")


def test_a_queue_that_is_away_is_only_logged() -> None:
    """Pushing goes on, as the due-index has the work; counting says that nothing is known."""
    with RedisServer() as server:
        url = server.url
    queue = RqQueue(rq_connection(url, patience=timedelta(milliseconds=200)))
    with capture_logs() as logs:
        queue.push(WORK)
    assert [(line["event"], line["work"]) for line in logs] == [("queue.not_pushed", "provision|g_1")]
    with pytest.raises(StoreUnavailable):
        queue.waiting(Lane.FAST)


# --- leaving ---

WORKER = """
    import sys, time
    from pathlib import Path
    import accessbot.jobs
    from accessbot.adapters.rq_queue import rq_connection, work_lane
    from accessbot.domain.work import Lane

    def do(name):
        Path(sys.argv[2]).write_text("begun")
        end = time.monotonic() + float(name.partition("|")[2])
        while time.monotonic() < end:
            time.sleep(0.01)
        Path(sys.argv[2]).write_text("ended")

    accessbot.jobs.do = do
    Path(sys.argv[2]).write_text("ready")
    work_lane(Lane.FAST, rq_connection(sys.argv[1]))
"""


def wait_until(what: Callable[[], bool]) -> None:
    """Look again and again, until it is so."""
    deadline = time.monotonic() + PATIENT_S
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(("lasts_s", "ends_as"), [(None, "ready"), ("1", "ended"), ("50", "begun")])
def test_a_worker_leaves_soon_after_sigterm(real_url: str, tmp_path: Path, lasts_s: str | None, ends_as: str) -> None:
    """An idle one at once, a busy one after its job, and one whose job would take most of a minute cuts it off."""
    told = tmp_path / "told"
    worker = subprocess.Popen([sys.executable, "-c", textwrap.dedent(WORKER), real_url, str(told)])
    with redis.Redis.from_url(real_url) as client:
        try:
            wait_until(lambda: SimpleWorker.count(connection=client) == 1)
            if lasts_s:
                RqQueue(client).push(Work(WorkKind.CLICK, lasts_s))
                wait_until(lambda: told.read_text() == "begun")
            else:
                wait_until(lambda: [w.get_state() for w in SimpleWorker.all(connection=client)] == ["idle"])
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(timeout=PATIENT_S) == 0
            assert told.read_text() == ends_as
            assert SimpleWorker.count(connection=client) == 0
        finally:
            worker.kill()
            worker.wait()


def test_sigterm_while_redis_is_away_does_not_break_the_work_off(tmp_path: Path) -> None:
    """The work at hand is done to its end: what a signal does itself needs no Redis."""
    told = tmp_path / "told"
    with RedisServer() as server:
        worker = subprocess.Popen([sys.executable, "-c", textwrap.dedent(WORKER), server.url, str(told)])
        try:
            with redis.Redis.from_url(server.url) as client:
                wait_until(lambda: SimpleWorker.count(connection=client) == 1)
                RqQueue(client).push(Work(WorkKind.CLICK, "1.5"))
            wait_until(lambda: told.read_text() == "begun")
            server.kill()
            worker.send_signal(signal.SIGTERM)
            wait_until(lambda: told.read_text() == "ended")
        finally:
            worker.kill()
            worker.wait()


def test_a_worker_goes_on_after_a_restart_of_redis(tmp_path: Path) -> None:
    """Within seconds, by itself."""
    with RedisServer() as server:
        told = tmp_path / "told"
        worker = subprocess.Popen([sys.executable, "-c", textwrap.dedent(WORKER), server.url, str(told)])
        try:
            with redis.Redis.from_url(server.url) as client:
                wait_until(lambda: SimpleWorker.count(connection=client) == 1)
            server.restart()
            RqQueue(rq_connection(server.url)).push(Work(WorkKind.CLICK, "0"))
            wait_until(lambda: told.read_text() == "ended")
        finally:
            worker.kill()
            worker.wait()
