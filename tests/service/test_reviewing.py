"""The review after an emergency: who is told, who closes it, and that it is not forgotten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accessbot.domain.errors import FieldRefused, Rejected, Unavailable
from accessbot.domain.model import ClickAction, Grant, GrantState, Selector, SelectorKind, SlackPerson
from accessbot.domain.oncall import Schedule, Shift, UserGroup
from accessbot.domain.records import ReviewState, ShiftBook
from accessbot.domain.work import Work, WorkKind
from accessbot.ports import Change
from accessbot.service import owners, reviewing, schedule, working
from tests.service.emergencies import BREAK_GLASS, DAY, HALF_AN_HOUR, allow, ask_for, over, review_of
from tests.support import company
from tests.support.company import email, slack_id
from tests.support.watch import Killed, Step
from tests.support.world import World, new_world

LEADS = (slack_id("priya"), slack_id("tomas"))
ADMIN = slack_id("ines")
JUSTIFY, NOT_JUSTIFY = ClickAction.JUSTIFY, ClickAction.NOT_JUSTIFY


@pytest.fixture(autouse=True)
def _emergencies(world: World) -> None:
    allow(world)


def press(world: World, who: str, grant: Grant, action: ClickAction = JUSTIFY, reason: str = "") -> str:
    """Press a button of a review, let the workers do all that follows, and give what the person is answered."""
    world.press(who, action, schedule.review_of(grant), reason)
    world.run_until_idle()
    return world.notifier.answers(slack_id(who))[-1]


def days_pass(world: World, days: float = 1) -> None:
    """Let a time pass in which the workers are called a few times a day: what is due in between comes late."""
    end = world.clock.now + days * DAY
    while world.clock.now < end:
        world.clock.now = min(end, world.clock.now + DAY / 4)
        world.run_until_idle()


def reminders(world: World) -> list[datetime]:
    """Tell when owners were reminded, in the order of it."""
    return [card.now for card in world.notifier.reminders]


# --- the message ------------------------------------------------------------------------------------------------------


def test_owners_are_told_at_once(world: World) -> None:
    """The message is posted whether or not the access is usable yet, and pings the owners; it names the incident."""
    world.google.fail("add", times=None)
    grant = ask_for(world)
    first, *_ = world.notifier.reviews
    assert (first.owners, first.unowned, first.review.incident) == (LEADS, False, "INC-42")
    assert first.grant is not None
    assert (first.grant.id, first.grant.state) == (grant.id, GrantState.PROVISIONING)
    assert world.actions(schedule.review_of(grant)) == ["review.opened"]


def test_the_message_follows_the_grant(world: World) -> None:
    """It changes when the access becomes usable and when it has ended, always the one message."""
    grant = ask_for(world)
    assert world.notifier.reviews[-1].grant == world.grant(grant)
    assert world.grant(grant).state is GrantState.ACTIVE
    world.end(grant)
    assert world.notifier.reviews[-1].grant == world.grant(grant)
    assert world.grant(grant).ended
    board = world.ctx.store.board(f"review:{schedule.review_of(grant)}")
    assert board is not None
    assert len(board.refs) == 1


def test_an_emergency_that_could_not_be_given_is_reviewed_too(world: World) -> None:
    """What was asked for in an emergency and failed is over at once, and its owners are asked about it."""
    world.google.fail("add", times=None, error=Rejected("Google", "members.insert", "no"))
    grant = ask_for(world)
    assert world.grant(grant).state is GrantState.PROVISION_FAILED
    assert len(reminders(world)) == 1
    assert press(world, "priya", grant) == "Closed as justified."


def test_what_is_no_emergency_has_no_review(world: World) -> None:
    """An approved request opens no review and posts no such message."""
    world.end(world.granted())
    assert world.ctx.store.open_reviews() == ()
    assert world.notifier.reviews == []


# --- whom it pings ----------------------------------------------------------------------------------------------------


def owned_by(world: World, *who: str) -> None:
    """Give the emergencies other owners."""
    found = tuple(Selector(SelectorKind(kind), value) for kind, _, value in (each.partition(":") for each in who))
    allow(world, replace(BREAK_GLASS, owners=found))


def pinged(world: World, grant: Grant) -> owners.Pinged:
    """Tell whom a message about the emergency would ping now."""
    return owners.pinged(world.ctx, review_of(world, grant))


def test_owners_of_every_kind_are_pinged(world: World) -> None:
    """Users, members of groups and of groups within them, a Slack group's, who is on call, and a manager."""
    world.google.add_group("outer@example.com")
    world.google.put("outer@example.com", email("cto"))
    world.google.put("outer@example.com", company.SECURITY.value)
    world.slack.groups |= {"S1": frozenset({slack_id("priya")}), "S2": frozenset({slack_id("noah")})}
    world.google.set_manager(email("maya"), email("tomas"))
    grant = ask_for(world)
    book = ShiftBook(
        key="sre", shifts=(Shift(who=email("noah"), begins=world.clock.now, ends=None),), read_at=world.clock.now
    )
    world.ctx.store.commit(Change(op="book", puts=(book,)))
    sre = Schedule(name="sre", source=UserGroup(id="S2"))
    world.catalog.now = replace(world.catalog.now, schedules=MappingProxyType({"sre": sre}))
    owned_by(world, "group:outer@example.com", "slack-usergroup:S1", "on-call:sre", "manager:")
    people = set(pinged(world, grant).people)
    assert people == {slack_id(name) for name in ("cto", "ines", "noah", "tomas", "priya")}


