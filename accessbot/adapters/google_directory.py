"""Google Workspace's Directory API as the port `Directory`. Every call is tried once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from accessbot.adapters.endpoints import checked_endpoint
from accessbot.adapters.google_answers import GOOGLE, Ask, Outcome, judge, malformed, named
from accessbot.adapters.google_auth import GROUP_READ, MEMBER, USER_READ, CredentialsFactory
from accessbot.adapters.google_calls import GoogleCalls, Json
from accessbot.domain.errors import Ambiguous, Rejected
from accessbot.domain.model import DirectoryUser, GroupMember

if TYPE_CHECKING:
    from accessbot.ports import Gate

API_URL = "https://admin.googleapis.com/"
_PAGE = 200
_MEMBERS = "admin#directory#members"
_ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")


class GoogleDirectory:
    """The port `Directory` over google-api-python-client; safe to share over threads.

    `api_url` is the root without `admin/directory/v1` (None: Google's own). `timeout` bounds each call: nothing is
    sent once it is over. Each scope has credentials of its own, so that a missing scope turns off what needs it, and
    nothing else. `gate` stands before every call. Raises `UnsafeEndpoint` for an address that is neither https nor on
    this machine.
    """

    def __init__(
        self, api_url: str | None, credentials: CredentialsFactory, timeout: timedelta, gate: Gate | None = None
    ) -> None:
        self._calls = GoogleCalls(
            "admin",
            "directory_v1",
            root=checked_endpoint(api_url or API_URL, "GOOGLE_API_URL").rstrip("/") + "/",
            credentials=credentials,
            timeout=timeout,
            gate=gate,
            judge=judge,
            named=named,
        )

    def user(self, key: str) -> DirectoryUser:
        """Read a user by id, primary email or alias.

        Raises `Missing` (`user`), `NotAuthorised`, `Unavailable`, `Rejected`.
        """
        ask = Ask(operation="users.get", scope=USER_READ, member=key)
        answer = self._calls.read(ask, self._calls.api().users().get(userKey=_key(ask, key)))
        suspended, archived = answer.get("suspended", False), answer.get("archived", False)
        if not isinstance(suspended, bool) or not isinstance(archived, bool):
            raise malformed(ask)
        return DirectoryUser(
            id=_text(ask, answer, "id"),
            email=_text(ask, answer, "primaryEmail").casefold(),
            suspended=suspended,
            archived=archived,
        )

    def holds(self, group: str, email: str) -> bool:
        """Tell, live, whether a person is in a group, directly or nested; for other domains directly only.

        Raises `Missing` (`group`), `NotAuthorised`, `Unavailable`, `Rejected`.
        """
        ask = Ask(operation="members.hasMember", scope=MEMBER, group=group, member=email)
        request = self._calls.api().members().hasMember(groupKey=_key(ask, group), memberKey=_key(ask, email))
        answer = self._calls.send(ask, request)
        if answer is Outcome.OTHER_DOMAIN:
            return self.is_member(group, email)
        if isinstance(answer, Outcome):
            return False
        held = answer.get("isMember")
        if not isinstance(held, bool):
            raise malformed(ask)
        return held

    def is_member(self, group: str, user: str) -> bool:
        """Tell, live, whether a user (id) is a direct member.

        Raises `Missing` (`group`), `NotAuthorised`, `Unavailable`, `Rejected`; whatever is unclear raises.
        """
        ask = Ask(operation="members.get", scope=MEMBER, group=group, member=user)
        answer = self._calls.send(
            ask, self._calls.api().members().get(groupKey=_key(ask, group), memberKey=_key(ask, user))
        )
        if isinstance(answer, Outcome):
            return False
        # The answer has to be about the one who was asked for; an alias is answered with the primary address.
        if "@" not in user and answer.get("id") != user:
            raise malformed(ask)
        _text(ask, answer, "id")
        return True

    def add(self, group: str, user: DirectoryUser) -> None:
        """Make a user a direct member (role MEMBER); being one already is success. Read it back: it shows later.

        Raises `Missing` (`group` or `user`), `NotAuthorised`, `Unavailable`, `Rejected`.
        """
        ask = Ask(operation="members.insert", scope=MEMBER, group=group, member=user.email)
        body = {"email": _key(ask, user.email), "id": _key(ask, user.id), "role": "MEMBER"}
        answer = self._calls.send(ask, self._calls.api().members().insert(groupKey=_key(ask, group), body=body))
        if not isinstance(answer, Outcome) and answer.get("id", user.id) != user.id:
            raise Rejected(
                GOOGLE,
                ask.operation,
                f"Google added another account than {user.email} to {group}; have an administrator look at that group.",
            )

    def remove(self, group: str, user: str) -> None:
        """Take a user's (id) direct membership away; having none is success.

        Raises `Missing` (`group`), `NotAuthorised`, `Unavailable`, `Rejected`.
        """
        ask = Ask(operation="members.delete", scope=MEMBER, group=group, member=user)
        self._calls.send(ask, self._calls.api().members().delete(groupKey=_key(ask, group), memberKey=_key(ask, user)))

    def members(self, group: str) -> tuple[GroupMember, ...]:
        """List all direct members, every page, or raise: `Missing` (`group`), `NotAuthorised`, `Unavailable`."""
        ask = Ask(operation="members.list", scope=MEMBER, group=group)
        found: dict[str, GroupMember] = {}
        seen: set[str] = set()
        token: str | None = None
        while True:
            request = self._calls.api().members().list(groupKey=_key(ask, group), maxResults=_PAGE, pageToken=token)
            answer = self._calls.read(ask, request)
            # Google leaves an empty list out; then the kind of the answer has to say that it is a list.
            page = answer.get("members", [] if answer.get("kind") == _MEMBERS else None)
            if not isinstance(page, list):
                raise malformed(ask)
            for line in page:
                member = _member(ask, line)
                found[member.id] = member
            token = answer.get("nextPageToken")
            if not token:
                return tuple(found.values())
            if not isinstance(token, str) or token in seen:
                raise malformed(ask)
            seen.add(token)

    def manager(self, user: str) -> str | None:
        """Give the address of a user's (id or address) manager, in lower case; None where Google names none.

        Google keeps it as a relation of type `manager`, which is free text: only an address can be meant. Managers on a
        dotted line are none. Raises `Ambiguous` for several, `Rejected` for a text that is no address; `Missing`
        (`user`), `NotAuthorised`, `Unavailable`.
        """
        ask = Ask(operation="users.get", scope=USER_READ, member=user)
        request = self._calls.api().users().get(userKey=_key(ask, user), fields="id,relations(type,value)")
        answer = self._calls.read(ask, request)
        found = _text(ask, answer, "id")
        if "@" not in user and found != user:
            raise malformed(ask)
        named = _managers(ask, answer)
        if len(named) > 1:
            sentence = f"Google names several managers of {user}; have a Workspace administrator leave one."
            raise Ambiguous(GOOGLE, ask.operation, sentence)
        if named and not _ADDRESS.fullmatch(named[0]):
            sentence = (
                f"Google names a manager of {user} who is no email address; have a Workspace administrator correct it."
            )
            raise Rejected(GOOGLE, ask.operation, sentence)
        return named[0] if named else None

    def group_name(self, group: str) -> str:
        """Read a group's name, which sync jobs may use as the AWS display name; needs the scope of its own.

        Raises `Missing` (`group`), `NotAuthorised`, `Unavailable`, `Rejected`.
        """
        ask = Ask(operation="groups.get", scope=GROUP_READ, group=group)
        return _text(ask, self._calls.read(ask, self._calls.api().groups().get(groupKey=_key(ask, group))), "name")

    def warm(self) -> None:
        """Build all that the first call would build, without a call. Raises what making the credentials raises."""
        self._calls.warm(USER_READ, MEMBER)


def _key(ask: Ask, value: str) -> str:
    """Refuse an empty key, which would make the path that of another call."""
    if not value.strip():
        raise Rejected(GOOGLE, ask.operation, f"{ask.operation} was asked for without saying for whom; report this.")
    return value


def _text(ask: Ask, answer: Json, name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise malformed(ask)
    return value


def _managers(ask: Ask, answer: Json) -> list[str]:
    """List the different managers of a user as they are written, in lower case; an absent list is an empty one."""
    relations = answer.get("relations", [])
    if not isinstance(relations, list) or not all(isinstance(each, dict) for each in relations):
        raise malformed(ask)
    named = [each.get("value") for each in relations if each.get("type") == "manager"]
    if not all(isinstance(value, str) for value in named):
        raise malformed(ask)
    return list(dict.fromkeys(text for value in named if (text := str(value).strip().casefold())))


def _member(ask: Ask, line: object) -> GroupMember:
    """Read one line of a member list; a member of type CUSTOMER has no address."""
    if not isinstance(line, dict):
        raise malformed(ask)
    return GroupMember(
        id=_text(ask, line, "id"), email=str(line.get("email") or "").casefold(), type=_text(ask, line, "type")
    )
