"""What the AWS adapter does beyond the contract: one try, no late write, nothing guessed, the instance found."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from accessbot.domain.errors import Missing, NotAuthorised, Unavailable, VendorError
from accessbot.sandbox.aws import Aws
from tests.adapters.aws_answering import ACCOUNT, GROUP, USER, Canned, adapter, refusal


def test_no_thread_ever_gets_the_answer_of_another(aws: Aws) -> None:
    """Eight threads, fifty checks each over one adapter, and every answer is the one that was asked for."""
    group = aws.add_group("ops").id
    users = [aws.add_user(f"user{number}").id for number in range(50)]
    for user in users[::2]:
        aws.store.create_membership(group, user, by="admin")
    center = adapter()

    def checks(shift: int) -> list[tuple[int, bool]]:
        order = [(number * 7 + shift) % 50 for number in range(50)]
        return [(number, center.is_member(group, users[number])) for number in order]

    with ThreadPoolExecutor(8) as pool:
        answers = [answer for each in pool.map(checks, range(8)) for answer in each]
    assert len(answers) == 400
    assert [answer for answer in answers if answer[1] != (answer[0] % 2 == 0)] == []
    assert len(aws.journal.calls("aws.sso-admin.ListInstances")) == 1


@pytest.mark.parametrize("fault", ["drop", "hang", "garble", "throttle", "down"])
def test_a_failing_call_is_sent_once(aws: Aws, fault: str) -> None:
    """Whatever goes wrong, nothing is sent a second time: not the write and not the read."""
    group, user = aws.add_group("ops").id, aws.add_user("ada").id
    center = adapter(timedelta(seconds=1.5 if fault == "hang" else 8))
    center.warm()
    assert not center.is_member(group, user)
    aws.journal.clear()
    if fault in ("throttle", "down"):
        aws.faults.on(f"aws_{fault}")
    else:
        getattr(aws.faults, fault)("aws.*")
    for call in (lambda: center.add(group, user), lambda: center.is_member(group, user), lambda: center.members(group)):
        with pytest.raises(Unavailable):
            call()
    aws.faults.clear()
    assert [call.method.rpartition(".")[2] for call in aws.journal.calls()] == [
        "CreateGroupMembership",
        "GetGroupMembershipId",
        "ListGroupMemberships",
    ]


def test_denied_calls_name_the_action_and_are_never_absent(aws: Aws) -> None:
    """Without a permission no call says yes, no or nothing."""
    group, user = aws.add_group("ops").id, aws.add_user("ada").id
    center = adapter()
    center.is_member(group, user)
    aws.faults.refuse("aws.*", 400, "AccessDeniedException", "User is not authorized")
    for call, action in (
        (lambda: center.find_user("ada"), "identitystore:GetUserId"),
        (lambda: center.find_group("ops"), "identitystore:GetGroupId"),
        (lambda: center.is_member(group, user), "identitystore:GetGroupMembershipId"),
        (lambda: center.add(group, user), "identitystore:CreateGroupMembership"),
        (lambda: center.remove(group, user), "identitystore:GetGroupMembershipId"),
        (lambda: center.members(group), "identitystore:ListGroupMemberships"),
        (lambda: center.permission_set("Admin"), "sso:ListPermissionSets"),
        (lambda: center.opens(group, [ACCOUNT]), "sso:ListPermissionSetsProvisionedToAccount"),
    ):
        with pytest.raises(NotAuthorised, match=action):
            call()


def test_a_key_that_aws_does_not_know_is_for_an_operator(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says that the credentials have to be renewed, and holds none of them."""
    aws.access_key = "AKIARIGHT"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAWRONG")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    with pytest.raises(NotAuthorised, match="renew") as caught:
        adapter().find_user("ada")
    assert "s3cret" not in str(caught.value)
    assert "AKIA" not in str(caught.value)


# --- the membership that is there, not there, or in doubt


