"""The Cloud Identity face of the Google stand-in: groups and memberships by their resource names, and their expiry.

It is another API on the same groups, with other errors: a group that is unknown reads like one that is forbidden, and
what an edition does not have is a refusal without a reason.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from werkzeug.routing import Rule
from werkzeug.wrappers import Response

from accessbot.sandbox.google_model import DirectoryError, not_licensed

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Request

    from accessbot.sandbox.google_model import Membership
    from accessbot.sandbox.google_state import Directory

RULES: Final = (
    Rule("/v1/groups:lookup", methods=["GET"], endpoint="groups.lookup"),
    Rule("/v1/groups/<group>/memberships:lookup", methods=["GET"], endpoint="memberships.lookup"),
    Rule(
        "/v1/groups/<group>/memberships:checkTransitiveMembership",
        methods=["GET"],
        endpoint="memberships.checkTransitiveMembership",
    ),
    Rule("/v1/groups/<group>/memberships/<member>", methods=["GET"], endpoint="memberships.get"),
    Rule(
        "/v1/groups/<group>/memberships/<member>:modifyMembershipRoles",
        methods=["POST"],
        endpoint="memberships.modifyMembershipRoles",
    ),
)

_STATUS: Final = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
_MASKS: Final = {"expiry_detail.expire_time", "expiryDetail.expireTime"}
_QUERY: Final = re.compile(r"member_key_id == '([^'\\]+)'")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)


class Identity:
    """Carries out one method of the Cloud Identity API on a directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self.methods: dict[str, Callable[[dict[str, str], Request], dict[str, Any]]] = {
            "groups.lookup": self._lookup_group,
            "memberships.lookup": self._lookup,
            "memberships.get": self._get,
            "memberships.checkTransitiveMembership": self._check,
            "memberships.modifyMembershipRoles": self._modify,
        }

    def run(self, method: str, path: dict[str, str], request: Request) -> Response:
        """Answer the call; errors of the directory become this API's own."""
        try:
            body, status = self.methods[method](path, request), 200
        except DirectoryError as error:
            status = error.status
            body = {"error": {"code": status, "message": error.message, "status": _STATUS.get(status, "UNKNOWN")}}
        return Response(json.dumps(body), status=status, content_type="application/json; charset=UTF-8")

    def _lookup_group(self, _path: dict[str, str], request: Request) -> dict[str, Any]:
        return {"name": f"groups/{self._group(_asked(request, 'groupKey.id'))}"}

    def _lookup(self, path: dict[str, str], request: Request) -> dict[str, Any]:
        group = self._group(path["group"])
        return {"name": _name(self._member(group, _asked(request, "memberKey.id")))}

    def _get(self, path: dict[str, str], _request: Request) -> dict[str, Any]:
        return _resource(self._member(self._group(path["group"]), path["member"]))

    def _check(self, path: dict[str, str], request: Request) -> dict[str, Any]:
        group = self._group(path["group"])
        asked = _QUERY.fullmatch(_asked(request, "query"))
        if asked is None:
            raise _invalid("query")
        if not self._directory.premium:
            raise not_licensed()
        return {"hasMembership": True} if self._directory.has_member(group, asked[1]) else {}

    def _modify(self, path: dict[str, str], request: Request) -> dict[str, Any]:
        """Only an update of the role MEMBER's expiry is served; with adding or removing it is refused, as there."""
        end = _end(request)
        group = self._group(path["group"])
        self._member(group, path["member"])
        try:
            changed = self._directory.set_expiry(group, path["member"], end)
        except DirectoryError as error:
            raise _invalid("expire_time") if error.status == 400 else error from error  # noqa: PLR2004 - the status
        return {"membership": _resource(changed)}

    def _group(self, key: str) -> str:
        try:
            return self._directory.group(key).id
        except DirectoryError as error:
            message = f"Error(2028): Permission denied for resource {key} (or it may not exist)."
            raise DirectoryError(403, "forbidden", message) from error

    def _member(self, group: str, key: str) -> Membership:
        try:
            return self._directory.get_member(group, key)
        except DirectoryError as error:
            raise DirectoryError(404, "notFound", f"Membership of {key} in groups/{group} is not found.") from error


def _asked(request: Request, name: str) -> str:
    value = request.args.get(name, "")
    if not value:
        raise _invalid(name)
    return value


def _end(request: Request) -> datetime:
    """The one expiry that a call to modifyMembershipRoles asks for. Raises 400 for anything else."""
    try:
        body = json.loads(request.get_data())
        [update] = body["updateRolesParams"]
        role = update["membershipRole"]
        at = role["expiryDetail"]["expireTime"]
        right = role["name"] == "MEMBER" and update["fieldMask"] in _MASKS and not set(body) - {"updateRolesParams"}
    except (ValueError, KeyError, TypeError) as error:
        raise _invalid("update_roles_params") from error
    if not right or not isinstance(at, str) or not _TIME.fullmatch(at):
        raise _invalid("update_roles_params")
    return datetime.fromisoformat(at)


def _invalid(name: str) -> DirectoryError:
    return DirectoryError(400, "badRequest", f"Request contains an invalid argument: {name}")


def _name(member: Membership) -> str:
    return f"groups/{member.group_id}/memberships/{member.member_id}"


def _resource(member: Membership) -> dict[str, Any]:
    """A membership; one with another role has the role MEMBER too, and only that can end."""
    role: dict[str, Any] = {"name": "MEMBER"}
    if member.expires_at is not None:
        role["expiryDetail"] = {"expireTime": member.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    more = [{"name": member.role}] if member.role != "MEMBER" else []
    return {
        "name": _name(member),
        "preferredMemberKey": {"id": member.email},
        "createTime": member.added_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "roles": [role, *more],
        "type": member.type,
    }
