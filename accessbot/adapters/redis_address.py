"""The forms of REDIS_URL: one server, a socket file, or the Sentinels that know which server is the primary.

| form | leads to |
|---|---|
| `redis://[user:password@]host[:6379][/db]` | one server |
| `rediss://…?ssl_ca_certs=/path` | the same over TLS |
| `unix:///path[?db=0]` | a socket file |
| `redis+sentinel://[user:password@]host[:26379][,host…]/service[/db]` | the primary that the Sentinels name |
| `rediss+sentinel://…` | the same, with TLS to the servers and to the Sentinels |

User and password are those of the servers; where the Sentinels want some too, they are the options `sentinel_username`
and `sentinel_password`. Special characters in any of them are percent-encoded. The certificate of a server is always
checked: there is no option to turn that off.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote

SENTINEL_PORT: Final = 26379

_URL: Final = re.compile(
    r"(?P<scheme>rediss?(?P<sentinel>\+sentinel)?|unix)://"
    r"(?:(?P<user>[^@/?#:]*)(?::(?P<password>[^@/?#]*))?@)?"
    r"(?P<hosts>[^@/?#]*)(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?"
)
_HOST: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?")
_DATABASE: Final = re.compile(r"\d{1,4}")
_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_TLS: Final = frozenset({*_FILES, "ssl_ca_path", "ssl_password", "ssl_check_hostname", "ssl_ciphers"})
_SENTINEL: Final = frozenset({"sentinel_username", "sentinel_password"})
_UNIX: Final = frozenset({"db", "username", "password"})
_SECRET: Final = ("password", "ssl_password", "sentinel_password")
_MOST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAddress:
    """Where Redis is, as `parse` reads it; the texts are decoded.

    `hosts` are the server, or the Sentinels where `service` names what they watch; none for a socket file at `path`.
    `options` are the client's own (`ssl_…`), and `sentinel_username` and `sentinel_password`.
    """

    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    service: str = ""
    tls: bool = False
    username: str = ""
    password: str = ""
    database: int = 0
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Give every password in it, for the log to hide."""
        found = (self.password, *(self.options.get(name, "") for name in _SECRET))
        return tuple(dict.fromkeys(text for text in found if text))


def parse(url: str) -> RedisAddress:
    """Read a REDIS_URL. Raises `ValueError` with what is wrong and the fix, never with the text itself."""
    fix = (
        "write it like redis://host:6379/0, rediss://user:password@host:6379/0, unix:///path or"
        " redis+sentinel://host1:26379,host2:26379/service/0"
    )
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError(f"is no Redis address; {fix}")
    query = dict(parse_qsl(match["query"] or "", keep_blank_values=True))
    sentinel, tls = bool(match["sentinel"]), match["scheme"].startswith("rediss")
    _check_options(query, (_TLS if tls else frozenset()) | (_SENTINEL if sentinel else frozenset()), match["scheme"])
    if match["scheme"] == "unix":
        return _socket_file(match, query, fix)
    parts = (match["path"] or "/").removeprefix("/").split("/")
    service = unquote(parts.pop(0)) if sentinel else ""
    database = "/".join(parts)
    if sentinel and not service:
        raise ValueError(f"does not name the service that the Sentinels watch; {fix}")
    if database and not _DATABASE.fullmatch(database):
        raise ValueError(f"names no database by number; {fix}")
    hosts = tuple(_host(text, SENTINEL_PORT if sentinel else 6379, fix) for text in match["hosts"].split(","))
    if len(hosts) > 1 and not sentinel:
        raise ValueError(f"names several servers: that is for redis+sentinel:// alone; {fix}")
    return RedisAddress(
        hosts=hosts,
        service=service,
        tls=tls,
        username=unquote(match["user"] or ""),
        password=unquote(match["password"] or ""),
        database=int(database or 0),
        options=query,
    )


def _socket_file(match: re.Match[str], query: dict[str, str], fix: str) -> RedisAddress:
    if match["hosts"] or not match["path"] or not _DATABASE.fullmatch(query.get("db", "0")):
        raise ValueError(f"is no Redis address; {fix}")
    return RedisAddress(
        path=unquote(match["path"]),
        username=unquote(match["user"] or "") or query.get("username", ""),
        password=unquote(match["password"] or "") or query.get("password", ""),
        database=int(query.get("db", "0")),
    )


def _host(text: str, default: int, fix: str) -> tuple[str, int]:
    match = _HOST.fullmatch(text)
    port = int(match["port"] or default) if match else 0
    if match is None or not 1 <= port <= _MOST_PORT:
        raise ValueError(f"is no Redis address; {fix}")
    return match["host"].strip("[]"), port


def _check_options(query: Mapping[str, str], known: frozenset[str], scheme: str) -> None:
    known = _UNIX if scheme == "unix" else known
    unknown = sorted(query.keys() - known)
    if unknown:
        can = f"it can have {', '.join(sorted(known))}" if known else "it can have none; ssl_… go with rediss://"
        raise ValueError(f"has an option that {scheme}:// does not have ({unknown[0][:40]}); {can}")
    if query.get("ssl_check_hostname", "true").casefold() not in {"true", "false"}:
        raise ValueError("has to say true or false as ssl_check_hostname")
    for name in _FILES:
        if name in query and not Path(query[name]).is_file():
            raise ValueError(f"names no file as {name}; give the path of a PEM file")
