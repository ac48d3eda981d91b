"""The whole counter in one process: the real Bolt app, verbs and store, a real HTTP stand-in of Slack, fake vendors."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import fakeredis
from werkzeug.serving import WSGIRequestHandler, make_server

from accessbot.adapters.cel_expressions import CelExpressions
from accessbot.adapters.redis_store import RedisStore
from accessbot.domain.model import Account, Catalog, Entitlement, Selector, SelectorKind
from accessbot.domain.rules import Emergency, Policy, Step
from accessbot.domain.work import Lane
from accessbot.sandbox.slack import Actor, Workspace
from accessbot.service import working
from accessbot.service.context import Context, Terms
from accessbot.slack.app import build_app, register
from accessbot.slack.client import SlackClient
from accessbot.slack.http import Page, web_app
from accessbot.slack.notifier import SlackNotifier
from accessbot.slack.people import OwnTeam, SlackWorkspace
from tests.fakes.oncall import FakeFeeds, FakeTickets
from tests.fakes.vendors import FakeDirectory, FakeIdentityCenter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from accessbot.domain.work import Work
    from accessbot.ports import Store

MAYA, NOAH, PRIYA, TOMAS, INES = "U01MAYA", "U02NOAH", "U03PRIYA", "U04TOMAS", "U05INES"
APPROVALS, ALERTS = "C01APPROVALS", "C02ALERTS"
SHORTEST = timedelta(seconds=1)
START_URL = "https://d-1234567890.awsapps.com/start"
GROUP = "aws-production-admin@example.com"


def policy(name: str = "sensitive", approvals: int = 1, default: str = "1h", longest: str = "8h") -> Policy:
    """Make a policy: everyone asks, the SRE leads decide."""
    hours = {"30m": 0.5, "1h": 1.0, "4h": 4.0, "8h": 8.0}
    return Policy(
        name=name,
        requesters=(Selector(SelectorKind.EVERYONE),),
        steps=(Step(approvers=(Selector(SelectorKind.GROUP, "sre-leads@example.com"),), approvals=approvals),),
        default_duration=timedelta(hours=hours[default]),
        max_duration=timedelta(hours=hours[longest]),
    )


def two_steps() -> Policy:
    """Make a policy that takes the requester's manager first, then two of the SRE leads, with an escalation."""
    return Policy(
        name="steps",
        requesters=(Selector(SelectorKind.EVERYONE),),
        steps=(
            Step(name="manager", approvers=(Selector(SelectorKind.MANAGER),)),
            Step(
                name="security",
                approvers=(Selector(SelectorKind.GROUP, "sre-leads@example.com"),),
                approvals=2,
                timeout=timedelta(minutes=30),
                escalation=(
                    Selector(SelectorKind.ON_CALL, "payments"),
                    Selector(SelectorKind.USER, "ines@example.com"),
                ),
            ),
        ),
        default_duration=timedelta(hours=1),
        max_duration=timedelta(hours=8),
    )


def emergency(name: str = "break-glass", *eligible: Selector) -> Emergency:
    """Make an emergency policy: Maya may, unless told otherwise, for half an hour up to one."""
    return Emergency(
        name=name,
        eligible=eligible or (Selector(SelectorKind.USER, "maya@example.com"),),
        owners=(Selector(SelectorKind.USER, "ines@example.com"),),
        incident=r"INC-\d+",
        default_duration=timedelta(minutes=30),
        max_duration=timedelta(hours=1),
    )


def entitlement(name: str = "production-admin", rule: Policy | None = None, **fields: str) -> Entitlement:
    """Make an entitlement in the production account."""
    return Entitlement(
        id=name,
        account=Account(key="production", id="111122223333", name="Production"),
        permission_set=fields.get("permission_set", "AdministratorAccess"),
        group=fields.get("group", GROUP),
        identity_center_group=None,
        policy=rule or policy(),
        description=fields.get("description", "Full control of production"),
    )


def catalog(*entitlements: Entitlement, name: str = "hash-1") -> Catalog:
    """Make a catalog of these entitlements."""
    return Catalog(
        hash=name,
        admins=(Selector(SelectorKind.USER, "ines@example.com"),),
        reconcile="report",
        accounts=MappingProxyType({e.account.key: e.account for e in entitlements}),
        entitlements=MappingProxyType({e.id: e for e in entitlements}),
        policies=MappingProxyType({e.policy.name: e.policy for e in entitlements}),
    )


