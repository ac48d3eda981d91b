"""Real clients on the AWS stand-in, and what its tests find there."""

# ruff: noqa: ANN401 - the real clients are made at run time and have no types of their own

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from accessbot.sandbox.aws import Aws

ACCOUNT = "111122223333"
GROUP = "aws-production-admin"
ADA = "ada@example.com"


def client(aws: Aws, service: str, *, region: str | None = None, timeout: float = 5.0) -> Any:
    """A real client without retries of its own."""
    env = aws.env()
    session: Any = boto3.session.Session(
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name=region or aws.region,
    )
    config = Config(retries={"total_max_attempts": 1}, read_timeout=timeout, connect_timeout=timeout)
    return session.client(service, endpoint_url=aws.url, config=config)


def refused(call: Callable[..., object], **kwargs: object) -> dict[str, Any]:
    """The error of a call: code, message, status, and the members its model adds."""
    with pytest.raises(ClientError) as caught:
        call(**kwargs)
    answer: dict[str, Any] = dict(caught.value.response)
    return {**answer, "Code": answer["Error"]["Code"], "Status": answer["ResponseMetadata"]["HTTPStatusCode"]}


def keys(aws: Aws, store: Any) -> dict[str, Any]:
    """Group and member ids as membership calls take them, found through the API."""
    common = {"IdentityStoreId": aws.identity_store_id}
    unique = {"UniqueAttribute": {"AttributePath": "displayName", "AttributeValue": GROUP}}
    group = store.get_group_id(**common, AlternateIdentifier=unique)["GroupId"]
    unique = {"UniqueAttribute": {"AttributePath": "userName", "AttributeValue": ADA}}
    user = store.get_user_id(**common, AlternateIdentifier=unique)["UserId"]
    return {**common, "GroupId": group, "MemberId": {"UserId": user}}
