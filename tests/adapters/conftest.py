"""What the tests of the adapters run on."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from werkzeug.wrappers import Request, Response

from accessbot.adapters.aws_identity import AwsIdentityCenter
from accessbot.sandbox.aws import Aws
from accessbot.sandbox.loopback import LoopbackServer
from tests.adapters.aws_answering import INSTANCE, Answers, adapter


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """Give an organization, with boto3 pointed at it."""
    with Aws() as started:
        for name, value in started.env().items():
            monkeypatch.setenv(name, value)
        yield started


@pytest.fixture
def canned(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Answers, list[str], AwsIdentityCenter]]:
    """Give an AWS with prepared answers by operation (and attribute), the operations called, and the adapter on it."""
    answers: Answers = {"ListInstances": (200, {"Instances": [INSTANCE]})}
    called: list[str] = []

    def answer(request: Request) -> Response:
        operation = request.headers["X-Amz-Target"].rpartition(".")[2]
        called.append(operation)
        sent = request.get_json(force=True).get("AlternateIdentifier") or {}
        path = sent.get("UniqueAttribute", {}).get("AttributePath", "")
        status, body = answers.get(f"{operation} {path}") or answers[operation]
        return Response(json.dumps(body), status=status, content_type="application/x-amz-json-1.1")

    with LoopbackServer(answer) as server:
        for name, value in {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "made-up",
        }.items():
            monkeypatch.setenv(name, value)
        yield answers, called, adapter()
