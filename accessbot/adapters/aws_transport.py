"""HTTP to AWS within the time of a call: botocore's time-outs are for one wait each, and an answer may have many.

The connections are botocore's own; they look at the time that is left before they connect, send and read.
"""

from __future__ import annotations

import http.client
from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)

from accessbot.adapters.deadlines import TimedResponse, left


class _Timed(http.client.HTTPConnection):
    """A connection that is opened, written to and read from only while there is time."""

    response_class = TimedResponse

    def connect(self) -> None:
        self.timeout = left()
        super().connect()
        left()  # a name that was looked up slowly may have used it up

    def request(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - http.client's own signature
        self.timeout = left()
        super().request(*args, **kwargs)


class _Plain(_Timed, AWSHTTPConnection):  # type: ignore[misc]  # the stubs of botocore are stricter than its code
    """Plain http, for loopback."""


class _Secure(_Timed, AWSHTTPSConnection):  # type: ignore[misc]  # as above
    """Https."""


class _PlainPool(AWSHTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(AWSHTTPSConnectionPool):
    ConnectionCls = _Secure


def bound(client: Any) -> None:  # noqa: ANN401 - a boto3 client of any service
    """Have a new boto3 client make all of its calls within `deadlines.within`, over a proxy too."""
    session = client._endpoint.http_session  # noqa: SLF001 - botocore has no public way to its connections
    session._pool_classes_by_scheme.update(http=_PlainPool, https=_SecurePool)  # noqa: SLF001 - as above
