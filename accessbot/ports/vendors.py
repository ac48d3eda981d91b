"""The vendors: Google, AWS, Slack as a directory, on-call feeds, ticket systems; and the catalog's expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from accessbot.domain.model import (
        DirectoryUser,
        GroupMember,
        PermissionSet,
        Request,
        SlackPerson,
    )
    from accessbot.domain.oncall import Schedule, Shift
    from accessbot.domain.rules import Ticket


class Directory(Protocol):
    """Google Workspace: users and group memberships. `group` is an email, `user` an immutable id unless said."""

    def warm(self) -> None:
        """Build all that the first call would have to build, without a call."""

    def user(self, key: str) -> DirectoryUser:
        """Read a user by id, primary email or alias. Raises `Missing` (`user`)."""

    def holds(self, group: str, email: str) -> bool:
        """Tell, live, whether a person is in a group, directly or nested. Raises `Missing` (`group`), never guesses."""

    def is_member(self, group: str, user: str) -> bool:
        """Tell, live, whether a user is a direct member. Raises `Missing` (`group`), never guesses."""

    def add(self, group: str, user: DirectoryUser) -> None:
        """Make a user a direct member; being one already is success. Visible later: read it back."""

    def remove(self, group: str, user: str) -> None:
        """Take a user's direct membership away; having none is success."""

    def members(self, group: str) -> tuple[GroupMember, ...]:
        """List all direct members, every page. Raises rather than give a part."""

    def manager(self, user: str) -> str | None:
        """Give the address of a user's manager as the directory tells it, in lower case; None where it names none.

        `user` is an id or an address. Raises `Missing` (`user`).
        """


class Expiry(Protocol):
    """Google's own end of a group membership, which comes even when every process of ours is gone. Optional.

    Raises `NotAuthorised` where the edition, the scope or a privilege does not allow it.
    """

    def warm(self) -> None:
        """Build all that the first call would have to build."""

    def check(self, group: str, email: str) -> None:
        """Prove, by reading alone, that a user's membership of a group can be given an end; raises why not."""

    def find(self, group: str, email: str) -> str | None:
        """Give Google's name of a direct membership; None while none is visible. Raises `Missing` (`group`)."""

    def end_at(self, membership: str, at: datetime) -> bool:
        """Have Google end a membership (by its name) at a time, not before it; False when it is there no more."""


class IdentityCenter(Protocol):
    """AWS IAM Identity Center: users, group memberships, and what a group opens."""

    def warm(self) -> None:
        """Build all that the first call would have to build; may find the instance by a call."""

    def find_user(self, email: str) -> str:
        """Give the UserId of the one user of that userName, else of that email. Raises `Missing`, `Ambiguous`."""

    def addresses(self, user_id: str) -> tuple[str, ...]:
        """Give the userName and the emails of a user; none for a user that is gone."""

    def find_group(self, name: str) -> str:
        """Give the GroupId of the one group with that GroupId or display name. Raises `Missing`, `Ambiguous`."""

    def is_member(self, group_id: str, user_id: str) -> bool:
        """Tell, live, whether a user is in a group. Raises `Missing` (`group`), never guesses."""

    def add(self, group_id: str, user_id: str) -> None:
        """Put a user into a group; being in it already is success. Raises `Missing` (`user` or `group`)."""

    def remove(self, group_id: str, user_id: str) -> None:
        """Take a user out of a group; not being in it is success."""

    def members(self, group_id: str) -> frozenset[str]:
        """List the UserIds in a group, every page. Raises rather than give a part."""

    def permission_set(self, name: str) -> PermissionSet:
        """Find the one permission set of that name. Raises `Missing` (`permission set`)."""

    def opens(self, group_id: str, accounts: Sequence[str]) -> frozenset[tuple[str, str]]:
        """List what a group opens, as (account id, permission set ARN), every page.

        Where only account-wise listing is allowed, `accounts` are the accounts looked at.
        """


class Workspace(Protocol):
    """Slack as the source of identity."""

    def person(self, slack_id: str) -> SlackPerson:
        """Look a person up, live. Raises `Refused` for a guest, stranger, bot, deactivated or unconfirmed account."""

    def in_usergroup(self, usergroup: str, slack_id: str) -> bool:
        """Tell, live, whether a person is in a Slack user group."""

    def usergroup(self, usergroup: str) -> frozenset[str]:
        """List the Slack user ids in a user group."""

    def by_email(self, email: str) -> SlackPerson:
        """Find the full member of our Slack with that address, live. Raises `Missing` (`user`), `Refused` as above."""


class Feeds(Protocol):
    """The sources of on-call schedules that are outside: iCal feeds and PagerDuty."""

    def shifts(self, schedule: Schedule, begins: datetime, ends: datetime) -> tuple[Shift, ...]:
        """Read who is on call at any time between the two, merged and in order; addresses are in lower case.

        Raises `Unavailable`, `NotAuthorised` or `Rejected` (`vendor` names the source, never its secret address) rather
        than give a part of it; an answer that is too large, or none that can be read, is `Rejected`.
        """


class Tickets(Protocol):
    """The company's own ticket system, asked whether a ticket may be used."""

    def check(self, ticket: Ticket, reference: str, request: Request) -> None:
        """Return if the ticket may be used for the request. Raises `Refused` with the system's own word if not.

        Raises `Unavailable` when it does not answer in `ticket.timeout`, `Rejected` when it answers something else.
        """


class Expressions(Protocol):
    """CEL: expressions of the catalog, and regular expressions that take no longer than linear time."""

    def holds(self, expression: str, variables: Mapping[str, object]) -> bool:
        """Evaluate an expression. Raises `Refused` when it fails or gives no bool: that is never yes and never no."""

    def find(self, pattern: str, text: str) -> str:
        """Give the first word of a text that wholly matches, punctuation around it aside; "" if there is none."""
