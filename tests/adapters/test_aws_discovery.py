"""Identity Center as it is found: instances, permission sets, session durations, and what a group opens."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from accessbot.adapters.aws_answers import Ask
from accessbot.adapters.aws_calls import session_length
from accessbot.adapters.aws_identity import DENIAL_KEPT, NAMES_KEPT, AwsIdentityCenter
from accessbot.adapters.endpoints import UnsafeEndpoint
from accessbot.domain.errors import Ambiguous, Missing, NotAuthorised, Rejected, Unavailable
from accessbot.sandbox.aws import Aws
from tests.adapters.aws_answering import ACCOUNT, GROUP, INSTANCE, LONG, USER, Canned, Hand, adapter, refusal


def test_an_answer_without_its_id_is_no_answer(canned: Canned) -> None:
    """Look-ups and writes that succeed without an id conclude nothing."""
    answers, _, center = canned
    for operation in ("GetUserId", "GetGroupId", "GetGroupMembershipId", "CreateGroupMembership", "DescribeGroup"):
        answers[operation] = (200, {})
    answers["ListGroups"] = (200, {"Groups": []})
    for call in (
        lambda: center.find_user("ada"),
        lambda: center.find_group("ops"),
        lambda: center.find_group(GROUP),
        lambda: center.is_member(GROUP, USER),
        lambda: center.remove(GROUP, USER),
        lambda: center.add(GROUP, USER),
    ):
        with pytest.raises(Unavailable, match="malformed answer"):
            call()


# --- exactly one


def test_two_users_with_one_email_are_refused(canned: Canned) -> None:
    """A user name decides at once; an email that two users have gives neither of them."""
    answers, called, center = canned
    found = (200, {"UserId": USER, "IdentityStoreId": "d-1"})
    answers["GetUserId"] = found
    assert center.find_user("ada@example.com") == USER
    assert "ListUsers" not in called

    def users(*emails: str) -> tuple[int, dict[str, Any]]:
        lines = [{"UserId": USER, "IdentityStoreId": "d-1", "Emails": [{"Value": email}]} for email in emails]
        return 200, {"Users": [*lines, {"UserId": "u-2", "IdentityStoreId": "d-1"}]}

    answers |= {"GetUserId userName": refusal("ResourceNotFoundException", ResourceType="USER")}
    answers["ListUsers"] = users("ada@example.com", "bob@example.com")
    assert center.find_user("ada@example.com") == USER
    answers["ListUsers"] = users("Ada@Example.com", "ada@example.com")
    with pytest.raises(Ambiguous, match="2 users"):
        center.find_user("ada@example.com")


def test_two_groups_with_one_name_are_refused(canned: Canned) -> None:
    """A display name that two groups have gives neither."""
    answers, _, center = canned
    answers["GetGroupId"] = (200, {"GroupId": GROUP, "IdentityStoreId": "d-1"})
    line = {"GroupId": GROUP, "IdentityStoreId": "d-1", "DisplayName": "ops"}
    answers["ListGroups"] = (200, {"Groups": [line]})
    assert center.find_group("ops") == GROUP
    answers["ListGroups"] = (200, {"Groups": [line, line | {"GroupId": USER}]})
    with pytest.raises(Ambiguous, match="2 groups"):
        center.find_group("ops")


# --- the instance


def test_one_instance_is_found_and_several_need_the_setting(canned: Canned) -> None:
    """With two instances the settings have to say which; naming one of its ids is enough."""
    answers, _, _ = canned
    other = {"InstanceArn": "arn:aws:sso:::instance/ssoins-2222222222222222", "IdentityStoreId": "d-2222222222"}
    answers["ListInstances"] = (200, {"Instances": [INSTANCE, other]})
    answers["GetUserId"] = (200, {"UserId": USER, "IdentityStoreId": "d-2222222222"})
    with pytest.raises(Ambiguous, match="AWS_SSO_INSTANCE_ARN and AWS_IDENTITY_STORE_ID"):
        adapter().find_user("ada")
    named = AwsIdentityCenter(boto3.session.Session, other["InstanceArn"], None, LONG)
    assert named.find_user("ada") == USER
    unknown = AwsIdentityCenter(boto3.session.Session, None, "d-3333333333", LONG)
    with pytest.raises(NotAuthorised, match="AWS_REGION"):
        unknown.find_user("ada")
    answers["ListInstances"] = (200, {"Instances": []})
    with pytest.raises(NotAuthorised, match="AWS_SSO_INSTANCE_ARN"):
        adapter().find_user("ada")


def test_an_instance_that_cannot_be_listed_is_tried_again_later(canned: Canned) -> None:
    """A failure while the instance is looked for is not kept."""
    answers, called, center = canned
    good = answers["ListInstances"]
    answers["GetUserId"] = (200, {"UserId": USER, "IdentityStoreId": "d-1"})
    for bad in (refusal("ThrottlingException"), (200, {}), (503, {})):
        answers["ListInstances"] = bad
        with pytest.raises(Unavailable):
            center.find_user("ada")
    answers["ListInstances"] = good
    assert center.find_user("ada") == USER
    assert called.count("ListInstances") == 4


def test_without_a_region_the_setting_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """boto3 without a region reaches nothing; the sentence says which variable to set."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with pytest.raises(NotAuthorised, match="set AWS_REGION"):
        adapter().find_user("ada")


