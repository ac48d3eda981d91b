"""The AWS stand-in when it is told to fail, and the sync job that undoes what happens between its reads."""

# ruff: noqa: ANN401 - the real clients are made at run time and have no types of their own

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from accessbot.sandbox.aws import Aws, AwsError
from accessbot.sandbox.google_state import Directory
from accessbot.sandbox.sync_job import SyncJob
from tests.sandbox.aws_clients import ACCOUNT, ADA, GROUP, client, keys, refused


def test_permission_sets_through_the_api(aws: Aws, sso: Any) -> None:
    """A permission set can be created, given an inline policy, provisioned and assigned through the API."""
    common = {"InstanceArn": aws.instance_arn}
    arn = sso.create_permission_set(**common, Name="ReadOnly")["PermissionSet"]["PermissionSetArn"]
    which = {**common, "PermissionSetArn": arn}
    assert sso.describe_permission_set(**which)["PermissionSet"]["SessionDuration"] == "PT1H"
    sso.put_inline_policy_to_permission_set(**which, InlinePolicy="{}")
    assert sso.get_inline_policy_for_permission_set(**which)["InlinePolicy"] == "{}"
    started = sso.provision_permission_set(**which, TargetType="ALL_PROVISIONED_ACCOUNTS")
    request_id = started["PermissionSetProvisioningStatus"]["RequestId"]
    status = sso.describe_permission_set_provisioning_status(**common, ProvisionPermissionSetRequestId=request_id)
    assert status["PermissionSetProvisioningStatus"]["Status"] == "SUCCEEDED"
    target = {"TargetId": ACCOUNT, "TargetType": "AWS_ACCOUNT"}
    principal = {"PrincipalType": "GROUP", "PrincipalId": aws.store.find_group(GROUP).id}
    for _ in range(2):
        made = sso.create_account_assignment(**which, **target, **principal)["AccountAssignmentCreationStatus"]
        assert made["Status"] == "SUCCEEDED"
    assert len(sso.list_account_assignments(**which, AccountId=ACCOUNT)["AccountAssignments"]) == 1
    sso.delete_account_assignment(**which, **target, **principal)
    assert sso.list_account_assignments(**which, AccountId=ACCOUNT)["AccountAssignments"] == []


def test_calls_nobody_has_are_a_400(aws: Aws, store: Any, sso: Any) -> None:
    """A call that is not there answers 400 UnknownOperationException, which clients do not retry."""
    for call in (
        lambda: sso.list_trusted_token_issuers(InstanceArn=aws.instance_arn),
        store.list_identity_stores,
        client(aws, "accessanalyzer").list_analyzers,
        client(aws, "cloudtrail").lookup_events,
        lambda: client(aws, "sts").get_delegated_access_token(TradeInToken="x"),
    ):
        error = refused(call)
        assert (error["Code"], error["Status"]) == ("UnknownOperationException", 400)


def test_requests_must_be_signed_by_a_known_key(aws: Aws, store: Any) -> None:
    """An unknown access key is refused for every service, and so is a request without a signature."""
    aws.access_key = "AKIASOMEBODYELSE0000"
    assert refused(store.list_users, IdentityStoreId=aws.identity_store_id)["Code"] == "UnrecognizedClientException"
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    unsigned = boto3.client("identitystore", endpoint_url=aws.url, region_name=aws.region, config=config)
    error = refused(unsigned.list_users, IdentityStoreId=aws.identity_store_id)
    assert error["Code"] == "MissingAuthenticationTokenException"


@pytest.mark.parametrize(
    ("preset", "code", "status"),
    [("aws_down", "ServiceUnavailableException", 503), ("aws_throttle", "ThrottlingException", 400)],
)
def test_presets_refuse_until_switched_off(aws: Aws, store: Any, preset: str, code: str, status: int) -> None:
    """A preset refuses every call in the service's own shape, STS's XML too, until it is switched off."""
    aws.faults.on(preset)
    error = refused(store.list_groups, IdentityStoreId=aws.identity_store_id)
    assert (error["Code"], error["Status"]) == (code, status)
    assert refused(client(aws, "sts").get_caller_identity)["Code"] == code
    aws.faults.off(preset)
    assert store.list_groups(IdentityStoreId=aws.identity_store_id)["Groups"]


def test_a_delegated_administrator_is_denied_one_call(aws: Aws, sso: Any) -> None:
    """With the switch on, only ListAccountAssignmentsForPrincipal is denied."""
    aws.faults.on("aws_delegated")
    principal = {"PrincipalId": aws.store.find_group(GROUP).id, "PrincipalType": "GROUP"}
    error = refused(sso.list_account_assignments_for_principal, InstanceArn=aws.instance_arn, **principal)
    assert (error["Code"], error["Status"]) == ("AccessDeniedException", 400)
    assert sso.list_instances()["Instances"]


def test_an_answer_can_be_lost_after_the_write(aws: Aws, store: Any) -> None:
    """The unclear write: the membership is there although the caller got an error, or no answer at all."""
    which = keys(aws, store)
    aws.faults.refuse("aws.identitystore.CreateGroupMembership", 500, "InternalServerException", times=1, applied=True)
    assert refused(store.create_group_membership, **which)["Status"] == 500
    assert aws.is_member(GROUP, ADA)
    aws.faults.drop("aws.identitystore.DeleteGroupMembership", times=1, applied=True)
    made = store.get_group_membership_id(**which)["MembershipId"]
    with pytest.raises(ConnectionClosedError):
        store.delete_group_membership(IdentityStoreId=aws.identity_store_id, MembershipId=made)
    assert not aws.is_member(GROUP, ADA)


