"""Wiring: the only place where concrete things are built and plugged into the ports."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import time
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

import structlog

from accessbot.adapters.catalog_file import CatalogFile
from accessbot.adapters.cel_expressions import CelExpressions
from accessbot.adapters.redis_client import WEB_PATIENCE, WORKER_PATIENCE, Caller, connect, within
from accessbot.adapters.redis_gate import RedisGate
from accessbot.adapters.redis_restorer import RedisRestorer
from accessbot.adapters.redis_store import RedisStore
from accessbot.adapters.rq_queue import RqQueue, rq_connection
from accessbot.domain.errors import AccessbotError, StoreUnavailable, Unclear
from accessbot.log import configure
from accessbot.ports import Beat
from accessbot.service import expiring, sides, watching
from accessbot.service.comparing import Timepiece
from accessbot.service.context import Context, Terms
from accessbot.service.keeping import Keeper
from accessbot.service.watching import Watcher
from accessbot.settings import Role, Settings, check_feeds, load

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from threading import Event

    from redis import Redis

    from accessbot.adapters.google_auth import CredentialsFactory
    from accessbot.ports import Directory, Expiry, Feeds, Gate, IdentityCenter, Queue, Tickets

_log = structlog.get_logger(__name__)

VENDOR_TIMEOUT = sides.CALL
"""Longest time one call to Google or AWS may take, from the wait for its turn to the last byte of its answer."""

_SLACK_TIMEOUT_S = 5
_FEED_TIMEOUT = timedelta(seconds=10)
_CLOUD_IDENTITY_PER_SECOND = 10
_KEEP_BEAT = timedelta(seconds=15)
_ASK_AGAIN_S = 0.5
_SANDBOX = "sandbox"


class WrongDatabase(AccessbotError):
    """A real process was pointed at a sandbox's Redis, or a sandbox at a real one."""


def store_from(settings: Settings, patience: timedelta = WORKER_PATIENCE) -> RedisStore:
    """Build the store; its first answered call makes sure that it is a sandbox's exactly if this process is one's.

    Raises `WrongDatabase` from that call otherwise, so nothing is ever read or written there.
    """
    client = connect(settings.redis_url.get_secret_value(), patience=patience)
    return RedisStore(client, patience=patience, admit=lambda mark: _admit(settings, mark))


def restorer_from(settings: Settings, patience: timedelta = WORKER_PATIENCE) -> RedisRestorer:
    """Build the store for one who restores it, with the same care for whose database it is."""
    client = connect(settings.redis_url.get_secret_value(), patience=patience)
    return RedisRestorer(client, patience=patience, admit=lambda mark: _admit(settings, mark))


def check_database(settings: Settings) -> None:
    """Refuse to start on a database that is not for this process; one that is away is asked again later.

    Raises `WrongDatabase`.
    """
    try:
        store_from(settings, WEB_PATIENCE).now()
    except (StoreUnavailable, Unclear) as error:
        _log.warning("the store does not answer yet", error=error.sentence)


