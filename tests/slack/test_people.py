"""Whom accessbot trusts: only those for whom Slack says everything that must be said."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from accessbot.domain.errors import Missing, NotAuthorised, Refused, Rejected, Unavailable
from accessbot.sandbox.slack import Workspace
from accessbot.slack.client import SlackClient
from accessbot.slack.people import OwnTeam, SlackWorkspace, trusted
from tests.slack.harness import MAYA, PRIYA

TEAM = "T01EXAMPLE"
GOOD: dict[str, Any] = {
    "id": MAYA,
    "team_id": TEAM,
    "real_name": "Maya Lindqvist",
    "deleted": False,
    "is_bot": False,
    "is_restricted": False,
    "is_ultra_restricted": False,
    "is_email_confirmed": True,
    "tz": "Europe/Stockholm",
    "profile": {"email": "Maya@Example.com"},
}


def test_a_full_member_is_trusted() -> None:
    """Somebody of whom all is said is a person with a lower-case address."""
    person = trusted(GOOD, TEAM)
    assert (person.id, person.email, person.timezone) == (MAYA, "maya@example.com", "Europe/Stockholm")


@pytest.mark.parametrize(
    "absent",
    ["deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_email_confirmed", "team_id", "profile"],
)
def test_what_is_not_said_is_not_trusted(absent: str) -> None:
    """Each field that must be there refuses the person when it is not."""
    with pytest.raises(Refused):
        trusted({key: value for key, value in GOOD.items() if key != absent}, TEAM)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("deleted", True),
        ("is_bot", True),
        ("is_restricted", True),
        ("is_ultra_restricted", True),
        ("is_email_confirmed", False),
        ("is_stranger", True),
        ("is_invited_user", True),
        ("team_id", "T99PARTNER"),
        ("team_id", ""),
        ("profile", {}),
        ("profile", {"email": ""}),
        ("profile", {"email": None}),
        # Values of another type say nothing.
        ("deleted", None),
        ("deleted", "false"),
        ("deleted", 0),
        ("is_bot", 0),
        ("is_email_confirmed", 1),
        ("is_email_confirmed", "true"),
        ("is_stranger", None),
        ("is_invited_user", "no"),
    ],
)
def test_what_is_said_against_somebody_counts(field: str, value: object) -> None:
    """Each flag with the wrong value, or a value that is no answer, refuses the person with a sentence."""
    user = copy.deepcopy(GOOD) | {field: value}
    with pytest.raises(Refused) as refusal:
        trusted(user, TEAM)
    assert refusal.value.sentence.endswith((".", "administrators."))


def test_a_live_look_up_sees_every_change() -> None:
    """Nothing about a person is remembered: a deactivated account is refused at the next look."""
    with Workspace() as slack:
        client = SlackClient(slack.bot_token, slack.api_url)
        people = SlackWorkspace(client, OwnTeam(client))
        assert people.person(MAYA).email == "maya@example.com"
        slack.edit_person(MAYA, deleted=True)
        with pytest.raises(Refused, match="deactivated"):
            people.person(MAYA)
        for stranger in ("U06GABE", "U07SVEN", "U00ACCESSBOT"):
            with pytest.raises(Refused):
                people.person(stranger)
        assert sum(call.method == "auth.test" for call in slack.calls) == 1


def test_a_person_is_found_by_the_very_address() -> None:
    """An address in any case gives the member who has it; nobody and a deactivated account are missing."""
    with Workspace() as slack:
        client = SlackClient(slack.bot_token, slack.api_url)
        people = SlackWorkspace(client, OwnTeam(client))
        assert people.by_email("Maya@Example.com") == people.person(MAYA)
        slack.edit_person(PRIYA, deleted=True)
        for unknown in ("nobody@example.com", "priya@example.com"):
            with pytest.raises(Missing) as missing:
                people.by_email(unknown)
            assert missing.value.what == "user"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"is_restricted": True}, "Guests"),
        ({"is_stranger": True}, "other organisations"),
        ({"team_id": "T99PARTNER"}, "other workspaces"),
        ({"is_email_confirmed": False}, "not confirmed"),
        ({"is_bot": True}, "bot"),
        ({"is_invited_user": True}, "invitation"),
    ],
    ids=["guest", "stranger", "other team", "unconfirmed", "bot", "invited"],
)
def test_an_address_vouches_for_nobody(change: dict[str, Any], said: str) -> None:
    """Whoever is found by address is trusted on the same terms as whoever is looked up by id."""
    with Workspace() as slack:
        client = SlackClient(slack.bot_token, slack.api_url)
        people = SlackWorkspace(client, OwnTeam(client))
        slack.edit_person(MAYA, **change)
        with pytest.raises(Refused, match=said):
            people.by_email("maya@example.com")


def test_somebody_elses_account_is_no_answer_to_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """A member with another address than the one asked for, or none at all, is not taken for the one meant."""
    with Workspace() as slack:
        client = SlackClient(slack.bot_token, slack.api_url)
        people = SlackWorkspace(client, OwnTeam(client))
        for answer in ({"user": GOOD}, {"user": None}, {"user": GOOD | {"id": ""}}, {}):
            monkeypatch.setattr(client, "users_lookupByEmail", lambda email, answer=answer: answer)  # noqa: ARG005 - Slack's own argument
            with pytest.raises(Unavailable):
                people.by_email("priya@example.com")


def test_failed_look_ups_are_never_answers() -> None:
    """An unknown person, a slow or broken Slack and a missing scope each have their own error."""
    with Workspace() as slack:
        client = SlackClient(slack.bot_token, slack.api_url, timeout=1)
        people = SlackWorkspace(client, OwnTeam(client))
        with pytest.raises(Missing):
            people.person("U404")
        for code, error in (("missing_scope", NotAuthorised), ("odd_code", Rejected), ("fatal_error", Unavailable)):
            slack.outages.error("users.info", code, times=1)
            with pytest.raises(error):
                people.person(MAYA)
        for code, error in (("missing_scope", NotAuthorised), ("odd_code", Rejected), ("fatal_error", Unavailable)):
            slack.outages.error("users.lookupByEmail", code, times=1)
            with pytest.raises(error):
                people.by_email("maya@example.com")
        slack.outages.rate_limit("users.info", retry_after=7, times=1)
        with pytest.raises(Unavailable) as slow:
            people.person(MAYA)
        assert slow.value.retry_after is not None
        assert slow.value.retry_after.total_seconds() == 7
        slack.outages.down()
        with pytest.raises(Unavailable):
            people.in_usergroup("S01SRELEADS", PRIYA)


def test_a_slack_that_is_away_tells_nothing_about_people() -> None:
    """Nobody listening at all is told as unavailable, for people and for groups."""
    client = SlackClient("xoxb-x", "http://127.0.0.1:9/api/", timeout=1)
    people = SlackWorkspace(client, OwnTeam(client))
    with pytest.raises(Unavailable):
        people.person(MAYA)
    with pytest.raises(Unavailable):
        people.by_email("maya@example.com")
    with pytest.raises(Unavailable):
        people.usergroup("S01SRELEADS")


def test_user_groups_are_read_live() -> None:
    """Membership in a Slack user group is asked each time; an unknown group is the operators' to put right."""
    with Workspace() as slack:
        client = SlackClient(slack.bot_token, slack.api_url)
        people = SlackWorkspace(client, OwnTeam(client))
        assert people.in_usergroup("S01SRELEADS", PRIYA)
        assert not people.in_usergroup("S01SRELEADS", MAYA)
        assert people.usergroup("S01SRELEADS") == {PRIYA, "U04TOMAS"}
        with pytest.raises(NotAuthorised):
            people.usergroup("S404")


def test_a_slack_without_auth_test_only_degrades() -> None:
    """Where the method is unknown teams are not compared; everything else that must be said still must."""
    with Workspace() as slack:
        slack.outages.unknown("auth.test")
        client = SlackClient(slack.bot_token, slack.api_url)
        team = OwnTeam(client)
        people = SlackWorkspace(client, team)
        assert people.person(MAYA).id == MAYA
        assert not team.is_due
        assert not team.known
        with pytest.raises(Refused):
            people.person("U07SVEN")


def test_a_failed_auth_test_refuses_nobody_for_good() -> None:
    """While Slack cannot say which workspace is ours nobody is trusted; once it can, it is asked no more."""
    with Workspace() as slack:
        slack.outages.error("auth.test", "fatal_error", times=2)
        client = SlackClient(slack.bot_token, slack.api_url)
        team = OwnTeam(client)
        team.learn()
        assert not team.known
        assert not team.is_due
        people = SlackWorkspace(client, team)
        with pytest.raises(Unavailable):
            people.person(MAYA)
        assert people.person(MAYA).id == MAYA
        assert team.known == TEAM
