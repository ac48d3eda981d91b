"""Credentials for Google: what the settings may be, the scopes asked for, and keyless ways that are really taken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt
from google.auth.exceptions import RefreshError

from accessbot.adapters.endpoints import UnsafeEndpoint
from accessbot.adapters.google_auth import (
    MEMBER,
    USER_READ,
    BotoCredentialsSupplier,
    CredentialsRefused,
    anonymous,
    from_file,
)

ROBOT = "robot@project.iam.gserviceaccount.com"
IMPERSONATE = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{ROBOT}:generateAccessToken"
FEDERATED = {
    "type": "external_account",
    "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/aws",
    "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
    "token_url": "https://sts.googleapis.com/v1/token",
    "service_account_impersonation_url": IMPERSONATE,
    "credential_source": {"environment_id": "aws1", "regional_cred_verification_url": "https://sts.{region}.x"},
}


class Answer:
    """One HTTP answer as google-auth reads it."""

    def __init__(self, body: object) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.data = json.dumps(body).encode()


class Wire:
    """Stands where google-auth has its HTTP: keeps what is sent and answers as Google's token services do."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def __call__(self, url: str, *_: object, body: bytes | str = b"", **__: object) -> Answer:
        """Answer one call."""
        self.sent.append((url, body.decode() if isinstance(body, bytes) else body))
        if url.endswith(":signJwt"):
            return Answer({"signedJwt": "signed"})
        if url.endswith(":generateAccessToken"):
            return Answer({"accessToken": "acting", "expireTime": "2100-01-01T00:00:00Z"})
        return Answer({"access_token": "token", "expires_in": 3600, "token_type": "Bearer", "issued_token_type": "x"})

    def body(self, end: str) -> str:
        """Give what was sent to the one address with that end."""
        (found,) = [body for url, body in self.sent if url.endswith(end)]
        return found


@pytest.fixture(scope="session")
def key() -> str:
    """Make a private key in PEM."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def written(tmp_path: Path, info: object) -> Path:
    """Write a credentials file."""
    path = tmp_path / "google.json"
    path.write_text(info if isinstance(info, str) else json.dumps(info))
    return path


def service_account(key: str) -> dict[str, Any]:
    """Give the content of a key file."""
    return {
        "type": "service_account",
        "client_email": ROBOT,
        "private_key": key,
        "private_key_id": "k1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }


def session() -> boto3.session.Session:
    """Make a session with made-up credentials."""
    return boto3.session.Session("AKIAEXAMPLE", "made-up", "session-token", region_name="eu-west-1")


def renewed(credentials: Any) -> tuple[str, Wire]:  # noqa: ANN401 - google-auth's classes are untyped
    """Have credentials get a token; give it with what was sent for it."""
    wire = Wire()
    credentials.refresh(wire)
    return credentials.token, wire


def claims(wire: Wire) -> dict[str, Any]:
    """Read the claims that a service account signed for itself."""
    decode: Any = jwt.decode
    (assertion,) = parse_qs(wire.body("/token"))["assertion"]
    told: dict[str, Any] = decode(assertion, verify=False)
    return told


def test_anonymous_is_for_this_machine_only() -> None:
    """Without credentials there is no way to Google itself, whatever the settings say."""
    assert anonymous("http://127.0.0.1:9000")((MEMBER,)) is None
    for url in (None, "https://admin.googleapis.com", "http://10.0.0.1"):
        with pytest.raises(UnsafeEndpoint, match="GOOGLE_AUTH=anonymous"):
            anonymous(url)


def test_a_service_account_acts_as_itself_with_one_scope(tmp_path: Path, key: str) -> None:
    """The token is asked for with exactly the scope of the client, and for nobody else."""
    token, wire = renewed(from_file(written(tmp_path, service_account(key)))((MEMBER,)))
    assert token == "token"
    told = claims(wire)
    assert (told["iss"], told["scope"]) == (ROBOT, MEMBER)
    assert "sub" not in told


def test_a_subject_asks_for_delegation(tmp_path: Path, key: str) -> None:
    """With a subject the token is asked for in that administrator's name."""
    _, wire = renewed(from_file(written(tmp_path, service_account(key)), "admin@example.com")((USER_READ,)))
    assert (claims(wire)["sub"], claims(wire)["scope"]) == ("admin@example.com", USER_READ)


def test_workload_identity_on_aws_signs_with_the_credentials_of_boto3(tmp_path: Path) -> None:
    """The identity token comes from boto3 (so ECS and EKS work), then the service account's token is asked for."""
    token, wire = renewed(from_file(written(tmp_path, FEDERATED), session=session)((MEMBER,)))
    assert token == "acting"
    exchanged = parse_qs(wire.body("/v1/token"))["subject_token"][0]
    assert "AKIAEXAMPLE" in exchanged
    assert "made-up" not in exchanged
    assert json.loads(wire.body(":generateAccessToken"))["scope"] == [MEMBER]


