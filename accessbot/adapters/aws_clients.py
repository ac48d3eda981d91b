"""boto3 clients for Identity Center: built once, one try for each call, https or this machine only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.request import getproxies

import boto3
import botocore.session
from botocore.config import Config

from accessbot.adapters.aws_answers import AWS, FAILURES, Ask, Outcome, judge, named, unusable
from accessbot.adapters.aws_calls import Bounded, call
from accessbot.adapters.aws_transport import bound
from accessbot.adapters.endpoints import checked_endpoint, is_loopback
from accessbot.domain.errors import Ambiguous, NotAuthorised

if TYPE_CHECKING:
    from mypy_boto3_identitystore import IdentityStoreClient
    from mypy_boto3_sso_admin import SSOAdminClient

    from accessbot.ports import Gate

SessionFactory = Callable[[], boto3.session.Session]

_SETTINGS = "AWS_SSO_INSTANCE_ARN and AWS_IDENTITY_STORE_ID"


@cache
def _loaded() -> Any:  # noqa: ANN401 - botocore has no types of its own
    """Give what reads AWS's descriptions of its services, and keeps what it has read, for all sessions."""
    return botocore.session.Session().get_component("data_loader")


def _session(region: str, key: str | None = None, secret: str | None = None) -> boto3.session.Session:
    inner = botocore.session.Session()
    inner.register_component("data_loader", _loaded())
    return boto3.session.Session(key, secret, region_name=region, botocore_session=inner)


def sessions(region: str) -> SessionFactory:
    """Make boto3 sessions for a region, with whatever credentials boto3 finds."""
    return lambda: _session(region)


def preload(region: str) -> None:
    """Load what building clients loads, with credentials that are nobody's: what is forked then need not do it again.

    The clients themselves are not for a fork: whatever fetches their credentials may have a connection open by then.
    """
    make: Callable[..., Any] = _session(region or "us-east-1", "nobody", "nothing").client
    for service in ("identitystore", "sso-admin"):
        make(service)


class Clients(NamedTuple):
    """The two clients (safe to share over threads) and the ids of the instance they speak to."""

    store: IdentityStoreClient
    sso: SSOAdminClient
    instance_arn: str
    identity_store_id: str


class ClientSource:
    """Builds the clients at first use and keeps them; sessions are not made for threads, so that is done under a lock.

    Ids that are None are found by ListInstances: exactly one instance, or a named error.
    """

    def __init__(
        self,
        session: SessionFactory,
        instance_arn: str | None,
        identity_store_id: str | None,
        timeout: timedelta,
        gate: Gate | None = None,
    ) -> None:
        self._session = session
        self._gate = gate
        self._ids = (instance_arn or None, identity_store_id or None)
        self._timeout = timeout
        self._lock = threading.Lock()
        self._made: Clients | None = None

    def get(self) -> Clients:
        """Give the clients. Raises `UnsafeEndpoint`, `NotAuthorised`, `Ambiguous`, `Unavailable`."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def _make(self) -> Clients:
        try:
            session = self._session()
            store: IdentityStoreClient = self._client(session, "identitystore")
            sso: SSOAdminClient = self._client(session, "sso-admin")
        except FAILURES as error:
            ask = Ask(operation="ListInstances")
            raise named(ask, judge(ask, error)) from error
        arn, store_id = self._ids
        if arn is None or store_id is None:
            arn, store_id = _discover(sso, arn, store_id)
        return Clients(store, sso, arn, store_id)

    def _client(self, session: boto3.session.Session, service: str) -> Any:  # noqa: ANN401 - stands in for a client
        make: Callable[..., Any] = session.client
        client = make(service, config=self._config())
        url = checked_endpoint(client.meta.endpoint_url, "AWS_ENDPOINT_URL")
        if is_loopback(url) and getproxies():
            client = make(service, config=self._config(proxies={}))
        bound(client)
        return Bounded(client, self._timeout, self._gate)

    def _config(self, **more: Any) -> Config:  # noqa: ANN401 - botocore's options
        return Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=self._timeout.total_seconds(),
            read_timeout=self._timeout.total_seconds(),
            max_pool_connections=50,
            **more,
        )


def _discover(sso: SSOAdminClient, arn: str | None, store_id: str | None) -> tuple[str, str]:
    """Find the one instance that fits what the settings say of it."""
    ask = Ask(operation="ListInstances")
    found: list[Mapping[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        answer = call(ask, sso.list_instances, MaxResults=100, **more)
        if isinstance(answer, Outcome) or not isinstance(answer.get("Instances"), list):
            raise unusable(ask, "malformed answer")
        found += answer["Instances"]
        if not answer.get("NextToken"):
            break
        more = {"NextToken": answer["NextToken"]}
    fitting = [
        (str(each["InstanceArn"]), str(each["IdentityStoreId"]))
        for each in found
        if arn in (None, each["InstanceArn"]) and store_id in (None, each["IdentityStoreId"])
    ]
    if not fitting:
        sentence = f"AWS shows no such Identity Center instance in this region; check AWS_REGION, or set {_SETTINGS}."
        raise NotAuthorised(AWS, ask.operation, sentence)
    if len(fitting) > 1:
        sentence = f"AWS shows {len(fitting)} Identity Center instances; set {_SETTINGS} to say which one."
        raise Ambiguous(AWS, ask.operation, sentence)
    return fitting[0]
