"""More time for a live grant."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from accessbot.domain.errors import FieldRefused, Refused
from accessbot.domain.model import ClickAction, Grant, GrantState, RequestState
from accessbot.domain.notices import NoticeKind
from accessbot.domain.work import Work, WorkKind
from accessbot.service import working
from tests.support.company import HOUR, email, slack_id
from tests.support.watch import Step
from tests.support.world import World


def extended(world: World, grant: Grant, added: str) -> Grant:
    """Ask for more time and have it approved; gives the grant."""
    request = world.extend(grant, added)
    assert world.approve("priya", request).state is RequestState.APPROVED
    return world.grant(grant)


def test_an_extension_keeps_the_grant_and_moves_its_end(world: World) -> None:
    """The id, the start and the memberships stay; the end moves by what was asked for, and the access lasts."""
    grant = world.granted("maya", duration="1h")
    longer = extended(world, grant, "2h")
    assert longer.id == grant.id
    assert longer.starts_at == grant.starts_at
    assert longer.expires_at == grant.expires_at + 2 * HOUR
    assert world.notifier.notices(slack_id("maya"))[-1] is NoticeKind.EXTENDED
    world.advance(HOUR)
    assert world.sides("maya") == (True, True)
    assert world.ctx.store.is_live(grant.id) == 2 * HOUR
    world.advance(2 * HOUR)
    assert world.sides("maya") == (False, False)
    assert world.actions(grant.id).count("grant.extended") == 1
    assert world.due_of(grant.id) == []


def test_the_total_never_passes_the_maximum(world: World) -> None:
    """The limit counts from the start of the grant, whatever time has passed."""
    grant = world.granted("maya", duration="7h")
    world.advance(6 * HOUR)
    with pytest.raises(FieldRefused, match="At most 1 h"):
        world.extend(grant, "2h")
    longer = extended(world, grant, "1h")
    with pytest.raises(FieldRefused, match="maximum of 8 h"):
        world.extend(longer, "5m")


def test_approved_after_the_end_it_is_refused(world: World) -> None:
    """A press after the grant's end moves nothing; the request is closed as expired and its asker told."""
    grant = world.granted("maya", duration="1h")
    request = world.extend(grant)
    world.clock.move(HOUR)
    click = world.press("priya", ClickAction.APPROVE, request.id)
    working.run(world.ctx, Work(WorkKind.CLICK, click.id))
    world.run_until_idle()
    assert world.request(request).state is RequestState.EXPIRED
    assert NoticeKind.EXPIRED in world.notifier.notices(slack_id("maya"))
    assert world.grant(grant).state is GrantState.REVOKED
    assert world.grant(grant).expires_at == grant.expires_at


def test_pressed_in_time_but_judged_after_the_end_it_is_refused(world: World) -> None:
    """A press in the last second that no worker took up in time extends nothing either: what ended stays ended."""
    grant = world.granted("maya", duration="1h")
    request = world.extend(grant)
    world.clock.move(HOUR - timedelta(seconds=1))
    click = world.press("priya", ClickAction.APPROVE, request.id)
    world.clock.move(timedelta(seconds=1))
    working.run(world.ctx, Work(WorkKind.CLICK, click.id))
    world.run_until_idle()
    assert world.request(request).state is RequestState.EXPIRED
    assert world.grant(grant).state is GrantState.REVOKED
    assert "Too late" in world.notifier.answers(slack_id("priya"))[-1]


def test_the_end_and_an_extension_at_once_have_one_outcome(world: World) -> None:
    """Ended by its holder while a worker looks the approver up: the grant ends, and nothing makes it live again."""
    grant = world.granted("maya", duration="1h")
    request = world.extend(grant)
    ended: list[Step] = []

    def meanwhile(step: Step) -> None:
        if step.method == "holds" and not ended:
            ended.append(step)
            world.watch.rest()
            world.end(grant)

    world.watch.before = meanwhile
    assert world.approve("priya", request).state is RequestState.EXPIRED
    assert world.grant(grant).state is GrantState.REVOKED
    assert world.sides("maya") == (False, False)


@pytest.mark.parametrize("how", ["early", "time"])
def test_a_pending_extension_lapses_with_its_grant(world: World, how: str) -> None:
    """When the grant ends first, nobody is asked any more."""
    grant = world.granted("maya", duration="1h")
    request = world.extend(grant)
    if how == "early":
        world.end(grant)
    else:
        world.advance(HOUR)
    assert world.request(request).state is RequestState.EXPIRED
    assert world.due_of(request.id) == []


def test_one_extension_waits_at_a_time(world: World) -> None:
    """A second one while the first waits is refused; after its decision there may be another."""
    grant = world.granted("maya", duration="1h")
    first = world.extend(grant)
    with pytest.raises(Refused, match="waits for a decision already"):
        world.extend(grant)
    world.deny("priya", first)
    assert world.extend(grant).state is RequestState.PENDING


def test_only_ones_own_live_grant_is_extended(world: World) -> None:
    """Neither somebody else's grant nor one that has ended."""
    grant = world.granted("maya")
    with pytest.raises(Refused, match="not yours"):
        world.extend(replace(grant, requester=slack_id("noah")))
    with pytest.raises(Refused, match="active"):
        world.extend(world.end(grant))


def test_whoever_lost_the_right_to_ask_gets_no_more_time(world: World) -> None:
    """The requester is looked at again when the extension is approved."""
    grant = world.granted("maya")
    request = world.extend(grant)
    world.google.change_user(email("maya"), suspended=True)
    assert world.approve("priya", request).state is RequestState.DENIED
    assert world.grant(grant).expires_at == grant.expires_at
