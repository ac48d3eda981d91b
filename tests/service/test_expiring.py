"""Google's own end of a membership: a net under the ends of grants, which holds with all of accessbot gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from accessbot.domain.errors import LeaseBusy, Missing, NotAuthorised, Rejected, Unavailable, VendorError
from accessbot.domain.model import AuditEvent, ClickAction, Grant, GrantState
from accessbot.domain.notices import NoticeKind
from accessbot.domain.work import Work, WorkKind
from accessbot.service import expiring, working
from tests.fakes.expiry import FakeExpiry
from tests.support.company import HOUR, email, slack_id
from tests.support.watch import Killed, Step
from tests.support.world import World

GRACE = timedelta(minutes=30)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
GROUP = "aws-production-admin@example.com"


@dataclass(frozen=True, slots=True)
class Net:
    """A company whose memberships Google ends by itself, if nobody else does."""

    world: World
    expiry: FakeExpiry

    def end(self, who: str = "maya") -> datetime | None:
        """Tell when Google ends a person's membership by itself; None where it does not."""
        return self.expiry.end_of(GROUP, email(who))

    def events(self) -> list[AuditEvent]:
        """List what the audit log holds of it."""
        return [event for event in self.world.ctx.store.audit() if event.action == "membership.expiry"]

    def asked(self) -> int:
        """Count how often Google was asked for an end."""
        return len(self.expiry.calls("end_at"))


@pytest.fixture
def net(world: World) -> Net:
    """Turn it on."""
    expiry = FakeExpiry(world.google)
    world.ctx = replace(world.ctx, expiry=expiry, terms=replace(world.ctx.terms, expiry_grace=GRACE))
    assert world.catalog.now.entitlements["production-admin"].group == GROUP
    return Net(world, expiry)


def extended(world: World, grant: Grant, added: str) -> Grant:
    """Ask for more time and have it approved; gives the grant."""
    world.approve("priya", world.extend(grant, added))
    return world.grant(grant)


def test_a_membership_of_ours_ends_at_google_a_grace_after_its_grant(net: Net) -> None:
    """Soon after a grant is active, Google knows when to end the membership should nobody else do it."""
    grant = net.world.granted("maya")
    net.world.advance(10 * SECOND)
    assert net.end() == grant.expires_at + GRACE
    net.world.clock.now = grant.expires_at + GRACE  # all processes are gone
    net.expiry.lapse(net.world.clock.now)
    assert not net.world.in_google("maya")


def test_nobody_waits_for_it(net: Net) -> None:
    """The grant is active and its holder told before Google is asked for anything of it."""
    net.expiry.fail(times=None)
    grant = net.world.granted("maya")
    assert grant.state is GrantState.ACTIVE
    assert net.world.notifier.notices(slack_id("maya")) == [NoticeKind.READY]
    assert net.expiry.journal == []