def test_whoever_cannot_be_found_is_left_out(world: World) -> None:
    """A dead name, a group that is gone and one that cannot be read silence nobody else."""
    owned_by(world, "user:gone@example.com", "group:gone@example.com", f"user:{email('tomas')}")
    ask_for(world)
    assert world.notifier.reviews[0].owners == (slack_id("tomas"),)


def test_at_most_twenty_are_pinged(world: World) -> None:
    """A large group of owners does not make a message that nobody can read."""
    world.google.add_group("many@example.com")
    for number in range(30):
        name = f"p{number}"
        world.google.add_user(email(name))
        world.google.put("many@example.com", email(name))
        world.slack.people[slack_id(name)] = SlackPerson(id=slack_id(name), email=email(name), name=name)
    owned_by(world, "group:many@example.com")
    ask_for(world)
    assert len(world.notifier.reviews[0].owners) == owners.MOST_PINGED


def test_the_holder_is_not_pinged_about_themself(world: World) -> None:
    """An owner who has the emergency does not close its review, so the others are asked."""
    ask_for(world, "priya")
    assert world.notifier.reviews[0].owners == (slack_id("tomas"),)


@pytest.mark.parametrize("lost", ["the policy", "the owners", "all but the holder"])
def test_where_nobody_owns_it_administrators_do(world: World, lost: str) -> None:
    """With its policy or its owners gone, or but the holder left, the reminder says so and pings the admins."""
    grant = ask_for(world)
    if lost == "the policy":
        allow(world, None)
    elif lost == "the owners":
        owned_by(world, "group:gone@example.com")
    else:
        owned_by(world, f"user:{email('maya')}")
    world.end(grant)
    said = world.notifier.reminders[-1]
    assert (said.owners, said.unowned) == ((ADMIN,), True)
    assert press(world, "ines", grant) == "Closed as justified."


# --- reminders --------------------------------------------------------------------------------------------------------


def test_owners_are_reminded_until_it_is_closed(world: World) -> None:
    """They are asked when the access ends and then once a day, never after it is closed; each time is in the log."""
    grant = over(world)
    ended = world.grant(grant).ended_at
    assert ended is not None
    days_pass(world, 3.5)
    times = reminders(world)
    assert len(times) == 4
    assert all(timedelta(0) <= at - (ended + number * DAY) < DAY for number, at in enumerate(times))
    assert review_of(world, grant).reminded == 4
    press(world, "tomas", grant)
    days_pass(world, 2)
    assert len(reminders(world)) == 4
    assert world.actions(schedule.review_of(grant)).count("review.reminded") == 4
    assert world.due_of(schedule.review_of(grant)) == []


def test_nobody_is_reminded_while_the_access_lives(world: World) -> None:
    """There is nothing to review yet; at the moment its time is over there is."""
    ask_for(world)
    world.advance(HALF_AN_HOUR - timedelta(minutes=1))
    assert reminders(world) == []
    world.advance(timedelta(minutes=1))
    assert len(reminders(world)) == 1


def test_the_policy_says_how_often(world: World) -> None:
    """A change of it counts from the next reminder on."""
    over(world)
    allow(world, replace(BREAK_GLASS, remind=timedelta(hours=2)))
    days_pass(world)
    assert len(reminders(world)) == 2
    world.advance(timedelta(hours=4))
    assert len(reminders(world)) == 4


def test_time_in_which_nobody_worked_is_not_made_up_for(world: World) -> None:
    """After a week in which no process lived there is one reminder, not seven."""
    over(world)
    world.clock.now += 7 * DAY
    world.restart()
    world.run_until_idle()
    assert len(reminders(world)) == 2


