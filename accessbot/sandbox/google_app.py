"""The HTTP face of the Directory stand-in: routes, parameters, resources and error bodies as Google writes them."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Response

from accessbot.sandbox.google_fields import FieldsError, select
from accessbot.sandbox.google_identity import RULES
from accessbot.sandbox.google_model import DirectoryError, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from werkzeug.wrappers import Request

    from accessbot.sandbox.faults import Refusal
    from accessbot.sandbox.google_model import Group, Membership, User
    from accessbot.sandbox.google_state import Directory

_ROOT: Final = "/admin/directory/v1"
_JSON: Final = "application/json; charset=UTF-8"
_STATUS: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
_USAGE: Final = {"quotaExceeded", "rateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded"}
_KEPT_PREFIX: Final = "from:"

ROUTES: Final = Map(
    [
        Rule(f"{_ROOT}/groups/<group>/members", methods=["POST"], endpoint="members.insert"),
        Rule(f"{_ROOT}/groups/<group>/members", methods=["GET"], endpoint="members.list"),
        Rule(f"{_ROOT}/groups/<group>/members/<member>", methods=["GET"], endpoint="members.get"),
        Rule(f"{_ROOT}/groups/<group>/members/<member>", methods=["DELETE"], endpoint="members.delete"),
        Rule(f"{_ROOT}/groups/<group>/hasMember/<member>", methods=["GET"], endpoint="members.hasMember"),
        Rule(f"{_ROOT}/groups/<group>", methods=["GET"], endpoint="groups.get"),
        Rule(f"{_ROOT}/groups", methods=["GET"], endpoint="groups.list"),
        Rule(f"{_ROOT}/users/<user>", methods=["GET"], endpoint="users.get"),
        Rule(f"{_ROOT}/users", methods=["GET"], endpoint="users.list"),
        *(rule.empty() for rule in RULES),
    ]
)


def route(request: Request) -> tuple[str, dict[str, str]]:
    """The API method a request means and its path parameters. Raises DirectoryError 404 for anything else."""
    try:
        endpoint, values = ROUTES.bind_to_environ(request.environ).match()
    except HTTPException as error:
        raise DirectoryError(404, "notFound", "Not Found") from error
    return str(endpoint), {name: unquote(str(value)) for name, value in values.items()}


def write_refusal(refusal: Refusal) -> Response:
    """An injected error in Google's shape."""
    return write_error(DirectoryError(refusal.status, refusal.reason, refusal.message or refusal.reason))


def write_error(error: DirectoryError) -> Response:
    """`{"error": {code, message, errors: [{domain, reason, message}], status}}`."""
    detail: dict[str, str] = {
        "message": error.message,
        "domain": "usageLimits" if error.reason in _USAGE else "global",
        "reason": error.reason,
    }
    if error.status == 401:  # noqa: PLR2004 - the HTTP status
        detail |= {"location": "Authorization", "locationType": "header"}
    body: dict[str, Any] = {"code": error.status, "message": error.message, "errors": [detail]}
    if error.status in _STATUS:
        body["status"] = _STATUS[error.status]
    return Response(json.dumps({"error": body}), status=error.status, content_type=_JSON)


