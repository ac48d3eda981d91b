"""The forms of REDIS_URL, and what is said of each text that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from accessbot.adapters.redis_address import RedisAddress, parse


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://host", RedisAddress(hosts=(("host", 6379),))),
        ("redis://host/", RedisAddress(hosts=(("host", 6379),))),
        ("redis://:p%40ss@host:7000/3", RedisAddress(hosts=(("host", 7000),), password="p@ss", database=3)),
        ("redis://u:p@[::1]:7000/0", RedisAddress(hosts=(("::1", 7000),), username="u", password="p")),
        ("unix:///run/redis.sock", RedisAddress(path="/run/redis.sock")),
        ("unix://u:p@/run/a%20b?db=2", RedisAddress(path="/run/a b", username="u", password="p", database=2)),
        (
            "rediss://host?ssl_check_hostname=false&ssl_ciphers=AES256",
            RedisAddress(
                hosts=(("host", 6379),), tls=True, options={"ssl_check_hostname": "false", "ssl_ciphers": "AES256"}
            ),
        ),
        (
            "redis+sentinel://u:p@one,two:7000,[::1]/main/2?sentinel_password=s%2Fs",
            RedisAddress(
                hosts=(("one", 26379), ("two", 7000), ("::1", 26379)),
                service="main",
                username="u",
                password="p",
                database=2,
                options={"sentinel_password": "s/s"},
            ),
        ),
        ("rediss+sentinel://one/main", RedisAddress(hosts=(("one", 26379),), service="main", tls=True)),
    ],
)
def test_each_form_is_read(url: str, address: RedisAddress) -> None:
    """Every part of it, decoded."""
    assert parse(url) == address


def test_files_of_certificates_are_looked_for(tmp_path: Path) -> None:
    """A path that leads to none is told before anybody connects."""
    there = tmp_path / "ca.pem"
    there.write_text("")
    assert parse(f"rediss://host?ssl_ca_certs={there}").options == {"ssl_ca_certs": str(there)}
    with pytest.raises(ValueError, match="names no file as ssl_keyfile"):
        parse(f"rediss://host?ssl_keyfile={tmp_path / 'key.pem'}")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "is no Redis address"),
        ("host:6379", "is no Redis address"),
        ("https://host", "is no Redis address"),
        ("redis://", "is no Redis address"),
        ("redis://host:port/0", "is no Redis address"),
        ("redis://host:99999/0", "is no Redis address"),
        ("redis://host/main", "names no database by number"),
        ("redis://host/0/1", "names no database by number"),
        ("redis://one,two/0", "names several servers"),
        ("redis+sentinel://one,two", "does not name the service"),
        ("redis+sentinel://one,,two/main", "is no Redis address"),
        ("redis+sentinel://one/main/zero", "names no database by number"),
        ("unix://host/path", "is no Redis address"),
        ("unix://", "is no Redis address"),
        ("redis://host?ssl_ca_certs=/x", "has an option that redis:// does not have (ssl_ca_certs)"),
        ("rediss://host?ssl_cert_reqs=none", "has an option that rediss:// does not have (ssl_cert_reqs)"),
        ("rediss://host?ssl_check_hostname=maybe", "has to say true or false as ssl_check_hostname"),
        ("redis://host?socket_timeout=90", "has an option that redis:// does not have (socket_timeout)"),
        ("redis://host#0", "is no Redis address"),
    ],
)
def test_a_text_that_is_none_is_told_without_its_secrets(url: str, says: str) -> None:
    """With how to write it."""
    secret = url.replace("://", "://user:hunter2@", 1)
    for text in (url, secret):
        with pytest.raises(ValueError, match=r"^(is|names|does|has) ") as caught:
            parse(text)
        assert says in str(caught.value)
        assert "hunter2" not in str(caught.value)


def test_every_password_in_it_is_known_for_the_log_to_hide() -> None:
    """That of the servers, that of the Sentinels, that of the key."""
    url = "rediss+sentinel://u:a%3Aa@one/main?sentinel_password=bb&ssl_password=cc"
    assert parse(url).secrets == ("a:a", "cc", "bb")
    assert parse("redis://host").secrets == ()
