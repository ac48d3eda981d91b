"""What the tests of the stand-ins run on."""

# ruff: noqa: ANN401 - the real clients are made at run time and have no types of their own

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from accessbot.sandbox.aws import Aws
from accessbot.sandbox.slack import Actor, Workspace
from tests.sandbox.aws_clients import ACCOUNT, ADA, GROUP, client


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    """Return a running workspace."""
    with Workspace() as running:
        yield running


@pytest.fixture
def maya(workspace: Workspace) -> Actor:
    """Return the requester."""
    return Actor(workspace, "U01MAYA")


@pytest.fixture
def priya(workspace: Workspace) -> Actor:
    """Return an approver."""
    return Actor(workspace, "U03PRIYA", "approvals")


@pytest.fixture
def aws() -> Iterator[Aws]:
    """An organization with one user, one group and an account opened to it."""
    with Aws() as served:
        served.add_user(ADA, "Ada Lovelace")
        served.add_group(GROUP)
        served.add_permission_set("AdministratorAccess", session_duration="PT2H")
        served.assign(ACCOUNT, "AdministratorAccess", GROUP)
        yield served


@pytest.fixture
def store(aws: Aws) -> Any:
    """The real Identity Store client."""
    return client(aws, "identitystore")


@pytest.fixture
def sso(aws: Aws) -> Any:
    """The real SSO Admin client."""
    return client(aws, "sso-admin")