def _admit(settings: Settings, mark: str) -> None:
    if bool(settings.sandbox) == (mark == _SANDBOX):
        return
    if mark == _SANDBOX:
        msg = "REDIS_URL points at a sandbox's Redis; real processes do not start on it: set REDIS_URL to your own."
    else:
        msg = "This Redis is not marked as a sandbox's, so the sandbox does not touch it; give it an empty one."
    raise WrongDatabase(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every process has: the store, the queue and the catalog."""

    store: RedisStore
    queue: Queue
    catalog: CatalogFile


def parts_from(settings: Settings, patience: timedelta = WORKER_PATIENCE) -> Parts:
    """Build what every process has. Raises `CatalogInvalid`."""
    queue = RqQueue(rq_connection(settings.redis_url.get_secret_value()))
    return Parts(store=store_from(settings, patience), queue=queue, catalog=catalog_from(settings))


def directory_from(settings: Settings, gate: Gate | None = None) -> Directory:
    """Build the way to Google's Directory API, with the credentials that the settings name."""
    from accessbot.adapters.google_directory import GoogleDirectory  # noqa: PLC0415 - slow, and not all need it

    return GoogleDirectory(settings.google_api_url, _google_credentials(settings), VENDOR_TIMEOUT, gate)


def expiry_from(settings: Settings) -> Expiry | None:
    """Build the way to Google's own end of memberships; None where it is not wanted.

    It has a gate of its own: trouble there holds up nobody's access.
    """
    from accessbot.adapters.google_expiry import GoogleExpiry  # noqa: PLC0415 - slow, and not all need it

    if settings.membership_expiry is None:
        return None
    gate = RedisGate(_gatekeeper(settings), "Google Cloud Identity", _CLOUD_IDENTITY_PER_SECOND)
    return GoogleExpiry(settings.google_cloud_identity_url, _google_credentials(settings), expiring.CALL, gate)


def _google_credentials(settings: Settings) -> CredentialsFactory:
    from accessbot.adapters import google_auth  # noqa: PLC0415 - the clock and the lists never need it, and it is slow
    from accessbot.adapters.aws_clients import sessions  # noqa: PLC0415 - as above

    if settings.anonymous_google:
        return google_auth.anonymous(settings.google_api_url)
    path = settings.google_application_credentials
    if path is None:  # `load` does not let this happen
        msg = "GOOGLE_APPLICATION_CREDENTIALS is not set: set it to the path of Google's credentials file"
        raise google_auth.CredentialsRefused(msg)
    session = sessions(settings.region)  # boto3 itself does not read AWS_REGION
    return google_auth.from_file(path, settings.google_delegated_subject or None, session)


def identity_center_from(settings: Settings, gate: Gate | None = None) -> IdentityCenter:
    """Build the way to IAM Identity Center, with boto3's own credentials."""
    from accessbot.adapters.aws_clients import sessions  # noqa: PLC0415 - boto3 is slow to import
    from accessbot.adapters.aws_identity import AwsIdentityCenter  # noqa: PLC0415 - as above

    return AwsIdentityCenter(
        sessions(settings.region),
        settings.aws_sso_instance_arn or None,
        settings.aws_identity_store_id or None,
        VENDOR_TIMEOUT,
        gate=gate,
    )


def feeds_from(settings: Settings) -> Feeds:
    """Build the way to the on-call schedules that are kept outside; those of iCal by the environment's addresses."""
    from accessbot.adapters.oncall_feeds import OnCallFeeds  # noqa: PLC0415 - slow, and not all need it

    return OnCallFeeds(
        timeout=_FEED_TIMEOUT,
        root=settings.pagerduty_url,
        token=settings.pagerduty_api_token.get_secret_value(),
        environ=os.environ,
    )


def tickets_from() -> Tickets:
    """Build the way to the ticket system, whose address each rule names."""
    from accessbot.adapters.tickets import TicketSystem  # noqa: PLC0415 - as above

    return TicketSystem()


def gates_from(settings: Settings) -> tuple[RedisGate, RedisGate]:
    """Build what stands before every call to Google and to AWS: the quota that all workers share, and the breaker."""
    caller = _gatekeeper(settings)
    return (
        RedisGate(caller, "Google", settings.google_per_second),
        RedisGate(caller, "AWS", settings.aws_per_second),
    )


def _gatekeeper(settings: Settings) -> Caller:
    return Caller(connect(settings.redis_url.get_secret_value(), patience=WEB_PATIENCE), WEB_PATIENCE)


def catalog_from(settings: Settings) -> CatalogFile:
    """Read the catalog. Raises `CatalogInvalid` with every mistake."""
    return CatalogFile(settings.catalog, settings.min_duration)


def context_from(settings: Settings, parts: Parts | None = None) -> Context:
    """Plug everything together; nothing is called over the network yet. Raises `CatalogInvalid`."""
    from accessbot.slack.client import SlackClient  # noqa: PLC0415 - the clock and the lists never need it
    from accessbot.slack.notifier import SlackNotifier  # noqa: PLC0415 - as above
    from accessbot.slack.people import OwnTeam, SlackWorkspace  # noqa: PLC0415 - the same

    parts = parts or parts_from(settings)
    google_gate, aws_gate = gates_from(settings)
    slack = SlackClient(settings.slack_bot_token.get_secret_value(), settings.slack_api_url, _SLACK_TIMEOUT_S)
    return Context(
        store=parts.store,
        directory=directory_from(settings, google_gate),
        identity_center=identity_center_from(settings, aws_gate),
        workspace=SlackWorkspace(slack, OwnTeam(slack)),
        notifier=SlackNotifier(slack, settings.slack_approvals_channel, settings.slack_alerts_channel),
        queue=parts.queue,
        catalog=parts.catalog,
        expressions=CelExpressions(),
        terms=Terms(
            shortest=settings.min_duration,
            sync_period=settings.sync_period,
            sweep_period=settings.sweep_period,
            schedule_period=settings.schedule_period,
            google_per_second=settings.google_per_second,
            start_url=settings.aws_start_url,
            region=settings.region,
            expiry_grace=settings.membership_expiry or timedelta(0),
        ),
        pause=lambda span: time.sleep(span.total_seconds()),
        feeds=feeds_from(settings),
        tickets=tickets_from(),
        keep=Keeper(store_from(settings, WEB_PATIENCE)),
        gates=(google_gate, aws_gate),
        expiry=expiry_from(settings),
    )


def in_time() -> AbstractContextManager[None]:
    """Bound all calls to the store for one delivery together, so that Slack is answered in under three seconds."""
    return within(WEB_PATIENCE)


def bolt_arguments(settings: Settings) -> dict[str, str]:
    """Give what the Bolt app is made of; in Socket Mode nothing is signed, so the secret is a random one."""
    return {
        "token": settings.slack_bot_token.get_secret_value(),
        "signing_secret": settings.slack_signing_secret.get_secret_value() or secrets.token_hex(16),
        "base_url": settings.slack_api_url,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Process(Parts):
    """A running process; `built` is its context, None in a clock. It may be made before a fork, for all that follow."""

    settings: Settings
    built: Context | None = None
    timepiece: Timepiece = field(default_factory=Timepiece)

    @property
    def name(self) -> str:
        """Tell this process from all others that live."""
        return f"{socket.gethostname()}:{os.getpid()}"

    @property
    def context(self) -> Context:
        """Give the whole context; only for roles that have one."""
        if self.built is None:
            msg = "this process has no vendors"
            raise RuntimeError(msg)
        return self.built

    def rq_connection(self) -> Redis:
        """Open the connection that RQ works on."""
        return rq_connection(self.settings.redis_url.get_secret_value())

    def wait_for_store(self, stop: Event) -> None:
        """Wait until the store answers. Raises `WrongDatabase` when it is not for this process."""
        while not stop.is_set():
            try:
                self.store.now()
            except (StoreUnavailable, Unclear) as error:
                _log.warning("waiting for the store", error=error.sentence)
                stop.wait(_ASK_AGAIN_S)
            else:
                return

    def preload(self) -> None:
        """Load, before workers are forked, what each of them would load for its own; nothing is connected to yet."""
        from accessbot.adapters import aws_clients  # noqa: PLC0415 - boto3 is slow to import

        aws_clients.preload(self.settings.region)
        self.context.directory.warm()

    def warm(self) -> None:
        """Build the vendors' clients before there is work for them; what fails is tried again with the first work."""
        for part in (self.context.directory, self.context.identity_center, self.context.expiry):
            if part is None:
                continue
            try:
                part.warm()
            except AccessbotError as error:
                _log.warning("not warmed up", part=type(part).__name__, error=error.sentence)

    def beat(self, role: str) -> None:
        """Say that this process lives, and how its clock is beside the store's; a store that is away is only logged."""
        try:
            self.timepiece.look(self.store)
            skew, jump = self.timepiece.skew, self.timepiece.jump
            self.store.beat(Beat(self.name, role, self.catalog.current().hash, skew, jump), _KEEP_BEAT)
        except (StoreUnavailable, Unclear) as error:
            _log.warning("heartbeat not stored", error=error.sentence)

    def watch(self, stop: Event, *, all_clear: bool = False) -> None:
        """Watch all processes, clocks and vendors until told to stop, and tell of what is wrong."""
        watcher = Watcher(self.context, all_clear=all_clear)
        while not stop.wait(watching.EVERY.total_seconds()):
            try:
                watcher.look()
            except Exception:  # noqa: BLE001 - logged; a watch that ends would be the last to say so
                _log.exception("the watch over all processes failed, it goes on")

    def reload(self) -> None:
        """Read the catalog again; a broken file keeps the one in force."""
        changed = self.catalog.refresh()
        _log.info("catalog read again", changed=changed, hash=self.catalog.current().hash[:12])

    def reload_on_hangup(self) -> None:
        """Read the catalog again at every SIGHUP from now on; to be called in the main thread."""
        on_hangup(self.reload)


def on_hangup(do: Callable[[], None]) -> None:
    """Do something once for every SIGHUP, one after the other and in a thread of its own.

    A handler runs in the middle of whatever the main thread is at, its own last run included. One that takes a lock
    waits for itself for ever when two signals come in a row; putting into a `SimpleQueue` may be interrupted by itself.
    """
    asked: SimpleQueue[int] = SimpleQueue()

    def follow() -> None:
        while True:
            asked.get()
            try:
                do()
            except Exception:  # noqa: BLE001 - a boundary: one that fails must not be the last one
                _log.exception("not done at SIGHUP, the next one tries again")

    Thread(target=follow, name="hangup", daemon=True).start()
    signal.signal(signal.SIGHUP, lambda number, _frame: asked.put(number))


def _process(role: Role) -> Process:
    settings = load(role, os.environ)
    configure(settings.log_level, hide=settings.secrets())
    parts = parts_from(settings, WEB_PATIENCE if role == "web" else WORKER_PATIENCE)
    if role == "worker":
        check_feeds(settings, parts.catalog.current().schedules.values(), os.environ)
    return Process(
        settings=settings,
        store=parts.store,
        queue=parts.queue,
        catalog=parts.catalog,
        built=None if role == "clock" else context_from(settings, parts),
    )


@cache
def process() -> Process:
    """Give this worker's process, built on the first call from the environment."""
    return _process("worker")


@cache
def web_process() -> Process:
    """Give this web process, built on the first call from the environment."""
    return _process("web")


@cache
def clock_process() -> Process:
    """Give this clock's process, built on the first call; it knows no vendor."""
    return _process("clock")