def test_what_slack_does_not_take_does_not_end_the_reminders(world: World) -> None:
    """Where Slack refuses a reminder for good it is not counted, and tried again a day later."""
    grant = over(world)
    world.notifier.trouble = Rejected("Slack", "chat.postMessage", "no", code="is_archived")
    days_pass(world, 1.5)
    world.notifier.trouble = None
    days_pass(world)
    assert (len(reminders(world)), review_of(world, grant).reminded) == (2, 2)


def test_a_message_that_slack_did_not_take_is_posted_later(world: World) -> None:
    """The loud message of an emergency is tried again while it is open, whatever Slack said."""
    world.notifier.trouble = Rejected("Slack", "chat.postMessage", "no", code="is_archived")
    ask_for(world)
    world.notifier.trouble = None
    world.advance(timedelta(minutes=11))
    assert len(world.notifier.reviews) == 1


def test_slack_away_delays_a_reminder(world: World) -> None:
    """While Slack is away nothing is said and nothing lost; afterwards it is said once."""
    over(world)
    world.notifier.trouble = Unavailable("Slack", "chat.postMessage", "away")
    days_pass(world, 1.5)
    assert len(reminders(world)) == 1
    world.notifier.trouble = None
    days_pass(world, 0.25)
    assert len(reminders(world)) == 2


def test_a_restart_reminds_nobody_twice(world: World) -> None:
    """New processes go on where the old ones stopped, with or without what was in the queue."""
    grant = over(world)
    for _ in range(3):
        world.restart()
        days_pass(world, 0.5)
    assert review_of(world, grant).reminded == len(reminders(world)) == 2


def test_a_crash_at_any_call_loses_no_reminder() -> None:
    """Killed at each call in which a reminder is due, one after another: that one comes, at most twice."""
    place = killed = 0
    while killed == place:
        with new_world(wide=True) as world:
            allow(world)
            review_id = schedule.review_of(over(world))
            days_pass(world, 0.9)
            world.clock.now += DAY / 8
            world.watch.count = 0
            world.watch.before = _kill_at(world, place)
            try:
                working.run(world.ctx, Work(WorkKind.REVIEW, review_id))
            except Killed:
                killed += 1
                world.restart()
                days_pass(world, 0.01)
            world.watch.rest()
            assert len(reminders(world)) in ((2, 3) if killed > place else (2,))
            days_pass(world)
            assert len(reminders(world)) in ((3, 4) if killed > place else (3,))
        place += 1
    assert killed > 5


def _kill_at(world: World, place: int) -> Callable[[Step], None]:
    def strike(step: Step) -> None:
        if step.place == place:
            world.watch.kill()

    return strike


# --- closing ----------------------------------------------------------------------------------------------------------


def test_an_owner_closes_it(world: World) -> None:
    """The message says who closed it, and the log has it with the reason."""
    grant = over(world)
    assert press(world, "priya", grant, JUSTIFY, " the site was down ") == "Closed as justified."
    closed = review_of(world, grant)
    assert (closed.state, closed.closed_by, closed.reason) == (
        ReviewState.JUSTIFIED,
        slack_id("priya"),
        "the site was down",
    )
    assert world.notifier.reviews[-1].review == closed
    assert world.events(closed.id)[-1].action == "review.justified"
    assert world.ctx.store.open_reviews() == ()


def test_what_was_not_justified_is_told_to_the_administrators(world: World) -> None:
    """They are pinged in the thread, once, and it stays found as not justified."""
    grant = over(world)
    before = len(reminders(world))
    said = press(world, "tomas", grant, NOT_JUSTIFY, "a normal request would have done")
    assert said == "Closed as not justified; the administrators are told."
    told = world.notifier.reminders[before:]
    assert [(card.owners, card.review.state) for card in told] == [((ADMIN,), ReviewState.NOT_JUSTIFIED)]
    reviewing.show(world.ctx, schedule.review_of(grant))
    days_pass(world, 2)
    assert len(reminders(world)) == before + 1
    assert review_of(world, grant).reason == "a normal request would have done"


def test_not_justified_takes_a_reason(world: World) -> None:
    """Without one the press is refused on its field, and the review stays open."""
    grant = over(world)
    with pytest.raises(FieldRefused):
        world.press("tomas", NOT_JUSTIFY, schedule.review_of(grant), "  ")
    with pytest.raises(FieldRefused):
        reviewing.check_reason(ReviewState.NOT_JUSTIFIED, "")
    assert review_of(world, grant).state is ReviewState.OPEN


