"""The embedded Redis server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from accessbot.sandbox import redis_server
from accessbot.sandbox.redis_server import RedisServer, RedisUnavailableError


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A running server that flushes every write."""
    with RedisServer(fsync="always") as running:
        yield running


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis.Redis]:
    """A client of it, without retries."""
    with redis.Redis.from_url(server.url, decode_responses=True, socket_timeout=2) as made:
        yield made


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds, ten seconds at most."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended but was not reaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def test_it_is_durable_and_local(client: redis.Redis) -> None:
    """It appends every write, evicts nothing and listens on the loopback address only."""
    expected = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "bind": "127.0.0.1"}
    for name, value in expected.items():
        assert client.config_get(name) == {name: value}


@pytest.mark.parametrize("way", ["restart", "kill"])
def test_data_and_address_survive(server: RedisServer, client: redis.Redis, way: str) -> None:
    """After a restart or a kill it comes back at the same address with what was written."""
    client.set("grant", "live")
    url, pid = server.url, server.pid
    if way == "restart":
        server.restart()
    else:
        server.kill()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        server.start()
    assert server.url == url
    assert server.pid != pid
    with redis.Redis.from_url(url, decode_responses=True) as again:
        assert again.get("grant") == "live"


def test_a_given_directory_is_kept(tmp_path: Path) -> None:
    """Data in a directory of one's own is there for the next server; a temporary one is removed."""
    with RedisServer(tmp_path / "data") as first, redis.Redis.from_url(first.url) as client:
        client.set("grant", "live")
    with RedisServer(tmp_path / "data") as second, redis.Redis.from_url(second.url) as client:
        assert client.get("grant") == b"live"
    with RedisServer() as third, redis.Redis.from_url(third.url) as client:
        directory = Path(client.config_get("dir")["dir"])
        assert directory.is_dir()
    assert not directory.exists()


def test_it_can_stop_answering(server: RedisServer) -> None:
    """Frozen, it keeps connections and answers nothing; thawed, it goes on; a frozen one can be stopped."""
    with redis.Redis.from_url(server.url, socket_timeout=0.1, retry=None) as client:
        client.ping()
        server.freeze()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        server.thaw()
        assert client.ping()
        server.freeze()
        server.stop()
    assert server.pid is None


_PARENT = """
import sys, time
from accessbot.sandbox.redis_server import RedisServer
server = RedisServer().start()
print(server.pid, server._dir, flush=True)
if sys.argv[1] == "wait":
    time.sleep(60)
"""


@pytest.mark.parametrize("how", ["wait", "end"])
def test_it_dies_with_its_parent(how: str) -> None:
    """Neither a killed parent nor one that ends without stopping it leaves a server or its data behind."""
    with subprocess.Popen([sys.executable, "-c", _PARENT, how], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, _, directory = parent.stdout.readline().strip().partition(" ")
        assert Path(directory).is_dir()
        if how == "wait":
            parent.send_signal(signal.SIGKILL)
    wait_for(lambda: not alive(int(pid)))
    wait_for(lambda: not Path(directory).exists())


def test_a_stop_leaves_no_process(server: RedisServer) -> None:
    """After a stop the server is gone, and stopping again does nothing."""
    pid = server.pid
    assert pid is not None
    server.stop()
    assert not alive(pid)
    server.stop()


def test_a_taken_port_is_said(server: RedisServer) -> None:
    """A port that is in use is an error that names it."""
    port = int(server.url.rpartition(":")[2].partition("/")[0])
    with pytest.raises(RedisUnavailableError, match=str(port)):
        RedisServer(port=port).start()


def test_a_missing_server_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any server program the error says what to install."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(redis_server, "_PACKAGE", "no-such-package")
    with pytest.raises(RedisUnavailableError, match="apt install redis-server"):
        RedisServer().start()
