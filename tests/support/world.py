"""A whole company around the verbs: the real store on a clock that tests move, both vendors, Slack, and the workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import fakeredis
import redis

from accessbot.adapters.cel_expressions import CelExpressions
from accessbot.adapters.redis_client import send
from accessbot.adapters.redis_keys import AUDIT
from accessbot.domain.durations import parse_duration
from accessbot.domain.model import AuditEvent, Click, ClickAction, Grant, GrantState, Request, SlackPerson
from accessbot.domain.work import Lane, Work
from accessbot.service import asking, ending, pressing, working
from accessbot.service.context import Context, Terms
from accessbot.service.ticking import HAND_OVER
from tests.fakes.oncall import FakeFeeds, FakeTickets
from tests.support import company
from tests.support.clock import Clock, movable_clock
from tests.support.company import email, slack_id
from tests.support.journal import Journal
from tests.support.ports import FakeCatalog
from tests.support.watch import (
    Watch,
    WatchedDirectory,
    WatchedIdentityCenter,
    WatchedNotifier,
    WatchedQueue,
    WatchedStore,
    WatchedWorkspace,
)

SYNC_PERIOD = timedelta(minutes=10)
SWEEP_PERIOD = timedelta(days=400)
"""How often groups are swept on which nothing happens: tests of sweeps have it more often."""

LOOK_PERIOD = timedelta(days=400)
"""How often holders are looked up at Google: tests of leavers have it more often."""

_MANY = 5_000


@dataclass(slots=True)
class World:
    """One company, and one process of accessbot in it."""

    clock: Clock
    client: redis.Redis
    watch: Watch
    journal: Journal
    google: WatchedDirectory
    aws: WatchedIdentityCenter
    slack: WatchedWorkspace
    catalog: FakeCatalog
    ctx: Context
    notifier: WatchedNotifier
    queue: WatchedQueue
    aws_ids: dict[str, str]
    aws_groups: dict[str, str]
    serial: int = 0

    # --- what people do

    def ask(
        self,
        who: str,
        entitlement: str = "production-admin",
        duration: str = "1h",
        reason: str = "INC-42",
        *,
        ask_id: str = "",
    ) -> Request:
        """Ask for access, and let the workers look at it; gives the request as it is then."""
        asked = asking.ask(
            self.ctx,
            ask_id=ask_id or self.unique(),
            requester=slack_id(who),
            entitlement=entitlement,
            duration=parse_duration(duration),
            reason=reason,
        )
        self.run_until_idle()
        return self.request(asked)

    def extend(self, grant: Grant, added: str = "1h", reason: str = "still at it") -> Request:
        """Ask for more time, and let the workers look at it."""
        asked = asking.extend(
            self.ctx,
            ask_id=self.unique(),
            requester=grant.requester,
            grant_id=grant.id,
            added=parse_duration(added),
            reason=reason,
        )
        self.run_until_idle()
        return self.request(asked)

    def press(self, who: str, action: ClickAction, subject: str, reason: str = "", *, press_id: str = "") -> Click:
        """Press a button, without letting the workers at it."""
        return pressing.press(
            self.ctx,
            press_id=press_id or self.unique(),
            action=action,
            subject=subject,
            actor=slack_id(who),
            reason=reason,
        )

    def approve(self, who: str, request: Request) -> Request:
        """Press Approve, and let the workers do all that follows."""
        self.press(who, ClickAction.APPROVE, request.id)
        self.run_until_idle()
        return self.request(request)

    def deny(self, who: str, request: Request, reason: str = "not today") -> Request:
        """Press Deny, and let the workers do all that follows."""
        self.press(who, ClickAction.DENY, request.id, reason)
        self.run_until_idle()
        return self.request(request)

    def revoke(self, who: str, grant: Grant, reason: str = "") -> Grant:
        """Press Revoke, and let the workers do all that follows."""
        self.press(who, ClickAction.REVOKE, grant.id, reason)
        self.run_until_idle()
        return self.grant(grant)

    def end(self, grant: Grant) -> Grant:
        """Press End access as the holder, and let the workers do all that follows."""
        ending.end_access(self.ctx, requester=grant.requester, grant_id=grant.id)
        self.run_until_idle()
        return self.grant(grant)

    def granted(self, who: str = "maya", entitlement: str = "production-admin", duration: str = "1h") -> Grant:
        """Ask, have priya approve, and give the grant as it is then."""
        request = self.approve("priya", self.ask(who, entitlement, duration))
        return self.grant(request.grant_id)

    # --- time and workers

    def run_until_idle(self) -> None:
        """Do all that is in the queue and all that is due now, until there is nothing left to do at this moment."""
        for _ in range(_MANY):
            work = self._next()
            if work is None:
                return
            working.run(self.ctx, work)
            self.journal.keep_track()
        msg = "the workers never come to rest"
        raise AssertionError(msg)

    def advance(self, by: timedelta) -> None:
        """Let time pass, stopping whenever something becomes due to do it at its time."""
        self.run_until_idle()
        end = self.clock.now + by
        for _ in range(_MANY):
            times = [at for at in (self.next_due(), self.journal.next_change()) if at is not None]
            if not times or min(times) > end:
                break
            self.clock.now = max(self.clock.now, min(times))
            self.journal.catch_up()
            self.run_until_idle()
        else:
            msg = "the workers never come to rest"
            raise AssertionError(msg)
        self.clock.now = max(self.clock.now, end)
        self.run_until_idle()

    def settle(self) -> None:
        """Let as much time pass as the last look after an end takes."""
        self.advance(3 * self.ctx.terms.sync_period)

    def restart(self, *, queue_lost: bool = True) -> None:
        """Go on in a new process that knows nothing but what is stored; what was in the queue may be lost."""
        self.watch.revive()
        self.journal.lose_track()
        if queue_lost:
            self.queue.works.clear()
        self.ctx = replace(self.ctx, store=WatchedStore(self.client, self.watch))

    def next_due(self) -> datetime | None:
        """Tell when the due-index has something next."""
        times = [at for at, _ in self.due_index()]
        return min(times, default=None)

    def due_index(self) -> list[tuple[datetime, str]]:
        """List the due-index: when, and what."""
        found = []
        for lane in Lane:
            flat = send(self.client, "ZRANGE", f"accessbot:due:{lane}", 0, -1, "WITHSCORES")
            for name, score in zip(flat[::2], flat[1::2], strict=True):
                found.append((datetime.fromtimestamp(float(score) / 1000, self.clock.now.tzinfo), str(name)))
        return sorted(found)

    def _next(self) -> Work | None:
        if self.queue.works:
            return self.queue.works.popleft()
        for lane in Lane:
            for work in self.ctx.store.due(lane, 1, HAND_OVER):
                return work
        return None

    # --- what is there

    def request(self, request: Request | str) -> Request:
        """Read a request again."""
        found = self.ctx.store.request(request if isinstance(request, str) else request.id)
        assert found is not None
        return found

    def grant(self, grant: Grant | str) -> Grant:
        """Read a grant again."""
        found = self.ctx.store.grant(grant if isinstance(grant, str) else grant.id)
        assert found is not None
        return found

    def in_google(self, who: str, entitlement: str = "production-admin") -> bool:
        """Tell whether a person truly is in the Google group of an entitlement."""
        return email(who) in self.google.emails(self.catalog.now.entitlements[entitlement].group)

    def in_aws(self, who: str, entitlement: str = "production-admin") -> bool:
        """Tell whether a person truly is in the Identity Center group of an entitlement."""
        group = self.aws_groups[self.catalog.now.entitlements[entitlement].group]
        return self.aws_ids[who] in self.aws.inside(group)

    def sides(self, who: str, entitlement: str = "production-admin") -> tuple[bool, bool]:
        """Tell both: at Google, in AWS."""
        return self.in_google(who, entitlement), self.in_aws(who, entitlement)

    def put(self, who: str, side: str, entitlement: str = "production-admin") -> None:
        """Make a person a standing member at `google` or `aws`, as an administrator or a sync job would."""
        group = self.catalog.now.entitlements[entitlement].group
        if side == "google":
            self.google.put(group, email(who))
        else:
            self.aws.put(self.aws_groups[group], self.aws_ids[who])

    def drop(self, who: str, side: str, entitlement: str = "production-admin") -> None:
        """Take a membership away as an administrator or a sync job would."""
        group = self.catalog.now.entitlements[entitlement].group
        if side == "google":
            self.google.drop(group, email(who))
        else:
            self.aws.drop(self.aws_groups[group], self.aws_ids[who])

    def events(self, subject: str) -> list[AuditEvent]:
        """List what the audit log holds about a request or a grant."""
        return [event for event in self.ctx.store.audit() if event.subject == subject]

    def actions(self, subject: str) -> list[str]:
        """List the actions of the audit log about a request or a grant."""
        return [event.action for event in self.events(subject)]

    def has_each_step_once(self) -> bool:
        """Tell whether no step of a request's or a grant's life was logged twice; refusals and votes may be many."""
        steps = [(event.subject, event.action) for event in self.ctx.store.audit() if event.before != event.after]
        return len(steps) == len(set(steps))

    def due_of(self, subject: str) -> list[str]:
        """List what the due-index still holds of a request or a grant."""
        return [name for _, name in self.due_index() if subject in name]

    def live(self) -> list[Grant]:
        """List the grants that have not ended."""
        return list(self.ctx.store.grants([GrantState.PROVISIONING, GrantState.ACTIVE, GrantState.REVOKING]))

    def unique(self) -> str:
        """Give a new id."""
        self.serial += 1
        return f"delivery-{self.serial}"


@contextmanager
def new_world(
    *,
    sync_period: timedelta = SYNC_PERIOD,
    sweep_period: timedelta = SWEEP_PERIOD,
    look_period: timedelta = LOOK_PERIOD,
    wide: bool = False,
) -> Iterator[World]:
    """Build a company in which everything works; its watch sees Slack and the queue too if it is `wide`."""
    with movable_clock() as clock:
        client = fakeredis.FakeRedis(
            server=fakeredis.FakeServer(), decode_responses=True, encoding_errors="surrogateescape", protocol=2
        )
        watch = Watch(wide=wide)
        journal = Journal(now=lambda: clock.now, logged=lambda: int(send(client, "XLEN", AUDIT)))
        google, aws = WatchedDirectory(watch, journal), WatchedIdentityCenter(watch, journal)
        made = FakeCatalog(company.catalog())
        people = {slack_id(n): SlackPerson(id=slack_id(n), email=email(n), name=n) for n in company.PEOPLE}
        slack = WatchedWorkspace(people=people, watch=watch)
        aws_ids = {name: aws.add_user(email(name)) for name in company.PEOPLE}
        aws_groups = _settle_in(made, google, aws)
        notifier, queue = WatchedNotifier(watch=watch, journal=journal), WatchedQueue(watch=watch)
        ctx = Context(
            store=WatchedStore(client, watch),
            directory=google,
            identity_center=aws,
            workspace=slack,
            notifier=notifier,
            queue=queue,
            catalog=made,
            terms=Terms(
                shortest=timedelta(seconds=1),
                sync_period=sync_period,
                sweep_period=sweep_period,
                look_period=look_period,
                start_url="https://start.example.com",
            ),
            feeds=FakeFeeds(),
            tickets=FakeTickets(),
            expressions=CelExpressions(),
            pause=clock.move,
        )
        yield World(
            clock=clock,
            client=client,
            watch=watch,
            journal=journal,
            google=google,
            aws=aws,
            slack=slack,
            catalog=made,
            ctx=ctx,
            notifier=notifier,
            queue=queue,
            aws_ids=aws_ids,
            aws_groups=aws_groups,
        )
        client.close()


def _settle_in(catalog: FakeCatalog, google: WatchedDirectory, aws: WatchedIdentityCenter) -> dict[str, str]:
    """Create every group of the catalog on both sides, and fill those of the approvers; gives the GroupIds by email."""
    for name in company.PEOPLE:
        google.add_user(email(name))
    for group, people in ((company.LEADS.value, ("priya", "tomas")), (company.SECURITY.value, ("ines",))):
        google.add_group(group)
        for name in people:
            google.put(group, email(name))
    groups: dict[str, str] = {}
    sets = {
        name: aws.add_permission_set(name) for name in {e.permission_set for e in catalog.now.entitlements.values()}
    }
    for each in catalog.now.entitlements.values():
        if each.group not in groups:
            google.add_group(each.group)
            groups[each.group] = aws.add_group(each.group.partition("@")[0])
        aws.assign(groups[each.group], each.account.id, sets[each.permission_set].arn)
    return groups
