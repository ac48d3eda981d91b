"""The table of variables: each one's type, default, meaning, and the roles that use it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from accessbot.adapters.redis_address import parse
from accessbot.domain.work import Lane
from accessbot.settings.values import (
    address,
    cloud_identity,
    credentials,
    duration,
    google_api,
    grace,
    level,
    matching,
    pagerduty,
    redis,
    slack_api,
    slots,
    start_url,
    token,
    whole,
)

Role = Literal["web", "worker", "clock", "cli", "catalog"]
"""Who reads the settings; `cli` are the commands on stored records, `catalog` is the check of a catalog file."""

DOORS: tuple[Role, ...] = ("web", "worker")
_PROCESSES: tuple[Role, ...] = ("web", "worker", "clock")
_ALL: tuple[Role, ...] = ("web", "worker", "clock", "cli", "catalog")

_CHANNEL = re.compile(r"[CG][A-Za-z0-9_]{2,}", re.ASCII)
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_INSTANCE = re.compile(r"arn:aws[a-z-]*:sso:::instance/[A-Za-z0-9-]+", re.ASCII)
_STORE = re.compile(r"d-[0-9a-f]{10}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d{1,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class For:
    """Which roles use a variable, and what to say to those that cannot do without it."""

    roles: tuple[Role, ...]
    missing: str = ""


_Url = Annotated[str, AfterValidator(address)]
_Channel = Annotated[
    str, matching(_CHANNEL, "has to be a channel's id like C0123456789, not its name; it is at the end of its details")
]
_Region = Annotated[str, matching(_REGION, "is no AWS region; write it like eu-central-1")]
_Time = Annotated[timedelta, BeforeValidator(lambda v: duration(v) if isinstance(v, str) else v)]


class Settings(BaseSettings):
    """What the environment says; "" where a variable is unset. Made by `load`."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False
    )

    slack_bot_token: Annotated[
        SecretStr,
        token("use the bot token, which starts with xoxb-", ("xapp-", "xoxp-", "xoxa-")),
        For(DOORS, "set it to the Slack app's bot token (xoxb-…)"),
    ] = Field(SecretStr(""), validation_alias="SLACK_BOT_TOKEN", description="The Slack app's bot token, `xoxb-…`")
    slack_signing_secret: Annotated[
        SecretStr, token("use the signing secret of the app's basic information", ("xapp-", "xox")), For(("web",))
    ] = Field(
        SecretStr(""),
        validation_alias="SLACK_SIGNING_SECRET",
        description="Proves that a delivery is Slack's; needed unless `SLACK_APP_TOKEN` is set",
    )
    slack_app_token: Annotated[
        SecretStr, token("use an app-level token, which starts with xapp-", ("xox",)), For(("web",))
    ] = Field(
        SecretStr(""),
        validation_alias="SLACK_APP_TOKEN",
        description="App-level token, `xapp-…`: when set, Socket Mode takes the place of HTTP deliveries",
    )
    slack_api_url: Annotated[str, AfterValidator(slack_api), For(DOORS)] = Field(
        "https://slack.com/api/", validation_alias="SLACK_API_URL", description="Slack's Web API, ends in `/api/`"
    )
    slack_approvals_channel: Annotated[_Channel, For(DOORS, "set it to the id of the channel that approvers read")] = (
        Field(
            "", validation_alias="SLACK_APPROVALS_CHANNEL", description="Id of the channel that requests are posted to"
        )
    )
    slack_alerts_channel: Annotated[_Channel, For(DOORS, "set it to the id of the channel that operators read")] = (
        Field(
            "", validation_alias="SLACK_ALERTS_CHANNEL", description="Id of the channel that operators are alerted in"
        )
    )
    redis_url: Annotated[
        SecretStr,
        AfterValidator(redis),
        For(("web", "worker", "clock", "cli"), "set it to the Redis or Valkey server, like redis://host:6379/0"),
    ] = Field(
        SecretStr(""),
        validation_alias="REDIS_URL",
        description="Redis or Valkey: `redis://`, `rediss://`, `unix://`, or Sentinels: `redis+sentinel://`",
    )
    google_api_url: Annotated[str, AfterValidator(google_api), For(DOORS)] = Field(
        "https://admin.googleapis.com/",
        validation_alias="GOOGLE_API_URL",
        description="Root of Google's Directory API, without `admin/directory/v1`",
    )
    google_application_credentials: Annotated[Path | None, AfterValidator(credentials), For(DOORS)] = Field(
        None,
        validation_alias="GOOGLE_APPLICATION_CREDENTIALS",
        description="Path of Google's credentials file: a service account, or an external account without a key",
    )
    google_delegated_subject: Annotated[
        str, matching(_EMAIL, "has to be the email of the administrator to act as"), For(DOORS)
    ] = Field(
        "",
        validation_alias="GOOGLE_DELEGATED_SUBJECT",
        description="Administrator to act as under domain-wide delegation; unset: the service account acts as itself",
    )
    google_auth: Annotated[
        str,
        matching(re.compile("anonymous"), "can only be “anonymous”; unset it to use GOOGLE_APPLICATION_CREDENTIALS"),
        For(DOORS),
    ] = Field(
        "",
        validation_alias="GOOGLE_AUTH",
        description="`anonymous`: no credentials, allowed only when `GOOGLE_API_URL` is a loopback address",
    )
    google_cloud_identity_url: Annotated[str, AfterValidator(cloud_identity), For(("worker",))] = Field(
        "https://cloudidentity.googleapis.com/",
        validation_alias="GOOGLE_CLOUD_IDENTITY_URL",
        description="Root of Google's Cloud Identity API, without `v1`; used with `ACCESSBOT_MEMBERSHIP_EXPIRY` alone",
    )
    aws_region_own: Annotated[_Region, For(DOORS)] = Field(
        "", validation_alias="AWS_REGION", description="Region of IAM Identity Center (or `AWS_DEFAULT_REGION`)"
    )
    aws_region_default: Annotated[_Region, For(DOORS)] = Field(
        "", validation_alias="AWS_DEFAULT_REGION", description="The same, by the name that boto3 reads"
    )
    aws_sso_instance_arn: Annotated[
        str, matching(_INSTANCE, "is no instance ARN; write it like arn:aws:sso:::instance/ssoins-…"), For(DOORS)
    ] = Field(
        "",
        validation_alias="AWS_SSO_INSTANCE_ARN",
        description="IAM Identity Center instance; unset: the only one found",
    )
    aws_identity_store_id: Annotated[
        str, matching(_STORE, "is no identity store id; write it like d-1234567890"), For(DOORS)
    ] = Field("", validation_alias="AWS_IDENTITY_STORE_ID", description="Its identity store; unset: the instance's own")
    aws_start_url: Annotated[str, AfterValidator(lambda v: start_url(v) if v else v), For(DOORS)] = Field(
        "",
        validation_alias="AWS_START_URL",
        description="The AWS access portal, for links, like `https://d-1234567890.awsapps.com/start`",
    )
    aws_secret_access_key: Annotated[SecretStr, For(DOORS)] = Field(
        SecretStr(""),
        validation_alias="AWS_SECRET_ACCESS_KEY",
        description="boto3's own, like every other `AWS_*`; known here so that no log shows it",
    )
    aws_session_token: Annotated[SecretStr, For(DOORS)] = Field(
        SecretStr(""), validation_alias="AWS_SESSION_TOKEN", description="The same"
    )
    pagerduty_api_token: Annotated[
        SecretStr, token("use a read-only REST API key of PagerDuty", ("xox", "xapp-")), For(("worker",))
    ] = Field(
        SecretStr(""),
        validation_alias="PAGERDUTY_API_TOKEN",
        description="Read-only REST API key; needed if the catalog has a schedule of PagerDuty",
    )
    pagerduty_url: Annotated[str, AfterValidator(pagerduty), For(("worker",))] = Field(
        "https://api.pagerduty.com/",
        validation_alias="PAGERDUTY_URL",
        description="Root of PagerDuty's REST API, `https://api.eu.pagerduty.com/` in the EU",
    )
    catalog: Annotated[Path, For(_ALL)] = Field(
        Path("catalog.yml"), validation_alias="ACCESSBOT_CATALOG", description="Path of the catalog"
    )
    min_duration: Annotated[_Time, For(_ALL)] = Field(
        timedelta(minutes=5), validation_alias="ACCESSBOT_MIN_DURATION", description="Shortest grant, at least `1s`"
    )
    sync_period: Annotated[_Time, For(_PROCESSES)] = Field(
        timedelta(minutes=30),
        validation_alias="ACCESSBOT_SYNC_PERIOD",
        description="How often your own Google-to-AWS group sync runs: what was revoked is looked at again after it",
    )
    schedule_period: Annotated[_Time, For(_PROCESSES)] = Field(
        timedelta(seconds=30),
        validation_alias="ACCESSBOT_SCHEDULE_PERIOD",
        description="How often every on-call schedule is read",
    )
    sweep_period: Annotated[_Time, For(_PROCESSES)] = Field(
        timedelta(minutes=1),
        validation_alias="ACCESSBOT_SWEEP_PERIOD",
        description="How often the members of every mapped group are compared with the grants, as the quotas allow",
    )
    membership_expiry: Annotated[
        timedelta | None, BeforeValidator(lambda v: grace(v) if isinstance(v, str) else v), For(("worker",))
    ] = Field(
        None,
        validation_alias="ACCESSBOT_MEMBERSHIP_EXPIRY",
        description="`off`, or how long (`1m` or more) after a grant's end Google itself ends the membership",
    )
    google_per_second: Annotated[int, whole(1, 1000), For(("worker",))] = Field(
        35,
        validation_alias="ACCESSBOT_GOOGLE_PER_SECOND",
        description="Calls to Google that all workers together make in a second; its usual quota is 40",
    )
    aws_per_second: Annotated[int, whole(1, 1000), For(("worker",))] = Field(
        18,
        validation_alias="ACCESSBOT_AWS_PER_SECOND",
        description="Calls to Identity Center that all workers together make in a second; its usual quota is about 20",
    )
    worker_slots: Annotated[Mapping[Lane, int], BeforeValidator(slots), For(("worker",))] = Field(
        {Lane.FAST: 4, Lane.ENDS: 10, Lane.TALK: 2, Lane.SWEEP: 2},
        validation_alias="ACCESSBOT_WORKER_SLOTS",
        description="Processes that `accessbot worker` runs for each lane: what people wait for, ends, talk, sweeps",
    )
    clock_slots: Annotated[int, whole(1, 16), For(("clock",))] = Field(
        2, validation_alias="ACCESSBOT_CLOCK_SLOTS", description="Processes that `accessbot clock` runs"
    )
    host: Annotated[str, matching(re.compile(r"[A-Za-z0-9.:_-]+"), "is no host"), For(("web",))] = Field(
        "127.0.0.1", validation_alias="HOST", description="Address that the web process listens on"
    )
    port: Annotated[int, whole(1, 65_535), For(("web",))] = Field(
        3000, validation_alias="PORT", description="Port that the web process listens on, in both modes"
    )
    log_level: Annotated[str, BeforeValidator(level), For(_PROCESSES)] = Field(
        "INFO", validation_alias="LOG_LEVEL", description="`DEBUG`, `INFO`, `WARNING` or `ERROR`"
    )
    sandbox: Annotated[
        str, matching(re.compile("1"), "is set by the sandbox for its own processes: unset it"), For(_ALL)
    ] = Field(
        "",
        validation_alias="ACCESSBOT_SANDBOX",
        description="`1` in the sandbox's own processes, which use a Redis marked as sandbox; never set it yourself",
    )

    @property
    def region(self) -> str:
        """The region of Identity Center."""
        return self.aws_region_own or self.aws_region_default

    @property
    def socket_mode(self) -> bool:
        """Whether deliveries come over Socket Mode instead of HTTP."""
        return bool(self.slack_app_token.get_secret_value())

    @property
    def anonymous_google(self) -> bool:
        """Whether Google's stand-in on this machine is called without credentials."""
        return bool(self.google_auth)

    @property
    def in_sandbox(self) -> bool:
        """Whether this process is one of the sandbox's own."""
        return bool(self.sandbox)

    def secrets(self) -> tuple[str, ...]:
        """Give every secret value, for the log to hide wherever it appears."""
        tokens = (
            self.slack_bot_token,
            self.slack_signing_secret,
            self.slack_app_token,
            self.aws_secret_access_key,
            self.aws_session_token,
            self.pagerduty_api_token,
        )
        address = self.redis_url.get_secret_value()
        passwords = parse(address).secrets if address else ()
        return tuple(text for text in (*(t.get_secret_value() for t in tokens), *passwords) if text)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the names are pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read nothing implicitly: `load` passes the environment it was given."""
        return (init_settings,)