class Operations:
    """Carries out one API method on a directory. Every method takes path parameters and the request."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._methods: dict[str, Callable[[dict[str, str], Request], dict[str, Any] | None]] = {
            "members.insert": self._insert_member,
            "members.list": self._list_members,
            "members.get": self._get_member,
            "members.delete": self._delete_member,
            "members.hasMember": self._has_member,
            "groups.get": self._get_group,
            "groups.list": self._list_groups,
            "users.get": self._get_user,
            "users.list": self._list_users,
        }

    def run(self, method: str, path: dict[str, str], request: Request) -> Response:
        """Answer the call; errors of the directory become their HTTP answers."""
        try:
            body = self._methods[method](path, request)
            if body is None:
                return Response(status=204)
            if fields := request.args.get("fields"):
                body = select(body, fields)
        except DirectoryError as error:
            return write_error(error)
        except FieldsError:
            return write_error(DirectoryError(400, "invalidParameter", "Invalid field selection"))
        return Response(json.dumps(body), content_type=_JSON)

    def _insert_member(self, path: dict[str, str], request: Request) -> dict[str, Any]:
        sent = member_body(request)
        made = self._directory.insert_member(
            path["group"],
            email=str(sent.get("email", "")),
            id_=str(sent.get("id", "")),
            role=str(sent.get("role", "MEMBER")),
        )
        return self._member(made)

    def _delete_member(self, path: dict[str, str], _request: Request) -> None:
        self._directory.drop_member(path["group"], path["member"])

    def _get_member(self, path: dict[str, str], _request: Request) -> dict[str, Any]:
        return self._member(self._directory.get_member(path["group"], path["member"]))

    def _has_member(self, path: dict[str, str], _request: Request) -> dict[str, Any]:
        return {"isMember": self._directory.has_member(path["group"], path["member"])}

    def _list_members(self, path: dict[str, str], request: Request) -> dict[str, Any]:
        roles = [role for role in request.args.get("roles", "").split(",") if role]
        derived = request.args.get("includeDerivedMembership", "false") == "true"
        found = self._directory.list_members(path["group"], derived=derived, roles=roles)
        page, more = _page([(each.member_id, self._member(each)) for each in found], request, default=200, most=200)
        return _listing("admin#directory#members", "members", page, more)

    def _get_group(self, path: dict[str, str], _request: Request) -> dict[str, Any]:
        return self._group(self._directory.group(path["group"]))

    def _list_groups(self, _path: dict[str, str], request: Request) -> dict[str, Any]:
        user = request.args.get("userKey")
        domain = self._scope(request, also=user is not None)
        found = [group for group in self._directory.groups(user) if _in_domain(group.email, domain)]
        page, more = _page([(_key(each.email), self._group(each)) for each in found], request, default=200, most=200)
        return _listing("admin#directory#groups", "groups", page, more)

    def _get_user(self, path: dict[str, str], _request: Request) -> dict[str, Any]:
        return self._user(self._directory.user(path["user"]))

    def _list_users(self, _path: dict[str, str], request: Request) -> dict[str, Any]:
        domain = self._scope(request)
        matches = _user_query(request.args.get("query", ""))
        found = [user for user in self._directory.users() if _in_domain(user.email, domain) and matches(user)]
        page, more = _page([(_key(each.email), self._user(each)) for each in found], request, default=100, most=500)
        return _listing("admin#directory#users", "users", page, more)

    def _scope(self, request: Request, *, also: bool = False) -> str | None:
        """The domain asked for, or None for the whole customer. Raises 400 without either, 403 for a stranger's."""
        domain = request.args.get("domain")
        if domain is None and "customer" not in request.args and not also:
            raise DirectoryError(400, "badRequest", "Bad Request")
        if domain is not None and domain.casefold() not in self._directory.domains:
            raise DirectoryError(403, "forbidden", "Not Authorized to access this resource/api")
        return domain

    def _member(self, member: Membership) -> dict[str, Any]:
        resource = {
            "kind": "admin#directory#member",
            "etag": f'"{member.group_id}/{member.member_id}/{member.role}"',
            "id": member.member_id,
            "email": member.email,
            "role": member.role,
            "type": member.type,
        }
        if status := self._directory.member_status(member):
            resource["status"] = status
        return resource

    def _group(self, group: Group) -> dict[str, Any]:
        resource: dict[str, Any] = {
            "kind": "admin#directory#group",
            "id": group.id,
            "etag": f'"{group.id}"',
            "email": group.email,
            "name": group.name,
            "description": group.description,
            "directMembersCount": str(len(self._directory.members(group.id))),  # a string in the real API too
            "adminCreated": True,
        }
        if group.aliases:
            resource["aliases"] = list(group.aliases)
        return resource

    @staticmethod
    def _user(user: User) -> dict[str, Any]:
        resource: dict[str, Any] = {
            "kind": "admin#directory#user",
            "id": user.id,
            "etag": f'"{user.id}"',
            "primaryEmail": user.email,
            "name": {
                "givenName": user.given_name,
                "familyName": user.family_name,
                "fullName": f"{user.given_name} {user.family_name}",
            },
            "isAdmin": False,
            "isDelegatedAdmin": False,
            "suspended": user.suspended,
            "archived": user.archived,
            "emails": [
                {"address": user.email, "primary": True},
                *({"address": alias} for alias in user.aliases),
            ],
            "customerId": "C00sandbox",
            "orgUnitPath": "/",
            "isMailboxSetup": True,
        }
        if user.aliases:
            resource["aliases"] = list(user.aliases)
        if user.suspended:
            resource["suspensionReason"] = "ADMIN"
        if user.managers:
            resource["relations"] = [{"value": each, "type": "manager"} for each in user.managers]
        return resource


