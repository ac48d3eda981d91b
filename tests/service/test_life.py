"""The whole life of a request and its grant, through the real store, on a clock that the tests move."""

from __future__ import annotations

from datetime import timedelta

from accessbot.domain.lifecycle import SYSTEM
from accessbot.domain.model import EndCause, GrantState, RequestState
from accessbot.domain.notices import NoticeKind
from accessbot.service import viewing
from tests.support.company import slack_id
from tests.support.watch import STORE, Step
from tests.support.world import World

HOUR = timedelta(hours=1)


def test_a_grant_lives_and_ends_by_itself(world: World) -> None:
    """Asked, looked at, announced, approved, usable on both sides; at its time both memberships are gone."""
    request = world.ask("maya", "production-admin", "1h", "INC-42: why")
    assert (request.state, request.announced, request.email) == (RequestState.PENDING, True, "maya@example.com")
    assert world.sides("maya") == (False, False)
    approved = world.approve("priya", request)
    grant = world.grant(approved.grant_id)
    assert approved.state is RequestState.APPROVED
    assert grant.state is GrantState.ACTIVE
    assert world.sides("maya") == (True, True)
    assert world.ctx.store.is_live(grant.id) == HOUR
    world.advance(HOUR - timedelta(milliseconds=1))
    assert world.sides("maya") == (True, True)
    world.advance(timedelta(milliseconds=1))
    ended = world.grant(grant)
    assert (ended.state, ended.end_cause) == (GrantState.REVOKED, EndCause.EXPIRED)
    assert ended.ended_at == ended.expires_at
    assert world.sides("maya") == (False, False)
    assert world.ctx.store.is_live(grant.id) is None


def test_every_step_is_in_the_audit_log_once_and_in_order(world: World) -> None:
    """Each step of a life is one event with its actor and the states before and after it."""
    grant = world.granted("maya")
    world.advance(HOUR)
    world.settle()
    events = [event for event in world.ctx.store.audit() if event.action != "roster.begun"]
    assert [(e.action, e.actor, e.before, e.after) for e in events] == [
        ("request.submitted", slack_id("maya"), None, "pending"),
        ("request.announced", SYSTEM, "pending", "pending"),
        ("request.approved", slack_id("priya"), "pending", "approved"),
        ("grant.provisioning", SYSTEM, None, "provisioning"),
        ("grant.intent", SYSTEM, "provisioning", "provisioning"),
        ("membership.decided", SYSTEM, None, None),
        ("grant.active", SYSTEM, "provisioning", "active"),
        ("grant.revoking", SYSTEM, "active", "revoking"),
        ("grant.revoked", SYSTEM, "revoking", "revoked"),
    ]
    assert {e.person for e in events} == {slack_id("maya")}
    assert world.events(grant.id)[0].reason == "INC-42"


def test_people_are_told_what_they_need_to_know(world: World) -> None:
    """The requester reads ready, the warning and the end; the approver is answered; the card follows."""
    world.granted("maya")
    assert world.notifier.notices(slack_id("maya")) == [NoticeKind.READY]
    assert world.notifier.answers(slack_id("priya")) == ["Approved; production-admin is being prepared."]
    world.advance(HOUR)
    world.settle()
    assert world.notifier.notices(slack_id("maya")) == [NoticeKind.READY, NoticeKind.ENDING_SOON, NoticeKind.ENDED]
    last = world.notifier.cards[-1]
    assert last.grant is not None
    assert last.grant.state is GrantState.REVOKED
    assert world.notifier.alerts == []


def test_the_seconds_from_click_to_usable_are_measured(world: World) -> None:
    """What is told as the time it took counts from the press, not from when a worker took it up."""
    request = world.ask("maya")
    world.watch.before = lambda step: world.clock.move(timedelta(milliseconds=100 if step.whom != STORE else 0))
    world.approve("priya", request)
    notice = world.notifier.last_notice(slack_id("maya"))
    calls = [step for step in world.watch.steps if step.whom != STORE]
    assert notice.grant is not None
    assert notice.took is not None
    assert timedelta(seconds=1) < notice.took <= timedelta(milliseconds=100) * len(calls)
    assert notice.took == notice.grant.activated_at - notice.grant.approved_at  # type: ignore[operator] # it is active


def test_the_time_counts_from_when_access_is_usable(world: World) -> None:
    """However long provisioning took, the grant lasts as long as was approved, from its activation on."""
    request = world.ask("maya", duration="1h")
    world.google.fail("add", times=3)
    world.approve("priya", request)
    world.advance(timedelta(minutes=1))
    grant = world.grant(world.request(request).grant_id)
    assert grant.activated_at is not None
    assert grant.activated_at > grant.approved_at
    assert (grant.starts_at, grant.expires_at) == (grant.activated_at, grant.activated_at + HOUR)


