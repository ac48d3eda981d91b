"""A whole life over TLS, as the Redis user that the documentation makes: it may do what is needed, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from accessbot.sandbox.redis_server import RedisServer
from accessbot.sandbox.run import sandbox
from tests.life.conftest import Life
from tests.support.redis_docs import PASSWORD, USER, make_user
from tests.support.redis_group import port_of
from tests.support.tls import make_certificates, tls_in_front


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """Run a Redis that is a sandbox's already, with the page's user."""
    with RedisServer() as running:
        with redis.Redis.from_url(running.url) as client:
            client.set("accessbot:mark", "sandbox")
        make_user(running.url)
        yield running


@pytest.fixture(scope="module")
def life(server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """Run a sandbox that reaches that Redis over TLS."""
    folder = tmp_path_factory.mktemp("certificates")
    authority, certificate, key = make_certificates(folder, "localhost")
    with tls_in_front(port_of(server), certificate, key) as port:
        url = f"rediss://{USER}:{PASSWORD}@localhost:{port}/0?ssl_ca_certs={authority}"
        with sandbox(redis_url=url) as box:
            yield Life(box)


def test_a_life_and_every_command_need_no_other_right(life: Life, server: RedisServer, tmp_path: Path) -> None:
    """Asked, approved, extended, ended, listed, revoked, exported, looked at: nothing was denied."""
    maya, noah, priya = life.person("maya"), life.person("noah"), life.person("priya")
    life.granted(maya, "staging-admin 30m ended by its holder")
    maya.click(maya.command("/my-access").answers[0], "End access")
    priya.wait_for_message("approvals", "ended by its holder", "Ended", timeout=20)
    life.granted(noah, "data-analyst 30m ended by an operator")
    (live,) = [grant for grant in life.grants() if grant["state"] == "active"]
    life.cli("grants", "revoke", live["id"])
    assert life.requests()
    assert life.audit(live["id"])
    life.cli("audit", "export", str(tmp_path / "log.ndjson"))
    life.cli("doctor")
    with redis.Redis.from_url(server.url) as client:
        denied = {(entry["reason"], entry["object"]) for entry in client.acl_log()}
    # What no answer is needed to: the client's name for itself, and a setting that hosted servers do not tell either.
    assert denied <= {("command", "client|setinfo"), ("command", "config|get")}


@pytest.mark.parametrize(
    "words",
    [
        ("GET", "another"),
        ("SET", "another", "1"),
        ("KEYS", "*"),
        ("FLUSHALL",),
        ("CONFIG", "GET", "*"),
        ("ACL", "LIST"),
        ("SHUTDOWN",),
        ("REPLICAOF", "NO", "ONE"),
        ("SUBSCRIBE", "another"),
        ("EVAL", "return redis.call('GET', 'another')", "0"),
        ("SCRIPT", "FLUSH"),
        ("XTRIM", "accessbot:audit", "MAXLEN", "0"),
        ("RENAME", "accessbot:audit", "rq:audit"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_what_it_does_not_need_it_may_not(server: RedisServer, words: tuple[str, ...]) -> None:
    """Nothing of the server's, of other programs', nor trimming the audit log."""
    url = server.url.replace("://", f"://{USER}:{PASSWORD}@")
    with redis.Redis.from_url(url) as client, pytest.raises(redis.RedisError, match=r"permission|access|not allowed"):
        client.execute_command(*words)
