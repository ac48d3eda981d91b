"""A stand-in for the parts of AWS that give access: Identity Store, IAM Identity Center (SSO Admin) and STS.

It speaks HTTP on a free loopback port, so that boto3 runs against it unchanged:

    with Aws() as aws:
        aws.add_group("aws-production-admin")
        boto3.client("identitystore", endpoint_url=aws.url, region_name=aws.region, ...)   # or os.environ |= aws.env()

The identity store is strict (duplicates conflict, unknown ids and second deletes are not found); other services come
from moto, and a call nobody has is a 400 UnknownOperationException, never a 500 that clients would retry.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from accessbot.sandbox.aws_identity import IdentityCalls, bare
from accessbot.sandbox.aws_moto import Moto, SsoAdmin
from accessbot.sandbox.aws_store import AwsError, IdentityStore, absent
from accessbot.sandbox.faults import Faults
from accessbot.sandbox.loopback import ConnectionDropped, LoopbackServer

if TYPE_CHECKING:
    from types import TracebackType

    from werkzeug.wrappers import Request

    from accessbot.sandbox.aws_store import StoreGroup, StoreMembership, StoreUser
    from accessbot.sandbox.faults import Refusal
    from accessbot.sandbox.journal import Journal

__all__ = ["Aws", "AwsError", "IdentityStore"]

_TARGETS: Final = {"AWSIdentityStore": "identitystore", "SWBExternalService": "sso-admin"}
_SCOPE: Final = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_FORM: Final = "application/x-www-form-urlencoded"


class Aws:
    """One organization's management account. Any number of them live side by side; each has its own account number.

    `access_key`: when set, other keys are refused. `ignore_case`: see IdentityStore. `faults` may be shared with other
    stand-ins; its method names here are `aws.identitystore.CreateGroupMembership`, `aws.sso-admin.ListInstances` and so
    on. `sync_race_after`: seconds after which the `sync_race` preset puts a removed membership back.
    """

    def __init__(
        self,
        *,
        faults: Faults | None = None,
        account_id: str | None = None,
        region: str = "us-east-1",
        access_key: str | None = None,
        ignore_case: bool = False,
        sync_race_after: float = 1.0,
        port: int = 0,
    ) -> None:
        self.faults = faults or Faults()
        self.account_id = account_id or f"{secrets.randbelow(9 * 10**11) + 10**11}"
        self.region = region
        self.access_key = access_key
        self.sync_race_after = sync_race_after
        self.store = IdentityStore(ignore_case=ignore_case)
        self.caller_arn = f"arn:aws:sts::{self.account_id}:user/moto"
        self._identity = IdentityCalls(self.store, self.caller_arn, self._removed)
        self._sso = SsoAdmin(self.account_id, region, self.store.id)
        self._moto = Moto(self.account_id)
        self._timers: list[threading.Timer] = []
        self._server = LoopbackServer(self._answer, port=port)

    # ---- life

    @property
    def url(self) -> str:
        """The endpoint for every service, without a trailing slash."""
        return self._server.url

    def env(self) -> dict[str, str]:
        """The environment that points boto3 at this stand-in."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key or "AKIASANDBOX000000000",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def start(self) -> Self:
        """Serve; after a stop it comes back at the same address with the same state."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Refuse connections, end those that are open, let go of calls that hang, forget what was still planned."""
        self._server.stop()
        for timer in self._timers:
            timer.cancel()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def reset(self) -> None:
        """Forget users, groups, permission sets, assignments, the journal and all faults; ids and address stay."""
        self.store.clear()
        self._sso.clear()
        self.faults.clear()

    # ---- seeds and state

    @property
    def journal(self) -> Journal:
        """Every call and every change of a membership, with subscriptions."""
        return self.store.journal

    @property
    def instance_arn(self) -> str:
        """What AWS_SSO_INSTANCE_ARN names."""
        return self._sso.instance_arn

    @property
    def identity_store_id(self) -> str:
        """What AWS_IDENTITY_STORE_ID names."""
        return self.store.id

    def add_user(self, user_name: str, name: str = "", *, emails: tuple[str, ...] = ()) -> StoreUser:
        """Create a user; without `emails` the user name is the email."""
        return self.store.create_user(user_name, name=name, emails=emails)

    def delete_user(self, user: str) -> None:
        """By user name or id, with the memberships."""
        self.store.delete_user(self._user(user).id)

    def add_group(self, display_name: str, description: str = "") -> StoreGroup:
        """Create a group."""
        return self.store.create_group(display_name, description)

    def delete_group(self, group: str) -> None:
        """By display name or id, with the memberships."""
        self.store.delete_group(self._group(group).id)

    def add_member(self, group: str, user: str, *, by: str = "admin") -> StoreMembership:
        """Add a member; groups by display name or id, users by user name or id. Raises AwsError like the API."""
        return self.store.create_membership(self._group(group).id, self._user(user).id, by=by)

    def remove_member(self, group: str, user: str, *, by: str = "admin") -> None:
        """Remove a member. Raises AwsError like the API."""
        found = self.store.find_membership(self._group(group).id, self._user(user).id)
        self.store.delete_membership(found.id, by=by)

    def is_member(self, group: str, user: str) -> bool:
        """Whether the user is in the group. Raises AwsError for an unknown group or user."""
        group_id, user_id = self._group(group).id, self._user(user).id
        return any(each.user_id == user_id for each in self.store.memberships_of_group(group_id))

    def memberships(self) -> dict[str, set[str]]:
        """Group display name -> user names."""
        return self.store.snapshot()

    def add_permission_set(self, name: str, *, session_duration: str = "PT1H", description: str = "") -> str:
        """Gives the ARN; the duration is ISO 8601."""
        return self._sso.add_permission_set(name, session_duration=session_duration, description=description)

    def assign(self, account_id: str, permission_set: str, group: str) -> None:
        """Open an account to a group with a permission set (name or ARN)."""
        self._sso.assign(account_id, permission_set, self._group(group).id)

    def unassign(self, account_id: str, permission_set: str, group: str) -> None:
        """Close it again. Raises AwsError when it was not open."""
        self._sso.unassign(account_id, permission_set, self._group(group).id)

    def _user(self, key: str) -> StoreUser:
        try:
            return self.store.user(key)
        except AwsError:
            return self.store.find_user(user_name=key)

    def _group(self, key: str) -> StoreGroup:
        try:
            return self.store.group(key)
        except AwsError:
            return self.store.find_group(key)

    # ---- calls

    def _answer(self, request: Request) -> Response:
        service, operation = _meaning(request)
        sent = _sent(request)
        call = self.journal.arrived(f"aws.{service}.{operation}", *self._names(sent))
        try:
            response = self.faults.around(
                call.method,
                lambda: self._apply(service, operation, sent, request),
                lambda refusal: _refuse(refusal, request),
                self._server.stopping,
            )
        except ConnectionDropped:
            call.status = 0
            raise
        call.status, call.reason = response.status_code, response.headers.get("x-amzn-errortype", "")
        response.headers.setdefault("x-amzn-RequestId", str(uuid.uuid4()))
        return response

    def _apply(self, service: str, operation: str, sent: dict[str, Any], request: Request) -> Response:
        try:
            region = self._authorised(request)
            if service not in {"identitystore", "sso-admin"}:
                return self._moto.forward(request)
            if region != self.region:
                return _elsewhere(operation)
            if service == "sso-admin":
                return self._sso.run(operation, sent, request)
            return _json(self._identity.run(operation, sent))
        except AwsError as error:
            return _write_error(error, request)

    def _authorised(self, request: Request) -> str:
        """The region that the request was signed for."""
        scope = _SCOPE.search(request.headers.get("Authorization", ""))
        if scope is None:
            raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token")
        if self.access_key is not None and scope["key"] != self.access_key:
            raise AwsError("UnrecognizedClientException", "The security token included in the request is invalid.")
        return scope["region"]

    def _names(self, sent: dict[str, Any]) -> tuple[str, str]:
        """Group and member of a call as people know them, as far as they are known."""
        with suppress(AwsError):
            if "MembershipId" in sent:
                found = self.store.membership(bare(sent["MembershipId"]))
                return self.store.group(found.group_id).display_name, self.store.user(found.user_id).user_name
        group, member = sent.get("GroupId") or "", (sent.get("MemberId") or {}).get("UserId") or ""
        with suppress(AwsError):
            group = self.store.group(bare(group)).display_name
        with suppress(AwsError):
            member = self.store.user(bare(member)).user_name
        return group, member

    def _removed(self, membership: StoreMembership) -> None:
        """After a removal through the API: let the sync race happen when it is switched on."""
        if not self.faults.consume("sync_race"):
            return
        timer = threading.Timer(self.sync_race_after, self._put_back, args=(membership,))
        timer.daemon = True
        self._timers = [each for each in self._timers if each.is_alive()] + [timer]
        timer.start()

    def _put_back(self, membership: StoreMembership) -> None:
        with suppress(AwsError):  # somebody was faster, or the user or the group is gone: nothing to undo
            self.store.create_membership(membership.group_id, membership.user_id, by="ssosync")


