"""AWS IAM Identity Center as the port `IdentityCenter`: the identity store's memberships, and what a group opens.

Every call is tried once; retries belong to whoever calls. "Already there" and "already gone" are successes; a missing
membership is told apart from a missing group or user, by a second look where the answer does not say.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from accessbot.adapters.aws_answers import AWS, Ask, Outcome, no_group, no_user, unusable
from accessbot.adapters.aws_calls import arns, call, pages, session_length, text
from accessbot.adapters.aws_clients import Clients, ClientSource, SessionFactory
from accessbot.adapters.deadlines import within
from accessbot.domain.errors import Ambiguous, Missing, NotAuthorised
from accessbot.domain.model import PermissionSet

if TYPE_CHECKING:
    from accessbot.ports import Gate

_SECOND_LOOK = 10  # pages of 100
NAMES_KEPT = timedelta(minutes=15)
"""How long the name of a permission set is taken as read."""

DENIAL_KEPT = timedelta(hours=1)
"""How long account-wise listing is used after AWS denied listing by principal."""

_ID = re.compile(r"([0-9a-f]{10}-)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


class AwsIdentityCenter:
    """The port `IdentityCenter` over boto3; safe to share over threads.

    `session` makes the boto3 session (region and credentials are boto3's own business). `timeout` bounds each call, and
    all calls of `is_member`, `add` and `remove` together: no write is sent once it is over. `clock` gives seconds that
    never go back, for what is remembered. `gate` stands before every call.
    """

    def __init__(
        self,
        session: SessionFactory,
        instance_arn: str | None,
        identity_store_id: str | None,
        timeout: timedelta,
        clock: Callable[[], float] = time.monotonic,
        gate: Gate | None = None,
    ) -> None:
        self._source = ClientSource(session, instance_arn, identity_store_id, timeout, gate)
        self._timeout = timeout
        self._clock = clock
        self._lock = threading.Lock()
        self._names: dict[str, tuple[str, float]] = {}  # permission set ARN -> name, until
        self._denied_until = float("-inf")

    def warm(self) -> None:
        """Build the clients, and find the instance where the settings do not name it. Raises as the look-ups do."""
        self._source.get()

    # --- look-ups

    def find_user(self, email: str) -> str:
        """Give the UserId of the one user whose userName, else whose email is `email`.

        Raises `Missing` (`user`), `Ambiguous`, `NotAuthorised`, `Unavailable`, `Rejected`.
        """
        clients = self._source.get()
        found = self._user_id(clients, "userName", email)
        if found is None and (found := self._user_id(clients, "emails.value", email)) is not None:
            # AWS keeps names and emails unique. This is a second look in case it did not, as far as it costs little.
            ask = Ask(operation="ListUsers", user=email)
            users = pages(
                ask, clients.store.list_users, "Users", most=_SECOND_LOOK, IdentityStoreId=clients.identity_store_id
            )
            _alone(ask, "user", email, [user for user in users if _has_email(user, email)])
        if found is None:
            raise no_user(Ask(operation="GetUserId", user=email))
        return found

    def addresses(self, user_id: str) -> tuple[str, ...]:
        """Give the userName and the emails of a user, as AWS writes them; none for a user that is gone.

        Raises `NotAuthorised`, `Unavailable`, `Rejected`.
        """
        clients = self._source.get()
        ask = Ask(operation="DescribeUser", user=user_id)
        user = call(ask, clients.store.describe_user, IdentityStoreId=clients.identity_store_id, UserId=user_id)
        if isinstance(user, Outcome):
            return ()
        if str(user.get("UserId")).casefold() != user_id.casefold():
            raise unusable(ask, "malformed answer")
        emails = [str(email.get("Value") or "") for email in user.get("Emails") or [] if isinstance(email, dict)]
        return tuple(dict.fromkeys(name for name in (str(user.get("UserName") or ""), *emails) if name))

    def find_group(self, name: str) -> str:
        """Give the GroupId of the one group with that GroupId or display name.

        Raises `Missing` (`group`), `Ambiguous`, `NotAuthorised`, `Unavailable`, `Rejected`.
        """
        clients = self._source.get()
        if _ID.fullmatch(name):
            return self._require_group(clients, name)
        ask = Ask(operation="GetGroupId", group=name)
        wanted = {"UniqueAttribute": {"AttributePath": "displayName", "AttributeValue": name}}
        answer = call(
            ask, clients.store.get_group_id, IdentityStoreId=clients.identity_store_id, AlternateIdentifier=wanted
        )
        if isinstance(answer, Outcome):
            raise no_group(ask)
        ask = Ask(operation="ListGroups", group=name)
        groups = pages(
            ask, clients.store.list_groups, "Groups", most=_SECOND_LOOK, IdentityStoreId=clients.identity_store_id
        )
        _alone(ask, "group", name, [group for group in groups if group.get("DisplayName") == name])
        return text(ask, answer, "GroupId")

    # --- memberships

    def is_member(self, group_id: str, user_id: str) -> bool:
        """Tell, live, whether a user is in a group.

        Raises `Missing` (`group` or `user`), `NotAuthorised`, `Unavailable`, `Rejected`; never guesses.
        """
        with within(self._timeout):
            return self._membership(self._source.get(), group_id, user_id) is not None

    def add(self, group_id: str, user_id: str) -> None:
        """Put a user into a group; being in it already is success.

        Raises `Missing` (`user` or `group`), `NotAuthorised`, `Rejected`, `Unavailable` (also when somebody else was
        changing the membership at the same time).
        """
        with within(self._timeout):
            self._add(self._source.get(), group_id, user_id)

    def remove(self, group_id: str, user_id: str) -> None:
        """Take a user out of a group; not being in it, or not existing any more, is success.

        Raises `Missing` (`group`), `NotAuthorised`, `Unavailable`, `Rejected`.
        """
        with within(self._timeout):
            self._remove(self._source.get(), group_id, user_id)

    def members(self, group_id: str) -> frozenset[str]:
        """List the UserIds in a group, every page, or raise: `Missing` (`group`), `NotAuthorised`, `Unavailable`."""
        clients = self._source.get()
        ask = Ask(operation="ListGroupMemberships", group=group_id)
        lines = pages(
            ask,
            clients.store.list_group_memberships,
            "GroupMemberships",
            IdentityStoreId=clients.identity_store_id,
            GroupId=group_id,
        )
        found = set()
        for line in lines:
            member = line.get("MemberId")
            if not isinstance(member, dict):
                raise unusable(ask, "malformed answer")
            found.add(text(ask, member, "UserId"))
        return frozenset(found)

    # --- what a group opens

    def permission_set(self, name: str) -> PermissionSet:
        """Find the one permission set of that name; its session duration is read afresh, names are kept 15 minutes.

        Raises `Missing` (`permission set`), `NotAuthorised`, `Unavailable`, `Rejected`.
        """
        clients = self._source.get()
        for arn in self._known(name):
            found = self._describe(clients, arn)
            if found is not None and found.name == name:
                return found
        ask = Ask(operation="ListPermissionSets")
        for arn in arns(ask, clients.sso.list_permission_sets, InstanceArn=clients.instance_arn):
            if self._is_other(arn, name):
                continue
            found = self._describe(clients, arn)
            if found is not None and found.name == name:
                return found
        sentence = f"AWS has no permission set named {name}; correct the catalog or have it created."
        raise Missing(AWS, ask.operation, sentence, what="permission set")

    def opens(self, group_id: str, accounts: Sequence[str]) -> frozenset[tuple[str, str]]:
        """List what a group opens, as (account id, permission set ARN), every page.

        Listing by principal is allowed in the management account only; where AWS denies it, the `accounts` are looked
        through one by one, and for the next hour at once. Raises `NotAuthorised`, `Unavailable`, `Missing`, `Rejected`.
        """
        clients = self._source.get()
        if self._clock() >= self._denied_until:
            try:
                return self._opened_by(clients, group_id)
            except NotAuthorised as refused:
                if not refused.code.startswith("AccessDenied"):
                    raise
                self._denied_until = self._clock() + DENIAL_KEPT.total_seconds()
        found = set()
        for account in dict.fromkeys(accounts):
            found |= self._opened_in(clients, group_id, account)
        return frozenset(found)

    # --- inside

    def _user_id(self, clients: Clients, path: str, value: str) -> str | None:
        ask = Ask(operation="GetUserId", user=value)
        wanted = {"UniqueAttribute": {"AttributePath": path, "AttributeValue": value}}
        answer = call(
            ask, clients.store.get_user_id, IdentityStoreId=clients.identity_store_id, AlternateIdentifier=wanted
        )
        return None if isinstance(answer, Outcome) else text(ask, answer, "UserId")

    def _add(self, clients: Clients, group_id: str, user_id: str) -> None:
        ask = Ask(operation="CreateGroupMembership", group=group_id, user=user_id)
        answer = call(
            ask,
            clients.store.create_group_membership,
            IdentityStoreId=clients.identity_store_id,
            GroupId=group_id,
            MemberId={"UserId": user_id},
        )
        if answer is Outcome.CONFLICT:
            # "Is a member already" and "is being changed right now" come under the same name.
            if self._membership(clients, group_id, user_id) is None:
                raise unusable(ask, "ConflictException")
        elif isinstance(answer, Outcome):
            self._require_group(clients, group_id)
            raise no_user(ask)
        else:
            text(ask, answer, "MembershipId")

    def _remove(self, clients: Clients, group_id: str, user_id: str) -> None:
        try:
            membership = self._membership(clients, group_id, user_id)
        except Missing as missing:
            if missing.what != "user":
                raise
            return
        if membership is None:
            return
        ask = Ask(operation="DeleteGroupMembership", group=group_id, user=user_id)
        call(
            ask,
            clients.store.delete_group_membership,
            IdentityStoreId=clients.identity_store_id,
            MembershipId=membership,
        )

    def _membership(self, clients: Clients, group_id: str, user_id: str) -> str | None:
        """Give the id of a membership, None if group and user exist and it does not."""
        ask = Ask(operation="GetGroupMembershipId", group=group_id, user=user_id)
        answer = call(
            ask,
            clients.store.get_group_membership_id,
            IdentityStoreId=clients.identity_store_id,
            GroupId=group_id,
            MemberId={"UserId": user_id},
        )
        if answer is Outcome.UNSAID:
            self._require_group(clients, group_id)
            return None
        return None if isinstance(answer, Outcome) else text(ask, answer, "MembershipId")

    def _require_group(self, clients: Clients, group_id: str) -> str:
        """Give the id of a group as AWS writes it; raise `Missing` if there is none."""
        ask = Ask(operation="DescribeGroup", group=group_id)
        answer = call(ask, clients.store.describe_group, IdentityStoreId=clients.identity_store_id, GroupId=group_id)
        found = "" if isinstance(answer, Outcome) else text(ask, answer, "GroupId")
        if found.casefold() != group_id.casefold():
            raise unusable(ask, "malformed answer")
        return found

    def _describe(self, clients: Clients, arn: str) -> PermissionSet | None:
        """Read a permission set and keep its name; None if it is gone."""
        ask = Ask(operation="DescribePermissionSet")
        answer = call(ask, clients.sso.describe_permission_set, InstanceArn=clients.instance_arn, PermissionSetArn=arn)
        if isinstance(answer, Outcome):
            with self._lock:
                self._names.pop(arn, None)
            return None
        told = answer.get("PermissionSet")
        if not isinstance(told, dict) or told.get("PermissionSetArn") != arn:
            raise unusable(ask, "malformed answer")
        name = text(ask, told, "Name")
        with self._lock:
            self._names[arn] = (name, self._clock() + NAMES_KEPT.total_seconds())
        return PermissionSet(
            arn=arn, name=name, session=session_length(ask, str(told.get("SessionDuration") or "PT1H"))
        )

    def _known(self, name: str) -> list[str]:
        now = self._clock()
        with self._lock:
            return [arn for arn, (known, until) in self._names.items() if known == name and now < until]

    def _is_other(self, arn: str, name: str) -> bool:
        with self._lock:
            known, until = self._names.get(arn, (name, float("-inf")))
        return known != name and self._clock() < until

    def _opened_by(self, clients: Clients, group_id: str) -> frozenset[tuple[str, str]]:
        ask = Ask(operation="ListAccountAssignmentsForPrincipal", group=group_id)
        lines = pages(
            ask,
            clients.sso.list_account_assignments_for_principal,
            "AccountAssignments",
            InstanceArn=clients.instance_arn,
            PrincipalId=group_id,
            PrincipalType="GROUP",
        )
        return frozenset(
            (text(ask, line, "AccountId"), text(ask, line, "PermissionSetArn"))
            for line in lines
            if line.get("PrincipalId", group_id) == group_id
        )

    def _opened_in(self, clients: Clients, group_id: str, account: str) -> set[tuple[str, str]]:
        ask = Ask(operation="ListPermissionSetsProvisionedToAccount", group=group_id)
        listed = arns(
            ask,
            clients.sso.list_permission_sets_provisioned_to_account,
            InstanceArn=clients.instance_arn,
            AccountId=account,
        )
        found = set()
        for arn in listed:
            each = Ask(operation="ListAccountAssignments", group=group_id)
            lines = pages(
                each,
                clients.sso.list_account_assignments,
                "AccountAssignments",
                InstanceArn=clients.instance_arn,
                AccountId=account,
                PermissionSetArn=arn,
            )
            if any(line.get("PrincipalType") == "GROUP" and line.get("PrincipalId") == group_id for line in lines):
                found.add((account, arn))
        return found


def _has_email(user: dict[str, Any], email: str) -> bool:
    emails = user.get("Emails") or []
    return any(str(each.get("Value", "")).casefold() == email.casefold() for each in emails)


def _alone(ask: Ask, what: str, name: str, fitting: list[dict[str, Any]]) -> None:
    """Refuse a look-up that fits more than one."""
    if len(fitting) > 1:
        sentence = (
            f"AWS has {len(fitting)} {what}s that {name} may mean; ask your AWS administrator to tell them apart."
        )
        raise Ambiguous(AWS, ask.operation, sentence)