def test_ids_of_the_settings_spare_the_look_up(aws: Aws) -> None:
    """With both ids no instance is listed; wrong ones are an operator's matter."""
    ada = aws.add_user("ada").id
    center = AwsIdentityCenter(boto3.session.Session, aws.instance_arn, aws.identity_store_id, LONG)
    assert center.find_user("ada") == ada
    assert aws.journal.calls("aws.sso-admin.*") == []
    wrong = AwsIdentityCenter(boto3.session.Session, aws.instance_arn, "d-0000000000", LONG)
    with pytest.raises(NotAuthorised, match="AWS_IDENTITY_STORE_ID"):
        wrong.find_user("ada")


def test_an_address_in_the_clear_is_refused(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS is spoken to by https, or on this machine."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_IDENTITYSTORE", "AWS_ENDPOINT_URL_SSO_ADMIN"):
        monkeypatch.setenv(name, "http://aws.example.com")
        with pytest.raises(UnsafeEndpoint, match="AWS_ENDPOINT_URL"):
            adapter().find_user("ada")
        monkeypatch.setenv(name, aws.url)


def test_proxies_are_not_used_for_this_machine(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment does not see calls to a loopback address."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    ada = aws.add_user("ada").id
    assert adapter().find_user("ada") == ada


# --- permission sets and assignments


def test_names_of_permission_sets_are_kept_for_a_while(aws: Aws) -> None:
    """Within a quarter of an hour one read is enough, of the set itself: a new session duration is seen at once."""
    clock = Hand()
    center = adapter(clock=clock)
    for number in range(5):
        aws.add_permission_set(f"Set{number}")
    assert center.permission_set("Set4").session == timedelta(hours=1)
    aws.journal.clear()
    center.permission_set("Set4")
    assert [call.method for call in aws.journal.calls()] == ["aws.sso-admin.DescribePermissionSet"]
    center.permission_set("Set2")
    with pytest.raises(Missing):
        center.permission_set("Set9")
    assert len(aws.journal.calls("aws.sso-admin.DescribePermissionSet")) == 2
    clock.now += NAMES_KEPT.total_seconds() + 1
    aws.journal.clear()
    center.permission_set("Set4")
    assert len(aws.journal.calls("aws.sso-admin.ListPermissionSets")) == 1


def test_a_permission_set_that_was_made_anew_is_found(canned: Canned) -> None:
    """A kept name whose set is gone is looked up afresh; a malformed set is no set."""
    answers, _, center = canned

    def set_(arn: str, **more: str) -> tuple[int, dict[str, Any]]:
        return 200, {"PermissionSet": {"PermissionSetArn": arn, "Name": "Admin", **more}}

    old, new = (f"arn:aws:sso:::permissionSet/ssoins-1111111111111111/ps-{n * 16}" for n in "12")
    answers["ListPermissionSets"] = (200, {"PermissionSets": [old]})
    answers["DescribePermissionSet"] = set_(old, SessionDuration="PT12H")
    assert center.permission_set("Admin").session == timedelta(hours=12)
    answers["DescribePermissionSet"] = refusal("ResourceNotFoundException")
    with pytest.raises(Missing):
        center.permission_set("Admin")
    answers["ListPermissionSets"] = (200, {"PermissionSets": [new]})
    answers["DescribePermissionSet"] = set_(new)
    assert center.permission_set("Admin").arn == new
    for bad in (set_(old), (200, {}), set_(new, SessionDuration="P1Y"), set_(new, SessionDuration="PT0S")):
        answers["DescribePermissionSet"] = bad
        with pytest.raises(Unavailable, match="malformed answer"):
            center.permission_set("Admin")
    answers["ListPermissionSets"] = (200, {"PermissionSets": [1]})
    answers["DescribePermissionSet"] = refusal("ResourceNotFoundException")
    with pytest.raises(Unavailable, match="malformed answer"):
        center.permission_set("Admin")


@pytest.mark.parametrize(
    ("written", "length"),
    [
        ("PT1H", timedelta(hours=1)),
        ("PT4H30M", timedelta(hours=4, minutes=30)),
        ("PT3600S", timedelta(hours=1)),
        ("PT90M", timedelta(minutes=90)),
        ("P1DT2H", timedelta(hours=26)),
    ],
)
def test_a_session_duration_is_read_in_every_way_it_is_written(written: str, length: timedelta) -> None:
    """ISO 8601 has several ways to write one duration."""
    assert session_length(Ask(operation="DescribePermissionSet"), written) == length


@pytest.mark.parametrize("written", ["", "P", "PT", "1H", "PT0H", "-PT1H", "P1M", "PT1H ", "one hour"])
def test_a_session_duration_that_cannot_be_read_is_no_duration(written: str) -> None:
    """Nobody is told an end that was guessed."""
    with pytest.raises(Unavailable, match="malformed answer"):
        session_length(Ask(operation="DescribePermissionSet"), written)


def test_where_listing_by_principal_is_denied_the_accounts_are_looked_through(aws: Aws) -> None:
    """The denial is kept for an hour; only the accounts given are seen, and only this group's assignments."""
    clock = Hand()
    center = adapter(clock=clock)
    ops, others = aws.add_group("ops").id, aws.add_group("others").id
    admin, reader = aws.add_permission_set("Admin"), aws.add_permission_set("Reader")
    aws.assign(ACCOUNT, "Admin", "ops")
    aws.assign(ACCOUNT, "Reader", "others")
    aws.assign("444455556666", "Reader", "ops")
    aws.faults.on("aws_delegated")
    assert center.opens(ops, [ACCOUNT, ACCOUNT]) == {(ACCOUNT, admin)}
    assert center.opens(others, [ACCOUNT, "444455556666"]) == {(ACCOUNT, reader)}
    assert center.opens(ops, [ACCOUNT, "444455556666"]) == {(ACCOUNT, admin), ("444455556666", reader)}
    by_principal = "aws.sso-admin.ListAccountAssignmentsForPrincipal"
    assert len(aws.journal.calls(by_principal)) == 1
    aws.faults.clear()
    clock.now += DENIAL_KEPT.total_seconds()
    assert center.opens(ops, []) == {(ACCOUNT, admin), ("444455556666", reader)}
    assert len(aws.journal.calls(by_principal)) == 2


def test_another_refusal_of_the_listing_is_not_worked_around(aws: Aws) -> None:
    """Expired credentials, throttling and bad requests are what they are."""
    center = adapter()
    ops = aws.add_group("ops").id
    for code, kind in (
        ("ExpiredTokenException", NotAuthorised),
        ("ThrottlingException", Unavailable),
        ("ValidationException", Rejected),
    ):
        aws.faults.refuse("aws.sso-admin.ListAccountAssignmentsForPrincipal", 400, code, times=1)
        with pytest.raises(kind):
            center.opens(ops, [ACCOUNT])
    assert aws.journal.calls("aws.sso-admin.ListPermissionSetsProvisionedToAccount") == []


def test_the_second_look_at_a_large_directory_is_short(aws: Aws) -> None:
    """A user found by email costs ten pages of a second look at the most, however many users there are."""
    for number in range(1_200):
        aws.add_user(f"user-{number}", emails=(f"user-{number}@example.com",))
    assert adapter().find_user("user-7@example.com") == aws.store.find_user(user_name="user-7").id
    assert len(aws.journal.calls("aws.identitystore.ListUsers")) == 10
