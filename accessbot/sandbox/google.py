"""A stand-in for Google Workspace's Directory API and the expiry of Cloud Identity, strict where the real ones are.

It speaks HTTP on a free loopback port, so that the real client library runs against it:

    with Google() as google:
        google.directory.add_user("ada@example.com")
        build("admin", "directory_v1", http=httplib2.Http(), client_options={"api_endpoint": google.url})

Any number of them live side by side in one process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from accessbot.sandbox.faults import Faults
from accessbot.sandbox.google_app import Operations, member_body, route, write_error, write_refusal
from accessbot.sandbox.google_identity import Identity
from accessbot.sandbox.google_model import DirectoryError
from accessbot.sandbox.google_state import Directory
from accessbot.sandbox.loopback import ConnectionDropped, LoopbackServer

if TYPE_CHECKING:
    from types import TracebackType

    from werkzeug.wrappers import Request, Response

__all__ = ["Directory", "DirectoryError", "Google"]


class Google:
    """The two APIs of one customer, at one address.

    `token`: when set, a call without `Authorization: Bearer <token>` is refused with 401. `faults` may be shared with
    other stand-ins; its method names here are `google.members.insert`, `google.users.get` and so on.
    """

    def __init__(
        self,
        directory: Directory | None = None,
        *,
        faults: Faults | None = None,
        token: str | None = None,
        port: int = 0,
    ) -> None:
        self.directory = directory or Directory()
        self.faults = faults or Faults()
        self.token = token
        self._operations = Operations(self.directory)
        self._identity = Identity(self.directory)
        self._server = LoopbackServer(self._answer, port=port)

    @property
    def url(self) -> str:
        """Root of both APIs, without `admin/directory/v1` or `v1` and without a trailing slash."""
        return self._server.url

    def start(self) -> Self:
        """Serve; after a stop it comes back at the same address with the same directory."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Refuse connections, end those that are open and let go of calls that hang."""
        self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answer(self, request: Request) -> Response:
        try:
            method, path = route(request)
        except DirectoryError as error:
            return write_error(error)
        name = f"google.{method}"
        call = self.directory.journal.arrived(name, path.get("group", ""), self._member(method, path, request))
        try:
            response = self.faults.around(
                name, lambda: self._authorised(method, path, request), write_refusal, self._server.stopping
            )
        except ConnectionDropped:
            call.status = 0
            raise
        call.status = response.status_code
        return response

    def _authorised(self, method: str, path: dict[str, str], request: Request) -> Response:
        presented = request.headers.get("Authorization")
        if self.token is not None and presented is None:
            message = (
                "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie "
                "or other valid authentication credential."
            )
            return write_error(DirectoryError(401, "required", message))
        if self.token is not None and presented != f"Bearer {self.token}":
            return write_error(DirectoryError(401, "authError", "Invalid Credentials"))
        if method in self._identity.methods:
            return self._identity.run(method, path, request)
        return self._operations.run(method, path, request)

    @staticmethod
    def _member(method: str, path: dict[str, str], request: Request) -> str:
        if method != "members.insert":
            return path.get("member", path.get("user", ""))
        try:
            sent = member_body(request)
        except DirectoryError:
            return ""  # the operation itself says what is wrong with it
        return str(sent.get("email") or sent.get("id") or "")
