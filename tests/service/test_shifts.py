"""On call: who cannot be given what goes with a shift, or must not be, and what is lost in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from accessbot.domain.errors import NotAuthorised, Unavailable
from accessbot.domain.notices import NoticeKind
from accessbot.domain.oncall import UserGroup
from accessbot.service import ending
from tests.service.rotating import (
    ADMIN,
    DAY,
    HOUR,
    MINUTE,
    PAYMENTS,
    ROTA,
    SECOND,
    live,
    look,
    of,
    offer,
    say,
    shift,
    sleep,
)
from tests.support.company import email, slack_id
from tests.support.world import World

# --- who must not have it


def test_what_its_holder_ended_is_not_given_again_within_the_shift(world: World) -> None:
    """End access holds for the rest of the shift, also if the shift gets longer; the next shift gives it again."""
    first = world.clock.now
    next_shift = shift(world, "maya", HOUR, 2 * HOUR)
    say(world, shift(world, "maya", -5 * DAY, 30 * MINUTE), next_shift)
    offer(world, ADMIN)
    world.end(of(world, "maya")[0])
    world.advance(5 * MINUTE)
    say(world, shift(world, "maya", -5 * DAY, 40 * MINUTE, since=first), next_shift)
    look(world)
    world.advance(5 * MINUTE)
    assert (live(world), world.sides("maya")) == (set(), (False, False))
    assert len(of(world, "maya")) == 1
    world.advance(55 * MINUTE)
    assert live(world) == {("maya", ADMIN)}


def test_what_was_revoked_is_not_given_again_within_the_shift(world: World) -> None:
    """A revoke by an operator holds for the rest of the shift."""
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world, ADMIN)
    ending.revoke_by_operator(world.ctx, operator="cli:root", grant_id=of(world, "maya")[0].id, reason="no")
    world.advance(10 * MINUTE)
    look(world)
    assert (live(world), world.sides("maya")) == (set(), (False, False))


def test_a_schedule_that_comes_back_after_days_begins_anew(world: World) -> None:
    """An end on purpose holds for the time on call in which it was made, not for one that is seen days later."""
    world.slack.groups["S1"] = frozenset({slack_id("maya")})
    offer(world, ADMIN, source=UserGroup(id="S1"))
    world.end(of(world, "maya")[0])
    sleep(world, 23 * HOUR)
    assert live(world) == set()
    world.catalog.now = replace(world.catalog.now, hash="gone", schedules={}, rotation_grants=())
    sleep(world, 2 * DAY)
    offer(world, ADMIN, source=UserGroup(id="S1"))
    assert live(world) == {("maya", ADMIN)}


def test_a_stranger_in_the_feed_gets_nothing_and_holds_up_nobody(world: World) -> None:
    """Somebody whom Slack does not know is told of once for the shift; whoever is on call beside them is served."""
    stranger = replace(shift(world, "maya", -MINUTE, HOUR), who="mallory@evil.example")
    say(world, stranger, shift(world, "noah", -MINUTE, HOUR))
    offer(world, ADMIN, PAYMENTS)
    world.advance(10 * MINUTE)
    assert live(world) == {("noah", ADMIN), ("noah", PAYMENTS)}
    assert world.notifier.posted == ["shift_refused"]
    assert "mallory@evil.example is on call on payments" in world.notifier.alerts[-1].headline
    refused = [event for event in world.ctx.store.audit() if event.action == "shift.refused"]
    assert [event.subject for event in refused] == [ROTA]


@pytest.mark.parametrize("why", ["guest", "suspended", "unknown to Google", "unknown to AWS"])
def test_who_cannot_be_given_it_is_told_of_and_gets_it_once_that_is_mended(world: World, why: str) -> None:
    """Nothing is granted, one alert tells why; once the cause is mended the access is there and the alert over."""
    break_and_mend: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "guest": (
            lambda: world.slack.refused.update({slack_id("maya"): "Guests cannot hold AWS access."}),
            world.slack.refused.clear,
        ),
        "suspended": (
            lambda: world.google.change_user(email("maya"), suspended=True),
            lambda: world.google.change_user(email("maya")),
        ),
        "unknown to Google": (
            lambda: world.google.delete_user(email("maya")),
            lambda: world.google.add_user(email("maya")),
        ),
        "unknown to AWS": (lambda: _leave_aws(world), lambda: _join_aws(world)),
    }
    break_it, mend_it = break_and_mend[why]
    break_it()
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world, ADMIN)
    world.advance(5 * MINUTE)
    assert (live(world), world.notifier.posted) == (set(), ["shift_refused"])
    mend_it()
    world.advance(2 * MINUTE)
    assert live(world) == {("maya", ADMIN)}
    assert world.in_google("maya")
    assert world.notifier.alerts[-1].resolved


def _leave_aws(world: World) -> None:
    world.aws.delete_user(world.aws_ids["maya"])


def _join_aws(world: World) -> None:
    world.aws_ids["maya"] = world.aws.add_user(email("maya"))


def test_what_could_not_be_provisioned_is_tried_again_an_hour_later(world: World) -> None:
    """The operators are told of the failure; within the same shift it is given once the cause is mended."""
    say(world, shift(world, "maya", -MINUTE, 3 * HOUR))
    admin = world.catalog.now.entitlements[ADMIN]
    aws_group, made = world.aws_groups[admin.group], world.ctx.identity_center.permission_set(admin.permission_set)
    world.aws.unassign(aws_group, admin.account.id, made.arn)
    offer(world, ADMIN)
    assert "provision_failed" in world.notifier.posted
    world.aws.assign(aws_group, admin.account.id, made.arn)
    world.advance(10 * MINUTE)
    sleep(world, 45 * MINUTE)
    assert live(world) == set()
    sleep(world, 10 * MINUTE)
    world.advance(MINUTE)
    assert (live(world), world.sides("maya")) == ({("maya", ADMIN)}, (True, True))


def test_while_slack_is_away_nobody_new_is_given_access_and_others_lose_it(world: World) -> None:
    """Who gave their shift away loses it all the same; who took it gets it once Slack tells who that is."""
    first = world.clock.now
    say(world, shift(world, "maya", -MINUTE, HOUR))
    offer(world, ADMIN)
    world.slack.trouble = Unavailable("Slack", "users.lookupByEmail", "Slack is down.")
    say(world, shift(world, "noah", -MINUTE, HOUR, since=first))
    world.advance(MINUTE)
    assert (live(world), world.sides("maya")) == (set(), (False, False))
    world.slack.trouble = None
    world.advance(MINUTE)
    assert live(world) == {("noah", ADMIN)}


def test_a_token_without_the_scope_is_told_to_operators(world: World) -> None:
    """That accessbot may not look people up is its operators' business, not the fault of whoever is on call."""
    say(world, shift(world, "maya", -MINUTE, HOUR))
    world.slack.trouble = NotAuthorised("Slack", "users.lookupByEmail", "The scope users:read.email is missing.")
    offer(world, ADMIN)
    world.advance(3 * MINUTE)
    assert (live(world), world.notifier.posted) == (set(), ["not_authorised"])
    world.slack.trouble = None
    world.advance(MINUTE)
    assert live(world) == {("maya", ADMIN)}


def test_while_aws_is_away_access_is_prepared_and_waits(world: World) -> None:
    """The grant is made, its holder hears for what it waits, and it is usable as soon as AWS answers."""
    say(world, shift(world, "maya", -MINUTE, HOUR))
    world.aws.fail("*", times=None)
    offer(world, ADMIN)
    world.advance(MINUTE)
    assert NoticeKind.WAITING in world.notifier.notices(slack_id("maya"))
    assert world.sides("maya")[1] is False
    world.aws.recover()
    world.advance(15 * SECOND)
    assert world.sides("maya") == (True, True)
    assert world.has_each_step_once()
