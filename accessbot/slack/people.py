"""Slack as the source of identity: every person is looked up live, and trusted only if Slack says so in full."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Any

from accessbot import log
from accessbot.domain.errors import Refused, Unavailable, VendorError
from accessbot.domain.model import SlackPerson
from accessbot.slack.failures import UNKNOWN_METHOD, VENDOR, naming

if TYPE_CHECKING:
    from collections.abc import Callable

    from slack_sdk import WebClient

_log = log.get("accessbot.slack.people")

_PAUSE_S = 30.0
_MUST_BE_FALSE = {
    "deleted": "This Slack account is deactivated; AWS access is for active members only.",
    "is_bot": "A bot cannot hold or decide on AWS access.",
    "is_restricted": "Guests of the workspace cannot hold or decide on AWS access; ask for a full membership.",
    "is_ultra_restricted": "Guests of the workspace cannot hold or decide on AWS access; ask for a full membership.",
}
_MUST_NOT_BE_TRUE = {
    "is_stranger": "People of other organisations cannot hold or decide on AWS access here.",
    "is_invited_user": "This Slack invitation was not accepted yet; accept it and try again.",
}
_UNTOLD = "Slack does not say whether this account can be trusted, so it is not; tell your administrators."
_UNCONFIRMED = "Slack has not confirmed the email address of this account; confirm it in Slack and try again."
_NO_EMAIL = "Slack shows no email address for this account; accessbot needs the scope users:read.email and an address."
_OTHER_TEAM = "People of other workspaces cannot hold or decide on AWS access here."


class OwnTeam:
    """The id of the workspace that the bot token belongs to: asked once, then known for good."""

    def __init__(self, client: WebClient, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Ask nothing yet; `monotonic` gives seconds that only grow."""
        self._client = client
        self._monotonic = monotonic
        self._not_before = -_PAUSE_S
        self._lock = Lock()
        self._known = ""
        self._untold = False

    @property
    def known(self) -> str:
        """Give the id if it was read already, else ""; never asks."""
        return self._known

    def id(self) -> str:
        """Give the id, asking Slack the first time; "" only where this Slack has no such method.

        Raises `Unavailable` or `NotAuthorised`.
        """
        if not self._is_told():
            with self._lock:
                if not self._is_told():
                    self._ask()
        return self._known

    @property
    def is_due(self) -> bool:
        """Tell whether it is not known yet and it is time to ask."""
        return not self._is_told() and self._monotonic() >= self._not_before

    def learn(self) -> None:
        """Ask if it is not known yet, at most every half minute; a failure is logged, and asked about again later."""
        if not self.is_due:
            return
        self._not_before = self._monotonic() + _PAUSE_S
        try:
            self.id()
        except VendorError as error:
            _log.warning("which workspace is ours is not known yet", code=error.code, error=error.sentence)

    def _is_told(self) -> bool:
        return bool(self._known) or self._untold

    def _ask(self) -> None:
        try:
            with naming("auth.test"):
                team = self._client.auth_test().get("team_id")
        except VendorError as error:
            if error.code != UNKNOWN_METHOD:
                raise
            self._untold = True
            _log.warning("this Slack does not tell which workspace the token is for; teams are not compared")
            return
        if not isinstance(team, str) or not team:
            raise Unavailable(VENDOR, "auth.test", "Slack did not tell which workspace the bot token belongs to.")
        self._known = team


class SlackWorkspace:
    """The people and user groups of our own workspace; nothing is cached but which workspace is ours."""

    def __init__(self, client: WebClient, team: OwnTeam) -> None:
        """Use the given client; `team` tells which workspace is ours."""
        self._client = client
        self._team = team

    def person(self, slack_id: str) -> SlackPerson:
        """Look a person up, live.

        Raises `Refused` for anybody who is no full, active, confirmed member of our own workspace, `Missing` for an
        unknown id, `Unavailable` or `NotAuthorised` when it cannot be told.
        """
        team = self._team.id()
        with naming("users.info"):
            user = self._client.users_info(user=slack_id).get("user")
        if not isinstance(user, dict) or user.get("id") != slack_id:
            raise _somebody_else("users.info")
        return trusted(user, team)

    def by_email(self, email: str) -> SlackPerson:
        """Find the full member of our own workspace with that address, live.

        Raises as `person` does, and `Missing` (`user`) where Slack knows nobody of that address.
        """
        team = self._team.id()
        with naming("users.lookupByEmail"):
            user = self._client.users_lookupByEmail(email=email).get("user")
        if not isinstance(user, dict) or not isinstance(user.get("id"), str) or not user["id"]:
            raise _somebody_else("users.lookupByEmail")
        found = trusted(user, team)
        if found.email != email.strip().casefold():
            raise _somebody_else("users.lookupByEmail")
        return found

    def in_usergroup(self, usergroup: str, slack_id: str) -> bool:
        """Tell, live, whether a person is in a Slack user group."""
        return slack_id in self.usergroup(usergroup)

    def usergroup(self, usergroup: str) -> frozenset[str]:
        """List the Slack user ids in a user group. Raises rather than take a strange answer for an empty group."""
        with naming("usergroups.users.list"):
            users = self._client.usergroups_users_list(usergroup=usergroup).get("users")
        if not isinstance(users, list) or not all(isinstance(user, str) for user in users):
            raise Unavailable(VENDOR, "usergroups.users.list", "Slack did not list that user group; it is asked again.")
        return frozenset(users)


def _somebody_else(operation: str) -> Unavailable:
    return Unavailable(VENDOR, operation, "Slack answered about somebody else; it is asked again.")


def trusted(user: dict[str, Any], team: str) -> SlackPerson:
    """Read a user of Slack's; raises `Refused` unless all that must be there is there, and says what it must.

    `team` is the id of our own workspace; "" where Slack does not tell it.
    """
    for flag, sentence in _MUST_BE_FALSE.items():
        if user.get(flag) is True:
            raise Refused(sentence)
        if user.get(flag) is not False:
            raise Refused(_UNTOLD)
    for flag, sentence in _MUST_NOT_BE_TRUE.items():
        if user.get(flag, False) is not False:
            raise Refused(sentence)
    theirs = user.get("team_id")
    if not isinstance(theirs, str) or not theirs:
        raise Refused(_UNTOLD)
    if team and theirs != team:
        raise Refused(_OTHER_TEAM)
    if user.get("is_email_confirmed") is not True:
        raise Refused(_UNCONFIRMED)
    profile = user.get("profile")
    email = profile.get("email") if isinstance(profile, dict) else None
    if not isinstance(email, str) or "@" not in email:
        raise Refused(_NO_EMAIL)
    name = user.get("real_name") or user.get("name") or user["id"]
    timezone = user.get("tz")
    return SlackPerson(
        id=str(user["id"]),
        email=email.strip().casefold(),
        name=str(name),
        timezone=timezone if isinstance(timezone, str) and timezone else "UTC",
    )
