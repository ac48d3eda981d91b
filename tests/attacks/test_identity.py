"""Attacks on who somebody is: two Slack accounts of one person, renamed accounts, and accounts that change owner."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from accessbot.domain.errors import Refused
from accessbot.domain.model import GrantState, RequestState, SlackPerson
from tests.support.company import email, slack_id
from tests.support.world import World


def second_account(world: World, who: str, name: str, address: str = "") -> None:
    """Give somebody a second Slack account, under their own or another address."""
    account = SlackPerson(id=slack_id(name), email=address or email(who), name=name)
    world.slack.people[account.id] = account


def rename(world: World, who: str, address: str) -> None:
    """Give a Google user another primary address, in Slack too; the old one stays an alias."""
    world.google.rename_user(email(who), address)
    mine = world.slack.people[slack_id(who)]
    world.slack.people[mine.id] = replace(mine, email=address)


def test_a_renamed_approver_cannot_approve_their_own_request_from_a_second_slack_account(world: World) -> None:
    """The requester is known by the Google user, so another address and another Slack account do not help."""
    request = world.ask("priya")
    rename(world, "priya", "priya.new@example.com")
    second_account(world, "priya", "priya2", "priya.new@example.com")
    decided = world.approve("priya2", request)
    assert decided.state is RequestState.PENDING
    assert "your own request" in world.notifier.answers(slack_id("priya2"))[-1]


def test_one_renamed_approver_with_two_slack_accounts_counts_once(world: World) -> None:
    """Two yeses of one Google user are one, whatever the address was at each."""
    request = world.ask("maya", "payments-admin")
    assert len(world.approve("priya", request).votes) == 1
    rename(world, "priya", "priya.new@example.com")
    second_account(world, "priya", "priya2", "priya.new@example.com")
    decided = world.approve("priya2", request)
    assert decided.state is RequestState.PENDING
    assert len(decided.votes) == 1


def test_access_goes_to_the_person_it_was_approved_for_or_to_nobody(world: World) -> None:
    """A Slack account that leads to another Google user after the announcement gets nothing that was asked before."""
    request = world.ask("maya")
    world.slack.people[slack_id("maya")] = SlackPerson(id=slack_id("maya"), email=email("noah"), name="maya")
    grant = world.grant(world.approve("priya", request).grant_id)
    assert grant.state is GrantState.PROVISION_FAILED
    assert world.sides("noah") == (False, False)
    assert world.sides("maya") == (False, False)


def test_a_grant_is_not_extended_for_a_slack_account_that_leads_to_somebody_else(world: World) -> None:
    """Who asks for more time has to be the Google user who holds the membership."""
    grant = world.granted("maya")
    request = world.extend(grant)
    world.slack.people[slack_id("maya")] = SlackPerson(id=slack_id("maya"), email=email("noah"), name="maya")
    assert world.approve("priya", request).state is RequestState.DENIED
    assert world.grant(grant).expires_at == grant.expires_at


def test_an_entitlement_that_was_turned_into_another_does_not_extend_what_is_held(world: World) -> None:
    """The same name on another account or group is another access: neither asked for nor approved as more time."""
    grant = world.granted("maya")
    pending = world.extend(grant)
    other = world.catalog.now.entitlements["payments-admin"]
    changed = replace(other, id="production-admin")
    entitlements = MappingProxyType({**world.catalog.now.entitlements, "production-admin": changed})
    world.catalog.publish(replace(world.catalog.now, entitlements=entitlements))
    world.catalog.refresh()
    assert world.approve("priya", pending).state is RequestState.DENIED
    with pytest.raises(Refused, match="no longer offers"):
        world.extend(grant)
    assert world.grant(grant).expires_at == grant.expires_at