def test_the_grant_and_its_end_are_written_before_any_vendor_is(world: World) -> None:
    """Before the first write to Google the grant, its ids, whose the membership is, and its end are all stored."""
    request = world.ask("maya")
    seen: list[tuple[str, bool]] = []

    def look(step: Step) -> None:
        if step.whom != STORE and step.method == "add":
            world.watch.rest()
            grant = world.grant(world.request(request).grant_id)
            pair = world.ctx.store.pair(grant.pair)
            intended = bool(grant.google_user_id and grant.aws_group_id and grant.aws_user_id)
            due = [name for _, name in world.due_index() if name == f"end|{grant.id}"]
            decided = pair is not None and set(pair.standing.values()) == {False}
            seen.append((step.whom, intended and bool(due) and decided and grant.state is GrantState.PROVISIONING))

    world.watch.before = look
    world.approve("priya", request)
    assert seen == [("Google", True)]


def test_google_is_written_first_and_aws_is_taken_away_first(world: World) -> None:
    """A grant starts at the source of truth, and ends where accounts are opened."""
    grant = world.granted("maya")
    world.end(grant)
    writes = [(s.whom, s.method) for s in world.watch.steps if s.whom != STORE and s.method in ("add", "remove")]
    assert writes == [("Google", "add"), ("AWS", "add"), ("AWS", "remove"), ("Google", "remove")]


def test_nothing_stays_due_of_a_grant_that_ended(world: World) -> None:
    """At the end, early or not, the due-index holds nothing of the grant; later nothing of its pair either."""
    by_time, early = world.granted("maya", duration="5m"), world.granted("noah")
    world.end(early)
    world.advance(timedelta(minutes=5))
    for grant in (by_time, early):
        assert world.due_of(grant.id) == []
        assert world.due_of(grant.request_id) == []
    world.settle()
    assert [name for _, name in world.due_index() if not name.startswith(("mapping|", "sweep|", "leaver|"))] == []


def test_lost_hand_overs_are_made_up_from_the_due_index(world: World) -> None:
    """With a queue that loses everything the whole life still happens, a little later."""
    world.queue.copies = 0
    request = world.ask("maya", duration="10m")
    world.advance(timedelta(seconds=10))
    world.approve("priya", request)
    world.advance(timedelta(seconds=10))
    assert world.sides("maya") == (True, True)
    world.advance(timedelta(minutes=10, seconds=10))
    assert world.sides("maya") == (False, False)
    assert world.notifier.notices(slack_id("maya")) == [NoticeKind.READY, NoticeKind.ENDED]


def test_doubled_hand_overs_do_nothing_twice(world: World) -> None:
    """With a queue that doubles everything every event and every message still happens once."""
    world.queue.copies = 3
    grant = world.granted("maya")
    world.advance(HOUR)
    actions = [event.action for event in world.ctx.store.audit()]
    assert len(actions) == len(set(actions)) == 9
    assert world.grant(grant).state is GrantState.REVOKED
    assert world.notifier.notices(slack_id("maya")) == [NoticeKind.READY, NoticeKind.ENDING_SOON, NoticeKind.ENDED]
    assert len(world.notifier.answers(slack_id("priya"))) == 1


def test_a_short_grant_is_not_warned_about(world: World) -> None:
    """A grant of a few minutes is ready and then over, without a warning that would come with either."""
    world.granted("maya", duration="10m")
    world.advance(timedelta(minutes=10))
    assert world.notifier.notices(slack_id("maya")) == [NoticeKind.READY, NoticeKind.ENDED]


def test_what_one_holds_is_listed_in_its_part(world: World) -> None:
    """What is live, what waits and what is being taken away are listed apart, for that person alone."""
    live = world.granted("maya")
    pending = world.ask("maya", "payments-admin")
    world.granted("noah")
    shown = viewing.holdings(world.ctx, requester=slack_id("maya"))
    assert [h.grant.id for h in shown.holdings] == [live.id]
    assert [r.id for r in shown.pending] == [pending.id]
    assert shown.holdings[0].left == HOUR
    world.google.fail("remove", times=None)
    world.end(live)
    shown = viewing.holdings(world.ctx, requester=slack_id("maya"))
    assert (shown.holdings, [g.id for g in shown.ending]) == ((), [live.id])
