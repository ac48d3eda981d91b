"""Reading an environment into settings, with every problem at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from accessbot.domain.durations import compact
from accessbot.domain.errors import AccessbotError
from accessbot.settings.table import DOORS, For, Role, Settings
from accessbot.settings.values import address, is_loopback


class SettingsInvalid(AccessbotError):
    """The environment does not do; `problems` holds one line per problem, each with the variable and the fix."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        """Keep every problem, in the order of the settings table."""
        super().__init__("; ".join(problems))
        self.problems = problems

    @property
    def lines(self) -> tuple[str, ...]:
        """Give a line for each problem."""
        return self.problems


class _Environ(PydanticBaseSettingsSource):
    """The variables of one mapping, by their exact names; blank ones count as unset."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(Settings)
        self._environ = environ

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Give a variable's text, its name, and that it needs no decoding."""
        name = str(field.validation_alias or field_name)
        return self._environ.get(name, "").strip() or None, name, False

    def __call__(self) -> dict[str, Any]:
        """Give every variable that is set."""
        found = (self.get_field_value(field, name) for name, field in Settings.model_fields.items())
        return {name: value for value, name, _ in found if value is not None}


def _marks(name: str) -> For:
    field = next(f for f in Settings.model_fields.values() if f.validation_alias == name)
    return next(m for m in field.metadata if isinstance(m, For))


def _read(values: dict[str, Any]) -> tuple[Settings, dict[str, str]]:
    """Build the settings from what is right, and say by variable what is not."""
    wrong: dict[str, str] = {}
    while True:
        try:
            return Settings(**{name: value for name, value in values.items() if name not in wrong}), wrong
        except ValidationError as error:
            found = {str(e["loc"][0]): str(e.get("ctx", {}).get("error") or e["msg"]) for e in error.errors()}
            if not found.keys() - wrong.keys():
                raise
            wrong |= found


def _together(settings: Settings, environ: Mapping[str, str], wrong: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Find what is wrong between variables that are each right, as (variable, message)."""
    credentials = "GOOGLE_APPLICATION_CREDENTIALS"
    if settings.anonymous_google:
        if "GOOGLE_API_URL" not in wrong and not is_loopback(settings.google_api_url):
            fix = f"unset it and set {credentials}, or point GOOGLE_API_URL at 127.0.0.1"
            yield "GOOGLE_AUTH", f"cannot be “anonymous” unless GOOGLE_API_URL is an address of this machine: {fix}"
        if settings.membership_expiry is not None and not is_loopback(settings.google_cloud_identity_url):
            fix = f"unset it and set {credentials}, or point that at 127.0.0.1 too"
            yield "GOOGLE_AUTH", f"cannot be “anonymous” with GOOGLE_CLOUD_IDENTITY_URL beyond this machine: {fix}"
    elif settings.google_application_credentials is None and not {credentials, "GOOGLE_AUTH"} & wrong.keys():
        yield credentials, "is not set: set it to the path of Google's credentials file"
    if not settings.region and not {"AWS_REGION", "AWS_DEFAULT_REGION"} & wrong.keys():
        yield "AWS_REGION", "is not set: set it to the region of your IAM Identity Center, like eu-central-1"
    if settings.aws_region_default and settings.aws_region_own not in {"", settings.aws_region_default}:
        yield "AWS_REGION", "differs from AWS_DEFAULT_REGION: set one, or both to the region of IAM Identity Center"
    for name in sorted(environ):
        if name.startswith("AWS_ENDPOINT_URL") and environ[name].strip():
            try:
                address(environ[name].strip())
            except ValueError as error:
                yield name, str(error)


def _problems(role: Role, settings: Settings, environ: Mapping[str, str], wrong: dict[str, str]) -> Iterator[str]:
    for setting in describe():
        name, missing = setting.name, _marks(setting.name).missing
        if role not in setting.roles:
            continue
        if name in wrong:
            yield f"{name} {wrong[name]}"
        elif missing and not environ.get(name, "").strip():
            yield f"{name} is not set: {missing}"
    if role == "web" and not {"SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"} & wrong.keys():
        secret = settings.slack_signing_secret.get_secret_value()
        if not secret and not settings.socket_mode:
            yield (
                "SLACK_SIGNING_SECRET is not set: set it to the Slack app's signing secret, "
                "or set SLACK_APP_TOKEN for Socket Mode"
            )
    if role in DOORS:
        yield from (f"{name} {message}" for name, message in _together(settings, environ, wrong))


def load(role: Role, environ: Mapping[str, str]) -> Settings:
    """Read an environment for a role; what the role does not use is neither asked for nor complained about.

    Raises `SettingsInvalid` with every problem at once.
    """
    settings, wrong = _read(_Environ(environ)())
    problems = tuple(_problems(role, settings, environ, wrong))
    if problems:
        raise SettingsInvalid(problems)
    return settings


class Setting(NamedTuple):
    """One line of the settings table; `default` is written as it would be in the environment, "" if there is none."""

    name: str
    meaning: str
    default: str
    secret: bool
    roles: tuple[Role, ...]


def _written(value: object) -> str:
    if isinstance(value, timedelta):
        return compact(value)
    if isinstance(value, Mapping):
        return ",".join(f"{lane}:{count}" for lane, count in value.items())
    if value is None or isinstance(value, SecretStr):
        return ""
    return str(value)


def describe() -> tuple[Setting, ...]:
    """List every variable, for documentation and for `load`."""
    rows = []
    for field in Settings.model_fields.values():
        name = str(field.validation_alias)
        is_secret = isinstance(field.default, SecretStr)
        rows.append(Setting(name, field.description or "", _written(field.default), is_secret, _marks(name).roles))
    return tuple(rows)
