"""The connections to Redis: what they are opened with, and which of their failures mean that nothing was written.

Where Sentinels watch the servers, every new connection asks them for the primary; one to a server that was demoted is
given up at the first write that it refuses. So after a fail-over a client is back by itself.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import AuthenticationError, AuthorizationError, BusyLoadingError, ReadOnlyError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool, SentinelManagedConnection, SentinelManagedSSLConnection

from accessbot.adapters.redis_address import RedisAddress, parse

_HEALTH_CHECK_S: Final = 15  # a connection idle for longer is tried with a PING before it is trusted with a write
_SENTINEL_S: Final = (0.1, 0.5)
"""Bounds of how long one Sentinel may take to answer; then the next is asked. All of them take half of a time-out."""


class NotConnected(RedisConnectionError):
    """No connection could be had, so nothing was sent."""


class Demoted(RedisConnectionError):
    """The server takes no writes: it became a replica, so nothing was written and the connection was given up."""


class _GivesUp:
    """What a connection does when its server says that it is a replica: it is closed, so that the next is a new one."""

    def read_response(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - redis-py's own arguments and answer
        """Give the answer. Raises `Demoted` when the server takes no writes."""
        try:
            return self._read(*args, **kwargs)
        except ReadOnlyError as error:
            self.disconnect()  # type: ignore[attr-defined]  # each connection that this is mixed into has it
            raise Demoted(str(error)) from error

    def _read(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as above
        return super().read_response(*args, **kwargs)  # type: ignore[misc]  # as above


class _Plain(_GivesUp, Connection):
    pass


class _Tls(_GivesUp, SSLConnection):
    pass


class _File(_GivesUp, UnixDomainSocketConnection):
    pass


class _Watched(_GivesUp, SentinelManagedConnection):
    def _read(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as above
        # Past redis-py's own way of saying that the server was demoted, which tells less.
        return Connection.read_response(self, *args, **kwargs)


class _WatchedTls(_GivesUp, SentinelManagedSSLConnection):
    def _read(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as above
        return Connection.read_response(self, *args, **kwargs)


class _Tells:
    """What a pool does where no connection can be had: it tells that apart from "sent, and then no answer"."""

    def get_connection(self, *_: Any, **__: Any) -> Any:  # noqa: ANN401 - redis-py's arguments mean nothing any more
        """Give a live connection. Raises `NotConnected`, or `AuthenticationError` for a wrong password."""
        try:
            return super().get_connection()  # type: ignore[misc]  # each pool that this is mixed into has it
        except (AuthenticationError, AuthorizationError, BusyLoadingError):
            raise
        except (RedisConnectionError, RedisTimeoutError) as error:
            raise NotConnected(str(error)) from error


class _Pool(_Tells, redis.ConnectionPool):
    pass


class _WatchedPool(_Tells, SentinelConnectionPool):
    pass


def open_pool(url: str, timeout: timedelta, **more: Any) -> redis.ConnectionPool:  # noqa: ANN401 - redis-py's own
    """Make a pool for any form of REDIS_URL; connects on the first call. `timeout` is one attempt's.

    Raises `ValueError` for a text that is none.
    """
    address = parse(url)
    timeouts = {"socket_timeout": timeout.total_seconds()}
    if not address.path:
        timeouts |= {"socket_connect_timeout": timeout.total_seconds()}
    options: dict[str, Any] = {
        "db": address.database,
        "username": address.username or None,
        "password": address.password or None,
        "health_check_interval": _HEALTH_CHECK_S,
        "protocol": 2,
        **timeouts,
        **_tls(address),
        **more,
    }
    if address.path:
        return _Pool(connection_class=_File, path=address.path, **options)
    options["socket_keepalive"] = True
    if not address.service:
        ((host, port),) = address.hosts
        return _Pool(connection_class=_Tls if address.tls else _Plain, host=host, port=port, **options)
    return _WatchedPool(  # type: ignore[no-untyped-call]  # redis-py's
        address.service,
        _sentinel(address, timeout),
        connection_class=_WatchedTls if address.tls else _Watched,
        **options,
    )


def is_watched(client: redis.Redis) -> bool:
    """Tell whether Sentinels watch the server, so that another may take its place at any time."""
    return isinstance(client.connection_pool, SentinelConnectionPool)


def _tls(address: RedisAddress) -> dict[str, Any]:
    if not address.tls:
        return {}
    options: dict[str, Any] = {name: text for name, text in address.options.items() if name.startswith("ssl_")}
    check = str(options.pop("ssl_check_hostname", "true")).casefold() == "true"
    return {**options, "ssl_check_hostname": check, "ssl_cert_reqs": "required"}


def _sentinel(address: RedisAddress, timeout: timedelta) -> Sentinel:
    least, most = _SENTINEL_S
    seconds = max(least, min(most, timeout.total_seconds() / 2 / len(address.hosts)))
    options = {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "protocol": 2,
        "username": address.options.get("sentinel_username"),
        "password": address.options.get("sentinel_password"),
        "retry": Retry(NoBackoff(), 0),
        **({"ssl": True, **_tls(address)} if address.tls else {}),
    }
    return Sentinel(list(address.hosts), sentinel_kwargs=options)  # type: ignore[no-untyped-call]  # redis-py's
