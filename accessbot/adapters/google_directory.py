"""Google Workspace's Directory API as the port `Directory`.

Every call is tried once; retries belong to whoever calls. A transport belongs to one thread: with a shared one, a
thread can get another thread's answer, which for a membership check would be a hole.
"""

from __future__ import annotations

import threading
from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import google_auth_httplib2
from googleapiclient.discovery import build

from accessbot.adapters.deadlines import within
from accessbot.adapters.endpoints import UnsafeEndpoint, checked_endpoint, is_loopback
from accessbot.adapters.google_answers import FAILURES, GOOGLE, Ask, Outcome, judge, malformed, named
from accessbot.adapters.google_auth import GROUP_READ, MEMBER, USER_READ, CredentialsFactory
from accessbot.adapters.google_transport import Transport
from accessbot.domain.errors import Rejected
from accessbot.domain.model import DirectoryUser, GroupMember

if TYPE_CHECKING:
    from accessbot.ports import Gate

API_URL = "https://admin.googleapis.com/"
_PAGE = 200
_MEMBERS = "admin#directory#members"
_FINE = frozenset({Outcome.DONE, Outcome.ABSENT, Outcome.OTHER_DOMAIN})

Json = dict[str, Any]


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
        self._gate = gate
        self._root = checked_endpoint(api_url or API_URL, "GOOGLE_API_URL").rstrip("/") + "/"
        self._make_credentials = credentials
        self._timeout = timeout
        self._lock = threading.Lock()
        self._service: Any = None
        self._credentials: dict[str, Any] = {}
        self._local = threading.local()

    def user(self, key: str) -> DirectoryUser:
        """Read a user by id, primary email or alias.

        Raises `Missing` (`user`), `NotAuthorised`, `Unavailable`, `Rejected`.
        """
        ask = Ask(operation="users.get", scope=USER_READ, member=key)
        answer = self._read(ask, self._api().users().get(userKey=_key(ask, key)))
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
        request = self._api().members().hasMember(groupKey=_key(ask, group), memberKey=_key(ask, email))
        answer = self._call(ask, request)
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
        answer = self._call(ask, self._api().members().get(groupKey=_key(ask, group), memberKey=_key(ask, user)))
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
        answer = self._call(ask, self._api().members().insert(groupKey=_key(ask, group), body=body))
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
        self._call(ask, self._api().members().delete(groupKey=_key(ask, group), memberKey=_key(ask, user)))

    def members(self, group: str) -> tuple[GroupMember, ...]:
        """List all direct members, every page, or raise: `Missing` (`group`), `NotAuthorised`, `Unavailable`."""
        ask = Ask(operation="members.list", scope=MEMBER, group=group)
        found: dict[str, GroupMember] = {}
        seen: set[str] = set()
        token: str | None = None
        while True:
            request = self._api().members().list(groupKey=_key(ask, group), maxResults=_PAGE, pageToken=token)
            answer = self._read(ask, request)
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

    def group_name(self, group: str) -> str:
        """Read a group's name, which sync jobs may use as the AWS display name; needs the scope of its own.

        Raises `Missing` (`group`), `NotAuthorised`, `Unavailable`, `Rejected`.
        """
        ask = Ask(operation="groups.get", scope=GROUP_READ, group=group)
        return _text(ask, self._read(ask, self._api().groups().get(groupKey=_key(ask, group))), "name")

    def warm(self) -> None:
        """Build all that the first call would build, without a call. Raises what making the credentials raises."""
        self._api()
        for scope in (USER_READ, MEMBER):
            self._http(scope)

    # --- inside

    def _read(self, ask: Ask, request: Any) -> Json:  # noqa: ANN401 - googleapiclient has no types
        answer = self._call(ask, request)
        if isinstance(answer, Outcome):
            raise malformed(ask)
        return answer

    def _call(self, ask: Ask, request: Any) -> Json | Outcome:  # noqa: ANN401 - googleapiclient has no types
        """Send one request through the gate; give its answer, or an outcome that is no error for its caller.

        What it waits for at the gate is part of the call's time.
        """
        with within(self._timeout), self._gate() if self._gate is not None else nullcontext():
            return self._send(ask, request)

    def _send(self, ask: Ask, request: Any) -> Json | Outcome:  # noqa: ANN401 - googleapiclient has no types
        try:
            answer = request.execute(http=self._http(ask.scope), num_retries=0)
        except FAILURES as error:
            verdict = judge(ask, error)
            if verdict.outcome in _FINE:
                return verdict.outcome
            raise named(ask, verdict) from error
        # googleapiclient hands over as text what it could not read as JSON.
        if answer == "":
            return {}
        if not isinstance(answer, dict):
            raise malformed(ask)
        return answer

    def _api(self) -> Any:  # noqa: ANN401 - googleapiclient has no types
        """Give the request builder, which holds no connection and may be shared."""
        with self._lock:
            if self._service is None:
                self._service = build(
                    "admin",
                    "directory_v1",
                    http=Transport(),
                    static_discovery=True,
                    cache_discovery=False,
                    client_options={"api_endpoint": self._root},
                )
            return self._service

    def _http(self, scope: str) -> Any:  # noqa: ANN401 - one of two clients of the same shape
        """Give this thread's transport for a scope."""
        own: dict[str, Any] = self._local.__dict__
        if scope not in own:
            credentials = self._credentials_for(scope)
            transport = Transport()
            own[scope] = (
                transport if credentials is None else google_auth_httplib2.AuthorizedHttp(credentials, transport)
            )
        return own[scope]

    def _credentials_for(self, scope: str) -> Any:  # noqa: ANN401 - google-auth's base class is untyped
        with self._lock:
            if scope not in self._credentials:
                made = self._make_credentials((scope,))
                if made is None and not is_loopback(self._root):
                    raise UnsafeEndpoint(
                        "Without credentials accessbot speaks to a Directory API on this machine only."
                    )
                self._credentials[scope] = made
            return self._credentials[scope]


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


def _member(ask: Ask, line: object) -> GroupMember:
    """Read one line of a member list; a member of type CUSTOMER has no address."""
    if not isinstance(line, dict):
        raise malformed(ask)
    return GroupMember(
        id=_text(ask, line, "id"), email=str(line.get("email") or "").casefold(), type=_text(ask, line, "type")
    )