def test_it_is_logged_before_it_is_asked_for(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """When Google is told of an end, the audit log tells of it already, with the time; once for the same end."""
    logged: list[list[AuditEvent]] = []
    end_at = net.expiry.end_at

    def looking(membership: str, at: datetime) -> bool:
        logged.append(net.events())
        return end_at(membership, at)

    monkeypatch.setattr(net.expiry, "end_at", looking)
    net.expiry.fail("end_at", times=2)
    grant = net.world.granted("maya")
    net.world.advance(MINUTE)
    end = grant.expires_at + GRACE
    assert net.asked() == 3
    assert net.end() == end
    assert [[event.data["ends_ms"] for event in events] for events in logged] == [[int(end.timestamp() * 1000)]] * 3
    assert logged[0][0].subject == grant.pair
    assert logged[0][0].person == grant.requester
    assert end.isoformat() in logged[0][0].reason


def test_off_there_is_nothing_of_it(world: World) -> None:
    """Without the setting no such work is ever due."""
    grant = world.granted("maya")
    assert not [name for name in world.due_of(grant.pair) if name.startswith("expiry|")]
    extended(world, grant, "1h")
    world.advance(MINUTE)
    assert "membership.expiry" not in world.actions(grant.pair)


def test_an_extension_moves_it(net: Net) -> None:
    """More time for a grant is more time at Google."""
    grant = net.world.granted("maya")
    net.world.advance(MINUTE)
    longer = extended(net.world, grant, "2h")
    net.world.advance(MINUTE)
    assert net.end() == longer.expires_at + GRACE == grant.expires_at + 2 * HOUR + GRACE
    assert len(net.events()) == 2


def test_overlapping_grants_have_the_end_of_the_last(net: Net) -> None:
    """A second grant with a later end moves it, one with an earlier end does not."""
    world = net.world
    first = world.granted("maya", duration="1h")
    longer = world.granted("maya", duration="3h")
    world.granted("maya", duration="30m")
    world.advance(MINUTE)
    assert net.end() == longer.expires_at + GRACE
    world.end(longer)
    world.advance(MINUTE)
    assert net.end() == first.expires_at + GRACE
    assert world.sides("maya") == (True, True)


def test_it_is_never_before_an_end_that_is_wanted(net: Net) -> None:
    """Throughout a life with several ends, Google's own end lies a grace after the latest of them."""
    world = net.world
    first = world.granted("maya", duration="1h")
    second = world.granted("maya", duration="2h")
    extended(world, first, "3h")
    world.end(second)
    for _ in range(60):
        world.advance(5 * MINUTE)
        net.expiry.lapse(world.clock.now)
        ends = [grant.expires_at for grant in world.live()]
        end = net.end()
        assert world.in_google("maya") == bool(ends)
        assert not ends or (end is not None and end >= max(ends) + GRACE)


def test_a_standing_membership_is_left_alone(net: Net) -> None:
    """Who was in the group before the grant stays in it, without an end."""
    net.world.put("maya", "google")
    grant = net.world.granted("maya")
    net.world.advance(HOUR + GRACE + MINUTE)
    assert net.world.grant(grant).kept == "standing"
    assert net.expiry.journal == []
    assert net.world.in_google("maya")


def test_a_membership_that_stands_after_our_end_is_left_alone(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is put into the group by others while Google is asked is not caught by what was looked up before."""
    world = net.world
    grant = world.granted("maya", duration="1h")
    look = net.expiry.find

    def slow(group: str, address: str) -> str | None:
        found = look(group, address)
        world.clock.move(HOUR)
        working.run(world.ctx, Work(WorkKind.END, grant.id))
        world.put("maya", "google")
        return found

    monkeypatch.setattr(net.expiry, "find", slow)
    assert expiring.expire(world.ctx, grant.pair) is None
    assert net.asked() == 0
    assert net.end() is None


def test_our_own_end_needs_nothing_of_it(net: Net) -> None:
    """When a grant ends in time Google's end has nothing to do, and nothing of it is due any more."""
    grant = net.world.granted("maya")
    net.world.settle()
    net.world.advance(HOUR)
    asked = net.asked()
    net.expiry.lapse(net.world.clock.now)
    net.world.settle()
    assert net.world.grant(grant).state is GrantState.REVOKED
    assert net.world.sides("maya") == (False, False)
    assert net.asked() == asked == 1
    assert net.world.due_of(grant.pair) == []
    assert "resurrected" not in net.world.notifier.posted


def test_an_end_at_google_that_came_too_early_is_healed(net: Net) -> None:
    """Should Google end a membership that is wanted still, it is put back, and gets a new end."""
    grant = net.world.granted("maya")
    net.world.advance(20 * SECOND)
    net.world.drop("maya", "google")
    assert net.end() is None
    net.world.advance(5 * MINUTE)
    assert net.world.sides("maya") == (True, True)
    assert net.end() == grant.expires_at + GRACE


def test_google_away_holds_up_nothing(net: Net) -> None:
    """While Cloud Identity is away all else goes on; the end is set once it is back, and nobody is bothered."""
    net.expiry.fail(times=None)
    grant = net.world.granted("maya")
    net.world.advance(5 * MINUTE)
    assert net.world.notifier.posted == []
    net.expiry.recover()
    net.world.advance(2 * MINUTE)
    assert net.end() == grant.expires_at + GRACE
    net.expiry.fail(times=None)
    assert net.world.end(grant).state is GrantState.REVOKED


REFUSALS = (
    NotAuthorised("Google", "memberships.modifyMembershipRoles", "Not with this edition."),
    Rejected("Google", "memberships.modifyMembershipRoles", "Not for this member."),
    Missing("Google", "groups.lookup", "There is no such group.", what="group"),
)


@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("method", ["find", "end_at"])
def test_a_refusal_is_told_to_operators_once_and_to_nobody_else(net: Net, method: str, error: VendorError) -> None:
    """What Google refuses costs no grant; operators read of it once, however many grants and tries there are."""
    world = net.world
    net.expiry.fail(method, times=None, error=error)
    grants = [world.granted(who) for who in ("maya", "noah")]
    world.advance(HOUR / 2)
    assert [world.grant(grant).state for grant in grants] == [GrantState.ACTIVE] * 2
    assert world.notifier.posted == ["expiry_refused"]
    assert world.notifier.notices(slack_id("maya")) == [NoticeKind.READY]
    tries = len(net.expiry.calls(method))
    assert 4 <= tries <= 8
    net.expiry.recover()
    world.advance(expiring.REFUSED)
    assert net.end("maya") == grants[0].expires_at + GRACE
    assert net.end("noah") == grants[1].expires_at + GRACE


def test_one_that_google_does_not_show_yet_is_looked_for_again(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """A membership that this API sees late gets its end once it is seen."""
    seen: Iterator[bool] = iter([False, False, True])
    look = net.expiry.find
    monkeypatch.setattr(net.expiry, "find", lambda group, who: look(group, who) if next(seen) else None)
    grant = net.world.granted("maya")
    net.world.advance(5 * SECOND)
    assert net.end() is None
    net.world.advance(2 * expiring.NOT_SEEN)
    assert net.end() == grant.expires_at + GRACE


def test_it_waits_for_whoever_is_at_the_pair(net: Net) -> None:
    """Google is asked only by who holds the pair, so no end of a grant and no new one comes between."""
    grant = net.world.granted("maya")
    with net.world.ctx.store.lease(f"pair:{grant.pair}", MINUTE), pytest.raises(LeaseBusy):
        expiring.expire(net.world.ctx, grant.pair)
    assert net.asked() == 0
    net.world.advance(10 * SECOND)
    assert net.end() == grant.expires_at + GRACE


def test_a_change_while_google_is_asked_is_not_lost(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """An extension that is approved in the middle of the call has its own turn after it."""
    world = net.world
    grant = world.granted("maya")
    request = world.extend(grant, "2h")
    click = world.press("priya", ClickAction.APPROVE, request.id)
    end_at = net.expiry.end_at
    pending = [click.id]

    def meanwhile(membership: str, at: datetime) -> bool:
        if pending:
            working.run(world.ctx, Work(WorkKind.CLICK, pending.pop()))
        return end_at(membership, at)

    monkeypatch.setattr(net.expiry, "end_at", meanwhile)
    world.queue.works.clear()
    world.clock.move(3 * SECOND)
    working.run(world.ctx, Work(WorkKind.EXPIRY, grant.pair))
    assert pending == []
    assert net.end() == grant.expires_at + GRACE
    world.advance(MINUTE)
    assert net.end() == grant.expires_at + 2 * HOUR + GRACE


def test_a_lease_lost_before_the_call_stops_it(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was halted for longer than the lease asks Google for nothing any more."""
    grant = net.world.granted("maya")
    record = expiring._record  # noqa: SLF001 - the halt has to come right before the call

    def halted(*args: object) -> None:
        record(*args)  # type: ignore[arg-type]  # handed on as it is
        net.world.clock.move(MINUTE)

    monkeypatch.setattr(expiring, "_record", halted)
    with pytest.raises(Exception, match="lease"):
        expiring.expire(net.world.ctx, grant.pair)
    assert net.asked() == 0


def test_a_vendor_that_is_slow_is_asked_again(net: Net) -> None:
    """An answer that is lost leaves the end set or not: it is set again, to the same."""
    net.expiry.fail("end_at", times=1, error=Unavailable("Google", "modify", "No answer."), applied=True)
    grant = net.world.granted("maya")
    net.world.advance(MINUTE)
    assert net.asked() == 2
    assert net.end() == grant.expires_at + GRACE
    assert len(net.events()) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("place", range(12))
def test_killed_at_any_call_another_sets_it(
    net: Net,
    place: int,
    after: bool,  # noqa: FBT001 - given by pytest
) -> None:
    """A process that dies at whichever call to the store leaves the work to another; the log tells of it once."""
    world = net.world
    grant = world.granted("maya")
    start = world.watch.count

    def struck(step: Step) -> None:
        if step.place == start + place:
            world.watch.kill()

    if after:
        world.watch.after = struck
    else:
        world.watch.before = struck
    world.clock.move(3 * SECOND)
    with suppress(Killed):
        working.run(world.ctx, Work(WorkKind.EXPIRY, grant.pair))
    world.restart()
    world.advance(MINUTE)
    assert net.end() == grant.expires_at + GRACE
    assert len(net.events()) == 1
    assert world.grant(grant).state is GrantState.ACTIVE