def _meaning(request: Request) -> tuple[str, str]:
    """Service and operation, from the target header, the form, or the credential scope and the path."""
    prefix, _, operation = request.headers.get("X-Amz-Target", "").partition(".")
    if operation and prefix in _TARGETS:
        return _TARGETS[prefix], operation
    scope = _SCOPE.search(request.headers.get("Authorization", ""))
    service = scope["service"] if scope else "unknown"
    if not operation and request.mimetype == _FORM:
        operation = parse_qs(request.get_data(as_text=True)).get("Action", [""])[0]
    return service, operation or f"{request.method} {request.path}"


def _sent(request: Request) -> dict[str, Any]:
    if "json" not in request.mimetype:
        return {}
    try:
        sent = json.loads(request.get_data() or b"{}")
    except ValueError:
        return {}  # the service answers for it: its required members are missing
    return sent if isinstance(sent, dict) else {}


def _elsewhere(operation: str) -> Response:
    """What the services say in a region where there is no instance."""
    if operation == "ListInstances":
        return _json({"Instances": []})
    error = absent("IDENTITY_STORE")
    return _write_json_error(error)


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(body), status=status, content_type="application/x-amz-json-1.1")


def _refuse(refusal: Refusal, request: Request) -> Response:
    return _write_error(AwsError(refusal.reason, refusal.message or refusal.reason, refusal.status), request)


def _write_error(error: AwsError, request: Request) -> Response:
    if request.mimetype != _FORM:
        return _write_json_error(error)
    kind = "Sender" if error.status < 500 else "Receiver"  # noqa: PLR2004 - the HTTP status
    text = (
        f"<ErrorResponse><Error><Type>{kind}</Type><Code>{escape(error.code)}</Code>"
        f"<Message>{escape(error.message)}</Message></Error><RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
    )
    return Response(text, status=error.status, content_type="text/xml")


def _write_json_error(error: AwsError) -> Response:
    body = {"__type": error.code, "Message": error.message, "RequestId": str(uuid.uuid4()), **error.members}
    response = _json(body, error.status)
    response.headers["x-amzn-errortype"] = error.code
    return response
