"""The part of the AWS stand-in that moto does: SSO Admin with its gaps closed, STS, and any other service.

moto keeps everything per account number, so each stand-in has a number of its own. It is not made for threads: one call
at a time.
"""

from __future__ import annotations

import json
import secrets
import threading
import uuid
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.ssoadmin.models import ssoadmin_backends
from werkzeug.wrappers import Response

from accessbot.sandbox.aws_identity import page
from accessbot.sandbox.aws_store import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from moto.ssoadmin.models import AccountAssignment, PermissionSet, SSOAdminBackend
    from werkzeug.wrappers import Request

_ONE_AT_A_TIME: Final = threading.RLock()
_APPLICATION: Final = DomainDispatcherApplication(create_backend_app)


class Moto:
    """moto, seen from one account."""

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id

    def forward(self, request: Request) -> Response:
        """Let moto answer. Raises AwsError UnknownOperationException for what it does not have."""
        environ = dict(request.environ)
        environ["wsgi.input"] = BytesIO(request.get_data())
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account_id
        host = _APPLICATION.infer_service_region_host(environ, request.path)
        # moto's own server would answer 500 for what it lacks, which clients retry for a long time.
        if not any(pattern.match(f"http://{host}") for _, pattern in _APPLICATION.backend_url_patterns):
            raise AwsError("UnknownOperationException", f"The stand-in has no service at {host}.")
        try:
            with _ONE_AT_A_TIME:
                return Response.from_app(_APPLICATION, environ, buffered=True)
        except NotImplementedError as error:
            raise AwsError("UnknownOperationException", str(error)) from error


