"""The store and the queue over TLS: the server has to be the one that the authority vouches for, by its name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from accessbot.adapters.redis_client import connect
from accessbot.adapters.redis_store import RedisStore
from accessbot.adapters.rq_queue import RqQueue, rq_connection
from accessbot.domain.errors import StoreUnavailable
from accessbot.domain.work import Lane
from accessbot.ports import Change
from accessbot.sandbox.redis_server import RedisServer
from tests.contract.records import a_request
from tests.support.redis_docs import PASSWORD, USER, make_user
from tests.support.redis_group import port_of
from tests.support.tls import make_certificates, tls_in_front

PATIENCE = timedelta(seconds=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the certificates."""
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def port(redis_server: RedisServer, folder: Path) -> Iterator[int]:
    """Give the port that speaks TLS, with a certificate for localhost."""
    _, certificate, key = make_certificates(folder, "localhost")
    make_user(redis_server.url)
    with tls_in_front(port_of(redis_server), certificate, key) as listening:
        yield listening


def store_on(url: str) -> RedisStore:
    """Make a store of its own client."""
    return RedisStore(connect(url, patience=PATIENCE), patience=PATIENCE)


@pytest.mark.usefixtures("real_url")
def test_the_store_and_the_queue_work_over_tls(port: int, folder: Path) -> None:
    """With the authority's certificate in the address."""
    url = f"rediss://{USER}:{PASSWORD}@localhost:{port}/0?ssl_ca_certs={folder / 'ca.pem'}"
    store = store_on(url)
    assert store.commit(Change(op="a", puts=(a_request(),))) is True
    assert store.request("r_1") == a_request(rev=1)
    client = rq_connection(url)
    assert RqQueue(client).waiting(Lane.FAST) == 0
    client.close()
    store.close()


@pytest.mark.parametrize(
    ("host", "options"),
    [
        ("localhost", ""),
        ("localhost", "?ssl_ca_certs={folder}/other.pem"),
        ("127.0.0.1", "?ssl_ca_certs={folder}/ca.pem"),
    ],
    ids=["the system's authorities", "another authority", "another name"],
)
def test_a_server_that_nobody_vouches_for_is_not_talked_to(port: int, folder: Path, host: str, options: str) -> None:
    """Not even the password is sent; the sentence says where to look."""
    (folder / "elsewhere").mkdir(exist_ok=True)
    make_certificates(folder / "elsewhere", "localhost")[0].rename(folder / "other.pem")
    store = store_on(f"rediss://{USER}:{PASSWORD}@{host}:{port}/0{options.format(folder=folder)}")
    with pytest.raises(StoreUnavailable, match="No TLS connection to Redis: check its certificate"):
        store.now()
    store.close()


@pytest.mark.usefixtures("real_url")
def test_a_name_that_the_certificate_does_not_have_can_be_allowed(port: int, folder: Path) -> None:
    """The authority has to vouch for it all the same."""
    url = f"rediss://{USER}:{PASSWORD}@127.0.0.1:{port}/0?ssl_check_hostname=false&ssl_ca_certs={folder}/ca.pem"
    store = store_on(url)
    store.now()
    store.close()