def test_a_conflict_without_a_membership_is_a_concurrent_change(canned: Canned) -> None:
    """`ConflictException` alone is no success: only a membership that can be read is."""
    answers, called, center = canned
    answers["CreateGroupMembership"] = refusal("ConflictException")
    answers["GetGroupMembershipId"] = refusal("ResourceNotFoundException", ResourceType="GROUP_MEMBERSHIP")
    with pytest.raises(Unavailable, match="ConflictException"):
        center.add(GROUP, USER)
    answers["GetGroupMembershipId"] = (200, {"MembershipId": "m-1", "IdentityStoreId": "d-1"})
    center.add(GROUP, USER)
    assert called[1:] == ["CreateGroupMembership", "GetGroupMembershipId"] * 2


def test_not_found_without_saying_what_is_looked_into(canned: Canned) -> None:
    """The group is read: if it exists, the membership (or, on adding, the user) is what is missing."""
    answers, called, center = canned
    gone = refusal("ResourceNotFoundException")
    answers |= {"GetGroupMembershipId": gone, "CreateGroupMembership": gone}
    answers["DescribeGroup"] = (200, {"GroupId": GROUP, "IdentityStoreId": "d-1"})
    assert not center.is_member(GROUP, USER)
    center.remove(GROUP, USER)
    with pytest.raises(Missing) as caught:
        center.add(GROUP, USER)
    assert caught.value.what == "user"
    assert called.count("DescribeGroup") == 3
    answers["DescribeGroup"] = gone
    for call in (
        lambda: center.is_member(GROUP, USER),
        lambda: center.remove(GROUP, USER),
        lambda: center.add(GROUP, USER),
    ):
        with pytest.raises(Missing) as caught:
            call()
        assert caught.value.what == "group"


def test_a_membership_that_went_meanwhile_is_removed(canned: Canned) -> None:
    """A removal that finds the membership gone between look-up and delete is success."""
    answers, called, center = canned
    answers["GetGroupMembershipId"] = (200, {"MembershipId": "m-1", "IdentityStoreId": "d-1"})
    answers["DeleteGroupMembership"] = refusal("ResourceNotFoundException", ResourceType="GROUP_MEMBERSHIP")
    center.remove(GROUP, USER)
    assert called[-1] == "DeleteGroupMembership"
    answers["DeleteGroupMembership"] = refusal("ConflictException", Reason="CONCURRENT_MODIFICATION")
    with pytest.raises(Unavailable):
        center.remove(GROUP, USER)


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({"ResourceType": "IDENTITY_STORE"}, NotAuthorised),
        ({"Reason": "KMS_KEY_NOT_FOUND"}, NotAuthorised),
        ({"ResourceType": "GROUP_MEMBERSHIP", "Reason": "KMS_KEY_NOT_FOUND"}, NotAuthorised),
    ],
)
def test_not_found_of_something_else_is_not_absent(
    canned: Canned, members: dict[str, str], kind: type[VendorError]
) -> None:
    """A wrong store or a lost encryption key says nothing about a membership."""
    answers, _, center = canned
    answers["GetGroupMembershipId"] = refusal("ResourceNotFoundException", **members)
    for call in (lambda: center.is_member(GROUP, USER), lambda: center.remove(GROUP, USER)):
        with pytest.raises(kind):
            call()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"GroupMemberships": None},
        {"GroupMemberships": 7},
        {"GroupMemberships": [{"MembershipId": "m-1"}]},
        {"GroupMemberships": [{"MemberId": {}}]},
        {"GroupMemberships": [], "NextToken": "again"},
    ],
)
def test_a_list_of_another_shape_is_no_list(canned: Canned, body: dict[str, Any]) -> None:
    """An answer without its list, with half a line or with pages that go round is not an empty group."""
    answers, _, center = canned
    answers["ListGroupMemberships"] = (200, body)
    with pytest.raises(Unavailable, match=r"malformed answer|ResponseParserError|TypeError"):
        center.members(GROUP)