def test_hanging_and_garbled_answers(aws: Aws) -> None:
    """A hanging call runs into the client's own time limit; a cut-off answer is one without its members."""
    store = client(aws, "identitystore", timeout=0.2)
    hang = aws.faults.hang("aws.identitystore.ListGroups", times=1)
    with pytest.raises(ReadTimeoutError):
        store.list_groups(IdentityStoreId=aws.identity_store_id)
    hang.off()
    aws.faults.garble("aws.identitystore.ListGroups", times=1)
    answer = store.list_groups(IdentityStoreId=aws.identity_store_id)  # boto3 does not raise: readers beware
    assert "Groups" not in answer


def test_the_journal_names_groups_and_members(aws: Aws, store: Any) -> None:
    """Calls and changes carry the names that people know, the status and who made the change."""
    which = keys(aws, store)
    made = store.create_group_membership(**which)["MembershipId"]
    refused(store.create_group_membership, **which)
    store.delete_group_membership(IdentityStoreId=aws.identity_store_id, MembershipId=made)
    calls = aws.journal.calls("aws.identitystore.*Membership")
    assert [(call.group, call.member, call.status, call.reason) for call in calls] == [
        (GROUP, ADA, 200, ""),
        (GROUP, ADA, 400, "ConflictException"),
        (GROUP, ADA, 200, ""),
    ]
    assert [(change.action, change.by) for change in aws.journal.changes(GROUP, ADA)] == [
        ("added", aws.caller_arn),
        ("removed", aws.caller_arn),
    ]


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds, five seconds at most."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_the_sync_race_undoes_one_revoke(aws: Aws, store: Any) -> None:
    """With the switch on, a removed membership comes back once, by the sync job, and the switch is off again."""
    aws.sync_race_after = 0.01
    aws.faults.on("sync_race")
    which = keys(aws, store)
    store.create_group_membership(**which)

    def revoke() -> None:
        made = store.get_group_membership_id(**which)["MembershipId"]
        store.delete_group_membership(IdentityStoreId=aws.identity_store_id, MembershipId=made)

    revoke()
    wait_for(lambda: aws.is_member(GROUP, ADA))
    assert aws.journal.changes()[-1].by == "ssosync"
    assert aws.faults.active() == frozenset()
    revoke()
    assert not aws.is_member(GROUP, ADA)


def test_the_sync_job_undoes_what_happens_between_its_reads(aws: Aws) -> None:
    """A revoke between the sync job's two reads is undone, and the next run corrects it."""
    directory = Directory()
    directory.add_user(ADA)
    directory.add_group(f"{GROUP}@example.com")
    directory.add_member(f"{GROUP}@example.com", ADA)
    job = SyncJob(directory, aws, {f"{GROUP}@example.com": GROUP})
    job.run()
    assert aws.is_member(GROUP, ADA)

    def revoke() -> None:
        directory.remove_member(f"{GROUP}@example.com", ADA)
        aws.remove_member(GROUP, ADA)

    job.run(between=revoke)
    assert aws.is_member(GROUP, ADA)
    job.run()
    assert not aws.is_member(GROUP, ADA)


def test_the_sync_job_remakes_a_missing_group_under_a_new_id(aws: Aws) -> None:
    """A group that was deleted in AWS comes back with the same name and another id, and its members."""
    directory = Directory()
    directory.add_user(ADA)
    directory.add_group(f"{GROUP}@example.com")
    directory.add_member(f"{GROUP}@example.com", ADA)
    before = aws.store.find_group(GROUP).id
    aws.delete_group(GROUP)
    SyncJob(directory, aws, {f"{GROUP}@example.com": GROUP}).run()
    assert aws.store.find_group(GROUP).id != before
    assert aws.memberships() == {GROUP: {ADA}}


def test_the_sync_job_runs_by_itself(aws: Aws) -> None:
    """Started, it removes what exists only in AWS, within a period, until it is stopped."""
    directory = Directory()
    directory.add_group(f"{GROUP}@example.com")
    aws.add_member(GROUP, ADA)
    job = SyncJob(directory, aws, {f"{GROUP}@example.com": GROUP}).start(every=0.01)
    wait_for(lambda: not aws.is_member(GROUP, ADA))
    job.stop()
    aws.add_member(GROUP, ADA)
    assert aws.is_member(GROUP, ADA)


def test_many_live_side_by_side(aws: Aws, store: Any) -> None:
    """Two organizations in one process share nothing, and a reset empties one of them."""
    with Aws() as other:
        assert other.account_id != aws.account_id
        assert client(other, "sso-admin").list_permission_sets(InstanceArn=other.instance_arn)["PermissionSets"] == []
        assert other.memberships() == {}
        aws.reset()
        assert aws.memberships() == {}
        assert refused(store.list_users, IdentityStoreId=other.identity_store_id)["ResourceType"] == "IDENTITY_STORE"
        with pytest.raises(AwsError, match="GROUP not found"):
            aws.add_member(GROUP, ADA)


def test_concurrent_creates_have_one_winner(aws: Aws, store: Any) -> None:
    """Of many creations of one membership at once exactly one succeeds."""
    which, codes = keys(aws, store), list[str]()

    def create() -> None:
        try:
            store.create_group_membership(**which)
            codes.append("ok")
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == ["ConflictException"] * 7 + ["ok"]
