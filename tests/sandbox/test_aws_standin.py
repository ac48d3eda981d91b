"""The AWS stand-in, driven by the real boto3."""

# ruff: noqa: ANN401 - the real clients are made at run time and have no types of their own

from __future__ import annotations

import time
from typing import Any

import pytest

from accessbot.sandbox.aws import Aws
from tests.sandbox.aws_clients import ACCOUNT, ADA, GROUP, client, keys, refused


def test_membership_lives_from_create_to_delete(aws: Aws, store: Any) -> None:
    """A membership can be read in every way after its creation, with who made it and when, and is gone after."""
    which = keys(aws, store)
    made = store.create_group_membership(**which)["MembershipId"]
    described = store.describe_group_membership(IdentityStoreId=aws.identity_store_id, MembershipId=made)
    assert described["MemberId"] == which["MemberId"]
    assert described["CreatedBy"] == client(aws, "sts").get_caller_identity()["Arn"]
    assert abs(described["CreatedAt"].timestamp() - time.time()) < 60
    assert store.get_group_membership_id(**which)["MembershipId"] == made
    assert described["MembershipArn"] == f"arn:aws:identitystore:::membership/{made}"
    asked = store.is_member_in_groups(
        IdentityStoreId=aws.identity_store_id, MemberId=which["MemberId"], GroupIds=[which["GroupId"]]
    )
    assert asked["Results"][0]["MembershipExists"] is True
    listed = store.list_group_memberships(IdentityStoreId=aws.identity_store_id, GroupId=which["GroupId"])
    assert [each["MembershipId"] for each in listed["GroupMemberships"]] == [made]
    of_user = store.list_group_memberships_for_member(IdentityStoreId=aws.identity_store_id, MemberId=which["MemberId"])
    assert [each["GroupId"] for each in of_user["GroupMemberships"]] == [which["GroupId"]]
    assert aws.memberships() == {GROUP: {ADA}}
    store.delete_group_membership(IdentityStoreId=aws.identity_store_id, MembershipId=made)
    assert refused(store.get_group_membership_id, **which)["ResourceType"] == "GROUP_MEMBERSHIP"
    assert aws.memberships() == {GROUP: set()}


def test_second_create_conflicts(aws: Aws, store: Any) -> None:
    """A second creation is a ConflictException that says why."""
    which = keys(aws, store)
    store.create_group_membership(**which)
    error = refused(store.create_group_membership, **which)
    assert (error["Code"], error["Reason"], error["Status"]) == (
        "ConflictException",
        "UNIQUENESS_CONSTRAINT_VIOLATION",
        400,
    )
    with pytest.raises(store.exceptions.ConflictException):
        store.create_group_membership(**which)


def test_second_delete_is_not_found(aws: Aws, store: Any) -> None:
    """A second delete is a ResourceNotFoundException that names the kind of thing."""
    which = keys(aws, store)
    made = store.create_group_membership(**which)["MembershipId"]
    delete = {"IdentityStoreId": aws.identity_store_id, "MembershipId": made}
    store.delete_group_membership(**delete)
    error = refused(store.delete_group_membership, **delete)
    assert (error["Code"], error["ResourceType"]) == ("ResourceNotFoundException", "GROUP_MEMBERSHIP")


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"GroupId": "00000000-0000-0000-0000-000000000000"}, "GROUP"),
        ({"MemberId": {"UserId": "00000000-0000-0000-0000-000000000000"}}, "USER"),
        ({"IdentityStoreId": "d-0000000000"}, "IDENTITY_STORE"),
    ],
)
def test_unknown_things_are_not_found(aws: Aws, store: Any, change: dict[str, Any], kind: str) -> None:
    """An unknown group, user or store is a ResourceNotFoundException that names which."""
    for call in (store.create_group_membership, store.get_group_membership_id):
        error = refused(call, **{**keys(aws, store), **change})
        assert (error["Code"], error["ResourceType"]) == ("ResourceNotFoundException", kind)


