"""Credentials for Google, least privilege first: one scope for each client, keyless where the platform allows it.

A credentials file may hold a service-account key, a workload identity configuration (`external_account`, no key), or
an impersonated service account. A subject asks for domain-wide delegation, the widest of the ways; without one the
service account acts as itself and needs an administrator role of its own.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError
from google.auth import aws, identity_pool, impersonated_credentials
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError, RefreshError
from google.oauth2 import service_account

from accessbot.adapters.endpoints import UnsafeEndpoint, checked_endpoint, is_loopback
from accessbot.domain.errors import AccessbotError

MEMBER = "https://www.googleapis.com/auth/admin.directory.group.member"
USER_READ = "https://www.googleapis.com/auth/admin.directory.user.readonly"
CLOUD_GROUPS = "https://www.googleapis.com/auth/cloud-identity.groups"
GROUP_READ = "https://www.googleapis.com/auth/admin.directory.group.readonly"
CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"

CredentialsFactory = Callable[[tuple[str, ...]], Credentials | None]
"""Makes credentials for some scopes; None means none at all, which works with a Directory API on this machine only."""

SessionFactory = Callable[[], boto3.session.Session]

# google-auth says that it is typed, but these are not; mypy would refuse each call.
_refresh_error: Any = RefreshError
_service_account: Any = service_account.Credentials
_aws: Any = aws.Credentials
_identity_pool: Any = identity_pool.Credentials
_acting_as: Any = impersonated_credentials.Credentials

_ENDPOINTS = ("token_uri", "token_url", "token_info_url", "service_account_impersonation_url")


class CredentialsRefused(AccessbotError):
    """The settings give no usable Google credentials; the sentence names the setting, never what a file holds."""


class BotoCredentialsSupplier(aws.AwsSecurityCredentialsSupplier):
    """AWS credentials for workload identity from boto3, which knows ECS, EKS, SSO and profiles too.

    boto3 keeps and renews them; a renewal that fails is a `RefreshError` that may be tried again.
    """

    def __init__(self, session: SessionFactory) -> None:
        self._make_session = session
        self._session: boto3.session.Session | None = None
        self._lock = threading.Lock()

    def get_aws_security_credentials(self, context: Any, request: Any) -> aws.AwsSecurityCredentials:  # noqa: ANN401, ARG002 - google-auth's signature
        """Give the credentials of this process. Raises `RefreshError`."""
        try:
            found = self._open().get_credentials()
            frozen = found.get_frozen_credentials() if found else None
        except BotoCoreError as error:
            raise _unobtainable(error) from error
        if frozen is None or frozen.access_key is None or frozen.secret_key is None:
            raise _refresh_error("boto3 finds no AWS credentials for workload identity")
        return aws.AwsSecurityCredentials(frozen.access_key, frozen.secret_key, frozen.token)

    def get_aws_region(self, context: Any, request: Any) -> str:  # noqa: ANN401, ARG002 - google-auth's signature
        """Give the region of this process. Raises `RefreshError`."""
        try:
            region = self._open().region_name
        except BotoCoreError as error:
            raise _unobtainable(error) from error
        if not region:
            raise _refresh_error("no AWS region is set for workload identity; set AWS_REGION")
        return region

    def _open(self) -> boto3.session.Session:
        """Give the session, its credentials looked for: neither is made to be built by two threads at once."""
        with self._lock:
            if self._session is None:
                made = self._make_session()
                made.get_credentials()
                self._session = made
            return self._session


def _unobtainable(error: BotoCoreError) -> RefreshError:
    made: RefreshError = _refresh_error(f"boto3 could not get AWS credentials: {type(error).__name__}", retryable=True)
    return made


def anonymous(api_url: str | None) -> CredentialsFactory:
    """Use no credentials. Raises `UnsafeEndpoint` unless the Directory API is on this machine."""
    if api_url is None or not is_loopback(api_url):
        raise UnsafeEndpoint(
            "GOOGLE_AUTH=anonymous is allowed only when GOOGLE_API_URL is an address on this machine (127.0.0.1); "
            "unset it and set GOOGLE_APPLICATION_CREDENTIALS."
        )
    return lambda _scopes: None


def from_file(
    path: Path | None, subject: str | None = None, session: SessionFactory = boto3.session.Session
) -> CredentialsFactory:
    """Use the credentials file at `path`, which is read once, here.

    `subject` is the Workspace administrator to act for by domain-wide delegation, if any; `session` gives the AWS
    credentials for workload identity on AWS. Raises `CredentialsRefused`, `UnsafeEndpoint`.
    """
    if path is None:
        raise CredentialsRefused("Set GOOGLE_APPLICATION_CREDENTIALS to the path of the Google credentials file.")
    info = _read(path)
    wanted = subject or None

    def make(scopes: tuple[str, ...]) -> Credentials:
        return _made(info, scopes, wanted, session)

    make((USER_READ,))  # a file that cannot work is refused at the start, not at the first request
    return make


def _read(path: Path) -> Mapping[str, Any]:
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CredentialsRefused(
            f"GOOGLE_APPLICATION_CREDENTIALS names {path}, which cannot be read ({error.strerror}); correct the path."
        ) from error
    except ValueError:
        raise CredentialsRefused(f"GOOGLE_APPLICATION_CREDENTIALS names {path}, which is no JSON file.") from None
    if not isinstance(info, dict):
        raise CredentialsRefused(f"GOOGLE_APPLICATION_CREDENTIALS names {path}, which is no credentials file.")
    return info


def _made(info: Mapping[str, Any], scopes: Sequence[str], subject: str | None, session: SessionFactory) -> Credentials:
    """Build the credentials of one file. The causes of a refusal are cut off: they may quote the key."""
    for name in _ENDPOINTS:
        if name in info:
            checked_endpoint(str(info[name]), f"{name} in the Google credentials file")
    kind = info.get("type")
    try:
        match kind:
            case "service_account":
                key: Credentials = _service_account.from_service_account_info(
                    info, scopes=list(scopes), subject=subject
                )
                return key
            case "external_account" if subject:
                source = _federated({**info, "service_account_impersonation_url": None}, session)
                return _impersonated(info, source, scopes, subject)
            case "external_account":
                own: Credentials = _federated(info, session).with_scopes(list(scopes))
                return own
            case "impersonated_service_account":
                source = _made(info.get("source_credentials") or {}, (CLOUD_PLATFORM,), None, session)
                return _impersonated(info, source, scopes, subject)
    except (GoogleAuthError, ValueError, KeyError, TypeError) as error:
        raise CredentialsRefused(
            f"The Google credentials file of type {kind} cannot be used ({type(error).__name__}); download it afresh."
        ) from None
    raise CredentialsRefused(
        "The Google credentials file is of no type that accessbot uses; it takes a service_account, an "
        "external_account or an impersonated_service_account."
    )


def _federated(info: Mapping[str, Any], session: SessionFactory) -> Any:  # noqa: ANN401 - untyped classes
    """Workload identity: on AWS through boto3, elsewhere (OIDC, a file, a URL) as the configuration says."""
    for name in ("audience", "subject_token_type"):
        if not info[name]:
            raise ValueError(name)
    source = info.get("credential_source")
    if isinstance(source, dict) and str(source.get("environment_id", "")).startswith("aws"):
        bare = {name: value for name, value in info.items() if name != "credential_source"}
        return _aws.from_info(bare, aws_security_credentials_supplier=BotoCredentialsSupplier(session))
    return _identity_pool.from_info(info)


def _impersonated(
    info: Mapping[str, Any],
    source: Any,  # noqa: ANN401 - untyped classes
    scopes: Sequence[str],
    subject: str | None,
) -> Credentials:
    """Act as the service account that the file names; with a subject it signs for delegation, without any key.

    The source then needs the role Service Account Token Creator on that service account.
    """
    url = str(info.get("service_account_impersonation_url") or "")
    principal = url.rpartition("/")[2].removesuffix(":generateAccessToken")
    if "@" not in principal:
        raise CredentialsRefused(
            "The Google credentials file names no service account to act as; GOOGLE_DELEGATED_SUBJECT needs one with "
            "service_account_impersonation_url."
        )
    made: Credentials = _acting_as(
        source_credentials=source,
        target_principal=principal,
        target_scopes=list(scopes),
        delegates=info.get("delegates") or [],
        subject=subject,
    )
    return made