def every_policy() -> Catalog:
    """Make a catalog with an entitlement for each kind of policy."""
    urgent = replace(policy("urgent"), emergency=emergency())
    listed = replace(policy("listed"), durations=(timedelta(minutes=30), timedelta(hours=1), timedelta(hours=4)))
    steps = replace(two_steps(), steps=tuple(replace(step, escalation=()) for step in two_steps().steps))
    return catalog(
        entitlement("production-admin", urgent),
        entitlement("ledger-admin", listed),
        entitlement("vault-admin", steps),
    )


@dataclass
class Shelf:
    """A catalog that a test can change."""

    held: Catalog

    def current(self) -> Catalog:
        """Give the catalog in force."""
        return self.held

    def refresh(self) -> bool:
        """Find nothing new."""
        return False


@dataclass
class Line:
    """A queue that keeps what it is given until it is pumped."""

    works: list[Work] = field(default_factory=list)

    def push(self, work: Work) -> None:
        """Take a work."""
        self.works.append(work)

    def waiting(self, lane: Lane) -> int:
        """Count a lane's works."""
        return sum(work.lane is lane for work in self.works)


@dataclass
class Flaky:
    """The store, which fails every call of the named methods while `trouble` is set."""

    inner: RedisStore
    trouble: Exception | None = None
    methods: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> object:
        """Give the real method, or the trouble."""
        self.asked.append(name)
        if self.trouble is not None and (not self.methods or name in self.methods):
            raise self.trouble
        return getattr(self.inner, name)


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - the name is werkzeug's
        """Say nothing."""


@dataclass
class Town:
    """Everything that a test of the counter looks at."""

    slack: Workspace
    ctx: Context
    store: Flaky
    team: OwnTeam
    line: Line
    shelf: Shelf
    google: FakeDirectory
    aws: FakeIdentityCenter
    aws_group: str

    def actor(self, person: str) -> Actor:
        """Sit down as a person."""
        return Actor(self.slack, person, "approvals" if person in (PRIYA, TOMAS, INES) else "general")

    def work(self) -> None:
        """Do everything that is handed over, as workers do, until nothing is left."""
        while self.line.works:
            working.run(self.ctx, self.line.works.pop(0))


@contextmanager
def town(held: Catalog | None = None) -> Iterator[Town]:
    """Open a workspace with accessbot in it."""
    held = held or catalog(entitlement())
    google, aws = FakeDirectory(), FakeIdentityCenter()
    for person in ("maya", "noah", "priya", "tomas", "ines"):
        google.add_user(f"{person}@example.com")
        aws.add_user(f"{person}@example.com")
    google.add_group("sre-leads@example.com")
    for lead in ("priya", "tomas"):
        google.put("sre-leads@example.com", f"{lead}@example.com")
    google.add_group(GROUP)
    aws_group = aws.add_group(GROUP)
    admin = aws.add_permission_set("AdministratorAccess", timedelta(hours=2))
    aws.assign(aws_group, "111122223333", admin.arn)
    redis = fakeredis.FakeRedis(decode_responses=True, encoding_errors="surrogateescape", protocol=2)
    store = Flaky(RedisStore(redis, patience=timedelta(seconds=1)))
    line, shelf = Line(), Shelf(held)
    with Workspace(commands={"/request-aws", "/my-access", "/other"}) as slack:
        client = SlackClient(slack.bot_token, slack.api_url)
        ctx = Context(
            store=cast("Store", store),
            directory=google,
            identity_center=aws,
            workspace=SlackWorkspace(client, OwnTeam(client)),
            notifier=SlackNotifier(client, APPROVALS, ALERTS),
            queue=line,
            catalog=shelf,
            terms=Terms(
                shortest=SHORTEST, sync_period=timedelta(minutes=30), start_url=START_URL, region="eu-central-1"
            ),
            feeds=FakeFeeds(),
            tickets=FakeTickets(),
            expressions=CelExpressions(),
            pause=lambda _: None,
        )
        app = build_app(token=slack.bot_token, signing_secret=slack.signing_secret, base_url=slack.api_url)
        team = OwnTeam(client)
        register(app, ctx, team=team)
        door = web_app(
            {"/healthz": lambda: Page(200, "text/plain", b"ok\n")}, app=app, signing_secret=slack.signing_secret
        )
        web = make_server("127.0.0.1", 0, door, threaded=True, request_handler=_Quiet)
        thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        slack.events_url = f"http://127.0.0.1:{web.port}/slack/events"
        try:
            yield Town(slack, ctx, store, team, line, shelf, google, aws, aws_group)
        finally:
            web.shutdown()
            thread.join()
            web.server_close()


def eventually(look: Callable[[], object], seconds: float = 5) -> None:
    """Look again until what is looked for is true."""
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.01)
