"""Google's Cloud Identity API as the port `Expiry`. Every call is tried once.

Only the expiry is written through it: memberships themselves come and go through the Directory API, which every edition
has. The edition that an expiry takes is the one that a look into nested groups takes, so that look proves it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from accessbot.adapters.cloud_identity_answers import CHECK, FIND, FIND_GROUP, MODIFY, judge, named
from accessbot.adapters.endpoints import checked_endpoint
from accessbot.adapters.google_answers import GOOGLE, Ask, Outcome, malformed
from accessbot.adapters.google_auth import CLOUD_GROUPS, CredentialsFactory
from accessbot.adapters.google_calls import GoogleCalls, Json
from accessbot.domain.errors import Rejected

if TYPE_CHECKING:
    from accessbot.ports import Gate

API_URL = "https://cloudidentity.googleapis.com/"
_SECOND = timedelta(seconds=1)
_GROUP = re.compile(r"groups/[^/:?#\s]+")
_MEMBERSHIP = re.compile(r"groups/[^/:?#\s]+/memberships/[^/:?#\s]+")


class GoogleExpiry:
    """The port `Expiry` over google-api-python-client; safe to share over threads.

    `api_url` is the root without `v1` (None: Google's own). `timeout` bounds each call. `gate` stands before every
    call; it should not be the Directory API's, so that trouble here holds up nothing there. Raises `UnsafeEndpoint` for
    an address that is neither https nor on this machine.
    """

    def __init__(
        self, api_url: str | None, credentials: CredentialsFactory, timeout: timedelta, gate: Gate | None = None
    ) -> None:
        self._calls = GoogleCalls(
            "cloudidentity",
            "v1",
            root=checked_endpoint(api_url or API_URL, "GOOGLE_CLOUD_IDENTITY_URL").rstrip("/") + "/",
            credentials=credentials,
            timeout=timeout,
            gate=gate,
            judge=judge,
            named=named,
        )

    def warm(self) -> None:
        """Build all that the first call would build, without a call. Raises what making the credentials raises."""
        self._calls.warm(CLOUD_GROUPS)

    def check(self, group: str, email: str) -> None:
        """Prove, by reading alone, that the scope, the privileges and the edition of a user allow an expiry in a group.

        Raises `Missing` (`group`), `NotAuthorised`, `Unavailable`, `Rejected`.
        """
        parent = self._group(group)
        ask = Ask(operation=CHECK, scope=CLOUD_GROUPS, group=group, member=_key(CHECK, email))
        if "'" in email or "\\" in email:
            raise Rejected(GOOGLE, CHECK, f"{email} cannot be asked about; name a user without quotation marks.")
        query = f"member_key_id == '{email}'"
        self._calls.send(ask, self._memberships().checkTransitiveMembership(parent=parent, query=query))

    def find(self, group: str, email: str) -> str | None:
        """Give the name `groups/…/memberships/…` of a direct membership; None while none is visible.

        Raises `Missing` (`group`), `NotAuthorised`, `Unavailable`, `Rejected`.
        """
        ask = Ask(operation=FIND, scope=CLOUD_GROUPS, group=group, member=_key(FIND, email))
        # The discovery document has a dot in these parameters' names, for which the client writes an underscore.
        request = self._memberships().lookup(parent=self._group(group), memberKey_id=email)
        answer = self._calls.send(ask, request)
        return None if isinstance(answer, Outcome) else _name(ask, answer, _MEMBERSHIP)

    def end_at(self, membership: str, at: datetime) -> bool:
        """Have the role MEMBER of a membership end at a time, rounded up to a second; False if it is not there.

        Raises `NotAuthorised`, `Unavailable`, `Rejected`.
        """
        ask = Ask(operation=MODIFY, scope=CLOUD_GROUPS, group=membership)
        if not _MEMBERSHIP.fullmatch(membership):
            raise Rejected(GOOGLE, MODIFY, f"{membership!r} is not Google's name of a membership; report this.")
        end = at.astimezone(UTC).replace(microsecond=0) + (_SECOND if at.microsecond else timedelta(0))
        role = {"name": "MEMBER", "expiryDetail": {"expireTime": end.strftime("%Y-%m-%dT%H:%M:%SZ")}}
        body = {"updateRolesParams": [{"fieldMask": "expiry_detail.expire_time", "membershipRole": role}]}
        answer = self._calls.send(ask, self._memberships().modifyMembershipRoles(name=membership, body=body))
        if isinstance(answer, Outcome):
            return False
        if abs(_end(ask, answer) - end) > _SECOND:
            raise malformed(ask)
        return True

    # --- inside

    def _group(self, group: str) -> str:
        ask = Ask(operation=FIND_GROUP, scope=CLOUD_GROUPS, group=_key(FIND_GROUP, group))
        return _name(ask, self._calls.read(ask, self._calls.api().groups().lookup(groupKey_id=group)), _GROUP)

    def _memberships(self) -> Any:  # noqa: ANN401 - googleapiclient has no types
        return self._calls.api().groups().memberships()


def _key(operation: str, value: str) -> str:
    """Refuse an empty key, which would make the call that of another thing."""
    if not value.strip():
        raise Rejected(GOOGLE, operation, f"{operation} was asked for without saying for whom; report this.")
    return value


def _name(ask: Ask, answer: Json, form: re.Pattern[str]) -> str:
    name = answer.get("name")
    if not isinstance(name, str) or not form.fullmatch(name):
        raise malformed(ask)
    return name


def _end(ask: Ask, answer: Json) -> datetime:
    """Read from the answer when the role MEMBER ends now; an answer without it is none to this call."""
    try:
        [role] = [each for each in answer["membership"]["roles"] if each["name"] == "MEMBER"]
        found = datetime.fromisoformat(role["expiryDetail"]["expireTime"])
    except (KeyError, TypeError, ValueError) as error:
        raise malformed(ask) from error
    if found.tzinfo is None:
        raise malformed(ask)
    return found