def test_users_are_found_by_name_or_email(aws: Aws, store: Any) -> None:
    """GetUserId takes userName or any email, exactly as written unless case is ignored, and no other attribute."""
    bob = aws.add_user("bob", emails=("Bob@example.com", "bob@old.example.com"))

    def find(path: str, value: str) -> str:
        unique = {"UniqueAttribute": {"AttributePath": path, "AttributeValue": value}}
        found = store.get_user_id(IdentityStoreId=aws.identity_store_id, AlternateIdentifier=unique)
        return str(found["UserId"])

    assert find("userName", "bob") == find("emails.value", "bob@old.example.com") == bob.id
    assert refused(find, path="emails.value", value="bob@example.com")["ResourceType"] == "USER"
    assert refused(find, path="displayName", value="Bob")["Code"] == "ValidationException"
    aws.store.ignore_case = True
    assert find("emails.value", "BOB@example.com") == find("userName", "BOB") == bob.id


def test_lists_page_by_a_hundred(aws: Aws, store: Any) -> None:
    """Memberships come in pages of at most 100, users and groups too."""
    for number in range(205):
        aws.add_user(f"u{number}@example.com")
        aws.add_member(GROUP, f"u{number}@example.com")
    group = keys(aws, store)["GroupId"]
    pages = list(
        store.get_paginator("list_group_memberships").paginate(IdentityStoreId=aws.identity_store_id, GroupId=group)
    )
    assert [len(each["GroupMemberships"]) for each in pages] == [100, 100, 5]
    assert len({each["MembershipId"] for one in pages for each in one["GroupMemberships"]}) == 205
    users = list(store.get_paginator("list_users").paginate(IdentityStoreId=aws.identity_store_id))
    assert [len(each["Users"]) for each in users] == [100, 100, 6]


def test_paging_survives_a_member_leaving_in_between(aws: Aws, store: Any) -> None:
    """A membership removed between two pages, even the last one seen, hides no other."""
    names = [f"u{number}@example.com" for number in range(4)]
    for name in names:
        aws.add_user(name)
        aws.add_member(GROUP, name)
    ask = {"IdentityStoreId": aws.identity_store_id, "GroupId": keys(aws, store)["GroupId"], "MaxResults": 2}
    first = store.list_group_memberships(**ask)
    aws.remove_member(GROUP, names[1])
    second = store.list_group_memberships(**ask, NextToken=first["NextToken"])
    seen = {each["MemberId"]["UserId"] for each in first["GroupMemberships"] + second["GroupMemberships"]}
    assert len(seen) == 4


def test_a_hundred_groups_are_asked_at_once(aws: Aws, store: Any) -> None:
    """IsMemberInGroups takes 100 groups, refuses 101 and unknown ones."""
    which = keys(aws, store)
    store.create_group_membership(**which)
    others = [aws.add_group(f"g{number}").id for number in range(100)]
    ask = {"IdentityStoreId": aws.identity_store_id, "MemberId": which["MemberId"]}
    results = store.is_member_in_groups(**ask, GroupIds=[which["GroupId"], *others[:99]])["Results"]
    assert [each["MembershipExists"] for each in results] == [True] + [False] * 99
    assert refused(store.is_member_in_groups, **ask, GroupIds=[which["GroupId"], *others])["Code"] == (
        "ValidationException"
    )


