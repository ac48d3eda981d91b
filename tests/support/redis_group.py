"""Redis as it is run for real: a primary, two replicas, and a Sentinel that makes a replica the next primary."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from accessbot.sandbox.redis_server import HOST, RedisServer, find_server

SERVICE = "accessbot"
_CONF = """
bind {host}
port {port}
dir {folder}
sentinel monitor {service} {host} {primary} 1
sentinel down-after-milliseconds {service} 500
sentinel failover-timeout {service} 2000
"""


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def port_of(server: RedisServer) -> int:
    """Give the port of a server."""
    return int(server.url.rpartition(":")[2].partition("/")[0])


def until(what: str, look: Callable[[], bool], seconds: float = 20) -> None:
    """Look until it is so; a server that does not answer is asked again."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if look():
                return
        except redis.RedisError:
            pass
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)


@dataclass(slots=True)
class Group:
    """Three servers, one of them the primary, and the Sentinel that watches them."""

    servers: list[RedisServer]
    sentinel_port: int

    @property
    def url(self) -> str:
        """Give the REDIS_URL: the first Sentinel in it is away, as one of several may be."""
        return f"redis+sentinel://{HOST}:1,{HOST}:{self.sentinel_port}/{SERVICE}/0"

    def primary(self) -> RedisServer:
        """Give the server that the Sentinel names."""
        with redis.Redis(host=HOST, port=self.sentinel_port, decode_responses=True) as client:
            port = int(client.sentinel_get_master_addr_by_name(SERVICE)[1])
        return next(server for server in self.servers if port_of(server) == port)

    def replicas_known(self) -> int:
        """Tell how many replicas the Sentinel knows."""
        with redis.Redis(host=HOST, port=self.sentinel_port, decode_responses=True) as client:
            return int(client.sentinel_master(SERVICE)["num-slaves"])

    def fail_over(self) -> None:
        """Have the Sentinel make another server the primary while all of them live; wait until it is so."""
        before = self.primary()
        with redis.Redis(host=HOST, port=self.sentinel_port) as client:
            until("the fail-over to begin", lambda: bool(client.sentinel_failover(SERVICE)))
        until("another primary", lambda: self.primary() is not before)


def holds_all(primary: RedisServer, replicas: int) -> bool:
    """Tell whether so many replicas have all that a server has."""
    with redis.Redis.from_url(primary.url) as client:
        client.set("probe", "1")
        client.delete("probe")
        return bool(client.wait(replicas, 500) == replicas)


def follow(replica: RedisServer, primary: RedisServer) -> None:
    """Make a server the replica of another."""
    with redis.Redis.from_url(replica.url) as client:
        client.replicaof(HOST, port_of(primary))


@contextmanager
def redis_group() -> Iterator[Group]:
    """Run a group in which writes need a replica at hand, until the block ends."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="accessbot-sentinel-")))
        servers = [stack.enter_context(RedisServer()) for _ in range(3)]
        for server in servers:
            with redis.Redis.from_url(server.url) as client:
                client.config_set("repl-diskless-sync-delay", "0")
                client.config_set("repl-ping-replica-period", "1")
        for server in servers[1:]:
            follow(server, servers[0])
        until("the replicas", lambda: holds_all(servers[0], 2))
        port = free_port()
        conf = folder / "sentinel.conf"
        conf.write_text(
            _CONF.format(host=HOST, port=port, folder=folder, service=SERVICE, primary=port_of(servers[0])),
            encoding="ascii",
        )
        command = [str(find_server()), str(conf), "--sentinel"]
        sentinel = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(sentinel.wait)
        stack.callback(sentinel.kill)
        group = Group(servers, port)
        until("the Sentinel to know them", lambda: group.replicas_known() == len(servers) - 1)
        for server in servers:
            with redis.Redis.from_url(server.url) as client:
                client.config_set("min-replicas-to-write", "1")
        yield group