class SsoAdmin:
    """IAM Identity Center's instance, permission sets and account assignments, on moto's tables."""

    def __init__(self, account_id: str, region: str, identity_store_id: str) -> None:
        self._moto = Moto(account_id)
        self._account_id = account_id
        self._region = region
        self._provisioned: dict[str, dict[str, Any]] = {}
        self.instance_arn = f"arn:aws:sso:::instance/ssoins-{secrets.token_hex(8)}"
        instance = self._backend.instances[0]
        instance.instance_arn, instance.identity_store_id = self.instance_arn, identity_store_id
        self._operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "ListInstances": self._list_instances,
            "CreatePermissionSet": self._create_permission_set,
            "CreateAccountAssignment": self._create_account_assignment,
            "ListAccountAssignments": self._list_account_assignments,
            "ListAccountAssignmentsForPrincipal": self._list_for_principal,
            "ListPermissionSetsProvisionedToAccount": self._list_provisioned,
            "ListAccountsForProvisionedPermissionSet": self._list_accounts,
            "ProvisionPermissionSet": self._provision,
            "DescribePermissionSetProvisioningStatus": self._provisioning_status,
            "ListTagsForResource": lambda _sent: {"Tags": []},
        }

    def run(self, operation: str, sent: dict[str, Any], request: Request) -> Response:
        """Raises AwsError. Unknown instances are refused here, whatever moto would say."""
        if operation != "ListInstances" and sent.get("InstanceArn") != self.instance_arn:
            raise AwsError("ResourceNotFoundException", f"Could not find instance {sent.get('InstanceArn')}.")
        known = self._operations.get(operation)
        if known is None:
            return self._moto.forward(request)
        with _ONE_AT_A_TIME:
            answer = known(sent)
        return Response(json.dumps(answer), content_type="application/x-amz-json-1.1")

    # ---- seeds

    def add_permission_set(self, name: str, *, session_duration: str = "PT1H", description: str = "") -> str:
        """Gives the ARN. Raises AwsError ConflictException for a name that is taken."""
        with _ONE_AT_A_TIME:
            if any(each.name == name for each in self._backend.permission_sets):
                raise AwsError("ConflictException", f"PermissionSet with name {name} already exists.")
            self._backend.create_permission_set(name, description, self.instance_arn, session_duration, "", [])
            made = self._backend.permission_sets[-1]
            # moto builds the ARN from the instance's; the real one has a resource type of its own.
            made.permission_set_arn = self.instance_arn.replace(":instance/", ":permissionSet/") + (
                f"/ps-{secrets.token_hex(8)}"
            )
            return made.permission_set_arn

    def permission_set_arn(self, name_or_arn: str) -> str:
        """Raises AwsError ResourceNotFoundException."""
        return self._permission_set(name_or_arn).permission_set_arn

    def assign(self, account_id: str, permission_set: str, principal_id: str, principal_type: str = "GROUP") -> None:
        """Give a principal a permission set, by name or ARN, in an account; twice is the same as once."""
        with _ONE_AT_A_TIME:
            arn = self.permission_set_arn(permission_set)
            if self._find(account_id, arn, principal_id) is None:
                self._backend.create_account_assignment(
                    self.instance_arn, account_id, "AWS_ACCOUNT", arn, principal_type, principal_id
                )

    def unassign(self, account_id: str, permission_set: str, principal_id: str) -> None:
        """Take it away again. Raises AwsError ResourceNotFoundException when it was not there."""
        with _ONE_AT_A_TIME:
            found = self._find(account_id, self.permission_set_arn(permission_set), principal_id)
            if found is None:
                raise AwsError("ResourceNotFoundException", "The account assignment does not exist.")
            self._backend.account_assignments.remove(found)

    def clear(self) -> None:
        """Forget permission sets and assignments; the instance stays."""
        with _ONE_AT_A_TIME:
            self._backend.permission_sets.clear()
            self._backend.account_assignments.clear()
            self._provisioned.clear()

    # ---- calls

    def _list_instances(self, _sent: dict[str, Any]) -> dict[str, Any]:
        instance = self._backend.instances[0].to_json()
        instance["Regions"] = [{"RegionName": self._region, "Status": "ACTIVE"}]
        return {"Instances": [{**instance, "PrimaryRegion": self._region}]}

    def _create_permission_set(self, sent: dict[str, Any]) -> dict[str, Any]:
        arn = self.add_permission_set(
            str(sent.get("Name")),
            session_duration=sent.get("SessionDuration") or "PT1H",
            description=sent.get("Description") or "",
        )
        return {"PermissionSet": self._permission_set(arn).to_json(include_creation_date=True)}

    def _create_account_assignment(self, sent: dict[str, Any]) -> dict[str, Any]:
        account, principal = str(sent.get("TargetId")), str(sent.get("PrincipalId"))
        self.assign(account, str(sent.get("PermissionSetArn")), principal, str(sent.get("PrincipalType")))
        made = self._find(account, str(sent.get("PermissionSetArn")), principal)
        status: dict[str, Any] = {"Status": "SUCCEEDED"}
        if made is not None:
            status |= made.to_json(include_creation_date=True, include_request_id=True)
        return {"AccountAssignmentCreationStatus": status}

    def _list_account_assignments(self, sent: dict[str, Any]) -> dict[str, Any]:
        arn = self.permission_set_arn(str(sent.get("PermissionSetArn")))
        found = [
            each
            for each in self._backend.account_assignments
            if each.permission_set_arn == arn and each.target_id == sent.get("AccountId")
        ]
        return _assignments(found, sent)

    def _list_for_principal(self, sent: dict[str, Any]) -> dict[str, Any]:
        account = (sent.get("Filter") or {}).get("AccountId")
        found = [
            each
            for each in self._backend.account_assignments
            if each.principal_id == sent.get("PrincipalId")
            and each.principal_type == sent.get("PrincipalType")
            and account in {None, each.target_id}
        ]
        return _assignments(found, sent)

    def _list_provisioned(self, sent: dict[str, Any]) -> dict[str, Any]:
        account = sent.get("AccountId")
        arns = dict.fromkeys(
            each.permission_set_arn for each in self._backend.account_assignments if each.target_id == account
        )
        return _strings("PermissionSets", list(arns), sent)

    def _list_accounts(self, sent: dict[str, Any]) -> dict[str, Any]:
        arn = self.permission_set_arn(str(sent.get("PermissionSetArn")))
        accounts = dict.fromkeys(
            each.target_id for each in self._backend.account_assignments if each.permission_set_arn == arn
        )
        return _strings("AccountIds", list(accounts), sent)

    def _provision(self, sent: dict[str, Any]) -> dict[str, Any]:
        arn = self.permission_set_arn(str(sent.get("PermissionSetArn")))
        status = {"Status": "IN_PROGRESS", "RequestId": str(uuid.uuid4()), "PermissionSetArn": arn}
        if target := sent.get("TargetId"):
            status["AccountId"] = str(target)
        self._provisioned[status["RequestId"]] = {**status, "Status": "SUCCEEDED"}
        return {"PermissionSetProvisioningStatus": status}

    def _provisioning_status(self, sent: dict[str, Any]) -> dict[str, Any]:
        found = self._provisioned.get(str(sent.get("ProvisionPermissionSetRequestId")))
        if found is None:
            raise AwsError("ResourceNotFoundException", "Could not find the provisioning request.")
        return {"PermissionSetProvisioningStatus": found}

    # ---- moto's tables

    @property
    def _backend(self) -> SSOAdminBackend:
        return ssoadmin_backends[self._account_id][self._region]

    def _permission_set(self, name_or_arn: str) -> PermissionSet:
        for each in self._backend.permission_sets:
            if name_or_arn in {each.name, each.permission_set_arn}:
                return each
        raise AwsError("ResourceNotFoundException", f"Could not find PermissionSet with id {name_or_arn}")

    def _find(self, account_id: str, arn: str, principal_id: str) -> AccountAssignment | None:
        for each in self._backend.account_assignments:
            if (each.target_id, each.permission_set_arn, each.principal_id) == (account_id, arn, principal_id):
                return each
        return None


def _assignments(found: list[AccountAssignment], sent: dict[str, Any]) -> dict[str, Any]:
    rows, more = page(
        [
            (
                each.request_id,
                {
                    "AccountId": each.target_id,
                    "PermissionSetArn": each.permission_set_arn,
                    "PrincipalType": each.principal_type,
                    "PrincipalId": each.principal_id,
                },
            )
            for each in found
        ],
        sent,
    )
    return {"AccountAssignments": rows} | ({"NextToken": more} if more else {})


def _strings(name: str, values: list[str], sent: dict[str, Any]) -> dict[str, Any]:
    rows, more = page([(value, {"value": value}) for value in values], sent)
    return {name: [row["value"] for row in rows]} | ({"NextToken": more} if more else {})