def test_delegation_needs_no_key(tmp_path: Path) -> None:
    """With workload identity and a subject the service account signs at Google; its claims name scope and subject."""
    credentials = from_file(written(tmp_path, FEDERATED), "admin@example.com", session)((USER_READ,))
    token, wire = renewed(credentials)
    assert token == "token"
    signed = json.loads(json.loads(wire.body(f"{ROBOT}:signJwt"))["payload"])
    assert (signed["iss"], signed["sub"], signed["scope"]) == (ROBOT, "admin@example.com", USER_READ)


def test_an_impersonated_service_account_acts_through_its_source(tmp_path: Path, key: str) -> None:
    """The source's own token is for signing only; the token for the Directory has the one scope."""
    info = {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": IMPERSONATE,
        "source_credentials": service_account(key) | {"client_email": "source@project.iam.gserviceaccount.com"},
    }
    token, wire = renewed(from_file(written(tmp_path, info))((MEMBER,)))
    assert token == "acting"
    assert json.loads(wire.body(":generateAccessToken"))["scope"] == [MEMBER]


def test_another_workload_identity_reads_its_token_where_the_file_says(tmp_path: Path) -> None:
    """Outside of AWS the configuration names a file with the identity token."""
    (tmp_path / "oidc").write_text("identity-token")
    info = FEDERATED | {
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "credential_source": {"file": str(tmp_path / "oidc")},
    }
    _, wire = renewed(from_file(written(tmp_path, info))((MEMBER,)))
    assert parse_qs(wire.body("/v1/token"))["subject_token"] == ["identity-token"]


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        "[]",
        "{}",
        {"type": "authorized_user", "refresh_token": "s3cret"},
        {"type": "service_account", "private_key": "s3cret"},
        {"type": "service_account", "private_key": "s3cret", "client_email": ROBOT, "token_uri": "https://x.example/"},
        {"type": "impersonated_service_account", "source_credentials": {"type": "s3cret"}},
        {"type": "external_account", "credential_source": {"environment_id": "aws1"}},
    ],
)
def test_a_file_that_cannot_be_used_is_refused_at_once_and_never_quoted(tmp_path: Path, content: object) -> None:
    """The sentence is for a person and holds nothing of the file."""
    with pytest.raises(CredentialsRefused) as caught:
        from_file(written(tmp_path, content))
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_missing_file_or_setting_is_named(tmp_path: Path) -> None:
    """The sentence names the setting and the path."""
    with pytest.raises(CredentialsRefused, match="Set GOOGLE_APPLICATION_CREDENTIALS"):
        from_file(None)
    with pytest.raises(CredentialsRefused, match=r"nowhere\.json"):
        from_file(tmp_path / "nowhere.json")


def test_delegation_without_a_service_account_is_refused(tmp_path: Path) -> None:
    """A subject needs somebody who may act for it."""
    info = {name: value for name, value in FEDERATED.items() if name != "service_account_impersonation_url"}
    with pytest.raises(CredentialsRefused, match="GOOGLE_DELEGATED_SUBJECT"):
        from_file(written(tmp_path, info), "admin@example.com", session)


@pytest.mark.parametrize("name", ["token_uri", "token_url", "service_account_impersonation_url"])
def test_a_file_that_sends_tokens_in_the_clear_is_refused(tmp_path: Path, key: str, name: str) -> None:
    """Every address in the file is https or this machine."""
    info = (service_account(key) if name == "token_uri" else FEDERATED) | {name: "http://tokens.example.com/"}
    with pytest.raises(UnsafeEndpoint, match=name):
        from_file(written(tmp_path, info), session=session)


def test_aws_credentials_that_are_missing_can_be_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without credentials or region workload identity fails by google-auth's own error."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    supplier = BotoCredentialsSupplier(boto3.session.Session)
    with pytest.raises(RefreshError, match="no AWS credentials"):
        supplier.get_aws_security_credentials(None, None)
    with pytest.raises(RefreshError, match="AWS_REGION"):
        supplier.get_aws_region(None, None)
    unknown = BotoCredentialsSupplier(lambda: boto3.session.Session(profile_name="nobody"))
    for call in (unknown.get_aws_security_credentials, unknown.get_aws_region):
        with pytest.raises(RefreshError, match="ProfileNotFound") as caught:
            call(None, None)
        assert caught.value.retryable
