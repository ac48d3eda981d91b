"""Who is in the sandbox workspace: people, channels and user groups, read from a file a person can edit."""

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

DEFAULT_CAST = Path(__file__).with_name("people.toml")


class CastError(ValueError):
    """The cast file cannot be used; the sentence names the entry and what is wrong with it."""


@dataclass(slots=True)
class Person:
    """One Slack account. The flags are those Slack shows in `users.info`."""

    id: str
    name: str
    real_name: str
    email: str
    role: str = "requester"
    about: str = ""
    display_name: str = ""
    tz: str = "Europe/Berlin"
    team_id: str = "T01EXAMPLE"
    is_email_confirmed: bool = True
    deleted: bool = False
    is_bot: bool = False
    is_admin: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    is_invited_user: bool = False

    def to_slack(self) -> dict[str, Any]:
        """Return the user object of `users.info`; `is_stranger` and `is_invited_user` are there only when true."""
        profile: dict[str, Any] = {
            "real_name": self.real_name,
            "real_name_normalized": self.real_name,
            "display_name": self.display_name or self.name,
            "display_name_normalized": self.display_name or self.name,
            "team": self.team_id,
        }
        if self.email:
            profile["email"] = self.email
        user: dict[str, Any] = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "real_name": self.real_name,
            "deleted": self.deleted,
            "tz": self.tz,
            "profile": profile,
            "is_admin": self.is_admin,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "is_email_confirmed": self.is_email_confirmed,
            "updated": 0,
        }
        if self.is_stranger:
            user["is_stranger"] = True
        if self.is_invited_user:
            user["is_invited_user"] = True
        return user


@dataclass(slots=True)
class Channel:
    """A channel, or (`im_of` set) the direct messages between one person and the app."""

    id: str
    name: str
    members: list[str] = field(default_factory=list)
    topic: str = ""
    archived: bool = False
    private: bool = False
    im_of: str | None = None

    def to_slack(self) -> dict[str, Any]:
        """Return the conversation object of `conversations.info`."""
        if self.im_of is not None:
            return {"id": self.id, "is_im": True, "user": self.im_of, "is_archived": False, "is_open": True}
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.private,
            "is_group": False,
            "is_im": False,
            "is_mpim": False,
            "is_private": self.private,
            "is_archived": self.archived,
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
        }


@dataclass(slots=True)
class UserGroup:
    """A Slack user group (`@handle`)."""

    id: str
    handle: str
    name: str
    members: list[str] = field(default_factory=list)

    def to_slack(self, team_id: str, *, with_users: bool) -> dict[str, Any]:
        """Return the object of `usergroups.list`."""
        group: dict[str, Any] = {
            "id": self.id,
            "team_id": team_id,
            "is_usergroup": True,
            "name": self.name,
            "handle": self.handle,
            "date_delete": 0,
            "user_count": len(self.members),
        }
        if with_users:
            group["users"] = list(self.members)
        return group


@dataclass(slots=True)
class Cast:
    """Everything a workspace starts with."""

    team_id: str
    team_name: str
    team_domain: str
    people: list[Person]
    channels: list[Channel]
    user_groups: list[UserGroup]

    @property
    def bot(self) -> Person:
        """The app's own user."""
        return next(person for person in self.people if person.is_bot)


Entry = TypeVar("Entry", Person, Channel, UserGroup)


def load_cast(path: Path = DEFAULT_CAST) -> Cast:
    """Read a cast file (TOML, see `people.toml`).

    Raises:
        CastError: an entry has an unknown or missing field, an id is used twice, a member does not exist,
            or there is not exactly one bot.
    """
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    team = raw.get("team", {})
    cast = Cast(
        team_id=team.get("id", "T01EXAMPLE"),
        team_name=team.get("name", "Example Corp"),
        team_domain=team.get("domain", "example"),
        people=[_build(Person, entry) for entry in raw.get("person", [])],
        channels=[_build(Channel, entry) for entry in raw.get("channel", [])],
        user_groups=[_build(UserGroup, entry) for entry in raw.get("user_group", [])],
    )
    check_cast(cast)
    return cast


def check_cast(cast: Cast) -> None:
    """Refuse a cast that contradicts itself.

    Raises:
        CastError: see `load_cast`.
    """
    places: list[Channel | UserGroup] = [*cast.channels, *cast.user_groups]
    known = {person.id for person in cast.people}
    ids = [*(person.id for person in cast.people), *(place.id for place in places)]
    for thing in ids:
        if ids.count(thing) > 1:
            raise CastError(f"{thing} is used twice; give every person, channel and user group its own id")
    for place in places:
        for member in place.members:
            if member not in known:
                raise CastError(f"{member} is a member of {place.id} but not a person; add the person or remove it")
    if sum(person.is_bot for person in cast.people) != 1:
        raise CastError("the workspace needs exactly one person with is_bot = true: the app itself")


def _build(kind: type[Entry], entry: dict[str, Any]) -> Entry:
    """Make a record of one table of the file, naming the field when one is wrong."""
    unknown = set(entry) - {f.name for f in fields(kind)}
    if unknown:
        raise CastError(f"{kind.__name__} {entry.get('id', '?')} has no field {', '.join(sorted(unknown))}")
    try:
        return kind(**entry)
    except TypeError as error:
        raise CastError(f"{kind.__name__} {entry.get('id', '?')} is incomplete: {error}") from error
