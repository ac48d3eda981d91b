"""An AWS that answers as it is told to, and the adapter on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3

from accessbot.adapters.aws_identity import AwsIdentityCenter

ACCOUNT = "111122223333"
LONG = timedelta(seconds=12)
GROUP = "1234567890-11111111-2222-3333-4444-555555555555"
USER = "1234567890-66666666-7777-8888-9999-000000000000"
INSTANCE = {"InstanceArn": "arn:aws:sso:::instance/ssoins-1111111111111111", "IdentityStoreId": "d-1111111111"}


class Hand:
    """A clock that is moved by hand, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Give the time."""
        return self.now


def adapter(timeout: timedelta = LONG, clock: Callable[[], float] | None = None) -> AwsIdentityCenter:
    """Make the adapter on what the environment says."""
    more: dict[str, Any] = {"clock": clock} if clock else {}
    return AwsIdentityCenter(boto3.session.Session, None, None, timeout, **more)


Answers = dict[str, tuple[int, dict[str, Any]]]


Canned = tuple[Answers, list[str], AwsIdentityCenter]


def refusal(code: str, **members: str) -> tuple[int, dict[str, Any]]:
    """Write an error as AWS does."""
    return 400, {"__type": code, "Message": "said", **members}
