"""The Identity Store calls of the AWS stand-in: request and answer members as botocore's model names them."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING, Any

from accessbot.sandbox.aws_store import AwsError, absent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from accessbot.sandbox.aws_store import IdentityStore, StoreGroup, StoreMembership, StoreUser

_MOST = 100  # of results a page, and of groups in IsMemberInGroups


def page(items: Sequence[tuple[str, dict[str, Any]]], sent: dict[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
    """One page of `(id, answer member)`, at most 100. Raises ValidationException for a bad size or token."""
    size = sent.get("MaxResults", _MOST)
    if not isinstance(size, int) or not 1 <= size <= _MOST:
        raise AwsError("ValidationException", "MaxResults must be between 1 and 100.")
    start = 0
    if token := sent.get("NextToken"):
        try:
            last = urlsafe_b64decode(token).decode()
        except (Base64Error, UnicodeDecodeError, ValueError) as error:
            raise AwsError("ValidationException", "The NextToken is not valid.") from error
        order, _, last_id = last.partition(":")
        known = [index for index, (id_, _) in enumerate(items) if id_ == last_id]
        # The last one seen may have gone in between: then go on at the place where it stood.
        start = known[0] + 1 if known else min(int(order) if order.isdigit() else 0, len(items))
    rows = items[start : start + size]
    more = None
    if start + size < len(items):
        more = urlsafe_b64encode(f"{start + size - 1}:{rows[-1][0]}".encode()).decode()
    return [answer for _, answer in rows], more


def bare(identifier: object) -> str:
    """An id, from an id or an ARN. Raises ValidationException for anything but a string."""
    if not isinstance(identifier, str) or not identifier:
        raise AwsError("ValidationException", "An identifier is required.")
    return identifier.rpartition("/")[2]


class IdentityCalls:
    """Runs one operation by name. `caller` is the ARN that CreatedBy shows."""

    def __init__(self, store: IdentityStore, caller: str, removed: Callable[[StoreMembership], None]) -> None:
        self._store = store
        self._caller = caller
        self._removed = removed
        self._operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "CreateUser": self._create_user,
            "DescribeUser": lambda sent: self._user(store.user(bare(sent.get("UserId")))),
            "GetUserId": self._get_user_id,
            "ListUsers": self._list_users,
            "DeleteUser": self._delete_user,
            "CreateGroup": self._create_group,
            "DescribeGroup": lambda sent: self._group(store.group(bare(sent.get("GroupId")))),
            "GetGroupId": self._get_group_id,
            "ListGroups": self._list_groups,
            "DeleteGroup": self._delete_group,
            "CreateGroupMembership": self._create_membership,
            "DescribeGroupMembership": lambda sent: self._membership(store.membership(bare(sent.get("MembershipId")))),
            "GetGroupMembershipId": self._get_membership_id,
            "DeleteGroupMembership": self._delete_membership,
            "ListGroupMemberships": self._list_memberships,
            "ListGroupMembershipsForMember": self._list_memberships_for_member,
            "IsMemberInGroups": self._is_member_in_groups,
        }

    def run(self, operation: str, sent: dict[str, Any]) -> dict[str, Any]:
        """Raises AwsError; UnknownOperationException for a call this store does not have."""
        known = self._operations.get(operation)
        if known is None:
            raise AwsError("UnknownOperationException", f"The stand-in has no {operation}.")
        asked = bare(sent.get("IdentityStoreId"))
        if asked != self._store.id:
            raise absent("IDENTITY_STORE", asked)
        return known(sent)

    # ---- users

    def _create_user(self, sent: dict[str, Any]) -> dict[str, Any]:
        name = sent.get("Name") or {}
        user_name = sent.get("UserName")
        missing = [
            attribute
            for attribute, value in (
                ("userName", user_name),
                ("name.givenName", name.get("GivenName")),
                ("name.familyName", name.get("FamilyName")),
                ("displayName", sent.get("DisplayName")),
            )
            if not value
        ]
        if missing or not isinstance(user_name, str):
            raise AwsError("ValidationException", f"Required attributes are missing: {', '.join(missing)}")
        emails = tuple(each["Value"] for each in sent.get("Emails") or () if each.get("Value"))
        made = self._store.create_user(
            user_name, name=f"{name['GivenName']} {name['FamilyName']}", emails=emails, by=self._caller
        )
        return self._keys(UserId=made.id, UserArn=_arn("user", made.id))

    def _get_user_id(self, sent: dict[str, Any]) -> dict[str, Any]:
        path, value = _unique_attribute(sent)
        if path.casefold() == "username":
            found = self._store.find_user(user_name=value)
        elif path.casefold() == "emails.value":
            found = self._store.find_user(email=value)
        else:
            raise AwsError("ValidationException", f"The attribute {path} is not a unique attribute.")
        return self._keys(UserId=found.id, UserArn=_arn("user", found.id))

    def _list_users(self, sent: dict[str, Any]) -> dict[str, Any]:
        users = self._store.users()
        for wanted in sent.get("Filters") or ():
            if wanted.get("AttributePath") != "UserName":
                raise AwsError("ValidationException", "The only filter for users is UserName.")
            users = [user for user in users if user.user_name == wanted.get("AttributeValue")]
        return _listing("Users", *page([(user.id, self._user(user)) for user in users], sent))

    def _delete_user(self, sent: dict[str, Any]) -> dict[str, Any]:
        self._store.delete_user(bare(sent.get("UserId")))
        return {}

    # ---- groups

    def _create_group(self, sent: dict[str, Any]) -> dict[str, Any]:
        name = sent.get("DisplayName")
        if not isinstance(name, str) or not name:
            raise AwsError("ValidationException", "displayName is a required attribute")
        made = self._store.create_group(name, sent.get("Description") or "", by=self._caller)
        return self._keys(GroupId=made.id, GroupArn=_arn("group", made.id))

    def _get_group_id(self, sent: dict[str, Any]) -> dict[str, Any]:
        path, value = _unique_attribute(sent)
        if path.casefold() != "displayname":
            raise AwsError("ValidationException", f"The attribute {path} is not a unique attribute.")
        found = self._store.find_group(value)
        return self._keys(GroupId=found.id, GroupArn=_arn("group", found.id))

    def _list_groups(self, sent: dict[str, Any]) -> dict[str, Any]:
        groups = self._store.groups()
        for wanted in sent.get("Filters") or ():
            if wanted.get("AttributePath") != "DisplayName":
                raise AwsError("ValidationException", "The only filter for groups is DisplayName.")
            groups = [group for group in groups if group.display_name == wanted.get("AttributeValue")]
        return _listing("Groups", *page([(group.id, self._group(group)) for group in groups], sent))

    def _delete_group(self, sent: dict[str, Any]) -> dict[str, Any]:
        self._store.delete_group(bare(sent.get("GroupId")))
        return {}

    # ---- memberships

    def _create_membership(self, sent: dict[str, Any]) -> dict[str, Any]:
        made = self._store.create_membership(bare(sent.get("GroupId")), _member(sent), by=self._caller)
        return self._keys(MembershipId=made.id, MembershipArn=_arn("membership", made.id))

    def _get_membership_id(self, sent: dict[str, Any]) -> dict[str, Any]:
        found = self._store.find_membership(bare(sent.get("GroupId")), _member(sent))
        return self._keys(MembershipId=found.id, MembershipArn=_arn("membership", found.id))

    def _delete_membership(self, sent: dict[str, Any]) -> dict[str, Any]:
        self._removed(self._store.delete_membership(bare(sent.get("MembershipId")), by=self._caller))
        return {}

    def _list_memberships(self, sent: dict[str, Any]) -> dict[str, Any]:
        found = self._store.memberships_of_group(bare(sent.get("GroupId")))
        return _listing("GroupMemberships", *page([(each.id, self._membership(each)) for each in found], sent))

    def _list_memberships_for_member(self, sent: dict[str, Any]) -> dict[str, Any]:
        found = self._store.memberships_of_user(_member(sent))
        return _listing("GroupMemberships", *page([(each.id, self._membership(each)) for each in found], sent))

    def _is_member_in_groups(self, sent: dict[str, Any]) -> dict[str, Any]:
        asked = sent.get("GroupIds")
        if not isinstance(asked, list) or not 1 <= len(asked) <= _MOST:
            raise AwsError("ValidationException", "GroupIds must name 1 to 100 groups.")
        user_id = _member(sent)
        held = {each.group_id for each in self._store.memberships_of_user(user_id)}
        groups = [self._store.group(bare(each)).id for each in asked]
        return {
            "Results": [
                {"GroupId": group, "MemberId": {"UserId": user_id}, "MembershipExists": group in held}
                for group in groups
            ]
        }

    # ---- answer members

    def _keys(self, **members: object) -> dict[str, Any]:
        return {"IdentityStoreId": self._store.id, **members}

    def _user(self, user: StoreUser) -> dict[str, Any]:
        return self._keys(
            UserId=user.id,
            UserArn=_arn("user", user.id),
            UserName=user.user_name,
            Name={"GivenName": user.given_name, "FamilyName": user.family_name},
            DisplayName=user.display_name,
            Emails=[{"Value": email, "Type": "work", "Primary": index == 0} for index, email in enumerate(user.emails)],
            UserStatus="ENABLED",
            **_stamps(user),
        )

    def _group(self, group: StoreGroup) -> dict[str, Any]:
        return self._keys(
            GroupId=group.id,
            GroupArn=_arn("group", group.id),
            DisplayName=group.display_name,
            Description=group.description,
            **_stamps(group),
        )

    def _membership(self, membership: StoreMembership) -> dict[str, Any]:
        return self._keys(
            MembershipId=membership.id,
            MembershipArn=_arn("membership", membership.id),
            GroupId=membership.group_id,
            MemberId={"UserId": membership.user_id},
            **_stamps(membership),
        )


def _arn(kind: str, id_: str) -> str:
    return f"arn:aws:identitystore:::{kind}/{id_}"


def _stamps(thing: StoreUser | StoreGroup | StoreMembership) -> dict[str, Any]:
    at = thing.created_at.timestamp()
    return {"CreatedAt": at, "UpdatedAt": at, "CreatedBy": thing.created_by, "UpdatedBy": thing.created_by}


def _listing(name: str, rows: list[dict[str, Any]], more: str | None) -> dict[str, Any]:
    return {name: rows} | ({"NextToken": more} if more else {})


def _member(sent: dict[str, Any]) -> str:
    member = sent.get("MemberId")
    return bare(member.get("UserId") if isinstance(member, dict) else None)


def _unique_attribute(sent: dict[str, Any]) -> tuple[str, str]:
    unique = (sent.get("AlternateIdentifier") or {}).get("UniqueAttribute")
    if not isinstance(unique, dict):
        raise AwsError("ValidationException", "The stand-in looks up by UniqueAttribute only.")
    path, value = unique.get("AttributePath"), unique.get("AttributeValue")
    if not isinstance(path, str) or not isinstance(value, str) or not value:
        raise AwsError("ValidationException", "attribute value cannot be empty or null")
    return path, value