def member_body(request: Request) -> dict[str, Any]:
    """The member that members.insert was sent. Raises 400 as Google does for no body or no JSON."""
    if not request.get_data():
        raise DirectoryError(400, "required", "Missing required field: member")
    try:
        sent = json.loads(request.get_data())
    except ValueError as error:
        raise DirectoryError(400, "parseError", "Parse Error") from error
    if not isinstance(sent, dict):
        raise DirectoryError(400, "parseError", "Parse Error")
    return sent


def _key(email: str) -> str:
    return email.casefold()


def _in_domain(email: str, domain: str | None) -> bool:
    return domain is None or email.casefold().endswith("@" + domain.casefold())


def _page(
    items: Sequence[tuple[str, dict[str, Any]]], request: Request, *, default: int, most: int
) -> tuple[list[dict[str, Any]], str | None]:
    """One page of `(sort key, resource)` pairs in key order; the token says after which key to go on.

    A key and not a position: members that come or go between two pages neither hide nor repeat others.
    """
    try:
        size = int(request.args.get("maxResults", default))
    except ValueError as error:
        raise invalid("maxResults") from error
    if not 1 <= size <= most:
        raise invalid("maxResults")
    after = _read_token(request.args.get("pageToken"))
    rest = [(key, resource) for key, resource in items if after is None or key > after]
    page = [resource for _, resource in rest[:size]]
    return page, _make_token(rest[size - 1][0]) if len(rest) > size else None


def _make_token(key: str) -> str:
    return urlsafe_b64encode((_KEPT_PREFIX + key).encode()).decode()


def _read_token(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        text = urlsafe_b64decode(token).decode()
    except (Base64Error, UnicodeDecodeError) as error:
        raise invalid("pageToken") from error
    if not text.startswith(_KEPT_PREFIX):
        raise invalid("pageToken")
    return text.removeprefix(_KEPT_PREFIX)


def _listing(kind: str, name: str, page: list[dict[str, Any]], more: str | None) -> dict[str, Any]:
    """Google leaves the list out altogether when it is empty, and the token on the last page."""
    body: dict[str, Any] = {"kind": kind, "etag": '"listing"'}
    if page:
        body[name] = page
    if more is not None:
        body["nextPageToken"] = more
    return body


def _user_query(query: str) -> Callable[[User], bool]:
    """The searches in use: `email:x*`, `email=x`, `isSuspended=true`; others are refused, not guessed."""
    if not query:
        return lambda _user: True
    for operator in ("=", ":"):
        field, found, value = query.partition(operator)
        if not found:
            continue
        value = value.strip("'\" ").casefold()
        if field == "email" and value.endswith("*"):
            return lambda user: any(_key(each).startswith(value[:-1]) for each in (user.email, *user.aliases))
        if field == "email":
            return lambda user: value in {_key(each) for each in (user.email, *user.aliases)}
        if field in {"isSuspended", "isArchived"} and value in {"true", "false"}:
            attribute = "suspended" if field == "isSuspended" else "archived"
            return lambda user: getattr(user, attribute) is (value == "true")
    raise invalid("query")