def test_users_and_groups_through_the_api(aws: Aws, store: Any) -> None:
    """Users and groups can be created, described and deleted through the API; duplicates conflict."""
    common = {"IdentityStoreId": aws.identity_store_id}
    new = {
        "UserName": "eve@example.com",
        "Name": {"GivenName": "Eve", "FamilyName": "X"},
        "DisplayName": "Eve X",
        "Emails": [{"Value": "eve@example.com", "Primary": True}],
    }
    user = store.create_user(**common, **new)["UserId"]
    assert store.describe_user(**common, UserId=user)["Emails"][0]["Value"] == "eve@example.com"
    assert refused(store.create_user, **common, **new)["Reason"] == "UNIQUENESS_CONSTRAINT_VIOLATION"
    assert refused(store.create_user, **common, UserName="x")["Code"] == "ValidationException"
    group = store.create_group(**common, DisplayName="team", Description="A team")["GroupId"]
    assert store.describe_group(**common, GroupId=f"arn:aws:identitystore:::group/{group}")["DisplayName"] == "team"
    assert refused(store.create_group, **common, DisplayName="team")["Code"] == "ConflictException"
    store.create_group_membership(**common, GroupId=group, MemberId={"UserId": user})
    store.delete_user(**common, UserId=user)
    assert aws.memberships()["team"] == set()
    store.delete_group(**common, GroupId=group)
    assert refused(store.delete_group, **common, GroupId=group)["ResourceType"] == "GROUP"


def test_the_instance_is_found_in_its_region_only(aws: Aws, sso: Any) -> None:
    """ListInstances shows the instance and its store in its own region, and nothing in another."""
    (instance,) = sso.list_instances()["Instances"]
    assert (instance["InstanceArn"], instance["IdentityStoreId"]) == (aws.instance_arn, aws.identity_store_id)
    assert instance["OwnerAccountId"] == aws.account_id == client(aws, "sts").get_caller_identity()["Account"]
    assert client(aws, "sso-admin", region="eu-west-1").list_instances()["Instances"] == []
    elsewhere = client(aws, "identitystore", region="eu-west-1")
    assert refused(elsewhere.list_users, IdentityStoreId=aws.identity_store_id)["ResourceType"] == "IDENTITY_STORE"


def test_assignments_say_which_group_opens_what(aws: Aws, store: Any, sso: Any) -> None:
    """A permission set shows its session duration, an account its groups, a group its accounts."""
    common = {"InstanceArn": aws.instance_arn}
    (arn,) = sso.list_permission_sets(**common)["PermissionSets"]
    assert arn.startswith("arn:aws:sso:::permissionSet/ssoins-")
    described = sso.describe_permission_set(**common, PermissionSetArn=arn)["PermissionSet"]
    assert (described["Name"], described["SessionDuration"]) == ("AdministratorAccess", "PT2H")
    group = keys(aws, store)["GroupId"]
    row = {"AccountId": ACCOUNT, "PermissionSetArn": arn, "PrincipalType": "GROUP", "PrincipalId": group}
    ask = {**common, "AccountId": ACCOUNT, "PermissionSetArn": arn}
    assert sso.list_account_assignments(**ask)["AccountAssignments"] == [row]
    assert sso.list_account_assignments(**{**ask, "AccountId": "999999999999"})["AccountAssignments"] == []
    principal = {**common, "PrincipalId": group, "PrincipalType": "GROUP"}
    assert sso.list_account_assignments_for_principal(**principal)["AccountAssignments"] == [row]
    provisioned = sso.list_permission_sets_provisioned_to_account(**common, AccountId=ACCOUNT)["PermissionSets"]
    assert provisioned == [arn]
    accounts = sso.list_accounts_for_provisioned_permission_set(**common, PermissionSetArn=arn)["AccountIds"]
    assert accounts == [ACCOUNT]
    aws.unassign(ACCOUNT, "AdministratorAccess", GROUP)
    assert sso.list_account_assignments(**ask)["AccountAssignments"] == []
    unknown = arn[:-16] + "0" * 16
    for call in (sso.describe_permission_set, sso.list_accounts_for_provisioned_permission_set):
        assert refused(call, **common, PermissionSetArn=unknown)["Code"] == "ResourceNotFoundException"
    other = {"InstanceArn": "arn:aws:sso:::instance/ssoins-0000000000000000"}
    assert refused(sso.list_permission_sets, **other)["Code"] == "ResourceNotFoundException"