@pytest.mark.parametrize(
    ("holder", "presser", "why"),
    [
        ("priya", "priya", "your own emergency"),
        ("maya", "maya", "your own emergency"),
        ("maya", "noah", "You may not close this review; its owners"),
    ],
)
def test_who_may_not_close_it_is_told_why(world: World, holder: str, presser: str, why: str) -> None:
    """Neither the holder, owner or not, nor anybody who is no owner; the refusal is in the log."""
    grant = over(world, holder)
    assert why in press(world, presser, grant)
    assert review_of(world, grant).state is ReviewState.OPEN
    refused = world.events(schedule.review_of(grant))[-1]
    assert (refused.action, refused.actor) == ("review.refused", slack_id(presser))


@pytest.mark.parametrize("alias", [email("priya"), "priya.new@example.com"])
def test_the_holder_has_no_second_account(world: World, alias: str) -> None:
    """Another Slack account of theirs, that leads to the same Google user by whatever address, is them."""
    grant = over(world, "priya")
    world.slack.people[slack_id("other")] = SlackPerson(id=slack_id("other"), email=alias, name="other")
    if alias != email("priya"):
        world.google.rename_user(email("priya"), alias)
    assert "your own" in press(world, "other", grant)


def test_who_owns_it_is_looked_up_live(world: World) -> None:
    """Whoever left the owners since they were pinged does not close it; whoever came to them does."""
    grant = over(world)
    world.google.drop(company.LEADS.value, email("priya"))
    assert "You may not close" in press(world, "priya", grant)
    world.google.put(company.LEADS.value, email("cto"))
    assert press(world, "cto", grant) == "Closed as justified."


def test_it_is_not_closed_before_the_access_is_over(world: World) -> None:
    """A press while the access lives, or is being taken away, is refused."""
    grant = ask_for(world)
    assert press(world, "priya", grant) == "This access has not ended yet; it is reviewed once it has."
    assert review_of(world, grant).state is ReviewState.OPEN


def test_of_two_one_closes_it_and_the_other_is_told(world: World) -> None:
    """Two presses kept before either is carried out: the first counts, and whoever came too late reads by whom."""
    grant = over(world)
    world.press("priya", JUSTIFY, schedule.review_of(grant))
    world.press("tomas", NOT_JUSTIFY, schedule.review_of(grant), "no")
    world.run_until_idle()
    assert world.notifier.answers(slack_id("priya"))[-1] == "Closed as justified."
    assert world.notifier.answers(slack_id("tomas"))[-1] == (
        f"Too late: this review was already closed as justified by <@{slack_id('priya')}>."
    )
    assert world.actions(schedule.review_of(grant)).count("review.justified") == 1


def test_google_away_keeps_the_press(world: World) -> None:
    """While nobody can tell who owns it the press is kept, and carried out afterwards."""
    grant = over(world)
    world.google.fail(times=None)
    world.press("priya", JUSTIFY, schedule.review_of(grant))
    world.run_until_idle()
    assert review_of(world, grant).state is ReviewState.OPEN
    world.google.recover()
    world.advance(timedelta(minutes=1))
    assert review_of(world, grant).state is ReviewState.JUSTIFIED


WHO = st.sampled_from(["maya", "noah", "priya", "tomas", "ines", "cto"])
PRESSES = st.lists(st.tuples(WHO, st.sampled_from([JUSTIFY, NOT_JUSTIFY]), st.booleans()), max_size=12)


@settings(max_examples=15, deadline=None)
@given(holder=st.sampled_from(["maya", "noah", "priya", "tomas"]), presses=PRESSES, early=st.booleans())
def test_whoever_presses_whatever(holder: str, presses: list[tuple[str, ClickAction, bool]], *, early: bool) -> None:
    """It is closed at most once, after the access is over, and never by its holder or by somebody who is no owner."""
    with new_world() as world:
        allow(world)
        grant = ask_for(world, holder) if early else over(world, holder)
        for number, (who, action, waits) in enumerate(presses):
            if number == len(presses) // 2 and not world.grant(grant).ended:
                world.end(grant)
            if review_of(world, grant).state is not ReviewState.OPEN:
                break
            world.press(who, action, schedule.review_of(grant), "because")
            if not waits:
                world.run_until_idle()
        world.clock.now += DAY
        world.run_until_idle()
        closings = [
            event
            for event in world.events(schedule.review_of(grant))
            if event.action in ("review.justified", "review.not_justified")
        ]
        assert len(closings) <= 1
        allowed = {slack_id(name) for name in ("priya", "tomas", "ines")} - {slack_id(holder)}
        ended = world.grant(grant).ended_at
        assert ended is not None
        assert all(event.actor in allowed and event.time >= ended for event in closings)
        assert (review_of(world, grant).state is ReviewState.OPEN) == (not closings)
